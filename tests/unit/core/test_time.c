/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines in the counts of a clock: never before their time, nor at once, unless they are due;
 * those that no clock reaches come early but not soon. Guests choose them.
 */
#include <lib/types.h>
#include <x86/time_scale.h>

#include "unit.h"

#define SECOND 1000000000ull

/* What is wrong with the deadline `ns`, at `now`, on a clock of so many counts per 2^32 ns? */
static const char *wrong(uint64_t ns, uint64_t now, uint64_t factor)
{
    uint64_t at = time_deadline_counts(ns, 0, now, factor) + 1; /* on a clock that began with 0 */
    uint64_t wait = time_deadline_counts(ns, now, now, factor) + 1; /* on one that counts down */
    uint64_t now_counts = time_scale_by(now, factor);
    uint64_t least = ns > now ? MIN(ns - now, SECOND) : 0;

    if (ns <= now)
        return at <= now_counts + 1 && wait == 1 ? NULL : "it is due, and made to wait";
    if (at < now_counts + time_scale_by(least, factor))
        return "too early";
    if (wait < time_scale_by(least, factor))
        return "too short";
    return wait > time_scale_by(LONGEST_SLEEP_NS, factor) + 1 ? "longer than the longest" : NULL;
}

void test_time(void)
{
    static const uint64_t hz[] = {100000000, 999999999, 2400000000, 3000000000, 5700000000};
    static const uint64_t times[] = {0, 1, SECOND, 86400 * SECOND, 20 * 365 * 86400 * SECOND};
    unsigned failed = 0;

    for (unsigned h = 0; h < ARRAY_SIZE(hz); h++) {
        uint64_t factor = time_mul_div(hz[h], 1ull << 32, SECOND);
        /* The first ns whose count does not fit, and so would seem to be one of the past. */
        uint64_t brink = hz[h] > SECOND ? time_mul_div(SECOND, UINT64_MAX, hz[h]) : INT64_MAX;

        for (unsigned t = 0; t < ARRAY_SIZE(times); t++) {
            const uint64_t ns[] = {0,
                                   times[t],
                                   times[t] + 1,
                                   times[t] + SECOND,
                                   times[t] + LONGEST_SLEEP_NS + 1,
                                   brink,
                                   brink + 10,
                                   brink + times[t],
                                   INT64_MAX,
                                   UINT64_MAX - 1};

            for (unsigned i = 0; i < ARRAY_SIZE(ns); i++) {
                const char *what = wrong(ns[i], times[t], factor);

                if (what != NULL)
                    printf("%lu Hz, deadline %lu at %lu: %s\n", hz[h], ns[i], times[t], what);
                failed += what != NULL;
            }
        }
    }
    CHECK(failed == 0);
}
