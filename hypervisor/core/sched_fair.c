/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proportional share. Each vcpu has a virtual run time that advances with its real one, divided by
 * its weight; the one that has had least runs next. So over time each gets its share of the CPU,
 * and nobody waits forever: a waiting vcpu's time stands still while the others' goes on.
 *
 * A queue's floor is the least virtual time of those that want to run; it never falls. A vcpu that
 * is asleep keeps only its distance to the floor, which time pays back: it wakes at most
 * FAIR_CREDIT ahead of the others, enough to preempt a hog at once and too little to starve one.
 * Moving between CPUs keeps the distance as well, so the queues' clocks need not agree.
 */
#include <core/sched_policy.h>
#include <public/domctl.h>

#define FAIR_SLICE       5000000ull /* ns */
#define FAIR_CREDIT      3000000ll  /* what a sleeper may be ahead, in virtual ns */
#define FAIR_DEBT        60000000ll /* and at most behind */
#define FAIR_GRANULARITY 500000ll   /* a waking vcpu preempts when it is that far behind */
#define FAIR_NORM_WEIGHT 256

static void fair_init(struct sched_queue *q)
{
    list_init(&q->waiting);
    q->nr_waiting = 0;
    q->floor = 0;
}

static void fair_raise_floor(struct sched_queue *q, const struct sched_vcpu *running)
{
    int64_t least = INT64_MAX;

    if (running != NULL)
        least = running->vtime;
    if (q->nr_waiting != 0)
        least = MIN(least, list_entry(q->waiting.next, struct sched_vcpu, link)->vtime);
    if (least != INT64_MAX && least > q->floor)
        q->floor = least;
}

/* In order of vtime; behind those with the same. New ones mostly belong near the end. */
static void fair_insert(struct sched_queue *q, struct sched_vcpu *s)
{
    struct list *after = q->waiting.prev;

    while (after != &q->waiting && list_entry(after, struct sched_vcpu, link)->vtime > s->vtime)
        after = after->prev;
    list_insert_(&s->link, after, after->next);
    q->nr_waiting++;
    s->queued = true;
}

static void fair_remove(struct sched_queue *q, struct sched_vcpu *s)
{
    list_del(&s->link);
    q->nr_waiting--;
    s->queued = false;
}

static void fair_wake(struct sched_queue *q, struct sched_vcpu *s, uint64_t slept)
{
    int64_t lag = s->vtime;

    lag = slept > FAIR_DEBT + FAIR_CREDIT ? -FAIR_CREDIT : lag - (int64_t)slept;
    lag = MAX(lag, -FAIR_CREDIT);
    lag = MIN(lag, FAIR_DEBT);
    s->vtime = q->floor + lag;
    fair_insert(q, s);
}

static void fair_detach(struct sched_queue *q, struct sched_vcpu *s)
{
    if (s->queued)
        fair_remove(q, s);
    s->vtime -= q->floor;
}

static void fair_preempted(struct sched_queue *q, struct sched_vcpu *s)
{
    if (s->yielding && q->nr_waiting != 0)
        s->vtime = MAX(s->vtime, list_entry(q->waiting.next, struct sched_vcpu, link)->vtime);
    fair_insert(q, s);
}

static struct sched_vcpu *fair_first(struct sched_queue *q,
                                     bool (*ready)(const struct sched_vcpu *))
{
    struct sched_vcpu *s;

    list_for_each (s, &q->waiting, link) {
        if (ready(s))
            return s;
    }
    return NULL;
}

static void fair_run(struct sched_queue *q, struct sched_vcpu *s)
{
    fair_remove(q, s);
    fair_raise_floor(q, s);
}

static void fair_charge(struct sched_queue *q, struct sched_vcpu *s, unsigned weight, uint64_t ns)
{
    s->vtime += (int64_t)(ns * FAIR_NORM_WEIGHT / MAX(weight, 1u));
    fair_raise_floor(q, s);
}

static bool fair_preempts(const struct sched_vcpu *w, const struct sched_vcpu *running)
{
    return w->vtime + FAIR_GRANULARITY < running->vtime;
}

static bool fair_next_in_turn(const struct sched_vcpu *w, const struct sched_vcpu *running)
{
    return running->yielding || w->vtime <= running->vtime;
}

const struct sched_policy sched_fair = {
    .name = "share",
    .id = XEN_SCHEDULER_CREDIT2,
    .init = fair_init,
    .wake = fair_wake,
    .detach = fair_detach,
    .preempted = fair_preempted,
    .first = fair_first,
    .run = fair_run,
    .charge = fair_charge,
    .preempts = fair_preempts,
    .next_in_turn = fair_next_in_turn,
    .slice_ns = FAIR_SLICE,
    .granularity_us = FAIR_GRANULARITY / 1000,
};

/* ---- caps: all vcpus of a domain draw on one budget per period ---- */

static uint64_t sched_cap_budget(const struct sched_domain *d)
{
    return SCHED_CAP_PERIOD * d->cap / 100;
}

/* The first to notice a new period takes off what the old one allowed; an overrun carries over. */
static void sched_cap_roll(struct sched_domain *d, uint64_t now)
{
    uint64_t period = now / SCHED_CAP_PERIOD;
    uint64_t old = __atomic_load_n(&d->cap_period, __ATOMIC_RELAXED);
    uint64_t used, allowed;

    if (old >= period || !__atomic_compare_exchange_n(&d->cap_period, &old, period, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    allowed = sched_cap_budget(d) * MIN(period - old, 100ull);
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
