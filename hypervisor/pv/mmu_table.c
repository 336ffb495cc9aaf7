/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table at hand of a list of updates, where it is no table that is valid. A guest may name any
 * page of its own, which then gets plain stores; and the frame may change its type meanwhile.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/preempt.h>
#include <public/errno.h>
#include <pv/alias.h>
#include <pv/mmu_table.h>
#include <pv/page_types.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define ENTER_TRIES 16 /* for a frame whose type changes all the time */

/* What is no table that is valid: memory, or one that another vcpu is at work on just now. */
int mmu_table_enter_slow(struct mmu_table *t, uint64_t mfn, struct domain *d)
{
    struct frame *f = &FRAMES[mfn];

    for (unsigned tries = 0; tries < ENTER_TRIES;) {
        uint64_t word = READ_ONCE(f->type);
        enum page_type type = page_type_of(word);

        if (READ_ONCE(f->owner) != d->id)
            return -XEN_EINVAL;
        if ((word & PAGE_TYPE_BUSY) && page_type_is_table(type) && current->domain == d) {
            cpu_relax_poll(); /* whoever is at work on it is a vcpu of ours, and comes to an end */
            work_used_up();
            if (preempt_after(1))
                return -XEN_EINVAL;
            continue;
        }
        t->level = type;
        alias_frame_at(NULL, 0);
        if (!page_type_is_table(type) || (word & PAGE_TYPE_COUNT) == 0) {
            t->level = 0;
            type = PAGE_TYPE_WRITABLE;
            alias_frame_at(f, ALIAS_WRITES);
        }
        if (page_type_get(f, type, d) == 0) {
            /* It is a table no more, nor does it say so: the alias need not wait for the queue. */
            if (unlikely(page_type_is_table(page_type_of(word)) && t->level == 0 &&
                         alias_kept(d))) {
                alias_release(f, d);
                alias_frame_at(f, ALIAS_WRITES);
            }
            t->frame = f;
            t->entries = mfn_to_virt(MFN(mfn));
            t->mfn = mfn;
            return 0;
        }
        alias_frame_at(NULL, 0);
        tries++;
    }
    return -XEN_EINVAL;
}

void mmu_table_page_left(void)
{
    alias_frame_at(NULL, 0);
}
