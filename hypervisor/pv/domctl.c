/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control operations that concern the machine: page types of a domain's frames, its access to
 * devices, and the parts of a vcpu's state that its context does not hold.
 *
 * The caller (core/control/domctl.c) has checked the privilege and holds a reference on d; the
 * operation is a copy, which goes back to the guest if *copyback is set. What it points to is still
 * the guest's memory, and is copied element by element. d is alive, and does not start to die
 * meanwhile.
 */
#include <core/arch.h>
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <public/domctl.h>
#include <pv/entry.h>
#include <pv/page_types.h>
#include <pv/pirq.h>
#include <pv/pv.h>
#include <pv/vcpu_state.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define FRAMEINFO_MAX 1024 /* frames asked about at once, as the ABI has it */

/* A hint, by the time it is read: the frame is not held. XTAB: no frame of d's. */
static uint64_t frameinfo(const struct domain *d, uint64_t mfn)
{
    uint64_t t, info = XEN_DOMCTL_PFINFO_NOTAB;

    if (mfn >= max_mfn || FRAMES[mfn].owner != d->id || (FRAMES[mfn].refs & FRAME_COUNT_MASK) == 0)
        return XEN_DOMCTL_PFINFO_XTAB;
    t = READ_ONCE(FRAMES[mfn].type);
    if ((t & PAGE_TYPE_COUNT) != 0 && page_type_is_table(page_type_of(t)))
        info = (uint64_t)page_type_of(t) << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
    if (t & PAGE_TYPE_PINNED)
        info |= XEN_DOMCTL_PFINFO_LPINTAB;
    return info;
}

static int64_t domctl_getpageframeinfo(struct domain *d, struct xen_domctl_getpageframeinfo3 *op)
{
    uint64_t mfn, info;

    if (op->num > FRAMEINFO_MAX)
        return -XEN_E2BIG;
    for (uint64_t i = 0; i < op->num; i++) {
        if (copy_from_guest_at(&mfn, op->array.p, i) != 0)
            return -XEN_EFAULT;
        info = frameinfo(d, mfn);
        if (copy_to_guest_at(op->array.p, i, &info) != 0)
            return -XEN_EFAULT;
        if (i % 64 == 63)
            preempt_point();
    }
    return 0;
}

/* Nobody gives away what he does not have himself. */
static int64_t domctl_ioport(struct domain *d, const struct xen_domctl_ioport_permission *p)
{
    if (p->first_port > 0xffff || p->nr_ports > 0x10000 - p->first_port || p->nr_ports == 0)
        return -XEN_EINVAL;
    if (!permissions_ioport_allowed(current->domain, p->first_port, p->nr_ports))
        return -XEN_EPERM;
    return permissions_ioport_set(d, p->first_port, p->nr_ports, p->allow_access);
}

static int64_t domctl_iomem(struct domain *d, const struct xen_domctl_iomem_permission *p)
{
    uint64_t last = p->first_mfn + p->nr_mfns - 1;

    if (p->nr_mfns == 0 || last < p->first_mfn)
        return -XEN_EINVAL;
    if (!permissions_iomem_allowed(current->domain, p->first_mfn, last))
        return -XEN_EPERM;
    return permissions_iomem_set(d, p->first_mfn, last, p->allow_access);
}

/* PV guests map device memory themselves; all that is asked here is whether they may. */
static int64_t domctl_memory_mapping(struct domain *d, const struct xen_domctl_memory_mapping *m)
{
    uint64_t last = m->first_mfn + m->nr_mfns - 1;

    if (m->nr_mfns == 0 || last < m->first_mfn)
        return -XEN_EINVAL;
    return permissions_iomem_allowed(d, m->first_mfn, last) ? 0 : -XEN_EPERM;
}

/* Written by the hypervisor on d's behalf, so it has to be a page that d could write itself. */
static int64_t domctl_hypercall_init(struct domain *d, uint64_t gmfn)
{
    struct frame *f = arch_get_guest_frame_writable(d, gmfn);

    if (f == NULL)
        return -XEN_EACCES;
    hypercall_page_fill(mfn_to_virt(MFN(gmfn)));
    arch_frame_put_writable(f);
    return 0;
}

/* Kept for the tools: the TSC of guests is the processor's own, in every mode. */
static int64_t domctl_settsc(struct domain *d, const struct xen_domctl_tsc_info *t)
{
    if (t->tsc_mode > 3)
        return -XEN_EINVAL;
    d->arch.tsc_mode = t->tsc_mode;
    d->arch.tsc_incarnation = t->incarnation;
    d->arch.tsc_offset = time_now() - t->elapsed_nsec;
    if (t->gtsc_khz != 0)
        d->arch.tsc_khz = t->gtsc_khz;
    return 0;
}

static void domctl_gettsc(const struct domain *d, struct xen_domctl_tsc_info *t)
{
    t->tsc_mode = (uint32_t)d->arch.tsc_mode;
    t->incarnation = d->arch.tsc_incarnation;
    t->gtsc_khz = d->arch.tsc_khz;
    t->elapsed_nsec = time_now() - d->arch.tsc_offset;
}

static int64_t domctl_get_policy(const struct domain *d, struct xen_domctl_cpu_policy *op)
{
    struct policy_room room = {op->leaves.p, op->msrs.p, op->nr_leaves, op->nr_msrs};
    int rc = policy_get(d, false, &room);

    op->nr_leaves = room.nr_leaves;
    op->nr_msrs = room.nr_msrs;
    return rc;
}

static int64_t domctl_of_vcpu(struct domain *d, struct xen_domctl *op, bool *copyback)
{
    switch (op->cmd) {
    case XEN_DOMCTL_get_ext_vcpucontext:
        *copyback = true;
        return vcpu_state_get_ext(d, &op->u.ext_vcpucontext);
    case XEN_DOMCTL_set_ext_vcpucontext:
        return vcpu_state_set_ext(d, &op->u.ext_vcpucontext);
    case XEN_DOMCTL_getvcpuextstate:
        *copyback = true;
        return vcpu_state_get_xsave(d, &op->u.vcpuextstate);
    case XEN_DOMCTL_setvcpuextstate:
        return vcpu_state_set_xsave(d, &op->u.vcpuextstate);
    case XEN_DOMCTL_get_vcpu_msrs: /* no MSR of a PV vcpu outlives its context */
        *copyback = true;
        op->u.vcpu_msrs.msr_count = 0;
        return domain_vcpu(d, op->u.vcpu_msrs.vcpu) ? 0 : -XEN_ENOENT;
    case XEN_DOMCTL_set_vcpu_msrs:
        return op->u.vcpu_msrs.msr_count == 0 ? 0 : -XEN_EINVAL;
    default:
        guest_refused("domctl %u is not served", op->cmd);
        return -XEN_ENOSYS;
    }
}

int64_t arch_domctl(struct domain *d, struct xen_domctl *op, bool *copyback, uint64_t handle)
{
    switch (op->cmd) {
    case XEN_DOMCTL_getpageframeinfo3:
        return domctl_getpageframeinfo(d, &op->u.getpageframeinfo3);
    case XEN_DOMCTL_ioport_permission:
        return domctl_ioport(d, &op->u.ioport_permission);
    case XEN_DOMCTL_iomem_permission:
        return domctl_iomem(d, &op->u.iomem_permission);
    case XEN_DOMCTL_irq_permission: /* lines are dom0's alone; taking the right away is no change */
        return op->u.irq_permission.allow_access && !d->hardware ? -XEN_EOPNOTSUPP : 0;
    case XEN_DOMCTL_memory_mapping:
        return domctl_memory_mapping(d, &op->u.memory_mapping);
    case XEN_DOMCTL_hypercall_init:
        return domctl_hypercall_init(d, op->u.hypercall_init.gmfn);
    case XEN_DOMCTL_set_address_size:
        return op->u.address_size.size == 64 ? 0 : -XEN_EOPNOTSUPP;
    case XEN_DOMCTL_get_address_size:
        *copyback = true;
        op->u.address_size.size = 64;
        return 0;
    case XEN_DOMCTL_settscinfo:
        return domctl_settsc(d, &op->u.tsc_info);
    case XEN_DOMCTL_gettscinfo:
        *copyback = true;
        domctl_gettsc(d, &op->u.tsc_info);
        return 0;
    case XEN_DOMCTL_get_cpu_policy:
        *copyback = true;
        return domctl_get_policy(d, &op->u.cpu_policy);
    case XEN_DOMCTL_set_cpu_policy:
        *copyback = true;
        op->u.cpu_policy.err_leaf = op->u.cpu_policy.err_subleaf = op->u.cpu_policy.err_msr =
            XEN_CPUID_INPUT_UNUSED;
        return policy_set(d, &op->u.cpu_policy);
    case XEN_DOMCTL_shadow_op: /* no log of dirty frames: live migration is not offered */
    case XEN_DOMCTL_get_paging_mempool_size:
    case XEN_DOMCTL_set_paging_mempool_size:
        return -XEN_EOPNOTSUPP;
    default:
        return domctl_of_vcpu(d, op, copyback);
    }
}
