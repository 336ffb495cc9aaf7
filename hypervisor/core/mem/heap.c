/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A binary buddy allocator over struct frame. Free blocks of each order are on a list of their own;
 * a bitmap says which lists have something, so both directions cost O(log of the largest block),
 * whatever the size of memory.
 *
 * There is a zone for each width of frame numbers, with lists of its own. A limit on the width of
 * addresses therefore chooses zones, and no list is ever searched. The highest zone that will do is
 * used up first: what is below is scarce, and some devices reach nothing else. A block lies within
 * its zone, as the borders are powers of two.
 *
 * A CPU that frees a frame and allocates one again does not get the same. Its translations may be
 * in the TLBs of other CPUs, which would have to be interrupted each time. So single frames, in
 * which guests' memory comes back, wait in line (`recent`) before they become blocks, and blocks
 * queue up at the end of their list. One flush then does for as many frames as the line holds.
 */
#include <core/mem/heap.h>
#include <lib/bitops.h>
#include <lib/bug.h>

#define RECENT_MAX 4096u /* 16 MiB; where memory is small, a part of it */

static unsigned heap_zone_of(uint64_t mfn)
{
    return mfn >> HEAP_ZONE_WIDTH == 0 ? 0 : bit_highest(mfn) + 1 - HEAP_ZONE_WIDTH;
}

void heap_init(struct heap *h, struct frame *frames, uint64_t nr)
{
    spin_lock_init(&h->lock, LOCK_HEAP);
    h->frames = frames;
    h->nr_frames = MIN(nr, (uint64_t)FRAME_NONE);
    h->free = h->claimed = 0;
    h->recent_head = h->recent_tail = FRAME_NONE;
    h->nr_recent = 0;
    h->max_recent = (uint32_t)MIN(h->nr_frames / 64, (uint64_t)RECENT_MAX);
    h->nonempty = 0;
    for (unsigned i = 0; i < HEAP_ZONES; i++) {
        struct heap_zone *z = &h->zones[i];

        for (unsigned o = 0; o < HEAP_ORDERS; o++)
            z->head[o] = z->tail[o] = FRAME_NONE;
        z->nonempty = 0;
    }
}

/* ---- lists ---- */

/* Puts a frame at the end of a list, or at its beginning. In line: each freed frame comes by. */
static inline void list_put(struct heap *h, uint32_t *head, uint32_t *tail, uint32_t mfn,
                            bool first)
{
    struct frame *f = &h->frames[mfn];

    f->prev = first ? FRAME_NONE : *tail;
    f->next = first ? *head : FRAME_NONE;
    *(f->prev != FRAME_NONE ? &h->frames[f->prev].next : head) = mfn;
    *(f->next != FRAME_NONE ? &h->frames[f->next].prev : tail) = mfn;
}

static inline void list_take(struct heap *h, uint32_t *head, uint32_t *tail, uint32_t mfn)
{
    struct frame *f = &h->frames[mfn];

    *(f->prev != FRAME_NONE ? &h->frames[f->prev].next : head) = f->next;
    *(f->next != FRAME_NONE ? &h->frames[f->next].prev : tail) = f->prev;
    f->flags = 0;
    f->next = f->prev = FRAME_NONE;
}

/* first: it is what is left of a block that nobody has freed lately. */
static inline void heap_link(struct heap *h, unsigned zone, uint64_t mfn, unsigned order,
                             bool first)
{
    struct heap_zone *z = &h->zones[zone];

    h->frames[mfn].flags = FRAME_FREE;
    h->frames[mfn].order = (uint8_t)order;
    list_put(h, &z->head[order], &z->tail[order], (uint32_t)mfn, first);
    z->nonempty |= 1u << order;
    h->nonempty |= 1u << zone;
}

static inline void heap_unlink(struct heap *h, unsigned zone, uint64_t mfn)
{
    unsigned order = h->frames[mfn].order;
    struct heap_zone *z = &h->zones[zone];

    list_take(h, &z->head[order], &z->tail[order], (uint32_t)mfn);
    if (z->head[order] != FRAME_NONE)
        return;
    z->nonempty &= ~(1u << order);
    if (z->nonempty == 0)
        h->nonempty &= ~(1u << zone);
}

/* ---- freeing ---- */

/*
 * A block's buddy is the other half of the block of the next order: the two numbers differ in that
 * one bit. Where the buddy is free as a whole, the two become one, and so on upwards, as long as
 * the bit is not the one that their zone is for.
 */
static void heap_merge(struct heap *h, uint64_t mfn, unsigned order)
{
    unsigned zone = heap_zone_of(mfn);
    unsigned top = MIN(MAX(zone, 1u) + HEAP_ZONE_WIDTH - 1, HEAP_ORDERS - 1u);

    while (order < top) {
        uint64_t buddy = mfn ^ (1ull << order);
        const struct frame *b = &h->frames[buddy];

        /* The first: beyond the end of memory there is no struct frame to ask. */
        if (buddy + (1ull << order) > h->nr_frames || !(b->flags & FRAME_FREE) || b->order != order)
            break;
        heap_unlink(h, zone, buddy);
        mfn &= ~(1ull << order); /* the lower of the two */
        order++;
    }
    heap_link(h, zone, mfn, order, false);
}

bool heap_settle(struct heap *h, unsigned n)
{
    bool any = h->nr_recent != 0;

    for (; n != 0 && h->nr_recent != 0; n--) {
        uint32_t mfn = h->recent_head;

        list_take(h, &h->recent_head, &h->recent_tail, mfn);
        h->nr_recent--;
        heap_merge(h, mfn, 0);
    }
    return any;
}

void heap_free_block(struct heap *h, uint64_t mfn, unsigned order)
{
    BUG_ON(order >= HEAP_ORDERS || mfn + (1ull << order) > h->nr_frames);
    BUG_ON(h->frames[mfn].flags != 0); /* freed twice */
    h->free += 1ull << order;
    if (order != 0) {
        heap_merge(h, mfn, order);
        return;
    }
    h->frames[mfn].flags = FRAME_RECENT;
    list_put(h, &h->recent_head, &h->recent_tail, (uint32_t)mfn, false);
    if (++h->nr_recent > h->max_recent)
        heap_settle(h, 1);
}

void heap_free_range(struct heap *h, uint64_t start, uint64_t end)
{
    while (start < end) {
        unsigned order = HEAP_ORDERS - 1;

        while ((start & ((1ull << order) - 1)) != 0 || start + (1ull << order) > end ||
               heap_zone_of(start) != heap_zone_of(start + (1ull << order) - 1))
            order--;
        h->free += 1ull << order;
        heap_merge(h, start, order);
        start += 1ull << order;
    }
}

/* ---- allocating ---- */

bool heap_has_block(const struct heap *h, unsigned order)
{
    uint32_t orders = 0;

    for (uint32_t left = h->nonempty; left != 0; left &= left - 1)
        orders |= h->zones[bit_lowest(left)].nonempty;
    return orders >> order != 0;
}

uint32_t heap_alloc_block(struct heap *h, unsigned order, unsigned width)
{
    unsigned zones = width < HEAP_ZONE_WIDTH ? 0 : MIN(width + 1 - HEAP_ZONE_WIDTH, HEAP_ZONES);
    uint32_t left = h->nonempty & ((1u << zones) - 1), orders = 0, mfn;
    unsigned zone = 0, have;

    if (order >= HEAP_ORDERS)
        return FRAME_NONE;
    for (; left != 0 && orders == 0; left &= ~(1u << zone)) {
        zone = bit_highest(left);
        orders = h->zones[zone].nonempty & ~((1u << order) - 1);
    }
    if (orders == 0)
        return FRAME_NONE;
    have = bit_lowest(orders);
    mfn = h->zones[zone].head[have];
    heap_unlink(h, zone, mfn);
    /* What is too much goes back in halves. */
    while (have > order) {
        have--;
        heap_link(h, zone, mfn + (1ull << have), have, true);
    }
    h->free -= 1ull << order;
    return mfn;
}
