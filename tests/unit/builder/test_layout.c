// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layout and the page tables. Many layouts are made and then walked like an MMU would: every
 * address must lead to the frame it should, tables must be read-only, and nothing may overlap.
 */
#include "builder_private.h"
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MFN_SUPER  0x100000UL /* machine frames of superpages begin here, */
#define MFN_SINGLE 0x900000UL /* of single pages here */
#define SUPERS     3

struct world {
    struct layout_input in;
    struct layout l;
    struct builder_frames frames;
    struct builder_window window;
};

/* Frames in an order that no arithmetic could guess. */
static void world_frames(struct world *w)
{
    uint64_t i, n;

    w->frames.pages = w->in.pages;
    w->frames.nr_super = w->in.pages / BUILDER_SUPER_PAGES / 2;
    w->frames.super = calloc(w->frames.nr_super + 1, 8);
    for (i = 0; i < w->frames.nr_super; i++)
        w->frames.super[i] = MFN_SUPER + (i * 7 % 1024) * BUILDER_SUPER_PAGES * SUPERS;
    n = w->in.pages - w->frames.nr_super * BUILDER_SUPER_PAGES;
    w->frames.single = calloc(n + 1, 8);
    for (i = 0; i < n; i++)
        w->frames.single[i] = MFN_SINGLE + (i ^ 5);
}

static uint64_t *world_table(struct world *w, uint64_t entry)
{
    uint64_t mfn = entry >> 12 & 0xffffffffff, pfn;

    for (pfn = w->l.tables; pfn < w->l.end; pfn++)
        if (frames_mfn(&w->frames, pfn) == mfn)
            return window_at(&w->window, pfn);
    return NULL;
}

/* The L1 entry of an address; 0 if a table is missing on the way. */
static uint64_t world_walk(struct world *w, uint64_t va)
{
    uint64_t *table = window_at(&w->window, w->l.tables), entry = 0;
    int shift;

    for (shift = 39; shift >= 12; shift -= 9) {
        entry = table[va >> shift & 511];
        if (shift == 12 || !(entry & 1))
            return entry;
        table = world_table(w, entry);
        if (!table) {
            CHECK(table != NULL);
            return 0;
        }
    }
    return entry;
}

static void world_check_order(struct world *w)
{
    const struct layout *l = &w->l;
    uint64_t kernel_end = (w->in.virt_end - w->in.virt_base) >> 12, last;

    CHECK(l->store == l->start_info + 1 && l->console == l->store + 1);
    CHECK(l->tables == l->console + 1 && l->stack == l->tables + l->nr_tables);
    CHECK(l->start_info >= kernel_end && l->end <= w->in.pages);
    last = l->stack;
    if (w->in.init_p2m == UINT64_MAX)
        CHECK(l->p2m >= kernel_end && l->p2m + l->p2m_pages <= l->start_info);
    else
        CHECK(l->p2m > last && l->p2m_tables == l->p2m + l->p2m_pages);
    if (w->in.ramdisk_size && w->in.mod_start_pfn)
        CHECK(l->ramdisk > last && l->ramdisk + l->ramdisk_pages <= l->end && !l->ramdisk_va);
    if (w->in.ramdisk_size && !w->in.mod_start_pfn)
        CHECK(l->ramdisk >= kernel_end && l->ramdisk + l->ramdisk_pages <= l->start_info &&
              l->ramdisk_va == w->in.virt_base + (l->ramdisk << 12));
    if (w->in.ramdisk_size && w->in.mod_start_pfn && w->in.init_p2m != UINT64_MAX)
        CHECK(l->ramdisk + l->ramdisk_pages <= l->p2m ||
              l->p2m_tables + l->nr_p2m_tables <= l->ramdisk);
    last = w->in.virt_base + (l->mapped << 12);
    CHECK(last % (4 << 20) == 0 && l->mapped - (l->stack + 1) >= 128);
}

static void world_check_tables(struct world *w)
{
    const struct layout *l = &w->l;
    uint64_t pfn, entry, *p2m = window_at(&w->window, l->p2m), used = 0, wrong = 0;

    for (pfn = 0; pfn < l->mapped; pfn++) {
        bool table = (pfn >= l->tables && pfn < l->stack) ||
                     (pfn >= l->p2m_tables && pfn < l->p2m_tables + l->nr_p2m_tables);

        entry = world_walk(w, w->in.virt_base + (pfn << 12));
        if (pfn >= w->in.pages)
            wrong += entry != 0;
        else
            wrong += entry >> 12 != frames_mfn(&w->frames, pfn) || !(entry & 1) || !(entry & 4) ||
                     (entry >> 1 & 1) == table;
    }
    CHECK_SAY(wrong == 0, "%lu wrong entries", wrong);
    for (pfn = 0; pfn < l->p2m_pages; pfn++) {
        entry = world_walk(w, l->p2m_va + (pfn << 12));
        wrong += entry >> 12 != frames_mfn(&w->frames, l->p2m + pfn) || !(entry & 2);
    }
    for (pfn = 0; pfn < w->in.pages; pfn++)
        wrong += p2m[pfn] != frames_mfn(&w->frames, pfn);
    CHECK_SAY(wrong == 0, "%lu wrong p2m entries", wrong);
    /* Each table that was set aside is used: it has an entry, or the memory ends before it. */
    for (pfn = 0; pfn < l->nr_p2m_tables; pfn++) {
        uint64_t *t = window_at(&w->window, l->p2m_tables + pfn);

        for (used = 0; used < 512 && !t[used]; used++)
            ;
        CHECK(used < 512);
    }
}

static void world_test(const struct layout_input *in)
{
    struct world w = {.in = *in};
    int rc = layout_make(&w.l, in);
    uint64_t end = w.l.end;

    if (!CHECK_SAY(rc == 0, "layout gives %d", rc))
        return;
    world_check_order(&w);
    world_frames(&w);
    w.window.first = (in->virt_end - in->virt_base) >> 12;
    w.window.nr = w.l.end - w.window.first;
    w.window.base = calloc(w.window.nr, 4096);
    tables_build(&w.l, in, &w.frames, &w.window);
    tables_fill_p2m(&w.l, &w.frames, &w.window);
    world_check_tables(&w);
    free(w.window.base);
    free(w.frames.super);
    free(w.frames.single);
    /* One page less than it takes is too little, and what it takes is enough. */
    w.in.pages = end - 1;
    if (layout_make(&w.l, &w.in) != 0)
        CHECK(layout_make(&w.l, &w.in) == -ENOMEM);
}

static void test_special(void)
{
    struct layout_input in = {.virt_base = 0x10000000, .virt_end = 0x10100000, .pages = 2048};
    struct layout l;

    in.init_p2m = 0x10000000; /* in the middle of the kernel */
    CHECK(layout_make(&l, &in) == -EINVAL);
    in.init_p2m = 0x103ff000; /* in the padding */
    CHECK(layout_make(&l, &in) == -EINVAL);
    in.init_p2m = 0x0ffff000; /* its end reaches into the kernel */
    CHECK(layout_make(&l, &in) == -EINVAL);
    in.init_p2m = UINT64_MAX;
    in.ramdisk_size = UINT64_MAX;
    CHECK(layout_make(&l, &in) == -ENOMEM && l.end > in.pages);
    in.ramdisk_size = 0;
    in.pages = 100;
    CHECK(layout_make(&l, &in) == -ENOMEM && l.end > 256 && l.end < 300);
    in.pages = 1UL << 31;
    in.virt_base = 0xffffffff80000000UL; /* a mapped p2m of 16 GiB does not fit above */
    in.virt_end = in.virt_base + 0x100000;
    CHECK(layout_make(&l, &in) == -EINVAL);
}

void test_layout(void)
{
    static const uint64_t bases[] = {0, 0x400000, 0x7ff000, 0xffffffff80000000UL,
                                     0xffffff8000000000UL};
    static const uint64_t p2ms[] = {UINT64_MAX, 0x8000000000UL, 0xffffff8040000000UL,
                                    0xffff880000000000UL, 0x3fff000UL};
    struct layout_input in;
    size_t b, p;
    int round;

    srand(7);
    for (b = 0; b < sizeof(bases) / sizeof(bases[0]); b++)
        for (p = 0; p < sizeof(p2ms) / sizeof(p2ms[0]); p++)
            for (round = 0; round < 4; round++) {
                in.virt_base = bases[b];
                in.virt_end = in.virt_base + 0x100000 + ((uint64_t)rand() % 700 << 12);
                in.ramdisk_size = round & 1 ? 1 + (uint64_t)rand() % (2 << 20) : 0;
                in.mod_start_pfn = round & 2;
                in.init_p2m = p2ms[p];
                in.pages = 3000 + (uint64_t)rand() % 9000;
                if (in.init_p2m - in.virt_base < 64UL << 20)
                    in.init_p2m += 64UL << 20;
                world_test(&in);
            }
    test_special();
}
