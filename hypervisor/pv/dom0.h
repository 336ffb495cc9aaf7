/* SPDX-License-Identifier: GPL-2.0-only */
/* dom0 while it is being built: where everything goes, and the frames behind its frame numbers. */
#ifndef PV_DOM0_H
#define PV_DOM0_H

#include <lib/elf.h>
#include <lib/types.h>

/* `count` frames in a row, in both countings. Extents are sorted by pfn and leave no gap. */
struct dom0_extent {
    uint64_t pfn, mfn, count;
};
#define DOM0_EXTENTS 512

struct dom0_layout {
    struct domain *d;
    struct elf_image elf;
    uint64_t nr_pages;    /* dom0's memory; pfns 0 to nr_pages - 1 */
    uint64_t initrd_size; /* bytes; 0: none */

    /* Mapped from v_start: pfn = (va - v_start) / PAGE_SIZE. */
    vaddr_t v_start, v_end;
    vaddr_t initrd_va; /* 0: not mapped */
    vaddr_t p2m_va;
    vaddr_t start_info_va, tables_va, stack_va;
    uint64_t nr_tables; /* page tables of that range, with the root */

    uint64_t initrd_pfn; /* where it lies, mapped or not */
    /* With the INIT_P2M note the p2m has a range of its own, and frames behind those above. */
    uint64_t p2m_pfn, p2m_pages, p2m_tables;
    uint64_t end_pfn; /* first one not used for anything yet */

    struct dom0_extent *extents; /* DOM0_EXTENTS of them, while dom0 is built */
    unsigned nr_extents;
};

/* dom0_layout.c */
void dom0_layout_place(struct dom0_layout *l);    /* all of the above but the frames */
void dom0_layout_allocate(struct dom0_layout *l); /* nr_pages frames, as few extents as possible */
/* The machine frame of a pfn below nr_pages, and where it can be written; panic for others. */
uint64_t dom0_layout_mfn(const struct dom0_layout *l, uint64_t pfn);
void *dom0_layout_page(const struct dom0_layout *l, uint64_t pfn);
/* Number of tables of `level` that mapping [start, end) takes. */
uint64_t dom0_layout_tables(vaddr_t start, vaddr_t end, unsigned level);
static inline uint64_t dom0_layout_pfn(const struct dom0_layout *l, vaddr_t va)
{
    return (va - l->v_start) >> PAGE_SHIFT;
}
/* Does the kernel want its p2m at an address of its own (the INIT_P2M note)? */
static inline bool dom0_layout_p2m_apart(const struct dom0_layout *l)
{
    return l->elf.has_init_p2m;
}

/*
 * dom0_pagetables.c: fills the tables; returns the root's frame. Plain memory as yet: no type, no
 * references. To be called when all else is in place, as the tables show what is read-only.
 */
mfn_t dom0_pagetables_build(const struct dom0_layout *l);

/* dom0_access.c: ports and device memory. */
void dom0_access_grant(struct domain *d);

#endif
