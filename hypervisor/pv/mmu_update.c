/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmu_update: a batch of new page-table entries, by the machine address of each.
 *
 * This is what a guest kernel does most, so the loop is laid out for it: requests are copied in
 * blocks, and the table is looked up once for a run of entries in the same table. While it is at
 * hand a type reference keeps it what it is. All the judging of entries is in pv/pte.h.
 *
 * The guest names a table by machine address, so it can name any frame of the machine. What it may
 * write to is decided by mmu_table_enter(): a frame that is a table of the domain is changed as
 * what it is, entry by entry; one that could be mapped writable is simply written; all others are
 * refused, since no type reference can be had on them. The lower bits of the address, which are
 * zero for an entry of eight bytes, carry the command.
 *
 * No lock is held. The vcpu may be preempted between two requests and keeps its references then;
 * even when its domain dies it runs on to the end of the call before it parks.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <core/stats.h>
#include <public/mmu.h>
#include <pv/mmu.h>
#include <pv/mmu_table.h>
#include <pv/pte.h>
#include <x86/guest_words.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define MMU_BLOCK  32 /* requests copied at once */
#define WORK_LIGHT 70 /* of a request that charges nothing */
#define ENTRY_LOOK 1  /* from update_one(): it is done, and a preemption point is due */

struct mmu_batch {
    struct domain *tables; /* whose page tables; with a reference if not current's */
    struct domain *owner;  /* whose frames they may map; likewise */
    struct mmu_table t;    /* the one at hand, of `tables` */
};

int mmu_owner_get(domid_t id, struct domain **d)
{
    if (likely(id == DOMID_SELF || id == current->domain->id))
        *d = current->domain;
    else if (id == DOMID_IO)
        *d = dom_io;
    else if (id == DOMID_XEN && current->domain->privileged)
        *d = dom_xen;
    else
        return domain_get_target(id, d);
    return 0;
}

/* Any entry, also of a table that is not at hand yet. What an upper entry took is behind it. */
static __attribute__((noinline)) int update_entry(struct mmu_batch *b, uint64_t ptr, pte_t val,
                                                  pte_t keep)
{
    pte_t *p;
    int rc;

    if (ptr >> PAGE_SHIFT != b->t.mfn) {
        rc = mmu_table_enter(&b->t, ptr >> PAGE_SHIFT, b->tables);
        if (unlikely(rc != 0))
            return rc;
    }
    p = &b->t.entries[(ptr % PAGE_SIZE) / sizeof(pte_t)];
    if (unlikely(b->t.level == 0)) {
        *p = val;
        return 0;
    }
    rc = pte_write(p, b->t.level, val, b->tables, b->owner, keep);
    return rc == 0 && work_charge(1) ? ENTRY_LOOK : rc;
}

/*
 * MMU_MACHPHYS_UPDATE. The table is the guests' to fill: each may write what it likes about its own
 * frames, and the hypervisor trusts none of it.
 */
static int update_m2p(struct domain *d, uint64_t mfn, uint64_t pfn)
{
    if (unlikely(d == dom_io || d == dom_xen || d->translated))
        return -XEN_EPERM;
    if (mfn >= max_mfn || !m2p_set_of(MFN(mfn), d, pfn))
        return -XEN_EINVAL;
    if (pfn >= d->pv.max_gfn && pfn < BIT(40))
        d->pv.max_gfn = pfn + 1;
    return 0;
}

static inline pte_t update_keep(uint64_t ptr)
{
    return ptr % 4 == MMU_PT_UPDATE_PRESERVE_AD ? PTE_KEEP_AD : 0;
}

/* The same for an even command, in fewer instructions. */
static inline pte_t update_keep_even(uint64_t ptr)
{
    _Static_assert(MMU_PT_UPDATE_PRESERVE_AD == 2, "the even command");
    return (ptr & 2) * (PTE_KEEP_AD / 2);
}

/*
 * Most requests of a long list are about the same table with the same command: they are done in the
 * loops below, which call nothing. The first is for a page that is no table, the others for one of
 * the caller's own L1 tables. Each returns which request is the next.
 */
static __attribute__((noinline)) unsigned
run_plain(const struct mmu_table *t, const struct mmu_update *req, unsigned i, unsigned n)
{
    uint64_t base = t->mfn << PAGE_SHIFT;

    for (; i < n; i++) {
        uint64_t at = req[i].ptr - base;

        if (at >= PAGE_SIZE || at % 2 != 0) /* another table, or a rare command */
            break;
        t->entries[at / sizeof(pte_t)] = req[i].val;
    }
    return i;
}

/* Out of the way: in a loop the compiler would keep registers for it. */
static __attribute__((noinline)) void run_put(pte_t drop)
{
    pte_put_l1(drop);
}

/* Rights to write that come or go and nothing else, as mprotect and fork make them. */
static __attribute__((noinline)) unsigned
run_rights(const struct mmu_batch *b, const struct mmu_update *req, unsigned i, unsigned n)
{
    struct pte_keys keys = pte_keys(b->tables);
    uint64_t command = req[i].ptr % 4, base = (b->t.mfn << PAGE_SHIFT) + command;
    const struct mmu_update *r = &req[i], *end = &req[n];
    char *entries = (char *)b->t.entries;
    pte_t keep = update_keep_even(command), drop;

    for (; r < end; r++) {
        uint64_t at = r->ptr - base;
        pte_t *p = (pte_t *)(entries + at), old, new;
        bool done;

        if (unlikely(at & ~(PAGE_SIZE - sizeof(pte_t)))) /* another table, or command */
            break;
        old = READ_ONCE(*p);
        new = r->val | (old & keep); /* as pte_adjust() has it if it is like the old one */
        __asm__("" : "+r"(new));     /* or the compiler keeps parts of it beside it */
        if (unlikely(!(old & PTE_P) || (old ^ new) != PTE_W))
            break;
        done = pte_flip_l1(p, old, new, keys, &drop);
        if (unlikely(drop != 0))
            run_put(drop);
        if (unlikely(!done))
            break;
    }
    return (unsigned)(r - req);
}

static __attribute__((noinline)) unsigned
run_any(const struct mmu_batch *b, const struct mmu_update *req, unsigned i, unsigned n)
{
    struct pte_keys keys = pte_keys(b->tables);
    uint64_t base = b->t.mfn << PAGE_SHIFT;
    pte_t was, drop;

    for (; i < n; i++) {
        uint64_t at = req[i].ptr - base;
        bool done;

        if (unlikely(at >= PAGE_SIZE || at % 2 != 0))
            break;
        done = pte_update_own(&b->t.entries[at / sizeof(pte_t)], req[i].val, update_keep_even(at),
                              keys, &was, &drop);
        pte_put_l1(drop);
        if (unlikely(!done))
            break;
    }
    return i;
}

/* Requests from i on that are for the table of the first of them; its command is an even one. */
static inline unsigned update_run(struct mmu_batch *b, const struct mmu_update *req, unsigned i,
                                  unsigned n)
{
    if (req[i].ptr >> PAGE_SHIFT != b->t.mfn &&
        mmu_table_enter(&b->t, req[i].ptr >> PAGE_SHIFT, b->tables) != 0)
        return i;
    if (b->t.level == 0)
        return run_plain(&b->t, req, i, n);
    if (unlikely(b->t.level != 1 || b->tables != b->owner))
        return i;
    i = run_rights(b, req, i, n);
    return i == n ? n : run_any(b, req, i, n);
}

int mmu_translate(struct domain *owner, pte_t *val, struct frame **held)
{
    *held = NULL;
    if (!(*val & PTE_P))
        return 0;
    *held = guest_frame_get(owner, pte_mfn(*val).m);
    if (*held == NULL)
        return -XEN_EINVAL;
    *val = pte_make(frame_mfn(*held), pte_flags(*val));
    return 0;
}

/* The entry maps a frame by its number in the owner's own physical map. */
static int update_translated(struct mmu_batch *b, uint64_t ptr, pte_t val)
{
    struct frame *f;
    int rc = mmu_translate(b->owner, &val, &f);

    if (rc == 0)
        rc = update_entry(b, ptr, val, update_keep(ptr));
    if (f != NULL)
        frame_put(f);
    return rc;
}

static inline int update_one(struct mmu_batch *b, uint64_t ptr, pte_t val)
{
    if (unlikely(ptr % 4 == MMU_MACHPHYS_UPDATE))
        return update_m2p(b->owner, ptr >> PAGE_SHIFT, val);
    if (unlikely(b->owner->translated))
        return update_translated(b, ptr, val);
    return update_entry(b, ptr, val, update_keep(ptr));
}

/* Requests [0, count); *done counts those carried out. -XEN_ERESTART: an event comes first. */
static int update_all(struct mmu_batch *b, vaddr_t reqs, uint64_t count, uint64_t *done)
{
    struct mmu_update req[MMU_BLOCK];
    int rc;

    for (*done = 0; *done < count;) {
        uint64_t n = MIN(count - *done, (uint64_t)MMU_BLOCK), i;

        if (unlikely(copy_from_guest(req, reqs + *done * sizeof(*req), n * sizeof(*req)) != 0)) {
            n = 1; /* the end of the array may be missing: do what is there first */
            if (copy_from_guest(req, reqs + *done * sizeof(*req), sizeof(*req)) != 0)
                return -XEN_EFAULT;
        }
        /* From the copy: the guest may change its array meanwhile. */
        for (i = 0, rc = 0; i < n; i++) {
            if (likely(req[i].ptr % 2 == 0))
                i = update_run(b, req, (unsigned)i, (unsigned)n);
            if (i == n)
                break;
            rc = update_one(b, req[i].ptr, req[i].val);
            if (unlikely(rc != 0))
                break;
        }
        if (unlikely(rc == ENTRY_LOOK)) {
            i++;
            rc = 0;
        }
        *done += i;
        if (unlikely(rc != 0)) {
            guest_refused("update %lx = %lx: %d", (unsigned long)req[i].ptr,
                          (unsigned long)req[i].val, rc);
            return rc;
        }
        if (!work_charge((unsigned)i * WORK_LIGHT))
            continue;
        mmu_table_pause(&b->t, b->tables);
        if (preempt_for_event() && *done < count)
            return -XEN_ERESTART;
    }
    return 0;
}

/* foreign: low half the owner of the frames mapped, high half that of the tables plus one (0: own).
 */
static int batch_begin_foreign(struct mmu_batch *b, uint64_t foreign)
{
    uint64_t pt = (foreign >> 16) & 0xffff;
    int rc = 0;

    if (pt != 0) {
        rc = mmu_owner_get((domid_t)(pt - 1), &b->tables);
        if (rc == 0 && (b->tables == dom_io || b->tables == dom_xen || b->tables->translated)) {
            mmu_owner_put(b->tables);
            rc = -XEN_EPERM;
        }
        if (rc != 0)
            return rc;
    }
    rc = mmu_owner_get((domid_t)foreign, &b->owner);
    if (rc != 0)
        mmu_owner_put(b->tables);
    return rc;
}

/* The call in full: batches, other domains, restarts. *pdone is set on errors as well. */
static __attribute__((noinline)) int64_t update_many(uint64_t reqs, uint64_t count, uint64_t pdone,
                                                     uint64_t foreign)
{
    struct domain *d = current->domain;
    struct mmu_batch b = {.tables = d, .owner = d, .t.mfn = UINT64_MAX};
    uint32_t before = 0, all;
    uint64_t done;
    int rc;

    if (unlikely(count & MMU_COUNT_GOES_ON) && pdone != 0 &&
        copy_from_guest(&before, pdone, sizeof(before)) != 0)
        return -XEN_EFAULT;
    if (likely(!(count & MMU_COUNT_GOES_ON)))
        stats_count_batch(LODGE_STAT_BATCH, (uint32_t)count);
    count = (uint32_t)(count & ~MMU_COUNT_GOES_ON);
    if (unlikely((uint32_t)foreign != DOMID_SELF)) {
        rc = batch_begin_foreign(&b, (uint32_t)foreign);
        if (rc != 0)
            return rc;
    }
    rc = update_all(&b, reqs, count, &done);
    stats_add(LODGE_STAT_UPDATE_LIST, done);
    mmu_table_leave(&b.t, b.tables);
    if (unlikely((uint32_t)foreign != DOMID_SELF)) {
        mmu_owner_put(b.tables);
        mmu_owner_put(b.owner);
    }
    all = before + (uint32_t)done;
    if (pdone != 0 && copy_to_guest(pdone, &all, sizeof(all)) != 0 &&
        (rc == 0 || rc == -XEN_ERESTART))
        return -XEN_EFAULT;
    if (rc == -XEN_ERESTART)
        return hypercall_restart(reqs + done * sizeof(struct mmu_update),
                                 (count - done) | MMU_COUNT_GOES_ON, pdone, foreign);
    return rc;
}

/*
 * The rest of hc_mmu_update(), which holds the table: an entry that replaces another one, or maps
 * what is not simply the domain's own memory. What is called is called last, here and below, so
 * that nothing has to be kept for it.
 */
static __attribute__((noinline)) int64_t mmu_update_single(struct frame *table, uint64_t ptr,
                                                           pte_t val, pte_t drop)
{
    struct domain *d = current->domain;
    pte_t was;
    int rc;

    pte_put_l1(drop);
    rc = pte_replace_l1_slow(phys_to_virt(ptr & ~7ull), val, d, d, update_keep(ptr), &was);
    page_type_put(table, d);
    if (rc != 0)
        guest_refused("update %lx = %lx: %d", (unsigned long)ptr, (unsigned long)val, rc);
    return rc;
}

/* Or it is done, and what is to be dropped, or the table's reference, may be the last. */
static __attribute__((noinline)) int64_t mmu_update_single_end(struct frame *table, pte_t drop)
{
    if (drop != 0)
        pte_put_l1_last(drop);
    page_type_put(table, current->domain);
    return 0;
}

static __attribute__((noinline)) int64_t mmu_update_replace(struct frame *table, uint64_t ptr,
                                                            pte_t val)
{
    pte_t *p = phys_to_virt(ptr & ~7ull), was, drop;

    if (unlikely(
            !pte_update_own(p, val, update_keep_even(ptr), pte_keys(current->domain), &was, &drop)))
        return mmu_update_single(table, ptr, val, drop);
    if (unlikely(!pte_put_l1_shared(drop)))
        return mmu_update_single_end(table, drop);
    if (unlikely(!page_type_put_shared(table)))
        return mmu_update_single_end(table, 0);
    return 0;
}

/*
 * One entry of one of the caller's own L1 tables is what nearly all calls of a stock kernel are
 * about: they are done here, without a batch; in line is the page that comes where none was.
 */
int64_t hc_mmu_update(uint64_t reqs, uint64_t count, uint64_t pdone, uint64_t foreign)
{
    struct domain *d = current->domain;
    struct frame *table, *f;
    uint64_t ptr, val;
    pte_t *p, none = 0;

    if (unlikely((uint32_t)count != 1 || pdone != 0 || (uint32_t)foreign != DOMID_SELF))
        return update_many(reqs, count, pdone, foreign);
    stats_count(LODGE_STAT_BATCH);
    count |= MMU_COUNT_GOES_ON; /* it has been counted */
    if (unlikely(!guest_read_2(reqs, &ptr, &val)))
        return update_many(reqs, count, pdone, foreign);
    table = &FRAMES[ptr >> PAGE_SHIFT];
    /* If it is no valid L1 table of d nothing has been done yet, and the long way judges it. */
    if (unlikely(ptr >= max_paddr || ptr % 2 != 0 || /* a rare command */
                 !page_type_get_valid(table, PAGE_TYPE_L1, d)))
        return update_many(reqs, count, pdone, foreign);
    p = phys_to_virt(ptr & ~7ull);
    if ((val & (PTE_P | PTE_W | PTE_CACHE)) != (PTE_P | PTE_W) || READ_ONCE(*p) != 0 ||
        unlikely(!pte_frame_find(val, &f) || !page_type_get_valid(f, PAGE_TYPE_WRITABLE, d)))
        return mmu_update_replace(table, ptr, val);
    if (unlikely(!pte_swap(p, &none, pte_adjust(val))))
        return mmu_update_single(table, ptr, val, val);
    if (unlikely(!page_type_put_shared(table)))
        return mmu_update_single_end(table, 0);
    return 0;
}
