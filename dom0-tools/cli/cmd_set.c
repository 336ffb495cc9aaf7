// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_set.c: the commands that change a living guest, and `extract-kernel`.
 */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <builder/builder.h>
#include <clock.h>

/* What domain 0 is to have at the least, and beyond what is in use there; in KiB. */
#define DOM0_LEAST (128u << 10)
#define DOM0_SPARE (64u << 10)

/*
 * What a guest is to have at the least: a kernel and a few programs, in KiB, and a part of what it
 * may have at most, since its kernel's tables are made for that.
 */
#define GUEST_LEAST  (32u << 10)
#define GUEST_TABLES 32

static int store_status(struct cli *c, int rc)
{
    return rc < 0 ? cli_error(c, "%s", store_message(c->lodge.store)) : 0;
}

int cmd_rename(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    int rc;

    if (argc != 3)
        return cli_usage(c, "rename needs a domain and its new name");
    rc = cli_domain(c, argv[1], &info);
    if (rc)
        return rc;
    if (lodge_domain_rename(&c->lodge, &info, argv[2]))
        return cli_failed(c);
    cli_say(c, "domain %u is '%s' now", info.domain, argv[2]);
    return 0;
}

/* --- waiting for a guest that follows by itself -------------------------------------------- */

struct settle {
    bool wait, force;
    uint64_t seconds;
};

/*
 * Reads -w and -t, and -f where that may be given. The two arguments behind them are then at
 * (*argv)[1], as if there were no options.
 */
static int settle_options(struct cli *c, int *argc, char ***argv, bool may_force, const char *needs,
                          struct settle *s)
{
    static const struct option longopts[] = {{"wait", no_argument, NULL, 'w'},
                                             {"timeout", required_argument, NULL, 't'},
                                             {"force", no_argument, NULL, 'f'},
                                             {NULL, 0, NULL, 0}};
    int opt;

    *s = (struct settle){.seconds = 30};
    while ((opt = getopt_long(*argc, *argv, ":wft:", longopts, NULL)) != -1) {
        if (opt == 'w')
            s->wait = true;
        else if (opt == 'f' && may_force)
            s->force = true;
        else if (opt != 't')
            return cli_bad_option(c, *argv, opt == 'f' ? '?' : opt);
        else if (!cli_number(optarg, 1, 1000000, &s->seconds))
            return cli_usage(c, "'%s' is not a number of seconds", optarg);
    }
    if (*argc - optind != 2)
        return cli_usage(c, "%s needs %s", (*argv)[0], needs);
    *argc -= optind - 1;
    *argv += optind - 1;
    return 0;
}

typedef uint64_t settle_fn(const struct xen_domctl_getdomaininfo *info);

/* Waits until the guest has what it is to have, give or take the slack: nothing tells of that. */
static int settle(struct cli *c, const struct xen_domctl_getdomaininfo *info,
                  const struct settle *s, settle_fn *now, uint64_t want, uint64_t slack,
                  const char *unit)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
    int64_t end = now_ms() + (int64_t)s->seconds * 1000;
    struct xen_domctl_getdomaininfo fresh;
    uint64_t has;

    for (;;) {
        if (ctl_domain_info(&c->lodge.ctl, info->domain, &fresh) ||
            fresh.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown))
            return cli_error(c, "domain %u went down meanwhile", info->domain);
        has = now(&fresh);
        if (has + slack >= want && want + slack >= has)
            break;
        if (now_ms() >= end)
            return cli_error(c,
                             "domain %u has %" PRIu64 " %s after %" PRIu64 " seconds, and is to "
                             "have %" PRIu64 "; it may still follow, if it has a driver for that",
                             info->domain, has, unit, s->seconds, want);
        nanosleep(&moment, NULL);
    }
    cli_say(c, "domain %u has %" PRIu64 " %s", info->domain, has, unit);
    return 0;
}

static uint64_t vcpus_of(const struct xen_domctl_getdomaininfo *info)
{
    return info->nr_online_vcpus;
}

static uint64_t mib_of(const struct xen_domctl_getdomaininfo *info)
{
    return info->tot_pages >> 8;
}

/* --- vcpus --------------------------------------------------------------------------------- */

int cmd_vcpu_set(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    struct store_transaction t = {0};
    struct settle s;
    uint64_t want;
    int rc = settle_options(c, &argc, &argv, false, "a domain and a number", &s);

    if (rc)
        return rc;
    if (!cli_number(argv[2], 1, DOMCFG_MAX_VCPUS, &want))
        return cli_usage(c, "'%s' is not a number of vcpus", argv[2]);
    rc = cli_domain(c, argv[1], &info);
    if (rc)
        return rc;
    if (want > info.max_vcpu_id + 1)
        return cli_error(c, "domain %u has %u vcpus; more need maxvcpus in its config", info.domain,
                         info.max_vcpu_id + 1);
    while (store_transact(c->lodge.store, &t))
        for (unsigned v = 0; v <= info.max_vcpu_id; v++)
            store_write(c->lodge.store,
                        store_fmt("/local/domain/%u/cpu/%u/availability", info.domain, v),
                        v < want ? "online" : "offline");
    if (t.rc || s.wait)
        return t.rc ? store_status(c, t.rc) : settle(c, &info, &s, vcpus_of, want, 0, "vcpus");
    cli_say(c, "domain %u is to use %u vcpus; `lodge vcpu-list` shows what it does", info.domain,
            (unsigned)want);
    return 0;
}

static int read_map(struct cli *c, const char *text, struct ctl_cpumap *map, bool *given)
{
    struct cpuset set;
    char err[160];

    *given = strcmp(text, "-");
    if (!*given)
        return 0;
    if (lodge_cpuset_parse(&set, text, err, sizeof(err)))
        return cli_usage(c, "%s", err);
    memcpy(map->bits, set.word, sizeof(map->bits));
    return 0;
}

int cmd_vcpu_pin(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    struct ctl_cpumap hard = {0}, soft = {0};
    bool has_hard, has_soft = false, all;
    uint64_t vcpu = 0;
    int rc;

    if (argc < 4 || argc > 5)
        return cli_usage(c, "vcpu-pin needs a domain, a vcpu or all, and one or two sets of CPUs");
    all = !strcmp(argv[2], "all");
    if (!all && !cli_number(argv[2], 0, DOMCFG_MAX_VCPUS - 1, &vcpu))
        return cli_usage(c, "'%s' is not a vcpu", argv[2]);
    rc = read_map(c, argv[3], &hard, &has_hard);
    if (!rc && argc == 5)
        rc = read_map(c, argv[4], &soft, &has_soft);
    if (!rc)
        rc = cli_domain_partly(c, argv[1], &info);
    if (rc)
        return rc;
    if (!all && vcpu > info.max_vcpu_id)
        return cli_error(c, "domain %u has no vcpu %" PRIu64 "; its last one is %u", info.domain,
                         vcpu, info.max_vcpu_id);
    for (unsigned v = all ? 0 : (unsigned)vcpu; v <= (all ? info.max_vcpu_id : vcpu) && !rc; v++) {
        struct ctl_cpumap h = hard, s = soft;

        rc = ctl_vcpu_set_affinity(&c->lodge.ctl, info.domain, v, has_hard ? &h : NULL,
                                   has_soft ? &s : NULL);
    }
    return cli_ctl_status(c, rc);
}

/* --- memory -------------------------------------------------------------------------------- */

/*
 * dom0 holds all others, and its kernel gives away what it is told to: when its programs have no
 * memory left they are ended, and with them all guests. What they use now, and some more, stays.
 */
static uint64_t dom0_least(uint64_t now)
{
    uint64_t available, least = DOM0_LEAST;

    if (meminfo_available(&available) && available < now && now - available + DOM0_SPARE > least)
        least = now - available + DOM0_SPARE;
    return least;
}

/* A guest that is to give away more than this ends its programs, or dies of it. */
static int keep_enough(struct cli *c, const struct xen_domctl_getdomaininfo *info, uint64_t kib,
                       uint64_t max)
{
    uint64_t now = info->tot_pages * 4;
    uint64_t least = info->domain ? GUEST_LEAST + max / GUEST_TABLES : dom0_least(now);

    if (kib >= now || kib >= least)
        return 0;
    if (!info->domain)
        return cli_error(c,
                         "domain 0 needs %" PRIu64 " MiB for itself and its daemons: with less its "
                         "kernel ends them, and no guest goes on; -f does it nevertheless",
                         least >> 10);
    return cli_error(c,
                     "domain %u, made for up to %" PRIu64 " MiB, needs %" PRIu64 " MiB: with less "
                     "its kernel ends its programs; -f does it nevertheless",
                     info->domain, max >> 10, least >> 10);
}

/* What the hypervisor is to know as its ceiling, so that the guest can have that much memory. */
static uint64_t ceiling(const struct xen_domctl_getdomaininfo *info, uint64_t kib)
{
    return info->flags & XEN_DOMINF_hvm_guest ? kib + builder_overhead_kib(kib) : kib;
}

int cmd_mem_set(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t kib, max;
    struct settle s;
    char *text;
    int rc = settle_options(c, &argc, &argv, true, "a domain and a size", &s);

    if (rc)
        return rc;
    if (!lodge_size_parse(argv[2], &kib))
        return cli_usage(c, "'%s' is not a size; " SIZE_LOOKS, argv[2]);
    rc = cli_domain(c, argv[1], &info);
    if (rc)
        return rc;
    text = store_get(c->lodge.store, store_fmt("/local/domain/%u/memory/static-max", info.domain));
    max = text ? strtoull(text, NULL, 10) : info.max_pages * 4;
    free(text);
    if (kib > max)
        return cli_error(c,
                         "domain %u can have %" PRIu64 " MiB at most; more need maxmem in its "
                         "config",
                         info.domain, max >> 10);
    rc = s.force ? 0 : keep_enough(c, &info, kib, max);
    if (rc)
        return rc;
    if (info.domain && ceiling(&info, kib) > info.max_pages * 4) {
        rc = ctl_domain_max_mem(&c->lodge.ctl, info.domain, ceiling(&info, kib));
        if (rc)
            return cli_ctl_status(c, rc);
    }
    store_write(c->lodge.store, store_fmt("/local/domain/%u/memory/target", info.domain),
                store_fmt("%" PRIu64, kib));
    rc = store_flush(c->lodge.store);
    if (rc && info.domain && ceiling(&info, kib) > info.max_pages * 4)
        ctl_domain_max_mem(&c->lodge.ctl, info.domain, info.max_pages * 4);
    if (rc || s.wait)
        return rc ? store_status(c, rc) : settle(c, &info, &s, mib_of, kib >> 10, 1, "MiB");
    cli_say(c, "domain %u is to use %" PRIu64 " MiB; `lodge list` shows what it has", info.domain,
            kib >> 10);
    return 0;
}

int cmd_mem_max(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t kib;
    int rc;

    if (argc != 3)
        return cli_usage(c, "mem-max needs a domain and a size");
    if (!lodge_size_parse(argv[2], &kib))
        return cli_usage(c, "'%s' is not a size; " SIZE_LOOKS, argv[2]);
    rc = cli_domain_partly(c, argv[1], &info);
    if (rc)
        return rc;
    if (kib < info.tot_pages * 4)
        return cli_error(c, "domain %u uses %" PRIu64 " MiB; lower that first with: lodge mem-set",
                         info.domain, (uint64_t)info.tot_pages >> 8);
    return cli_ctl_status(c, ctl_domain_max_mem(&c->lodge.ctl, info.domain, ceiling(&info, kib)));
}

/* --- sched --------------------------------------------------------------------------------- */

struct sched_opts {
    char *domain;
    uint64_t weight, cap;
    bool set_weight, set_cap;
};

static int sched_options(struct cli *c, int argc, char **argv, struct sched_opts *o)
{
    static const struct option longopts[] = {{"domain", required_argument, NULL, 'd'},
                                             {"weight", required_argument, NULL, 'w'},
                                             {"cap", required_argument, NULL, 'c'},
                                             {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, ":d:w:c:", longopts, NULL)) != -1) {
        if (opt == 'd') {
            o->domain = optarg;
        } else if (opt == 'w') {
            o->set_weight = true;
            if (!cli_number(optarg, 1, 65535, &o->weight))
                return cli_usage(c, "'%s' is not a weight; it can be 1 to 65535", optarg);
        } else if (opt == 'c') {
            o->set_cap = true;
            if (!cli_number(optarg, 0, 65535, &o->cap))
                return cli_usage(c, "'%s' is not a cap; it is per cent of one processor", optarg);
        } else {
            return cli_bad_option(c, argv, opt);
        }
    }
    if (argc > optind)
        return cli_usage(c, "'%s' is not an option; a domain is named with -d", argv[optind]);
    if ((o->set_weight || o->set_cap) && !o->domain)
        return cli_usage(c, "a domain has to be named with -d");
    return 0;
}

static void sched_row(struct cli *c, struct table *table, struct json_object *all, uint16_t domid,
                      const char *name)
{
    struct ctl_sched sched;
    struct json_object *js;

    if (ctl_vcpu_get_sched(&c->lodge.ctl, domid, &sched))
        return; /* it ended meanwhile */
    table_cell(table, "%s", name);
    table_cell(table, "%u", domid);
    table_cell(table, "%u", sched.weight);
    table_cell(table, "%u", sched.cap);
    js = json_object_new_object();
    cli_json_str(js, "name", name);
    cli_json_num(js, "domid", domid);
    cli_json_num(js, "weight", sched.weight);
    cli_json_num(js, "cap", sched.cap);
    json_object_array_add(all, js);
}

static int sched_set(struct cli *c, const struct sched_opts *o)
{
    struct xen_domctl_getdomaininfo info;
    struct ctl_sched sched;
    int rc = cli_domain_partly(c, o->domain, &info);

    if (rc)
        return rc;
    rc = ctl_vcpu_get_sched(&c->lodge.ctl, info.domain, &sched);
    if (o->set_weight)
        sched.weight = (uint16_t)o->weight;
    if (o->set_cap)
        sched.cap = (uint16_t)o->cap;
    if (!rc)
        rc = ctl_vcpu_set_sched(&c->lodge.ctl, info.domain, &sched);
    return cli_ctl_status(c, rc);
}

int cmd_sched(struct cli *c, int argc, char **argv)
{
    static const struct table_column columns[] = {{"Name", -24, false},
                                                  {"ID", 5, false},
                                                  {"Weight", 7, false},
                                                  {"Cap", 5, false},
                                                  {NULL, 0, false}};
    struct json_object *all;
    struct cli_selection sel;
    struct sched_opts o = {0};
    struct table table;
    int rc = sched_options(c, argc, argv, &o);

    if (rc)
        return rc;
    if (o.set_weight || o.set_cap)
        return sched_set(c, &o);
    rc = cli_select(c, o.domain ? 1 : 0, &o.domain, &sel);
    all = json_object_new_array();
    table_begin(&table, columns);
    for (unsigned i = 0; i < sel.nr && !rc; i++)
        sched_row(c, &table, all, sel.info[i].domain, sel.name[i]);
    cli_print(c, rc, &table, all);
    cli_select_free(&sel);
    return rc;
}

/* --- keys and events ----------------------------------------------------------------------- */

int cmd_sysrq(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    int rc;

    if (argc != 3 || strlen(argv[2]) != 1 || !isalnum((unsigned char)argv[2][0]))
        return cli_usage(c, "sysrq needs a domain and one key");
    rc = cli_domain(c, argv[1], &info);
    if (rc)
        return rc;
    store_write(c->lodge.store, store_fmt("/local/domain/%u/control/sysrq", info.domain), argv[2]);
    return store_status(c, store_flush(c->lodge.store));
}

/* Those of a machine with firmware have no meaning for a paravirtual guest; xl has their names. */
int cmd_trigger(struct cli *c, int argc, char **argv)
{
    static const char *const others[] = {"reset", "init", "power", "sleep", "s3resume"};
    struct xen_domctl_getdomaininfo info;
    uint64_t vcpu = 0;
    int rc;

    if (argc < 3 || argc > 4)
        return cli_usage(c, "trigger needs a domain and what to trigger");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (!strcmp(others[i], argv[2]))
            return cli_error(c,
                             "a paravirtual guest cannot be sent '%s', only nmi; there are also: "
                             "lodge shutdown, reboot, destroy",
                             argv[2]);
    if (strcmp(argv[2], "nmi"))
        return cli_usage(c, "'%s' cannot be triggered; nmi can", argv[2]);
    if (argc == 4 && !cli_number(argv[3], 0, DOMCFG_MAX_VCPUS - 1, &vcpu))
        return cli_usage(c, "'%s' is not the number of a vcpu", argv[3]);
    rc = cli_domain_partly(c, argv[1], &info);
    if (rc)
        return rc;
    if (vcpu > info.max_vcpu_id)
        return cli_error(c, "domain %u has no vcpu %" PRIu64 "; its last one is %u", info.domain,
                         vcpu, info.max_vcpu_id);
    return cli_ctl_status(
        c, ctl_domain_trigger(&c->lodge.ctl, info.domain, CTL_TRIGGER_NMI, (uint32_t)vcpu));
}

int cmd_debug_keys(struct cli *c, int argc, char **argv)
{
    if (argc != 2)
        return cli_usage(c, "debug-keys needs the keys");
    if (cli_open_machine(c))
        return CLI_FAILED;
    return cli_ctl_status(c, ctl_host_debug_keys(&c->lodge.ctl, argv[1]));
}

int cmd_extract_kernel(struct cli *c, int argc, char **argv)
{
    char message[512] = "";

    if (argc != 3)
        return cli_usage(c, "extract-kernel needs the packed kernel and the file to write");
    if (image_extract(argv[1], argv[2], message, sizeof(message)))
        return cli_error(c, "%s", message);
    return 0;
}
