/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings of granted frames in the page tables of a PV guest: the entry at a guest address, or the
 * one at a machine address (GNTMAP_contains_pte).
 *
 * The references that a mapping stands for (of the frame, and of the writable type where it may
 * write) were taken by the caller and belong to the entry from then on. A guest that overwrites the
 * entry itself drops them as with any other entry; so unmapping hands them back to the caller only
 * when the entry still is what it was.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/grant.h>
#include <public/grant_table.h>
#include <pv/pte.h>
#include <x86/page.h>
#include <x86/regs.h>

/* Where the entry is; *table holds a type reference. NULL: there is no L1 table. */
static pte_t *map_find(struct vcpu *v, uint64_t addr, bool is_pte, struct frame **table)
{
    uint64_t m = addr >> PAGE_SHIFT;

    if (!is_pte)
        return pte_walk(v, addr, table);
    if (addr % sizeof(pte_t) != 0 || m >= max_mfn ||
        page_type_of(READ_ONCE(FRAMES[m].type)) != PAGE_TYPE_L1 ||
        page_type_get(&FRAMES[m], PAGE_TYPE_L1, v->domain) != 0)
        return NULL;
    *table = &FRAMES[m];
    return (pte_t *)mfn_to_virt(MFN(m)) + (addr % PAGE_SIZE) / sizeof(pte_t);
}

int arch_grant_map(uint64_t addr, mfn_t mfn, uint32_t flags)
{
    struct vcpu *v = current;
    struct frame *table;
    pte_t *p = map_find(v, addr, flags & GNTMAP_contains_pte, &table);
    pte_t e = pte_make(mfn, PTE_P | PTE_A | PTE_D | PTE_U | PTE_NX);

    if (p == NULL) {
        guest_refused("no L1 table for %lx", (unsigned long)addr);
        return (flags & GNTMAP_contains_pte) ? GNTST_general_error : GNTST_bad_virt_addr;
    }
    if (!(flags & GNTMAP_readonly))
        e |= PTE_W;
    e |= ((uint64_t)(flags & GNTMAP_guest_avail_mask) >> _GNTMAP_guest_avail0 << 9) & PTE_AVAIL;
    pte_put_l1(__atomic_exchange_n(p, e, __ATOMIC_SEQ_CST));
    page_type_put(table, v->domain);
    return GNTST_okay;
}

/* Takes the entry at new_addr out of its place, to be put where the grant was. */
static bool replacement_take(struct vcpu *v, uint64_t new_addr, pte_t *e)
{
    struct frame *table;
    pte_t *p = pte_walk(v, new_addr, &table);

    if (p == NULL)
        return false;
    *e = __atomic_exchange_n(p, 0, __ATOMIC_SEQ_CST);
    page_type_put(table, v->domain);
    return true;
}

int arch_grant_unmap(uint64_t addr, mfn_t mfn, uint32_t flags, uint64_t new_addr)
{
    struct vcpu *v = current;
    struct frame *table;
    pte_t *p = map_find(v, addr, flags & GNTMAP_contains_pte, &table);
    pte_t want = pte_make(mfn, PTE_P | ((flags & GNTMAP_readonly) ? 0 : PTE_W));
    pte_t old, new = 0;

    if (p == NULL)
        return (flags & GNTMAP_contains_pte) ? GNTST_general_error : GNTST_bad_virt_addr;
    if (new_addr != 0 && ((flags & GNTMAP_contains_pte) || !replacement_take(v, new_addr, &new))) {
        page_type_put(table, v->domain);
        return GNTST_bad_virt_addr;
    }
    old = READ_ONCE(*p);
    while ((old & (PTE_ADDR | PTE_P | PTE_W)) == want) {
        if (pte_swap(p, &old, new)) {
            page_type_put(table, v->domain);
            return GNTST_okay;
        }
    }
    guest_refused("entry for %lx is %lx, not frame %lx", (unsigned long)addr, (unsigned long)old,
                  (unsigned long)mfn.m);
    pte_put_l1(new); /* the replacement was taken out and has no place now */
    page_type_put(table, v->domain);
    return GNTST_general_error;
}
