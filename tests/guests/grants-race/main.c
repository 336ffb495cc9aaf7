/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grants that two vcpus work on at the same time: a mapping whose two kinds they undo together, a
 * table whose version one changes while the other stops it, and part of a frame that one copies
 * while the other tries to map the whole.
 */
#include <kit/kit.h>

#define TRIES  100
#define LIST   12 /* as many as are unmapped with one flush */
#define COPIES 64

static volatile struct grant_entry_v1 *v1;
static volatile union grant_entry_v2 *v2;

/* What the second vcpu is to do next, and that it is waiting for it. */
static void (*volatile job)(void);

static void second(void *unused)
{
    (void)unused;
    for (;;) {
        while (job == NULL)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        job();
        job = NULL;
    }
}

static int grant_op(unsigned cmd, void *arg, unsigned count)
{
    return (int)hc3(__HYPERVISOR_grant_table_op, cmd, arg, count);
}

static uint64_t table_frame(void)
{
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 1};
    static xen_pfn_t frame;

    s.frame_list.p = &frame;
    CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    return frame;
}

/* ---- the flush of one vcpu, the end of the grant by another ---- */

static struct gnttab_unmap_grant_ref device;
static volatile uint64_t *volatile host;
static volatile const uint64_t *host_pte;
static volatile bool ready;
static volatile unsigned overtaken, stale;

/*
 * Has the translation cached, waits until the first vcpu has taken the entry out, and lets go of
 * the rest. What the granter sees free from then on must be out of reach.
 */
static void let_go_of_device(void)
{
    *host = 1;
    ready = true;
    while (*host_pte != 0)
        ;
    uint64_t end = kit_now() + KIT_PATIENCE;

    do /* the first vcpu may be busy with the handle still */
        CHECK_EQ(grant_op(GNTTABOP_unmap_grant_ref, &device, 1), 0);
    while (device.status == GNTST_bad_handle && kit_now() < end);
    if (device.status == GNTST_okay && v1[9].flags == GTF_permit_access) {
        overtaken++;
        stale += kit_write((void *)host, 2);
    }
}

static void two_kinds(void)
{
    static struct gnttab_map_grant_ref m[LIST];
    static struct gnttab_unmap_grant_ref u[LIST];
    uint64_t *page = kit_page();

    v1[9].frame = v1[10].frame = (uint32_t)kit_mfn(page);
    v1[9].flags = v1[10].flags = GTF_permit_access;
    for (unsigned i = 0; i < LIST; i++)
        m[i] = (struct gnttab_map_grant_ref){
            .host_addr = (uint64_t)kit_page(), .flags = GNTMAP_host_map, .ref = 10};
    m[0].ref = 9;
    m[0].flags |= GNTMAP_device_map;
    host = (volatile uint64_t *)m[0].host_addr;
    host_pte = &kit_table(1, (void *)host)[(uint64_t)host >> 12 & 511];
    for (unsigned t = 0; t < TRIES; t++) {
        CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, m, LIST), 0);
        for (unsigned i = 0; i < LIST; i++) {
            CHECK_EQ(m[i].status, GNTST_okay);
            u[i] =
                (struct gnttab_unmap_grant_ref){.host_addr = m[i].host_addr, .handle = m[i].handle};
        }
        device = (struct gnttab_unmap_grant_ref){.dev_bus_addr = m[0].dev_bus_addr,
                                                 .handle = m[0].handle};
        ready = false;
        job = let_go_of_device;
        while (!ready)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        CHECK_EQ(grant_op(GNTTABOP_unmap_grant_ref, u, LIST), 0);
        while (job != NULL)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        CHECK_EQ(u[0].status, GNTST_okay);
        CHECK_EQ(device.status, GNTST_okay);
        CHECK_EQ(v1[9].flags, GTF_permit_access);
    }
    printk("%u of %u grants ended by the second vcpu, %u within reach\n", overtaken, TRIES, stale);
    CHECK_EQ(stale, 0);
    v1[9].flags = v1[10].flags = 0;
}

/* ---- a version that is being changed, by a vcpu that does not go on ---- */

static volatile bool stop;

static int set_version(unsigned version)
{
    struct gnttab_set_version v = {.version = version};

    return grant_op(GNTTABOP_set_version, &v, 1);
}

static void change_versions(void)
{
    ready = true;
    for (unsigned n = 0; !stop; n++)
        CHECK_EQ(set_version(2 - n % 2), 0);
}

static void sleep_first(void)
{
    static struct gnttab_set_version v = {.version = 2};
    static struct multicall_entry list[2] = {
        {.op = __HYPERVISOR_sched_op, .args = {SCHEDOP_block}, .result = 1},
        {.op = __HYPERVISOR_grant_table_op,
         .args = {GNTTABOP_set_version, (uint64_t)&v, 1},
         .result = 1},
    };

    ready = true;
    CHECK_EQ(hc2(__HYPERVISOR_multicall, list, 2), 0);
    CHECK_EQ(list[0].result, 0);
    CHECK_EQ(list[1].result, 0);
}

static void wait_for_state(unsigned state)
{
    struct vcpu_runstate_info info = {.state = -1};
    uint64_t end = kit_now() + KIT_PATIENCE;

    while (info.state != (int)state && kit_now() < end)
        CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 1, &info), 0);
    CHECK_EQ(info.state, state);
}

static int map_for_a_moment(struct gnttab_map_grant_ref *m)
{
    struct gnttab_unmap_grant_ref u;

    CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, m, 1), 0);
    if (m->status == GNTST_okay) {
        u = (struct gnttab_unmap_grant_ref){.host_addr = m->host_addr, .handle = m->handle};
        CHECK_EQ(grant_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
        CHECK_EQ(u.status, GNTST_okay);
    }
    return m->status;
}

/* The user gets an answer that it does not try again on; and when the vcpu goes on, so does all. */
static void change_that_stops(void)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = (uint64_t)kit_page(), .flags = GNTMAP_host_map, .ref = 5};
    static xen_pfn_t frames[64];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = ARRAY_SIZE(frames)};
    unsigned refused = 0, port = kit_bind_ipi(1);

    s.frame_list.p = frames;
    CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    v1[5].frame = (uint32_t)kit_mfn(kit_page()); /* one of those that are taken along */
    v1[5].flags = GTF_permit_access;
    ready = stop = false;
    job = change_versions;
    while (!ready)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    for (unsigned t = 0; t < TRIES || (refused == 0 && t < 50 * TRIES); t++) {
        CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, 1, NULL), 0);
        wait_for_state(RUNSTATE_offline);
        if (map_for_a_moment(&m) != GNTST_okay) {
            CHECK_EQ(m.status, GNTST_general_error);
            refused++;
        }
        CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, NULL), 0);
        kit_sleep(50000 + t % 7 * 20000);
    }
    stop = true;
    while (job != NULL)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    stop = ready = false;
    printk("%u changes stopped half-way\n", refused);
    CHECK(refused != 0);
    CHECK_EQ(set_version(1), 0);
    CHECK_EQ(map_for_a_moment(&m), GNTST_okay);
    job = sleep_first; /* and so does not begin to */
    wait_for_state(RUNSTATE_blocked);
    CHECK_EQ(map_for_a_moment(&m), GNTST_okay);
    CHECK_EQ(kit_send(port), 0);
    while (job != NULL)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    CHECK_EQ(map_for_a_moment(&m), GNTST_okay);
    CHECK_EQ(set_version(1), 0);
    v1[5].flags = 0;
}

/* ---- part of a frame ---- */

static struct gnttab_copy copies[COPIES];

static void copy_part(void)
{
    ready = true;
    while (!stop)
        CHECK_EQ(grant_op(GNTTABOP_copy, copies, COPIES), 0);
}

static void part_in_use(void)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = (uint64_t)kit_page(), .flags = GNTMAP_host_map | GNTMAP_readonly, .ref = 11};
    unsigned mapped = 0;

    CHECK_EQ(set_version(2), 0);
    v2 = kit_page();
    CHECK_EQ(kit_set_pte((void *)v2, mk_pte(table_frame(), PTE_RW)), 0);
    v2[11].sub_page.frame = kit_mfn(kit_page());
    v2[11].sub_page.page_off = 64; /* to the end of the page */
    v2[11].sub_page.length = PAGE_SIZE;
    v2[11].hdr.flags = GTF_permit_access | GTF_sub_page;
    for (unsigned i = 0; i < COPIES; i++) {
        copies[i] = (struct gnttab_copy){.len = 4000, .flags = GNTCOPY_source_gref};
        copies[i].source.u.ref = 11;
        copies[i].source.offset = 64;
        copies[i].dest.u.gmfn = kit_mfn(kit_page());
        copies[i].dest.domid = DOMID_SELF;
    }
    ready = false;
    job = copy_part;
    while (!ready)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    for (unsigned t = 0; t < 20 * TRIES && mapped == 0; t++) {
        CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, &m, 1), 0);
        mapped += m.status == GNTST_okay;
    }
    stop = true;
    while (job != NULL)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    for (unsigned i = 0; i < COPIES; i++)
        CHECK_EQ(copies[i].status, GNTST_okay);
    CHECK_EQ(mapped, 0);
}

void test_main(void)
{
    int rc = kit_vcpu_start(1, second, NULL);

    if (rc != 0) {
        kit_skip("it needs a second vcpu");
        return;
    }
    v1 = kit_page();
    CHECK_EQ(kit_set_pte((void *)v1, mk_pte(table_frame(), PTE_RW)), 0);
    two_kinds();
    change_that_stops();
    part_in_use();
}
