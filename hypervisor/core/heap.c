/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A binary buddy allocator over struct frame. Free blocks of each order are on a list of their own;
 * a bitmap says which lists have something, so both directions cost O(log of the largest block),
 * whatever the size of memory. Memory above 4 GiB is used up first: what is below is scarce, and
 * some devices reach nothing else.
 */
#include <core/heap.h>
#include <lib/bitops.h>
#include <lib/bug.h>

static struct heap_zone *heap_zone_of(struct heap *h, uint64_t mfn)
{
    return mfn < HEAP_LOW_LIMIT ? &h->low : &h->high;
}

static void heap_zone_init(struct heap_zone *z)
{
    for (unsigned i = 0; i < HEAP_ORDERS; i++)
        z->head[i] = FRAME_NONE;
    z->nonempty = 0;
    z->free = 0;
}

void heap_init(struct heap *h, struct frame *frames, uint64_t nr)
{
    spin_lock_init(&h->lock, LOCK_HEAP);
    h->frames = frames;
    h->nr_frames = MIN(nr, (uint64_t)FRAME_NONE);
    h->claimed = 0;
    heap_zone_init(&h->low);
    heap_zone_init(&h->high);
}

static void heap_link(struct heap *h, uint64_t mfn, unsigned order)
{
    struct heap_zone *z = heap_zone_of(h, mfn);
    struct frame *f = &h->frames[mfn];

    f->flags = FRAME_FREE;
    f->order = (uint8_t)order;
    f->prev = FRAME_NONE;
    f->next = z->head[order];
    if (f->next != FRAME_NONE)
        h->frames[f->next].prev = (uint32_t)mfn;
    z->head[order] = (uint32_t)mfn;
    z->nonempty |= 1u << order;
    z->free += 1ull << order;
}

static void heap_unlink(struct heap *h, uint64_t mfn)
{
    struct heap_zone *z = heap_zone_of(h, mfn);
    struct frame *f = &h->frames[mfn];

    if (f->prev != FRAME_NONE)
        h->frames[f->prev].next = f->next;
    else
        z->head[f->order] = f->next;
    if (f->next != FRAME_NONE)
        h->frames[f->next].prev = f->prev;
    if (z->head[f->order] == FRAME_NONE)
        z->nonempty &= ~(1u << f->order);
    z->free -= 1ull << f->order;
    f->flags = 0;
    f->next = f->prev = FRAME_NONE;
}

/*
 * A block's buddy is the other half of the block of the next order: the two numbers differ in that
 * one bit. Where the buddy is free as a whole, the two become one, and so on upwards.
 */
void heap_free_block(struct heap *h, uint64_t mfn, unsigned order)
{
    BUG_ON(order >= HEAP_ORDERS || mfn + (1ull << order) > h->nr_frames);
    BUG_ON(h->frames[mfn].flags & FRAME_FREE); /* freed twice */
    while (order + 1 < HEAP_ORDERS) {
        uint64_t buddy = mfn ^ (1ull << order);
        const struct frame *b = &h->frames[buddy];

        /* The first: beyond the end of memory there is no struct frame to ask. */
        if (buddy + (1ull << order) > h->nr_frames || !(b->flags & FRAME_FREE) || b->order != order)
            break;
        heap_unlink(h, buddy);
        mfn &= ~(1ull << order); /* the lower of the two */
        order++;
    }
    heap_link(h, mfn, order);
}

void heap_free_range(struct heap *h, uint64_t start, uint64_t end)
{
    while (start < end) {
        unsigned order = HEAP_ORDERS - 1;

        while ((start & ((1ull << order) - 1)) != 0 || start + (1ull << order) > end)
            order--;
        heap_free_block(h, start, order);
        start += 1ull << order;
    }
}

/*
 * A block of at least `order` that has its first 2^order frames below limit. exact: the zone
 * reaches beyond the limit, so each block has to be looked at; else any will do, and the
 * smallest is taken.
 */
static uint32_t heap_find(struct heap *h, struct heap_zone *z, unsigned order, uint64_t limit,
                          bool exact)
{
    uint32_t orders = z->nonempty & ~((1u << order) - 1);

    if (orders == 0)
        return FRAME_NONE;
    if (!exact)
        return z->head[bit_lowest(orders)];
    /* A narrow device mask is rare: look through some of each list. */
    for (unsigned o = order; o < HEAP_ORDERS; o++) {
        uint32_t mfn = z->head[o];

        for (unsigned n = 0; mfn != FRAME_NONE && n < 256; n++) {
            if (mfn + (1ull << order) <= limit)
                return mfn;
            mfn = h->frames[mfn].next;
        }
    }
    return FRAME_NONE;
}

uint32_t heap_alloc_block(struct heap *h, unsigned order, uint64_t limit)
{
    uint32_t mfn = FRAME_NONE;
    unsigned have;

    if (order >= HEAP_ORDERS)
        return FRAME_NONE;
    if (limit > HEAP_LOW_LIMIT)
        mfn = heap_find(h, &h->high, order, limit, limit < h->nr_frames);
    if (mfn == FRAME_NONE)
        mfn = heap_find(h, &h->low, order, limit, limit < HEAP_LOW_LIMIT && limit < h->nr_frames);
    if (mfn == FRAME_NONE)
        return FRAME_NONE;
    have = h->frames[mfn].order;
    heap_unlink(h, mfn);
    /* What is too much goes back in halves. The lower one is kept: it is what the limit was for. */
    while (have > order) {
        have--;
        heap_link(h, mfn + (1ull << have), have);
    }
    return mfn;
}
