/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two vcpus with an aim each. One changes bits of a page's words while the other makes an L2 table
 * of it and back: the words are never cleared, whatever the page is at that moment. One has a frame
 * made a table while the other makes the frame's alias writable as fast as it can: each such call
 * comes to an end.
 */
#include "race.h"

static volatile unsigned stop, gone, passes;

static void wait_for_start(void)
{
    while (passes == 0)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

static void wait_for_end(void)
{
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    while (!gone)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

static uint64_t *table;

static void pin_and_unpin(void *unused)
{
    uint64_t mfn = kit_mfn(table);

    (void)unused;
    while (!stop) {
        kit_mmuext(MMUEXT_PIN_L2_TABLE, mfn, 0);
        kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
        passes++;
    }
    gone = 1;
}

void level_child(uint64_t rounds)
{
    uint64_t *l1 = kit_page(), val = mk_pte(kit_mfn(l1), PTE_RW);
    struct lodge_mmu_run run = {.nr = 512, .op = LODGE_RUN_PROTECT};
    struct lodge_mmu_list l = {.runs = (uint64_t)&run, .nr_runs = 1};
    unsigned refused = 0, lost = 0;

    table = kit_page();
    for (unsigned i = 0; i < 512; i++)
        table[i] = val;
    CHECK_EQ(negotiate(~0ull, 0), 0);
    run.ptr = kit_mfn(table) << 12;
    CHECK_EQ(kit_vcpu_start(1, pin_and_unpin, NULL), 0);
    wait_for_start();
    for (uint64_t i = 0; i < rounds && lost == 0; i++) {
        int rc;

        run.set = i % 2 ? 0x200 : 0;
        run.clear = 0x200 ^ run.set;
        rc = lodge(LODGE_mmu_run, (uint64_t)&l, 0);
        CHECK_EITHER(rc, 0, -XEN_EINVAL);
        refused += rc != 0;
        for (unsigned k = 0; k < 512; k++)
            lost += !(((volatile uint64_t *)table)[k] & PTE_P);
    }
    wait_for_end();
    printk("%u of %lu runs refused beside %u pins, %u words lost\n", refused, rounds, passes, lost);
    CHECK_EQ(lost, 0);
    kit_shutdown(SHUTDOWN_poweroff);
}

#define FLIPS 1024

static struct mmu_update flips[FLIPS];
static void flip(void *unused)
{
    (void)unused;
    while (!stop) {
        hc4(__HYPERVISOR_mmu_update, flips, FLIPS, 0, DOMID_SELF);
        passes++;
    }
    gone = 1;
}

void flip_child(uint64_t rounds)
{
    uint64_t mfn, longest = 0;
    unsigned pinned = 0;

    table = kit_page();
    mfn = kit_mfn(table);
    for (unsigned i = 0; i < FLIPS; i++)
        flips[i] = (struct mmu_update){kit_pte_maddr(table), mk_pte(mfn, PTE_RW)};
    CHECK_EQ(negotiate(~0ull, 0), 0);
    CHECK_EQ(kit_vcpu_start(1, flip, NULL), 0);
    wait_for_start();
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t start = kit_now();

        if (kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0) == 0) {
            pinned++;
            CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
        }
        start = kit_now() - start;
        longest = longest < start ? start : longest;
    }
    wait_for_end();
    printk("pinned %u of %lu times, the longest took %lu us\n", pinned, rounds, longest / 1000);
    kit_shutdown(SHUTDOWN_poweroff);
}
