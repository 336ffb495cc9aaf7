/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the page-table hypercalls share: whose frames and whose tables, the table at hand, and whom
 * to flush.
 */
#ifndef PV_MMU_H
#define PV_MMU_H

#include <core/domain.h>
#include <lib/types.h>
#include <pv/alias.h>
#include <pv/page_types.h>
#include <x86/page.h>
#include <x86/regs.h>

/*
 * The table that a list of updates is about just now. The guest names it by machine address, so it
 * can name any frame of the machine: what it may write to is decided by mmu_table_enter().
 */
struct mmu_table {
    uint64_t mfn;        /* UINT64_MAX: none, and the rest has no meaning */
    struct frame *frame; /* with a type reference: of its level, or of the writable type */
    pte_t *entries;      /* in the direct map */
    unsigned level;      /* 0: the frame is no table, a plain store will do */
};

/* Before d is given back: the reference is dropped on behalf of d, whose tables these are. */
static inline void mmu_table_leave(struct mmu_table *t, struct domain *d)
{
    if (t->mfn != UINT64_MAX) {
        page_type_put(t->frame, d);
        if (unlikely(t->level == 0))
            alias_frame_at(NULL, 0);
    }
    t->mfn = UINT64_MAX;
}

/*
 * Makes the frame the one at hand, as what it is now: a table of d, or a page that d may write. The
 * type is looked at without a reference; if it changes before page_type_get() that fails, or makes
 * the frame what was seen: either way t->level says what the reference is of. One that is just
 * becoming a table, or ceasing to be one, is waited for. 0 or -XEN_EINVAL. May be preempted.
 */
int mmu_table_enter_slow(struct mmu_table *t, uint64_t mfn, struct domain *d); /* mmu_update.c */
static inline int mmu_table_enter(struct mmu_table *t, uint64_t mfn, struct domain *d)
{
    struct frame *f = &FRAMES[mfn];
    enum page_type type;

    mmu_table_leave(t, d);
    if (unlikely(mfn >= max_mfn))
        return -XEN_EINVAL;
    type = page_type_of(READ_ONCE(f->type));
    if (unlikely(!page_type_is_table(type) || !page_type_get_valid(f, type, d)))
        return mmu_table_enter_slow(t, mfn, d);
    t->level = type;
    t->frame = f;
    t->entries = mfn_to_virt(MFN(mfn));
    t->mfn = mfn;
    return 0;
}

/*
 * Before a preemption point amid a list: a page that is no table is let go, since it may be about
 * to become one on another vcpu, which waits for a moment and no longer. The next entry finds it
 * anew.
 */
static inline void mmu_table_pause(struct mmu_table *t, struct domain *d)
{
    if (unlikely(t->mfn != UINT64_MAX && t->level == 0))
        mmu_table_leave(t, d);
}

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

#endif
