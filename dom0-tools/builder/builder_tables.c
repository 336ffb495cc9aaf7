// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page tables and the frame list that a domain starts with.
 *
 * A PV guest's tables hold machine addresses. The hypervisor checks every entry when the L4 is
 * pinned, and refuses tables that are mapped writable anywhere: so entries that map the tables' own
 * frames are read-only. All else is writable, the p2m too: Linux wipes the one it was born with
 * once it has made its own. Which frame holds which table is a matter of arithmetic (struct
 * layout_level), so nothing is searched.
 */
#include "builder_private.h"

#define PTE_PRESENT  0x001UL
#define PTE_WRITE    0x002UL
#define PTE_USER     0x004UL
#define PTE_ACCESSED 0x020UL
#define PTE_DIRTY    0x040UL
#define PTE_PAGE     (PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define PTE_SLOTS    511UL

/* Handed down unchanged. The window covers all frames of tables, and they are zero so far. */
struct tables {
    const struct layout *layout;
    const struct builder_frames *frames;
    const struct builder_window *window;
};

static uint64_t tables_entry(const struct tables *t, uint64_t pfn, uint64_t flags)
{
    return frames_mfn(t->frames, pfn) << BUILDER_PAGE_SHIFT | flags;
}

/* The frame of the table of level `i` that covers `va`, which lies in one of the two ranges. */
static uint64_t tables_frame(const struct layout *l, int i, uint64_t va)
{
    uint64_t index = va >> LAYOUT_SHIFT(i);

    if (layout_has(&l->kernel_level[i], index))
        return l->kernel_level[i].pfn + (index - l->kernel_level[i].first);
    return l->p2m_level[i].pfn + (index - l->p2m_level[i].first);
}

/* A pfn before the range wraps, and is far too large. */
static bool tables_is_table(const struct layout *l, uint64_t pfn)
{
    return pfn - l->tables < l->nr_tables || pfn - l->p2m_tables < l->nr_p2m_tables;
}

/* Hang the tables of one range of one level into those above. */
static void tables_link(const struct tables *t, int i, const struct layout_level *level)
{
    const struct layout *l = t->layout;
    uint64_t n;

    for (n = 0; n < level->nr; n++) {
        uint64_t index = level->first + n;
        uint64_t above =
            i == LAYOUT_LEVELS - 1 ? l->tables : tables_frame(l, i + 1, index << LAYOUT_SHIFT(i));
        uint64_t *table = window_at(t->window, above);

        table[index & PTE_SLOTS] = tables_entry(t, level->pfn + n, PTE_PAGE | PTE_WRITE);
    }
}

/* Map frames pfn..pfn+nr-1 from `va` on. */
static void tables_map(const struct tables *t, uint64_t va, uint64_t pfn, uint64_t nr)
{
    const struct layout *l = t->layout;
    uint64_t *table = NULL;

    while (nr--) {
        uint64_t slot = va >> BUILDER_PAGE_SHIFT & PTE_SLOTS;

        if (!table || slot == 0)
            table = window_at(t->window, tables_frame(l, 0, va));
        table[slot] = tables_entry(t, pfn, PTE_PAGE | (tables_is_table(l, pfn) ? 0 : PTE_WRITE));
        va += BUILDER_PAGE_SIZE;
        pfn++;
    }
}

void tables_build(const struct layout *layout, const struct layout_input *in,
                  const struct builder_frames *frames, const struct builder_window *window)
{
    struct tables t = {layout, frames, window};
    int i;

    for (i = 0; i < LAYOUT_LEVELS; i++) {
        tables_link(&t, i, &layout->kernel_level[i]);
        tables_link(&t, i, &layout->p2m_level[i]);
    }
    /* The padding need not exist: a small domain's mapping stops where its memory does. */
    tables_map(&t, in->virt_base, 0, layout->mapped < in->pages ? layout->mapped : in->pages);
    if (in->init_p2m != UINT64_MAX)
        tables_map(&t, layout->p2m_va, layout->p2m, layout->p2m_pages);
}

void tables_fill_p2m(const struct layout *layout, const struct builder_frames *frames,
                     const struct builder_window *window)
{
    uint64_t *p2m = window_at(window, layout->p2m);
    uint64_t pfn;

    for (pfn = 0; pfn < frames->pages; pfn++)
        p2m[pfn] = frames_mfn(frames, pfn);
    /* The rest of the last page names no frames. */
    for (; pfn & (BUILDER_PAGE_SIZE / sizeof(*p2m) - 1); pfn++)
        p2m[pfn] = UINT64_MAX;
}
