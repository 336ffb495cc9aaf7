/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU policy as the control ABI carries it: an array of CPUID leaves, sorted, as a guest (or
 * the processor itself, raw) answers them. There are no MSRs in it: what guests read is fixed.
 */
#include <core/domain.h>
#include <public/errno.h>
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

struct leaf_range {
    uint32_t first, last, subleaves; /* subleaves 0: the leaf has none */
};
static const struct leaf_range leaf_ranges[] = {
    {0, 3, 0},
    {4, 4, 4},
    {5, 6, 0},
    {7, 7, 1},
    {0xd, 0xd, 63},
    {0x40000000u, 0x40000000u, 0}, /* the rest of these is for the hypervisor to say */
    {0x80000000u, 0x80000008u, 0},
};

/* Without leaves it only counts; the guest's array is written one leaf at a time. */
int policy_get(uint32_t *nr_leaves, struct xen_cpuid_leaf *leaves, uint32_t *nr_msrs, bool raw)
{
    uint32_t n = 0;

    for (unsigned r = 0; r < ARRAY_SIZE(leaf_ranges); r++) {
        const struct leaf_range *lr = &leaf_ranges[r];

        for (uint32_t leaf = lr->first; leaf <= lr->last; leaf++) {
            for (uint32_t sub = 0; sub < MAX(lr->subleaves, 1u); sub++, n++) {
                struct xen_cpuid_leaf l = {
                    .leaf = leaf, .subleaf = lr->subleaves != 0 ? sub : XEN_CPUID_NO_SUBLEAF};
                uint32_t out[4];

                if (leaves == NULL)
                    continue;
                if (n >= *nr_leaves)
                    return -XEN_ENOBUFS;
                if (raw)
                    cpuid_raw(leaf, sub, out);
                else
                    cpuid_guest(current, leaf, sub, out);
                l.a = out[0];
                l.b = out[1];
                l.c = out[2];
                l.d = out[3];
                if (copy_to_guest_at(leaves, n, &l) != 0)
                    return -XEN_EFAULT;
            }
        }
    }
    *nr_leaves = n;
    *nr_msrs = 0;
    return 0;
}
