/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L1 tables with many entries, as a process has them: whatever the entries around one are like, the
 * table stands for one reference each, and for none when it is a table no more, or has been
 * refused. That is seen by the page which they map: held, it cannot be exchanged.
 */
#include <kit/kit.h>
#include <mmu/mmu.h>

#define ENTRIES 512u

static uint64_t *table, *page, *other;

/* With no mapping of its own: another frame takes its place unless something holds it. */
static bool held(uint64_t *va)
{
    static struct xen_memory_exchange x;
    static xen_pfn_t in, out;
    uint64_t pte = kit_pte(va);
    int64_t rc;

    in = kit_mfn(va);
    out = (uint64_t)va >> 12;
    x = (struct xen_memory_exchange){.in = {.nr_extents = 1, .domid = DOMID_SELF},
                                     .out = {.nr_extents = 1, .domid = DOMID_SELF}};
    x.in.extent_start.p = &in;
    x.out.extent_start.p = &out;
    CHECK_EQ(kit_set_pte(va, 0), 0);
    rc = hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &x);
    CHECK_EQ(kit_set_pte(va, rc == 0 ? mk_pte(out, PTE_RW) : pte), 0);
    return rc != 0;
}

/* Entries of the page from the first one on, `step` apart; all others are empty. */
static void fill(unsigned first, unsigned last, unsigned step, uint64_t flags)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        table[i] = 0;
    for (unsigned i = first; i <= last; i += step)
        table[i] = mk_pte(kit_mfn(page), flags);
}

static int pin(void)
{
    CHECK_EQ(kit_protect(table, false), 0);
    return kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(table), 0);
}

static void unpin(void)
{
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(table), 0), 0);
    CHECK_EQ(kit_protect(table, true), 0);
}

/* The table as it is can be one; `writes`: with writable entries, among which are the last ones. */
static void taken_and_dropped(bool writes)
{
    uint64_t pte;

    CHECK_EQ(pin(), 0);
    CHECK(held(page));
    pte = kit_pte(page);
    CHECK_EQ(kit_set_pte(page, 0), 0); /* the table has all that are left */
    CHECK(!writes || kit_mmuext(MMUEXT_PIN_L1_TABLE, (pte & PTE_ADDR) >> 12, 0) < 0);
    unpin();
    CHECK_EQ(kit_set_pte(page, pte), 0);
    CHECK(!held(page));
}

/* One entry has flags that are not the guest's to choose. */
static void adjusted(unsigned at, uint64_t flags, uint64_t wanted)
{
    fill(0, ENTRIES - 1, 1, flags);
    table[at] = mk_pte(kit_mfn(page), wanted);
    taken_and_dropped(flags & PTE_W);
    CHECK_EQ(table[at] & 0xfff, flags & 0xfff);
}

/* One entry is not to be had, or is not like the others. */
static void with_other(unsigned at, uint64_t flags)
{
    fill(0, ENTRIES - 1, 1, flags);
    table[at] = mk_pte(kit_table_mfn(1, page), PTE_RW); /* a table, writable */
    CHECK(pin() < 0);
    CHECK_EQ(kit_protect(table, true), 0);
    CHECK(!held(page));
    fill(0, ENTRIES - 1, 1, flags);
    table[at] = mk_pte(0xffffffffffull, flags); /* no frame */
    CHECK(pin() < 0);
    CHECK_EQ(kit_protect(table, true), 0);
    CHECK(!held(page));

    fill(0, ENTRIES - 1, 1, flags);
    table[at] ^= PTE_W;
    taken_and_dropped(true);
    fill(0, ENTRIES - 1, 1, flags);
    table[at] = mk_pte(kit_table_mfn(1, page), PTE_RO);
    taken_and_dropped(flags & PTE_W);
    fill(0, ENTRIES - 1, 1, flags);
    table[at] = mk_pte(kit_mfn(other), flags & ~PTE_P); /* the guest's own affair */
    CHECK_EQ(pin(), 0);
    CHECK(!held(other));
    unpin();
    adjusted(at, flags, flags | PTE_G);
    adjusted(at, flags, flags & ~PTE_U);
}

static void of_kind(uint64_t flags)
{
    static const unsigned places[] = {0, 1, 7, 15, 16, 255, 496, 510, 511};

    fill(0, ENTRIES - 1, 1, flags);
    taken_and_dropped(flags & PTE_W);
    fill(16, 31, 1, flags);
    taken_and_dropped(flags & PTE_W);
    fill(3, 500, 1, flags);
    taken_and_dropped(flags & PTE_W);
    fill(0, ENTRIES - 1, 15, flags); /* the ends of a run, and nothing between them */
    taken_and_dropped(flags & PTE_W);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
        with_other(places[i], flags);
}

void full_tables(void)
{
    table = kit_page();
    page = kit_page();
    other = kit_page();
    of_kind(PTE_RO);
    of_kind(PTE_RW);
    of_kind(PTE_RO | PTE_NX);
}
