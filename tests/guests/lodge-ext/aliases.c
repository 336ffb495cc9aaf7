/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The direct map follows the types of frames, by every way in which a frame becomes a table or
 * stops being one. The guest's image is mapped at its pseudo-physical addresses: that is the direct
 * map.
 */
#include "ext.h"

#define WRITABLE(p) ((kit_pte(p) & PTE_W) != 0)

static uint64_t *page, *t[5]; /* t[1] to t[4]: a tree over the page */

static void tree(void)
{
    for (unsigned l = 1; l <= 4; l++)
        t[l] = kit_page();
    page = kit_page();
    t[1][3] = mk_pte(kit_mfn(page), PTE_RW);
    for (unsigned l = 2; l <= 4; l++)
        t[l][3] = mk_pte(kit_mfn(t[l - 1]), PTE_RW);
}

/* How many of the four are read-only in the direct map. */
static unsigned read_only(void)
{
    unsigned n = 0;

    for (unsigned l = 1; l <= 4; l++)
        n += !WRITABLE(t[l]);
    return n;
}

static void pins(void)
{
    uint64_t val;

    for (unsigned round = 0; round < 3; round++) {
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), 0);
        CHECK_EQ(read_only(), 4);
        CHECK(!kit_write(&t[1][4], mk_pte(kit_mfn(t[2]), PTE_RW)));
        CHECK(kit_read(&t[1][4], &val) && val == 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), -XEN_EINVAL);
        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[4]), 0), 0);
        CHECK_EQ(read_only(), 0);
        for (unsigned l = 1; l <= 4; l++)
            CHECK(kit_write(&t[l][100], 0));
    }
    /* One below has a pin of its own: it stays a table until that goes. */
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(t[1]), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[4]), 0), 0);
    CHECK_EQ(read_only(), 1);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[1]), 0), 0);
    CHECK_EQ(read_only(), 0);
}

/* Two roots over the same tables in one call, as a kernel does it for a process. */
static void two_roots(void)
{
    uint64_t *user = kit_page();
    struct mmuext_op ops[2] = {{.cmd = MMUEXT_PIN_L4_TABLE}, {.cmd = MMUEXT_PIN_L4_TABLE}};

    user[7] = mk_pte(kit_mfn(t[3]), PTE_RW);
    ops[0].arg1.mfn = kit_mfn(t[4]);
    ops[1].arg1.mfn = kit_mfn(user);
    CHECK_EQ(hc4(__HYPERVISOR_mmuext_op, ops, 2, 0, DOMID_SELF), 0);
    CHECK_EQ(read_only(), 4);
    CHECK(!WRITABLE(user));
    ops[0].cmd = ops[1].cmd = MMUEXT_UNPIN_TABLE;
    CHECK_EQ(hc4(__HYPERVISOR_mmuext_op, ops, 1, 0, DOMID_SELF), 0);
    CHECK_EQ(read_only(), 3); /* the other root has them still */
    CHECK_EQ(hc4(__HYPERVISOR_mmuext_op, ops + 1, 1, 0, DOMID_SELF), 0);
    CHECK_EQ(read_only(), 0);
    CHECK(WRITABLE(user));
    user[7] = 0;
}

/* A table that is refused is what it was, and so is all below it. */
static void refusals(void)
{
    uint64_t *second = kit_page(), kept = t[2][3];

    t[2][9] = mk_pte(kit_mfn(page), PTE_RW); /* no table: mapped writable by t[1][3] */
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), -XEN_EINVAL);
    CHECK_EQ(read_only(), 0);
    CHECK(WRITABLE(page));
    t[2][9] = 0;
    t[1][9] = mk_pte(kit_mfn(t[2]), PTE_RW); /* a table of this tree, writable */
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), -XEN_EINVAL);
    CHECK_EQ(read_only(), 0);
    t[1][9] = 0;
    /* A second writable mapping of a table is in the way, whatever the alias is. */
    CHECK_EQ(kit_set_pte(second, mk_pte(kit_mfn(t[1]), PTE_RW)), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), -XEN_EINVAL);
    CHECK_EQ(read_only(), 0);
    CHECK_EQ(kit_set_pte(second, 0), 0);
    CHECK_EQ(t[2][3], kept | PTE_U);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(t[4]), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[4]), 0), 0);
}

/* Entries of upper tables: by mmu_update, by a run, by a trapped write; the frame comes and goes.
 */
static void upper_entries(void)
{
    uint64_t *l1 = kit_page(), *l2 = kit_page();
    uint64_t at = (kit_mfn(l2) << 12) + 8 * 6, val = mk_pte(kit_mfn(l1), PTE_RW);
    struct lodge_mmu_run run = {.ptr = at, .nr = 1, .values = (uint64_t)&val};
    struct lodge_mmu_list list = {.runs = (uint64_t)&run, .nr_runs = 1};

    l1[0] = mk_pte(kit_mfn(page), PTE_RW);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(l2), 0), 0);
    for (unsigned how = 0; how < 3; how++) {
        run.op = LODGE_RUN_SET;
        CHECK_EQ(how == 0   ? kit_mmu_update(at, val)
                 : how == 1 ? lodge(LODGE_mmu_run, &list)
                            : !kit_write(&l2[6], val),
                 0);
        CHECK_EQ(l2[6] & PTE_ADDR, kit_mfn(l1) << 12);
        CHECK(!WRITABLE(l1));
        run.op = LODGE_RUN_CLEAR;
        CHECK_EQ(how == 0   ? kit_mmu_update(at, 0)
                 : how == 1 ? lodge(LODGE_mmu_run, &list)
                            : !kit_write(&l2[6], 0),
                 0);
        CHECK_EQ(l2[6], 0);
        CHECK(WRITABLE(l1));
        CHECK(kit_write(&l1[77], 0));
    }
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(l2), 0), 0);
    CHECK(WRITABLE(l2));
}

/* Many tables at once: more than are dealt with in one go. */
static void many(void)
{
    enum { N = 40 };
    uint64_t *l1[N], *l2 = kit_page();

    for (unsigned i = 0; i < N; i++) {
        l1[i] = kit_page();
        l2[i * 3] = mk_pte(kit_mfn(l1[i]), PTE_RW);
    }
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(l2), 0), 0);
    for (unsigned i = 0; i < N; i++)
        CHECK(!WRITABLE(l1[i]));
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(l2), 0), 0);
    for (unsigned i = 0; i < N; i++)
        CHECK(WRITABLE(l1[i]) && kit_write(&l1[i][1], 0));
}

/* What the guest says of its memory is only believed where the entry agrees. */
static void lies(void)
{
    uint64_t mfn = kit_mfn(t[1]), gfn = (uint64_t)t[1] >> 12, other = (uint64_t)page >> 12;
    static const uint64_t bad[] = {0, ~0ull, 1ull << 40, 0x7ffffffff, 0xfff};
    struct lodge_negotiate n = {.magic = LODGE_MAGIC, .version = LODGE_VERSION};

    for (unsigned i = 0; i <= ARRAY_SIZE(bad); i++) {
        uint64_t pfn = i < ARRAY_SIZE(bad) ? bad[i] : other;

        CHECK_EQ(kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, pfn), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), -XEN_EINVAL);
        CHECK_EQ(kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, gfn), 0);
        CHECK(WRITABLE(t[1]) && WRITABLE(page));
    }
    /* Made read-only by the guest itself: as without aliases, and released in the end. */
    CHECK_EQ(kit_protect(t[1], false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, other), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, gfn), 0);
    CHECK(!WRITABLE(t[1]));    /* it could not be found */
    CHECK(kit_write(t[1], 0)); /* but is now: it is no table any more */
    CHECK(WRITABLE(t[1]));
    /* A direct map that is somewhere else, or nowhere. */
    for (unsigned i = 0; i < 4; i++) {
        n.features = LODGE_F_ALIAS;
        n.direct_map = (const uint64_t[]){HYPERVISOR_VIRT_END, 4096, 0, 0x100000}[i];
        n.direct_map_frames = i == 2 ? gfn : 1ull << 20;
        CHECK_EQ(lodge(LODGE_negotiate, &n), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), -XEN_EINVAL);
        CHECK(WRITABLE(t[1]));
    }
    CHECK_EQ(negotiate(ALL_FEATURES), 0);
}

/* A page that the guest protects for reasons of its own: its faults are its own, too. */
static void faults(void)
{
    uint64_t *p = kit_page();

    CHECK_EQ(kit_protect(p, false), 0);
    CHECK(!kit_write(p, 1));
    CHECK_EQ(*(volatile uint64_t *)p, 0);
    CHECK_EQ(kit_protect(p, true), 0);
}

/*
 * What waits for other vcpus asks each of them in each pass: long waits of a domain that has as
 * many as one may have. (For the debug build, which measures how long interrupts are off.)
 */
static void crowd(uint64_t unused)
{
    uint64_t *second = kit_page();

    (void)unused;
    page = kit_page();
    CHECK_EQ(negotiate(ALL_FEATURES), 0);
    CHECK_EQ(kit_set_pte(second, mk_pte(kit_mfn(page), PTE_RW)), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(page), 0), -XEN_EINVAL);
    CHECK(WRITABLE(page));
    faults();
    kit_shutdown(SHUTDOWN_poweroff);
}

static void crowds(void)
{
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, crowd, 0, 64, 64), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

/* What is switched off is off, and what was a table meanwhile stays read-only. */
static void given_back(void)
{
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(t[1]), 0), 0);
    CHECK_EQ(negotiate(LODGE_F_MMU_RUN), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(t[1]), 0), 0);
    CHECK(!WRITABLE(t[1]));
    CHECK_EQ(kit_protect(t[1], true), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(t[1]), 0), -XEN_EINVAL);
    CHECK_EQ(negotiate(ALL_FEATURES), 0);
}

void aliases(void)
{
    tree();
    pins();
    two_roots();
    refusals();
    upper_entries();
    many();
    lies();
    faults();
    given_back();
    crowds();
}
