/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proportional share. Each vcpu has a virtual run time, which advances with its real one, divided
 * by its weight. The vcpu that has had least runs next. A waiting vcpu's time stands still while
 * the others' goes on; so those that want to run all the time get their shares over time.
 *
 * A queue's floor is the least virtual time of those that want to run; it never falls. It is the
 * queue's clock. The more vcpus want to run, and the more weight they have, the slower it goes;
 * while nobody wants to run, it goes by the time of day.
 *
 * A vcpu's time stands still while it is asleep, too, and the floor comes nearer, or passes it.
 * Whoever has run ahead of its share pays for that with its own share of the time that passes. It
 * does not matter how it cuts its time into running and sleeping, and sleepers that take turns get
 * no more than if they had waited. But sleep is not saved up: one that wakes is at most FAIR_CREDIT
 * ahead of the floor, which is enough to preempt a hog at once and too little to starve one.
 *
 * For this the floor has to be up to date when a vcpu wakes, so core/sched/sched.c charges the
 * running one first. A vcpu that moves to another CPU keeps its distance to the floor, so the
 * queues' clocks need not agree. To sleep just before a charge gains nothing, as each charges what
 * the clock says.
 */
#include <core/sched/sched_policy.h>
#include <public/domctl.h>

#define FAIR_SLICE       MS(5)
#define FAIR_CREDIT      ((int64_t)MS(3)) /* what a sleeper may be ahead, in virtual time */
#define FAIR_NORM_WEIGHT 256

static void fair_init(struct sched_queue *q)
{
    list_init(&q->waiting);
    q->nr_waiting = 0;
    q->floor = 0;
}

/*
 * Raises the floor to the least vtime of those who want to run. `running` may have been charged
 * already, or be about to leave; NULL: nobody runs.
 */
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

/*
 * Into the list, which is in order of vtime, behind those with the same. New ones mostly belong
 * near the end. The walk is bounded by the vcpus that exist, which dom0 grants.
 */
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

static void fair_wake(struct sched_queue *q, struct sched_vcpu *s)
{
    s->vtime = MAX(s->vtime, q->floor - FAIR_CREDIT);
    fair_insert(q, s);
}

static void fair_move(const struct sched_queue *from, const struct sched_queue *to,
                      struct sched_vcpu *s)
{
    s->vtime += READ_ONCE(to->floor) - from->floor;
}

static void fair_preempted(struct sched_queue *q, struct sched_vcpu *s)
{
    /* Behind the first in the queue, and it pays for that: else it would be next again. */
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

/* ns is the time since the last charge. The product overflows after two years of it. */
static void fair_charge(struct sched_queue *q, struct sched_vcpu *s, unsigned weight, uint64_t ns)
{
    s->vtime += (int64_t)(ns * FAIR_NORM_WEIGHT / MAX(weight, 1u));
    fair_raise_floor(q, s);
}

/* Not while one waits, which may be there but not ready yet: the floor is not to pass it. */
static void fair_idle(struct sched_queue *q, uint64_t ns)
{
    if (q->nr_waiting == 0)
        q->floor += (int64_t)ns;
}

/* A waking vcpu preempts when it is that far behind. dom0 may change it at any time. */
static uint32_t fair_granularity_us = 500;

static bool fair_preempts(const struct sched_vcpu *w, const struct sched_vcpu *running)
{
    return w->vtime + (int64_t)US(fair_granularity_us) < running->vtime;
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
    .detach = fair_remove,
    .move = fair_move,
    .preempted = fair_preempted,
    .first = fair_first,
    .run = fair_run,
    .charge = fair_charge,
    .idle = fair_idle,
    .preempts = fair_preempts,
    .next_in_turn = fair_next_in_turn,
    .slice_ns = FAIR_SLICE,
    .granularity_us = &fair_granularity_us,
};
