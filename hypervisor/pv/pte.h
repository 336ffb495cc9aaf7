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

#include <core/frame.h>
#include <lib/types.h>
#include <pv/page_types.h>
#include <x86/page.h>
#include <x86/uaccess.h>

/* L1 bits that choose the memory type; only for domains that have devices. */
#define PTE_CACHE (PTE_PWT | PTE_PCD | PTE_PAT)
/* Refused in entries of levels 2 to 4: large pages, and what means nothing there. */
#define PTE_TABLE_REFUSED (PTE_PS | PTE_G | PTE_PWT | PTE_PCD)

int pte_get_l1_slow(pte_t e, struct domain *d, struct domain *owner); /* see pte_get_l1() */
/* Drops what an entry of a table of level 2 to 4 of d stood for. May be preempted. */
void pte_put_table(pte_t e, unsigned level, struct domain *d);
/* pte_replace_l1() for levels 2 to 4. May be preempted: no lock held. */
int pte_write_table(pte_t *p, unsigned level, pte_t val, struct domain *d, pte_t keep, pte_t *was);

/* Where the frame of an entry is in FRAMES, in bytes: pa is the entry's address. */
static inline uint64_t pte_frame_offset(paddr_t pa)
{
    _Static_assert(sizeof(struct frame) == 32, "the shift below");
    __asm__("" : "+r"(pa)); /* or the compiler masks once more behind the shift */
    return pa >> (PAGE_SHIFT - 5);
}

/*
 * The frame of an entry, if there is one of that number: a mask, a comparison and a shift. For the
 * paths where each instruction counts.
 */
static inline bool pte_frame_find(pte_t e, struct frame **f)
{
    paddr_t pa = e & PTE_ADDR;

    if (unlikely(pa >= max_paddr))
        return false;
    *f = (struct frame *)(FRAMES_START + pte_frame_offset(pa));
    return true;
}

/* Guest kernel and guest user are both ring 3; and what is global survives a change of tables. */
static inline pte_t pte_adjust(pte_t e)
{
    return (e | PTE_U) & ~PTE_G;
}

/* What the words of d's frames begin with: of one that is mapped writable, of one that is held. */
struct pte_keys {
    uint64_t writable, held;
};
static inline struct pte_keys pte_keys(const struct domain *d)
{
    return (struct pte_keys){page_type_key(PAGE_TYPE_WRITABLE, d), frame_key(d->id)};
}

/*
 * The reference on f that a present L1 entry stands for, where f is d's own memory and is writable
 * already, or may be at once. False: it is not that simple. Whatever it is, the caller drops what
 * *drop stands for (0: nothing). Calls nothing.
 */
static inline __attribute__((always_inline)) bool pte_get_own(struct frame *f, pte_t e,
                                                              struct pte_keys k, pte_t *drop)
{
    bool held;

    *drop = 0;
    if (!(e & PTE_W))
        return page_frame_get_key(f, k.held);
    if (likely(page_type_get_key(f, k.writable)))
        return true;
    if (page_type_get_idle(f, k.writable, k.held, &held))
        return true;
    if (unlikely(held))
        *drop = e & ~PTE_W;
    return false;
}

/* The same of the frame that e names. */
static inline __attribute__((always_inline)) bool pte_get_l1_own(pte_t e, struct pte_keys k,
                                                                 pte_t *drop)
{
    struct frame *f;

    *drop = 0;
    return likely(pte_frame_find(e, &f) && !(e & PTE_CACHE)) && pte_get_own(f, e, k, drop);
}

/*
 * Drops what an L1 entry (present or not) stood for. Needs no domain: the writable type is never a
 * table's. A frame without RAM behind it has no reference to drop; DOMID_IO as an owner is for
 * good.
 */
void pte_put_l1_last(pte_t e);

/* The same for references that are not the last: false where one may be, or there is none. */
static inline bool pte_put_l1_shared(pte_t e)
{
    struct frame *f;

    if (!(e & PTE_P))
        return true;
    if (unlikely(!pte_frame_find(e, &f)))
        return false;
    return e & PTE_W ? page_type_put_shared(f) : page_frame_put_shared(f);
}

static inline void pte_put_l1(pte_t e)
{
    if (unlikely(!pte_put_l1_shared(e)))
        pte_put_l1_last(e);
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
    if (likely(d == owner)) {
        pte_t drop;

        if (likely(pte_get_l1_own(e, pte_keys(d), &drop)))
            return 0;
        pte_put_l1(drop);
    }
    return pte_get_l1_slow(e, d, owner);
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

/*
 * `old`, present, for `new`, which differs in W at least, but maps the same frame with the same
 * memory type: one kind of reference is exchanged for the other. False: it is not that simple (the
 * entry has changed, the page cannot be written, it is another's), and the entry is as it was.
 * Either way the caller drops what *drop stands for. Calls nothing.
 */
static inline __attribute__((always_inline)) bool pte_flip_l1(pte_t *p, pte_t old, pte_t new,
                                                              struct pte_keys k, pte_t *drop)
{
    struct frame *f;
    pte_t seen = old;

    *drop = 0;
    if (unlikely(!pte_frame_find(old, &f) || (old & PTE_CACHE)) ||
        unlikely(!pte_get_own(f, new, k, drop)))
        return false;
    if (unlikely(!pte_swap(p, &seen, new))) {
        *drop = new;
        return false;
    }
    if (unlikely(new &PTE_W ? !page_frame_put_shared(f) : !page_type_put_shared(f)))
        *drop = old;
    return true;
}

/* Bits of the old entry that the new one is to keep: PTE_KEEP_AD, or none. */
#define PTE_KEEP_AD (PTE_A | PTE_D)

/*
 * What nearly all updates are, of an L1 table of a domain that maps its own memory; true: it is
 * done, and *was receives the old entry. False: nothing has been done, and pte_replace_l1_slow() is
 * to judge it. Either way the caller drops what *drop stands for (0: nothing). Calls nothing.
 */
static inline __attribute__((always_inline)) bool
pte_update_own(pte_t *p, pte_t val, pte_t keep, struct pte_keys k, pte_t *was, pte_t *drop)
{
    pte_t old, differs;

    *drop = 0;
    if (!(val & PTE_P)) { /* whatever the old one is, no reference is needed for this */
        *was = *drop = __atomic_exchange_n(p, val, __ATOMIC_SEQ_CST);
        return true;
    }
    val = pte_adjust(val);
    *was = old = READ_ONCE(*p);
    differs = (old ^ val) & (PTE_ADDR | PTE_W | PTE_CACHE);
    if ((old & PTE_P) && !(differs & ~PTE_W)) {
        val |= old & keep;
        return differs == 0 ? pte_swap(p, &old, val) : pte_flip_l1(p, old, val, k, drop);
    }
    if (unlikely(!pte_get_l1_own(val, k, drop)))
        return false;
    /* `old` is read anew by each failure: the one that is dropped is the one that was taken out. */
    while (unlikely(!pte_swap(p, &old, val | (old & keep))))
        ;
    *was = *drop = old;
    return true;
}

int pte_replace_l1_slow(pte_t *p, pte_t val, struct domain *d, struct domain *owner, pte_t keep,
                        pte_t *was);

/*
 * Exchange an L1 entry of d for one that may map frames of owner; *was receives the old one. The
 * caller holds a type reference on the L1 table around p. 0, or pte_get_l1()'s error with the entry
 * as it was.
 */
static inline __attribute__((always_inline)) int
pte_replace_l1(pte_t *p, pte_t val, struct domain *d, struct domain *owner, pte_t keep, pte_t *was)
{
    if (likely(d == owner)) {
        pte_t drop;
        bool done = pte_update_own(p, val, keep, pte_keys(d), was, &drop);

        pte_put_l1(drop);
        if (likely(done))
            return 0;
    }
    return pte_replace_l1_slow(p, val, d, owner, keep, was);
}

static inline __attribute__((always_inline)) int pte_write_l1(pte_t *p, pte_t val, struct domain *d,
                                                              struct domain *owner, pte_t keep)
{
    pte_t was;

    return pte_replace_l1(p, val, d, owner, keep, &was);
}

#define PTE_LATE 1 /* from pte_protect_l1(): it is done, and a preemption point is due */

/* The rest of pte_protect_l1(): an entry that changed meanwhile, or maps what is not d's memory. */
int pte_protect_l1_slow(pte_t *p, pte_t clear, pte_t set, struct domain *d, pte_t *was);

/*
 * Change bits of a present L1 entry of d, of which A and D are kept as the processor sets them; one
 * that is not present stays. The masks name neither P nor the frame nor the memory type. Results as
 * above, or PTE_LATE, or -XEN_EAGAIN where others keep changing it. In line: d's own memory, of
 * which one kind of reference is taken for the other.
 */
static inline __attribute__((always_inline)) int pte_protect_l1(pte_t *p, pte_t clear, pte_t set,
                                                                struct domain *d, pte_t *was)
{
    pte_t old = READ_ONCE(*p), new = (old & ~clear) | set, seen = old, drop;

    *was = old;
    if (!(old & PTE_P) || new == old)
        return 0;
    if ((new ^ old) & PTE_W) {
        bool done = pte_flip_l1(p, old, new, pte_keys(d), &drop);

        pte_put_l1(drop);
        if (likely(done))
            return 0;
    } else if (likely(pte_swap(p, &seen, new))) {
        return 0;
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
/* pte_lookup(), with PTE_W only if all levels above allow it, too. */
pte_t pte_lookup_rights(struct vcpu *v, vaddr_t va);

/* Of a root table. For slots below the first one the difference wraps, so that one
 * comparison does for both ends. */
static inline bool slot_is_hypervisors(unsigned level, unsigned i)
{
    return level == 4 && i - HV_L4_FIRST < HV_L4_COUNT;
}

/*
 * An entry of levels 2 to 4 is another now, or a table of these is none any more. To be called
 * before the reference is dropped that kept what was below it: what a walk found before may be
 * anything then.
 */
static inline void pte_path_changed(struct domain *d)
{
    (void)__atomic_fetch_add(&d->pv.path_changes, 1, __ATOMIC_SEQ_CST);
}

/*
 * One entry of a table that a guest may be taking apart on another CPU this very moment: what lies
 * there may be anything by now, and the address as well, so a fault reads as "not present". What is
 * found this way is only a hint, until a type reference has been taken on it.
 */
static inline pte_t pte_peek_at(const pte_t *p)
{
    pte_t e;

    __asm__ volatile("1: mov %1, %0\n"
                     "2:\n"
                     ".pushsection .text.fixup, \"ax\"\n"
                     "3: xor %k0, %k0\n"
                     "   jmp 2b\n"
                     ".popsection\n" EXTABLE(1b, 3b)
                     : "=&r"(e)
                     : "m"(*p));
    return e;
}

static inline const pte_t *pte_entry_at(pte_t table_entry, vaddr_t va, unsigned level)
{
    return (const pte_t *)phys_to_virt(table_entry & PTE_ADDR) + pt_index(va, level);
}

static inline pte_t pte_peek(pte_t table_entry, vaddr_t va, unsigned level)
{
    return pte_peek_at(pte_entry_at(table_entry, va, level));
}

/*
 * The L2 entry of a canonical address, or 0. By the tables of guest kernel mode, whichever mode v
 * is in.
 */
static inline pte_t pte_peek_l2(const struct vcpu *v, vaddr_t va)
{
    pte_t e = v->pv.guest_table.m << PAGE_SHIFT;

    if (unlikely(va >= HV_START && va < HV_END))
        return 0;
    e = pte_peek(e, va, 4);
    if (unlikely(!(e & PTE_P)))
        return 0;
    e = pte_peek(e, va, 3);
    if (unlikely(!(e & PTE_P)))
        return 0;
    e = pte_peek(e, va, 2);
    return e & PTE_P ? e : 0;
}

/* The L1 entry itself, 0 when there is none; takes no reference, so it is a hint. */
static inline pte_t pte_lookup(const struct vcpu *v, vaddr_t va)
{
    pte_t e = pte_peek_l2(v, va);

    return e == 0 ? 0 : pte_peek(e, va, 1);
}

#endif
