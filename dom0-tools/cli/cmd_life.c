// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_life.c: the commands that stop and end guests, and let them go on; console.
 */
#include "cli.h"

#include <clock.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- commands on one or more domains -------------------------------------------------------- */

typedef int each_fn(struct cli *c, const struct xen_domctl_getdomaininfo *info);

/* Goes on after a failure: one wrong name must not keep the others from being done. */
static int for_each_arg(struct cli *c, int argc, char **argv, each_fn *fn)
{
    struct xen_domctl_getdomaininfo info;
    int rc = 0;

    if (argc < 2)
        return cli_usage(c, "%s needs a domain", argv[0]);
    if (cli_open_partly(c))
        return CLI_FAILED;
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
    if (cli_open_partly(c))
        return CLI_FAILED;
    for (int i = 1; i < argc; i++) {
        int err = 0;

        if (!domain_find(&c->lodge, argv[i], &info))
            err = destroy_one(c, &info);
        else if (!intent_named(&c->lodge, argv[i], NULL, uuid) ||
                 intent_destroy(&c->lodge, uuid, -1))
            err = cli_failed(c);
        if (!err)
            cli_say(c, "destroyed '%s'", argv[i]);
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
            continue; /* xl's: by ACPI where the guest has no such driver; here all have one */
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
 * A guest that is just being restarted cannot be asked to shut down, and has been down already: it
 * is not started again. 0: it is not, or has a domain that runs; negative: that failed.
 */
static int called_off(struct cli *c, const char *who, struct xen_domctl_getdomaininfo *info)
{
    int off;

    if (!domain_find(&c->lodge, who, info) && !(info->flags & XEN_DOMINF_shutdown))
        return 0;
    off = intent_call_off(&c->lodge, who);
    if (off > 0)
        cli_say(c, "'%s' was just being restarted; it is not started again", who);
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
    /* First: what comes of one that is just being restarted is among the others then. */
    if (o->all && o->for_good && intent_call_off(&c->lodge, NULL) < 0)
        cli_failed(c);
    if (o->all) {
        n = domain_list(&c->lodge, out);
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
        store_receive(c->lodge.store); /* that there was an event is all that matters */
        if (store_is_dead(c->lodge.store))
            pfd.fd = -1; /* the time-out of poll() goes on looking */
    }
    if (isatty(STDERR_FILENO))
        fputs("\rall are down         \n", stderr);
    return 0;
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
            char *name = domain_name(&c->lodge, info[i].domain);

            cli_say(c, "asked '%s' to %s", name, said);
            free(name);
            info[asked++] = info[i];
        }
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
    return bring_down(c, argc, argv, "poweroff", "shut down");
}

int cmd_reboot(struct cli *c, int argc, char **argv)
{
    return bring_down(c, argc, argv, "reboot", "reboot");
}

/* A PV guest has one console: what names another is refused, and not taken for it. */
static int console_options(struct cli *c, int argc, char **argv)
{
    static const struct option longopts[] = {{"num", required_argument, NULL, 'n'},
                                             {"type", required_argument, NULL, 't'},
                                             {NULL, 0, NULL, 0}};
    uint64_t number;
    int opt;

    while ((opt = getopt_long(argc, argv, ":n:t:", longopts, NULL)) != -1) {
        if (opt != 'n' && opt != 't')
            return cli_bad_option(c, argv, opt);
        if (opt == 'n' && !cli_number(optarg, 0, 0, &number))
            return cli_usage(c, "there is no console %s: a guest has one, number 0", optarg);
        if (opt == 't' && strcmp(optarg, "pv"))
            return cli_usage(c, "there is no console of type '%s': a guest has one of type pv",
                             optarg);
    }
    return argc == optind + 1 ? 0 : cli_usage(c, "console needs one domain");
}

int cmd_console(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    int fd, rc = console_options(c, argc, argv);

    if (!rc)
        rc = cli_domain(c, argv[optind], &info);
    if (rc)
        return rc;
    if (!info.domain)
        return cli_error(c, "domain 0 has no console here; it is the one this runs on");
    if (console_connect(&c->lodge, info.domain, &fd))
        return cli_failed(c);
    return console_run(fd);
}
