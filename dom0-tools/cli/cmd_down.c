// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_down.c: shutdown and reboot, which ask a guest's kernel, and wait if they are told to.
 *
 * A guest that is down is not over: the monitor takes it away, or starts it again. Whoever waits
 * wants to go on with its name and its disks, so that is what is waited for.
 */
#include "cli.h"
#include <must.h>

#include <clock.h>
#include <getopt.h>
#include <libdaemon/libdaemon.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct down_opts {
    bool all, wait;
    bool for_good;    /* shutdown: not reboot */
    uint64_t timeout; /* seconds; 0: none */
};

static int down_options(struct cli *c, int argc, char **argv, struct down_opts *o)
{
    static const struct option longopts[] = {{"all", no_argument, NULL, 'a'},
                                             {"wait", no_argument, NULL, 'w'},
                                             {"timeout", required_argument, NULL, 't'},
                                             {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, ":aFwt:", longopts, NULL)) != -1) {
        if (opt == 'F')
            continue; /* xl's: by ACPI, where the guest has no driver that can be asked */
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

/*
 * A guest that is just being restarted has gone down already, and has no domain that could be asked
 * to. Calls its restart off, and returns how many that were. 0: the guest is not being restarted,
 * or has a domain that runs. Negative: that failed.
 */
static int called_off(struct cli *c, const char *who, struct xen_domctl_getdomaininfo *info)
{
    int off;

    if (!lodge_domain_find(&c->lodge, who, info) && !(info->flags & XEN_DOMINF_shutdown))
        return 0;
    off = lodge_intent_call_off(&c->lodge, who);
    if (off > 0)
        cli_say(c, "'%s' was down already; it is not started again", who);
    return off;
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
    /* This comes first: a guest that is just being restarted is among the others afterwards. */
    if (o->all && o->for_good && lodge_intent_call_off(&c->lodge, NULL) < 0)
        cli_failed(c);
    if (o->all) {
        n = lodge_domain_list(&c->lodge, out);
        for (int i = 0; i < n; i++)
            if ((*out)[i].domain)
                (*out)[(*nr)++] = (*out)[i];
        return n < 0 ? cli_failed(c) : 0;
    }
    list = calloc((size_t)nr_names, sizeof(*list));
    for (int i = 0; i < nr_names && list && !rc; i++) {
        int off = o->for_good ? called_off(c, names[i], &list[*nr]) : 0;

        if (off) {
            rc = off < 0 ? cli_failed(c) : 0;
            continue;
        }
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

/* Whether nobody takes away a guest that is down: its config says so, or it is not one of ours. */
static bool stays_down(struct cli *c, const struct xen_domctl_getdomaininfo *info)
{
    int event =
        lodge_domcfg_event(info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
    struct saved saved;
    bool stays;

    if (event < 0 || lodge_saved_read(&c->lodge, info->handle, &saved))
        return true;
    stays = saved.config.on[event] == ON_PRESERVE;
    lodge_saved_free(&saved);
    return stays;
}

/*
 * True until the domain is gone and its name is not its own any more, or until it is down and stays
 * so.
 */
static bool goes_on(struct cli *c, const struct xen_domctl_getdomaininfo *info, const char *name)
{
    struct xen_domctl_getdomaininfo now;
    char *owner;
    bool there;

    if (!ctl_domain_info(&c->lodge.ctl, info->domain, &now) && !(now.flags & XEN_DOMINF_dying) &&
        !memcmp(now.handle, info->handle, sizeof(now.handle)))
        return !(now.flags & XEN_DOMINF_shutdown) || !stays_down(c, &now);
    if (lodge_intent_held(&c->lodge, info->handle, &there) || there)
        return true;
    owner = store_get(c->lodge.store, lodge_layout_name(name));
    there = owner && strtoul(owner, NULL, 10) == info->domain;
    free(owner);
    return there;
}

/* The guests that were asked, with their names: nobody could tell the name of one that is gone. */
struct down {
    struct xen_domctl_getdomaininfo *info;
    char **name;
    unsigned nr;
    unsigned said; /* a bit for each line that has been printed */
};

static void forget(struct down *d, unsigned i)
{
    free(d->name[i]);
    d->nr--;
    d->info[i] = d->info[d->nr];
    d->name[i] = d->name[d->nr];
}

static bool has_devices(struct cli *c, const struct down *d)
{
    bool found = false;

    for (unsigned i = 0; i < d->nr && !found; i++) {
        struct splitdev *dev = NULL;

        found = lodge_splitdev_list(c->lodge.store, d->info[i].domain, DEVICE_ANY, &dev) > 0;
        free(dev);
    }
    return found;
}

static void say_once(struct cli *c, struct down *d, unsigned bit, const char *text)
{
    if (!(d->said & bit))
        cli_warn(c, "%s", text);
    d->said |= bit;
}

/* Who waits is told when what has a part in it is not there. */
static void look_after_daemons(struct cli *c, struct down *d)
{
    if (store_is_dead(c->lodge.store))
        say_once(c, d, 1, "xenstored went away; start it again, or guests do not come to an end");
    if (!daemon_runs(c->lodge.run_dir, "lodge-monitor"))
        say_once(c, d, 2,
                 "lodge-monitor does not run: nobody removes a guest that is down; start it");
    if (!daemon_runs(c->lodge.run_dir, "lodge-backends") && has_devices(c, d))
        say_once(c, d, 4, "lodge-backends does not run: guests wait for their devices; start it");
}

static int wait_down(struct cli *c, struct down *d, uint64_t timeout)
{
    struct pollfd pfd = {.fd = store_fd(c->lodge.store), .events = POLLIN};
    int64_t end = now_ms() + (int64_t)timeout * 1000;
    unsigned shown = 0;

    if (store_watch(c->lodge.store, "@releaseDomain", "wait"))
        return cli_error(c, "%s", store_message(c->lodge.store));
    for (;;) {
        for (unsigned i = 0; i < d->nr;)
            if (goes_on(c, &d->info[i], d->name[i]))
                i++;
            else
                forget(d, i);
        if (!d->nr)
            break;
        look_after_daemons(c, d);
        if (timeout && now_ms() >= end)
            return cli_error(c,
                             "'%s' (domain %u) is still there after %llu seconds; `lodge destroy "
                             "%u` ends it without its help",
                             d->name[0], d->info[0].domain, (unsigned long long)timeout,
                             d->info[0].domain);
        if (isatty(STDERR_FILENO) && shown != d->nr)
            fprintf(stderr, "\rwaiting for %u domain%s ", d->nr, d->nr > 1 ? "s" : "");
        shown = d->nr;
        poll(&pfd, 1, 1000);
        store_receive(c->lodge.store); /* that there was an event is all that matters */
        if (store_is_dead(c->lodge.store))
            pfd.fd = -1; /* the time-out of poll() goes on looking */
    }
    if (isatty(STDERR_FILENO))
        fputs("\rall are down         \n", stderr);
    return 0;
}

static int wait_for(struct cli *c, struct xen_domctl_getdomaininfo *info, unsigned nr,
                    uint64_t timeout)
{
    struct down d = {.info = info, .name = must(calloc(nr, sizeof(*d.name))), .nr = nr};
    int rc;

    lodge_domain_names(&c->lodge, info, nr, d.name);
    for (unsigned i = 0; i < nr; i++)
        if (lodge_saved_exists(&c->lodge, info[i].handle)) {
            daemon_ensure(c->lodge.run_dir, "lodge-monitor");
            break;
        }
    rc = wait_down(c, &d, timeout);
    while (d.nr)
        forget(&d, 0);
    free(d.name);
    return rc;
}

/* `what` is the guest's kernel's word for it, `said` ours. */
static int bring_down(struct cli *c, int argc, char **argv, const char *what, const char *said)
{
    struct xen_domctl_getdomaininfo *info = NULL;
    struct down_opts o = {0};
    unsigned nr = 0, asked = 0;
    int rc = down_options(c, argc, argv, &o);

    if (rc)
        return rc;
    o.for_good = !strcmp(what, "poweroff");
    rc = down_targets(c, &o, argv + optind, argc - optind, &info, &nr);
    for (unsigned i = 0; i < nr && !(rc && !o.all); i++) {
        int err = request(c, &info[i], what);

        if (!err) {
            char *name = lodge_domain_name(&c->lodge, info[i].domain);

            cli_say(c, "asked '%s' to %s", name, said);
            free(name);
            info[asked++] = info[i];
        }
        rc = rc ? rc : err;
    }
    if (asked && o.wait) {
        int err = wait_for(c, info, asked, o.timeout);

        rc = rc ? rc : err;
    }
    free(info);
    return rc;
}

int cmd_shutdown(struct cli *c, int argc, char **argv)
{
    return bring_down(c, argc, argv, "poweroff", "shut down");
}

int cmd_reboot(struct cli *c, int argc, char **argv)
{
    return bring_down(c, argc, argv, "reboot", "reboot");
}
