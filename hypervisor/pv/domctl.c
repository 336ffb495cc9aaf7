/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control operations that concern PV guests alone: page types of a domain's frames, and a
 * vcpu's entries for 32-bit callers. What guest/domctl.c says of the caller holds here, too.
 */
#include <core/control.h>
#include <core/domain.h>
#include <core/preempt.h>
#include <lib/string.h>
#include <public/domctl.h>
#include <pv/calls.h>
#include <pv/page_types.h>
#include <x86/page.h>
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

static int64_t domctl_getpageframeinfo(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_getpageframeinfo3 *ask = &op->u.getpageframeinfo3;
    uint64_t mfn, info;

    if (ask->num > FRAMEINFO_MAX)
        return -XEN_E2BIG;
    for (uint64_t i = 0; i < ask->num; i++) {
        if (copy_from_guest_at(&mfn, ask->array.p, i) != 0)
            return -XEN_EFAULT;
        info = frameinfo(d, mfn);
        if (copy_to_guest_at(ask->array.p, i, &info) != 0)
            return -XEN_EFAULT;
        if (i % 64 == 63)
            preempt_point();
    }
    return 0;
}

static int64_t domctl_set_address_size(struct domain *d, struct xen_domctl *op)
{
    return op->u.address_size.size == 64 ? 0 : -XEN_EOPNOTSUPP;
}

static int64_t domctl_get_address_size(struct domain *d, struct xen_domctl *op)
{
    op->u.address_size.size = 64;
    return 0;
}

static int64_t domctl_get_ext(struct vcpu *v, struct xen_domctl *op)
{
    struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;

    memset(e, 0, sizeof(*e));
    e->vcpu = v->id;
    e->size = sizeof(*e);
    e->syscall32_callback_eip = v->pv.syscall32_callback;
    e->sysenter_callback_eip = v->pv.sysenter_callback;
    e->syscall32_callback_cs = v->pv.syscall32_cs;
    e->sysenter_callback_cs = v->pv.sysenter_cs;
    e->syscall32_disables_events = v->pv.syscall32_masks;
    e->sysenter_disables_events = v->pv.sysenter_masks;
    return 0;
}

static int64_t domctl_set_ext(struct vcpu *v, struct xen_domctl *op)
{
    const struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;

    if (e->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) ||
        !va_canonical(e->syscall32_callback_eip) || !va_canonical(e->sysenter_callback_eip))
        return -XEN_EINVAL;
    v->pv.syscall32_callback = e->syscall32_callback_eip;
    v->pv.sysenter_callback = e->sysenter_callback_eip;
    v->pv.syscall32_cs = e->syscall32_callback_cs | 3;
    v->pv.sysenter_cs = e->sysenter_callback_cs | 3;
    v->pv.syscall32_masks = e->syscall32_disables_events;
    v->pv.sysenter_masks = e->sysenter_disables_events;
    return 0;
}

const struct domctl_entry pv_domctls[NR_DOMCTLS] = {
    DOMCTL(XEN_DOMCTL_set_address_size, domctl_set_address_size, 0),
    DOMCTL(XEN_DOMCTL_get_address_size, domctl_get_address_size, DOMCTL_ANSWERS),
    DOMCTL_VCPU(XEN_DOMCTL_set_ext_vcpucontext, domctl_set_ext, ext_vcpucontext, 0),
    DOMCTL_VCPU(XEN_DOMCTL_get_ext_vcpucontext, domctl_get_ext, ext_vcpucontext, DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_getpageframeinfo3, domctl_getpageframeinfo, 0),
};
