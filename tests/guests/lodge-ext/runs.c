/* SPDX-License-Identifier: GPL-2.0-only */
/* LODGE_mmu_run: what it does to entries, what it tells of them, what it refuses, its restarts. */
#include "ext.h"

#define ENTRIES 512u

static struct lodge_mmu_run run[4];
static uint64_t values[ENTRIES], old[ENTRIES];
static uint64_t *table, *page; /* an L1 table that is pinned and in no tree, read-only to us */
static uint64_t frame;         /* of page */

static struct lodge_mmu_run new_run(uint16_t op, unsigned first, unsigned nr)
{
    return (struct lodge_mmu_run){.ptr = (kit_mfn(table) << 12) + first * 8,
                                  .nr = nr,
                                  .op = op,
                                  .values = op == LODGE_RUN_SET ? (uint64_t)values : 0};
}

static int do_runs_flush(unsigned nr, unsigned flush, uint64_t va, uint64_t pages, uint64_t vcpus)
{
    struct lodge_mmu_list l = {.runs = (uint64_t)run,
                               .nr_runs = nr,
                               .flush = flush,
                               .flush_va = va,
                               .flush_pages = pages,
                               .vcpus = vcpus};

    return lodge(LODGE_mmu_run, &l);
}

static int do_runs(unsigned nr)
{
    return do_runs_flush(nr, LODGE_FLUSH_NONE, 0, 0, 0);
}

/* One run. */
static int do_one(struct lodge_mmu_run r)
{
    run[0] = r;
    run[0].done = 4711;
    return do_runs(1);
}

static void fill(uint64_t flags)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        values[i] = mk_pte(frame, flags) | (uint64_t)(i & 7) << 9;
    CHECK_EQ(do_one(new_run(LODGE_RUN_SET, 0, ENTRIES)), 0);
    CHECK_EQ(run[0].done, ENTRIES);
}

/* All of them are as `values` says; one line for the first that is not. */
static void check_table(const uint64_t *want, const char *what)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (((volatile uint64_t *)table)[i] == want[i])
            continue;
        kit_check(false, __FILE__, __LINE__, "%s: entry %u is %lx, not %lx", what, i, table[i],
                  want[i]);
        return;
    }
    CHECK(true);
}

static void set_and_clear(void)
{
    struct lodge_mmu_run r;

    fill(PTE_P | PTE_U);
    check_table(values, "set");
    /* Part of it, with the old ones; accessed and dirty bits kept or not. */
    fill(PTE_RW);
    for (unsigned i = 0; i < ENTRIES; i++)
        values[i] = mk_pte(frame, PTE_P | PTE_U);
    r = new_run(LODGE_RUN_SET, 100, 33);
    r.old = (uint64_t)old;
    r.flags = LODGE_RUN_KEEP_AD;
    old[33] = 0x1234;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(run[0].done, 33);
    CHECK_EQ(table[100], values[0] | PTE_A | PTE_D);
    CHECK_EQ(table[132], values[0] | PTE_A | PTE_D);
    CHECK_EQ(table[99] & (PTE_W | PTE_D), PTE_W | PTE_D);
    CHECK_EQ(table[133] & (PTE_W | PTE_D), PTE_W | PTE_D);
    CHECK_EQ(old[0], mk_pte(frame, PTE_RW) | 4 << 9);
    CHECK_EQ(old[33], 0x1234);
    /* What is adjusted in an entry is adjusted here; what is not present may be anything. */
    values[0] = mk_pte(frame, PTE_P);
    values[1] = 0x7ffffffffffffff0;
    CHECK_EQ(do_one(new_run(LODGE_RUN_SET, 510, 2)), 0);
    CHECK_EQ(table[510], mk_pte(frame, PTE_P | PTE_U));
    CHECK_EQ(table[511], 0x7ffffffffffffff0);
    r = new_run(LODGE_RUN_CLEAR, 0, ENTRIES);
    r.old = (uint64_t)old;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(run[0].done, ENTRIES);
    CHECK_EQ(old[511], 0x7ffffffffffffff0);
    CHECK_EQ(old[99], mk_pte(frame, PTE_RW) | 3 << 9);
    memset(values, 0, sizeof(values));
    check_table(values, "cleared");
}

/* The old values may go where the new ones were. */
static void in_place(void)
{
    struct lodge_mmu_run r;

    fill(PTE_RW);
    memcpy(old, values, sizeof(old));
    for (unsigned i = 0; i < ENTRIES; i++)
        values[i] = i;
    for (unsigned i = 0; i < ENTRIES; i++)
        values[i] &= ~1ull; /* nothing present */
    r = new_run(LODGE_RUN_SET, 0, ENTRIES);
    r.old = (uint64_t)values;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(memcmp(old, values, sizeof(old)), 0);
    CHECK_EQ(table[511], 510);
}

static void protect(void)
{
    struct lodge_mmu_run r = new_run(LODGE_RUN_PROTECT, 0, ENTRIES);

    for (unsigned i = 0; i < ENTRIES; i++)
        values[i] = i % 3 == 0 ? 0x5550 + i * 4 : mk_pte(frame, PTE_RW & ~(i % 3 == 1 ? PTE_D : 0));
    CHECK_EQ(do_one(new_run(LODGE_RUN_SET, 0, ENTRIES)), 0);
    r.clear = PTE_W;
    r.set = PTE_NX;
    r.old = (uint64_t)old;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(run[0].done, ENTRIES);
    CHECK_EQ(memcmp(old, values, sizeof(old)), 0);
    for (unsigned i = 0; i < ENTRIES; i++)
        values[i] = i % 3 == 0 ? values[i] : (values[i] & ~PTE_W) | PTE_NX;
    check_table(values, "read-only");
    r = new_run(LODGE_RUN_PROTECT, 1, 510);
    r.clear = PTE_NX | PTE_A;
    r.set = PTE_W | 0xe00;
    CHECK_EQ(do_one(r), 0);
    for (unsigned i = 1; i < 511; i++)
        values[i] = i % 3 == 0 ? values[i] : (values[i] & ~(PTE_NX | PTE_A)) | PTE_W | 0xe00;
    check_table(values, "writable");
    r.clear = r.set = 0; /* nothing at all */
    CHECK_EQ(do_one(r), 0);
    check_table(values, "untouched");
}

/* Rights are real ones: after a flush the processor obeys, and A and D are what it set. */
static void rights(void)
{
    uint64_t *p = kit_page(), pte = kit_pte(p);
    struct lodge_mmu_run r = {.ptr = kit_pte_maddr(p), .nr = 1, .op = LODGE_RUN_PROTECT};
    static const unsigned how[] = {LODGE_FLUSH_LOCAL, LODGE_FLUSH_ALL, LODGE_FLUSH_VCPUS};

    for (unsigned i = 0; i < 6; i++) {
        uint64_t pages = i % 2 ? 1 + i * 30 : 0;

        *(volatile uint64_t *)p = i;
        r.clear = PTE_W | PTE_A | PTE_D;
        r.set = 0;
        run[0] = r;
        CHECK_EQ(do_runs_flush(1, how[i / 2], (uint64_t)p, pages, 1), 0);
        CHECK_EQ(kit_pte(p) & (PTE_W | PTE_A | PTE_D), 0);
        CHECK(!kit_write(p, 77));
        CHECK_EQ(*(volatile uint64_t *)p, i);
        CHECK_EQ(kit_pte(p) & (PTE_A | PTE_D), PTE_A);
        run[0].clear = 0;
        run[0].set = PTE_W;
        run[0].old = (uint64_t)old;
        CHECK_EQ(do_runs_flush(1, how[i / 2], (uint64_t)p, pages, ~0ull), 0);
        CHECK_EQ(old[0] & (PTE_W | PTE_A | PTE_D), PTE_A);
        CHECK(kit_write(p, 78));
    }
    /* Cleared, with the bits that the last access set. */
    run[0] = r;
    run[0].op = LODGE_RUN_CLEAR;
    run[0].clear = 0;
    run[0].old = (uint64_t)old;
    CHECK_EQ(do_runs_flush(1, LODGE_FLUSH_LOCAL, (uint64_t)p, 1, 0), 0);
    CHECK_EQ(old[0], (pte & ~PTE_NX) | PTE_A | PTE_D);
    CHECK(!kit_read(p, old));
    CHECK_EQ(kit_set_pte(p, pte), 0);
}

/* A list of several, of more than one table, and a list of none. */
static void lists(void)
{
    uint64_t *other = kit_page();

    CHECK_EQ(kit_protect(other, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(other), 0), 0);
    fill(PTE_RW);
    run[0] = new_run(LODGE_RUN_CLEAR, 0, 10);
    run[1] = new_run(LODGE_RUN_SET, 20, 10);
    run[1].ptr = (kit_mfn(other) << 12) + 20 * 8;
    run[2] = new_run(LODGE_RUN_PROTECT, 502, 10);
    run[2].clear = PTE_W;
    run[3] = new_run(LODGE_RUN_CLEAR, 5, 10);
    CHECK_EQ(do_runs_flush(4, LODGE_FLUSH_ALL, 0, 0, 0), 0);
    CHECK_EQ(table[9] | table[14], 0);
    CHECK_EQ(table[15], values[15]);
    CHECK_EQ(table[511], values[511] & ~PTE_W);
    CHECK_EQ(table[501], values[501]);
    CHECK_EQ(other[20], values[0]);
    CHECK_EQ(other[19] | other[30], 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(run[i].done, 10);
    for (unsigned how = 0; how <= LODGE_FLUSH_VCPUS; how++)
        CHECK_EQ(do_runs_flush(0, how, 0, how, 1), 0);
    CHECK_EQ(do_runs_flush(0, LODGE_FLUSH_VCPUS, 0, 0, 0), 0);
    CHECK_EQ(do_runs_flush(0, LODGE_FLUSH_VCPUS, 0, 0, ~0ull), 0);
}

/* One that is refused ends the list; what came before is done, and said. */
static void refused_entry(void)
{
    fill(PTE_RW);
    values[40] = mk_pte(kit_mfn(table), PTE_RW); /* a table, writable */
    values[0] = 0x1000;
    run[0] = new_run(LODGE_RUN_SET, 7, 100);
    run[0].old = (uint64_t)old;
    memset(old, 0xee, sizeof(old));
    run[1] = new_run(LODGE_RUN_CLEAR, 200, 5);
    run[1].done = 99;
    CHECK_EQ(do_runs(2), -XEN_EINVAL);
    CHECK_EQ(run[0].done, 40);
    CHECK_EQ(table[7], 0x1000);
    CHECK_EQ(table[46], values[39]);
    CHECK_EQ(table[47], mk_pte(frame, PTE_RW) | 7 << 9);
    CHECK_EQ(old[39], mk_pte(frame, PTE_RW) | 6 << 9);
    CHECK_EQ(old[40], 0xeeeeeeeeeeeeeeee);
    CHECK_EQ(table[200], values[200]);
    CHECK_EQ(run[1].done, 99);
    values[40] = mk_pte(~0ull & (PTE_ADDR >> 12), PTE_RO);
    CHECK(do_one(new_run(LODGE_RUN_SET, 7, 100)) < 0);
    /* Read-only mappings of a table: fine, until they are to become writable. */
    values[0] = mk_pte(kit_mfn(table), PTE_RO);
    CHECK_EQ(do_one(new_run(LODGE_RUN_SET, 3, 1)), 0);
    run[0] = new_run(LODGE_RUN_PROTECT, 0, 10);
    run[0].set = PTE_W;
    CHECK_EQ(do_runs(1), -XEN_EINVAL);
    CHECK_EQ(run[0].done, 3);
    CHECK_EQ(table[3], values[0]);
}

static int with(uint64_t ptr, uint32_t nr, uint16_t op)
{
    struct lodge_mmu_run r = new_run(op, 0, nr);

    r.ptr = ptr;
    return do_one(r);
}

static void refused_runs(void)
{
    uint64_t at = kit_mfn(table) << 12;
    struct lodge_mmu_run r;

    fill(PTE_RW);
    CHECK_EQ(with(at, 0, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(at, 513, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(at, ~0u, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(at + 8, 512, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(at + 4088, 2, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(at + 4, 1, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(at, 1, 3), -XEN_EINVAL);
    CHECK_EQ(with(at, 1, 0xffff), -XEN_EINVAL);
    CHECK_EQ(with(~7ull, 1, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(0, 1, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(with(1ull << 51, 1, LODGE_RUN_CLEAR), -XEN_EINVAL);
    CHECK_EQ(run[0].done, 4711);
    r = new_run(LODGE_RUN_CLEAR, 0, 1);
    r.flags = LODGE_RUN_KEEP_AD;
    CHECK_EQ(do_one(r), -XEN_EINVAL);
    r.flags = 0;
    r.reserved = 1;
    CHECK_EQ(do_one(r), -XEN_EINVAL);
    r = new_run(LODGE_RUN_SET, 0, 1);
    r.flags = 2;
    CHECK_EQ(do_one(r), -XEN_EINVAL);
    for (unsigned bit = 0; bit < 64; bit++) {
        r = new_run(LODGE_RUN_PROTECT, 0, 1);
        r.clear = r.set = 1ull << bit;
        CHECK_EQ(do_one(r), LODGE_PROTECT_BITS & r.set ? 0 : -XEN_EINVAL);
        r.clear = 0;
        CHECK_EQ(do_one(r), LODGE_PROTECT_BITS & r.set ? 0 : -XEN_EINVAL);
    }
    CHECK_EQ(table[0] & PTE_ADDR, frame << 12);
    CHECK_EQ(table[1], values[1]);
}

static void refused_arrays(void)
{
    static const uint64_t bad[] = {KIT_NOWHERE, HYPERVISOR_VIRT_START, HYPERVISOR_VIRT_END - 8,
                                   0x8000000000000000, ~7ull};
    struct lodge_mmu_list l = {.nr_runs = 1};
    struct lodge_mmu_run r;

    fill(PTE_RW);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_EQ(lodge(LODGE_mmu_run, (void *)bad[i]), -XEN_EFAULT);
        l.runs = bad[i];
        CHECK_EQ(lodge(LODGE_mmu_run, &l), -XEN_EFAULT);
        r = new_run(LODGE_RUN_SET, 0, 64);
        r.values = bad[i];
        CHECK_EQ(do_one(r), -XEN_EFAULT);
        CHECK_EQ(run[0].done, 0);
        check_table(values, "nothing was set");
        r = new_run(LODGE_RUN_PROTECT, 0, 64);
        r.old = bad[i];
        CHECK_EQ(do_one(r), -XEN_EFAULT);
        CHECK(run[0].done <= 32);
    }
    /* The result cannot be written where the descriptors are read-only. */
    l.runs = (uint64_t)page;
    *(struct lodge_mmu_run *)page = new_run(LODGE_RUN_CLEAR, 0, 1);
    CHECK_EQ(kit_protect(page, false), 0);
    CHECK_EQ(lodge(LODGE_mmu_run, &l), -XEN_EFAULT);
    CHECK_EQ(table[0], 0);
    CHECK_EQ(kit_protect(page, true), 0);
}

static void refused_flushes(void)
{
    run[0] = new_run(LODGE_RUN_CLEAR, 0, 1);
    CHECK_EQ(do_runs_flush(1, 4, 0, 0, 0), -XEN_EINVAL);
    CHECK_EQ(do_runs_flush(1, ~0u, 0, 0, 0), -XEN_EINVAL);
    CHECK_EQ(do_runs_flush(1, 1, 8, 1, 0), -XEN_EINVAL);
    CHECK_EQ(do_runs_flush(1, 1, HYPERVISOR_VIRT_START, 1, 0), -XEN_EINVAL);
    CHECK_EQ(do_runs_flush(1, 1, 0, ~0ull, 0), -XEN_EINVAL);
    CHECK_EQ(do_runs_flush(1, 1, 0, 1ull << 52, 0), -XEN_EINVAL);
    CHECK_EQ(do_runs_flush(1, 1, ~0xfffull, 1, 0), -XEN_EINVAL); /* the end wraps */
    CHECK_EQ(do_runs_flush(1, 1, 0x8000000000000000, 1, 0), -XEN_EINVAL);
}

/* An upper table: entries come and go, tables with them; nothing but set and clear. */
static void upper(void)
{
    uint64_t *l2 = kit_page(), *l1[3];
    struct lodge_mmu_run r;

    for (unsigned i = 0; i < 3; i++) {
        l1[i] = kit_page();
        l1[i][5] = mk_pte(frame, PTE_RW);
        CHECK_EQ(kit_protect(l1[i], false), 0);
        values[i] = mk_pte(kit_mfn(l1[i]), PTE_P | PTE_W);
    }
    CHECK_EQ(kit_protect(l2, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(l2), 0), 0);
    r = new_run(LODGE_RUN_SET, 0, 3);
    r.ptr = (kit_mfn(l2) << 12) + 8;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(l2[3], values[2] | PTE_U);
    CHECK(kit_protect(l1[2], true) < 0); /* it is a table now */
    r.op = LODGE_RUN_PROTECT;
    r.values = r.set = 0;
    CHECK_EQ(do_one(r), -XEN_EINVAL);
    r.op = LODGE_RUN_CLEAR;
    r.old = (uint64_t)old;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(old[2], values[2] | PTE_U);
    CHECK_EQ(l2[1] | l2[2] | l2[3], 0);
    CHECK_EQ(kit_protect(l1[2], true), 0);
    r.op = LODGE_RUN_SET;
    r.values = (uint64_t)values;
    CHECK_EQ(do_one(r), -XEN_EINVAL); /* the third is mapped writable */
    CHECK_EQ(run[0].done, 2);
    CHECK_EQ(l2[3], 0);
    r = new_run(LODGE_RUN_CLEAR, 0, 512);
    r.ptr = kit_table_mfn(4, l2) << 12; /* the present root: the hypervisor's slots end it */
    r.ptr += 256 * 8;
    r.nr = 16;
    CHECK_EQ(do_one(r), -XEN_EINVAL);
    CHECK_EQ(run[0].done, 0);
}

/* A page that is no table is memory. */
static void plain(void)
{
    uint64_t *p = kit_page();
    struct lodge_mmu_run r = new_run(LODGE_RUN_SET, 0, 3);

    p[0] = p[1] = 7;
    p[2] = 6;
    values[0] = ~0ull;
    values[1] = values[2] = 42;
    r.ptr = kit_mfn(p) << 12;
    r.old = (uint64_t)old;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(old[1], 7);
    CHECK_EQ(p[0], ~0ull);
    CHECK_EQ(p[2], 42);
    r.op = LODGE_RUN_PROTECT;
    r.clear = PTE_W;
    r.set = PTE_NX;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(p[0], ~PTE_W);
    CHECK_EQ(p[1], 42);
    r.op = LODGE_RUN_CLEAR;
    CHECK_EQ(do_one(r), 0);
    CHECK_EQ(old[0], ~PTE_W);
    CHECK_EQ(p[0] | p[1] | p[2], 0);
}

#define LONG 600u /* runs of a whole table: many millions of instructions */
static struct lodge_mmu_run many[LONG];
static volatile uint64_t event_at;

static bool event(unsigned vcpu)
{
    (void)vcpu;
    event_at = kit_now();
    kit_vcpu_info[0]->evtchn_upcall_pending = 0;
    kit_vcpu_info[0]->evtchn_pending_sel = 0;
    return true;
}

/* An event is taken in the middle, and everything is done in the end, once. */
static void restarts(void)
{
    unsigned port = kit_bind_virq(VIRQ_TIMER, 0);
    struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = kit_now() + 300000};
    struct lodge_mmu_list l = {.runs = (uint64_t)many, .nr_runs = LONG};
    uint64_t end;

    fill(PTE_RW & ~PTE_A);
    for (unsigned i = 0; i < LONG; i++) {
        many[i] = new_run(LODGE_RUN_PROTECT, 0, 512);
        many[i].clear = i % 2 ? PTE_W : 0;
        many[i].set = i % 2 ? PTE_A : PTE_W;
    }
    kit_unmask(port);
    kit_event_hook = event;
    event_at = 0;
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, &t), 0);
    kit_events_on();
    CHECK_EQ(lodge(LODGE_mmu_run, &l), 0);
    end = kit_now();
    while (event_at == 0 && kit_now() < end + KIT_PATIENCE)
        ;
    kit_events_off();
    kit_event_hook = NULL;
    CHECK(event_at != 0);
    kit_check(event_at < end, __FILE__, __LINE__, "the event came %ld ns after the call",
              event_at - end);
    for (unsigned i = 0; i < LONG; i++) {
        if (many[i].done != 512)
            CHECK_EQ(many[i].done, 512);
    }
    for (unsigned i = 0; i < ENTRIES; i++)
        values[i] = (values[i] & ~PTE_W) | PTE_A;
    check_table(values, "after a long list");
}

/* Where it goes on after a restart is in the guest's hands. */
static void hostile_progress(void)
{
    struct lodge_mmu_list l = {.runs = (uint64_t)run, .nr_runs = 2};
    static const uint64_t bad[] = {3ull << 32,       ~0ull,      513,
                                   1ull << 32 | 513, 1ull << 63, 0xffffffff};

    fill(PTE_RW);
    run[0] = run[1] = new_run(LODGE_RUN_CLEAR, 0, 512);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(hc3(__HYPERVISOR_lodge_op, LODGE_mmu_run, &l, bad[i]), -XEN_EINVAL);
    check_table(values, "bad progress");
    CHECK_EQ(hc3(__HYPERVISOR_lodge_op, LODGE_mmu_run, &l, 2ull << 32), 0);
    check_table(values, "all done before");
    CHECK_EQ(hc3(__HYPERVISOR_lodge_op, LODGE_mmu_run, &l, 1ull << 32 | 500), 0);
    CHECK_EQ(table[499], values[499]);
    CHECK_EQ(table[500], 0);
    CHECK_EQ(run[1].done, 512);
    l.nr_runs = ~0u; /* it ends where the array does */
    CHECK(lodge(LODGE_mmu_run, &l) < 0);
}

void runs(void)
{
    page = kit_page();
    table = kit_page();
    frame = kit_mfn(page);
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(table), 0), 0);
    set_and_clear();
    in_place();
    protect();
    rights();
    lists();
    refused_entry();
    refused_runs();
    refused_arrays();
    refused_flushes();
    upper();
    plain();
    restarts();
    hostile_progress();
}
