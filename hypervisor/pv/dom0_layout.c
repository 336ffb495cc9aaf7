/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where dom0 finds itself when it starts. Its frame numbers run from zero without gaps; its kernel
 * is at the addresses it was linked for. From v_start upwards, mapped one after the other:
 *
 *   (low memory)  kernel  [initrd]  [p2m]  start_info  page tables  stack   (padding to 4 MiB)
 *
 * and behind that, by frame number only: the initrd when the kernel wants it unmapped
 * (MOD_START_PFN), and the p2m with its page tables when it wants that elsewhere (INIT_P2M).
 * Linux takes these apart again with the memory map of the machine in its hand: the parts it cannot
 * move (kernel, page tables) must not lie where the machine has a hole.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/frame.h>
#include <lib/bug.h>
#include <pv/dom0.h>
#include <x86/page.h>

#define ALIGN_END   MIB(4)
#define PADDING_MIN KIB(512)

static INIT_TEXT uint64_t pages_of(uint64_t bytes)
{
    return DIV_UP(bytes, PAGE_SIZE);
}

uint64_t dom0_layout_tables(vaddr_t start, vaddr_t end, unsigned level)
{
    unsigned shift = 12 + 9 * level; /* what one table of the level maps */

    if (level == 4)
        return 1;
    return ((end - 1) >> shift) - (start >> shift) + 1;
}

/* The tables are part of the range that they map: grow until it fits, from one of each level. */
static INIT_TEXT void place_tables(struct dom0_layout *l)
{
    for (l->nr_tables = 4;; l->nr_tables++) {
        uint64_t need = 0;

        l->stack_va = l->tables_va + l->nr_tables * PAGE_SIZE;
        l->v_end = ROUND_UP(l->stack_va + PAGE_SIZE, ALIGN_END);
        if (l->v_end - (l->stack_va + PAGE_SIZE) < PADDING_MIN)
            l->v_end += ALIGN_END;
        for (unsigned level = 1; level <= 4; level++)
            need += dom0_layout_tables(l->v_start, l->v_end, level);
        if (need <= l->nr_tables)
            return;
    }
}

/* Addresses first, from the kernel's end upwards; then frame numbers behind that range. */
INIT_TEXT void dom0_layout_place(struct dom0_layout *l)
{
    uint64_t p2m_bytes = l->nr_pages * sizeof(uint64_t);
    vaddr_t at = ROUND_UP(l->elf.vend, PAGE_SIZE);

    l->v_start = l->elf.virt_base;
    if (l->v_start % MIB(4) != 0 || l->elf.vstart < l->v_start)
        boot_fail("module 1: dom0's kernel begins at %lx, below or across its VIRT_BASE %lx",
                  (unsigned long)l->elf.vstart, (unsigned long)l->v_start);
    if (l->initrd_size != 0 && !l->elf.mod_start_is_pfn) {
        l->initrd_va = at;
        at += ROUND_UP(l->initrd_size, PAGE_SIZE);
    }
    l->p2m_pages = pages_of(p2m_bytes);
    l->p2m_va = l->elf.init_p2m;
    if (!dom0_layout_p2m_apart(l)) {
        l->p2m_va = at;
        at += l->p2m_pages * PAGE_SIZE;
    }
    l->start_info_va = at;
    l->tables_va = at + PAGE_SIZE;
    place_tables(l);

    l->end_pfn = dom0_layout_pfn(l, l->v_end);
    l->initrd_pfn = l->initrd_va != 0 ? dom0_layout_pfn(l, l->initrd_va) : l->end_pfn;
    if (l->initrd_size != 0 && l->initrd_va == 0)
        l->end_pfn += pages_of(l->initrd_size);
    l->p2m_pfn = dom0_layout_pfn(l, l->p2m_va);
    if (dom0_layout_p2m_apart(l)) {
        l->p2m_pfn = l->end_pfn;
        for (unsigned level = 1; level <= 3; level++)
            l->p2m_tables += dom0_layout_tables(l->p2m_va, l->p2m_va + p2m_bytes, level);
        l->end_pfn += l->p2m_pages + l->p2m_tables;
    }
}

/* The machine's memory map has RAM all over [0x100000, end): a kernel may insist on that. */
static INIT_TEXT void check_against_map(const struct dom0_layout *l)
{
    paddr_t start = l->elf.vstart - l->v_start, end = l->v_end - l->v_start;

    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM && start >= e->addr && end <= e->addr + e->size)
            return;
    }
    log_warn("dom0's kernel and page tables (%lx-%lx) do not lie in one piece of the machine's RAM",
             (unsigned long)start, (unsigned long)end);
}

/* Frames in blocks as large as can be had: contiguous memory is what devices like. */
INIT_TEXT void dom0_layout_allocate(struct dom0_layout *l)
{
    uint64_t pfn = 0;
    unsigned order = 18;

    check_against_map(l);
    while (pfn < l->nr_pages) {
        struct dom0_extent *last = l->nr_extents ? &l->extents[l->nr_extents - 1] : NULL;
        mfn_t m;

        while (order > 0 && BIT(order) > l->nr_pages - pfn)
            order--;
        /* It controls the machine anyway: what is left in memory from before is no secret to it. */
        m = frame_alloc(l->d, order, ALLOC_NO_SCRUB);
        if (mfn_eq(m, INVALID_MFN)) {
            if (order-- == 0)
                boot_fail("memory ran out while giving dom0 its %lu MiB: try a smaller dom0_mem",
                          (unsigned long)(l->nr_pages >> 8));
            continue;
        }
        /* pfns always go on where the last extent ended; perhaps the frames do as well. */
        if (last != NULL && last->mfn + last->count == m.m) {
            last->count += BIT(order);
        } else {
            BUG_ON(l->nr_extents == DOM0_EXTENTS);
            l->extents[l->nr_extents++] = (struct dom0_extent){pfn, m.m, BIT(order)};
        }
        pfn += BIT(order);
    }
}

INIT_TEXT uint64_t dom0_layout_mfn(const struct dom0_layout *l, uint64_t pfn)
{
    for (unsigned i = 0; i < l->nr_extents; i++) {
        const struct dom0_extent *e = &l->extents[i];

        if (pfn - e->pfn < e->count)
            return e->mfn + (pfn - e->pfn);
    }
    panic("dom0 has no frame %lu", (unsigned long)pfn);
}

INIT_TEXT void *dom0_layout_page(const struct dom0_layout *l, uint64_t pfn)
{
    return mfn_to_virt(MFN(dom0_layout_mfn(l, pfn)));
}
