/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often one domain can interrupt the processors of others to have their translations flushed.
 * A child computes on a processor of its own, and never loads CR3; beside it this domain does what
 * makes frames change their type or their owner, over and over. The hypervisor counts the
 * interrupts that it sends, and its debug key says how many.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/sysctl.h>

#define OUR_PFN   0x100000u
#define DATA3     0x00cff3000000ffffull /* flat, DPL 3 */
#define GDT_PAGES 14u
#define LDT_PAGES 16u

/* ---- the count ---- */

static uint64_t number_behind(const char *text, unsigned n, const char *what)
{
    unsigned length = 0;
    uint64_t value = 0;

    while (what[length] != 0)
        length++;
    for (unsigned i = 0; i + length < n; i++) {
        if (memcmp(text + i, what, length) != 0)
            continue;
        for (i += length; i < n && text[i] >= '0' && text[i] <= '9'; i++)
            value = value * 10 + (uint64_t)(text[i] - '0');
        return value;
    }
    kit_check(false, __FILE__, __LINE__, "the log does not say \"%s\"", what);
    return 0;
}

/* By the debug key that shows it. */
static uint64_t count(const char *what)
{
    static char text[16384];
    static const char key = 'm';
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_readconsole,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    op.u.readconsole.clear = 1;
    op.u.readconsole.buffer.p = text;
    op.u.readconsole.count = sizeof(text);
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0); /* what is there is old */
    memset(&op.u, 0, sizeof(op.u));
    op.cmd = XEN_SYSCTL_debug_keys;
    op.u.debug_keys.keys.p = &key;
    op.u.debug_keys.nr_keys = 1;
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    memset(&op.u, 0, sizeof(op.u));
    op.cmd = XEN_SYSCTL_readconsole;
    op.u.readconsole.clear = 1;
    op.u.readconsole.buffer.p = text;
    op.u.readconsole.count = sizeof(text);
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    return number_behind(text, op.u.readconsole.count, what);
}

static uint64_t flushes(void)
{
    return count("flush interrupts sent: ");
}

/* fn, so many times: at most `allowed` interrupts. */
static void measure(const char *what, void (*fn)(void), unsigned times, unsigned allowed)
{
    uint64_t before = flushes(), start = kit_now(), n, ns;

    for (unsigned i = 0; i < times; i++)
        fn();
    ns = kit_now() - start;
    n = flushes() - before;
    printk("%s: %lu flush interrupts in %u rounds, %lu a second\n", what, n, times,
           n * 1000000000 / (ns + 1));
    kit_check(n <= allowed, __FILE__, __LINE__, "%s: %lu flush interrupts, allowed %u", what, n,
              allowed);
}

/* ---- descriptor tables ---- */

static uint64_t gdt_frames[GDT_PAGES];
static uint64_t *tables; /* LDT_PAGES in a row, read-only */

static void load_es(unsigned sel)
{
    CHECK_EQ(KIT_TRY("mov %%eax, %%es", : : "a"(sel) : KIT_CLOBBER), -1);
}

static void set_gdt(void)
{
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, gdt_frames, FIRST_RESERVED_GDT_ENTRY), 0);
    load_es(1 * 8 + 3);
    load_es(0);
}

static void use_ldt(void)
{
    CHECK_EQ(kit_mmuext(MMUEXT_SET_LDT, (uint64_t)tables, LDT_PAGES * 512), 0);
    for (unsigned i = 0; i < LDT_PAGES; i++)
        load_es((i * 512 + 1) * 8 + 7);
    load_es(0);
    CHECK_EQ(kit_mmuext(MMUEXT_SET_LDT, 0, 0), 0);
}

static void descriptor_tables(void)
{
    for (unsigned i = 0; i < LDT_PAGES; i++) {
        uint64_t *t = kit_page();

        if (i == 0)
            tables = t;
        CHECK_EQ((uint64_t)t, (uint64_t)tables + i * PAGE_SIZE);
        t[1] = DATA3;
        CHECK_EQ(kit_protect(t, false), 0);
        if (i < GDT_PAGES)
            gdt_frames[i] = kit_mfn(t);
    }
    set_gdt(); /* the pages get their type */
    use_ldt();
    measure("set_gdt", set_gdt, 20, 1);
    measure("LDT", use_ldt, 20, 1);
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, gdt_frames, 0), 0);
}

/* ---- frames that come and go ---- */

static void come_and_go(unsigned order)
{
    xen_pfn_t frame = OUR_PFN;

    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, &frame, 1, order, DOMID_SELF), 1);
    CHECK_EQ(kit_reservation(XENMEM_decrease_reservation, &frame, 1, order, DOMID_SELF), 1);
}

static void one_page(void)
{
    come_and_go(0);
}

static void two_megabytes(void)
{
    come_and_go(9);
}

static void exchange_one(void)
{
    static xen_pfn_t frame;
    xen_pfn_t in, out = OUR_PFN;
    struct xen_memory_exchange x = {.in = {.nr_extents = 1, .domid = DOMID_SELF},
                                    .out = {.nr_extents = 1, .domid = DOMID_SELF}};

    if (frame == 0) {
        frame = OUR_PFN;
        CHECK_EQ(kit_reservation(XENMEM_populate_physmap, &frame, 1, 0, DOMID_SELF), 1);
    }
    in = frame;
    x.in.extent_start.p = &in;
    x.out.extent_start.p = &out;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &x), 0);
    frame = out;
}

/* ---- a page that another domain could have had, as far as the hypervisor knows ---- */

static struct grant_entry_v1 *grants;
static void *granted, *window;

static void grant_then_table(void)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = (uint64_t)window, .flags = GNTMAP_host_map, .ref = 9};
    struct gnttab_unmap_grant_ref u = {.host_addr = (uint64_t)window};
    uint64_t mfn = grants[9].frame;

    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, &m, 1), 0);
    CHECK_EQ(m.status, GNTST_okay);
    u.handle = m.handle;
    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, &u, 1), 0);
    CHECK_EQ(u.status, GNTST_okay);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
}

static void prepare_grant(void)
{
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 1};
    static xen_pfn_t frame;

    grants = kit_page();
    granted = kit_page();
    window = kit_page();
    s.frame_list.p = &frame;
    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(kit_set_pte(grants, mk_pte(frame, PTE_RW)), 0);
    grants[9].frame = (uint32_t)kit_mfn(granted);
    grants[9].flags = GTF_permit_access;
    CHECK_EQ(kit_set_pte(granted, 0), 0);
    CHECK_EQ(kit_set_pte(window, 0), 0);
}

/* ---- caches ---- */

#define PTE_PCD 0x10ull

/* How often caches are written back when a page that was mapped with those bits becomes a table. */
static uint64_t written_back(void *va, uint64_t bits)
{
    uint64_t mfn = kit_mfn(va), before = count("caches written back: ");

    CHECK_EQ(kit_set_pte(va, mk_pte(mfn, PTE_RW | bits)), 0);
    CHECK_EQ(kit_set_pte(va, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_set_pte(va, mk_pte(mfn, PTE_RO)), 0);
    return count("caches written back: ") - before;
}

/* What is checked must be what the processor finds in memory, whatever was written past caches. */
static void caches(void)
{
    void *va = kit_page();

    CHECK_EQ(written_back(va, 0), 0);
    CHECK_EQ(written_back(va, PTE_PCD), 1);
    CHECK_EQ(written_back(va, 0), 0);
}

/* ---- the other ---- */

static void computes(uint64_t arg)
{
    (void)arg;
    for (volatile uint64_t n = 0;; n++)
        ;
}

static void many_vcpus(void)
{
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, computes, 0, 0, 64), 0);
    CHECK_EQ(kit_child_destroy(&c), 0);
    kit_sleep(20000000); /* what is left of it is freed by whoever has nothing else to do */
}

static void pin_to(domid_t domid, unsigned cpu)
{
    uint8_t map = (uint8_t)(1u << cpu);
    struct xen_domctl_vcpuaffinity a = {.flags = XEN_VCPUAFFINITY_HARD};

    a.cpumap_hard.bitmap.p = &map;
    a.cpumap_hard.nr_bits = 8;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_setvcpuaffinity, domid, &a, sizeof(a)), 0);
}

void test_main(void)
{
    struct xen_domctl_max_mem mem = {.max_memkb = UINT32_MAX};
    struct kit_child other;

    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, 0, &mem, sizeof(mem)), 0);
    pin_to(0, 0);
    CHECK_EQ(kit_child_create(&other, computes, 0, 0, 1), 0);
    pin_to(other.domid, 1);
    CHECK_EQ(kit_child_start(&other), 0);
    kit_sleep(100000000);
    caches();
    descriptor_tables();
    measure("one page", one_page, 1000, 20);
    measure("2 MiB", two_megabytes, 20, 20);
    measure("exchange", exchange_one, 1000, 20);
    prepare_grant();
    measure("grant, then table", grant_then_table, 100, 2);
    measure("64 vcpus", many_vcpus, 4, 20); /* more than are freed before one flush */
    CHECK_EQ(kit_child_destroy(&other), 0);
}
