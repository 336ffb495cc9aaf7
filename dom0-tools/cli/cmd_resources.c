// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_resources.c: `lodge resources`, the counts by which leaks show.
 *
 * Guests come and go; what they held must go with them. For each domain the hypervisor tells its
 * event channels and its grants, and xenstore is walked once: a node belongs to the domain that
 * its path names, and one whose domain does not exist is left over.
 */
#include "cmd_device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

#define BATCH       64 /* directories per round trip */
#define MAX_ORPHANS 20 /* that are listed by name */

/* A domain, and what it holds. */
struct holder {
    const struct xen_domctl_getdomaininfo *info;
    char *name, uuid[37];
    struct ctl_port_count ports;
    struct ctl_grant_count grants;
    bool counted_grants;
    unsigned nodes, devices[DEVICE_KINDS];
};

/* `nodes` is all of them: those of holders, those of no domain (common), and orphans. */
struct census {
    struct holder *holder;
    unsigned nr, nodes, common, orphans;
    char *orphan[MAX_ORPHANS];
};

static struct holder *by_domid(struct census *cs, unsigned domid)
{
    for (unsigned i = 0; i < cs->nr; i++)
        if (cs->holder[i].info->domain == domid)
            return &cs->holder[i];
    return NULL;
}

static struct holder *by_uuid(struct census *cs, const char *uuid)
{
    for (unsigned i = 0; i < cs->nr; i++)
        if (!strncmp(cs->holder[i].uuid, uuid, 36))
            return &cs->holder[i];
    return NULL;
}

/* By the path of its entry in the index. */
static struct holder *by_name(struct census *cs, const char *path)
{
    for (unsigned i = 0; i < cs->nr; i++)
        if (!strcmp(lodge_layout_name(cs->holder[i].name), path))
            return &cs->holder[i];
    return NULL;
}

/* Whose node it is; false: nobody's in particular. */
static bool owner_of(struct census *cs, const char *path, struct holder **owner)
{
    unsigned domid;
    int end = 0;

    if (sscanf(path, "/local/domain/%*u/backend/%*[^/]/%u%n", &domid, &end) == 1 && end &&
        (path[end] == '/' || !path[end]))
        *owner = by_domid(cs, domid);
    else if (sscanf(path, "/local/domain/%u", &domid) == 1 ||
             sscanf(path, "/libxl/%u", &domid) == 1)
        *owner = by_domid(cs, domid);
    else if (!strncmp(path, "/vm/", 4))
        *owner = by_uuid(cs, path + 4);
    else if (!strncmp(path, LAYOUT_NAMES "/", sizeof(LAYOUT_NAMES)))
        *owner = by_name(cs, path);
    else
        return false;
    return true;
}

static void take_node(struct census *cs, const char *path)
{
    struct holder *owner = NULL;

    cs->nodes++;
    if (!owner_of(cs, path, &owner))
        cs->common++;
    else if (owner)
        owner->nodes++;
    else if (cs->orphans++ < MAX_ORPHANS)
        cs->orphan[cs->orphans - 1] = must_copy(path);
}

/* The nodes of one depth. Walking by depth, a whole level is asked for in few round trips. */
struct level {
    char **path;
    size_t nr, room;
};

static void level_add(struct level *lv, char *path)
{
    if (lv->nr == lv->room) {
        lv->room = lv->room * 2 + 64;
        lv->path = must(realloc(lv->path, lv->room * sizeof(*lv->path)));
    }
    lv->path[lv->nr++] = path;
}

/* One round trip: the children of some nodes. */
static int walk_batch(struct store *s, struct census *cs, char **path, size_t nr,
                      struct level *below)
{
    char *names[BATCH], *child;
    size_t len[BATCH];
    int rc;

    for (size_t i = 0; i < nr; i++)
        store_dir(s, path[i], &names[i], &len[i]);
    rc = store_flush(s);
    for (size_t i = 0; i < nr; i++) {
        for (size_t at = 0; names[i] && at < len[i]; at += strlen(names[i] + at) + 1) {
            if (asprintf(&child, "%s/%s", strcmp(path[i], "/") ? path[i] : "", names[i] + at) < 0)
                child = must(NULL);
            take_node(cs, child);
            level_add(below, child);
        }
        free(names[i]);
    }
    return rc;
}

static int walk(struct store *s, struct census *cs)
{
    struct level now = {0}, below = {0};
    int rc = 0;

    level_add(&now, must_copy("/"));
    while (now.nr && !rc) {
        for (size_t at = 0; at < now.nr && !rc; at += BATCH)
            rc =
                walk_batch(s, cs, now.path + at, now.nr - at < BATCH ? now.nr - at : BATCH, &below);
        for (size_t i = 0; i < now.nr; i++)
            free(now.path[i]);
        free(now.path);
        now = below;
        memset(&below, 0, sizeof(below));
    }
    for (size_t i = 0; i < now.nr; i++)
        free(now.path[i]);
    free(now.path);
    return rc;
}

/* A domain that ends meanwhile has nothing: that is no failure. */
static void count_one(struct cli *c, struct holder *h)
{
    struct splitdev *dev = NULL;
    uint16_t domid = h->info->domain;

    lodge_uuid_format(h->info->handle, h->uuid);
    h->name = lodge_domain_name(&c->lodge, domid);
    if (ctl_count_ports(&c->lodge.ctl, domid, &h->ports))
        memset(&h->ports, 0, sizeof(h->ports));
    h->counted_grants = !ctl_count_grants(&c->lodge.ctl, domid, &h->grants);
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++) {
        h->devices[kind] = lodge_splitdev_list(c->lodge.store, domid, kind, &dev);
        free(dev);
    }
}

static struct json_object *holder_json(const struct holder *h)
{
    struct json_object *js = json_object_new_object();

    cli_json_str(js, "name", h->name);
    cli_json_num(js, "domid", h->info->domain);
    cli_json_str(js, "state", cli_state(h->info));
    cli_json_num(js, "memory_kib", (int64_t)h->info->tot_pages * 4);
    cli_json_num(js, "ports_unbound", h->ports.unbound);
    cli_json_num(js, "ports_interdomain", h->ports.interdomain);
    cli_json_num(js, "ports_other", h->ports.other);
    if (h->counted_grants) {
        cli_json_num(js, "grants", h->grants.given);
        cli_json_num(js, "grants_in_use", h->grants.in_use);
    }
    cli_json_num(js, "store_nodes", h->nodes);
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        cli_json_num(js, lodge_device_class[kind]->list, h->devices[kind]);
    return js;
}

static void print_json(const struct census *cs)
{
    struct json_object *js = json_object_new_object(), *all = json_object_new_array();
    struct json_object *left_over = json_object_new_array();

    for (unsigned i = 0; i < cs->nr; i++)
        json_object_array_add(all, holder_json(&cs->holder[i]));
    for (unsigned i = 0; i < cs->orphans && i < MAX_ORPHANS; i++)
        json_object_array_add(left_over, json_object_new_string(cs->orphan[i]));
    json_object_object_add(js, "domains", all);
    cli_json_num(js, "store_nodes", cs->nodes);
    cli_json_num(js, "store_nodes_common", cs->common);
    cli_json_num(js, "store_nodes_left_over", cs->orphans);
    json_object_object_add(js, "left_over", left_over);
    cli_print_json(js);
}

static void print_table(const struct census *cs)
{
    enum { FIXED = 10 };
    struct table_column columns[FIXED + DEVICE_KINDS + 1] = {
        {"Name", -16, false},   {"ID", 5, false},      {"State", -8, false},
        {"Mem(KiB)", 9, false}, {"Unbound", 8, false}, {"Connected", 9, false},
        {"Other", 5, false},    {"Grants", 7, false},  {"In use", 7, false},
        {"Nodes", 6, false}};
    struct table table;

    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++) {
        const char *heading = device_views[kind]->heading;

        columns[FIXED + kind] = (struct table_column){heading, (int)strlen(heading), false};
    }
    table_begin(&table, columns);
    for (unsigned i = 0; i < cs->nr; i++) {
        const struct holder *h = &cs->holder[i];

        table_cell(&table, "%s", h->name);
        table_cell(&table, "%u", h->info->domain);
        table_cell(&table, "%s", cli_state(h->info));
        table_cell(&table, "%" PRIu64, (uint64_t)h->info->tot_pages * 4);
        table_cell(&table, "%u", h->ports.unbound);
        table_cell(&table, "%u", h->ports.interdomain);
        table_cell(&table, "%u", h->ports.other);
        table_cell(&table, h->counted_grants ? "%u" : "-", h->grants.given);
        table_cell(&table, h->counted_grants ? "%u" : "-", h->grants.in_use);
        table_cell(&table, "%u", h->nodes);
        for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
            table_cell(&table, "%u", h->devices[kind]);
    }
    table_end(&table);
    printf("xenstore: %u nodes, %u of no domain, %u left over from domains that are gone\n",
           cs->nodes, cs->common, cs->orphans);
    for (unsigned i = 0; i < cs->orphans && i < MAX_ORPHANS; i++)
        printf("  %s\n", cs->orphan[i]);
}

int cmd_resources(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo *list;
    struct census cs = {0};
    int nr, rc;

    (void)argv;
    if (argc > 1)
        return cli_usage(c, "resources takes no arguments");
    if (cli_open(c))
        return CLI_FAILED;
    nr = lodge_domain_list(&c->lodge, &list);
    if (nr < 0)
        return cli_failed(c);
    cs.nr = (unsigned)nr;
    cs.holder = must(calloc(cs.nr + 1, sizeof(*cs.holder)));
    for (unsigned i = 0; i < cs.nr; i++) {
        cs.holder[i].info = &list[i];
        count_one(c, &cs.holder[i]);
    }
    rc = walk(c->lodge.store, &cs);
    if (rc)
        rc = cli_error(c, "%s", store_message(c->lodge.store));
    else if (c->json)
        print_json(&cs);
    else
        print_table(&cs);
    for (unsigned i = 0; i < cs.nr; i++)
        free(cs.holder[i].name);
    for (unsigned i = 0; i < cs.orphans && i < MAX_ORPHANS; i++)
        free(cs.orphan[i]);
    free(cs.holder);
    free(list);
    return rc;
}
