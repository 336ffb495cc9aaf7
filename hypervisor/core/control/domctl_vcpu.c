/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domctl operations on one vcpu: registers, affinity, what it is doing, triggers; and the node
 * affinity of a domain, which is a mask as well. The domain is held by the caller, and with it the
 * vcpu, which is there. Registers are read and written while the vcpu is paused at the guest
 * boundary; then all of them are in memory, and none is half-way through a hypercall. One that is
 * inside of one finishes it first, for which the operation is restarted.
 */
#include <core/control/bitmap_copy.h>
#include <core/control/domctl.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <public/arch.h>
#include <public/domctl.h>
#include <public/domctl_vcpu.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

/* A context is larger than a page: too large for a stack. */
#define CONTEXT_ORDER 1
_Static_assert(sizeof(struct vcpu_guest_context) <= (PAGE_SIZE << CONTEXT_ORDER), "context buffer");

/*
 * Waits for a moment for v, which is paused, to come out of its call. The pause is kept meanwhile:
 * a vcpu that nobody else has paused, and that waits in calls all the time, would be in its next
 * one by the next attempt. A long call is for a restart to wait for.
 */
static bool calls_done_soon(struct vcpu *v)
{
    for (unsigned i = 0; i < 100 && !vcpu_calls_done(v); i++)
        vcpu_yield();
    if (!vcpu_calls_done(v))
        return false;
    sched_wait_off_cpu(v); /* it may be on its way */
    return true;
}

/*
 * A vcpu that finishes its call is not paused again, which would stop it. But it may wait for
 * another one that has been stopped since, so all are looked at.
 */
static bool call_goes_on(struct vcpu *v)
{
    return vcpu_finishing(v) && !vcpu_calls_done(v);
}

int64_t domctl_setvcpucontext(struct vcpu *v, struct xen_domctl *op)
{
    vaddr_t from = (vaddr_t)op->u.vcpucontext.ctxt.p;
    struct vcpu_guest_context *c;
    int64_t rc;

    if (from == 0)
        return -XEN_EINVAL;
    if (call_goes_on(v))
        return -XEN_ERESTART;
    c = hpages_alloc(CONTEXT_ORDER);
    if (c == NULL)
        return -XEN_ENOMEM;
    if (copy_from_guest(c, from, sizeof(*c)) != 0) {
        rc = -XEN_EFAULT;
    } else if (!vcpu_context_begin(v)) {
        rc = -XEN_EBUSY; /* VCPUOP_initialise, whose caller may be paused in the middle of it */
    } else {
        domain_pause(v->domain);
        rc = calls_done_soon(v) ? guest_set_context(v, c) : -XEN_ERESTART;
        if (rc == 0)
            vcpu_set_down(v, !(c->flags & VGCF_online));
        domain_unpause(v->domain);
        vcpu_context_end(v);
    }
    hpages_free(c, CONTEXT_ORDER);
    return rc;
}

int64_t domctl_getvcpucontext(struct vcpu *v, struct xen_domctl *op)
{
    vaddr_t to = (vaddr_t)op->u.vcpucontext.ctxt.p;
    struct vcpu_guest_context *c;
    int64_t rc = 0;

    if (!v->initialised)
        return -XEN_ENODATA;
    if (call_goes_on(v))
        return -XEN_ERESTART;
    c = hpages_alloc(CONTEXT_ORDER);
    if (c == NULL)
        return -XEN_ENOMEM;
    vcpu_pause(v);
    if (calls_done_soon(v))
        guest_get_context(v, c);
    else
        rc = -XEN_ERESTART;
    vcpu_unpause(v);
    if (rc == 0 && copy_to_guest(to, c, sizeof(*c)) != 0)
        rc = -XEN_EFAULT;
    hpages_free(c, CONTEXT_ORDER);
    return rc;
}

/* A look in passing: the vcpu is not paused for it. */
int64_t domctl_getvcpuinfo(struct vcpu *v, struct xen_domctl *op)
{
    struct xen_domctl_getvcpuinfo *i = &op->u.getvcpuinfo;

    i->online = !(v->sched.blocked_by & SCHED_DOWN);
    i->blocked = (v->sched.blocked_by & SCHED_BLOCKED) != 0;
    i->running = v->sched.running;
    i->cpu_time = vcpu_run_time(v);
    i->cpu = v->sched.cpu;
    return 0;
}

int64_t domctl_setvcpuaffinity(struct vcpu *v, struct xen_domctl *op)
{
    struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    cpumask_t hard = v->sched.hard_affinity, soft = v->sched.soft_affinity;
    int64_t rc = 0;

    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = cpumask_from_guest(&hard, &a->cpumap_hard);
    if (rc == 0 && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = cpumask_from_guest(&soft, &a->cpumap_soft);
    if (rc == 0)
        rc = vcpu_set_affinity(v, hard, soft);
    /* What is in force now goes back into the same maps. */
    if (rc == 0 && (a->flags & XEN_VCPUAFFINITY_HARD))
        rc = cpumask_to_guest(&a->cpumap_hard, v->sched.hard_affinity & READ_ONCE(cpu_active));
    if (rc == 0 && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = cpumask_to_guest(&a->cpumap_soft, v->sched.soft_affinity & v->sched.hard_affinity &
                                                   READ_ONCE(cpu_active));
    return rc;
}

int64_t domctl_getvcpuaffinity(struct vcpu *v, struct xen_domctl *op)
{
    struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    int64_t rc = 0;

    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = cpumask_to_guest(&a->cpumap_hard, v->sched.hard_affinity);
    if (rc == 0 && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = cpumask_to_guest(&a->cpumap_soft, v->sched.soft_affinity);
    return rc;
}

/* There is one node. */
int64_t domctl_getnodeaffinity(struct domain *d, struct xen_domctl *op)
{
    return cpumask_to_guest(&op->u.nodeaffinity.nodemap, 1);
}

int64_t domctl_sendtrigger(struct vcpu *v, struct xen_domctl *op)
{
    if (op->u.sendtrigger.trigger != XEN_DOMCTL_SENDTRIGGER_NMI)
        return -XEN_ENOSYS; /* power and sleep buttons are for full virtualization */
    guest_inject_nmi(v);
    return 0;
}
