// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_life.c: the commands that begin and end guests.
 */
#include "cli.h"

#include <clock.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <builder/builder.h>

/* --- create -------------------------------------------------------------------------------- */

struct create_opts {
    bool console, paused, dry_run;
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
        {"defconfig", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, ":cpnf:", longopts, NULL)) != -1) {
        if (opt == 'c')
            o->console = true;
        else if (opt == 'p')
            o->paused = true;
        else if (opt == 'n')
            o->dry_run = true;
        else if (opt == 'f')
            o->file = optarg;
        else
            return cli_bad_option(c, argv, opt);
    }
    return 0;
}

/* The file first, then the overrides in their order. */
static int read_config(struct cli *c, const struct create_opts *o, char **args, int nr,
                       struct domcfg *dc)
{
    struct cfg cfg;
    char err[512] = "";
    int rc = 0;

    cfg_init(&cfg);
    if (o->file)
        rc = cfg_parse_file(&cfg, o->file);
    for (int i = 0; i < nr && !rc; i++)
        rc = cfg_parse_override(&cfg, args[i]);
    if (rc) {
        cli_error(c, "%s", cfg.error);
    } else {
        rc = domcfg_from_cfg(dc, &cfg, print_warning, c, err, sizeof(err));
        if (rc && o->file && strncmp(err, o->file, strlen(o->file)) && err[0] == 't')
            cli_error(c, "%s: %s", o->file, err);
        else if (rc)
            cli_error(c, "%s", err);
    }
    cfg_free(&cfg);
    return rc ? CLI_FAILED : 0;
}

/* Checks all that can be checked without the hypervisor: it need not run here. */
static int dry_run(struct cli *c, const struct domcfg *dc)
{
    char guest_os[BUILDER_GUEST_OS];
    struct builder_config bc;
    struct json_object *js;

    settings_for_builder(dc, &bc);
    if (builder_check(&c->lodge.ctl, &bc, guest_os))
        return cli_error(c, "%s", ctl_message(&c->lodge.ctl));
    js = domcfg_to_json(dc);
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
    rc = domain_create(&c->lodge, dc, 0, &domid);
    if (!rc && interrupted()) {
        domain_destroy(&c->lodge, domid);
        rc = domain_fail(&c->lodge, EINTR, "interrupted; nothing was created");
    }
    if (!rc && o->console)
        rc = console_connect(&c->lodge, domid, &console);
    if (!rc && !o->paused) {
        rc = domain_start(&c->lodge, dc, domid);
        if (rc)
            domain_undo(&c->lodge, dc, domid);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (rc)
        return cli_failed(c);
    if (c->json) {
        struct json_object *js = json_object_new_object();

        cli_json_str(js, "name", dc->name);
        cli_json_num(js, "domid", domid);
        cli_print_json(js);
    } else {
        printf("created '%s' as domain %u%s\n", dc->name, domid, o->paused ? ", paused" : "");
    }
    fflush(stdout);
    return console >= 0 ? console_run(console) : 0;
}

int cmd_create(struct cli *c, int argc, char **argv)
{
    struct create_opts o = {0};
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
    rc = read_config(c, &o, argv, argc, &dc);
    if (!rc && o.dry_run)
        rc = dry_run(c, &dc);
    else if (!rc) {
        rc = cli_open(c);
        if (!rc) {
            daemon_ensure(&c->lodge, "lodge-consoled");
            /* A monitor that was running has kept the index in step with guests made by others. */
            c->lodge.scan_names = !daemon_ensure(&c->lodge, "lodge-monitor");
            rc = start_guest(c, &o, &dc);
        }
    }
    domcfg_free(&dc);
    return rc;
}

/* --- commands on one or more domains -------------------------------------------------------- */

typedef int each_fn(struct cli *c, const struct xen_domctl_getdomaininfo *info);

/* Goes on after a failure: one wrong name must not keep the others from being done. */
static int for_each_arg(struct cli *c, int argc, char **argv, each_fn *fn)
{
    struct xen_domctl_getdomaininfo info;
    int rc = 0;

    if (argc < 2)
        return cli_usage(c, "%s needs a domain", argv[0]);
    for (int i = 1; i < argc; i++) {
        int err = cli_domain(c, argv[i], &info);

        if (!err)
            err = fn(c, &info);
        rc = rc ? rc : err;
    }
    return rc;
}

static int ctl_status(struct cli *c, int rc)
{
    return rc < 0 ? cli_error(c, "%s", ctl_message(&c->lodge.ctl)) : 0;
}

static int destroy_one(struct cli *c, const struct xen_domctl_getdomaininfo *info)
{
    int rc = info->domain ? intent_destroy(&c->lodge, info->handle, info->domain)
                          : domain_destroy(&c->lodge, 0); /* which says why not */

    return rc ? cli_failed(c) : 0;
}

/* Also a guest that has no domain just now, since it is being restarted. */
int cmd_destroy(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    uint8_t uuid[16];
    int rc = 0;

    if (argc < 2)
        return cli_usage(c, "%s needs a domain", argv[0]);
    if (cli_open(c))
        return CLI_FAILED;
    for (int i = 1; i < argc; i++) {
        int err = 0;

        if (!domain_find(&c->lodge, argv[i], &info))
            err = destroy_one(c, &info);
        else if (!intent_named(&c->lodge, argv[i], NULL, uuid) ||
                 intent_destroy(&c->lodge, uuid, -1))
            err = cli_failed(c);
        rc = rc ? rc : err;
    }
    return rc;
}

static int pause_one(struct cli *c, const struct xen_domctl_getdomaininfo *info)
{
    if (!info->domain)
        return cli_error(c, "domain 0 runs these tools and cannot be paused");
    return ctl_status(c, ctl_domain_pause(&c->lodge.ctl, info->domain));
}

int cmd_pause(struct cli *c, int argc, char **argv)
{
    return for_each_arg(c, argc, argv, pause_one);
}

static int unpause_one(struct cli *c, const struct xen_domctl_getdomaininfo *info)
{
    if (!(info->flags & XEN_DOMINF_paused))
        return cli_error(c, "domain %u is not paused", info->domain);
    return ctl_status(c, ctl_domain_unpause(&c->lodge.ctl, info->domain));
}

int cmd_unpause(struct cli *c, int argc, char **argv)
{
    return for_each_arg(c, argc, argv, unpause_one);
}

/* --- shutdown and reboot ------------------------------------------------------------------- */

struct down_opts {
    bool all, wait;
    uint64_t timeout; /* seconds; 0: none */
};

static int down_options(struct cli *c, int argc, char **argv, struct down_opts *o)
{
    static const struct option longopts[] = {{"all", no_argument, NULL, 'a'},
                                             {"wait", no_argument, NULL, 'w'},
                                             {"timeout", required_argument, NULL, 't'},
                                             {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, ":awt:", longopts, NULL)) != -1) {
        if (opt == 'a')
            o->all = true;
        else if (opt == 'w')
            o->wait = true;
        else if (opt != 't')
            return cli_bad_option(c, argv, opt);
        else if (!cli_number(optarg, 1, 1000000, &o->timeout))
            return cli_usage(c, "'%s' is not a number of seconds", optarg);
    }
    if (o->all == (argc > optind))
        return cli_usage(c, "%s needs a domain, or -a for all guests", argv[0]);
    return 0;
}

/* Those that the arguments name, or all guests; malloc'ed. Returns the exit status. */
static int down_targets(struct cli *c, const struct down_opts *o, char **names, int nr_names,
                        struct xen_domctl_getdomaininfo **out, unsigned *nr)
{
    struct xen_domctl_getdomaininfo *list;
    int n, rc = 0;

    if (cli_open(c))
        return CLI_FAILED;
    *nr = 0;
    if (o->all) {
        n = domain_list(&c->lodge, out);
        for (int i = 0; i < n; i++)
            if ((*out)[i].domain)
                (*out)[(*nr)++] = (*out)[i];
        return n < 0 ? cli_failed(c) : 0;
    }
    list = calloc((size_t)nr_names, sizeof(*list));
    for (int i = 0; i < nr_names && list && !rc; i++) {
        rc = cli_domain(c, names[i], &list[*nr]);
        if (!rc && !list[*nr].domain)
            rc = cli_error(c, "domain 0 is shut down by its own command, not from here");
        *nr += !rc;
    }
    *out = list;
    return list ? rc : CLI_FAILED;
}

static int request(struct cli *c, const struct xen_domctl_getdomaininfo *info, const char *what)
{
    char *node;

    if (info->flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying))
        return cli_error(c, "domain %u is down already", info->domain);
    if (info->flags & XEN_DOMINF_paused)
        return cli_error(c, "domain %u is paused and cannot answer; unpause it first",
                         info->domain);
    node = store_get(c->lodge.store, store_fmt("/local/domain/%u/control/shutdown", info->domain));
    if (!node)
        return cli_error(c, "domain %u has no control/shutdown node; end it with: lodge destroy %u",
                         info->domain, info->domain);
    free(node);
    store_write(c->lodge.store, store_fmt("/local/domain/%u/control/shutdown", info->domain), what);
    if (store_flush(c->lodge.store))
        return cli_error(c, "%s", store_message(c->lodge.store));
    return 0;
}

/* How many are still up; a preserved domain counts as down. */
static unsigned still_up(struct cli *c, struct xen_domctl_getdomaininfo *info, unsigned nr)
{
    unsigned left = 0;

    for (unsigned i = 0; i < nr; i++) {
        struct xen_domctl_getdomaininfo now;

        if (!ctl_domain_info(&c->lodge.ctl, info[i].domain, &now) &&
            !(now.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown)) &&
            !memcmp(now.handle, info[i].handle, sizeof(now.handle)))
            info[left++] = info[i];
    }
    return left;
}

static int wait_down(struct cli *c, struct xen_domctl_getdomaininfo *info, unsigned nr,
                     uint64_t timeout)
{
    struct pollfd pfd = {.fd = store_fd(c->lodge.store), .events = POLLIN};
    int64_t end = now_ms() + (int64_t)timeout * 1000;
    char *path, *token;

    if (store_watch(c->lodge.store, "@releaseDomain", "wait"))
        return cli_error(c, "%s", store_message(c->lodge.store));
    while ((nr = still_up(c, info, nr))) {
        if (timeout && now_ms() >= end)
            return cli_error(c,
                             "domain %u is still up after %llu seconds; `lodge destroy %u` ends "
                             "it without its help",
                             info[0].domain, (unsigned long long)timeout, info[0].domain);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\rwaiting for %u domain%s ", nr, nr > 1 ? "s" : "");
        poll(&pfd, 1, 1000);
        while (store_event(c->lodge.store, &path, &token)) {
            free(path);
            free(token);
        }
        if (store_is_dead(c->lodge.store))
            pfd.fd = -1; /* the time-out of poll() goes on looking */
    }
    if (isatty(STDERR_FILENO))
        fputs("\rall are down         \n", stderr);
    return 0;
}

static int bring_down(struct cli *c, int argc, char **argv, const char *what)
{
    struct xen_domctl_getdomaininfo *info = NULL;
    struct down_opts o = {0};
    unsigned nr = 0, asked = 0;
    int rc = down_options(c, argc, argv, &o);

    if (rc)
        return rc;
    rc = down_targets(c, &o, argv + optind, argc - optind, &info, &nr);
    for (unsigned i = 0; i < nr && !(rc && !o.all); i++) {
        int err = request(c, &info[i], what);

        if (!err)
            info[asked++] = info[i];
        rc = rc ? rc : err;
    }
    if (asked && o.wait) {
        int err = wait_down(c, info, asked, o.timeout);

        rc = rc ? rc : err;
    }
    free(info);
    return rc;
}

int cmd_shutdown(struct cli *c, int argc, char **argv)
{
    return bring_down(c, argc, argv, "poweroff");
}

int cmd_reboot(struct cli *c, int argc, char **argv)
{
    return bring_down(c, argc, argv, "reboot");
}

int cmd_console(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    int fd, rc;

    if (argc != 2)
        return cli_usage(c, "console needs one domain");
    rc = cli_domain(c, argv[1], &info);
    if (rc)
        return rc;
    if (!info.domain)
        return cli_error(c, "domain 0 has no console here; it is the one this runs on");
    if (console_connect(&c->lodge, info.domain, &fd))
        return cli_failed(c);
    return console_run(fd);
}
