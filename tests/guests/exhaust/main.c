/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Using up the machine: children until there is no memory, domains without memory until there is
 * no number or no room. Each failure is an error and not an end, nothing of what failed stays
 * behind, and at the end everything is as it was.
 */
#include <kit/kit.h>
#include <public/domctl.h>

static void destroy(unsigned domid)
{
    while (kit_domctl(XEN_DOMCTL_destroydomain, domid, NULL, 0) == -XEN_EAGAIN)
        ;
}

static void idle(uint64_t unused)
{
    (void)unused;
}

static void memory(void)
{
    struct kit_child c[80];
    unsigned n = 0;
    int rc = 0;

    for (; n < ARRAY_SIZE(c); n++) {
        memset(&c[n], 0, sizeof(c[n]));
        rc = kit_child_create(&c[n], idle, 0, 3400, 1);
        if (rc != 0)
            break;
    }
    kit_check(rc == -XEN_ENOMEM, __FILE__, __LINE__, "child %u: %d", n, rc);
    CHECK(n > 4 && kit_free_pages(0) < 5000);
    printk("%u children\n", n);
    if (n < ARRAY_SIZE(c) && c[n].domid != 0)
        destroy(c[n].domid); /* half made */
    CHECK(hc2(__HYPERVISOR_xen_version, XENVER_version, 0) > 0);
    while (n-- > 0)
        destroy(c[n].domid);
}

#define LISTED \
    8192u /* the half of them is what the hypervisor's allocator keeps as single frames */
static xen_pfn_t listed[LISTED];

/* What of the list has an even number, or an odd one, comes back from that domain. */
static void give_back(unsigned domid, unsigned odd)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = (domid_t)domid};

    for (unsigned i = 0; i < LISTED; i++) {
        r.extent_start.p = &listed[i];
        if (listed[i] % 2 == odd)
            CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), 1);
    }
}

/*
 * A grant table grows by pages in one piece: there are none while all that is free is every second
 * frame, and there are when the other half is free as well, though nobody has put them together.
 */
static void growth(unsigned domid)
{
    xen_pfn_t frame;
    struct xen_mem_acquire_resource r = {.domid = (domid_t)domid,
                                         .type = XENMEM_resource_grant_table,
                                         .id = XENMEM_resource_grant_table_id_shared,
                                         .nr_frames = 1,
                                         .frame = 2};

    r.frame_list.p = &frame;
    give_back(domid, 0);
    CHECK(hc2(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &r) < 0);
    give_back(domid, 1);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &r), 0);
}

/* What is left to the last page goes to one domain; then others cannot even be created. */
static void last_pages(void)
{
    struct xen_domctl_createdomain create = {.max_vcpus = 1,
                                             .max_evtchn_port = 127,
                                             .max_grant_frames = 4,
                                             .max_maptrack_frames = 4,
                                             .grant_opts = 1};
    struct xen_domctl_max_mem mem = {.max_memkb = 1ul << 30};
    struct xen_domctl_max_vcpus vcpus = {.max = 1};
    struct xen_memory_reservation r = {.nr_extents = 1000000};
    struct xen_memory_reservation first = {.nr_extents = LISTED};
    struct xen_domctl_createdomain other;
    unsigned more[40], made = 0;
    int hog = kit_domctl(XEN_DOMCTL_createdomain, 0, &create, sizeof(create)), rc = 0;

    CHECK(hog > 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, (unsigned)hog, &mem, sizeof(mem)), 0);
    r.domid = first.domid = (domid_t)hog;
    first.extent_start.p = listed;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_increase_reservation, &first), LISTED);
    int64_t got = hc2(__HYPERVISOR_memory_op, XENMEM_increase_reservation, &r);

    CHECK(got > 10000 && got < 1000000);
    growth((unsigned)hog);
    r.nr_extents = LISTED;
    CHECK(hc2(__HYPERVISOR_memory_op, XENMEM_increase_reservation, &r) > (int64_t)LISTED - 100);
    for (; made < ARRAY_SIZE(more); made++) {
        other = create;
        other.max_vcpus = 8;
        vcpus.max = 8;
        rc = kit_domctl(XEN_DOMCTL_createdomain, 0, &other, sizeof(other));
        if (rc <= 0)
            break;
        more[made] = (unsigned)rc;
        rc = kit_domctl(XEN_DOMCTL_max_vcpus, more[made], &vcpus, sizeof(vcpus));
        if (rc != 0) {
            made++;
            break;
        }
    }
    printk("%ld frames to one, then %u more domains, then %d\n", got, made, rc);
    kit_event_count[0] = 0;
    unsigned port = kit_bind_ipi(0); /* life goes on */
    struct evtchn_close c = {.port = port};

    CHECK_EQ(kit_evtchn(EVTCHNOP_close, &c), 0);
    while (made-- > 0)
        destroy(more[made]);
    destroy((unsigned)hog);
}

static void domains(void)
{
    struct xen_domctl_createdomain create = {.max_vcpus = 1,
                                             .max_evtchn_port = 127,
                                             .max_grant_frames = 1,
                                             .max_maptrack_frames = 1,
                                             .grant_opts = 1};
    static uint16_t ids[300];
    unsigned n = 0;

    for (; n < ARRAY_SIZE(ids); n++) {
        struct xen_domctl_createdomain c = create;
        int rc = kit_domctl(XEN_DOMCTL_createdomain, 0, &c, sizeof(c));

        if (rc < 0)
            break;
        ids[n] = (uint16_t)rc;
    }
    printk("%u domains\n", n);
    CHECK(n > 50);
    while (n-- > 0)
        destroy(ids[n]);
}

void test_main(void)
{
    uint64_t before, after;

    domains(); /* once, as the first may leave pools behind that stay */
    memory();
    before = kit_free_pages(0);
    memory();
    last_pages();
    domains();
    after = kit_free_pages(on_lodge ? before : 0);
    kit_check(before == after || !on_lodge, __FILE__, __LINE__, "free pages: %lu, then %lu", before,
              after);
}
