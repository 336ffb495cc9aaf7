/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-table entries of guests: taking and dropping the references that an entry stands for, and
 * changing an entry in a table on which the caller holds a type reference. Entries are exchanged
 * atomically, and whoever takes an entry out drops what it stood for; so updates need no lock.
 *
 * What a present entry stands for:
 *
 *   L1, writable         a writable type reference (which holds a frame reference)
 *   L1, read-only        a frame reference
 *   L1, device memory    nothing: such frames have no owner who could lose them
 *   L2 to L4             a type reference on a table of the level below
 *
 * Which of them it is can be told at any later time from the entry (address, P and W), so what was
 * taken is what is dropped, as long as these bits change by exchange only. The processor sets A and
 * D at any moment, also between our look and our store: another reason for the exchange. An entry
 * that is not present stands for nothing, and its other bits are the guest's.
 */
#ifndef PV_PTE_H
#define PV_PTE_H

#include <core/domain.h>
#include <core/frame.h>
#include <lib/types.h>
#include <pv/page_types.h>
#include <x86/page.h>

/* L1 bits that choose the memory type; only for domains that have devices. */
#define PTE_CACHE (PTE_PWT | PTE_PCD | PTE_PAT)
/* Refused in entries of levels 2 to 4: large pages, and what means nothing there. */
#define PTE_TABLE_REFUSED (PTE_PS | PTE_G | PTE_PWT | PTE_PCD)

int pte_get_l1_slow(pte_t e, struct domain *d, struct domain *owner); /* see pte_get_l1() */
/* Drops what an entry of a table of level 2 to 4 of d stood for. May be preempted. */
void pte_put_table(pte_t e, unsigned level, struct domain *d);
/* pte_replace_l1() for levels 2 to 4. May be preempted: no lock held. */
int pte_write_table(pte_t *p, unsigned level, pte_t val, struct domain *d, pte_t keep, pte_t *was);

/* Guest kernel and guest user are both ring 3; and what is global survives a change of tables. */
static inline pte_t pte_adjust(pte_t e)
{
    return (e | PTE_U) & ~PTE_G;
}

/*
 * References for a present L1 entry of domain d that maps a frame of owner: 0, -XEN_EPERM (not
 * owner's frame, nor a device's that d may reach), -XEN_EINVAL (a table or descriptor page mapped
 * writable; cache bits). owner is d, a domain that the caller may map for, dom_io or dom_xen. Here
 * in line is a domain's own memory; the rest is in pte.c.
 */
static inline __attribute__((always_inline)) int pte_get_l1(pte_t e, struct domain *d,
                                                            struct domain *owner)
{
    uint64_t m = pte_mfn(e).m;

    if (likely(m < max_mfn && !(e & PTE_CACHE) && d == owner)) {
        struct frame *f = &FRAMES[m];

        if (e & PTE_W) {
            if (likely(page_type_get(f, PAGE_TYPE_WRITABLE, owner) == 0))
                return 0;
        } else if (likely(page_frame_get(f, owner))) {
            return 0;
        }
    }
    return pte_get_l1_slow(e, d, owner);
}

/*
 * Drops what an L1 entry (present or not) stood for. Needs no domain: the writable type is never a
 * table's. A frame without RAM behind it has no reference to drop; DOMID_IO as an owner is for
 * good.
 */
static inline void pte_put_l1(pte_t e)
{
    uint64_t m = pte_mfn(e).m;

    if (!(e & PTE_P) || unlikely(m >= max_mfn || FRAMES[m].owner == DOMID_IO))
        return;
    if (e & PTE_W)
        page_type_put(&FRAMES[m], NULL);
    else
        page_frame_put(&FRAMES[m]);
}

/* False: the entry had changed, if only by an A or D bit, and *expected is what it is now. */
static inline bool pte_swap(pte_t *p, pte_t *expected, pte_t desired)
{
    return __atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

/*
 * Same frame, same right to write: the references stay as they are. So a domain may change the
 * other bits of an entry whose reference it could not take again (of a grant, of a foreign frame).
 */
static inline bool pte_same_refs(pte_t a, pte_t b)
{
    return (a & b & PTE_P) && !((a ^ b) & (PTE_ADDR | PTE_W | PTE_CACHE));
}

/* Bits of the old entry that the new one is to keep: PTE_KEEP_AD, or none. */
#define PTE_KEEP_AD (PTE_A | PTE_D)

/*
 * Exchange an L1 entry of d for one that may map frames of owner; *was receives the old one. The
 * caller holds a type reference on the L1 table around p. 0, or pte_get_l1()'s error with the entry
 * as it was.
 */
static inline __attribute__((always_inline)) int
pte_replace_l1(pte_t *p, pte_t val, struct domain *d, struct domain *owner, pte_t keep, pte_t *was)
{
    pte_t old;
    int rc;

    if (!(val & PTE_P)) { /* whatever the old one is, no reference is needed for this */
        *was = __atomic_exchange_n(p, val, __ATOMIC_SEQ_CST);
        pte_put_l1(*was);
        return 0;
    }
    val = pte_adjust(val);
    old = READ_ONCE(*p);
    while (pte_same_refs(old, val)) {
        if (likely(pte_swap(p, &old, val | (old & keep)))) {
            *was = old;
            return 0;
        }
    }
    rc = pte_get_l1(val, d, owner);
    if (unlikely(rc != 0))
        return rc;
    /* `old` is read anew by each failure: the one that is dropped is the one that was taken out. */
    while (unlikely(!pte_swap(p, &old, val | (old & keep))))
        ;
    *was = old;
    pte_put_l1(old);
    return 0;
}

static inline __attribute__((always_inline)) int pte_write_l1(pte_t *p, pte_t val, struct domain *d,
                                                              struct domain *owner, pte_t keep)
{
    pte_t was;

    return pte_replace_l1(p, val, d, owner, keep, &was);
}

/* The rest of pte_protect_l1(): an entry that changed meanwhile, or maps what is not d's memory. */
int pte_protect_l1_slow(pte_t *p, pte_t clear, pte_t set, struct domain *d, pte_t *was);

/*
 * Change bits of a present L1 entry of d, of which A and D are kept as the processor sets them; one
 * that is not present stays. The masks name neither P nor the frame nor the memory type. Results as
 * above. In line: d's own memory, of which one kind of reference is taken for the other.
 */
static inline __attribute__((always_inline)) int pte_protect_l1(pte_t *p, pte_t clear, pte_t set,
                                                                struct domain *d, pte_t *was)
{
    pte_t old = READ_ONCE(*p), new = (old & ~clear) | set, seen = old;
    uint64_t m = pte_mfn(old).m;
    struct frame *f = &FRAMES[m];

    *was = old;
    if (!(old & PTE_P) || new == old)
        return 0;
    if (!((new ^ old) & PTE_W)) {
        if (likely(pte_swap(p, &seen, new)))
            return 0;
    } else if (likely(m < max_mfn && !(old & PTE_CACHE))) {
        if (new &PTE_W) {
            if (likely(page_type_get_valid(f, PAGE_TYPE_WRITABLE, d))) {
                if (likely(pte_swap(p, &seen, new))) {
                    page_frame_put(f);
                    return 0;
                }
                page_type_put(f, NULL);
            }
        } else if (likely(page_frame_get(f, d))) {
            if (likely(pte_swap(p, &seen, new))) {
                page_type_put(f, NULL);
                return 0;
            }
            page_frame_put(f);
        }
    }
    return pte_protect_l1_slow(p, clear, set, d, was);
}

/* Entry of a table of any level. owner matters for level 1 only: tables are always d's own. */
static inline int pte_write(pte_t *p, unsigned level, pte_t val, struct domain *d,
                            struct domain *owner, pte_t keep)
{
    pte_t was;

    if (likely(level == 1))
        return pte_write_l1(p, val, d, owner, keep);
    return pte_write_table(p, level, val, d, keep, &was);
}

/*
 * Exchange only if the entry is still `expected`; -XEN_EAGAIN when it is not. What `val` maps anew
 * is d's.
 */
int pte_compare_write(pte_t *p, unsigned level, pte_t expected, pte_t val, struct domain *d);

/*
 * The L1 entry that maps va in guest kernel mode of v (current). On success *table holds a type
 * reference on the L1 table, which the caller drops. NULL: not mapped by a table, or the
 * hypervisor's address. The tables above are read without references: the answer is where the entry
 * was a moment ago, and what is certain is that *table is an L1 table of v's domain. May be
 * preempted.
 */
pte_t *pte_walk(struct vcpu *v, vaddr_t va, struct frame **table);
/* The same without waiting: NULL also where that table is not valid. Never preempted. */
pte_t *pte_walk_valid(struct vcpu *v, vaddr_t va, struct frame **table);
/* The entry itself, 0 when there is none; takes no reference, so it is a hint. Never preempted. */
pte_t pte_lookup(struct vcpu *v, vaddr_t va);
/* The same, with PTE_W only if all levels above allow it, too. */
pte_t pte_lookup_rights(struct vcpu *v, vaddr_t va);

#endif
