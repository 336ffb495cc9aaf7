/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mechanism: a run queue per CPU, run states, wake-up and the switch. Which vcpu is next is for
 * struct sched_policy to say.
 *
 * A vcpu belongs to the run queue of sched.cpu, and everything in its struct sched_vcpu is under
 * that queue's lock; the field itself changes only under the lock of the old queue. Two queues are
 * never waited for at once: the second is only tried.
 *
 * `running` falls under the lock, but the vcpu's registers are complete in memory a little later,
 * when machine_switch_stack() has stored saved_rsp as the last act on its stack. Until then it
 * counts as not ready, and a CPU that meets it in its queue takes another or looks again.
 */
#include <core/cpu_hotplug.h>
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/machine.h>
#include <core/sched/runstate.h>
#include <core/sched/sched_internal.h>
#include <core/stats.h>
#include <lib/bitops.h>
#include <public/vcpu.h>
#include <x86/cpu.h>
#include <x86/irqs_off.h>
#include <x86/time.h>

#define BALANCE_NS MS(20) /* between two moves for the sake of balance */
/*
 * A vcpu that has just got the CPU keeps it for so long against those that wake. A back-end sends
 * an event per answer. If the guest ran at each of them, every one would cost two switches and an
 * interrupt; a moment later the guest finds all answers at once.
 */
#define RUN_AT_LEAST_NS MS(1)

/* How soon a running vcpu's cap is looked at again: caps are no finer, and no sum overflows. */
#define CAP_LOOK_MIN US(50)
#define CAP_LOOK_MAX SECONDS(1)

struct sched_cpu sched_cpus[NR_CPUS];
cpumask_t sched_idle_mask;

static bool sched_runnable(const struct sched_vcpu *s)
{
    return (s->blocked_by == 0 || s->finishing) && !s->capped;
}

static cpumask_t sched_allowed(const struct sched_vcpu *s)
{
    cpumask_t active = READ_ONCE(cpu_active), m = s->hard_affinity & active;

    return m != 0 ? m : active;
}

struct sched_cpu *sched_lock(struct vcpu *v)
{
    for (;;) {
        unsigned cpu = READ_ONCE(v->sched.cpu);
        struct sched_cpu *rq = &sched_cpus[cpu];

        spin_lock(&rq->lock);
        if (likely(v->sched.cpu == cpu))
            return rq;
        spin_unlock(&rq->lock);
    }
}

/*
 * Has a CPU look at its queue again. With no queue locked: to interrupt a CPU takes its time, and
 * nobody who needs the queue should wait for that.
 */
void sched_poke(int cpu)
{
    if (cpu == NO_CPU)
        return;
    WRITE_ONCE(cpus[cpu]->need_resched, true);
    smp_kick((unsigned)cpu);
}

static unsigned sched_load(unsigned cpu)
{
    return READ_ONCE(sched_cpus[cpu].q.nr_waiting) + !((READ_ONCE(sched_idle_mask) >> cpu) & 1);
}

/* Idle and liked, idle, where it was, or where least is to be done: the first that exists. */
static unsigned sched_choose_cpu(const struct sched_vcpu *s)
{
    cpumask_t allowed = sched_allowed(s), liked = allowed & s->soft_affinity;
    cpumask_t idle = READ_ONCE(sched_idle_mask);
    unsigned cpu, best;

    if (liked == 0)
        liked = allowed;
    if ((liked & idle) != 0)
        idle &= liked;
    else
        idle &= allowed;
    if (idle != 0) /* a hint: if several choose the same one, the others steal */
        return (idle >> s->cpu) & 1 ? s->cpu : bit_lowest(idle);
    if ((liked >> s->cpu) & 1)
        return s->cpu;
    best = bit_lowest(liked);
    for_each_cpu (cpu, liked) {
        if (sched_load(cpu) < sched_load(best))
            best = cpu;
    }
    return best;
}

/* ---- queueing ---- */

/* False: its domain has used up its share of this period; it waits for the next one. */
static bool sched_within_cap(struct vcpu *v, uint64_t now)
{
    if (v->sched.dying || sched_cap_left(&v->domain->sched, now) != 0)
        return true;
    v->sched.capped = true;
    timer_set(&v->sched.cap_timer, (now / SCHED_CAP_PERIOD + 1) * SCHED_CAP_PERIOD);
    return false;
}

/*
 * Charges the one that runs on rq's CPU up to now. Another CPU may have done so with a later time.
 * It comes before anyone joins a queue: a vcpu that is alone there may have run for seconds since
 * it was last charged, and would owe them all to a newcomer who has not waited for one of them.
 */
static void sched_account(struct sched_cpu *rq, uint64_t now)
{
    struct vcpu *v = rq->running;
    uint64_t ran = now > v->sched.last_start ? now - v->sched.last_start : 0;

    v->sched.last_start += ran;
    if (domain_is_idle(v->domain)) {
        SCHED_POLICY->idle(&rq->q, ran);
        return;
    }
    SCHED_POLICY->charge(&rq->q, &v->sched, v->domain->sched.weight, ran);
    sched_cap_charge(&v->domain->sched, ran, now);
}

/* Until when a running vcpu is not disturbed by one that wakes. */
static uint64_t sched_undisturbed(const struct sched_vcpu *running)
{
    return running->runstate.state_entry_time + RUN_AT_LEAST_NS;
}

/* The running vcpu's slice is to end at `end`, if not before. The queue is locked. */
static void sched_end_slice_by(struct sched_cpu *rq, struct sched_vcpu *running, uint64_t end)
{
    if (rq->slice_armed && running->slice_end <= end)
        return;
    running->slice_end = MIN(running->slice_end, end);
    if (rq->slice_armed && rq->slice_timer.expires <= end)
        return; /* for the sake of a cap */
    rq->slice_armed = true;
    timer_set(&rq->slice_timer, end);
}

/* v, neither queued nor running, becomes queued on rq, which is locked. Returns whom to poke. */
static int sched_enqueue(struct sched_cpu *rq, struct vcpu *v, uint64_t now)
{
    struct vcpu *r = rq->running;
    cpumask_t idle;
    uint64_t end;

    sched_account(rq, now);
    if (!sched_within_cap(v, now)) {
        runstate_change(v, RUNSTATE_runnable, now);
        return NO_CPU;
    }
    SCHED_POLICY->wake(&rq->q, &v->sched);
    runstate_change(v, RUNSTATE_runnable, now);
    end = now + WAKE_WAIT_NS; /* one that has slept does not wait for the end of a long slice */
    /* An idle CPU is poked now, one that has to give way when its vcpu has run undisturbed. */
    if (domain_is_idle(r->domain) || SCHED_POLICY->preempts(&v->sched, &r->sched)) {
        end = MIN(end, sched_undisturbed(&r->sched));
        if (domain_is_idle(r->domain) || end <= now)
            return (int)v->sched.cpu;
    }
    sched_end_slice_by(rq, &r->sched, end);
    idle = READ_ONCE(sched_idle_mask) & sched_allowed(&v->sched);
    return idle != 0 ? (int)bit_lowest(idle) : NO_CPU; /* it will steal */
}

/* A vcpu that may have become runnable goes to the best CPU's queue. Unlocks rq. */
static void sched_place_and_unlock(struct sched_cpu *rq, struct vcpu *v)
{
    struct sched_vcpu *s = &v->sched;
    int poke = NO_CPU;

    if (sched_runnable(s) && !s->running && !s->queued) {
        unsigned cpu = sched_choose_cpu(s);

        if (cpu != s->cpu) {
            sched_account(rq, time_now());
            SCHED_POLICY->move(&rq->q, &sched_cpus[cpu].q, s);
            WRITE_ONCE(s->cpu, cpu);
            spin_unlock(&rq->lock);
            rq = sched_lock(v); /* in between another CPU may have stopped, queued or run it */
            if (!sched_runnable(s) || s->running || s->queued) {
                spin_unlock(&rq->lock);
                return;
            }
        }
        poke = sched_enqueue(rq, v, time_now());
    }
    spin_unlock(&rq->lock);
    sched_poke(poke);
}

void sched_requeue_and_unlock(struct sched_cpu *rq, struct vcpu *v)
{
    SCHED_POLICY->detach(&rq->q, &v->sched);
    sched_place_and_unlock(rq, v);
}

void sched_leave_cpu(struct vcpu *v, unsigned cpu)
{
    struct sched_cpu *rq = sched_lock(v);
    struct sched_vcpu *s = &v->sched;

    if (s->cpu == cpu && !s->running && !s->queued) {
        unsigned to = sched_choose_cpu(s);

        SCHED_POLICY->move(&rq->q, &sched_cpus[to].q, s);
        WRITE_ONCE(s->cpu, to);
    }
    spin_unlock(&rq->lock);
}

/* Sets and clears reasons not to run, and does what follows from it. Unlocks rq. */
void sched_change_and_unlock(struct sched_cpu *rq, struct vcpu *v, uint32_t set, uint32_t clear)
{
    struct sched_vcpu *s = &v->sched;
    int poke = NO_CPU;

    if (s->dying)
        set &= SCHED_DYING;
    if (s->finishing)
        set &= ~SCHED_BLOCKED;
    s->blocked_by = (s->blocked_by | set) & ~clear;
    if (s->blocked_by == 0)
        s->finishing = false;
    if (s->blocked_by == 0 || s->finishing) {
        if (s->capped && !s->running) /* no pause keeps it any more, but the cap does */
            runstate_change(v, RUNSTATE_runnable, time_now());
        sched_place_and_unlock(rq, v);
        return;
    }
    if (s->queued) {
        SCHED_POLICY->detach(&rq->q, s);
        runstate_change(v, runstate_when_stopped(v), time_now());
    } else if (s->running) {
        poke = (int)s->cpu;
    } else {
        runstate_change(v, runstate_when_stopped(v), time_now());
    }
    spin_unlock(&rq->lock);
    sched_poke(poke);
}

void sched_cap_over(void *data)
{
    struct vcpu *v = data;
    struct sched_cpu *rq = sched_lock(v);

    v->sched.capped = false;
    sched_place_and_unlock(rq, v);
}

/* ---- choosing ---- */

/* From one CPU's waiting list to another's; both are locked. */
static void sched_migrate(struct sched_vcpu *s, struct sched_cpu *to, unsigned cpu, uint64_t now)
{
    struct sched_cpu *from = &sched_cpus[s->cpu];

    sched_account(from, now);
    sched_account(to, now);
    SCHED_POLICY->detach(&from->q, s);
    SCHED_POLICY->move(&from->q, &to->q, s);
    WRITE_ONCE(s->cpu, cpu);
    SCHED_POLICY->wake(&to->q, s);
}

/* Takes a ready vcpu that may run here from another CPU's queue; ours is locked. */
static struct vcpu *sched_steal(struct sched_cpu *rq, unsigned cpu, uint64_t now)
{
    unsigned other;

    for_each_cpu (other, READ_ONCE(cpu_online) & ~BIT(cpu)) {
        struct sched_cpu *from = &sched_cpus[other];
        struct sched_vcpu *s;

        if (READ_ONCE(from->q.nr_waiting) == 0 || !spin_trylock(&from->lock))
            continue;
        list_for_each (s, &from->q.waiting, link) {
            if (((sched_allowed(s) >> cpu) & 1) == 0 || !sched_ready(s))
                continue;
            sched_migrate(s, rq, cpu, now);
            spin_unlock(&from->lock);
            return vcpu_of(s);
        }
        spin_unlock(&from->lock);
    }
    return NULL;
}

/* Now and then the first that waits here moves to a CPU that has less to do; ours is locked. */
static void sched_balance(struct sched_cpu *rq, unsigned cpu, uint64_t now)
{
    unsigned other, best = cpu;
    struct sched_vcpu *s;
    struct sched_cpu *to;

    if (rq->q.nr_waiting == 0 || now < rq->next_balance || READ_ONCE(nr_cpus) < 2)
        return;
    rq->next_balance = now + BALANCE_NS;
    s = SCHED_POLICY->first(&rq->q, sched_ready);
    if (s == NULL)
        return;
    for_each_cpu (other, sched_allowed(s)) {
        if (sched_load(other) < sched_load(best))
            best = other;
    }
    to = &sched_cpus[best];
    if (best == cpu || !spin_trylock(&to->lock))
        return;
    sched_migrate(s, to, best, now);
    to->next_balance = now + BALANCE_NS;
    spin_unlock(&to->lock);
    sched_poke((int)best);
}

/* prev may go on: does it? */
static bool sched_keeps(const struct vcpu *prev, const struct sched_vcpu *first, uint64_t now)
{
    if (first == NULL)
        return true;
    if (now < prev->sched.slice_end && !prev->sched.yielding)
        return now < sched_undisturbed(&prev->sched) ||
               !SCHED_POLICY->preempts(first, &prev->sched);
    return !SCHED_POLICY->next_in_turn(first, &prev->sched);
}

/* In this order: one handed to, prev if it stays, the first here, another CPU's, the idle one. */
static struct vcpu *sched_pick(struct sched_cpu *rq, struct vcpu *prev, bool prev_can, uint64_t now)
{
    struct cpu *c = this_cpu();
    struct sched_vcpu *first;
    struct vcpu *v;

    rq->handed = false;
    if (unlikely(!cpu_is_active(c->id)))
        return c->idle; /* whose loop sends away those that wait */
    sched_balance(rq, c->id, now);
    first = SCHED_POLICY->first(&rq->q, sched_ready);
    if (unlikely(rq->handoff != NULL) && first != NULL) {
        struct sched_vcpu *to = sched_handed(rq, first, now);

        rq->handed = to != NULL;
        if (to != NULL)
            return vcpu_of(to);
    }
    if (prev_can && sched_keeps(prev, first, now))
        return prev;
    if (first != NULL)
        return vcpu_of(first);
    v = sched_steal(rq, c->id, now);
    if (v != NULL)
        return v;
    if (rq->q.nr_waiting != 0)
        c->need_resched = true; /* one is being saved by another CPU at this moment: look again */
    return c->idle;
}

/* ---- switching ---- */

static void sched_start_slice(struct sched_cpu *rq, struct vcpu *next, bool fresh, uint64_t now)
{
    uint64_t left;

    if (domain_is_idle(next->domain)) {
        rq->slice_armed = false;
        return;
    }
    if (fresh || now >= next->sched.slice_end) /* one that was handed the CPU has not waited */
        next->sched.slice_end = now + (rq->handed ? WAKE_WAIT_NS : SCHED_POLICY->slice_ns);
    left = sched_cap_left(&next->domain->sched, now);
    if (left == UINT64_MAX && rq->q.nr_waiting == 0) {
        rq->slice_armed = false; /* alone: whoever comes will disturb */
        return;
    }
    rq->slice_armed = true;
    left = MAX(MIN(left, CAP_LOOK_MAX), CAP_LOOK_MIN);
    timer_set(&rq->slice_timer, MIN(next->sched.slice_end, now + left));
}

void sched_slice_over(void *data)
{
    struct sched_cpu *rq = data;

    rq->slice_armed = false;
    this_cpu()->need_resched = true;
}

/* prev leaves this CPU: to the queue, to sleep, or (true) to a CPU where it may run. */
static bool sched_put_prev(struct sched_cpu *rq, struct vcpu *prev, bool can, uint64_t now)
{
    struct sched_vcpu *s = &prev->sched;
    bool displaced = false;

    s->running = false;
    if (domain_is_idle(prev->domain)) {
        runstate_change(prev, RUNSTATE_runnable, now);
        return false;
    }
    if (can) {
        SCHED_POLICY->preempted(&rq->q, s);
        runstate_change(prev, RUNSTATE_runnable, now);
    } else {
        displaced = sched_runnable(s); /* its affinity forbids this CPU */
        runstate_change(
            prev, displaced || s->capped ? RUNSTATE_runnable : runstate_when_stopped(prev), now);
    }
    rq->departed = s->runstate;
    s->yielding = false;
    return displaced;
}

static void sched_take_next(struct sched_cpu *rq, struct vcpu *next, uint64_t now)
{
    unsigned cpu = this_cpu()->id;

    rq->running = next;
    next->sched.last_start = now;
    next->sched.running = true;
    next->sched.entered = true;
    if (domain_is_idle(next->domain)) {
        bit_set(&sched_idle_mask, cpu);
    } else {
        SCHED_POLICY->run(&rq->q, &next->sched);
        bit_clear(&sched_idle_mask, cpu);
    }
    runstate_change(next, RUNSTATE_running, now);
    stats_of(next)[LODGE_STAT_SWITCH]++;
}

static void sched_switch(struct vcpu *prev, struct vcpu *next)
{
    struct cpu *c = this_cpu();
    uint64_t rsp = next->saved_rsp;

    /* Into the guest's memory: prev's page tables have to be loaded still. */
    if (prev->runstate_area != 0 && prev->domain->max_vcpus > 1)
        runstate_publish(prev, &c->sched->departed);
    guest_switch_out(prev);
    next->saved_rsp = 0;
    guest_switch_in(next, c);
    if (next->arch.time_info != NULL)
        time_update_vcpu(next);
    machine_switch(&prev->saved_rsp, rsp);
    /* prev again, perhaps on another CPU and much later: c is not this CPU any more. */
    if (prev->runstate_area != 0)
        runstate_publish(prev, &prev->sched.runstate);
}

void schedule(void)
{
    struct cpu *c = this_cpu();
    struct sched_cpu *rq = &sched_cpus[c->id];
    struct vcpu *prev = c->curr, *next;
    uint64_t now = time_now();
    bool can, displaced = false;

    spin_lock(&rq->lock);
    WRITE_ONCE(c->need_resched, false); /* first: whoever changes the queue later sets it again */
    sched_account(rq, now);
    can = !domain_is_idle(prev->domain) && sched_runnable(&prev->sched) &&
          ((sched_allowed(&prev->sched) >> c->id) & 1) && sched_within_cap(prev, now);
    next = sched_pick(rq, prev, can, now); /* prev is in no queue yet */
    if (next != prev) {
        displaced = sched_put_prev(rq, prev, can, now);
        sched_take_next(rq, next, now);
    } else {
        prev->sched.yielding = false;
    }
    sched_start_slice(rq, next, next != prev, now);
    spin_unlock(&rq->lock);
    if (displaced)
        sched_place_and_unlock(sched_lock(prev), prev);
    if (next != prev)
        sched_switch(prev, next);
}

void sched_idle_loop(void)
{
    for (;;) {
        domain_reap();
        if (READ_ONCE(this_cpu()->need_resched))
            schedule();
        else if (likely(cpu_is_active(this_cpu()->id)) || !cpu_park())
            irq_halt();
    }
}
