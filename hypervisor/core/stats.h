/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of what a vcpu does: public/lodge_stats.h has their places. They lie at the top of its
 * stack, which each path of the hypervisor finds from its own RSP: to count is one instruction, and
 * the entry paths need no register for it.
 *
 * Only the vcpu itself counts, or a CPU that is about to run it; others read. A counter only rises:
 * to reset one is to remember where it stood (vcpu->stats_base).
 */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <core/domain.h>
#include <public/lodge_stats.h>
#include <x86/regs.h>

/* Of current; not on the stacks of NMI and its like. */
static inline void stats_add(size_t place, uint64_t n)
{
    stack_top()->stats[place] += n;
}

static inline void stats_count(size_t place)
{
    stats_add(place, 1);
}

static inline uint64_t stats_get(size_t place)
{
    return stack_top()->stats[place];
}

/* A list of so many page-table entries; of the histogram that begins at `place`. */
static inline void stats_count_batch(size_t place, uint64_t entries)
{
    if (entries != 0)
        stats_count(place + MIN(63u - (unsigned)__builtin_clzll(entries), LODGE_NR_BATCHES - 1u));
}

/* Any vcpu's, since its beginning. */
static inline uint64_t *stats_of(const struct vcpu *v)
{
    return ((struct stack_top *)v->stack - 1)->stats;
}

static inline uint64_t stats_sum(const uint64_t *stats, unsigned from, unsigned n)
{
    uint64_t sum = 0;

    for (unsigned i = from; i < from + n; i++)
        sum += READ_ONCE(stats[i]);
    return sum;
}

#endif
