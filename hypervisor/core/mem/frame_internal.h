/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of frames: the owner's list (core/mem/frame.c), and blocks of frames that are
 * nobody's (core/mem/frame_heap.c). All of a block's frames have a count of zero and are on no
 * list.
 */
#ifndef CORE_FRAME_INTERNAL_H
#define CORE_FRAME_INTERNAL_H

#include <core/frame.h>

#define M2P ((volatile uint64_t *)M2P_RW_START)

void frame_list_append(struct domain *d, struct frame *f); /* page_lock held */
/* Waits until nobody else holds f, a page of the hypervisor, which then is nobody's. */
void frame_seize(struct frame *f);

#define ALLOC_LOCKED 0x4u /* a lock may be held, so no preemption point */

/*
 * A block of 2^order frames: flushed, and scrubbed unless the ALLOC_* flags say otherwise.
 * FRAME_NONE: memory is short. claim: how many frames may come out of what was promised to the
 * caller's domain, and are taken off it then; NULL: none.
 */
uint32_t frame_heap_take(unsigned order, unsigned flags, uint64_t *claim) MUST_CHECK;
/*
 * After a FRAME_NONE: makes some more blocks of what is free. False: all of it is in blocks, or it
 * is too little, and there is no point in trying again. A slice of work, charged.
 */
bool frame_heap_settle(unsigned order, const uint64_t *claim);
bool frame_heap_has_block(unsigned order);
/* A block of frames that somebody had, or any part of one. */
void frame_heap_give(uint64_t mfn, unsigned order);
/* A block as it was taken: nobody has got to see it. */
void frame_heap_put_back(uint64_t mfn, unsigned order);

#endif
