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

/* A system call by the area, and back: what is left is ours. */
struct lodge_vcpu_area bench_area __attribute__((aligned(64)));
extern void bench_area_entry(void), bench_area_iret(void);
__asm__(".pushsection .text\n"
        "bench_area_entry:\n"
        "    mov %rax, bench_area+24(%rip)\n"
        "    mov $54, %eax\n"
        "    syscall\n"
        "bench_area_iret:\n"
        "    mov %rax, bench_area+24(%rip)\n"
        "    mov $53, %eax\n"
        "    syscall\n"
        ".popsection\n");

static void area_bench(const char *name, void (*entry)(void))
{
    struct lodge_vcpu_area_op op = {.mfn = kit_mfn(&bench_area),
                                    .offset = (uint64_t)&bench_area % PAGE_SIZE,
                                    .syscall_entry = (uint64_t)entry};

    bench_area.cs = KIT_USER_CS;
    bench_area.ss = KIT_SS;
    CHECK_EQ(hc2(__HYPERVISOR_lodge_op, LODGE_vcpu_area, &op), 0);
    kit_user_run(bench_syscalls_then_ud2, 10);
    kit_user_run(bench_syscalls_then_ud2, 1000);
    printk("BENCH %s %lu\n", name, bench_syscalls_took / 1000);
    op.mfn = ~0ull;
    CHECK_EQ(hc2(__HYPERVISOR_lodge_op, LODGE_vcpu_area, &op), 0);
}

/* A tree of two roots and 14 tables, as a small process has, pinned and unpinned by two calls. */
static struct mmuext_op pins[2];
static uint64_t *tree_page;

static void pin_tree(void)
{
    for (unsigned i = 0; i < 2; i++)
        pins[i].cmd = MMUEXT_PIN_L4_TABLE;
    hc4(__HYPERVISOR_mmuext_op, pins, 2, 0, DOMID_SELF);
    for (unsigned i = 0; i < 2; i++)
        pins[i].cmd = MMUEXT_UNPIN_TABLE;
    hc4(__HYPERVISOR_mmuext_op, pins, 2, 0, DOMID_SELF);
}

static void tree_bench(void)
{
    uint64_t *l4 = kit_page(), *user = kit_page(), *l3[2], *l2[3], *l1[7];

    for (unsigned i = 0; i < 7; i++) {
        l1[i] = kit_page();
        for (unsigned n = 0; n < 10; n++)
            l1[i][100 + n] = mk_pte(kit_mfn(tree_page), PTE_RO);
    }
    for (unsigned i = 0; i < 3; i++)
        l2[i] = kit_page();
    for (unsigned i = 0; i < 7; i++)
        l2[i % 3][i] = mk_pte(kit_mfn(l1[i]), PTE_RW);
    for (unsigned i = 0; i < 2; i++)
        l3[i] = kit_page();
    for (unsigned i = 0; i < 3; i++)
        l3[i % 2][i] = mk_pte(kit_mfn(l2[i]), PTE_RW);
    for (unsigned i = 0; i < 2; i++)
        l4[i] = user[i] = mk_pte(kit_mfn(l3[i]), PTE_RW);
    pins[0].arg1.mfn = kit_mfn(l4);
    pins[1].arg1.mfn = kit_mfn(user);
    bench("lodge_pin_and_unpin_tree_of_14", pin_tree, 1);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(l4), 0), -XEN_EINVAL);
}

/* A new table below an upper one, and away again. */
static uint64_t new_at, new_val;

static void table_new(void)
{
    hc3(__HYPERVISOR_lodge_op, LODGE_table_new, new_at, new_val);
    kit_mmu_update(new_at, 0);
}

static struct lodge_switch switch_op;

static void switch_to(void)
{
    hc2(__HYPERVISOR_lodge_op, LODGE_switch_to, &switch_op);
}

static void other_bench(void)
{
    uint64_t *l2 = kit_page();

    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(l2), 0), 0);
    new_at = kit_mfn(l2) << 12;
    new_val = mk_pte(kit_mfn(kit_page()), PTE_RW);
    bench("lodge_table_new_and_away", table_new, 1);
    switch_op.flags = LODGE_SWITCH_STACK | LODGE_SWITCH_FS | LODGE_SWITCH_GS | LODGE_SWITCH_KERNEL |
                      LODGE_SWITCH_USER;
    switch_op.kernel_sp = 0x1000;
    switch_op.kernel_root = kit_table_mfn(4, l2);
    bench("lodge_switch_to", switch_to, 1);
}

void bench_lodge(void)
{
    struct lodge_negotiate n = {.magic = LODGE_MAGIC, .version = LODGE_VERSION, .features = ~0ull};
    uint64_t *page = kit_page();

    n.direct_map_frames = start_info->nr_pages;

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
    tree_page = page;
    tree_bench();
    kit_events_on();
    kit_on_trap(6, bench_end_run);
    area_bench("lodge_guest_syscall", bench_area_entry);
    area_bench("lodge_guest_syscall_by_iret", bench_area_iret);
    kit_on_trap(6, NULL);
    kit_events_off();
    other_bench();
}
