// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_sample.c: what `lodge top` shows, asked for once in an interval.
 *
 * A domain is known again by its number and its uuid, so that another one with the same number
 * begins anew. One that ends while it is asked for is as if it had ended before.
 */
#include "top.h"

#include <clock.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>
#include <public/sysctl.h>

#define MAX_CPUS 512

static void remember(struct top_history *h, double value)
{
    if (h->nr == TOP_HISTORY)
        memmove(h->value, h->value + 1, --h->nr * sizeof(h->value[0]));
    h->value[h->nr++] = value;
}

static struct top_guest *known(struct top_data *t, const struct xen_domctl_getdomaininfo *info)
{
    for (unsigned i = 0; i < t->nr; i++)
        if (t->guest[i].domid == info->domain &&
            !memcmp(t->guest[i].handle, info->handle, sizeof(info->handle)))
            return &t->guest[i];
    return NULL;
}

/* False: it has ended. */
static bool guest_sample(struct cli *c, struct top_data *t, struct top_guest *g,
                         const struct xen_domctl_getdomaininfo *info, int *rc)
{
    g->domid = info->domain;
    memcpy(g->handle, info->handle, sizeof(g->handle));
    g->vcpus = info->nr_online_vcpus;
    g->mem_kib = info->tot_pages * 4;
    g->before = g->now;
    memset(&g->now, 0, sizeof(g->now));
    g->now.cpu_ns = info->cpu_time;
    cli_state_letters(info, g->state);
    if (!t->has_stats)
        return true;
    *rc = lodge_stats_domain(&c->lodge, g->domid, info->max_vcpu_id + 1, false, &g->now.stats);
    if (*rc == -EOPNOTSUPP) {
        t->has_stats = false;
        *rc = 0;
    }
    if (*rc == -ESRCH) {
        *rc = 0;
        return false;
    }
    return !*rc;
}

static int guests_sample(struct cli *c, struct top_data *t, double seconds)
{
    struct xen_domctl_getdomaininfo *list;
    struct top_guest *all;
    unsigned kept = 0;
    char **name;
    int nr = lodge_domain_list(&c->lodge, &list), rc = 0;

    if (nr < 0)
        return nr;
    all = must(calloc((size_t)nr + 1, sizeof(*all)));
    name = must(calloc((size_t)nr + 1, sizeof(*name)));
    lodge_domain_names(&c->lodge, list, (unsigned)nr, name);
    for (int i = 0; i < nr && !rc; i++) {
        const struct top_guest *old = known(t, &list[i]);
        struct top_guest *g = &all[kept];

        memset(g, 0, sizeof(*g));
        if (old)
            *g = *old;
        g->seconds = old ? seconds : 0;
        snprintf(g->name, sizeof(g->name), "%s", name[i]);
        kept += guest_sample(c, t, g, &list[i], &rc);
    }
    for (int i = 0; i < nr; i++)
        free(name[i]);
    free(name);
    free(list);
    free(t->guest);
    t->guest = all;
    t->nr = kept;
    return rc;
}

/* The machine's processors and memory; where the hypervisor does not tell, what was known stays. */
static void machine_sample(struct cli *c, struct top_data *t, double seconds)
{
    struct xen_sysctl_physinfo info;
    uint64_t idle[MAX_CPUS], sum = 0;
    int nr = ctl_host_idle_times(&c->lodge.ctl, MAX_CPUS, idle);

    if (!ctl_host_physinfo(&c->lodge.ctl, &info)) {
        t->cpus = info.nr_cpus;
        t->total_kib = info.total_pages * 4;
        t->free_kib = info.free_pages * 4;
    }
    for (int i = 0; i < nr; i++)
        sum += idle[i];
    if (seconds > 0 && t->cpus && nr > 0) {
        double idle_seconds = (double)(int64_t)(sum - t->idle_ns) / 1e9;

        t->busy = 100 - 100 * idle_seconds / seconds / t->cpus;
        t->busy = t->busy < 0 ? 0 : t->busy > 100 ? 100 : t->busy;
        remember(&t->cpu, t->busy);
    }
    t->idle_ns = sum;
    t->up_seconds = (uint64_t)now_seconds();
}

int top_sample(struct cli *c, struct top_data *t)
{
    int64_t now = now_ms();
    double seconds = t->when_ms ? (double)(now - t->when_ms) / 1000 : 0, entries = 0;
    int rc;

    if (!t->when_ms)
        t->has_stats = true;
    t->when_ms = now;
    t->seconds = seconds;
    machine_sample(c, t, seconds);
    rc = guests_sample(c, t, seconds);
    if (rc)
        return rc;
    top_io_read(c->lodge.run_dir, t->guest, t->nr);
    for (unsigned i = 0; i < t->nr; i++) {
        struct top_guest *g = &t->guest[i];

        if (g->seconds > 0) {
            remember(&g->cpu, top_cpu(g));
            remember(&g->entries, top_rate(g, STATS_ENTRIES));
            entries += top_rate(g, STATS_ENTRIES);
        }
    }
    if (seconds > 0)
        remember(&t->entries, entries);
    return 0;
}

void top_free(struct top_data *t)
{
    free(t->guest);
    t->guest = NULL;
    t->nr = 0;
}
