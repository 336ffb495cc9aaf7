/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings of granted frames in the page tables of a PV guest: the entry at a guest address, or the
 * one at a machine address (GNTMAP_contains_pte).
 *
 * The references that a mapping stands for (of the frame, and of the writable type where it may
 * write) were taken by the caller and belong to the entry from then on. A guest that overwrites the
 * entry itself drops them as with any other entry; so unmapping hands them back to the caller only
 * when the entry still is what it was.
 *
 * "What it was" means: present, of that frame, with the same right to write. A guest can arrange
 * for another entry of its own to look like that, and name its address; but such an entry holds
 * references of the same frame and of the same kind, so it makes no difference which of the two is
 * taken out: each is backed by references, and as many are handed back as entries disappear.
 *
 * All work on the tables of the current domain. Nothing is locked: an entry is exchanged under a
 * type reference on its table, as in pv/pte.h, and finding the table may be preempted. Flushing is
 * the caller's (core/grant/grant_map.c), once for a batch, before it drops what was handed back.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/grant.h>
#include <public/grant_table.h>
#include <pv/pte.h>
#include <pv/type.h>
#include <x86/page.h>
#include <x86/regs.h>
#include <x86/tlb.h>

void pv_grant_done(struct grant_cursor *at)
{
    if (at->table != NULL)
        page_type_put(at->table, current->domain);
    at->table = NULL;
}

/* The table that the entry for addr is in, and a reference of it. */
static bool cursor_move(struct grant_cursor *at, struct vcpu *v, uint64_t addr, bool is_pte)
{
    uint64_t m = addr >> PAGE_SHIFT;
    pte_t *p;

    pv_grant_done(at);
    if (!is_pte) {
        p = pte_walk(v, addr, &at->table);
        if (p == NULL) {
            at->table = NULL;
            return false;
        }
        at->entries = p - pt_index(addr, 1);
        return true;
    }
    if (m >= max_mfn || page_type_of(READ_ONCE(FRAMES[m].type)) != PAGE_TYPE_L1 ||
        page_type_get(&FRAMES[m], PAGE_TYPE_L1, v->domain) != 0)
        return false;
    at->table = &FRAMES[m];
    at->entries = mfn_to_virt(MFN(m));
    return true;
}

/* Where the entry is, in a table that the cursor holds. NULL: there is no L1 table. */
static pte_t *map_find(struct grant_cursor *at, struct vcpu *v, uint64_t addr, bool is_pte)
{
    /* With all upper bits, so that an address that is not canonical never looks like another. */
    uint64_t region = is_pte ? addr >> PAGE_SHIFT | BIT(63) : addr >> 21;

    if (is_pte && addr % sizeof(pte_t) != 0)
        return NULL;
    if (at->table == NULL || at->region != region) {
        if (!cursor_move(at, v, addr, is_pte))
            return NULL;
        at->region = region;
    }
    return at->entries + (is_pte ? (addr % PAGE_SIZE) / sizeof(pte_t) : pt_index(addr, 1));
}

int pv_grant_map(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t flags)
{
    pte_t *p = map_find(at, current, addr, flags & GNTMAP_contains_pte);
    pte_t e = pte_make(mfn, PTE_P | PTE_A | PTE_D | PTE_U | PTE_NX);

    if (unlikely(p == NULL)) {
        guest_refused("no L1 table for %lx", (unsigned long)addr);
        return (flags & GNTMAP_contains_pte) ? GNTST_general_error : GNTST_bad_virt_addr;
    }
    if (!(flags & GNTMAP_readonly))
        e |= PTE_W;
    e |= ((uint64_t)(flags & GNTMAP_guest_avail_mask) >> _GNTMAP_guest_avail0 << 9) & PTE_AVAIL;
    if (frame_of(mfn)->owner != current->domain->id)
        tlb_maps_foreign(current->domain->id);
    /* A mapping in the way is replaced, and what it held is dropped. */
    pte_put_l1(__atomic_exchange_n(p, e, __ATOMIC_SEQ_CST));
    return GNTST_okay;
}

/*
 * Takes the entry at new_addr out of its place, to be put where the grant was: its references go
 * along with it.
 */
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

int pv_grant_unmap(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t flags,
                   uint64_t new_addr)
{
    struct vcpu *v = current;
    pte_t *p = map_find(at, v, addr, flags & GNTMAP_contains_pte);
    pte_t want = pte_make(mfn, PTE_P | ((flags & GNTMAP_readonly) ? 0 : PTE_W));
    pte_t old, new = 0;

    if (unlikely(p == NULL))
        return (flags & GNTMAP_contains_pte) ? GNTST_general_error : GNTST_bad_virt_addr;
    if (new_addr != 0 && ((flags & GNTMAP_contains_pte) || !replacement_take(v, new_addr, &new)))
        return GNTST_bad_virt_addr;
    /* Again when only A or D changed meanwhile, or what software keeps in the entry. */
    old = READ_ONCE(*p);
    while ((old & (PTE_ADDR | PTE_P | PTE_W)) == want) {
        if (pte_swap(p, &old, new))
            return GNTST_okay;
    }
    guest_refused("entry for %lx is %lx, not frame %lx", (unsigned long)addr, (unsigned long)old,
                  (unsigned long)mfn.m);
    pte_put_l1(new); /* the replacement was taken out and has no place now */
    return GNTST_general_error;
}
