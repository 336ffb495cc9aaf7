/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the page-table hypercalls share: whose frames and whose tables, and whom to flush. The table
 * at hand of those that go through a list of entries is in pv/mmu_table.h.
 */
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

/*
 * What the entry maps is a frame of owner, which has a physical map of its own (d->translated), by
 * its number there: the entry gets the machine's. *held: keeps that frame until the caller has
 * written the entry; or NULL. 0 or -XEN_EINVAL.
 */
int mmu_translate(struct domain *owner, pte_t *val, struct frame **held);

/*
 * The CPUs on which these vcpus (bit n: vcpu n) run now. Vcpus that do not run have no
 * translations: their next switch-in loads CR3. For the same reason it does no harm that one may
 * stop, start or move while it is looked at.
 */
cpumask_t mmu_cpus_of(const struct domain *d, uint64_t vcpus);
/* The same from a guest's bitmap of 64 vcpus; 0 or -XEN_EFAULT. */
int mmu_vcpumask(const struct domain *d, vaddr_t bitmap, cpumask_t *mask);

/* mmuext_memory.c: operations of mmuext_op. d is the domain whose frames op names. 0 or -XEN_E*. */
struct mmuext_op;
int mmuext_fill(struct domain *d, const struct mmuext_op *op);
int mmuext_flush_cache(struct domain *d, bool everywhere);

#endif
