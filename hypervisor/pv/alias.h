/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LODGE_F_ALIAS: a guest's direct map that follows the types of its frames (public/lodge.h). An
 * alias is the entry of the direct map that maps a frame. For pv/page_types.c, and for the paths
 * that lead back to the guest. No lock is held in any of these.
 */
#ifndef PV_ALIAS_H
#define PV_ALIAS_H

#include <lib/types.h>
#include <public/lodge.h>
#include <pv/page_types.h>
#include <x86/regs.h>

/* Is d's direct map looked after, and is it at hand: are we on one of its vcpus? */
static inline bool alias_kept(const struct domain *d)
{
    return (READ_ONCE(d->pv.lodge_features) & LODGE_F_ALIAS) && current->domain == d;
}

/*
 * The vcpu is at work on f for a moment, and says so before it takes a reference for that and until
 * it has dropped it (by locked instructions): others who find the frame so wait for it. WRITES: it
 * has a writable reference, to write to what is no table yet or to release the alias. TAKES: it
 * makes a table of it, and f is not BUSY yet. f: NULL, at none.
 */
#define ALIAS_WRITES 0u
#define ALIAS_TAKES  1u
static inline void alias_frame_at(struct frame *f, unsigned as)
{
    WRITE_ONCE(current->pv.frame_at, (uint64_t)f | as);
}

/*
 * f, valid as `word` says, is in the way of its becoming a table; alias_kept(d). True: that may be
 * over, look again. *protected: its alias has been changed. *waits counts.
 */
bool alias_gives_way(struct frame *f, uint64_t word, enum page_type type, struct domain *d,
                     bool *protected, unsigned *waits);
/* Gives it back, if f is a page that d may write. */
void alias_release(struct frame *f, struct domain *d);
/*
 * f has just ceased to be a table, and its alias is to be released: not here and now, but with that
 * of others of its kind before the guest runs on, so that one flush does for all of them. Takes
 * over a frame reference of the caller's.
 */
void alias_queue(struct frame *f);
void alias_drain(struct vcpu *v); /* v is current; all that it has queued */
/*
 * A write of the guest kernel has faulted at a present page, and is no update of a page table that
 * could be carried out. True: it was one to the direct map, of a frame that is just becoming a
 * table or ceasing to be one; it has been carried out or is to be repeated.
 */
bool alias_write_fault(struct cpu_regs *regs, vaddr_t addr);

#endif
