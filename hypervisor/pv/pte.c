/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The less frequent side of page-table entries: device memory and other domains' frames in L1
 * entries, entries of the upper levels, and the walk from a guest address to its L1 entry.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <guest/permissions.h>
#include <public/errno.h>
#include <pv/pte.h>
#include <x86/tlb.h>

#define PROTECT_TRIES 64 /* for an entry that somebody keeps changing */

/* Owners of device memory and of holes in the map never change: no reference is needed to ask. */
static bool frame_is_ram(uint64_t m)
{
    return m < max_mfn && FRAMES[m].owner != DOMID_IO;
}

/* Whoever has devices may choose the memory type; for others it would only slow their RAM down. */
static bool cache_bits_allowed(const struct domain *d)
{
    return d->hardware || permissions_iomem_any(d);
}

/*
 * A present L1 entry that the fast path did not take: `owner` is the domain whose frames the guest
 * asked to map. Device memory needs no reference, only the right of `owner` (or, where that is
 * DOMID_IO, of the table's domain).
 */
int pte_get_l1_slow(pte_t e, struct domain *d, struct domain *owner)
{
    uint64_t m = pte_mfn(e).m;
    struct frame *f;
    int rc;

    if ((e & PTE_CACHE) && !cache_bits_allowed(d)) {
        guest_refused("cache bits in entry %lx", (unsigned long)e);
        return -XEN_EINVAL;
    }
    if (!frame_is_ram(m)) {
        if (permissions_iomem_allowed(d, m, m) && (owner == d || owner == dom_io))
            return 0;
        guest_refused("frame %lx is neither memory nor an assigned device's", (unsigned long)m);
        return -XEN_EPERM;
    }
    f = &FRAMES[m];
    if (d != owner) /* this and the marks below: before the caller stores the entry */
        tlb_maps_foreign(d->id);
    /* Of the hypervisor's own only what it shares (the M2P table's frames), and only to read. */
    if (owner == dom_xen && !((READ_ONCE(f->refs) & FRAME_SHARED) && !(e & PTE_W)))
        return -XEN_EPERM;
    if (!(e & PTE_W))
        return frame_get(f, owner) ? 0 : -XEN_EPERM;
    rc = page_type_get(f, PAGE_TYPE_WRITABLE, owner);
    if (rc != 0)
        return rc;
    page_type_mark(f, (d != owner ? PAGE_TYPE_FOREIGN : 0) |
                          ((e & PTE_CACHE) ? PAGE_TYPE_UNCACHED : 0));
    return 0;
}

/* For device memory there is none, and its frames have no count to tell. */
void pte_put_l1_last(pte_t e)
{
    struct frame *f;

    if (unlikely(!pte_frame_find(e, &f) || f->owner == DOMID_IO))
        return;
    if (e & PTE_W)
        page_type_put_last(f, NULL);
    else
        frame_put(f);
}

/* The rest of pte_replace_l1(), where the short way was none. */
int pte_replace_l1_slow(pte_t *p, pte_t val, struct domain *d, struct domain *owner, pte_t keep,
                        pte_t *was)
{
    pte_t old = READ_ONCE(*p);

    if (val & PTE_P) {
        int rc;

        val = pte_adjust(val);
        while (pte_same_refs(old, val)) {
            if (pte_swap(p, &old, val | (old & keep))) {
                *was = old;
                return 0;
            }
        }
        rc = pte_get_l1_slow(val, d, owner);
        if (rc != 0)
            return rc;
    } else {
        keep = 0; /* all of it is the guest's own */
    }
    while (unlikely(!pte_swap(p, &old, val | (old & keep))))
        ;
    *was = old;
    pte_put_l1(old);
    return 0;
}

/* Drops the reference of an entry of levels 2 to 4. */
void pte_put_table(pte_t e, unsigned level, struct domain *d)
{
    (void)level;
    if (e & PTE_P)
        page_type_put(frame_of(pte_mfn(e)), d);
}

/*
 * The checks of an upper-level entry, and its reference: it is here that a table becomes one which
 * was only memory before. p tells the slot, as a table is one page.
 */
static int table_entry_get(pte_t *p, unsigned level, pte_t *val, struct domain *d)
{
    unsigned slot = ((uint64_t)p % PAGE_SIZE) / sizeof(pte_t);

    if (slot_is_hypervisors(level, slot))
        return -XEN_EINVAL; /* ours */
    if (!(*val & PTE_P))
        return 0;
    if ((*val & PTE_TABLE_REFUSED) || pte_mfn(*val).m >= max_mfn)
        return -XEN_EINVAL;
    *val |= PTE_U;
    page_type_mark_run(frame_of(virt_to_mfn(p)), slot);
    return page_type_get(frame_of(pte_mfn(*val)), level - 1, d);
}

int pte_write_table(pte_t *p, unsigned level, pte_t val, struct domain *d, pte_t keep, pte_t *was)
{
    pte_t old;
    int rc = table_entry_get(p, level, &val, d);

    if (rc != 0) {
        guest_refused("L%u entry %lx: %d", level, (unsigned long)val, rc);
        return rc;
    }
    if (!(val & PTE_P)) /* all of it is the guest's own */
        keep = 0;
    old = READ_ONCE(*p);
    while (unlikely(!pte_swap(p, &old, val | (old & keep))))
        ;
    *was = old;
    pte_path_changed(d);
    pte_put_table(old, level, d);
    return 0;
}

/*
 * Until the processor and other vcpus leave the entry alone for the moment between look and swap.
 * If they never do it is the guest that keeps itself from getting on, and it is told so.
 */
int pte_protect_l1_slow(pte_t *p, pte_t clear, pte_t set, struct domain *d, pte_t *was)
{
    pte_t old = READ_ONCE(*p), new;
    unsigned tries = 0;

    while (old & PTE_P) {
        int rc = 0;

        if (++tries > PROTECT_TRIES)
            return -XEN_EAGAIN;
        new = (old & ~clear) | set;
        if (!pte_same_refs(old, new))
            rc = pte_get_l1(new, d, d);
        if (rc != 0)
            return rc;
        *was = old;
        if (pte_swap(p, &old, new)) {
            if (!pte_same_refs(old, new))
                pte_put_l1(old);
            return work_charge(tries * WORK_ENTRY * 2) ? PTE_LATE : 0;
        }
        if (!pte_same_refs(*was, new))
            pte_put_l1(new); /* the entry is another one now: judge that */
    }
    *was = old;
    return 0;
}

int pte_compare_write(pte_t *p, unsigned level, pte_t expected, pte_t val, struct domain *d)
{
    pte_t old = expected;
    int rc = 0;

    if (level == 1) {
        if (val & PTE_P) {
            val = pte_adjust(val);
            if (pte_same_refs(expected, val))
                return pte_swap(p, &old, val) ? 0 : -XEN_EAGAIN;
            rc = pte_get_l1(val, d, d);
        }
    } else {
        rc = table_entry_get(p, level, &val, d);
    }
    if (rc != 0)
        return rc;
    /* Both entries are covered now; one of them turns out to be superfluous. */
    if (!pte_swap(p, &old, val)) { /* give back what the new entry would have held */
        rc = -XEN_EAGAIN;
        old = val;
    }
    if (level == 1) {
        pte_put_l1(old);
    } else {
        pte_path_changed(d);
        pte_put_table(old, level, d);
    }
    return rc;
}

pte_t *pte_walk(struct vcpu *v, vaddr_t va, struct frame **table)
{
    pte_t e = va_canonical(va) ? pte_peek_l2(v, va) : 0;
    struct frame *f;

    if (unlikely(e == 0 || pte_mfn(e).m >= max_mfn))
        return NULL;
    f = frame_of(pte_mfn(e));
    /* From here on it is an L1 table of the domain, whether or not the L2 entry still says so. */
    if (unlikely(page_type_get(f, PAGE_TYPE_L1, v->domain) != 0))
        return NULL;
    *table = f;
    return (pte_t *)mfn_to_virt(pte_mfn(e)) + pt_index(va, 1);
}

pte_t *pte_walk_valid(struct vcpu *v, vaddr_t va, struct frame **table)
{
    pte_t e = va_canonical(va) ? pte_peek_l2(v, va) : 0;

    if (unlikely(e == 0 || pte_mfn(e).m >= max_mfn))
        return NULL;
    *table = frame_of(pte_mfn(e));
    if (unlikely(!page_type_get_valid(*table, PAGE_TYPE_L1, v->domain)))
        return NULL;
    return (pte_t *)mfn_to_virt(pte_mfn(e)) + pt_index(va, 1);
}

pte_t pte_lookup_rights(struct vcpu *v, vaddr_t va)
{
    pte_t e = v->pv.guest_table.m << PAGE_SHIFT, rights = PTE_W;

    if (unlikely(!va_canonical(va) || (va >= HV_START && va < HV_END)))
        return 0;
    for (unsigned level = 4; level > 1; level--) {
        e = pte_peek(e, va, level);
        if (unlikely(!(e & PTE_P)))
            return 0;
        rights &= e;
    }
    return pte_peek(e, va, 1) & (rights | ~PTE_W);
}
