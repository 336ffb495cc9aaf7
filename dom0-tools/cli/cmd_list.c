// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_list.c: the commands that list domains: list, vm-list, claims.
 *
 * Each builds its answer once and prints it either as an aligned table or as JSON, with the same
 * facts in both.
 */
#include "cmd_device.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB_PAGES 256

/* --- list ---------------------------------------------------------------------------------- */

struct list_opts {
    bool details, verbose, pools, claims;
};

static struct json_object *domain_json(struct cli *c, const struct xen_domctl_getdomaininfo *d,
                                       const char *name, const struct list_opts *o)
{
    struct json_object *js = json_object_new_object();
    struct saved saved;
    char uuid[37];

    lodge_uuid_format(d->handle, uuid);
    cli_json_str(js, "name", name);
    cli_json_num(js, "domid", d->domain);
    cli_json_str(js, "uuid", uuid);
    cli_json_str(js, "state", cli_state(d));
    if (d->flags & XEN_DOMINF_shutdown)
        cli_json_str(
            js, "shutdown_reason",
            cli_shutdown_reason(d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask));
    cli_json_bool(js, "paused", d->flags & XEN_DOMINF_paused);
    cli_json_num(js, "memory_kib", (int64_t)d->tot_pages * 4);
    cli_json_num(js, "vcpus", d->nr_online_vcpus);
    cli_json_seconds(js, "cpu_seconds", d->cpu_time);
    if (o->claims)
        cli_json_num(js, "claimed_kib", (int64_t)d->outstanding_pages * 4);
    if (o->pools && !o->details)
        cli_json_num(js, "cpupool", d->cpupool);
    if (!o->details)
        return js;
    cli_json_num(js, "max_memory_kib", (int64_t)d->max_pages * 4);
    cli_json_num(js, "max_vcpus", (int64_t)d->max_vcpu_id + 1);
    cli_json_num(js, "shared_pages", (int64_t)d->shr_pages);
    cli_json_num(js, "cpupool", d->cpupool);
    device_json_all(c, d->domain, js);
    if (!lodge_saved_read(&c->lodge, d->handle, &saved)) {
        cli_json_num(js, "started", saved.started);
        cli_json_num(js, "restarts", saved.restarts);
        json_object_object_add(js, "config", lodge_domcfg_to_json(&saved.config));
        lodge_saved_free(&saved);
    }
    return js;
}

#define LIST_COLUMNS 10

/* The first six are always there. */
static void list_columns(const struct list_opts *o, struct table_column column[LIST_COLUMNS + 1])
{
    static const struct table_column always[] = {{"Name", -24, false},   {"ID", 5, false},
                                                 {"Mem(MiB)", 9, false}, {"VCPUs", 5, false},
                                                 {"State", -6, true},    {"Time(s)", 10, false}};
    unsigned nr = sizeof(always) / sizeof(always[0]);

    memset(column, 0, (LIST_COLUMNS + 1) * sizeof(*column));
    memcpy(column, always, sizeof(always));
    if (o->claims)
        column[nr++] = (struct table_column){"Claimed", 9, false};
    if (o->verbose) {
        column[nr++] = (struct table_column){"UUID", -36, true};
        column[nr++] = (struct table_column){"Down", -8, true};
    }
    if (o->pools)
        column[nr++] = (struct table_column){"Cpupool", -1, true};
}

static const char *down_reason(const struct xen_domctl_getdomaininfo *d)
{
    if (!(d->flags & XEN_DOMINF_shutdown))
        return "-";
    return cli_shutdown_reason(d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
}

static void list_row(const struct list_opts *o, struct table *table,
                     const struct xen_domctl_getdomaininfo *d, const char *name)
{
    char state[7], uuid[37];

    cli_state_letters(d, state);
    table_cell(table, "%s", name);
    table_cell(table, "%u", d->domain);
    table_cell(table, "%" PRIu64, (uint64_t)d->tot_pages / MIB_PAGES);
    table_cell(table, "%u", d->nr_online_vcpus);
    table_cell(table, "%s", state);
    cli_seconds_cell(table, d->cpu_time);
    if (o->claims)
        table_cell(table, "%" PRIu64, (uint64_t)d->outstanding_pages / MIB_PAGES);
    if (o->verbose) {
        lodge_uuid_format(d->handle, uuid);
        table_cell(table, "%s", uuid);
        table_cell(table, "%s", down_reason(d));
    }
    if (o->pools) /* a pool's number: the hypervisor has one, and other tools name theirs */
        table_cell(table, d->cpupool ? "%u" : "Pool-0", d->cpupool);
}

static int list(struct cli *c, const struct list_opts *o, int argc, char **argv)
{
    struct table_column columns[LIST_COLUMNS + 1];
    struct json_object *all = json_object_new_array();
    struct cli_selection sel;
    struct table table;
    int rc = cli_select(c, argc, argv, &sel);

    list_columns(o, columns);
    table_begin(&table, columns);
    c->json = c->json || o->details;
    for (unsigned i = 0; i < sel.nr && !rc; i++) {
        if (c->json)
            json_object_array_add(all, domain_json(c, &sel.info[i], sel.name[i], o));
        else
            list_row(o, &table, &sel.info[i], sel.name[i]);
    }
    cli_print(c, rc, &table, all);
    cli_select_free(&sel);
    return rc;
}

int cmd_list(struct cli *c, int argc, char **argv)
{
    static const struct option longopts[] = {{"long", no_argument, NULL, 'l'},
                                             {"verbose", no_argument, NULL, 'v'},
                                             {"cpupool", no_argument, NULL, 'c'},
                                             {NULL, 0, NULL, 0}};
    struct list_opts o = {.verbose = c->verbose};
    int opt;

    while ((opt = getopt_long(argc, argv, ":lvc", longopts, NULL)) != -1) {
        if (opt == 'l')
            o.details = true;
        else if (opt == 'v')
            o.verbose = true;
        else if (opt == 'c')
            o.pools = true;
        else
            return cli_bad_option(c, argv, opt);
    }
    return list(c, &o, argc - optind, argv + optind);
}

int cmd_claims(struct cli *c, int argc, char **argv)
{
    static const struct list_opts o = {.claims = true};

    (void)argv;
    if (argc > 1)
        return cli_usage(c, "claims takes no arguments");
    return list(c, &o, 0, NULL);
}

/* Guests by what stays the same over their restarts: their uuid. */
int cmd_vm_list(struct cli *c, int argc, char **argv)
{
    static const struct table_column columns[] = {
        {"UUID", -36, false}, {"ID", 5, false}, {"Name", -1, true}, {NULL, 0, false}};
    static const struct list_opts o = {0};
    struct json_object *all = json_object_new_array();
    struct cli_selection sel;
    struct table table;
    char uuid[37];
    int rc;

    (void)argv;
    if (argc > 1)
        return cli_usage(c, "vm-list takes no arguments");
    rc = cli_select(c, 0, NULL, &sel);
    table_begin(&table, columns);
    for (unsigned i = 0; i < sel.nr && !rc; i++) {
        if (!sel.info[i].domain)
            continue;
        lodge_uuid_format(sel.info[i].handle, uuid);
        table_cell(&table, "%s", uuid);
        table_cell(&table, "%u", sel.info[i].domain);
        table_cell(&table, "%s", sel.name[i]);
        json_object_array_add(all, domain_json(c, &sel.info[i], sel.name[i], &o));
    }
    cli_print(c, rc, &table, all);
    cli_select_free(&sel);
    return rc;
}
