/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buddy allocator: no frame is given twice, blocks are aligned, everything comes back together
 * to the blocks of the start, and address limits hold.
 */
#include <stdlib.h>
#include <string.h>

#include <core/heap.h>

#include "unit.h"

#define LOW       8192u
#define HELD      600u
#define BASE_HIGH HEAP_LOW_LIMIT
#define NR        (BASE_HIGH + 4096)

static struct heap heap;
static struct {
    uint32_t mfn;
    unsigned order;
} held[HELD];
static unsigned nr_held;
static uint8_t *taken; /* per frame */

static uint64_t free_total(void)
{
    return heap.low.free + heap.high.free;
}

static void take(unsigned order, uint64_t limit)
{
    uint64_t before = free_total();
    uint32_t mfn = heap_alloc_block(&heap, order, limit);
    unsigned twice = 0;

    if (mfn == FRAME_NONE) {
        if (free_total() != before)
            CHECK(!"a failed allocation takes nothing");
        return;
    }
    for (uint32_t m = mfn; m < mfn + (1u << order); m++)
        twice += taken[m]++;
    if (twice != 0 || mfn % (1u << order) != 0 || mfn + (1ull << order) > limit ||
        before - free_total() != 1ull << order)
        CHECK(!"block is fresh, aligned, below the limit and accounted for");
    held[nr_held].mfn = mfn;
    held[nr_held++].order = order;
}

static void give(unsigned i)
{
    for (uint32_t m = held[i].mfn; m < held[i].mfn + (1u << held[i].order); m++)
        taken[m]--;
    heap_free_block(&heap, held[i].mfn, held[i].order);
    held[i] = held[--nr_held];
}

void test_heap(void)
{
    struct frame *frames = calloc(NR, sizeof(*frames));
    uint32_t nonempty_low, nonempty_high;
    uint64_t all;

    taken = calloc(NR, 1);
    heap_init(&heap, frames, NR);
    heap_free_range(&heap, 3, LOW - 5);
    heap_free_range(&heap, BASE_HIGH, NR);
    all = free_total();
    nonempty_low = heap.low.nonempty;
    nonempty_high = heap.high.nonempty;
    CHECK(all == LOW - 8 + 4096);
    for (unsigned step = 0; step < 200000; step++) {
        if (nr_held == HELD || (nr_held != 0 && unit_random() % 2 == 0))
            give(unit_random() % nr_held);
        else
            take(unit_random() % 6, unit_random() % 8 == 0 ? LOW / 2 : UINT64_MAX);
    }
    while (nr_held != 0)
        give(0);
    CHECK(free_total() == all);
    CHECK(heap.low.nonempty == nonempty_low && heap.high.nonempty == nonempty_high);
    /* Memory that is not scarce goes first. */
    CHECK(heap_alloc_block(&heap, 0, UINT64_MAX) >= BASE_HIGH);
    CHECK(heap_alloc_block(&heap, 0, 3) == FRAME_NONE);
    CHECK(heap_alloc_block(&heap, 0, 4) == 3);
    CHECK(heap_alloc_block(&heap, 0, HEAP_LOW_LIMIT) < LOW);
    CHECK(heap_alloc_block(&heap, HEAP_ORDERS, UINT64_MAX) == FRAME_NONE);
    free(frames);
    free(taken);
}
