// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_create.c: the commands that read a guest's config: create and config-update.
 */
#include "cli.h"

#include <errno.h>
#include <libdaemon/libdaemon.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <builder/builder.h>

struct create_opts {
    bool console, paused, dry_run, quiet, foreground;
    const char *file;
};

static void print_warning(void *arg, const char *msg)
{
    cli_warn(arg, "%s", msg);
}

static int create_options(struct cli *c, int argc, char **argv, struct create_opts *o)
{
    static const struct option longopts[] = {
        {"console", no_argument, NULL, 'c'},         {"paused", no_argument, NULL, 'p'},
        {"dry-run", no_argument, NULL, 'n'},         {"dryrun", no_argument, NULL, 'n'},
        {"quiet", no_argument, NULL, 'q'},           {"foreground", no_argument, NULL, 'F'},
        {"defconfig", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, ":cpnqFf:", longopts, NULL)) != -1) {
        if (opt == 'c')
            o->console = true;
        else if (opt == 'p')
            o->paused = true;
        else if (opt == 'n')
            o->dry_run = true;
        else if (opt == 'q')
            o->quiet = true;
        else if (opt == 'F')
            o->foreground = true;
        else if (opt == 'f')
            o->file = optarg;
        else
            return cli_bad_option(c, argv, opt);
    }
    return 0;
}

/* The file first, then the overrides in their order. */
static int read_config(struct cli *c, const char *file, char **args, int nr, struct domcfg *dc)
{
    struct cfg cfg;
    char err[512] = "";
    int rc = 0;

    lodge_cfg_init(&cfg);
    if (file)
        rc = lodge_cfg_parse_file(&cfg, file);
    for (int i = 0; i < nr && !rc; i++)
        rc = lodge_cfg_parse_override(&cfg, args[i]);
    if (rc) {
        cli_error(c, "%s", cfg.error);
    } else {
        rc = lodge_domcfg_from_cfg(dc, &cfg, print_warning, c, err, sizeof(err));
        if (rc && file && strncmp(err, file, strlen(file)) && err[0] == 't')
            cli_error(c, "%s: %s", file, err);
        else if (rc)
            cli_error(c, "%s", err);
    }
    lodge_cfg_free(&cfg);
    return rc ? CLI_FAILED : 0;
}

/*
 * Checks all that can be checked without making the guest: the kernel, and what a hypervisor would
 * refuse, if one runs, which need not be.
 */
static int check_config(struct cli *c, const struct domcfg *dc, char guest_os[BUILDER_GUEST_OS])
{
    struct builder_config bc;

    c->is_open = c->is_open || !lodge_open_partly(&c->lodge);
    if (c->is_open && lodge_settings_check(&c->lodge, dc))
        return cli_failed(c);

    lodge_settings_for_builder(dc, &bc);
    if (builder_check(&c->lodge.ctl, &bc, guest_os))
        return cli_error(c, "%s", ctl_message(&c->lodge.ctl));
    return 0;
}

static int dry_run(struct cli *c, const struct domcfg *dc)
{
    char guest_os[BUILDER_GUEST_OS];
    struct json_object *js;
    int rc = check_config(c, dc, guest_os);

    if (rc)
        return rc;
    js = lodge_domcfg_to_json(dc);
    if (!dc->has_uuid)
        json_object_object_del(js, "uuid"); /* it is chosen at creation */
    cli_json_str(js, "guest_os", guest_os);
    cli_print_json(js);
    return 0;
}

/* After a Ctrl-C that came while the guest was being made. */
static bool interrupted(void)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
           sigismember(&pending, SIGHUP);
}

/*
 * True if the guest has a domain that will go on, or if somebody is about to make one. The domains
 * are looked at last: one may come into being while the rest is looked at.
 */
static bool goes_on(struct cli *c, const struct domcfg *dc)
{
    struct xen_domctl_getdomaininfo *list;
    bool there, found;
    int nr;

    found = lodge_intent_held(&c->lodge, dc->uuid, &there) || there;
    nr = lodge_domain_list(&c->lodge, &list);
    for (int i = 0; i < nr && !found; i++) {
        int event = list[i].flags & XEN_DOMINF_shutdown
                        ? lodge_domcfg_event(list[i].flags >> XEN_DOMINF_shutdownshift &
                                             XEN_DOMINF_shutdownmask)
                        : -1;

        found = !memcmp(list[i].handle, dc->uuid, sizeof(dc->uuid)) &&
                !(list[i].flags & XEN_DOMINF_dying) && (event < 0 || dc->on[event] != ON_PRESERVE);
    }
    if (nr >= 0)
        free(list);
    return found;
}

/* Until the guest is gone for good, or stays down: restarts in between are part of its life. */
static int stay(struct cli *c, const struct domcfg *dc)
{
    struct pollfd pfd = {.fd = store_fd(c->lodge.store), .events = POLLIN};

    if (store_watch(c->lodge.store, "@releaseDomain", "stay"))
        return cli_error(c, "%s", store_message(c->lodge.store));
    while (goes_on(c, dc)) {
        poll(&pfd, 1, 1000);
        store_receive(c->lodge.store); /* that there was an event is all that matters */
        if (store_is_dead(c->lodge.store))
            pfd.fd = -1; /* the time-out of poll() goes on looking */
    }
    return 0;
}

static int start_guest(struct cli *c, const struct create_opts *o, struct domcfg *dc)
{
    sigset_t hold, old;
    uint16_t domid = 0;
    int console = -1, rc;

    sigemptyset(&hold);
    sigaddset(&hold, SIGINT);
    sigaddset(&hold, SIGTERM);
    sigaddset(&hold, SIGHUP);
    sigprocmask(SIG_BLOCK, &hold, &old);
    rc = lodge_domain_create(&c->lodge, dc, 0, &domid);
    if (!rc && interrupted()) {
        lodge_domain_destroy(&c->lodge, domid);
        rc = lodge_fail(&c->lodge, EINTR, "interrupted; nothing was created");
    }
    if (!rc && o->console)
        rc = console_connect(&c->lodge, domid, &console);
    if (!rc && !o->paused) {
        rc = lodge_domain_start(&c->lodge, dc, domid);
        if (rc)
            lodge_domain_undo(&c->lodge, dc, domid);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (rc)
        return cli_failed(c);
    if (c->json) {
        struct json_object *js = json_object_new_object();

        cli_json_str(js, "name", dc->name);
        cli_json_num(js, "domid", domid);
        cli_print_json(js);
    } else if (!o->quiet) {
        printf("created '%s' as domain %u%s\n", dc->name, domid, o->paused ? ", paused" : "");
    }
    fflush(stdout);
    rc = console >= 0 ? console_run(console) : 0;
    return rc || !o->foreground ? rc : stay(c, dc);
}

int cmd_create(struct cli *c, int argc, char **argv)
{
    struct create_opts o = {.dry_run = c->dry_run};
    struct domcfg dc = {0};
    int rc = create_options(c, argc, argv, &o);

    if (rc)
        return rc;
    argv += optind;
    argc -= optind;
    if (!o.file && argc && (!strchr(argv[0], '=') || !access(argv[0], R_OK))) {
        o.file = argv[0];
        argv++;
        argc--;
    }
    if (!o.file && !argc)
        return cli_usage(c, "create needs a config file, or settings");
    rc = read_config(c, o.file, argv, argc, &dc);
    if (!rc)
        cli_verbose(c, "%s: %u vcpus, %llu MiB, %u disks, %u interfaces, kernel %s", dc.name,
                    dc.vcpus, (unsigned long long)dc.memory_mib, dc.devices[DEVICE_DISK].nr,
                    dc.devices[DEVICE_VIF].nr, dc.kernel);
    if (!rc && o.dry_run)
        rc = dry_run(c, &dc);
    else if (!rc) {
        rc = cli_open(c);
        if (!rc) {
            daemon_ensure(c->lodge.run_dir, "lodge-consoled");
            /* A monitor that was running has kept the index in step with guests made by others. */
            c->lodge.scan_names = !daemon_ensure(c->lodge.run_dir, "lodge-monitor");
            rc = start_guest(c, &o, &dc);
        }
    }
    lodge_domcfg_free(&dc);
    return rc;
}

/* --- config-update -------------------------------------------------------------------------- */

/* The guest stays who it is: its uuid is that of its domain, and its name the one in use. */
static int same_guest(struct cli *c, const struct domcfg *now, const struct domcfg *dc)
{
    if (strcmp(now->name, dc->name))
        return cli_error(c,
                         "'%s' cannot become '%s' by its config: add name=%s behind the file, or "
                         "first call: lodge rename %s %s",
                         now->name, dc->name, now->name, now->name, dc->name);
    if (dc->has_uuid && memcmp(dc->uuid, now->uuid, sizeof(dc->uuid)))
        return cli_error(c, "the config has another uuid than '%s'; leave uuid out", dc->name);
    return 0;
}

struct update {
    struct cli *c;
    struct domcfg *fresh;
    bool done;
};

/* Looks again, with the lock held: a rename that was waited for has been done by now. */
static void take_config(struct domcfg *dc, void *arg)
{
    struct update *u = arg;
    struct domcfg old = *dc, *fresh = u->fresh;

    u->done = !same_guest(u->c, dc, fresh);
    if (!u->done)
        return;
    memcpy(fresh->uuid, old.uuid, sizeof(fresh->uuid));
    fresh->fixed_uuid = fresh->has_uuid || old.fixed_uuid;
    fresh->has_uuid = true;
    *dc = *fresh;
    *fresh = old;
}

static int update(struct cli *c, const struct xen_domctl_getdomaininfo *info, struct domcfg *dc)
{
    struct update u = {.c = c, .fresh = dc};
    struct saved saved;
    int rc;

    if (lodge_saved_read(&c->lodge, info->handle, &saved))
        return cli_error(c, "domain %u has no saved config: it was not made by these tools",
                         info->domain);
    rc = same_guest(c, &saved.config, dc);
    lodge_saved_free(&saved);
    if (rc)
        return rc;
    if (lodge_saved_change(&c->lodge, info->handle, take_config, &u))
        return cli_failed(c);
    if (!u.done)
        return CLI_FAILED;
    cli_say(c, "the new config has an effect when the guest starts again");
    return 0;
}

int cmd_config_update(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    char guest_os[BUILDER_GUEST_OS];
    struct domcfg dc = {0};
    int rc;

    if (argc < 3)
        return cli_usage(c, "config-update needs a domain and a config file");
    rc = cli_domain(c, argv[1], &info);
    if (!rc)
        rc = read_config(c, argv[2], argv + 3, argc - 3, &dc);
    if (!rc) /* later, a mistake would show only when the guest is gone already */
        rc = check_config(c, &dc, guest_os);
    if (!rc)
        rc = update(c, &info, &dc);
    lodge_domcfg_free(&dc);
    return rc;
}
