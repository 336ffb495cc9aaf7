/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buddy allocator under core/frame.c. It deals in blocks of frames that nobody owns; it knows
 * nothing of domains, scrubbing or TLBs. Compiles on the host.
 *
 * A block of order n is 2^n frames that begin at a multiple of 2^n. Of a free block only the first
 * frame is marked (FRAME_FREE, order, list links); the others' struct frame is not looked at. All
 * of it, the marks included, is under heap.lock.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <core/frame.h>

#define HEAP_ORDERS    19 /* blocks of 4 KiB to 1 GiB */
#define HEAP_LOW_LIMIT (GIB(4) >> PAGE_SHIFT)

struct heap_zone {
    uint32_t head[HEAP_ORDERS]; /* free blocks of each order, FRAME_NONE: none */
    uint32_t nonempty;          /* bit n: head[n] is not empty */
    uint64_t free;              /* frames, in all lists together */
};

struct heap {
    struct spinlock lock; /* LOCK_HEAP */
    struct frame *frames; /* FRAMES, or a host test's array */
    uint64_t nr_frames;   /* of them; at most FRAME_NONE, so that each number fits the links */
    /* Below and above 4 GiB. No block lies across: the border is a multiple of the largest one. */
    struct heap_zone low, high;
    uint64_t claimed; /* frames promised to domains, see frame_claim(); kept by core/frame.c */
};

void heap_init(struct heap *h, struct frame *frames, uint64_t nr);
/* All of these with h->lock held. */
/* A block as it was allocated, or any part of one that is itself a block. */
void heap_free_block(struct heap *h, uint64_t mfn, unsigned order);
/* Frames from start up to, not including, end: as few blocks as they make. */
void heap_free_range(struct heap *h, uint64_t start, uint64_t end);
/* FRAME_NONE when there is no block wholly below `limit` (a frame number). */
uint32_t heap_alloc_block(struct heap *h, unsigned order, uint64_t limit);

#define FRAME_FREE 0x1u /* struct frame.flags: head of a free block of .order; 0 in all others */

#endif
