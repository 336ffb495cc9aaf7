/* SPDX-License-Identifier: GPL-2.0-only */
/* What the page-table hypercalls share: whose frames and whose tables, and whom to flush. */
#ifndef PV_MMU_H
#define PV_MMU_H

#include <core/domain.h>
#include <lib/types.h>
#include <x86/regs.h>

/*
 * Set in the count of a list that goes on after a restart: *pdone has what was done before. A guest
 * that sets it itself, or changes *pdone in between, gets a wrong sum there and nothing else.
 */
#define MMU_COUNT_GOES_ON BIT(31)

/*
 * The domain that a call names: current's own for DOMID_SELF, DOMID_IO and DOMID_XEN for what is no
 * guest's, else a domain that the caller controls. Given back with mmu_owner_put(). 0, -XEN_EPERM,
 * -XEN_ESRCH. The domain may be dying, and may begin to at any time. dom_io and dom_xen have frames
 * but neither tables nor vcpus: who wants to change tables refuses them.
 */
int mmu_owner_get(domid_t id, struct domain **d);
static inline void mmu_owner_put(struct domain *d)
{
    if (unlikely(d != current->domain && d != dom_io && d != dom_xen))
        domain_put(d);
}

/* The CPUs on which the vcpus of a guest's bitmap (64 of them) run now; 0 or -XEN_EFAULT. */
int mmu_vcpumask(const struct domain *d, vaddr_t bitmap, cpumask_t *mask);

#endif
