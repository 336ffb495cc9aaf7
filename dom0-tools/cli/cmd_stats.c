// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_stats.c: `lodge stats`, why guests entered the hypervisor, and what they did there.
 *
 * The hypervisor counts for each vcpu, from its beginning or the last reset on. What is shown of a
 * domain is the sum over its vcpus, unless each is asked for.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct stats_opts {
    bool reset, vcpus, details;
};

/* The counters of a domain, or of one of its vcpus. */
struct counted {
    const struct xen_domctl_getdomaininfo *info;
    const char *name;
    int vcpu; /* negative: all of them */
    struct lodge_stats stats;
};

static const struct {
    enum lodge_stats_sum sum;
    const char *key, *text;
} entry_kinds[] = {
    {STATS_ENTRIES, "total", "Entries"},
    {STATS_HYPERCALLS, "hypercalls", "  hypercalls"},
    {STATS_EXCEPTIONS, "exceptions", "  exceptions"},
    {STATS_SYSCALLS, "system_calls", "  system calls"},
    {STATS_INTERRUPTS, "interrupts", "  interrupts"},
};

/* ---- as JSON ---- */

static struct json_object *stats_json(const struct counted *n)
{
    struct json_object *js = json_object_new_object(), *part = json_object_new_object();
    const char *name;
    int place;

    cli_json_str(js, "name", n->name);
    cli_json_num(js, "domid", n->info->domain);
    if (n->vcpu >= 0)
        cli_json_num(js, "vcpu", n->vcpu);
    for (unsigned i = 0; i < COUNT(entry_kinds); i++)
        cli_json_num(part, entry_kinds[i].key,
                     (int64_t)lodge_stats_sum(&n->stats, entry_kinds[i].sum));
    json_object_object_add(js, "entries", part);
    for (unsigned g = 0; g < STATS_GROUPS; g++) {
        part = json_object_new_object();
        for (unsigned i = 0; (place = lodge_stats_place(g, i, &name)) >= 0; i++)
            cli_json_num(part, name, (int64_t)n->stats.value[place]);
        json_object_object_add(js, lodge_stats_group_key(g), part);
    }
    return js;
}

/* ---- for people ---- */

static void print_line(const char *text, uint64_t n, uint64_t of)
{
    printf("%-28s %14" PRIu64, text, n);
    if (of)
        printf(" %6.1f%%", 100.0 * (double)n / (double)of);
    putchar('\n');
}

struct line {
    const char *name;
    uint64_t n;
};

static int more_first(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    return (x->n < y->n) - (x->n > y->n);
}

/* Lengths stay in their order; of the others what there is most of comes first. */
static void print_group(const struct lodge_stats *s, enum lodge_stats_group group)
{
    bool ordered = group == STATS_OF_LISTS || group == STATS_OF_RUNS;
    struct line line[LODGE_NR_STATS];
    unsigned nr = 0;
    const char *name;
    char text[32];
    int place;

    for (unsigned i = 0; (place = lodge_stats_place(group, i, &name)) >= 0; i++)
        if (s->value[place])
            line[nr++] = (struct line){name, s->value[place]};
    if (!nr)
        return;
    if (!ordered)
        qsort(line, nr, sizeof(*line), more_first);
    puts(lodge_stats_group_heading(group));
    for (unsigned i = 0; i < nr; i++) {
        snprintf(text, sizeof(text), "  %s", line[i].name);
        print_line(text, line[i].n, 0);
    }
}

static void print_details(const struct counted *n, bool first)
{
    uint64_t all = lodge_stats_sum(&n->stats, STATS_ENTRIES);

    if (!first)
        putchar('\n');
    printf("%s, domain %u", n->name, n->info->domain);
    if (n->vcpu >= 0)
        printf(", vcpu %d", n->vcpu);
    puts(":");
    for (unsigned i = 0; i < COUNT(entry_kinds); i++)
        print_line(entry_kinds[i].text, lodge_stats_sum(&n->stats, entry_kinds[i].sum), all);
    for (unsigned g = 0; g < STATS_GROUPS; g++)
        print_group(&n->stats, g);
}

static void print_row(struct table *table, const struct counted *n, bool vcpus)
{
    const struct lodge_stats *s = &n->stats;
    static const enum lodge_stats_sum shown[] = {STATS_ENTRIES,  STATS_HYPERCALLS, STATS_EXCEPTIONS,
                                                 STATS_SYSCALLS, STATS_INTERRUPTS, STATS_EMULATED,
                                                 STATS_UPDATES,  STATS_FLUSHES};

    table_cell(table, "%s", n->name);
    table_cell(table, "%u", n->info->domain);
    if (vcpus)
        table_cell(table, "%d", n->vcpu);
    for (unsigned i = 0; i < COUNT(shown); i++)
        table_cell(table, "%" PRIu64, lodge_stats_sum(s, shown[i]));
    table_cell(table, "%" PRIu64, s->value[LODGE_STAT_EVENT_SENT]);
    table_cell(table, "%" PRIu64, s->value[LODGE_STAT_SWITCH]);
}

/* ---- the command ---- */

struct shown {
    const struct stats_opts *opts;
    struct table table;
    struct json_object *js;
    bool any;
};

static void show(struct cli *c, struct shown *out, const struct counted *n)
{
    if (c->json)
        json_object_array_add(out->js, stats_json(n));
    else if (out->opts->details)
        print_details(n, !out->any);
    else
        print_row(&out->table, n, out->opts->vcpus);
    out->any = true;
}

/* One that has ended meanwhile is left out; unless it was asked for, nobody misses it. */
static int show_domain(struct cli *c, struct shown *out, struct counted *n)
{
    unsigned vcpus = n->info->max_vcpu_id + 1;
    int rc = 0;

    n->vcpu = -1;
    if (!out->opts->vcpus) {
        rc = lodge_stats_domain(&c->lodge, n->info->domain, vcpus, out->opts->reset, &n->stats);
        if (!rc)
            show(c, out, n);
    }
    for (unsigned v = 0; out->opts->vcpus && v < vcpus && !rc; v++) {
        n->vcpu = (int)v;
        rc = lodge_stats_vcpu(&c->lodge, n->info->domain, v, out->opts->reset, &n->stats);
        if (!rc)
            show(c, out, n);
        else if (rc == -ENOENT)
            rc = 0;
    }
    if (!rc || (rc == -ESRCH && !out->opts->details))
        return 0;
    return cli_failed(c);
}

static void stats_columns(bool vcpus, struct table_column column[14])
{
    static const struct table_column all[] = {
        {"Name", -16, false},   {"ID", 5, false},          {"VCPU", 4, false},
        {"Entries", 10, false}, {"Hypercalls", 10, false}, {"Exceptions", 10, false},
        {"Syscalls", 8, false}, {"Interrupts", 10, false}, {"Emulated", 8, false},
        {"Updates", 8, false},  {"Flushes", 7, false},     {"Events", 7, false},
        {"Switches", 8, false}};
    unsigned nr = 0;

    for (unsigned i = 0; i < COUNT(all); i++)
        if (i != 2 || vcpus)
            column[nr++] = all[i];
    column[nr].head = NULL;
}

int cmd_stats(struct cli *c, int argc, char **argv)
{
    static const struct option longopts[] = {
        {"reset", no_argument, NULL, 'r'}, {"vcpus", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
    struct table_column columns[14];
    struct stats_opts o = {0};
    struct shown out = {.opts = &o};
    struct cli_selection sel;
    int opt, rc;

    while ((opt = getopt_long(argc, argv, ":rV", longopts, NULL)) != -1) {
        if (opt == 'r')
            o.reset = true;
        else if (opt == 'V')
            o.vcpus = true;
        else
            return cli_bad_option(c, argv, opt);
    }
    o.reset = o.reset && !c->dry_run;
    o.details = optind < argc;
    out.js = json_object_new_array();
    stats_columns(o.vcpus, columns);
    table_begin(&out.table, columns);
    rc = cli_select(c, argc - optind, argv + optind, &sel);
    for (unsigned i = 0; i < sel.nr && !rc; i++) {
        struct counted n = {.info = &sel.info[i], .name = sel.name[i]};

        rc = show_domain(c, &out, &n);
    }
    if (o.details && !c->json) {
        table_drop(&out.table);
        json_object_put(out.js);
    } else {
        cli_print(c, rc, &out.table, out.js);
    }
    cli_select_free(&sel);
    return rc;
}
