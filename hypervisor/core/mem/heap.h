/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buddy allocator under core/mem/frame_heap.c. It deals in blocks of frames that nobody owns;
 * it knows nothing of domains, scrubbing or TLBs. Compiles on the host.
 *
 * A block of order n is 2^n frames that begin at a multiple of 2^n. Of a free block only the first
 * frame is marked (FRAME_FREE, order, list links); the others' struct frame is not looked at. All
 * of it, the marks included, is under heap.lock.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <core/frame.h>
#include <core/spinlock.h>

#define HEAP_ORDERS     19 /* blocks of 4 KiB to 1 GiB */
#define HEAP_ZONES      24u
#define HEAP_ZONE_WIDTH 9u /* bits of the frame numbers in the first zone, the whole of it */

/* Frames whose numbers have their highest bit in common; the first zone has all lower ones. */
struct heap_zone {
    uint32_t head[HEAP_ORDERS], tail[HEAP_ORDERS]; /* free blocks, FRAME_NONE: none */
    uint32_t nonempty;                             /* bit n: head[n] is not empty */
};

struct heap {
    struct spinlock lock; /* LOCK_HEAP */
    struct frame *frames; /* FRAMES, or a host test's array */
    uint64_t nr_frames;   /* of them; at most FRAME_NONE, so that each number fits the links */
    uint64_t free;        /* frames, recent ones included */
    uint64_t claimed;     /* frames promised to domains, see frame_claim(); kept by core */
    uint32_t recent_head, recent_tail; /* single frames, in the order in which they were freed */
    uint32_t nr_recent, max_recent;
    uint32_t nonempty; /* bit n: zone n has a block */
    struct heap_zone zones[HEAP_ZONES];
};

void heap_init(struct heap *h, struct frame *frames, uint64_t nr);
/* All of these with h->lock held. */
/* A block as it was allocated, or any part of one that is itself a block. */
void heap_free_block(struct heap *h, uint64_t mfn, unsigned order);
/* Frames from start up to, not including, end: as few blocks as they make. */
void heap_free_range(struct heap *h, uint64_t start, uint64_t end);
/* FRAME_NONE when there is no block of frames whose numbers have at most `width` bits. */
uint32_t heap_alloc_block(struct heap *h, unsigned order, unsigned width);
/*
 * Makes blocks of up to n recently freed frames, which heap_alloc_block() does not hand out. False:
 * there are none.
 */
bool heap_settle(struct heap *h, unsigned n);
/* Is there a block of that order, or a larger one? */
bool heap_has_block(const struct heap *h, unsigned order);

/* struct frame.flags; 0 in all others. */
#define FRAME_FREE   0x1u /* head of a free block of .order */
#define FRAME_RECENT 0x2u /* a frame that was freed lately, and is no block yet */

#endif
