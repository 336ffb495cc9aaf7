/* SPDX-License-Identifier: GPL-2.0-only */
/* How a hypercall ends early or is preempted, and the calls that are too small for a file. */
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <core/sched.h>
#include <lib/bug.h>
#include <public/hvm_op.h>
#include <public/hypercalls.h>
#include <x86/cpu.h>
#include <x86/irqs_off.h>
#include <x86/uaccess.h>

int64_t hypercall_restart(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;
    int64_t *args = v->restart_args; /* read by the guest type's entry path, or by hc_multicall() */

    args[0] = (int64_t)a1;
    args[1] = (int64_t)a2;
    args[2] = (int64_t)a3;
    args[3] = (int64_t)a4;
    __atomic_fetch_or(&v->arch.pending_work, WORK_RESTART, __ATOMIC_RELAXED);
    return 0;
}

void hypercall_restart_taken(struct vcpu *v)
{
    __atomic_fetch_and(&v->arch.pending_work, ~WORK_RESTART, __ATOMIC_RELAXED);
}

static inline bool preempt_due(void)
{
    return vcpu_event_due(current) || READ_ONCE(current->sched.dying) ||
           READ_ONCE(current->sched.blocked_by) != 0;
}

/*
 * Opens the window for interrupts, and looks whether the call is to end. While the vcpu has an
 * event to take, or is to stop or to die, the account of work stays used up. So each place that can
 * end the call looks as well, though others have looked before it that could not. An interrupt in
 * the window may set need_resched.
 */
static inline bool preempt_look(void)
{
    bool due;

    ASSERT(this_cpu()->lock_depth == 0);
    irq_window();
    due = preempt_due();
    stack_top()->work_left = due ? 0 : WORK_BUDGET;
    return due;
}

bool preempt_point(void)
{
    (void)preempt_look();
    if (unlikely(READ_ONCE(this_cpu()->need_resched)))
        schedule();
    return READ_ONCE(current->sched.dying);
}

bool preempt_wanted(void)
{
    return preempt_look() || READ_ONCE(this_cpu()->need_resched);
}

/*
 * A vcpu that is to stop is not stopped here: the list ends, and it stops at the guest boundary,
 * where it holds nothing. Only one that finishes its call (vcpu_calls_done()) gets past a
 * preemption point with a reason not to run.
 */
bool preempt_for_event(void)
{
    if (preempt_look())
        return true;
    if (likely(!READ_ONCE(this_cpu()->need_resched)))
        return false;
    schedule();
    return preempt_due();
}

bool preempt_work(void)
{
    if (likely(!domain_is_idle(current->domain)))
        return preempt_point();
    irq_window();
    stack_top()->work_left = WORK_BUDGET;
    return false;
}

const uint64_t vm_assist_known =
    BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |
    BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |
    BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag) |
    BIT(VMASST_TYPE_m2p_strict);

/*
 * Most assists that a 64-bit guest can ask for say how things are anyway; m2p_strict would hide
 * from its user mode what is no secret. They are remembered for the tools. architectural_iopl is
 * obeyed, in pv/.
 */
int64_t hc_vm_assist(uint64_t cmd, uint64_t type, uint64_t a3, uint64_t a4)
{
    uint64_t *assist = &current->domain->arch.vm_assist; /* a domain's: its vcpus may race */

    if (type >= 64 || !(vm_assist_known & BIT(type)))
        return -XEN_EINVAL;
    switch (cmd) {
    case VMASST_CMD_enable:
        __atomic_fetch_or(assist, BIT(type), __ATOMIC_SEQ_CST);
        break;
    case VMASST_CMD_disable:
        __atomic_fetch_and(assist, ~BIT(type), __ATOMIC_SEQ_CST);
        break;
    default:
        return -XEN_ENOSYS;
    }
    current->domain->type->assists_changed(current->domain);
    return 0;
}

/* Of fully virtualized guests, by the tools; a PV guest that asks for itself learns it is none. */
int64_t hc_hvm_op(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    struct xen_hvm_param p;
    struct domain *d;
    int64_t rc;

    if (!current->domain->privileged || (cmd != HVMOP_set_param && cmd != HVMOP_get_param))
        return -XEN_ENOSYS;
    if (copy_from_guest(&p, arg, sizeof(p)) != 0)
        return -XEN_EFAULT;
    rc = domain_get_target(p.domid, &d);
    if (rc != 0)
        return rc;
    rc = -XEN_ENOSYS;
    if (d->translated)
        rc = d->type->param(d, cmd == HVMOP_set_param, p.index, &p.value);
    domain_put(d);
    if (rc == 0 && cmd == HVMOP_get_param && copy_to_guest(arg, &p, sizeof(p)) != 0)
        rc = -XEN_EFAULT;
    return rc;
}
