/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control operations that concern the machine: a domain's access to devices, what it sees of
 * the processor and of time, and the parts of a vcpu's state that its context does not hold.
 *
 * The caller (core/control/domctl_call.c) has checked the privilege and what the table at the end
 * says, and holds a reference on d; the operation is a copy. What it points to is still the guest's
 * memory, and is copied element by element. d is alive, and does not start to die meanwhile.
 */
#include <core/control.h>
#include <core/domain.h>
#include <core/guest_type.h>
#include <guest/cpuid.h>
#include <guest/guest.h>
#include <guest/permissions.h>
#include <guest/xsave.h>
#include <public/domctl.h>
#include <public/errno.h>
#include <x86/regs.h>
#include <x86/time.h>

/* Nobody gives away what he does not have himself. */
static int64_t domctl_ioport(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;
    if (p->first_port > 0xffff || p->nr_ports > 0x10000 - p->first_port || p->nr_ports == 0)
        return -XEN_EINVAL;
    if (!permissions_ioport_allowed(current->domain, p->first_port, p->nr_ports))
        return -XEN_EPERM;
    return permissions_ioport_set(d, p->first_port, p->nr_ports, p->allow_access);
}

static int64_t domctl_iomem(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;
    uint64_t last = p->first_mfn + p->nr_mfns - 1;

    if (p->nr_mfns == 0 || last < p->first_mfn)
        return -XEN_EINVAL;
    if (!permissions_iomem_allowed(current->domain, p->first_mfn, last))
        return -XEN_EPERM;
    return permissions_iomem_set(d, p->first_mfn, last, p->allow_access);
}

/* PV guests map device memory themselves; all that is asked here is whether they may. */
static int64_t domctl_memory_mapping(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_memory_mapping *m = &op->u.memory_mapping;
    uint64_t last = m->first_mfn + m->nr_mfns - 1;

    if (m->nr_mfns == 0 || last < m->first_mfn)
        return -XEN_EINVAL;
    return permissions_iomem_allowed(d, m->first_mfn, last) ? 0 : -XEN_EPERM;
}

/* Written by the hypervisor on d's behalf, so it has to be a page that d could write itself. */
static int64_t domctl_hypercall_init(struct domain *d, struct xen_domctl *op)
{
    return guest_hypercall_page(d, op->u.hypercall_init.gmfn);
}

/* Kept for the tools: the TSC of guests is the processor's own, in every mode. */
static int64_t domctl_settsc(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_tsc_info *t = &op->u.tsc_info;
    if (t->tsc_mode > 3)
        return -XEN_EINVAL;
    d->arch.tsc_mode = t->tsc_mode;
    d->arch.tsc_incarnation = t->incarnation;
    d->arch.tsc_offset = time_now() - t->elapsed_nsec;
    if (t->gtsc_khz != 0)
        d->arch.tsc_khz = t->gtsc_khz;
    return 0;
}

static int64_t domctl_gettsc(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_tsc_info *t = &op->u.tsc_info;
    t->tsc_mode = (uint32_t)d->arch.tsc_mode;
    t->incarnation = d->arch.tsc_incarnation;
    t->gtsc_khz = d->arch.tsc_khz;
    t->elapsed_nsec = time_now() - d->arch.tsc_offset;
    return 0;
}

static int64_t domctl_get_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    struct policy_room room = {p->leaves.p, p->msrs.p, p->nr_leaves, p->nr_msrs};
    int rc = policy_get(d, false, &room);

    p->nr_leaves = room.nr_leaves;
    p->nr_msrs = room.nr_msrs;
    return rc;
}

/* The answer says which leaf or MSR was wrong; none, so far. */
static int64_t domctl_set_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;

    p->err_leaf = p->err_subleaf = p->err_msr = XEN_CPUID_INPUT_UNUSED;
    return policy_set(d, p);
}

/* Lines are dom0's alone; to take the right away is no change. */
static int64_t domctl_irq(struct domain *d, struct xen_domctl *op)
{
    return op->u.irq_permission.allow_access && !d->hardware ? -XEN_EOPNOTSUPP : 0;
}

/* No MSR of a PV vcpu outlives its context. */
static int64_t domctl_get_msrs(struct domain *d, struct xen_domctl *op)
{
    op->u.vcpu_msrs.msr_count = 0;
    return domain_vcpu(d, op->u.vcpu_msrs.vcpu) ? 0 : -XEN_ESRCH;
}

static int64_t domctl_set_msrs(struct domain *d, struct xen_domctl *op)
{
    if (domain_vcpu(d, op->u.vcpu_msrs.vcpu) == NULL)
        return -XEN_ESRCH;
    if (op->u.vcpu_msrs.msr_count == 0)
        return 0;
    op->u.vcpu_msrs.msr_count = 0; /* already the first is refused */
    return -XEN_EINVAL;
}

/* There is no log of dirty frames, so no live migration; and no pool for paging to limit. */
static int64_t domctl_not_offered(struct domain *d, struct xen_domctl *op)
{
    return -XEN_EOPNOTSUPP;
}

const struct domctl_entry guest_domctls[NR_DOMCTLS] = {
    DOMCTL(XEN_DOMCTL_shadow_op, domctl_not_offered, 0),
    DOMCTL(XEN_DOMCTL_irq_permission, domctl_irq, 0),
    DOMCTL(XEN_DOMCTL_iomem_permission, domctl_iomem, 0),
    DOMCTL(XEN_DOMCTL_ioport_permission, domctl_ioport, 0),
    DOMCTL(XEN_DOMCTL_hypercall_init, domctl_hypercall_init, 0),
    DOMCTL(XEN_DOMCTL_memory_mapping, domctl_memory_mapping, 0),
    DOMCTL(XEN_DOMCTL_gettscinfo, domctl_gettsc, DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_settscinfo, domctl_settsc, 0),
    DOMCTL_VCPU(XEN_DOMCTL_setvcpuextstate, xsave_set, vcpuextstate, DOMCTL_NOT_CALLER),
    DOMCTL_VCPU(XEN_DOMCTL_getvcpuextstate, xsave_get, vcpuextstate,
                DOMCTL_NOT_CALLER | DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_get_vcpu_msrs, domctl_get_msrs, DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_set_vcpu_msrs, domctl_set_msrs, DOMCTL_ANSWERS_ALWAYS),
    DOMCTL(XEN_DOMCTL_get_cpu_policy, domctl_get_policy, DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_set_cpu_policy, domctl_set_policy, DOMCTL_ANSWERS_ALWAYS),
    DOMCTL(XEN_DOMCTL_get_paging_mempool_size, domctl_not_offered, 0),
    DOMCTL(XEN_DOMCTL_set_paging_mempool_size, domctl_not_offered, 0),
};
