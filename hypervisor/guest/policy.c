/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU policy as the control ABI carries it: an array of CPUID leaves, sorted, as a guest (or
 * the processor itself, raw) answers them, and one of MSRs that say what the processor can do.
 *
 * The tools may set one for a domain that has not run yet. It takes features away from what every
 * paravirtual guest may see, or lowers the highest leaf; it cannot add any, and what only describes
 * the processor (its name, its caches) stays as it is. It is an agreement with kernels that ask for
 * the emulated CPUID: the instruction itself does not trap.
 */
#include <core/domain.h>
#include <guest/cpuid.h>
#include <lib/string.h>
#include <public/domctl.h>
#include <public/errno.h>
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
    {0x80000021u, 0x80000021u, 0},
};

/* A leaf with features in the registers `cut`, or, if none, with the highest leaf in EAX. */
static const struct policy_leaf {
    uint32_t leaf, sub; /* XEN_CPUID_NO_SUBLEAF: whatever subleaf is asked for */
    uint8_t cut;        /* bit n: register n of EAX, EBX, ECX, EDX */
} policy_leaves[] = {
    {0, XEN_CPUID_NO_SUBLEAF, 0},
    {1, XEN_CPUID_NO_SUBLEAF, 0xc},
    {7, 0, 0xe},
    {0xd, 1, 0x1},
    {0x80000000u, XEN_CPUID_NO_SUBLEAF, 0},
    {0x80000001u, XEN_CPUID_NO_SUBLEAF, 0xc},
    {0x80000007u, XEN_CPUID_NO_SUBLEAF, 0x8},
    {0x80000008u, XEN_CPUID_NO_SUBLEAF, 0x2},
    {0x80000021u, XEN_CPUID_NO_SUBLEAF, 0x1},
};
_Static_assert(ARRAY_SIZE(policy_leaves) == POLICY_LEAVES, "struct arch_domain has room for all");

/*
 * What a policy may have in all where the tools write it: they ask for these numbers, and make room
 * for no more (Xen 4.17: 14 basic leaves, the subleaves of four of them, 34 extended ones, two of
 * the hypervisor; PLATFORM_INFO and ARCH_CAPABILITIES).
 */
#define LEAVES_MAX 120u
#define MSRS_MAX   2u

#define LEAF_1_XSAVE (1u << 26)
/* What is in a register now (OSXSAVE), or true of any guest (a hypervisor is there). */
#define LEAF_1_LIVE (1u << 27 | 1u << 31)
/* OSXSAVE, and what is of no use without: FMA, AVX, F16C. */
#define LEAF_1_NEEDS_XSAVE (1u << 27 | 1u << 12 | 1u << 28 | 1u << 29)

/* The leaf's place in the array, or -1. */
static int policy_find(uint32_t leaf, uint32_t sub)
{
    for (unsigned i = 0; i < POLICY_LEAVES; i++)
        if (policy_leaves[i].leaf == leaf &&
            (policy_leaves[i].sub == XEN_CPUID_NO_SUBLEAF || policy_leaves[i].sub == sub))
            return (int)i;
    return -1;
}

static bool msr_known(uint32_t msr)
{
    return msr == MSR_PLATFORM_INFO || msr == MSR_ARCH_CAPS;
}

/* Both are zero for guests: bits that are asked for are left out, as with leaves. */
static int msrs_check(struct xen_domctl_cpu_policy *p)
{
    for (uint32_t i = 0; i < p->nr_msrs; i++) {
        struct xen_msr_entry m;

        if (copy_from_guest_at(&m, p->msrs.p, i) != 0)
            return -XEN_EFAULT;
        if (!msr_known(m.idx) || m.flags != 0) {
            p->err_msr = m.idx;
            return -XEN_EINVAL;
        }
    }
    return 0;
}

int policy_set(struct domain *d, struct xen_domctl_cpu_policy *p)
{
    uint32_t left[POLICY_LEAVES][4];
    int rc;

    if (d->creation_finished)
        return -XEN_EEXIST;
    if (p->nr_leaves > 1024 || p->nr_msrs > 64)
        return -XEN_E2BIG;
    rc = msrs_check(p);
    if (rc != 0)
        return rc;
    if (d->arch.policy_set)
        memcpy(left, d->arch.policy, sizeof(left));
    else
        memset(left, 0xff, sizeof(left));
    for (uint32_t i = 0; i < p->nr_leaves; i++) {
        struct xen_cpuid_leaf l;
        int at;

        if (copy_from_guest_at(&l, p->leaves.p, i) != 0)
            return -XEN_EFAULT;
        at = policy_find(l.leaf, l.subleaf);
        if (at < 0)
            continue;
        left[at][0] = l.a;
        left[at][1] = l.b;
        left[at][2] = l.leaf == 1 ? l.c | LEAF_1_LIVE : l.c;
        left[at][3] = l.d;
    }
    memcpy(d->arch.policy, left, sizeof(left));
    d->arch.policy_set = true;
    return 0;
}

void policy_cut(const struct domain *d, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    int at = likely(!d->arch.policy_set) ? -1 : policy_find(leaf, sub);
    const uint32_t *left;

    if (at < 0)
        return;
    left = d->arch.policy[at];
    if (policy_leaves[at].cut == 0)
        out[0] = MIN(out[0], left[0]);
    for (unsigned reg = 0; reg < 4; reg++)
        if (policy_leaves[at].cut & 1u << reg)
            out[reg] &= left[reg];
    if (leaf == 1 && !(out[2] & LEAF_1_XSAVE))
        out[2] &= ~LEAF_1_NEEDS_XSAVE;
}

static int leaves_get(const struct domain *d, bool raw, struct policy_room *room)
{
    uint32_t n = 0;

    for (unsigned r = 0; r < ARRAY_SIZE(leaf_ranges); r++) {
        const struct leaf_range *lr = &leaf_ranges[r];

        for (uint32_t leaf = lr->first; leaf <= lr->last; leaf++) {
            for (uint32_t sub = 0; sub < MAX(lr->subleaves, 1u); sub++, n++) {
                struct xen_cpuid_leaf l = {
                    .leaf = leaf, .subleaf = lr->subleaves != 0 ? sub : XEN_CPUID_NO_SUBLEAF};
                uint32_t out[4];

                if (n >= room->nr_leaves)
                    return -XEN_ENOBUFS;
                if (raw)
                    cpuid_raw(leaf, sub, out);
                else
                    cpuid_max(0, leaf, sub, out);
                if (d != NULL)
                    policy_cut(d, leaf, sub, out);
                l.a = out[0];
                l.b = out[1];
                l.c = out[2];
                l.d = out[3];
                if (copy_to_guest_at(room->leaves, n, &l) != 0)
                    return -XEN_EFAULT;
            }
        }
    }
    room->nr_leaves = n;
    return 0;
}

/* Of the two the one that every version of the tools knows; the other is zero without an entry. */
static int msrs_get(bool raw, struct policy_room *room)
{
    struct xen_msr_entry m = {.idx = MSR_PLATFORM_INFO};

    if (room->nr_msrs == 0)
        return -XEN_ENOBUFS;
    if (raw)
        (void)rdmsr_safe(m.idx, &m.val);
    room->nr_msrs = 1;
    return copy_to_guest_at(room->msrs, 0, &m) != 0 ? -XEN_EFAULT : 0;
}

/* The arrays are written one entry at a time. */
int policy_get(const struct domain *d, bool raw, struct policy_room *room)
{
    int rc = 0;

    if (room->leaves == NULL)
        room->nr_leaves = LEAVES_MAX;
    else
        rc = leaves_get(d, raw, room);
    if (rc != 0)
        return rc;
    if (room->msrs == NULL)
        room->nr_msrs = MSRS_MAX;
    else
        rc = msrs_get(raw, room);
    return rc;
}
