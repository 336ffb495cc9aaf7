/* SPDX-License-Identifier: GPL-2.0-only */
/* From one clock's counts to another's. Pure, so that the host can test it. */
#ifndef X86_TIME_SCALE_H
#define X86_TIME_SCALE_H

#include <lib/types.h>

#define LONGEST_SLEEP_NS SECONDS(10)

/* a * b / c without losing the upper half of the product; the quotient must fit. */
static inline uint64_t time_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t q, high;

    __asm__("mulq %3\n\tdivq %4" : "=&a"(q), "=&d"(high) : "0"(a), "r"(b), "r"(c) : "cc");
    return q;
}

/* v * factor, which is 32.32; the result must fit into 64 bits or its top is lost. */
static inline uint64_t time_scale_by(uint64_t v, uint64_t factor)
{
    return (uint64_t)(((unsigned __int128)v * factor) >> 32);
}

/*
 * Counts from ns `since` to the deadline `ns`, seen from `now`. Guests choose deadlines, up to some
 * that no clock ever shows: scaled as they are they would lose their top, lie in the past, fire at
 * once and be set again for ever. So a far one comes early, and core/timer.c sets it again.
 */
static inline uint64_t time_deadline_counts(uint64_t ns, uint64_t since, uint64_t now,
                                            uint64_t factor)
{
    ns = MIN(ns, now + LONGEST_SLEEP_NS);
    return ns > since ? time_scale_by(ns - since, factor) : 0;
}

#endif
