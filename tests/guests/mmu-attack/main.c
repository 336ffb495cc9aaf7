/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that page-table updates must refuse, because it would give a guest memory that is not
 * its own, or its own page tables, or the hypervisor. Each attempt has to fail and to change
 * nothing. The control domain is tried first, then a child without privilege.
 */
#include <kit/kit.h>
#include <public/domctl.h>

static uint64_t l4_mfn(void)
{
    return kit_mfn((void *)start_info->pt_base);
}

/* The page at va, after every way of putting `pte` there has failed. */
static void refused(const char *what, uint64_t *va, uint64_t pte)
{
    uint64_t before = kit_pte(va);
    uint64_t *e = kit_table(1, va) + (((uint64_t)va >> 12) & 511);
    int a = kit_set_pte(va, pte), b = kit_mmu_update(kit_pte_maddr(va), pte);
    int c = kit_mmu_update(kit_pte_maddr(va) | MMU_PT_UPDATE_PRESERVE_AD, pte);
    bool d = kit_write(e, pte);

    kit_check(a < 0 && b < 0 && c < 0 && !d, __FILE__, __LINE__, "%s: %d %d %d %d", what, a, b, c,
              d);
    kit_check(kit_pte(va) == before, __FILE__, __LINE__, "%s: the entry is %lx", what, kit_pte(va));
    if (kit_pte(va) != before)
        kit_set_pte(va, before);
}

static void own_tables(void)
{
    uint64_t *va = kit_page();

    for (unsigned l = 1; l <= 4; l++)
        refused("own table writable", va, mk_pte(kit_table_mfn(l, va), PTE_RW));
    CHECK_EQ(kit_set_pte(va, mk_pte(l4_mfn(), PTE_RO)), 0);
    CHECK(!kit_write(va, 1)); /* an L4 is not for the emulation of writes to hand out */
    refused("upgrade to writable", va, mk_pte(l4_mfn(), PTE_RW));
}

static void bad_frames(void)
{
    uint64_t *va = kit_page();
    static const uint64_t mfns[] = {0xffffffffffull, 0xfffffffffull, 1ull << 39, 1ull << 34,
                                    0x140000};

    for (unsigned i = 0; i < ARRAY_SIZE(mfns) - (is_dom0 ? 1 : 0); i++) {
        refused("no such frame", va, mk_pte(mfns[i], PTE_RW));
        refused("no such frame, read-only", va, mk_pte(mfns[i], PTE_RO));
    }
    refused("reserved bits", va, kit_pte(va) | 0x0008000000000000ull);
}

static void m2p(void)
{
    static xen_pfn_t list[64];
    struct xen_machphys_mfn_list l = {.max_extents = ARRAY_SIZE(list)};
    uint64_t *va = kit_page();

    l.extent_start.p = list;
    CHECK(!kit_write((void *)HYPERVISOR_VIRT_START, 0));
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_machphys_mfn_list, &l), 0);
    CHECK(l.nr_extents > 0);
    for (unsigned i = 0; i < l.nr_extents; i++) {
        if (list[i] == 0)
            continue;
        refused("M2P writable", va, mk_pte(list[i], PTE_RW));
        CHECK(kit_map_foreign(va, list[i], PTE_RW, DOMID_XEN) < 0);
        CHECK_EQ(kit_map_foreign(va, list[i], PTE_RO, DOMID_XEN), 0); /* tools do that */
        CHECK(!kit_write(va, 0));
    }
}

static void higher_tables(void)
{
    uint64_t *va = kit_page(), *t = kit_page();
    uint64_t l2 = (kit_table_mfn(2, va) << 12) + 500 * 8,
             l3 = (kit_table_mfn(3, va) << 12) + 500 * 8;
    uint64_t l4 = (l4_mfn() << 12) + 280 * 8;

    CHECK(kit_mmu_update(l2, mk_pte(kit_mfn(t), PTE_RW)) < 0); /* mapped writable */
    CHECK_EQ(kit_protect(t, false), 0);
    CHECK(kit_mmu_update(l2, mk_pte(kit_mfn(t), PTE_RW | PTE_PS)) < 0);
    CHECK(kit_mmu_update(l2, mk_pte(0, PTE_RW | PTE_PS)) < 0);
    CHECK(kit_mmu_update(l3, mk_pte(0, PTE_RW | PTE_PS)) < 0);
    CHECK(kit_mmu_update(l4, mk_pte(0, PTE_RW | PTE_PS)) < 0);
    CHECK(kit_mmu_update(l2, mk_pte(kit_table_mfn(2, va), PTE_RW)) < 0); /* itself */
    CHECK(kit_mmu_update(l2, mk_pte(kit_table_mfn(3, va), PTE_RW)) < 0);
    CHECK(kit_mmu_update(l2, mk_pte(l4_mfn(), PTE_RW)) < 0);
    CHECK(kit_mmu_update(l3, mk_pte(kit_table_mfn(1, va), PTE_RW)) < 0);
    CHECK(kit_mmu_update(l4, mk_pte(kit_table_mfn(2, va), PTE_RW)) < 0);
    CHECK(kit_mmu_update(l4, mk_pte(0xffffffffffull, PTE_RW)) < 0);
    CHECK(kit_mmu_update(l4, mk_pte(l4_mfn(), PTE_RW)) < 0);
    if (on_lodge) { /* Xen can be told to allow it, and Debian's is */
        CHECK(kit_mmu_update(l4, mk_pte(l4_mfn(), PTE_RO)) < 0);
        CHECK(kit_mmu_update(l2, mk_pte(kit_table_mfn(2, va), PTE_RO)) < 0);
    }
    for (unsigned slot = 256; slot < 272; slot++) {
        uint64_t at = (l4_mfn() << 12) + slot * 8;

        CHECK(kit_mmu_update(at, mk_pte(kit_table_mfn(3, va), PTE_RW)) < 0);
        CHECK(kit_mmu_update(at, 0) < 0);
    }
    CHECK(kit_read((void *)HYPERVISOR_VIRT_START, NULL));
    CHECK_EQ(kit_mmu_update(l2, mk_pte(kit_mfn(t), PTE_RW)), 0); /* a good one still works */
    CHECK_EQ(kit_mmu_update(l2, 0), 0);
}

static void pinning(void)
{
    uint64_t *page = kit_page(), *bad = kit_page(), *up = kit_page();

    for (unsigned cmd = MMUEXT_PIN_L1_TABLE; cmd <= MMUEXT_PIN_L4_TABLE; cmd++) {
        CHECK(kit_mmuext(cmd, kit_mfn(page), 0) < 0); /* writable */
        CHECK(kit_mmuext(cmd, ~0ul, 0) < 0);
        CHECK(kit_mmuext(cmd, 1ul << 40, 0) < 0);
        CHECK(kit_mmuext(cmd, start_info->shared_info >> 12, 0) < 0);
    }
    CHECK(kit_mmuext(MMUEXT_UNPIN_TABLE, ~0ul, 0) < 0);
    CHECK(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(page), 0) < 0);
    /* Contents that no table may have, at its end, so that much has to be undone. */
    for (unsigned i = 0; i < 511; i++)
        bad[i] = mk_pte(kit_mfn(page), PTE_RW);
    bad[511] = mk_pte(kit_table_mfn(1, page), PTE_RW);
    up[0] = mk_pte(kit_mfn(bad), PTE_RW);
    CHECK_EQ(kit_protect(bad, false), 0);
    CHECK_EQ(kit_protect(up, false), 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(bad), 0) < 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(up), 0) < 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(bad), 0) < 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(bad), 0) < 0);
    CHECK(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(bad), 0) < 0);
    CHECK_EQ(kit_protect(bad, true), 0); /* nothing of it stays */
    bad[511] = 0;
    CHECK_EQ(kit_protect(bad, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(up), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(up), 0), 0);
    /* page's mappings are gone with the table: it can become one itself. */
    CHECK_EQ(kit_protect(page, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(page), 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, kit_mfn(page), 0), 0);
    CHECK_EQ(kit_protect(page, true), 0);
}

static void descriptor_tables(void)
{
    uint64_t *gdt = kit_page(), *va = kit_page(), frame = kit_mfn(gdt);

    CHECK(hc2(__HYPERVISOR_set_gdt, &frame, 512) < 0); /* mapped writable */
    CHECK_EQ(kit_protect(gdt, false), 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, &frame, 512), 0);
    refused("GDT writable", gdt, mk_pte(frame, PTE_RW));
    refused("GDT writable elsewhere", va, mk_pte(frame, PTE_RW));
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, frame, 0) < 0);
    CHECK(!kit_write(gdt, 0));
    CHECK(kit_mmu_update((frame << 12) + 8, 0x00cf92000000ffffull) < 0);
    frame = kit_table_mfn(1, va);
    CHECK(hc2(__HYPERVISOR_set_gdt, &frame, 512) < 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, &frame, 0), 0);
    CHECK_EQ(kit_protect(gdt, true), 0);
}

/* Where a hypercall answers it must not write what the guest could not: its tables are read-only.
 */
static void answers(void)
{
    uint64_t *va = kit_page(), *gdt = kit_page(), frame = kit_mfn(gdt);
    struct vcpu_register_runstate_memory_area area;
    static uint64_t before[512];

    CHECK_EQ(kit_protect(gdt, false), 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, &frame, 512), 0);
    for (unsigned l = 0; l <= 4; l++) {
        uint64_t *table = l == 0 ? gdt : kit_table(l, va);

        memcpy(before, table, PAGE_SIZE);
        for (unsigned cmd = XENVER_extraversion; cmd <= XENVER_guest_handle; cmd++)
            if (cmd != XENVER_pagesize && cmd != XENVER_changeset)
                CHECK(hc2(__HYPERVISOR_xen_version, cmd, table + 400) < 0);
        CHECK(hc2(__HYPERVISOR_memory_op, XENMEM_machphys_mapping, table + 400) < 0);
        CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, table + 400), -XEN_EFAULT);
        area.addr.p = (uint64_t)(table + 400);
        hc3(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, &area);
        kit_sleep(1000000);
        area.addr.p = 0;
        hc3(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, &area);
        CHECK(memcmp(before, table, PAGE_SIZE) == 0);
    }
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, &frame, 0), 0);
    CHECK_EQ(kit_protect(gdt, true), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_SET_LDT, (uint64_t)kit_table(1, va), 512), 0);
    CHECK(KIT_TRY("mov %%eax, %%es", : : "a"(7) : KIT_CLOBBER) >= 13); /* a table is no LDT */
    CHECK_EQ(kit_mmuext(MMUEXT_SET_LDT, 0, 0), 0);
}

struct e820 {
    uint64_t start, length;
    uint32_t type;
} __attribute__((packed));

/* The control domain may map devices, but of memory only what is its own. */
static void every_frame(void)
{
    static struct e820 map[128];
    static uint8_t own[0x100000 / 8];
    struct xen_memory_map m = {.nr_entries = ARRAY_SIZE(map)};
    uint64_t *p2m = (uint64_t *)start_info->mfn_list, *va = kit_page(), home = kit_pte(va);
    static const domid_t as[] = {DOMID_SELF, DOMID_IO, DOMID_XEN};
    unsigned wrong = 0, tried = 0;

    refused("the local APIC", va, mk_pte(0xfee00, PTE_RW));
    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++)
        if (p2m[pfn] < sizeof(own) * 8)
            own[p2m[pfn] / 8] |= (uint8_t)(1u << (p2m[pfn] & 7));
    m.buffer.p = map;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &m), 0);
    for (unsigned i = 0; i < m.nr_entries; i++) {
        uint64_t end = (map[i].start + map[i].length) >> 12;

        for (uint64_t mfn = (map[i].start + 4095) >> 12; mfn < end; mfn += 1 + mfn % 13) {
            if (map[i].type != 1 || mfn < 0x100 || mfn >= sizeof(own) * 8 ||
                ((own[mfn / 8] >> (mfn & 7)) & 1) || mfn == start_info->shared_info >> 12)
                continue;
            for (unsigned n = 0; n < ARRAY_SIZE(as); n++) {
                tried++;
                if (kit_map_foreign(va, mfn, PTE_RW, as[n]) != 0)
                    continue;
                if (wrong++ < 4)
                    printk("memory frame %lx can be mapped as domain %x\n", mfn, as[n]);
                kit_set_pte(va, home);
            }
        }
    }
    CHECK_EQ(kit_set_pte(va, home), 0);
    CHECK_EQ(wrong, 0);
    printk("%u attempts on memory of others\n", tried);
    CHECK(tried > 1000);
}

/* Give frames away while they are mapped or in use as tables. */
static void freed_frames(void)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    uint64_t *page = kit_page(), *table = kit_page(), *va = kit_page();
    uint64_t slot = (kit_table_mfn(2, page) << 12) + 501 * 8;
    uint64_t mfn = kit_mfn(page), table_mfn = kit_mfn(table), pfn = (uint64_t)page >> 12, val;

    r.extent_start.p = (xen_pfn_t *)&mfn;
    table[0] = mk_pte(kit_mfn(va), PTE_RW);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), 1);
    CHECK(kit_write(page, 7) && kit_read(page, &val) && val == 7); /* still there, and ours */
    CHECK_EQ(kit_set_pte(page, 0), 0);
    refused("a frame given away", va, mk_pte(mfn, PTE_RW));
    CHECK(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r) <= 0);
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(kit_mmu_update(slot, mk_pte(table_mfn, PTE_RW)), 0);
    r.extent_start.p = (xen_pfn_t *)&table_mfn;
    hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r); /* done or refused, but safe */
    uint64_t *through = (uint64_t *)(501ul << 21);

    CHECK(kit_write(through, 0x5afe));
    CHECK(kit_read(va, &val) && val == 0x5afe);
    CHECK_EQ(kit_mmu_update(slot, 0), 0);
    kit_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    kit_set_pte(table, 0);
    /* Two frames back, as the memory of the pages that lost theirs. */
    for (unsigned i = 0; i < 2; i++) {
        uint64_t got = i == 0 ? pfn : (uint64_t)table >> 12;
        uint64_t *at = (uint64_t *)(got << 12);

        r.extent_start.p = (xen_pfn_t *)&got;
        CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r), 1);
        CHECK_EQ(kit_set_pte(at, mk_pte(got, PTE_RW)), 0);
        CHECK(kit_read(at, &val));
        CHECK(!on_lodge || (val != 7 && val != mk_pte(kit_mfn(va), PTE_RW))); /* scrubbed */
    }
}

/* One vcpu makes the page a page table and back, the other maps it writable whenever it can. */
static uint64_t *contested;
static volatile uint64_t contested_mfn;
static volatile int is_table, stop, pins;

static void pinner(void *unused)
{
    (void)unused;
    while (!stop) {
        if (kit_mmuext(MMUEXT_PIN_L1_TABLE, contested_mfn, 0) != 0)
            continue;
        __atomic_store_n(&is_table, 1, __ATOMIC_SEQ_CST);
        pins++;
        __atomic_store_n(&is_table, 0, __ATOMIC_SEQ_CST);
        kit_mmuext(MMUEXT_UNPIN_TABLE, contested_mfn, 0);
    }
    __atomic_store_n(&stop, 2, __ATOMIC_SEQ_CST);
}

static void race(void)
{
    unsigned both = 0, maps = 0, stuck = 0;
    int rc;

    contested = kit_page();
    contested_mfn = kit_mfn(contested);
    CHECK_EQ(kit_protect(contested, false), 0);
    rc = kit_vcpu_start(1, pinner, NULL);
    if (rc != 0) {
        printk("one vcpu only (%d): no race to run\n", rc);
        return;
    }
    uint64_t end = kit_now() + 700000000;

    while (kit_now() < end || ((maps == 0 || pins == 0) && kit_now() < end + KIT_PATIENCE)) {
        if (kit_protect(contested, true) != 0)
            continue;
        maps++;
        for (unsigned i = 0; i < 20; i++)
            both += (unsigned)is_table;
        if (!kit_write(contested, 0))
            stuck++;
        kit_protect(contested, false);
    }
    stop = 1;
    while (stop != 2)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    printk("race: %u writable mappings, %d pins\n", maps, pins);
    CHECK(maps > 0 && pins > 0);
    CHECK_EQ(both, 0);
    CHECK_EQ(stuck, 0);
}

/* In a child without privilege; arg is a frame of the parent's. */
static void unprivileged(uint64_t theirs)
{
    static uint8_t own[0x200000 / 8];
    uint64_t max = (uint64_t)hc2(__HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0),
             *va = kit_page();
    uint64_t home = kit_pte(va);
    struct mmu_update u = {kit_pte_maddr(va), mk_pte(theirs, PTE_RO)};
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = theirs};
    unsigned wrong = 0, right = 0;

    refused("the parent's frame", va, mk_pte(theirs, PTE_RW));
    refused("the parent's frame, read-only", va, mk_pte(theirs, PTE_RO));
    CHECK_EQ(kit_map_foreign(va, theirs, PTE_RO, 0), -XEN_EPERM);
    CHECK(kit_map_foreign(va, theirs, PTE_RO, DOMID_XEN) < 0);
    CHECK(kit_map_foreign(va, 0xb8000 >> 12, PTE_RW, DOMID_IO) < 0);
    CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &u, 1, 0, 0), -XEN_EPERM);
    CHECK_EQ(hc4(__HYPERVISOR_mmu_update, &u, 1, 0, 1u << 16), -XEN_EPERM);
    CHECK_EQ(hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, 0), -XEN_EPERM);
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, theirs, 0) < 0);
    CHECK(kit_mmuext(MMUEXT_NEW_BASEPTR, theirs, 0) < 0);
    CHECK(kit_mmuext(MMUEXT_CLEAR_PAGE, theirs, 0) < 0);
    CHECK(kit_mmuext(MMUEXT_COPY_PAGE, kit_mfn(va), theirs) < 0);
    CHECK(kit_mmuext(MMUEXT_FLUSH_CACHE, 0, 0) < 0);
    CHECK(kit_mmu_update((theirs << 12) | MMU_MACHPHYS_UPDATE, 0) < 0);
    refused("the local APIC", va, mk_pte(0xfee00, PTE_RW));
    refused("an IO-APIC", va, mk_pte(0xfec00, PTE_RW));
    refused("the screen", va, mk_pte(0xb8, PTE_RW));
    /* Every frame there is: only our own can be mapped. */
    for (uint64_t pfn = KIT_CHILD_PFN; pfn < KIT_CHILD_PFN + start_info->nr_pages; pfn++) {
        uint64_t mfn = kit_mfn((void *)(pfn << 12));

        if (mfn < sizeof(own) * 8)
            own[mfn / 8] |= (uint8_t)(1u << (mfn & 7));
    }
    for (uint64_t mfn = 0; mfn <= max && mfn < sizeof(own) * 8; mfn += 1 + (mfn % 7)) {
        bool ours = (own[mfn / 8] >> (mfn & 7)) & 1;

        if (mfn == start_info->shared_info >> 12)
            continue;
        if (kit_set_pte(va, mk_pte(mfn, PTE_RO)) != 0)
            continue;
        right += ours;
        if (!ours && ((uint64_t *)HYPERVISOR_VIRT_START)[mfn] == (uint64_t)shared >> 12)
            continue; /* ours, below the shared page that is mapped in its place */
        wrong += !ours;
        if (!ours && wrong < 4)
            printk("frame %lx is not ours and could be mapped\n", mfn);
    }
    CHECK_EQ(kit_set_pte(va, home), 0);
    CHECK(wrong == 0 || (wrong < 9 && !on_lodge)); /* Xen has made its grant table already */
    CHECK(right > 100);
    own_tables();
    bad_frames();
    higher_tables();
    pinning();
    answers();
}

/* In a child without privilege: asks for the parent's frame as all that it may be, without end. */
static void meddler(uint64_t theirs)
{
    uint64_t *va = kit_page();

    for (;;) {
        kit_mmuext(MMUEXT_CLEAR_PAGE, theirs, 0);
        kit_mmu_update(theirs << 12, 0);
        kit_mmu_update(kit_pte_maddr(va), mk_pte(theirs, PTE_RW));
    }
}

/* A frame that is writable and a table by turns: no stranger's attempt keeps it from either. */
static void meddled_with(void)
{
    uint64_t *page = kit_page(), mfn = kit_mfn(page), end;
    unsigned turns = 0, no_pin = 0, no_map = 0;
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, meddler, mfn, 64, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    end = kit_now() + 3000000000;
    while (kit_now() < end) {
        turns++;
        kit_protect(page, false);
        if (kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0) != 0)
            no_pin++;
        else
            kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
        no_map += kit_protect(page, true) != 0;
    }
    printk("%u turns beside a meddler: %u pins and %u mappings refused\n", turns, no_pin, no_map);
    CHECK_EQ(no_pin + no_map, 0);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    own_tables();
    bad_frames();
    m2p();
    higher_tables();
    pinning();
    descriptor_tables();
    answers();
    every_frame();
    freed_frames();
    race();
    kit_child_case("unprivileged", unprivileged, kit_mfn(kit_page()), SHUTDOWN_poweroff);
    meddled_with();
}
