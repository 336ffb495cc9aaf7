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
#include <core/hypercall.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <pv/page_types.h>
#include <pv/pte.h>
#include <pv/table_refs.h>

/* Empty runs are passed over sixteen entries at a time. */
#define RUN   PAGE_TYPE_RUN
#define BLOCK (4 * RUN) /* entries between two looks whether a preemption point is due */

static inline bool run_present(const pte_t *t)
{
    return ((t[0] | t[1] | t[2] | t[3] | t[4] | t[5] | t[6] | t[7] | t[8] | t[9] | t[10] | t[11] |
             t[12] | t[13] | t[14] | t[15]) &
            PTE_P) != 0;
}

/* Which runs of a table that is BUSY are not empty. */
static uint32_t runs_present(const pte_t *t)
{
    uint32_t runs = 0;

    for (unsigned run = 0; run < PTES / RUN; run++) {
        if (run_present(&t[run * RUN]))
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
 * Drops what entries [0, n) of a table stand for. The entries stay as they are: an idle table keeps
 * its contents, and if it becomes one again they are judged anew.
 */
static void drop_l1(pte_t *t, unsigned n)
{
    for (unsigned from = 0; from < n; from += BLOCK) {
        unsigned runs = 0;

        for (unsigned run = from; run < MIN(from + BLOCK, n); run += RUN) {
            const pte_t *p = &t[run], *end = &t[MIN(run + RUN, n)];

            if (!run_present(p))
                continue;
            runs++;
            for (; p < end; p++)
                pte_put_l1(*p);
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
 * Some entries of an L1 table. Only frames of d and device memory pass; an entry for another
 * domain's frame has its reference from a grant or a foreign mapping, and a table that has lost its
 * type has lost that. In line are entries that stay as they are and map memory of d's that nothing
 * has to be done to, as a program's nearly all do.
 */
static int take_block(pte_t *t, unsigned from, struct domain *d)
{
    struct pte_keys keys = pte_keys(d);
    unsigned runs = 0;

    for (unsigned run = from; run < from + BLOCK; run += RUN) {
        pte_t *p = &t[run], *end = p + RUN;

        if (!run_present(p))
            continue;
        runs++;
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
                guest_refused("L1 entry %u = %lx", (unsigned)(p - t), (unsigned long)e);
                drop_l1(t, (unsigned)(p - t));
                return rc;
            }
        }
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
