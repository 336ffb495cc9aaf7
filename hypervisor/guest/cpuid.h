/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest sees of the processor: what any guest may see (cpuid.c), less what the tools have
 * taken from it for that domain (policy.c).
 */
#ifndef GUEST_CPUID_H
#define GUEST_CPUID_H

#include <lib/types.h>

struct domain;
struct vcpu;
struct xen_cpuid_leaf;
struct xen_msr_entry;

/* What v sees of a leaf, and the most that a vcpu of that number may see: eax, ebx, ecx, edx. */
void cpuid_guest(const struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t out[4]);
void cpuid_max(unsigned vcpu, uint32_t leaf, uint32_t sub, uint32_t out[4]);

/*
 * Leaves and MSRs as arrays for the tools: what d sees, or with d NULL the most that a
 * domain may see, or, raw, the processor's own. Each array is a guest's, or NULL: only how many
 * entries one may have; the numbers are the room and then what was written. 0, -XEN_ENOBUFS,
 * -XEN_EFAULT.
 */
struct policy_room {
    struct xen_cpuid_leaf *leaves;
    struct xen_msr_entry *msrs;
    uint32_t nr_leaves, nr_msrs;
};
struct xen_domctl_cpu_policy;
int policy_get(const struct domain *d, bool raw, struct policy_room *room);
/* Before the domain first runs. p->err_msr: what was refused with -XEN_EINVAL. */
int policy_set(struct domain *d, struct xen_domctl_cpu_policy *p);
/* Takes from a leaf what the domain's policy does not leave in it. */
void policy_cut(const struct domain *d, uint32_t leaf, uint32_t sub, uint32_t out[4]);

#endif
