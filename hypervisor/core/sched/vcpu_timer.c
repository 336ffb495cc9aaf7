/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vcpu's timers. Those that tell the guest the time raise VIRQ_TIMER. A timer is set on the CPU
 * that asks for it, which is mostly the one where the vcpu runs.
 *
 * They go on while the vcpu is blocked, preempted or paused: a timer raises an event, and the event
 * waits. Each vcpu has one timer of each kind, so what a guest asks for replaces what it had asked
 * for. The load that it can make of them is an interrupt per PERIOD_MIN (core/sched/vcpu_op.c), or
 * one for each of its own hypercalls.
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/vcpu_timer.h>
#include <public/hypercalls.h>
#include <x86/cpu.h>
#include <x86/time.h>

static void vcpu_timer_tick(void *data)
{
    evtchn_virq_vcpu(data, VIRQ_TIMER);
}

static void vcpu_timer_period(void *data)
{
    struct vcpu *v = data;
    uint64_t now = time_now(), period = READ_ONCE(v->periodic_ns);

    if (period == 0) /* stopped since this was set: do not set it again */
        return;
    v->periodic_last += period;
    if (v->periodic_last + period < now)
        v->periodic_last = now; /* it has slept through some: no catching up */
    evtchn_virq_vcpu(v, VIRQ_TIMER);
    timer_set(&v->periodic_timer, v->periodic_last + period);
}

static void vcpu_timer_poll(void *data)
{
    vcpu_wake(data);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->singleshot_timer, vcpu_timer_tick, v, v->sched.cpu);
    timer_init(&v->periodic_timer, vcpu_timer_period, v, v->sched.cpu);
    timer_init(&v->poll_timer, vcpu_timer_poll, v, v->sched.cpu);
}

void vcpu_timers_stop(struct vcpu *v)
{
    WRITE_ONCE(v->periodic_ns, 0); /* first, so that the handler does not set its timer again */
    timer_kill(&v->singleshot_timer);
    timer_kill(&v->periodic_timer);
    timer_kill(&v->poll_timer);
}

void vcpu_timer_singleshot(struct vcpu *v, uint64_t when)
{
    /* To the CPU that v runs on: raising the event there needs no interrupt of another CPU. */
    timer_migrate(&v->singleshot_timer, this_cpu()->id);
    if (when <= time_now()) {
        timer_stop(&v->singleshot_timer);
        evtchn_virq_vcpu(v, VIRQ_TIMER);
        return;
    }
    timer_set(&v->singleshot_timer, when);
}

void vcpu_timer_singleshot_stop(struct vcpu *v)
{
    timer_stop(&v->singleshot_timer);
}

void vcpu_timer_periodic(struct vcpu *v, uint64_t period_ns)
{
    timer_stop(&v->periodic_timer);
    WRITE_ONCE(v->periodic_ns, period_ns);
    if (period_ns == 0)
        return;
    timer_migrate(&v->periodic_timer, this_cpu()->id);
    v->periodic_last = time_now();
    timer_set(&v->periodic_timer, v->periodic_last + period_ns);
}

int64_t hc_set_timer_op(uint64_t when, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;

    (void)a2;
    (void)a3;
    (void)a4;
    if (when == 0)
        vcpu_timer_singleshot_stop(v);
    else
        vcpu_timer_singleshot(v, when);
    return 0;
}
