/* SPDX-License-Identifier: GPL-2.0-only */
/* CPU policies: what the tools may take from a domain that has not run yet, and give to none. */
#include <kit/kit.h>
#include <public/domctl.h>

#include "domains.h"

#define SSE3 (1u << 0)
#define AVX2 (1u << 5)

static struct xen_cpuid_leaf policy_leaf(domid_t domid, uint32_t leaf)
{
    static xen_cpuid_leaf_t leaves[200];
    struct xen_domctl_cpu_policy policy = {.nr_leaves = ARRAY_SIZE(leaves), .leaves.p = leaves};

    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_cpu_policy, domid, &policy, sizeof(policy)), 0);
    for (uint32_t i = 0; i < policy.nr_leaves; i++)
        if (leaves[i].leaf == leaf)
            return leaves[i];
    CHECK(!"the leaf is there");
    return leaves[0];
}

/* Those that say what the processor can do are taken and change nothing; no others. */
static void policy_msrs(struct kit_child *c)
{
    static xen_msr_entry_t msrs[2] = {{.idx = 0xce, .val = ~0ul}, {.idx = 0x10a, .val = ~0ul}}, got;
    static xen_cpuid_leaf_t leaves[200];
    struct xen_domctl_cpu_policy policy = {.nr_msrs = 2, .msrs.p = msrs},
                                 seen = {.nr_leaves = 200,
                                         .leaves.p = leaves,
                                         .nr_msrs = 1,
                                         .msrs.p = &got};

    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_get_cpu_policy, c->domid, &seen, sizeof(seen)), 0);
    CHECK_EQ(got.idx, 0xce);
    CHECK_EQ(got.val, 0);
    msrs[1].idx = 0x174;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), -XEN_EINVAL);
    CHECK_EQ(policy.err_msr, 0x174);
    msrs[1].idx = 0x10a;
    msrs[1].flags = 1;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), -XEN_EINVAL);
    policy.msrs.p = (void *)KIT_NOWHERE;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), -XEN_EFAULT);
    policy.nr_msrs = ~0u;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), -XEN_E2BIG);
}

/* Features can be taken from a domain that has not run yet, and none can be given. */
void policies(struct kit_child *c)
{
    struct xen_cpuid_leaf was = policy_leaf(c->domid, 1),
                          want[3] = {was, policy_leaf(c->domid, 7),
                                     policy_leaf(c->domid, 0x80000000)};
    struct xen_domctl_cpu_policy policy = {.nr_leaves = 3, .leaves.p = want};

    CHECK(was.c & SSE3);
    want[0].a = 0; /* says what the processor is: not for the tools to change */
    want[0].c = ~SSE3 & ~(1u << 31);
    want[1].b = ~AVX2;
    want[2].a += 0x1000;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), 0);
    CHECK_EQ(policy_leaf(c->domid, 1).c, was.c & ~SSE3);
    CHECK_EQ(policy_leaf(c->domid, 1).a, was.a);
    CHECK_EQ(policy_leaf(c->domid, 1).d, was.d);
    CHECK_EQ(policy_leaf(c->domid, 7).b & AVX2, 0);
    CHECK_EQ(policy_leaf(c->domid, 0x80000000).a, want[2].a - 0x1000);
    CHECK_EQ(policy_leaf(0, 1).c, was.c); /* of that domain alone */

    /* A list adds to what was set; one that cannot be read changes nothing. */
    policy.nr_leaves = 1;
    want[0].c = 0;
    policy.leaves.p = (void *)KIT_NOWHERE;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), -XEN_EFAULT);
    CHECK_EQ(policy_leaf(c->domid, 1).c, was.c & ~SSE3);
    policy.leaves.p = want;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), 0);
    CHECK_EQ(policy_leaf(c->domid, 1).c, 1u << 31); /* OSXSAVE goes with XSAVE */
    CHECK_EQ(policy_leaf(c->domid, 7).b & AVX2, 0);
    policy.nr_leaves = ~0u;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, c->domid, &policy, sizeof(policy)), -XEN_E2BIG);
    policy.nr_leaves = 1;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_cpu_policy, 0, &policy, sizeof(policy)), -XEN_EEXIST);
    policy_msrs(c);
}
