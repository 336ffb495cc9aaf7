/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address space for what is mapped piecemeal: stacks with guard pages, device registers, the
 * descriptor windows of vcpus. One bit per page, first fit from the lowest address that may be
 * free, so that a machine whose guests come and go uses the same tables over and over.
 *
 * An address that is given out has no translation left in any TLB. Nobody is interrupted for each
 * that is freed: they are stale at first, and when there are many of them one flush on all CPUs
 * makes them free. Until then nobody uses them, so what was mapped there may go at once: unmap,
 * free the frames, free the addresses.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <lib/bitops.h>
#include <x86/page.h>
#include <x86/paging.h>
#include <x86/stack.h>
#include <x86/tlb.h>

#define VMAP_PAGES    (GIB(1) >> PAGE_SHIFT) /* of the 512 GiB of the slot */
#define VMAP_PREPARED MIB(128)               /* as much has its page tables from the start */
#define STALE_MAX     4096                   /* pages: a hundred vcpus */
#define STACK_PAGES   (STACK_SIZE / PAGE_SIZE)

static uint64_t vmap_used[VMAP_PAGES / 64];  /* paging_lock */
static uint64_t vmap_stale[VMAP_PAGES / 64]; /* of them: only to be flushed; paging_lock */
static unsigned vmap_nr_stale;               /* paging_lock */
static unsigned vmap_stale_end; /* words of vmap_stale that may have some; paging_lock */
static uint64_t vmap_next;      /* where the next search begins; paging_lock */

INIT_TEXT void vmap_init(void)
{
    paging_make_tables(VMAP_START, VMAP_START + VMAP_PREPARED);
}

/* paging_lock held: a CPU that waits for it serves requests to flush. */
static void vmap_recycle(void)
{
    tlb_flush_hv(cpu_online);
    for (unsigned i = 0; i < vmap_stale_end; i++) {
        vmap_used[i] &= ~vmap_stale[i];
        vmap_stale[i] = 0;
    }
    vmap_nr_stale = vmap_stale_end = 0;
    vmap_next = 0;
}

/*
 * Next fit: what is stale is not passed over each time, and what is skipped is found after the next
 * flush. Behind a page that is in the way, the search goes on at the next aligned one.
 */
static vaddr_t vmap_find(unsigned pages, unsigned align)
{
    for (uint64_t at = ROUND_UP(vmap_next, (uint64_t)align); at + pages <= VMAP_PAGES;) {
        uint64_t used = bitmap_next_set(vmap_used, at + pages, at);

        if (used != at + pages) {
            at = ROUND_UP(used + 1, (uint64_t)align);
            continue;
        }
        for (unsigned i = 0; i < pages; i++)
            bit_set_local(vmap_used, at + i);
        vmap_next = at + pages;
        return VMAP_START + at * PAGE_SIZE;
    }
    return 0;
}

vaddr_t vmap_alloc(unsigned pages, unsigned align)
{
    vaddr_t va;

    spin_lock(&paging_lock);
    if (vmap_nr_stale >= STALE_MAX)
        vmap_recycle();
    va = vmap_find(pages, align);
    if (va == 0) {
        vmap_recycle();
        va = vmap_find(pages, align);
    }
    spin_unlock(&paging_lock);
    return va;
}

void vmap_free(vaddr_t va, unsigned pages)
{
    uint64_t first = (va - VMAP_START) >> PAGE_SHIFT;

    spin_lock(&paging_lock);
    for (unsigned i = 0; i < pages; i++)
        bit_set_local(vmap_stale, first + i);
    vmap_nr_stale += pages;
    vmap_stale_end = MAX(vmap_stale_end, (unsigned)((first + pages - 1) / 64 + 1));
    spin_unlock(&paging_lock);
}

void *ioremap(paddr_t pa, size_t size)
{
    unsigned offset = pa & (PAGE_SIZE - 1);
    unsigned pages = (unsigned)DIV_UP(offset + size, PAGE_SIZE);
    vaddr_t va = vmap_alloc(pages, 1);

    if (va == 0)
        return NULL;
    if (hv_map(va, MFN(pa >> PAGE_SHIFT), pages, PTE_W | PTE_NX | PTE_PCD | PTE_PWT) != 0) {
        vmap_free(va, pages);
        return NULL;
    }
    return (void *)(va + offset);
}

void iounmap(void *p, size_t size)
{
    unsigned offset = (vaddr_t)p & (PAGE_SIZE - 1);
    unsigned pages = (unsigned)DIV_UP(offset + size, PAGE_SIZE);

    hv_unmap((vaddr_t)p - offset, pages);
    vmap_free((vaddr_t)p - offset, pages);
}

/* The lowest page stays unmapped: a stack that overflows faults instead of eating its neighbour. */
void *stack_alloc(void)
{
    vaddr_t va = vmap_alloc(STACK_PAGES, STACK_PAGES);

    if (va == 0)
        return NULL;
    for (unsigned i = 1; i < STACK_PAGES; i++) {
        void *page = hpage_alloc();

        if (page == NULL || hv_map(va + i * PAGE_SIZE, virt_to_mfn(page), 1, PTE_W | PTE_NX) != 0) {
            if (page != NULL)
                hpage_free(page);
            stack_free((void *)(va + STACK_SIZE));
            return NULL;
        }
    }
    return (void *)(va + STACK_SIZE);
}

/* Also of a stack that was only begun. Nobody runs on it, and no CPU has it in its TSS. */
void stack_free(void *top)
{
    vaddr_t va = (vaddr_t)top - STACK_SIZE;
    mfn_t pages[STACK_PAGES];

    for (unsigned i = 1; i < STACK_PAGES; i++)
        pages[i] = hv_lookup(va + i * PAGE_SIZE);
    hv_unmap(va, STACK_PAGES);
    for (unsigned i = 1; i < STACK_PAGES; i++)
        if (!mfn_eq(pages[i], INVALID_MFN))
            hpage_free(mfn_to_virt(pages[i]));
    vmap_free(va, STACK_PAGES);
}

/* What machine_switch_stack() pops: six registers, then where to go on. */
/* saved_rsp other than 0 says that the vcpu is saved and may be switched to. */
static void stack_prepare(struct vcpu *v, void (*entry)(void), uint64_t rbx)
{
    struct stack_top *top = (struct stack_top *)v->stack - 1;
    uint64_t *sp = (uint64_t *)&top->regs;

    top->vcpu = v;
    top->cpu = cpus[v->sched.cpu]; /* each switch-in sets both anew */
    *--sp = (uint64_t)entry;
    *--sp = 0; /* rbp */
    *--sp = rbx;
    for (unsigned i = 0; i < 4; i++)
        *--sp = 0; /* r12 to r15 */
    v->saved_rsp = (uint64_t)sp;
}

void machine_stack_prepare(struct vcpu *v, void (*fn)(void))
{
    stack_prepare(v, fn != NULL ? entry_new_loop : entry_new_guest, (uint64_t)fn);
}
