/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sched_op: waiting, yielding, and ending domains.
 *
 * Waiting is a race with the event that is waited for, and the guest cannot close it by itself: the
 * event may come between its last look and the hypercall. So the operation says "I am waiting"
 * first and looks again afterwards; core/sched/sched_vcpu.c has the pair of barriers. It looks at
 * memory of the guest's, which the guest may change at will: so it can make itself sleep or not,
 * and no more.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <core/watchdog.h>
#include <lib/bitops.h>
#include <public/sched.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define POLL_PORTS_MAX 128
#define WORK_LOOK      100 /* at a port */

/* A guest that waited with events masked would wait for ever, so the operation unmasks them. */
static int64_t sched_op_block(void)
{
    struct vcpu *v = current;

    WRITE_ONCE(v->info->evtchn_upcall_mask, 0);
    smp_mb(); /* the mask is off before we look for events */
    if (!READ_ONCE(v->info->evtchn_upcall_pending))
        vcpu_block();
    return 0;
}

static int64_t sched_op_shutdown(uint64_t arg)
{
    struct sched_shutdown op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.reason > SHUTDOWN_MAX)
        return -XEN_EINVAL;
    /* A list of these goes on to its next preemption point: only the first one is reported. */
    if (READ_ONCE(current->domain->shutting_down))
        return 0;
    log_debug("d%uv%u shuts its domain down, reason %u", current->domain->id, current->id,
              op.reason);
    if (op.reason == SHUTDOWN_crash && !current->domain->hardware)
        guest_dump_vcpu(current, true);
    domain_shutdown(current->domain, op.reason);
    return 0;
}

static int64_t sched_op_shutdown_code(uint64_t arg)
{
    struct sched_shutdown op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.reason > SHUTDOWN_MAX)
        return -XEN_EINVAL;
    /* One word, so the vcpus that race for it leave one of their reasons. */
    current->domain->shutdown_code_plus1 = op.reason + 1;
    return 0;
}

static int64_t sched_op_remote_shutdown(uint64_t arg)
{
    struct sched_remote_shutdown op;
    struct domain *d;
    int rc;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.reason > SHUTDOWN_MAX)
        return -XEN_EINVAL;
    if (op.domain_id == DOMID_SELF || op.domain_id == current->domain->id)
        return -XEN_EPERM; /* that is what plain shutdown is for */
    rc = domain_get_target(op.domain_id, &d);
    if (rc != 0)
        return rc;
    domain_shutdown(d, op.reason);
    domain_put(d);
    return 0;
}

/*
 * Any of the ports pending, or an event for which the guest has not masked upcalls: 1; else 0.
 * -XEN_EFAULT, -XEN_EINVAL for a list or a port that does not exist. Reads the list anew each time,
 * and believes nothing of an earlier look.
 */
static int sched_poll_done(struct vcpu *v, const struct sched_poll *op)
{
    uint32_t port;
    int rc = vcpu_event_due(v);

    (void)work_charge(WORK_LOOK * op->nr_ports);
    for (unsigned i = 0; rc == 0 && i < op->nr_ports; i++) {
        if (copy_from_guest_at(&port, op->ports.p, i) != 0)
            return -XEN_EFAULT;
        rc = evtchn_is_pending(v->domain, port);
    }
    return rc;
}

static int64_t sched_op_poll(uint64_t arg)
{
    struct vcpu *v = current;
    struct sched_poll op;
    uint32_t port = 0;
    int rc;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.nr_ports > POLL_PORTS_MAX)
        return -XEN_EINVAL;
    if (op.nr_ports == 1 && copy_from_guest_at(&port, op.ports.p, 0) != 0)
        return -XEN_EFAULT;
    /* Too late to wait, but not to find out whether the ports exist. */
    if (op.timeout != 0 && op.timeout <= time_now())
        return sched_poll_done(v, &op) < 0 ? -XEN_EINVAL : 0;
    /*
     * poll_port is what evtchn_check_pollers() compares with, 0 for any port: set before the bit
     * that shows it.
     */
    WRITE_ONCE(v->evtchn.poll_port, op.nr_ports == 1 ? (int32_t)(port & INT32_MAX) : 0);
    bit_set(&v->domain->evtchn.pollers, v->id);
    vcpu_block_begin();
    rc = sched_poll_done(v, &op);
    if (rc != 0) { /* also an error: it must not stay asleep on it */
        vcpu_wake(v);
    } else if (op.timeout != 0) {
        timer_migrate(&v->poll_timer, this_cpu()->id);
        timer_set(&v->poll_timer, op.timeout);
    }
    schedule();
    /* Awake, no matter what by: the guest looks at the ports itself. */
    bit_clear(&v->domain->evtchn.pollers, v->id);
    WRITE_ONCE(v->evtchn.poll_port, -1);
    if (op.timeout != 0)
        timer_stop(&v->poll_timer);
    return MIN(rc, 0);
}

static int64_t sched_op_watchdog(uint64_t arg)
{
    struct sched_watchdog op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    return watchdog_set(current->domain, op.id, op.timeout);
}

/* pinned_from is only touched by its own vcpu, so no lock; -XEN_EBUSY keeps it from being lost. */
static int64_t sched_op_pin_override(uint64_t arg)
{
    struct sched_pin_override op;
    struct vcpu *v = current;
    cpumask_t before = v->sched.pinned_from;
    int rc;

    if (!v->domain->hardware)
        return -XEN_EPERM;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.pcpu < 0) {
        if (before == 0)
            return -XEN_ENOENT;
        v->sched.pinned_from = 0;
        if ((before & READ_ONCE(cpu_active)) == 0)
            before = ~0ull; /* its CPUs have been taken out of use meanwhile */
        return vcpu_set_affinity(v, before, v->sched.soft_affinity);
    }
    if (op.pcpu >= NR_CPUS)
        return -XEN_EINVAL;
    if (before != 0)
        return -XEN_EBUSY;
    before = v->sched.hard_affinity;
    rc = vcpu_set_affinity(v, BIT(op.pcpu), v->sched.soft_affinity);
    if (rc == 0) {
        v->sched.pinned_from = before;
        schedule(); /* to the CPU that was asked for, before the guest goes on */
    }
    return rc;
}

int64_t hc_sched_op(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    (void)a3;
    (void)a4;
    switch (cmd) {
    case SCHEDOP_yield:
        vcpu_yield();
        return 0;
    case SCHEDOP_block:
        return sched_op_block();
    case SCHEDOP_shutdown:
        return sched_op_shutdown(arg);
    case SCHEDOP_poll:
        return sched_op_poll(arg);
    case SCHEDOP_remote_shutdown:
        return sched_op_remote_shutdown(arg);
    case SCHEDOP_shutdown_code:
        return sched_op_shutdown_code(arg);
    case SCHEDOP_watchdog:
        return sched_op_watchdog(arg);
    case SCHEDOP_pin_override:
        return sched_op_pin_override(arg);
    default:
        return -XEN_ENOSYS;
    }
}
