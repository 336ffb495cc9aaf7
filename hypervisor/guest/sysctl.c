/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The architecture's part of sysctl: what guests can be shown of the processor. There is one policy
 * for all PV guests (guest/cpuid.c), from which the tools may take for a single one
 * (guest/policy.c).
 */
#include <core/control.h>
#include <core/preempt.h>
#include <guest/cpuid.h>
#include <guest/guest.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

/* The words of a feature set, as the control ABI numbers them: its position is its number. */
struct feature_word {
    uint32_t leaf, sub;
    uint8_t reg; /* eax, ebx, ecx, edx */
};
static const struct feature_word feature_words[] = {
    {1, 0, 3},           {1, 0, 2}, {0x80000001u, 0, 3}, {0x80000001u, 0, 2},
    {0xd, 1, 0},         {7, 0, 1}, {7, 0, 2},           {0x80000007u, 0, 3},
    {0x80000008u, 0, 1}, {7, 0, 3}, {7, 1, 0},           {0x80000021u, 0, 0},
};

static int64_t sysctl_featureset(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cpu_featureset *op = &sysctl->u.cpu_featureset;
    bool raw = op->index <= XEN_SYSCTL_cpu_featureset_host;
    uint32_t n = MIN(op->nr_features, (uint32_t)ARRAY_SIZE(feature_words));

    if (op->index > XEN_SYSCTL_cpu_featureset_hvm_max)
        return -XEN_EINVAL;
    if (op->index == XEN_SYSCTL_cpu_featureset_hvm ||
        op->index == XEN_SYSCTL_cpu_featureset_hvm_max)
        return -XEN_EOPNOTSUPP;
    if (op->features.p == NULL) {
        op->nr_features = ARRAY_SIZE(feature_words);
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct feature_word *w = &feature_words[i];
        uint32_t out[4];

        if (raw)
            cpuid_raw(w->leaf, w->sub, out);
        else
            cpuid_max(0, w->leaf, w->sub, out);
        if (copy_to_guest_at(op->features.p, i, &out[w->reg]) != 0)
            return -XEN_EFAULT;
    }
    if (op->nr_features < ARRAY_SIZE(feature_words))
        return -XEN_ENOBUFS;
    op->nr_features = ARRAY_SIZE(feature_words);
    return 0;
}

static int64_t sysctl_policy(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cpu_policy *op = &sysctl->u.cpu_policy;
    struct policy_room room = {op->leaves.p, op->msrs.p, op->nr_leaves, op->nr_msrs};
    int rc;

    if (op->index > XEN_SYSCTL_cpu_policy_hvm_default || op->_rsvd != 0)
        return -XEN_EINVAL;
    if (op->index == XEN_SYSCTL_cpu_policy_hvm_max ||
        op->index == XEN_SYSCTL_cpu_policy_hvm_default)
        return -XEN_EOPNOTSUPP;
    rc = policy_get(NULL, op->index <= XEN_SYSCTL_cpu_policy_host, &room);
    op->nr_leaves = room.nr_leaves;
    op->nr_msrs = room.nr_msrs;
    return rc;
}

/* All devices that are there are in the one node. */
static int64_t sysctl_pcitopoinfo(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_pcitopoinfo *op = &sysctl->u.pcitopoinfo;
    uint32_t i;

    if (op->devs.p == NULL || op->nodes.p == NULL)
        return -XEN_EINVAL;
    for (i = 0; i < op->num_devs && !preempt_point(); i++) {
        struct physdev_pci_device dev;
        uint32_t node;

        if (copy_from_guest_at(&dev, op->devs.p, i) != 0)
            return -XEN_EFAULT;
        node = physdev_pci_present(&dev) ? 0 : XEN_INVALID_DEV;
        if (copy_to_guest_at(op->nodes.p, i, &node) != 0)
            return -XEN_EFAULT;
    }
    op->num_devs = i;
    return 0;
}

/* No leaf can be set for some guests only by the processor's own means. */
static int64_t sysctl_levelling_caps(struct xen_sysctl *sysctl)
{
    sysctl->u.cpu_levelling_caps.caps = 0;
    return 0;
}

sysctl_fn *const guest_sysctls[NR_SYSCTLS] = {
    [XEN_SYSCTL_pcitopoinfo] = sysctl_pcitopoinfo,
    [XEN_SYSCTL_get_cpu_levelling_caps] = sysctl_levelling_caps,
    [XEN_SYSCTL_get_cpu_featureset] = sysctl_featureset,
    [XEN_SYSCTL_get_cpu_policy] = sysctl_policy,
};
