/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LODGE_mmu_run: neighbouring entries of one table at a time, and one flush behind them all
 * (public/lodge.h). What mmu_update looks up for each entry is looked up once for a run, and a
 * guest that changes or clears entries hands over no new values at all. How an entry is judged and
 * exchanged is in pv/pte.h, as for mmu_update.
 *
 * Entries are done in blocks: new values are copied in before a block, old ones out behind it, and
 * between two blocks is the preemption point. The guest may change descriptors and values at any
 * time; a block works on its copy. The table is entered by its machine address and held by a type
 * reference while it is at hand, so a run cannot leave it, whatever other vcpus do.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <core/stats.h>
#include <public/lodge.h>
#include <pv/lodge.h>
#include <pv/mmu.h>
#include <pv/mmu_table.h>
#include <pv/pte.h>
#include <x86/regs.h>
#include <x86/tlb.h>
#include <x86/uaccess.h>

#define BLOCK       32  /* entries */
#define WORK_LIGHT  70  /* of an entry that charges nothing */
#define WORK_RUN    150 /* of a run beside its entries */
#define FLUSH_PAGES 32u /* one by one; beyond that everything is cheaper */
#define TRIES       64  /* for a word of plain memory that somebody keeps changing */

_Static_assert(LODGE_RUN_MAX == PTES, "a run may be a whole table");

/*
 * Each of the functions below does entries [0, n) at p of a table of d. w has the new values where
 * the operation has some, and the old ones of those that were done afterwards; *done counts these.
 */

static int clear_l1(pte_t *p, unsigned n, pte_t *w)
{
    for (unsigned i = 0; i < n; i++) {
        pte_t old = READ_ONCE(p[i]);

        if (old != 0) { /* most tables are sparse, and a look is cheaper than an exchange */
            old = __atomic_exchange_n(&p[i], 0, __ATOMIC_SEQ_CST);
            pte_put_l1(old);
        }
        w[i] = old;
    }
    return 0;
}

static int set_l1(pte_t *p, unsigned n, pte_t *w, struct domain *d, pte_t keep, unsigned *done)
{
    unsigned i;
    int rc = 0;

    for (i = 0; i < n; i++) {
        rc = pte_replace_l1(&p[i], w[i], d, d, keep, &w[i]);
        if (unlikely(rc != 0))
            break;
    }
    *done = i;
    return rc;
}

static int protect_l1(pte_t *p, unsigned n, pte_t *w, struct domain *d,
                      const struct lodge_mmu_run *r, unsigned *done)
{
    pte_t clear = r->clear, set = r->set;
    unsigned i;
    int rc = 0;

    for (i = 0; i < n; i++) {
        rc = pte_protect_l1(&p[i], clear, set, d, &w[i]);
        if (unlikely(rc != 0))
            break;
    }
    if (unlikely(rc == PTE_LATE)) { /* done, but it has taken long: the block is over */
        i++;
        rc = 0;
    }
    *done = i;
    return rc;
}

/* Upper tables. One that comes or goes is much work: then the block is over (*done says where). */
static int upper_entries(pte_t *p, unsigned n, pte_t *w, struct domain *d, unsigned level,
                         const struct lodge_mmu_run *r, unsigned *done)
{
    pte_t keep = r->flags & LODGE_RUN_KEEP_AD ? PTE_KEEP_AD : 0;
    unsigned i;

    for (i = 0; i < n;) {
        pte_t val = r->op == LODGE_RUN_SET ? w[i] : 0;
        int rc = pte_write_table(&p[i], level, val, d, keep, &w[i]);

        if (unlikely(rc != 0)) {
            *done = i;
            return rc;
        }
        i++;
        if (work_charge(1))
            break;
    }
    *done = i;
    return 0;
}

/* A page that could be mapped writable. The guest may store to it at the same time. */
static int plain_words(pte_t *p, unsigned n, pte_t *w, const struct lodge_mmu_run *r,
                       unsigned *done)
{
    for (*done = 0; *done < n; ++*done) {
        unsigned i = *done, tries = 0;
        pte_t old = READ_ONCE(p[i]), new;

        do {
            new = r->op == LODGE_RUN_SET ? w[i] : 0;
            if (r->op == LODGE_RUN_PROTECT)
                new = old &PTE_P ? (old & ~r->clear) | r->set : old;
            if (++tries > TRIES)
                return -XEN_EAGAIN;
        } while (!pte_swap(&p[i], &old, new));
        w[i] = old;
    }
    return 0;
}

static int do_block(const struct mmu_table *t, const struct lodge_mmu_run *r, pte_t *p, unsigned n,
                    pte_t *w, struct domain *d, unsigned *done)
{
    if (unlikely(t->level == 0))
        return plain_words(p, n, w, r, done);
    if (unlikely(t->level > 1))
        return upper_entries(p, n, w, d, t->level, r, done);
    switch (r->op) {
    case LODGE_RUN_SET:
        return set_l1(p, n, w, d, r->flags & LODGE_RUN_KEEP_AD ? PTE_KEEP_AD : 0, done);
    case LODGE_RUN_PROTECT:
        return protect_l1(p, n, w, d, r, done);
    default:
        *done = n;
        return clear_l1(p, n, w);
    }
}

/* It may be another table than it was when the run began. */
static int table_enter(struct mmu_table *t, const struct lodge_mmu_run *r, struct domain *d)
{
    int rc = mmu_table_enter(t, r->ptr >> PAGE_SHIFT, d);

    return unlikely(rc == 0 && r->op == LODGE_RUN_PROTECT && t->level > 1) ? -XEN_EINVAL : rc;
}

/*
 * Entries from *at on, which is left at the first that is not done. -XEN_ERESTART: something else
 * comes first, and there is more to do.
 */
static int do_run(struct mmu_table *t, const struct lodge_mmu_run *r, struct domain *d,
                  unsigned *at)
{
    pte_t *p = &t->entries[(r->ptr % PAGE_SIZE) / sizeof(pte_t)];
    pte_t w[BLOCK];
    int rc = 0;

    while (rc == 0 && *at < r->nr) {
        unsigned n = MIN(r->nr - *at, (unsigned)BLOCK), done = 0, first = *at;

        if (r->op == LODGE_RUN_SET &&
            unlikely(copy_from_guest(w, r->values + first * sizeof(*w), n * sizeof(*w)) != 0))
            return -XEN_EFAULT;
        rc = do_block(t, r, p + first, n, w, d, &done);
        *at += done;
        if (r->old != 0 && done != 0 &&
            unlikely(copy_to_guest(r->old + first * sizeof(*w), w, done * sizeof(*w)) != 0))
            return -XEN_EFAULT;
        if (!work_charge(done * WORK_LIGHT))
            continue;
        mmu_table_pause(t, d);
        if (preempt_for_event() && rc == 0 && *at < r->nr)
            return -XEN_ERESTART;
        if (rc == 0 && *at < r->nr && t->mfn == UINT64_MAX)
            rc = table_enter(t, r, d);
    }
    if (unlikely(rc != 0))
        guest_refused("run at %lx, entry %u: %d", (unsigned long)r->ptr, *at, rc);
    return rc;
}

static inline bool run_ok(const struct lodge_mmu_run *r)
{
    if (unlikely((r->ptr & 7) || r->nr - 1u >= LODGE_RUN_MAX ||
                 r->ptr % PAGE_SIZE / sizeof(pte_t) + r->nr > PTES || r->reserved != 0))
        return false;
    switch (r->op) {
    case LODGE_RUN_SET:
        return (r->flags & ~LODGE_RUN_KEEP_AD) == 0;
    case LODGE_RUN_CLEAR:
        return r->flags == 0;
    case LODGE_RUN_PROTECT:
        return r->flags == 0 && ((r->clear | r->set) & ~LODGE_PROTECT_BITS) == 0;
    default:
        return false;
    }
}

/* One descriptor, from entry *at of it on. */
static int run_at(struct mmu_table *t, vaddr_t at_va, struct domain *d, unsigned *at)
{
    struct lodge_mmu_run r;
    unsigned before;
    int rc;

    if (unlikely(copy_from_guest(&r, at_va, sizeof(r)) != 0))
        return -XEN_EFAULT;
    if (unlikely(!run_ok(&r) || *at > r.nr))
        return -XEN_EINVAL;
    if (likely(r.ptr >> PAGE_SHIFT != t->mfn)) {
        rc = table_enter(t, &r, d);
        if (unlikely(rc != 0))
            return rc;
    } else if (unlikely(r.op == LODGE_RUN_PROTECT && t->level > 1)) {
        return -XEN_EINVAL;
    }
    before = *at;
    rc = do_run(t, &r, d, at);
    stats_add(LODGE_STAT_UPDATE_RUN, *at - before);
    if (rc != -XEN_ERESTART) {
        uint32_t done = *at;

        if (unlikely(copy_to_guest(at_va + offsetof(struct lodge_mmu_run, done), &done,
                                   sizeof(done)) != 0))
            return rc != 0 ? rc : -XEN_EFAULT;
    }
    return rc;
}

static bool flush_ok(const struct lodge_mmu_list *l)
{
    if (l->flush > LODGE_FLUSH_VCPUS)
        return false;
    return l->flush_pages == 0 || (l->flush_pages <= BIT(36) && !(l->flush_va & ~PAGE_MASK) &&
                                   guest_range_ok(l->flush_va, l->flush_pages << PAGE_SHIFT));
}

/* Other CPUs flush all of the guest's translations, see tlb_flush_page_mask(). */
static void flush_list(const struct lodge_mmu_list *l, const struct domain *d)
{
    cpumask_t self = BIT(this_cpu()->id), mask = self;

    if (l->flush == LODGE_FLUSH_NONE)
        return;
    if (l->flush == LODGE_FLUSH_ALL)
        mask = READ_ONCE(d->arch.tlb_mask);
    else if (l->flush == LODGE_FLUSH_VCPUS)
        mask = mmu_cpus_of(d, l->vcpus);
    if (l->flush_pages - 1 < FLUSH_PAGES && (mask & self)) {
        for (uint64_t i = 0; i < l->flush_pages; i++)
            tlb_flush_page_local(l->flush_va + (i << PAGE_SHIFT));
        mask &= ~self;
    }
    if (mask == self)
        tlb_flush_local();
    else if (mask != 0)
        tlb_flush_mask(mask);
}

/* progress: the run to go on with in the upper half, and the entry of it in the lower one. */
int64_t lodge_mmu_run(struct domain *d, vaddr_t list, uint64_t progress)
{
    struct mmu_table t = {.mfn = UINT64_MAX};
    struct lodge_mmu_list l;
    uint64_t i = progress >> 32, before = stats_get(LODGE_STAT_UPDATE_RUN);
    unsigned at = (uint32_t)progress;
    int rc = 0;

    if (unlikely(copy_from_guest(&l, list, sizeof(l)) != 0))
        return -XEN_EFAULT;
    if (unlikely(!flush_ok(&l) || i > l.nr_runs))
        return -XEN_EINVAL;
    while (i < l.nr_runs) {
        rc = run_at(&t, l.runs + i * sizeof(struct lodge_mmu_run), d, &at);
        if (unlikely(rc != 0))
            break;
        i++;
        at = 0;
        if (!work_charge(WORK_RUN))
            continue;
        mmu_table_pause(&t, d);
        if (preempt_for_event() && i < l.nr_runs) {
            rc = -XEN_ERESTART;
            break;
        }
    }
    mmu_table_leave(&t, d);
    stats_count_batch(LODGE_STAT_RUN_BATCH, stats_get(LODGE_STAT_UPDATE_RUN) - before);
    progress = i << 32 | at;
    if (unlikely(rc == -XEN_ERESTART))
        return hypercall_restart(LODGE_mmu_run, list, progress, 0);
    if (progress != 0 || l.nr_runs == 0)
        flush_list(&l, d);
    return rc;
}
