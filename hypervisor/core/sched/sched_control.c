/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's parameters (affinity, weight, cap) and figures, for domctl, sysctl and a debug
 * key. The control ABI has structures per policy; ours takes weight and cap in those of the one
 * that it resembles.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/preempt.h>
#include <core/sched/sched_internal.h>
#include <lib/bitops.h>
#include <public/domctl.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define CAP_MAX (100u * MAX_VCPUS) /* percent of one CPU: all vcpus on a CPU each */

/*
 * Weight 0 leaves the weight as it is, so it is never 0. The scheduler reads both without the lock.
 * When a cap is lifted, a vcpu that waits for the end of its period goes on waiting for that.
 */
static int sched_set(struct domain *d, const struct xen_domctl_sched_credit2 *p)
{
    if (p->cap > CAP_MAX)
        return -XEN_EINVAL;
    spin_lock(&d->lock);
    if (p->weight != 0)
        d->sched.weight = p->weight;
    d->sched.cap = p->cap;
    spin_unlock(&d->lock);
    return 0;
}

/* Parameters are a domain's; asked about a vcpu, its domain's are the answer. */
static int sched_get_vcpus(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    struct xen_domctl_schedparam_vcpu p;

    for (uint32_t i = 0; i < op->u.v.nr_vcpus; i++) {
        if (copy_from_guest_at(&p, op->u.v.vcpus.p, i) != 0)
            return -XEN_EFAULT;
        if (domain_vcpu(d, p.vcpuid) == NULL)
            return -XEN_EINVAL;
        p.u.credit2.weight = d->sched.weight;
        p.u.credit2.cap = d->sched.cap;
        if (copy_to_guest_at(op->u.v.vcpus.p, i, &p) != 0)
            return -XEN_EFAULT;
        preempt_point();
    }
    return 0;
}

int sched_domctl(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    if (op->sched_id != sched_id())
        return -XEN_EINVAL;
    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        return sched_set(d, &op->u.credit2);
    case XEN_DOMCTL_SCHEDOP_getinfo:
        op->u.credit2.weight = d->sched.weight;
        op->u.credit2.cap = d->sched.cap;
        return 0;
    case XEN_DOMCTL_SCHEDOP_getvcpuinfo:
        return sched_get_vcpus(d, op);
    default:
        return -XEN_EINVAL;
    }
}

static int sched_set_ratelimit(uint32_t us)
{
    if (us != 0 && (us < XEN_SYSCTL_SCHED_RATELIMIT_MIN || us > XEN_SYSCTL_SCHED_RATELIMIT_MAX))
        return -XEN_EINVAL;
    WRITE_ONCE(*sched_granularity_us(), us);
    return 0;
}

int sched_sysctl(struct xen_sysctl_scheduler_op *op)
{
    if (op->cpupool_id != 0 || op->sched_id != sched_id())
        return -XEN_EINVAL;
    switch (op->cmd) {
    case XEN_SYSCTL_SCHEDOP_getinfo:
        op->u.sched_credit2.ratelimit_us = READ_ONCE(*sched_granularity_us());
        return 0;
    case XEN_SYSCTL_SCHEDOP_putinfo:
        return sched_set_ratelimit(op->u.sched_credit2.ratelimit_us);
    default:
        return -XEN_EINVAL;
    }
}

int vcpu_set_affinity(struct vcpu *v, cpumask_t hard, cpumask_t soft)
{
    struct sched_cpu *rq;
    struct sched_vcpu *s = &v->sched;
    cpumask_t active = READ_ONCE(cpu_active);
    int poke;

    if ((hard & active) == 0)
        return -XEN_EINVAL;
    rq = sched_lock(v);
    s->hard_affinity = hard;
    s->soft_affinity = soft;
    if (s->queued && ((hard & active) >> s->cpu & 1) == 0) {
        sched_requeue_and_unlock(rq, v);
        return 0;
    }
    poke = s->running ? (int)s->cpu : NO_CPU; /* where it may not stay, schedule() moves it */
    spin_unlock(&rq->lock);
    sched_poke(poke);
    return 0;
}

uint64_t sched_idle_ns(unsigned cpu)
{
    return vcpu_run_time(cpus[cpu]->idle);
}

void sched_dump(void)
{
    unsigned cpu;

    for_each_cpu (cpu, READ_ONCE(cpu_online)) {
        const struct sched_cpu *rq = cpus[cpu]->sched;

        log_info("cpu%u: runs d%uv%u, %u waiting, floor %ld%s", cpu, rq->running->domain->id,
                 rq->running->id, rq->q.nr_waiting, rq->q.floor,
                 cpu_is_active(cpu) ? "" : ", parked");
    }
}
