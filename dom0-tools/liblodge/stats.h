/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats.h: what guests' vcpus have counted, with names; Lodge's own (<public/lodge_stats.h>).
 *
 * The counters are in groups, for showing: a group is a name, and places in the row of counters. A
 * place without a name is not in use, as far as is known here. One differs from the hypervisor's:
 * LODGE_STAT_UPDATE_LIST also counts the updates by lists of one here.
 */
#ifndef LODGE_STATS_H
#define LODGE_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <public/lodge_stats.h>
#include "session.h"

struct lodge_stats {
    uint64_t value[LODGE_NR_STATS];
};

/* One vcpu's, or those of all the vcpus of a domain together. 0, or negative with a message. */
int lodge_stats_vcpu(struct lodge_session *l, uint16_t domid, unsigned vcpu, bool reset,
                     struct lodge_stats *s);
int lodge_stats_domain(struct lodge_session *l, uint16_t domid, unsigned vcpus, bool reset,
                       struct lodge_stats *s);

/* What comes of places together. The first is the sum of those that follow it up to SYSCALLS. */
enum lodge_stats_sum {
    STATS_ENTRIES,
    STATS_HYPERCALLS,
    STATS_EXCEPTIONS,
    STATS_INTERRUPTS,
    STATS_SYSCALLS, /* of programs, to their kernel */
    STATS_EMULATED, /* of the exceptions */
    STATS_UPDATES,  /* of page tables, however they came */
    STATS_FLUSHES,  /* on processors, its own and others */
    STATS_SUMS,
};
uint64_t lodge_stats_sum(const struct lodge_stats *s, enum lodge_stats_sum which);

enum lodge_stats_group {
    STATS_OF_HYPERCALLS,
    STATS_OF_EXCEPTIONS,
    STATS_OF_EMULATED,
    STATS_OF_UPDATES,
    STATS_OF_LISTS,
    STATS_OF_RUNS,
    STATS_OF_FLUSHES,
    STATS_OF_FRAMES,
    STATS_OF_EVENTS,
    STATS_GROUPS,
};
/* A key for programs, a heading for people. */
const char *lodge_stats_group_key(enum lodge_stats_group group);
const char *lodge_stats_group_heading(enum lodge_stats_group group);
/* The nth place of a group, and its name; negative: there are no more. */
int lodge_stats_place(enum lodge_stats_group group, unsigned n, const char **name);

#endif
