/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the operations of Lodge's own extension cost (public/lodge.h), beside the stock ones in
 * main.c. On a hypervisor without it nothing is printed.
 */
#include <kit/kit.h>
#include <public/lodge.h>

#include "bench.h"

static uint64_t *table;
static uint64_t values[512], old[512];
static struct lodge_mmu_run run;
static struct lodge_mmu_list list = {.nr_runs = 1};

static void run_list(void)
{
    hc3(__HYPERVISOR_lodge_op, LODGE_mmu_run, &list, 0);
}

/* All entries from read-only to writable and back, by turns. */
static void run_set(void)
{
    run.op = LODGE_RUN_SET;
    run_list();
    for (unsigned i = 0; i < 512; i++)
        values[i] ^= PTE_W;
}

static void flip_values(void)
{
    for (unsigned i = 0; i < 512; i++)
        values[i] ^= PTE_W;
    __asm__ volatile("" : : : "memory");
}

/* Set, so that there is something to clear. */
static void run_set_clear(void)
{
    run.op = LODGE_RUN_SET;
    run.old = 0;
    run_list();
    run.op = LODGE_RUN_CLEAR;
    run.old = (uint64_t)old;
    run_list();
}

static void run_protect(void)
{
    uint64_t clear = run.clear;

    run.op = LODGE_RUN_PROTECT;
    run_list();
    run.clear = run.set;
    run.set = clear;
}

/* Nothing but bits that cost no reference. */
static void run_protect_nx(void)
{
    run.op = LODGE_RUN_PROTECT;
    run_list();
    run.set ^= PTE_NX;
    run.clear ^= PTE_NX;
}

void bench_lodge(void)
{
    struct lodge_negotiate n = {.magic = LODGE_MAGIC, .version = LODGE_VERSION, .features = ~0ull};
    uint64_t *page = kit_page();

    if (hc2(__HYPERVISOR_lodge_op, LODGE_negotiate, &n) != 0)
        return;
    CHECK(n.features & LODGE_F_MMU_RUN);
    table = kit_page();
    for (unsigned i = 0; i < 512; i++)
        values[i] = mk_pte(kit_mfn(page), PTE_RW);
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(table), 0), 0);
    list.runs = (uint64_t)&run;
    run = (struct lodge_mmu_run){.ptr = kit_mfn(table) << 12, .nr = 512};
    run.values = (uint64_t)values;
    CHECK_EQ(hc3(__HYPERVISOR_lodge_op, LODGE_mmu_run, &list, 0), 0);
    CHECK_EQ(run.done, 512);
    bench("lodge_flip_values", flip_values, 1);
    bench("lodge_run_set_512", run_set, 1);
    run.values = (uint64_t)values;
    bench("lodge_run_set_and_clear_512", run_set_clear, 1);
    run.op = LODGE_RUN_SET;
    run.old = 0;
    run_list();
    run.clear = PTE_W;
    run.set = 0;
    bench("lodge_run_protect_512", run_protect, 1);
    run.clear = PTE_NX;
    run.set = 0;
    bench("lodge_run_protect_nx_512", run_protect_nx, 1);
    CHECK_EQ(table[0] & PTE_ADDR, kit_mfn(page) << 12);
}
