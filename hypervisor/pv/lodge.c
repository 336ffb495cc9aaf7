/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lodge's own extension: what a guest has asked for, and who serves it. Until a guest has
 * negotiated a feature its operations do not exist for it, so that nothing of this is in the way of
 * a guest that does not know it, nor of one that was written for another version.
 *
 * What was granted is the domain's: two words that the operations read at their start. Vcpus may
 * negotiate at the same time, and while others are inside an operation; each word is always one
 * that somebody asked for.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <public/lodge.h>
#include <pv/lodge.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define FEATURES \
    (LODGE_F_MMU_RUN | LODGE_F_ALIAS | LODGE_F_TABLE_NEW | LODGE_F_SWITCH | LODGE_F_AREA)
#define MAX_FRAMES BIT(36) /* of a direct map: beyond any, and no sum with it overflows */

static bool direct_map_ok(const struct lodge_negotiate *n)
{
    return !(n->direct_map & ~PAGE_MASK) && n->direct_map_frames <= MAX_FRAMES &&
           guest_range_ok(n->direct_map, n->direct_map_frames << PAGE_SHIFT);
}

static int64_t negotiate(struct domain *d, vaddr_t arg)
{
    struct lodge_negotiate n;
    bool other;

    if (copy_from_guest(&n, arg, sizeof(n)) != 0)
        return -XEN_EFAULT;
    if (n.magic != LODGE_MAGIC)
        return -XEN_EINVAL;
    if ((n.features & LODGE_F_ALIAS) && n.version == LODGE_VERSION && !direct_map_ok(&n))
        return -XEN_EINVAL;
    other = n.version != LODGE_VERSION;
    n.version = LODGE_VERSION;
    if (!other)
        n.features &= FEATURES;
    if (copy_to_guest(arg, &n, sizeof(n)) != 0)
        return -XEN_EFAULT;
    if (other) {
        guest_refused("another version of the extension");
        return -XEN_EOPNOTSUPP;
    }
    /* Whoever reads one of these with another of an earlier call finds no alias there. */
    WRITE_ONCE(d->pv.direct_map, n.features & LODGE_F_ALIAS ? n.direct_map : 0);
    WRITE_ONCE(d->pv.direct_map_frames, n.features & LODGE_F_ALIAS ? n.direct_map_frames : 0);
    WRITE_ONCE(d->pv.lodge_features, n.features);
    return 0;
}

int64_t hc_lodge_op(uint64_t cmd, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;
    struct domain *d = v->domain;
    uint64_t features = READ_ONCE(d->pv.lodge_features);

    (void)a4;
    if (cmd == LODGE_mmu_run && (features & LODGE_F_MMU_RUN))
        return lodge_mmu_run(d, a2, a3);
    if (cmd == LODGE_switch_to && (features & LODGE_F_SWITCH))
        return lodge_switch_to(v, a2);
    if (cmd == LODGE_table_new && (features & LODGE_F_TABLE_NEW))
        return lodge_table_new(d, a2, a3);
    if (cmd == LODGE_vcpu_area && (features & LODGE_F_AREA))
        return lodge_vcpu_area(v, a2);
    if (cmd == LODGE_negotiate)
        return negotiate(d, a2);
    return -XEN_ENOSYS;
}
