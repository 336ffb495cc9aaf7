/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Caps: all vcpus of a domain draw on one budget per period (core/sched/sched_policy.h).
 *
 * Called with some CPU's run queue locked, but vcpus of the domain are on several, so the two words
 * are atomic. Relaxed order is enough: each stands for itself, and to see an old value of one means
 * to be a switch late. d->cap may change in between, too: a wrong answer lasts for one period.
 */
#include <core/sched/sched_policy.h>

#define PERIODS_MAX 100 /* whose budgets are taken off in one go, lest the product overflow */

static uint64_t sched_cap_budget(const struct sched_domain *d)
{
    return SCHED_CAP_PERIOD * d->cap / 100;
}

/* The first to notice a new period takes off what the old one allowed; an overrun carries over. */
static void sched_cap_roll(struct sched_domain *d, uint64_t now)
{
    uint64_t period = now / SCHED_CAP_PERIOD;
    /* Only the CPU that moves the period on subtracts, so each period is allowed for once. */
    uint64_t old = __atomic_load_n(&d->cap_period, __ATOMIC_RELAXED);
    uint64_t used, allowed;

    if (old >= period || !__atomic_compare_exchange_n(&d->cap_period, &old, period, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    allowed = sched_cap_budget(d) * MIN(period - old, (uint64_t)PERIODS_MAX);
    used = __atomic_load_n(&d->cap_used, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&d->cap_used, &used, used > allowed ? used - allowed : 0,
                                        false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

uint64_t sched_cap_left(struct sched_domain *d, uint64_t now)
{
    uint64_t used, budget;

    if (d->cap == 0)
        return UINT64_MAX;
    sched_cap_roll(d, now);
    used = __atomic_load_n(&d->cap_used, __ATOMIC_RELAXED);
    budget = sched_cap_budget(d);
    return used < budget ? budget - used : 0;
}

void sched_cap_charge(struct sched_domain *d, uint64_t ns, uint64_t now)
{
    if (d->cap == 0)
        return;
    sched_cap_roll(d, now);
    __atomic_fetch_add(&d->cap_used, ns, __ATOMIC_RELAXED);
}
