/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Using up the machine: children until there is no memory, domains without memory until there is
 * no number or no room. Each failure is an error and not an end, nothing of what failed stays
 * behind, and at the end everything is as it was.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/sysctl.h>

static uint64_t free_pages(void)
{
    static struct xen_sysctl op;

    kit_sleep(20000000); /* what was freed last may come with a delay */
    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    return op.u.physinfo.free_pages;
}

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
    CHECK(n > 4 && free_pages() < 5000);
    printk("%u children\n", n);
    if (n < ARRAY_SIZE(c) && c[n].domid != 0)
        destroy(c[n].domid); /* half made */
    CHECK(hc2(__HYPERVISOR_xen_version, XENVER_version, 0) > 0);
    while (n-- > 0)
        destroy(c[n].domid);
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
    struct xen_domctl_createdomain other;
    unsigned more[40], made = 0;
    int hog = kit_domctl(XEN_DOMCTL_createdomain, 0, &create, sizeof(create)), rc = 0;

    CHECK(hog > 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, (unsigned)hog, &mem, sizeof(mem)), 0);
    r.domid = (domid_t)hog;
    int64_t got = hc2(__HYPERVISOR_memory_op, XENMEM_increase_reservation, &r);

    CHECK(got > 10000 && got < 1000000);
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
    before = free_pages();
    memory();
    last_pages();
    domains();
    after = free_pages();
    kit_check(before == after || !on_lodge, __FILE__, __LINE__, "free pages: %lu, then %lu", before,
              after);
}
