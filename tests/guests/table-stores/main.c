/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stores to page tables by an address whose way through the tables changes. The hypervisor
 * remembers where the last one went (pv/pte_emulate.c): here the next one has to go somewhere else,
 * as an entry of each level changes, by each way there is, and as the root does. Then the same
 * while another vcpu changes the way all the time.
 */
#include <kit/kit.h>

#define SLOT 281u /* of the L4, that nothing uses */
#define WAY  ((uint64_t *)(0xffff000000000000ul | ((uint64_t)SLOT << 39)))
#define MARK 0xabcd00ul /* not present, whatever is added */

static uint64_t *l4;       /* the live root, mapped read-only */
static uint64_t *leaf[2];  /* L1 tables that are stored to; empty */
static uint64_t *way[4];   /* way[1] to way[3]: leads to leaf[0], or to what its entries say */
static uint64_t *other[4]; /* other[1] to other[3]: leads to leaf[1] */
static uint64_t marks;

static uint64_t entry(const uint64_t *table)
{
    return mk_pte(kit_mfn(table), PTE_RW);
}

static uint64_t *table(uint64_t first)
{
    uint64_t *t = kit_page();

    t[0] = first;
    CHECK_EQ(kit_protect(t, false), 0);
    return t;
}

static void build(void)
{
    l4 = (uint64_t *)start_info->pt_base;
    for (unsigned i = 0; i < 2; i++) {
        leaf[i] = table(0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(leaf[i]), 0), 0);
    }
    way[1] = table(mk_pte(kit_mfn(leaf[0]), PTE_RO));
    other[1] = table(mk_pte(kit_mfn(leaf[1]), PTE_RO));
    for (unsigned l = 2; l <= 3; l++) {
        way[l] = table(entry(way[l - 1]));
        other[l] = table(entry(other[l - 1]));
    }
    for (unsigned l = 1; l <= 3; l++) {
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE + l - 1, kit_mfn(way[l]), 0), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE + l - 1, kit_mfn(other[l]), 0), 0);
    }
    CHECK_EQ(kit_mmu_update((kit_mfn(l4) << 12) + SLOT * 8, entry(way[3])), 0);
}

/* A store that is done the short way; false: it trapped. What was there before is *was. */
static bool store(unsigned i, uint64_t val, uint64_t *was)
{
    *was = val;
    return KIT_TRY("xchg %0, (%1)", : "+a"(*was) : "r"(&WAY[i]) : KIT_CLOBBER) == -1;
}

/* Stores go to that leaf now, and only there; each of several, as the first one finds the way. */
static void goes_to(unsigned n, const char *why)
{
    for (unsigned i = 0; i < 3; i++) {
        uint64_t mark = MARK + 2 * ++marks, was;
        unsigned at = 2 * i + 1;
        uint64_t before = ((volatile uint64_t *)leaf[!n])[at];

        CHECK(store(at, mark, &was));
        if (((volatile uint64_t *)leaf[n])[at] != mark ||
            ((volatile uint64_t *)leaf[!n])[at] != before)
            kit_check(false, __FILE__, __LINE__, "store %u after %s went elsewhere", i, why);
    }
}

static void flush(void)
{
    CHECK_EQ(kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
}

/* The entry of one level leads to another table, by mmu_update or by a store that is decoded. */
static void levels(void)
{
    for (unsigned l = 1; l <= 3; l++) {
        uint64_t here = kit_mfn(way[l]) << 12, to = ((volatile uint64_t *)other[l])[0];
        uint64_t back = ((volatile uint64_t *)way[l])[0];

        goes_to(0, "all is as it was");
        CHECK_EQ(kit_mmu_update(here, to), 0);
        flush();
        goes_to(1, "mmu_update");
        CHECK_EQ(kit_mmu_update(here, back), 0);
        flush();
        goes_to(0, "mmu_update back");
        CHECK(kit_write(way[l], to));
        flush();
        goes_to(1, "a store");
        CHECK_EQ(KIT_TRY("xchg %0, (%1)", : "+a"(back) : "r"(way[l]) : KIT_CLOBBER), -1);
        flush();
        goes_to(0, "an exchange");
    }
    CHECK_EQ(kit_mmu_update((kit_mfn(l4) << 12) + SLOT * 8, entry(other[3])), 0);
    flush();
    goes_to(1, "the L4 entry");
    CHECK_EQ(kit_mmu_update((kit_mfn(l4) << 12) + SLOT * 8, 0), 0);
    flush();
    CHECK(!kit_write(&WAY[1], MARK));
    CHECK_EQ(kit_mmu_update((kit_mfn(l4) << 12) + SLOT * 8, entry(way[3])), 0);
    flush();
    goes_to(0, "the L4 entry again");
}

/* Another root, and that one taken apart and built again as something else. */
static void roots(void)
{
    uint64_t *root = kit_page();

    root[0] = l4[0];
    for (unsigned round = 0; round < 4; round++) {
        goes_to(0, "the first root");
        root[SLOT] = entry(round % 2 ? way[3] : other[3]);
        CHECK_EQ(kit_protect(root, false), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(root), 0), 0);
        goes_to(round % 2 == 0, "another root");
        CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(l4), 0), 0);
        CHECK_EQ(kit_protect(root, true), 0); /* no table any more */
    }
    root[SLOT] = entry(other[3]);
    CHECK_EQ(kit_protect(root, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(root), 0), 0);
    goes_to(1, "a root");
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(l4), 0), 0);
    CHECK_EQ(kit_protect(root, true), 0);
    root[SLOT] = entry(way[3]);
    CHECK_EQ(kit_protect(root, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(root), 0), 0);
    goes_to(0, "the same frame as a root once more"); /* nothing was stored in between */
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(l4), 0), 0);
    CHECK_EQ(kit_protect(root, true), 0);
}

/* What was stored to is a table no more: the page is only memory, and read-only there. */
static void no_table(void)
{
    uint64_t was;

    goes_to(0, "all is as it was");
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(leaf[0]), 0), 0);
    CHECK(!store(1, MARK, &was));
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(leaf[0]), 0), 0);
    goes_to(0, "it is a table again");
    CHECK(!kit_write((uint8_t *)WAY + 4, MARK)); /* across entries */
    goes_to(0, "a store that was none");
}

/* Each of the marks is to be found in one of the two tables, whichever way was open just then. */
static volatile unsigned stop;

static void changer(void *unused)
{
    uint64_t here = kit_mfn(way[2]) << 12, there = kit_mfn(way[1]) << 12;
    uint64_t leads[2] = {entry(way[1]), entry(other[1])};
    uint64_t maps[2] = {mk_pte(kit_mfn(leaf[0]), PTE_RO), mk_pte(kit_mfn(leaf[1]), PTE_RO)};

    (void)unused;
    for (unsigned i = 1; !stop; i++) {
        kit_mmu_update(here, leads[i % 2]);
        kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
        kit_mmu_update(there, maps[i / 2 % 2]);
        kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
    }
    kit_mmu_update(here, leads[0]);
    kit_mmu_update(there, maps[0]);
    kit_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
    stop = 2;
}

static void race(void)
{
    unsigned went[2] = {0}, lost = 0, trapped = 0;
    int rc = kit_vcpu_start(1, changer, NULL);
    uint64_t end = kit_now() + 1500000000, was;

    if (rc != 0) {
        printk("one vcpu only (%d): no race to run\n", rc);
        return;
    }
    while (kit_now() < end) {
        uint64_t mark = MARK + 2 * ++marks;
        unsigned at = marks % 512;

        if (!store(at, mark, &was))
            trapped++;
        else if (((volatile uint64_t *)leaf[0])[at] == mark)
            went[0]++;
        else if (((volatile uint64_t *)leaf[1])[at] == mark)
            went[1]++;
        else
            lost++;
    }
    stop = 1;
    while (stop != 2)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    printk("race: %u and %u stores, %u trapped\n", went[0], went[1], trapped);
    CHECK(went[0] > 0 && went[1] > 0);
    CHECK_EQ(lost, 0);
    CHECK_EQ(trapped, 0);
    goes_to(0, "the race");
}

void test_main(void)
{
    build();
    levels();
    roots();
    no_table();
    race();
}
