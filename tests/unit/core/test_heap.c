/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buddy allocator: no frame is given twice, blocks are aligned, everything comes back together
 * to the blocks of the start, address limits hold, and what is freed does not come back at once.
 */
#include <stdlib.h>
#include <string.h>

#include <core/mem/heap.h>

#include "unit.h"

#define LOW       8192u
#define HELD      600u
#define BASE_HIGH (1u << 20) /* 4 GiB */
#define NR        (BASE_HIGH + 4096)
#define ANY       64u /* as a width: no limit */

static struct heap heap;
static struct {
    uint32_t mfn;
    unsigned order;
} held[HELD];
static unsigned nr_held;
static uint8_t *taken; /* per frame */

static void take(unsigned order, unsigned width)
{
    uint64_t before = heap.free;
    uint32_t mfn = heap_alloc_block(&heap, order, width);
    unsigned twice = 0;

    if (mfn == FRAME_NONE) {
        if (heap.free != before)
            CHECK(!"a failed allocation takes nothing");
        return;
    }
    for (uint32_t m = mfn; m < mfn + (1u << order); m++)
        twice += taken[m]++;
    if (twice != 0 || mfn % (1u << order) != 0 ||
        (mfn + (1ull << order) - 1) >> (width & 63) > (width == ANY ? NR : 0) ||
        before - heap.free != 1ull << order)
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

/* Which lists have something, and of how many blocks. */
static uint64_t shape(void)
{
    uint64_t sum = heap.nonempty;

    for (unsigned i = 0; i < HEAP_ZONES; i++) {
        for (unsigned o = 0; o < HEAP_ORDERS; o++) {
            unsigned n = 0;

            for (uint32_t m = heap.zones[i].head[o]; m != FRAME_NONE; m = heap.frames[m].next)
                n++;
            sum = sum * 31 + n + ((heap.zones[i].nonempty >> o) & 1);
        }
    }
    return sum;
}

/* A frame that is given back comes again after max_recent others, and in their order. */
static void test_line(void)
{
    uint32_t first = heap_alloc_block(&heap, 0, ANY), next;
    unsigned rounds = 0;

    heap_free_block(&heap, first, 0);
    do {
        next = heap_alloc_block(&heap, 0, ANY);
        heap_free_block(&heap, next, 0);
        rounds++;
    } while (next != first && rounds < 10 * heap.max_recent);
    CHECK(heap.max_recent >= 1000);
    CHECK(rounds >= heap.max_recent && heap.nr_recent == heap.max_recent);
    CHECK(heap_settle(&heap, 1) && heap.nr_recent == heap.max_recent - 1);
    CHECK(heap_settle(&heap, UINT32_MAX) && heap.nr_recent == 0);
    CHECK(heap_has_block(&heap, 0) && heap_has_block(&heap, 9) &&
          !heap_has_block(&heap, HEAP_ORDERS));
    CHECK(!heap_settle(&heap, 1));
}

/* Behind a thousand blocks that are too high lies the one that is wanted: no list is searched. */
static void test_width(void)
{
    static uint32_t got[LOW];
    unsigned n = 0;

    while ((got[n] = heap_alloc_block(&heap, 0, 13)) != FRAME_NONE)
        n++;
    CHECK(n == LOW - 8); /* all of the low memory, and nothing above it */
    for (unsigned i = n; i-- > 0;) {
        if (got[i] % 2 == 0)
            heap_free_block(&heap, got[i], 0);
    }
    heap_settle(&heap, UINT32_MAX);
    for (unsigned width = 13; width >= HEAP_ZONE_WIDTH; width--)
        CHECK(heap_alloc_block(&heap, 0, width) >> width == 0);
    CHECK(heap_alloc_block(&heap, 0, HEAP_ZONE_WIDTH - 1) == FRAME_NONE);
    CHECK(heap_alloc_block(&heap, 0, 0) == FRAME_NONE);
    CHECK(heap_alloc_block(&heap, 1, 13) == FRAME_NONE);
}

void test_heap(void)
{
    struct frame *frames = calloc(NR, sizeof(*frames));
    uint64_t all, before;

    taken = calloc(NR, 1);
    heap_init(&heap, frames, NR);
    heap_free_range(&heap, 3, LOW - 5);
    heap_free_range(&heap, BASE_HIGH, NR);
    all = heap.free;
    before = shape();
    CHECK(all == LOW - 8 + 4096);
    for (unsigned step = 0; step < 200000; step++) {
        if (nr_held == HELD || (nr_held != 0 && unit_random() % 2 == 0))
            give(unit_random() % nr_held);
        else
            take(unit_random() % 6, unit_random() % 8 == 0 ? 9 + unit_random() % 5 : ANY);
        if (step % 1000 == 0)
            heap_settle(&heap, unit_random() % 300);
    }
    while (nr_held != 0)
        give(0);
    CHECK(heap.free == all);
    heap_settle(&heap, UINT32_MAX);
    CHECK(heap.free == all && shape() == before);
    /* Memory that is not scarce goes first. */
    CHECK(heap_alloc_block(&heap, 0, ANY) >= BASE_HIGH);
    CHECK(heap_alloc_block(&heap, HEAP_ORDERS, ANY) == FRAME_NONE);
    test_line();
    test_width();
    free(frames);
    free(taken);
}
