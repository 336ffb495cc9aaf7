/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all entries of a page table stand for, taken when a frame becomes a table and dropped when
 * it is none any more (pv/page_types.c says when, pv/pte.h what a single one stands for). This is
 * where a process's tables are looked at from end to end, when it begins and when it ends: most of
 * them are nearly empty, so it is their empty stretches that cost.
 *
 * The frame is BUSY. No lock is held, and the vcpu may be preempted in the middle.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/preempt.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <public/errno.h>
#include <pv/page_types.h>
#include <pv/pte.h>
#include <pv/table_refs.h>

/* Empty runs are passed over sixteen entries at a time. */
#define RUN   PAGE_TYPE_RUN
#define BLOCK (4 * RUN) /* entries between two looks whether a preemption point is due */

/* The bits that one of the entries has, and those that each has. */
static inline pte_t run_any(const pte_t *t)
{
    return t[0] | t[1] | t[2] | t[3] | t[4] | t[5] | t[6] | t[7] | t[8] | t[9] | t[10] | t[11] |
           t[12] | t[13] | t[14] | t[15];
}

static inline pte_t run_all(const pte_t *t)
{
    return t[0] & t[1] & t[2] & t[3] & t[4] & t[5] & t[6] & t[7] & t[8] & t[9] & t[10] & t[11] &
           t[12] & t[13] & t[14] & t[15];
}

/* Which runs of a table that is BUSY are not empty. */
static uint32_t runs_present(const pte_t *t)
{
    uint32_t runs = 0;

    for (unsigned run = 0; run < PTES / RUN; run++) {
        if (run_any(&t[run * RUN]) & PTE_P)
            runs |= 1u << run;
    }
    return runs;
}

/* For each i below n whose entry is present, in these runs. */
#define for_each_in_runs(t, runs, n, i)                                                          \
    for (uint32_t left_ = (runs); left_ != 0; left_ &= left_ - 1)                                \
        for (unsigned first_ = bit_lowest(left_) * RUN, i = first_; i < first_ + RUN && i < (n); \
             i++)                                                                                \
            if ((t)[i] & PTE_P)

/*
 * Most runs of L1 entries, where there are any, are of a program's own pages: all present, of
 * frames that there are, and alike in W. That is found out once for a run, and then its entries are
 * only read to find their frames. It is said of no run whose addresses, or'd, are beyond the
 * memory: some at the upper end of it are done entry by entry, as all others are.
 */
static inline bool run_alike(const pte_t *t, pte_t any)
{
    pte_t all;

    if (!(t[0] & t[RUN - 1] & PTE_P)) /* soon said of most others */
        return false;
    all = run_all(t);
    return (all & PTE_P) && !((any ^ all) & PTE_W) && (any & PTE_ADDR) < max_paddr;
}

/* The state word of the frame that such an entry refers to. */
static inline uint64_t *entry_word(vaddr_t words, pte_t e)
{
    return (uint64_t *)(words + pte_frame_offset(e & PTE_ADDR));
}

/* Of such a run, up to the first whose reference may be the last: that is where to go on. */
static inline const pte_t *drop_alike(const pte_t *p, const pte_t *end, pte_t any)
{
    vaddr_t words =
        FRAMES_START + (any & PTE_W ? offsetof(struct frame, type) : offsetof(struct frame, refs));

    while (p < end && likely(page_word_put_shared(entry_word(words, *p))))
        p++;
    return p;
}

static __attribute__((noinline)) void drop_entries(const pte_t *p, const pte_t *end)
{
    for (; p < end; p++)
        pte_put_l1(*p);
}

/* any: of the whole run, even if its end is not to be dropped. */
static __attribute__((noinline)) void drop_run(const pte_t *p, const pte_t *end, pte_t any)
{
    if (run_alike(p, any))
        p = drop_alike(p, end, any);
    if (p < end)
        drop_entries(p, end);
}

/*
 * Drops what entries [0, n) of a table stand for. The entries stay as they are: an idle table keeps
 * its contents, and if it becomes one again they are judged anew.
 */
static void drop_l1(pte_t *t, unsigned n)
{
    for (unsigned from = 0; from < n; from += BLOCK) {
        unsigned runs = 0;

        for (unsigned run = from; run < MIN(from + BLOCK, n); run += RUN) {
            pte_t any = run_any(&t[run]);

            if (!(any & PTE_P))
                continue;
            runs++;
            drop_run(&t[run], &t[MIN(run + RUN, n)], any);
        }
        preempt_after(WORK_ENTRY + runs * RUN * WORK_ENTRY);
    }
}

static void drop_upper(pte_t *t, unsigned level, uint32_t runs, unsigned n, struct domain *d)
{
    for_each_in_runs(t, runs, n, i)
    {
        if (slot_is_hypervisors(level, i))
            continue;
        pte_put_table(t[i], level, d);
        preempt_after(WORK_ENTRY);
    }
}

/* A present entry of an L1 table that is not as simple as below; `drop` is left of the attempt. */
static __attribute__((noinline)) int take_entry(pte_t *p, struct domain *d, pte_t drop)
{
    pte_t e = *p;

    pte_put_l1(drop);
    if (unlikely(!pte_get_l1_own(e, pte_keys(d), &drop))) {
        int rc;

        pte_put_l1(drop);
        rc = pte_get_l1_slow(e, d, d);
        if (rc != 0)
            return rc;
    }
    if (pte_adjust(e) != e)
        *p = pte_adjust(e);
    return 0;
}

/*
 * Entries of an L1 table. Only frames of d and device memory pass; an entry for another domain's
 * frame has its reference from a grant or a foreign mapping, and a table that has lost its type has
 * lost that. In line are entries that stay as they are and map memory of d's that nothing has to be
 * done to. After an error all of the table has been dropped.
 */
static __attribute__((noinline)) int take_entries(pte_t *p, const pte_t *end, struct pte_keys keys,
                                                  struct domain *d)
{
    for (; p < end; p++) {
        pte_t e = *p, drop = 0;
        struct frame *f;
        int rc;

        if (likely((e & (PTE_P | PTE_U | PTE_G | PTE_CACHE)) == (PTE_P | PTE_U)) &&
            likely(pte_frame_find(e, &f)) && likely(pte_get_own(f, e, keys, &drop)))
            continue;
        if (!(e & PTE_P))
            continue;
        rc = take_entry(p, d, drop);
        if (unlikely(rc != 0)) {
            unsigned i = ((vaddr_t)p % PAGE_SIZE) / sizeof(*p);

            guest_refused("L1 entry %u = %lx", i, (unsigned long)e);
            drop_l1(p - i, i);
            return rc;
        }
    }
    return 0;
}

/* Of a run that is alike, and only read, up to the first of a frame that is not simply d's. */
static inline pte_t *take_alike(pte_t *p, const pte_t *end, uint64_t held)
{
    while (p < end &&
           likely(page_frame_get_key((struct frame *)entry_word(FRAMES_START, *p), held)))
        p++;
    return p;
}

static __attribute__((noinline)) int take_run(pte_t *p, pte_t any, struct pte_keys keys,
                                              struct domain *d)
{
    const pte_t *end = p + RUN;

    if (!(any & (PTE_W | PTE_G | PTE_CACHE)) && run_alike(p, any) && (run_all(p) & PTE_U))
        p = take_alike(p, end, keys.held);
    return p == end ? 0 : take_entries(p, end, keys, d);
}

static int take_block(pte_t *t, unsigned from, struct domain *d)
{
    struct pte_keys keys = pte_keys(d);
    unsigned runs = 0;

    for (unsigned run = from; run < from + BLOCK; run += RUN) {
        pte_t any = run_any(&t[run]);
        int rc;

        if (!(any & PTE_P))
            continue;
        runs++;
        rc = take_run(&t[run], any, keys, d);
        if (unlikely(rc != 0))
            return rc;
    }
    preempt_after(WORK_ENTRY + runs * RUN * WORK_ENTRY);
    return 0;
}

static int take_l1(pte_t *t, struct domain *d)
{
    int rc = 0;

    for (unsigned from = 0; rc == 0 && from < PTES; from += BLOCK)
        rc = take_block(t, from, d);
    return rc;
}

/*
 * Levels 2 to 4. The table is BUSY: plain reads and writes of its entries are enough. *runs: those
 * that have entries.
 */
static int take_upper(pte_t *t, unsigned level, uint32_t *runs, struct domain *d)
{
    *runs = runs_present(t);
    for_each_in_runs(t, *runs, PTES, i)
    {
        pte_t e = t[i];
        uint64_t m = pte_mfn(e).m;
        int rc = -XEN_EINVAL;

        if (slot_is_hypervisors(level, i))
            continue;
        if (likely(!(e & PTE_TABLE_REFUSED) && m < max_mfn))
            rc = page_type_get(&FRAMES[m], level - 1, d);
        if (unlikely(rc != 0)) {
            guest_refused("L%u entry %u = %lx", level, i, (unsigned long)e);
            drop_upper(t, level, *runs, i, d);
            return rc;
        }
        if (!(e & PTE_U)) /* guest kernel and guest user are both ring 3 */
            t[i] = e | PTE_U;
        preempt_after(WORK_ENTRY);
    }
    /* What the guest had in our slots was not looked at, and goes. */
    if (level == 4)
        memcpy(&t[HV_L4_FIRST], &hv_root[HV_L4_FIRST], HV_L4_COUNT * sizeof(pte_t));
    return 0;
}

int table_refs_take(pte_t *t, unsigned level, uint32_t *runs, struct domain *d)
{
    return level == 1 ? take_l1(t, d) : take_upper(t, level, runs, d);
}

void table_refs_drop(pte_t *t, unsigned level, uint32_t runs, struct domain *d)
{
    if (level == 1)
        drop_l1(t, PTES);
    else
        drop_upper(t, level, runs == TABLE_REFS_UNKNOWN ? runs_present(t) : runs, PTES, d);
}
