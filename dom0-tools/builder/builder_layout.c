// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where everything goes in a new domain's memory.
 *
 * The guest ABI fixes the order (kernel, ramdisk, p2m, start_info, store page, console page, page
 * tables, stack) and the size of the initial mapping: it ends at a multiple of 4 MiB with at least
 * 512 KiB to spare. The page tables map themselves, so their number depends on itself; it is found
 * by trying, and it only ever grows, so that ends.
 */
#include "builder_private.h"

#include <errno.h>
#include <string.h>

#define LAYOUT_ALIGN   (4UL << 20)
#define LAYOUT_PADDING (512UL << 10)

/* The tables for addresses start..last, one level after the other from frame `pfn` on. */
static uint64_t layout_levels(struct layout_level *level, uint64_t start, uint64_t last,
                              uint64_t pfn)
{
    uint64_t total = 0;
    int i;

    for (i = LAYOUT_LEVELS - 1; i >= 0; i--) {
        level[i].first = start >> LAYOUT_SHIFT(i);
        level[i].nr = (last >> LAYOUT_SHIFT(i)) - level[i].first + 1;
        level[i].pfn = pfn + total;
        total += level[i].nr;
    }
    return total;
}

/*
 * The same for a second range that overlaps no address of the first: at each level the two share at
 * most one table, at the end where they meet. The shared one is the first range's.
 */
static uint64_t layout_more_levels(struct layout_level *level, const struct layout_level *have,
                                   uint64_t start, uint64_t last, uint64_t pfn)
{
    uint64_t total = 0;
    int i;

    layout_levels(level, start, last, 0);
    for (i = LAYOUT_LEVELS - 1; i >= 0; i--) {
        struct layout_level *l = &level[i];

        if (layout_has(&have[i], l->first)) {
            l->first++;
            l->nr--;
        }
        if (l->nr && layout_has(&have[i], l->first + l->nr - 1))
            l->nr--;
        l->pfn = pfn + total;
        total += l->nr;
    }
    return total;
}

/* Place what is mapped from virt_base on; `tables` is the current guess of their number. */
static void layout_mapped_part(struct layout *l, const struct layout_input *in, uint64_t tables)
{
    uint64_t pfn = (in->virt_end - in->virt_base) >> BUILDER_PAGE_SHIFT;

    l->ramdisk_pages = builder_pages(in->ramdisk_size);
    l->p2m_pages = builder_pages(in->pages * sizeof(uint64_t));
    if (!in->mod_start_pfn) {
        l->ramdisk = pfn;
        pfn += l->ramdisk_pages;
    }
    if (in->init_p2m == UINT64_MAX) {
        l->p2m = pfn;
        pfn += l->p2m_pages;
    }
    l->start_info = pfn++;
    l->store = pfn++;
    l->console = pfn++;
    l->tables = pfn;
    l->nr_tables = tables;
    pfn += tables;
    l->stack = pfn++;
    l->end = pfn;
}

/* Everything behind: an unmapped ramdisk, a p2m with an address of its own and its tables. */
static int layout_rest(struct layout *l, const struct layout_input *in)
{
    uint64_t start = in->virt_base, last = start + (l->mapped << BUILDER_PAGE_SHIFT) - 1;
    uint64_t p2m_last = in->init_p2m + (l->p2m_pages << BUILDER_PAGE_SHIFT) - 1;

    if (in->mod_start_pfn && l->ramdisk_pages) {
        l->ramdisk = l->end;
        l->end += l->ramdisk_pages;
    } else if (l->ramdisk_pages) {
        l->ramdisk_va = start + (l->ramdisk << BUILDER_PAGE_SHIFT);
    }
    if (in->init_p2m == UINT64_MAX) {
        l->p2m_va = start + (l->p2m << BUILDER_PAGE_SHIFT);
        return 0;
    }
    /* It may neither wrap nor meet the initial mapping: layout_more_levels() relies on that. */
    if (p2m_last < in->init_p2m || (in->init_p2m <= last && p2m_last >= start))
        return -EINVAL;
    l->p2m_va = in->init_p2m;
    l->p2m = l->end;
    l->p2m_tables = l->p2m + l->p2m_pages;
    l->nr_p2m_tables =
        layout_more_levels(l->p2m_level, l->kernel_level, in->init_p2m, p2m_last, l->p2m_tables);
    l->end = l->p2m_tables + l->nr_p2m_tables;
    return 0;
}

int layout_make(struct layout *l, const struct layout_input *in)
{
    uint64_t tables = 0, need = 4, last;
    int rc;

    memset(l, 0, sizeof(*l));
    /* What cannot fit by itself would only make the sums below overflow. */
    if (in->ramdisk_size >> BUILDER_PAGE_SHIFT > in->pages) {
        l->end = builder_pages(in->ramdisk_size) +
                 ((in->virt_end - in->virt_base) >> BUILDER_PAGE_SHIFT);
        return -ENOMEM;
    }
    /* 4: an L4 and one table of each level below it, which is the least. */
    while (need != tables) {
        tables = need;
        layout_mapped_part(l, in, tables);
        last = in->virt_base + (l->end << BUILDER_PAGE_SHIFT) + LAYOUT_PADDING - 1;
        last |= LAYOUT_ALIGN - 1;
        if (last < in->virt_base)
            return -EINVAL;
        l->mapped = (last - in->virt_base + 1) >> BUILDER_PAGE_SHIFT;
        need = 1 + layout_levels(l->kernel_level, in->virt_base, last, l->tables + 1);
    }
    rc = layout_rest(l, in);
    if (rc)
        return rc;
    return l->end > in->pages ? -ENOMEM : 0;
}
