/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vcpu's XSAVE state, out to the tools and back. An area
 * from outside is made one that XRSTOR takes before it gets near the processor.
 *
 * For the control domain only; never on current (guest/domctl.c). The area
 * itself is copied with the vcpu paused, so that no CPU saves to it or loads from it meanwhile.
 */
#include <core/domain.h>
#include <core/sched.h>
#include <guest/xsave.h>
#include <public/domctl.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

#define EXT_PREFIX 16 /* XCR0 now, and all that it ever was, in front of the area */

/* Size 0 and no buffer: the size is asked for. */
int64_t xsave_get(struct vcpu *v, struct xen_domctl *op)
{
    struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    uint64_t size = EXT_PREFIX + cpu_features.xsave_size, prefix[2];
    int64_t rc = 0;

    if (!cpu_features.xsave)
        return -XEN_EOPNOTSUPP;
    e->xfeature_mask = cpu_features.xcr0;
    if (e->size == 0 && e->buffer.p == NULL) {
        e->size = size;
        return 0;
    }
    if (e->size != size)
        return -XEN_EINVAL;
    prefix[0] = prefix[1] = v->arch.xcr0;
    vcpu_pause(v);
    fpu_sync(v);
    if (copy_to_guest((vaddr_t)e->buffer.p, prefix, sizeof(prefix)) != 0 ||
        copy_to_guest((vaddr_t)e->buffer.p + EXT_PREFIX, v->arch.fpu, cpu_features.xsave_size) != 0)
        rc = -XEN_EFAULT;
    vcpu_unpause(v);
    return rc;
}

int64_t xsave_set(struct vcpu *v, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    uint64_t prefix[2];
    int64_t rc = 0;

    if (!cpu_features.xsave)
        return -XEN_EOPNOTSUPP;
    if (e->size < EXT_PREFIX || e->size > EXT_PREFIX + cpu_features.xsave_size)
        return -XEN_EINVAL;
    if (copy_from_guest(prefix, (vaddr_t)e->buffer.p, sizeof(prefix)) != 0)
        return -XEN_EFAULT;
    if (e->size == EXT_PREFIX) /* a vcpu that never used it */
        return 0;
    if (!fpu_xcr0_valid(prefix[0] | 1))
        return -XEN_EINVAL;
    if (e->size != EXT_PREFIX + cpu_features.xsave_size)
        return -XEN_EINVAL;
    vcpu_pause(v);
    fpu_sync(v);
    v->arch.xcr0 = prefix[0] | 1;
    if (copy_from_guest(v->arch.fpu, (vaddr_t)e->buffer.p + EXT_PREFIX, cpu_features.xsave_size) !=
        0)
        rc = -XEN_EFAULT;
    fpu_area_check(v->arch.fpu); /* also of half an area, when the copy failed */
    vcpu_unpause(v);
    return rc;
}
