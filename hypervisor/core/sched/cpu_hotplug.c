/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processors in and out of use.
 *
 * One that is out of use is parked: it stays in its idle loop, halted, with the hypervisor's own
 * page tables, and goes on answering kicks. So nothing that counts on cpu_online has to know. What
 * it had goes elsewhere: vcpus to where their affinity lets them, timers and interrupt lines to
 * CPU 0. Whoever looked at cpu_active just before the bit fell may still put something here: the
 * idle loop sends a vcpu away, and a timer does its work here.
 *
 * A vcpu that may run nowhere else gets the right to run everywhere, as on Xen, and keeps it when
 * the processor comes back: an affinity that came back by itself would not be what `vcpu-list` has
 * shown.
 */
#include <core/console.h>
#include <core/cpu_hotplug.h>
#include <core/domain.h>
#include <core/evtchn.h>
#include <core/preempt.h>
#include <core/sched/sched_internal.h>
#include <lib/bitops.h>
#include <public/errno.h>
#include <public/hypercalls.h>
#include <x86/cpu.h>
#include <x86/irq.h>

#define WORK_VCPU  500 /* a vcpu is looked at, or queued elsewhere */
#define WORK_TIMER 500 /* a timer goes to another queue */

static uint32_t hotplug_busy; /* 1: one of the two below is at work; atomic */

unsigned cpu_count_active(void)
{
    unsigned n = 0;

    for (cpumask_t left = READ_ONCE(cpu_active); left != 0; left &= left - 1)
        n++;
    return n;
}

bool cpu_park(void)
{
    struct sched_cpu *rq = this_cpu()->sched;
    struct sched_vcpu *s = NULL;

    spin_lock(&rq->lock);
    if (rq->q.nr_waiting == 0) {
        spin_unlock(&rq->lock);
        return false;
    }
    s = list_first(&rq->q.waiting, struct sched_vcpu, link);
    sched_requeue_and_unlock(rq, vcpu_of(s));
    (void)preempt_after(WORK_VCPU);
    return true;
}

/*
 * dom0's kernel has pinned it there for something that only that CPU can do: it cannot be moved
 * now.
 */
static bool pinned_for_a_moment(const struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        if (v->sched.pinned_from != 0 && (v->sched.hard_affinity & READ_ONCE(cpu_active)) == 0)
            return true;
    }
    return false;
}

/* Of a vcpu that could run on this CPU alone. */
static void break_affinity(struct vcpu *v, unsigned cpu)
{
    if ((v->sched.hard_affinity & READ_ONCE(cpu_active)) != 0)
        return;
    log_info("d%uv%u may run on every CPU now: it had none but CPU%u", v->domain->id, v->id, cpu);
    (void)vcpu_set_affinity(v, ~0ull, v->sched.soft_affinity);
}

static void on_all_vcpus(void (*fn)(struct vcpu *v, unsigned cpu), unsigned cpu)
{
    struct domain *d;
    struct vcpu *v;

    for (domid_t from = 0; (d = domain_next(from)) != NULL; domain_put(d)) {
        from = d->id + 1;
        for_each_vcpu (d, v) {
            fn(v, cpu);
            (void)preempt_after(WORK_VCPU);
        }
    }
}

/* Until it idles, and nobody waits there. Current may be the one that runs there. */
static void wait_parked(unsigned cpu)
{
    const struct sched_cpu *rq = cpus[cpu]->sched;

    sched_poke((int)cpu);
    while (READ_ONCE(rq->running) != cpus[cpu]->idle || READ_ONCE(rq->q.nr_waiting) != 0) {
        cpu_relax_poll();
        (void)preempt_point();
    }
}

static int take_offline(unsigned cpu)
{
    if (!cpu_is_active(cpu))
        return -XEN_EEXIST;
    bit_clear(&cpu_active, cpu);
    if (pinned_for_a_moment(dom0)) {
        bit_set(&cpu_active, cpu);
        return -XEN_EADDRINUSE;
    }
    on_all_vcpus(break_affinity, cpu);
    wait_parked(cpu);
    on_all_vcpus(sched_leave_cpu, cpu); /* also those that sleep: it is told where they are */
    timer_stop(&cpus[cpu]->sched->slice_timer); /* the only one that is this CPU's own */
    while (timer_take_over(cpu, 0))
        (void)preempt_after(WORK_TIMER);
    irq_leave_cpu(cpu, 0);
    log_info("CPU%u is parked", cpu);
    return 0;
}

static int bring_online(unsigned cpu)
{
    if (cpu_is_active(cpu))
        return -XEN_EEXIST;
    bit_set(&cpu_active, cpu);
    sched_poke((int)cpu); /* there may be something to take from others */
    log_info("CPU%u is in use again", cpu);
    return 0;
}

static int one_at_a_time(int (*fn)(unsigned cpu), unsigned cpu)
{
    int rc;

    if (cpu == 0 || cpu >= nr_cpus)
        return -XEN_EINVAL;
    if (__atomic_exchange_n(&hotplug_busy, 1, __ATOMIC_ACQUIRE) != 0)
        return -XEN_EBUSY;
    rc = fn(cpu);
    __atomic_store_n(&hotplug_busy, 0, __ATOMIC_RELEASE);
    if (rc == 0)
        evtchn_virq_global(VIRQ_PCPU_STATE); /* dom0's kernel shows it in /sys */
    return rc;
}

int cpu_take_offline(unsigned cpu)
{
    return one_at_a_time(take_offline, cpu);
}

int cpu_bring_online(unsigned cpu)
{
    return one_at_a_time(bring_online, cpu);
}
