/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-table entries as bits, the direct map, and the hypervisor's own mappings.
 *
 * The direct map holds all RAM and ACPI memory, not device registers: those get a window of the
 * vmap area from ioremap(). An address of the image (static data) is not in the direct map's range;
 * it has image_to_phys().
 */
#ifndef X86_PAGE_H
#define X86_PAGE_H

#include <lib/types.h>
#include <x86/layout.h>

#define PTE_P        0x1ull
#define PTE_W        0x2ull
#define PTE_U        0x4ull
#define PTE_PWT      0x8ull
#define PTE_PCD      0x10ull
#define PTE_A        0x20ull
#define PTE_D        0x40ull
#define PTE_PS       0x80ull /* L2, L3 */
#define PTE_PAT      0x80ull /* L1 */
#define PTE_G        0x100ull
#define PTE_AVAIL    0xe00ull
#define PTE_AVAIL_HI 0x7ff0000000000000ull
#define PTE_NX       0x8000000000000000ull
#define PTE_ADDR     0x000ffffffffff000ull
#define PTES         512

/* Of a present entry of any size; of a large page the first frame, if its low bits are clear. */
static inline mfn_t pte_mfn(pte_t e)
{
    return MFN((e & PTE_ADDR) >> PAGE_SHIFT);
}

static inline uint64_t pte_flags(pte_t e)
{
    return e & ~PTE_ADDR;
}

static inline pte_t pte_make(mfn_t m, uint64_t flags)
{
    return (m.m << PAGE_SHIFT) | flags;
}

/* Index into the table of level 1..4 for a virtual address; bits 48 to 63 do not matter. */
static inline unsigned pt_index(vaddr_t va, unsigned level)
{
    return (va >> (12 + 9 * (level - 1))) & (PTES - 1);
}

/* Nothing is checked: pa is below the direct map's end, and RAM or there is no mapping. */
static inline void *phys_to_virt(paddr_t pa)
{
    return (void *)(DIRECT_START + pa);
}

static inline paddr_t virt_to_phys(const void *va) /* direct-map addresses only */
{
    return (paddr_t)va - DIRECT_START;
}

/* Addresses inside the image (static data), whose offset is another. */
static inline paddr_t image_to_phys(const void *va)
{
    return (paddr_t)va - IMAGE_START;
}

static inline void *mfn_to_virt(mfn_t m)
{
    return phys_to_virt(m.m << PAGE_SHIFT);
}

static inline mfn_t virt_to_mfn(const void *va)
{
    return MFN(virt_to_phys(va) >> PAGE_SHIFT);
}

static inline bool va_canonical(vaddr_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* The root table of the idle vcpus; its upper sixteen slots are copied into every guest L4. */
extern pte_t *hv_root;
extern mfn_t hv_root_mfn;
/* First frame number beyond the direct map's end (beyond all RAM). */
extern uint64_t max_mfn;
extern paddr_t max_paddr; /* its address */

/* x86/paging.c: build the final mappings from the boot ones; later, protect text. */
void paging_init(void);
void paging_protect_image(void);
/*
 * Map count successive frames at a hypervisor address of the caller's (vmap_alloc()); tables are
 * allocated as needed. flags: PTE_W, PTE_NX, ... The entries must not have been present, as nothing
 * is flushed. 0, or -XEN_ENOMEM with nothing mapped. Not with LOCK_HEAP or later held.
 */
int hv_map(vaddr_t va, mfn_t m, unsigned count, uint64_t flags);
/* Flushes nothing: the address is not used again before vmap_free() has it flushed, or the caller.
 */
void hv_unmap(vaddr_t va, unsigned count);
/* Reserve address space (pages, aligned to a power of two of pages) in the vmap area. 0: none. */
vaddr_t vmap_alloc(unsigned pages, unsigned align);
/* Of addresses that are unmapped. Nobody gets them before all CPUs have been flushed. */
void vmap_free(vaddr_t va, unsigned pages);
void *ioremap(paddr_t pa, size_t size); /* uncached; pa need not be aligned; NULL: no room */
void iounmap(void *p, size_t size);
/*
 * The L1 entry that maps a vmap address (its tables exist once mapped); for GDT/LDT windows. NULL
 * where there is no table, or a large page. Whoever has reserved the address may write the entry
 * without a lock; flushing is up to him.
 */
pte_t *hv_pte(vaddr_t va);
/* The frame behind any hypervisor address, as mapped; INVALID_MFN: nothing is. */
mfn_t hv_lookup(vaddr_t va);
/* Gives the memory of boot-only code and data to the heap. */
void paging_free_init(void);
/* A vcpu stack: returns its top (aligned to STACK_SIZE), NULL when out of memory. */
void *stack_alloc(void);
void stack_free(void *top);

#endif
