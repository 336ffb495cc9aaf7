/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lodge's own extension under attack: two vcpus of a child make random operations of it on the same
 * few frames at once, with stock ones in between, with lists that change while they are read,
 * restarts whose arguments are made up, frames of others, features that come and go, and a direct
 * map that is told wrong. Most are refused. What must hold: no frame is ever a page table and
 * mapped writable, the hypervisor lives, and when the child has gone all its memory is back.
 *
 * Before that, what a kernel does that relies on it: one vcpu pins and unpins a tree all the time,
 * while the other writes entries of it in three ways. None of its writes may fail or be lost.
 */
#include "race.h"

#define FRAMES 12
#define ROUNDS 2500

static uint64_t *pages[FRAMES]; /* in the direct map, which is where the image is */
static uint64_t frames[FRAMES];
static uint64_t l1_mfn, l2_mfn, root_mfn;
static volatile unsigned done;
static volatile uint64_t accepted;

/* Read by the hypervisor while either vcpu changes it. */
static struct lodge_mmu_run runs[4];
static uint64_t values[512];

static uint64_t any_frame(uint64_t r)
{
    switch (r % 16) {
    case 0:
        return l1_mfn;
    case 1:
        return l2_mfn;
    case 2:
        return root_mfn;
    case 3:
        return (r >> 8) & 0xfff; /* somebody else's */
    case 4:
        return r | 1ull << 40;
    default:
        return frames[(r >> 4) % FRAMES];
    }
}

static uint64_t entry(uint64_t r)
{
    uint64_t flags = (r >> 40) % 4 == 0 ? PTE_RO : PTE_RW;

    if ((r >> 44) % 4 == 0)
        return 0;
    return (mk_pte(any_frame(r), flags) | ((r >> 50) % 32 == 0 ? PTE_PS : 0)) & ~(0x7ffull << 52);
}

static int random_runs(uint64_t *state)
{
    struct lodge_mmu_list l = {.runs = (uint64_t)runs, .nr_runs = next(state) % 5};
    uint64_t r = next(state), progress = 0;

    for (unsigned i = 0; i < 4; i++) {
        uint64_t x = next(state);

        runs[i].ptr =
            ((x >> 60 ? frames[x % FRAMES] : any_frame(3 + (x << 8))) << 12) + (x >> 32) % 512 * 8;
        runs[i].nr = (x >> 48) % 8 == 0 ? x % 514 : x % 9;
        runs[i].op = (x >> 20) % 4;
        runs[i].flags = (x >> 24) % 8 == 0;
        runs[i].old = (x >> 28) % 2 ? (uint64_t)values : 0;
        runs[i].values = runs[i].op == LODGE_RUN_SET ? (uint64_t)values : (x & PTE_W);
        runs[i].set = runs[i].op == LODGE_RUN_PROTECT ? next(state) & (PTE_W | PTE_NX) : 0;
        values[(x >> 16) % 512] = entry(next(state));
    }
    l.flush = r % 5;
    l.flush_va = (r & 0x3ffff) << 12;
    l.flush_pages = (r >> 32) % 3 == 0 ? r >> 40 : 0;
    l.vcpus = next(state);
    if ((r >> 20) % 8 == 0)
        progress = ((r >> 24) % 4) << 32 | (r >> 28) % 600;
    return lodge(LODGE_mmu_run, (uint64_t)&l, progress);
}

static int random_switch(uint64_t *state)
{
    struct lodge_switch s = {.flags = next(state) & 0x6f};
    uint64_t r = next(state);

    s.kernel_root = r % 4 ? root_mfn : any_frame(r); /* one without the image would end it here */
    if (s.kernel_root != root_mfn)
        s.flags &= ~(uint64_t)LODGE_SWITCH_KERNEL;
    s.user_root = any_frame(next(state));
    s.tls_ptr = any_frame(next(state)) << 12 | (r >> 8 & 0xff8);
    s.kernel_sp = next(state);
    return lodge(LODGE_switch_to, (uint64_t)&s, 0);
}

static int random_area(uint64_t *state)
{
    struct lodge_vcpu_area_op op = {.mfn = any_frame(next(state)),
                                    .offset = next(state) % 65 * 64,
                                    .syscall_entry = next(state) >> 17};

    if (next(state) % 4 == 0)
        op.mfn = ~0ull;
    return lodge(LODGE_vcpu_area, (uint64_t)&op, 0);
}

static int random_stock(uint64_t *state)
{
    uint64_t r = next(state), mfn = frames[next(state) % FRAMES];
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE + r / 64 % 5, .arg1.mfn = mfn};

    switch (r % 16) {
    case 0 ... 7:
        return (int)hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
    case 8 ... 10:
        return kit_mmu_update((mfn << 12) + next(state) % 512 * 8, entry(next(state)));
    case 11:
        return kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE,
                              r >> 32 & 1 ? (uint64_t)pages[r >> 40 & 7] >> 12 : r >> 33);
    case 12: /* the alias as it should be */
        return kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE,
                              (uint64_t)pages[r >> 40 & 7] >> 12);
    case 13:
        if (r / 64 % 8 != 0)
            return -1;
        return kit_reservation(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF) == 1 ? 0 : -1;
    case 14: {
        unsigned n = (unsigned)(next(state) % FRAMES);
        xen_pfn_t pfn = (uint64_t)pages[n] >> 12;

        if (kit_reservation(XENMEM_populate_physmap, &pfn, 1, 0, DOMID_SELF) != 1)
            return -1;
        frames[n] = pfn;
        return kit_set_pte(pages[n], mk_pte(pfn, PTE_RW));
    }
    default: {
        uint64_t *p = pages[next(state) % FRAMES];

        return kit_write(p + next(state) % 512, entry(next(state))) ? 0 : -1;
    }
    }
}

static int one(uint64_t *state)
{
    uint64_t r = next(state);

    switch (r % 16) {
    case 0 ... 4:
        return random_runs(state);
    case 5 ... 7:
        return lodge(LODGE_table_new, (any_frame(next(state)) << 12) + next(state) % 512 * 8,
                     entry(next(state)));
    case 8:
        return random_switch(state);
    case 9:
        return random_area(state);
    case 10:
        return r >> 20 & 7 ? -1 : negotiate(next(state) | LODGE_F_MMU_RUN, (r >> 32 & 3) << 12);
    case 11:
        return negotiate(~0ull, 0);
    default:
        return random_stock(state);
    }
}

static void work(uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15ull | 1;

    for (unsigned i = 0; i < ROUNDS; i++)
        if (one(&state) == 0)
            accepted++;
    __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
}

static void second(void *arg)
{
    work((uint64_t)arg);
}

/* The last moment: what is a table now is mapped writable by nobody, here in our own tables. */
static void look_at_types(void)
{
    unsigned writable = 0;

    for (unsigned i = 0; i < FRAMES; i++) {
        if (!(kit_pte(pages[i]) & PTE_W) || kit_mfn(pages[i]) != frames[i])
            continue;
        writable++; /* so it must not be possible to have it as a table without losing that */
        CHECK_EQ(negotiate(0, 0), 0);
        CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, frames[i], 0) != 0);
    }
    printk("%u of %u are writable\n", writable, FRAMES);
}

static void child(uint64_t seed)
{
    for (unsigned i = 0; i < FRAMES; i++) {
        pages[i] = kit_page();
        frames[i] = kit_mfn(pages[i]);
    }
    l1_mfn = kit_table_mfn(1, pages[0]);
    l2_mfn = kit_table_mfn(2, pages[0]);
    root_mfn = kit_table_mfn(4, pages[0]);
    CHECK_EQ(negotiate(~0ull, 0), 0);
    if (kit_vcpu_start(1, second, (void *)(seed + 1000)) != 0)
        done++;
    work(seed);
    while (done < 2)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    CHECK(accepted > ROUNDS / 20);
    look_at_types();
    kit_shutdown(seed % 2 ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

/* ---- a kernel's own races ---- */

static uint64_t *tree[5], *target;
static volatile unsigned stop, failures, writes;

static void tree_build(void)
{
    for (unsigned l = 1; l <= 4; l++)
        tree[l] = kit_page();
    target = kit_page();
    for (unsigned i = 0; i < 512; i++)
        tree[1][i] = mk_pte(kit_mfn(target), PTE_RO);
    for (unsigned l = 2; l <= 4; l++)
        tree[l][0] = mk_pte(kit_mfn(tree[l - 1]), PTE_RW);
}

/* A value, by one of three ways, and what is there afterwards: only we write to this entry. */
static void writer(void *unused)
{
    uint64_t at = kit_mfn(tree[1]) << 12, state = 88172645463325252ull;

    (void)unused;
    while (!stop) {
        uint64_t r = next(&state), val = mk_pte(kit_mfn(target), PTE_RO) | (r & 0xe00);
        unsigned i = r % 512;
        struct lodge_mmu_run run = {.ptr = at + i * 8, .nr = 1, .values = (uint64_t)&val};
        struct lodge_mmu_list l = {.runs = (uint64_t)&run, .nr_runs = 1};
        bool ok;

        switch ((r >> 32) % 3) {
        case 0:
            ok = kit_mmu_update(at + i * 8, val) == 0;
            break;
        case 1:
            ok = lodge(LODGE_mmu_run, (uint64_t)&l, 0) == 0;
            break;
        default: /* a trap that comes through ends the test */
            __asm__ volatile("xchg %0, (%1)" : : "r"(val), "r"(&tree[1][i]) : "memory");
            ok = true;
            break;
        }
        if (!ok || ((volatile uint64_t *)tree[1])[i] != val)
            failures++;
        writes++;
    }
    __asm__ volatile("mfence" ::: "memory");
    done++;
}

static void kernel_child(uint64_t rounds)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE};

    CHECK_EQ(negotiate(~0ull, 0), 0);
    tree_build();
    op.arg1.mfn = kit_mfn(tree[4]);
    CHECK_EQ(kit_vcpu_start(1, writer, NULL), 0);
    for (unsigned i = 0; i < rounds; i++) {
        op.cmd = MMUEXT_PIN_L4_TABLE;
        CHECK_EQ(hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF), 0);
        op.cmd = MMUEXT_UNPIN_TABLE;
        CHECK_EQ(hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF), 0);
        CHECK(kit_pte(tree[2]) & PTE_W);
        if (i % 16 == 0)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    }
    while (writes < 100)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    stop = 1;
    while (done == 0)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    printk("%u writes, %u failed\n", writes, failures);
    CHECK_EQ(failures, 0);
    kit_shutdown(SHUTDOWN_poweroff);
}

static int run_child(void (*fn)(uint64_t), uint64_t arg)
{
    struct kit_child c;
    int rc;

    CHECK_EQ(kit_child_create(&c, fn, arg, 64, 2), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    rc = kit_child_wait(&c, KIT_PATIENCE);
    CHECK_EQ(kit_child_destroy(&c), 0);
    return rc;
}

void test_main(void)
{
    uint64_t before = 0, after;
    int rc;

    CHECK_EQ(run_child(kernel_child, 300), SHUTDOWN_poweroff);
    CHECK_EQ(run_child(level_child, 1000), SHUTDOWN_poweroff);
    CHECK_EQ(run_child(flip_child, 400), SHUTDOWN_poweroff);
    CHECK_EQ(run_child(fire_child, 1500), SHUTDOWN_poweroff);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        if (seed == 2)
            before = kit_free_pages(0);
        rc = run_child(child, seed);
        CHECK_EITHER(rc, SHUTDOWN_poweroff, SHUTDOWN_crash);
    }
    after = kit_free_pages(before);
    kit_check(before == after, __FILE__, __LINE__, "free pages: %lu, then %lu", before, after);
}
