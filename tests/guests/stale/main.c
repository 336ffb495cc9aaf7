/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations that a processor still has cached. One vcpu writes to an address without pause; the
 * other takes the mapping away without asking for a flush, and has the frame become something
 * else: a page table, a frame of nobody, a grant that is over. From then on the writer may not
 * reach it, so what is in the frame stays as it is.
 */
#include <kit/kit.h>
#include <public/domctl.h>

#define TRIES 50

static volatile uint64_t *target; /* where the writer writes */
static volatile int stop, writer_done;
static volatile uint64_t wrote, failed;

static void writer(void *unused)
{
    uint64_t n = 0;

    (void)unused;
    while (!stop) {
        /* Even numbers: an entry that is not present, should this be a page table. */
        if (target != NULL && kit_write((void *)target, n += 2))
            wrote++;
        else
            failed++;
    }
    writer_done = 1;
}

static bool still(volatile const uint64_t *p)
{
    uint64_t first = *p, end = kit_now() + 200000;

    while (kit_now() < end)
        if (*p != first)
            return false;
    return true;
}

static bool writer_is_at_it(void)
{
    uint64_t seen = wrote, end = kit_now() + KIT_PATIENCE;

    while (wrote < seen + 3 && kit_now() < end)
        ;
    return wrote >= seen + 3;
}

static void becomes_a_table(void)
{
    uint64_t *va = kit_page(), *view = kit_page(), mfn = kit_mfn(va), rw = kit_pte(va);
    unsigned moved = 0;

    CHECK_EQ(kit_set_pte(view, mk_pte(mfn, PTE_RO)), 0);
    target = va;
    for (unsigned i = 0; i < TRIES; i++) {
        CHECK(writer_is_at_it());
        CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, va, 0, UVMF_NONE), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
        moved += !still(view);
        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
        CHECK_EQ(kit_set_pte(va, rw), 0);
    }
    CHECK_EQ(moved, 0);
    target = NULL;
}

static domid_t whose = DOMID_SELF; /* frames come and go */

/* What has been given back waits in line: so much more of it that its turn comes. */
static void wait_in_line(void)
{
    for (unsigned i = 0; i < 9; i++) {
        xen_pfn_t block = 0x100000;

        CHECK_EQ(kit_reservation(XENMEM_populate_physmap, &block, 1, 9, whose), 1);
        CHECK_EQ(kit_reservation(XENMEM_decrease_reservation, &block, 1, 9, whose), 1);
    }
}

/* As if another domain got it, by asking for frames until it comes. False: it does not. */
static bool get_again(xen_pfn_t wanted)
{
    static xen_pfn_t got[256];
    unsigned n = 0;

    do {
        got[n] = 0x100000 + n;
        CHECK_EQ(kit_reservation(XENMEM_populate_physmap, &got[n], 1, 0, whose), 1);
    } while (got[n] != wanted && ++n < ARRAY_SIZE(got));
    for (unsigned i = 0; i < n; i++)
        CHECK_EQ(kit_reservation(XENMEM_decrease_reservation, &got[i], 1, 0, whose), 1);
    return n < ARRAY_SIZE(got);
}

/* The other processor is not flushed. */
static int map_as(const void *va, uint64_t mfn, uint64_t flags)
{
    return (int)hc4(__HYPERVISOR_update_va_mapping_otherdomain, va, mk_pte(mfn, flags),
                    UVMF_INVLPG | UVMF_LOCAL, whose);
}

static void is_given_away(void)
{
    uint64_t *va = kit_page(), *view = kit_page();
    unsigned moved = 0, same = 0;
    xen_pfn_t mfn = 0x100000; /* its neighbour stays, so that it is free as a single frame */

    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, &mfn, 1, 1, whose), 1);
    for (unsigned i = 0; i < TRIES / 4 && same == i; i++) {
        CHECK_EQ(map_as(va, mfn, PTE_RW), 0);
        target = va;
        CHECK(writer_is_at_it());
        CHECK_EQ(hc3(__HYPERVISOR_update_va_mapping, va, 0, UVMF_NONE), 0);
        CHECK_EQ(kit_reservation(XENMEM_decrease_reservation, &mfn, 1, 0, whose), 1);
        wait_in_line();
        same += get_again(mfn);
        CHECK_EQ(map_as(view, mfn, PTE_RO), 0);
        moved += !still(view);
        CHECK_EQ(kit_set_pte(view, 0), 0);
    }
    CHECK_EQ(same, TRIES / 4);
    CHECK_EQ(moved, 0);
    target = NULL;
}

/* Our own frames, then a child's: a processor with our tables loaded may know those as well. */
static void are_given_away(void)
{
    struct xen_domctl_max_mem mem = {.max_memkb = UINT32_MAX};
    struct kit_child c;

    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, 0, &mem, sizeof(mem)), 0);
    is_given_away();
    CHECK_EQ(kit_child_create(&c, NULL, 0, 0, 1), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, c.domid, &mem, sizeof(mem)), 0);
    whose = c.domid;
    is_given_away();
    whose = DOMID_SELF;
    CHECK_EQ(kit_child_destroy(&c), 0);
}

static void is_a_grant(void)
{
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 1};
    struct gnttab_map_grant_ref m = {.flags = GNTMAP_host_map, .ref = 9};
    struct gnttab_unmap_grant_ref u = {0};
    uint64_t *va = kit_page(), *page = kit_page();
    struct grant_entry_v1 *table = kit_page();
    static xen_pfn_t frame;
    unsigned moved = 0;

    s.frame_list.p = &frame;
    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(kit_set_pte(table, mk_pte(frame, PTE_RW)), 0);
    table[9].frame = (uint32_t)kit_mfn(page);
    table[9].domid = 0;
    table[9].flags = GTF_permit_access;
    CHECK_EQ(kit_set_pte(va, 0), 0);
    for (unsigned i = 0; i < TRIES; i++) {
        m.host_addr = (uint64_t)va;
        CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, &m, 1), 0);
        CHECK_EQ(m.status, GNTST_okay);
        target = va;
        CHECK(writer_is_at_it());
        u.host_addr = (uint64_t)va;
        u.handle = m.handle;
        CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, &u, 1), 0);
        CHECK_EQ(u.status, GNTST_okay);
        moved += !still(page);
    }
    CHECK_EQ(moved, 0);
    target = NULL;
}

/* A table that goes while the other vcpu uses what it maps: the L1 is unhooked and rewritten. */
static void loses_its_table(void)
{
    uint64_t *l1 = kit_page(), *page = kit_page(), *view = kit_page();
    uint64_t slot = (kit_table_mfn(2, page) << 12) + 502 * 8, mfn = kit_mfn(l1);
    uint64_t *through = (uint64_t *)(502ul << 21), page_mfn = kit_mfn(page);
    unsigned moved = 0;

    l1[0] = mk_pte(page_mfn, PTE_RW);
    CHECK_EQ(kit_protect(l1, false), 0);
    CHECK_EQ(kit_set_pte(page, 0), 0); /* through that table only */
    CHECK_EQ(kit_set_pte(view, mk_pte(page_mfn, PTE_RO)), 0);
    for (unsigned i = 0; i < TRIES; i++) {
        CHECK_EQ(kit_mmu_update(slot, mk_pte(mfn, PTE_RW)), 0);
        target = through;
        CHECK(writer_is_at_it());
        CHECK_EQ(kit_mmu_update(slot, 0), 0); /* its mappings go with it, no flush */
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, page_mfn, 0), 0);
        moved += !still(view);
        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, page_mfn, 0), 0);
    }
    CHECK_EQ(moved, 0);
    target = NULL;
}

/*
 * An idle table is refused as one, for what it maps has been given away; then it is mapped
 * writable. The processor may still know it as a table from the upper level, so that needs a flush.
 * Whether there was one shows at another page, whose entry has changed without any.
 */
static void is_refused_as_a_table(void)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    uint64_t *table = kit_page(), *given = kit_page(), *one = kit_page(), *two = kit_page();
    volatile uint64_t *seen = kit_page();
    uint64_t slot = (kit_table_mfn(2, table) << 12) + 503 * 8, mfn = kit_mfn(table);
    uint64_t *through = (uint64_t *)(503ul << 21);
    xen_pfn_t given_mfn = kit_mfn(given);

    *one = 1;
    *two = 2;
    table[0] = mk_pte(given_mfn, PTE_RO);
    CHECK_EQ(kit_set_pte(given, 0), 0);
    CHECK_EQ(kit_set_pte(table, 0), 0);
    CHECK_EQ(kit_mmu_update(slot, mk_pte(mfn, PTE_RW)), 0);
    CHECK(kit_read(through, NULL));
    CHECK_EQ(kit_set_pte((void *)seen, mk_pte(kit_mfn(one), PTE_RO)), 0);
    CHECK_EQ(*seen, 1);
    CHECK_EQ(kit_mmu_update(kit_pte_maddr((void *)seen), mk_pte(kit_mfn(two), PTE_RO)), 0);
    CHECK_EQ(kit_mmu_update(slot, 0), 0);
    r.extent_start.p = &given_mfn;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), 1);
    printk("before: the old translation is %s\n", *seen == 1 ? "there" : "gone");
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0) < 0);
    CHECK_EQ(kit_mmu_update(kit_pte_maddr(table), mk_pte(mfn, PTE_RW)), 0);
    CHECK_EQ(*seen, 2);
    CHECK(kit_write(table, 0));
}

void test_main(void)
{
    int rc;

    is_refused_as_a_table();
    rc = kit_vcpu_start(1, writer, NULL);
    if (rc != 0) {
        kit_skip("it needs a second vcpu");
        return;
    }
    becomes_a_table();
    are_given_away();
    is_a_grant();
    loses_its_table();
    stop = 1;
    while (!writer_done)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    printk("%lu writes, %lu refused\n", wrote, failed);
    CHECK(failed > 0);
}
