// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_life.c: the commands that end guests, stop them and let them go on; console.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

/* --- commands on one or more domains -------------------------------------------------------- */

typedef int each_fn(struct cli *c, const char *who);

/* Goes on after a failure: one wrong name must not keep the others from being done. */
static int for_each_arg(struct cli *c, int argc, char **argv, each_fn *fn)
{
    int rc = 0;

    if (argc < 2)
        return cli_usage(c, "%s needs a domain", argv[0]);
    if (cli_open_partly(c))
        return CLI_FAILED;
    for (int i = 1; i < argc; i++) {
        int err = fn(c, argv[i]);

        rc = rc ? rc : err;
    }
    return rc;
}

/*
 * Also a guest that has no domain just now, since it is being restarted, and what is left of one
 * whose domain is gone.
 */
static int destroy_one(struct cli *c, const char *who)
{
    struct xen_domctl_getdomaininfo info;
    uint8_t uuid[16];
    int rc = lodge_domain_find(&c->lodge, who, &info);

    if (!rc && !info.domain)
        rc = lodge_domain_destroy(&c->lodge, 0); /* which says why not */
    else if (!rc)
        rc = lodge_intent_destroy(&c->lodge, info.handle, info.domain);
    else if (lodge_intent_named(&c->lodge, who, NULL, uuid))
        rc = lodge_intent_destroy(&c->lodge, uuid, -1);
    else if (rc == -ESRCH)
        rc = lodge_domain_remove_left(&c->lodge, who);
    if (rc)
        return cli_failed(c);
    cli_say(c, "destroyed '%s'", who);
    return 0;
}

int cmd_destroy(struct cli *c, int argc, char **argv)
{
    return for_each_arg(c, argc, argv, destroy_one);
}

static int pause_one(struct cli *c, const char *who)
{
    struct xen_domctl_getdomaininfo info;
    int rc = cli_domain(c, who, &info);

    if (rc)
        return rc;
    if (!info.domain)
        return cli_error(c, "domain 0 runs these tools and cannot be paused");
    return cli_ctl_status(c, ctl_domain_pause(&c->lodge.ctl, info.domain));
}

int cmd_pause(struct cli *c, int argc, char **argv)
{
    return for_each_arg(c, argc, argv, pause_one);
}

static int unpause_one(struct cli *c, const char *who)
{
    struct xen_domctl_getdomaininfo info;
    int rc = cli_domain(c, who, &info);

    if (rc)
        return rc;
    if (!(info.flags & XEN_DOMINF_paused))
        return cli_error(c, "domain %u is not paused", info.domain);
    return cli_ctl_status(c, ctl_domain_unpause(&c->lodge.ctl, info.domain));
}

int cmd_unpause(struct cli *c, int argc, char **argv)
{
    return for_each_arg(c, argc, argv, unpause_one);
}

/* --- console ------------------------------------------------------------------------------- */

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
