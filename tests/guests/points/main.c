/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Long work, in lists so short that none of them need be preempted for its own sake, and in
 * multicalls that are as short: what a guest does that wants to keep the processor. Here it is
 * looked at that all of it is done, and rightly. How long it takes from one preemption point to the
 * next is measured by the debug build, on which this is booted as well (tests/harness/guests.py).
 *
 * "beside", with two processors: a child does nothing else, and we get and give back memory. For
 * that the other processor has to flush its TLB, and we wait until it takes the interrupt.
 */
#include <kit/kit.h>

#define CALLS   31
#define TABLES  32
#define LIST    15
#define SPARE   0x8000u /* pseudo-physical frames that nobody uses */
#define EXTENTS 30u

static struct multicall_entry calls[CALLS];

static void set_call(unsigned i, uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    calls[i] = (struct multicall_entry){.op = op, .args = {a, b, c, d}, .result = 0x7777};
}

/* Each of the calls has the result that its second word wants: 0, or a number of extents. */
static void run(const char *what, const int64_t *results)
{
    uint64_t start = kit_now();

    CHECK_EQ(hc2(__HYPERVISOR_multicall, calls, CALLS), 0);
    for (unsigned i = 0; i < CALLS; i++) {
        int64_t want = results != NULL ? results[i % 2] : 0;

        kit_check((int64_t)calls[i].result == want, __FILE__, __LINE__, "%s, call %u: %ld", what, i,
                  (int64_t)calls[i].result);
    }
    printk("%s: %lu ns\n", what, kit_now() - start);
}

/* ---- page tables ---- */

static uint64_t *l1[TABLES], *l2;

static void build_tables(void)
{
    uint64_t *page = kit_page();

    for (unsigned i = 0; i < TABLES; i++) {
        l1[i] = kit_page();
        for (unsigned n = 0; n < 512; n++)
            l1[i][n] = mk_pte(kit_mfn(page), PTE_RW);
        kit_protect(l1[i], false);
    }
    l2 = kit_page();
    kit_protect(l2, false);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, kit_mfn(l2), 0), 0);
}

/* Entries of an L2 come and go, and with each a full L1 becomes a table and is none again. */
static void upper_calls(void)
{
    static struct mmu_update updates[2][TABLES];

    for (unsigned i = 0; i < TABLES; i++) {
        updates[0][i].ptr = updates[1][i].ptr = (kit_mfn(l2) << 12) + i * 8;
        updates[0][i].val = mk_pte(kit_mfn(l1[i]), PTE_RW);
    }
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_mmu_update, (uint64_t)updates[i % 2], TABLES, 0, DOMID_SELF);
}

static void upper_entries(void)
{
    upper_calls();
    run("upper entries", NULL);
    CHECK_EQ(l2[0] & PTE_ADDR, kit_mfn(l1[0]) << 12);
    CHECK_EQ(l2[TABLES - 1] & PTE_ADDR, kit_mfn(l1[TABLES - 1]) << 12);
    for (unsigned i = 0; i < TABLES; i++)
        CHECK_EQ(kit_mmu_update((kit_mfn(l2) << 12) + i * 8, 0), 0);
}

static void pins(void)
{
    static struct mmuext_op ops[14];

    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        ops[i].cmd = i % 2 ? MMUEXT_UNPIN_TABLE : MMUEXT_PIN_L1_TABLE;
        ops[i].arg1.mfn = kit_mfn(l1[i / 2]);
    }
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_mmuext_op, (uint64_t)ops, ARRAY_SIZE(ops), 0, DOMID_SELF);
    run("pins", NULL);
}

static void gdt(void)
{
    static uint64_t frames[2][14];

    for (unsigned i = 0; i < 28; i++) {
        uint64_t *page = kit_page();

        frames[i / 14][i % 14] = kit_mfn(page);
        kit_protect(page, false);
    }
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_set_gdt, (uint64_t)frames[i % 2], 14 * 512, 0, 0);
    run("descriptor tables", NULL);
    CHECK_EQ(hc2(__HYPERVISOR_set_gdt, frames[0], 0), 0);
}

/* ---- memory ---- */

static void fill_pages(void)
{
    static struct mmuext_op ops[LIST];
    uint64_t *from = kit_page(), *to = kit_page();

    from[511] = 0x1234;
    for (unsigned i = 0; i < LIST; i++) {
        ops[i].cmd = i % 2 ? MMUEXT_CLEAR_PAGE : MMUEXT_COPY_PAGE;
        ops[i].arg1.mfn = kit_mfn(to);
        ops[i].arg2.src_mfn = kit_mfn(from);
    }
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_mmuext_op, (uint64_t)ops, LIST, 0, DOMID_SELF);
    run("pages cleared and copied", NULL);
    CHECK_EQ(to[511], 0x1234);
}

static void grant_copies(void)
{
    static struct gnttab_copy copies[LIST];
    uint64_t *from = kit_page(), *to = kit_page();

    from[511] = 0x4321;
    for (unsigned i = 0; i < LIST; i++) {
        copies[i].len = 4096;
        copies[i].source.u.gmfn = kit_mfn(from);
        copies[i].dest.u.gmfn = kit_mfn(to);
        copies[i].source.domid = copies[i].dest.domid = DOMID_SELF;
    }
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_grant_table_op, GNTTABOP_copy, (uint64_t)copies, LIST, 0);
    run("grant copies", NULL);
    CHECK_EQ(to[511], 0x4321);
    CHECK_EQ(copies[LIST - 1].status, 0);
}

static xen_pfn_t list[EXTENTS * 512];

static struct xen_memory_reservation reservation(uint64_t n, unsigned order)
{
    struct xen_memory_reservation r = {.nr_extents = n, .extent_order = order, .domid = DOMID_SELF};

    r.extent_start.p = list;
    return r;
}

/* The list of each is what the other has left in it: numbers that the table takes as they are. */
static void extents(uint64_t n, unsigned order, const char *what)
{
    struct xen_memory_reservation r = reservation(n, order);
    int64_t done[2] = {(int64_t)n, (int64_t)n};

    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_memory_op,
                 i % 2 ? XENMEM_decrease_reservation : XENMEM_populate_physmap, (uint64_t)&r, 0, 0);
    run(what, done);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), n);
}

/* Order 9 for 512 times order 0, and back: all of a chunk is put out of reach, made and told. */
static void exchanges(void)
{
    static xen_pfn_t large[1];
    struct xen_memory_reservation all = reservation(512, 0);
    struct xen_memory_exchange x[2] = {{.in = all, .out = all}, {.in = all, .out = all}};

    large[0] = SPARE;
    x[0].out.nr_extents = x[1].in.nr_extents = 1;
    x[0].out.extent_order = x[1].in.extent_order = 9;
    x[0].out.extent_start.p = x[1].in.extent_start.p = large;
    for (unsigned round = 0; round < 4; round++) {
        x[0].nr_exchanged = x[1].nr_exchanged = 0;
        CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &x[0]), 0);
        CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &x[1]), 0);
    }
}

static void memory(void)
{
    struct xen_memory_reservation r = reservation(EXTENTS * 512, 0);

    for (unsigned i = 0; i < EXTENTS * 512; i++)
        list[i] = ((uint64_t *)start_info->mfn_list)[SPARE + i];
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), EXTENTS * 512);
    extents(1, 9, "single large extents");
    extents(EXTENTS, 9, "large extents");
    extents(LIST, 0, "frames");
    r = reservation(512, 0);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r), 512);
    exchanges();
}

/* ---- tables of core's ---- */

static void grant_versions(void)
{
    struct gnttab_set_version version[2] = {{.version = 2}, {.version = 1}};
    static xen_pfn_t frames[64];
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = ARRAY_SIZE(frames)};

    setup.frame_list.p = frames;
    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &setup, 1), 0);
    CHECK_EQ(setup.status, 0);
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_grant_table_op, GNTTABOP_set_version, (uint64_t)&version[i % 2], 1,
                 0);
    run("versions of the grant table", NULL);
}

/* Entries that wait for nothing, as it is too late to, and look at as many ports as can be. */
static void polls(void)
{
    static evtchn_port_t ports[128];
    struct sched_poll poll = {.nr_ports = ARRAY_SIZE(ports), .timeout = 1};
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};

    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        ports[i] = a.port;
    poll.ports.p = ports;
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_sched_op, SCHEDOP_poll, (uint64_t)&poll, 0, 0);
    run("polls", NULL);
}

/* Searches for a free port among closed ones of which the guest says that they are in queues. */
static void linked_ports(void)
{
    struct evtchn_init_control c = {.control_gfn = kit_mfn(kit_page())};
    uint32_t *words = kit_page();
    struct evtchn_expand_array e = {.array_gfn = kit_mfn(words)};
    static struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    static const int64_t full[2] = {-XEN_ENOSPC, -XEN_ENOSPC};

    CHECK_EQ(kit_evtchn(EVTCHNOP_init_control, &c), 0);
    CHECK_EQ(kit_evtchn(EVTCHNOP_expand_array, &e), 0);
    for (unsigned port = 0; port < PAGE_SIZE / sizeof(*words); port++)
        words[port] = 1u << EVTCHN_FIFO_LINKED;
    for (unsigned i = 0; i < CALLS; i++)
        set_call(i, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, (uint64_t)&a, 0, 0);
    run("closed ports passed over", full);
}

/* The last ones: the kit's own ports are closed as well. */
static void ports(void)
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    unsigned n = 0;

    for (; n < 1500; n++) {
        struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};

        if (kit_evtchn(EVTCHNOP_alloc_unbound, &a) != 0)
            break;
    }
    CHECK(n > 900);
    CHECK_EQ(kit_evtchn(EVTCHNOP_reset, &reset), 0);
}

/* All there can be, and only the first of them, or none, is free; then the domain begins anew. */
static void all_ports(void)
{
    static struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    static struct evtchn_close first = {.port = 1};
    struct evtchn_init_control control = {.control_gfn = kit_mfn(kit_page())};
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    static const int64_t full[2] = {-XEN_ENOSPC, -XEN_ENOSPC};
    unsigned n = 0;
    int rc;

    CHECK_EQ(kit_evtchn(EVTCHNOP_reset, &reset), 0); /* gives up the words that say so much */
    CHECK_EQ(kit_evtchn(EVTCHNOP_init_control, &control), 0);
    while ((rc = kit_evtchn(EVTCHNOP_alloc_unbound, &a)) == 0)
        n++;
    CHECK_EQ(rc, -XEN_ENOSPC);
    printk("%u ports\n", n);
    CHECK(!on_lodge || n > 130000);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(kit_evtchn(EVTCHNOP_close, &first), 0);
        CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
        CHECK_EQ(a.port, 1);
        for (unsigned call = 0; call < CALLS; call++)
            set_call(call, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, (uint64_t)&a, 0,
                     0);
        run("no port is free", full);
    }
    CHECK_EQ(kit_evtchn(EVTCHNOP_reset, &reset), 0);
    CHECK_EQ(kit_evtchn(EVTCHNOP_init_control, &control), 0);
    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK_EQ(a.port, 1);
}

/* ---- beside a domain that does all this without end ---- */

#define SECONDS  2
#define AT_LEAST 50 /* part of what we get done alone */

static void busy(uint64_t unused)
{
    (void)unused;
    build_tables();
    upper_calls();
    for (;;)
        hc2(__HYPERVISOR_multicall, calls, CALLS);
}

static void idle(uint64_t unused)
{
    (void)unused;
    for (;;)
        ;
}

/* How often memory can be given back and got again, while a child runs fn on the other processor.
 */
static uint64_t rounds_beside(void (*fn)(uint64_t))
{
    struct kit_child c;
    struct xen_memory_reservation r = reservation(1, 0);
    uint64_t n = 0;

    CHECK_EQ(kit_child_create(&c, fn, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    kit_sleep(200000000);
    for (uint64_t end = kit_now() + SECONDS * 1000000000ull; kit_now() < end; n++) {
        CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), 1);
        CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r), 1);
    }
    CHECK_EQ(kit_child_destroy(&c), 0);
    return n;
}

static void beside(void)
{
    uint64_t alone, attacked;

    list[0] = ((uint64_t *)start_info->mfn_list)[SPARE];
    alone = rounds_beside(idle);
    attacked = rounds_beside(busy);
    printk("BENCH rounds_beside_a_loop %lu\nBENCH rounds_beside_long_work %lu\n", alone, attacked);
    CHECK(attacked > alone / AT_LEAST);
}

void test_main(void)
{
    if (start_info->cmd_line[0] == 'b') {
        beside();
        return;
    }
    build_tables();
    upper_entries();
    pins();
    gdt();
    fill_pages();
    grant_copies();
    memory();
    grant_versions();
    polls();
    ports();
    linked_ports();
    all_ports();
}
