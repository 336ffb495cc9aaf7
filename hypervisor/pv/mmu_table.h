/* SPDX-License-Identifier: GPL-2.0-only */
/* The page table that a list of updates is about just now, for those that go through such a list.
 */
#ifndef PV_MMU_TABLE_H
#define PV_MMU_TABLE_H

#include <lib/types.h>
#include <public/errno.h>
#include <pv/page_types.h>
#include <x86/page.h>

/*
 * The guest names it by machine address, so it can name any frame of the machine: what it may write
 * to is decided by mmu_table_enter().
 */
struct mmu_table {
    uint64_t mfn;        /* UINT64_MAX: none, and the rest has no meaning */
    struct frame *frame; /* with a type reference: of its level, or of the writable type */
    pte_t *entries;      /* in the direct map */
    unsigned level;      /* 0: the frame is no table, a plain store will do */
};

/* mmu_table.c: what was at hand was no table. */
void mmu_table_page_left(void);

/* Before d is given back: the reference is dropped on behalf of d, whose tables these are. */
static inline void mmu_table_leave(struct mmu_table *t, struct domain *d)
{
    if (t->mfn != UINT64_MAX) {
        page_type_put(t->frame, d);
        if (unlikely(t->level == 0))
            mmu_table_page_left();
    }
    t->mfn = UINT64_MAX;
}

/*
 * Makes the frame the one at hand, as what it is now: a table of d, or a page that d may write. The
 * type is looked at without a reference; if it changes before page_type_get() that fails, or makes
 * the frame what was seen: either way t->level says what the reference is of. One that is just
 * becoming a table, or ceasing to be one, is waited for. 0 or -XEN_EINVAL. May be preempted.
 */
int mmu_table_enter_slow(struct mmu_table *t, uint64_t mfn, struct domain *d); /* mmu_table.c */
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

#endif
