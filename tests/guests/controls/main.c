/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of control operations, number by number: what is served and what is not, and what is
 * looked at before an operation, in which order. Each number is asked with an argument of zeros, of
 * a domain that is not there, the caller's own, a child, and a dead one; and by one who may not.
 *
 * Whether the answer goes back to the guest shows where the argument is in a page that cannot be
 * written: -EFAULT then, and only then. An operation that is added has a line here.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/lodge_control.h>
#include <public/platform.h>
#include <public/sysctl.h>

#define NOBODY 1234u

struct domctl_answer {
    uint32_t cmd;
    int own, child;
    bool answers; /* that the child's goes back, or its error */
};
static const struct domctl_answer domctls[] = {
    {XEN_DOMCTL_createdomain, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_destroydomain, -XEN_EINVAL, 0, false},
    {XEN_DOMCTL_pausedomain, -XEN_EINVAL, 0, false},
    {XEN_DOMCTL_unpausedomain, -XEN_EINVAL, 0, false},
    {XEN_DOMCTL_getdomaininfo, 0, 0, true},
    {XEN_DOMCTL_setvcpuaffinity, 0, 0, false},
    {XEN_DOMCTL_shadow_op, -XEN_EOPNOTSUPP, -XEN_EOPNOTSUPP, false},
    {XEN_DOMCTL_max_mem, 0, 0, false},
    {XEN_DOMCTL_setvcpucontext, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_getvcpucontext, -XEN_EINVAL, 0, false},
    {XEN_DOMCTL_getvcpuinfo, 0, 0, true},
    {XEN_DOMCTL_max_vcpus, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_scheduler_op, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_setdomainhandle, 0, 0, false},
    {XEN_DOMCTL_setdebugging, -XEN_EINVAL, 0, false},
    {XEN_DOMCTL_irq_permission, 0, 0, false},
    {XEN_DOMCTL_iomem_permission, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_ioport_permission, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_hypercall_init, -XEN_EACCES, -XEN_EACCES, false},
    {XEN_DOMCTL_settimeoffset, 0, 0, false},
    {XEN_DOMCTL_getvcpuaffinity, 0, 0, false},
    {XEN_DOMCTL_resumedomain, -XEN_EINVAL, 0, false},
    {XEN_DOMCTL_sendtrigger, 0, 0, false},
    {XEN_DOMCTL_subscribe, 0, 0, false},
    {XEN_DOMCTL_set_address_size, -XEN_EOPNOTSUPP, -XEN_EOPNOTSUPP, false},
    {XEN_DOMCTL_get_address_size, 0, 0, true},
    {XEN_DOMCTL_memory_mapping, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_set_ext_vcpucontext, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_get_ext_vcpucontext, 0, 0, true},
    {XEN_DOMCTL_set_target, -XEN_EINVAL, 0, false},
    {XEN_DOMCTL_gettscinfo, 0, 0, true},
    {XEN_DOMCTL_settscinfo, 0, 0, false},
    {XEN_DOMCTL_getpageframeinfo3, 0, 0, false},
    {XEN_DOMCTL_setvcpuextstate, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_getvcpuextstate, -XEN_EINVAL, 0, true},
    {XEN_DOMCTL_set_virq_handler, -XEN_EINVAL, -XEN_EINVAL, false},
    {XEN_DOMCTL_setnodeaffinity, 0, 0, false},
    {XEN_DOMCTL_getnodeaffinity, 0, 0, true},
    {XEN_DOMCTL_get_vcpu_msrs, 0, 0, true},
    {XEN_DOMCTL_set_vcpu_msrs, 0, 0, true},
    {XEN_DOMCTL_get_cpu_policy, 0, 0, true},
    {XEN_DOMCTL_set_cpu_policy, -XEN_EEXIST, -XEN_EEXIST, true}, /* unpaused has been before */
    {XEN_DOMCTL_get_paging_mempool_size, -XEN_EOPNOTSUPP, -XEN_EOPNOTSUPP, false},
    {XEN_DOMCTL_set_paging_mempool_size, -XEN_EOPNOTSUPP, -XEN_EOPNOTSUPP, false},
};

/* Of these each that succeeds answers. */
struct answer {
    uint32_t cmd;
    int rc;
};
static const struct answer sysctls[] = {
    {XEN_SYSCTL_readconsole, 0},
    {XEN_SYSCTL_physinfo, 0},
    {XEN_SYSCTL_sched_id, 0},
    {XEN_SYSCTL_getdomaininfolist, 0},
    {XEN_SYSCTL_debug_keys, 0},
    {XEN_SYSCTL_getcpuinfo, 0},
    {XEN_SYSCTL_availheap, 0},
    {XEN_SYSCTL_cpu_hotplug, -XEN_EINVAL},
    {XEN_SYSCTL_cputopoinfo, 0},
    {XEN_SYSCTL_numainfo, 0},
    {XEN_SYSCTL_cpupool_op, -XEN_EOPNOTSUPP},
    {XEN_SYSCTL_scheduler_op, -XEN_EINVAL},
    {XEN_SYSCTL_pcitopoinfo, -XEN_EINVAL},
    {XEN_SYSCTL_get_cpu_levelling_caps, 0},
    {XEN_SYSCTL_get_cpu_featureset, 0},
    {XEN_SYSCTL_get_cpu_policy, 0},
    {LODGE_SYSCTL_stats, -XEN_EOPNOTSUPP},
    {LODGE_SYSCTL_trace, -XEN_EOPNOTSUPP},
};
static const struct answer platform_ops[] = {
    {XENPF_settime32, 0},
    {XENPF_platform_quirk, 0},
    {XENPF_get_cpu_version, 0},
    {XENPF_firmware_info, -XEN_EINVAL},
    {XENPF_enter_acpi_sleep, -XEN_EOPNOTSUPP},
    {XENPF_getidletime, 0},
    {XENPF_set_processor_pminfo, 0},
    {XENPF_get_cpuinfo, 0},
    {XENPF_cpu_online, 0},
    {XENPF_cpu_offline, -XEN_EOPNOTSUPP},
    {XENPF_settime64, 0},
};

/* With an argument that cannot be read: which of the two errors comes first. */
struct memory_answer {
    uint32_t cmd;
    int privileged, other;
};
static const struct memory_answer memory_ops[] = {
    {XENMEM_increase_reservation, 0, 0}, /* of extents done */
    {XENMEM_decrease_reservation, 0, 0},
    {XENMEM_current_reservation, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_maximum_reservation, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_machphys_mfn_list, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_populate_physmap, 0, 0},
    {XENMEM_add_to_physmap, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_memory_map, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_machine_memory_map, -XEN_EFAULT, -XEN_EPERM},
    {XENMEM_exchange, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_machphys_mapping, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_set_memory_map, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_maximum_gpfn, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_remove_from_physmap, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_get_sharing_freed_pages, 0, 0},
    {XENMEM_get_sharing_shared_pages, 0, 0},
    {XENMEM_add_to_physmap_batch, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_claim_pages, -XEN_EFAULT, -XEN_EPERM},
    {XENMEM_get_vnumainfo, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_reserved_device_memory_map, -XEN_EFAULT, -XEN_EFAULT},
    {XENMEM_acquire_resource, -XEN_EFAULT, -XEN_EFAULT},
};

static void *page, *read_only; /* the same frame */

static void make_pages(void)
{
    page = kit_page();
    read_only = kit_page();
    CHECK_EQ(kit_set_pte(read_only, mk_pte(kit_mfn(page), PTE_RO)), 0);
}

static void check(const char *what, uint32_t cmd, int rc, int expected)
{
    kit_check(rc == expected, __FILE__, __LINE__, "%s, operation %u: %d, not %d", what, cmd, rc,
              expected);
}

static int domctl(uint32_t cmd, unsigned domid, const void *at)
{
    struct xen_domctl *op = memset(page, 0, PAGE_SIZE);

    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = (domid_t)domid;
    return (int)hc1(__HYPERVISOR_domctl, at);
}

static int sysctl(uint32_t cmd, const void *at)
{
    struct xen_sysctl *op = memset(page, 0, PAGE_SIZE);

    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return (int)hc1(__HYPERVISOR_sysctl, at);
}

static int platform_op(uint32_t cmd, const void *at)
{
    struct xen_platform_op *op = memset(page, 0, PAGE_SIZE);

    op->cmd = cmd;
    op->interface_version = XENPF_INTERFACE_VERSION;
    return (int)hc1(__HYPERVISOR_platform_op, at);
}

static const struct domctl_answer *domctl_answer(uint32_t cmd)
{
    for (unsigned i = 0; i < ARRAY_SIZE(domctls); i++)
        if (domctls[i].cmd == cmd)
            return &domctls[i];
    return NULL;
}

/* Nobody's operations are looked up before the domain is, but those that look for it themselves. */
static void domctls_of_nobody(void)
{
    for (uint32_t cmd = 0; cmd < KIT_CONTROL_OPS; cmd++)
        check("of nobody", cmd, domctl(cmd, NOBODY, read_only),
              cmd == XEN_DOMCTL_createdomain ? -XEN_EINVAL : -XEN_ESRCH);
    check("of nobody", ~0u, domctl(~0u, NOBODY, page), -XEN_ESRCH);
}

static void domctls_of_self(void)
{
    struct xen_domctl_max_mem all = {.max_memkb = ~0ul};

    for (uint32_t cmd = 0; cmd < KIT_CONTROL_OPS; cmd++) {
        const struct domctl_answer *a = domctl_answer(cmd);

        check("of the caller", cmd, domctl(cmd, 0, page), a != NULL ? a->own : -XEN_ENOSYS);
    }
    check("of the caller", ~0u, domctl(~0u, 0, page), -XEN_ENOSYS);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, 0, &all, sizeof(all)), 0); /* it was set to none */
}

static void domctls_of_child(domid_t domid)
{
    for (uint32_t cmd = 0; cmd < KIT_CONTROL_OPS; cmd++) {
        const struct domctl_answer *a = domctl_answer(cmd);
        int expected = a != NULL ? a->child : -XEN_ENOSYS;

        if (cmd == XEN_DOMCTL_destroydomain)
            continue;
        check("of a child", cmd, domctl(cmd, domid, page), expected);
        check("of a child, read-only", cmd, domctl(cmd, domid, read_only),
              a != NULL && a->answers ? -XEN_EFAULT : expected);
    }
}

/* What is left of it is there for the one who ends it, and to be seen. */
static void domctls_of_the_dead(domid_t domid)
{
    for (uint32_t cmd = 0; cmd < KIT_CONTROL_OPS; cmd++) {
        if (cmd == XEN_DOMCTL_destroydomain || cmd == XEN_DOMCTL_getdomaininfo)
            check("of a dead one", cmd, domctl(cmd, domid, page), 0);
        else
            check("of a dead one", cmd, domctl(cmd, domid, read_only),
                  cmd == XEN_DOMCTL_createdomain ? -XEN_EINVAL : -XEN_ESRCH);
    }
}

static void waits(uint64_t unused)
{
    (void)unused;
    hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
}

/* It never runs. Ended while a page of it is mapped, so that it stays, dead. */
static void child(void)
{
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, waits, 0, 0, 1), 0);
    domctls_of_child(c.domid);
    CHECK(kit_child_map(&c, image_start) != NULL);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_destroydomain, c.domid, NULL, 0), 0);
    domctls_of_the_dead(c.domid);
    kit_child_unmap();
}

/* In this order: may it be read, is the version right; and only then its number. */
static void before_the_number(void)
{
    for (uint32_t cmd = 0; cmd < KIT_CONTROL_OPS; cmd++) {
        struct xen_domctl d = {.cmd = cmd};
        struct xen_sysctl s = {.cmd = cmd};
        struct xen_platform_op p = {.cmd = cmd};

        check("another version", cmd, (int)hc1(__HYPERVISOR_domctl, &d), -XEN_EACCES);
        check("another version", cmd, (int)hc1(__HYPERVISOR_sysctl, &s), -XEN_EACCES);
        check("another version", cmd, (int)hc1(__HYPERVISOR_platform_op, &p), -XEN_EACCES);
    }
    CHECK_EQ(hc1(__HYPERVISOR_domctl, KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(hc1(__HYPERVISOR_platform_op, KIT_NOWHERE), -XEN_EFAULT);
}

static void all_of(const char *what, const struct answer *list, unsigned n,
                   int (*call)(uint32_t cmd, const void *at), int not_served)
{
    for (uint32_t cmd = 0; cmd < KIT_CONTROL_OPS; cmd++) {
        int expected = not_served;

        for (unsigned i = 0; i < n; i++)
            if (list[i].cmd == cmd)
                expected = list[i].rc;
        check(what, cmd, call(cmd, page), expected);
        check(what, cmd, call(cmd, read_only), expected == 0 ? -XEN_EFAULT : expected);
    }
    check(what, ~0u, call(~0u, page), not_served);
}

/* The bits above the number count what is done; a number that has none of that is not served so. */
static void memory(bool privileged)
{
    for (uint32_t cmd = 0; cmd < 64; cmd++) {
        int expected = -XEN_ENOSYS, rc = (int)hc2(__HYPERVISOR_memory_op, cmd, KIT_NOWHERE);

        if (cmd == XENMEM_maximum_ram_page) {
            CHECK(rc > 0);
            continue;
        }
        for (unsigned i = 0; i < ARRAY_SIZE(memory_ops); i++)
            if (memory_ops[i].cmd == cmd)
                expected = privileged ? memory_ops[i].privileged : memory_ops[i].other;
        check("memory", cmd, rc, expected);
    }
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap | 5 << 6, KIT_NOWHERE), 5);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_memory_map | 5 << 6, KIT_NOWHERE), -XEN_ENOSYS);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, ~0ul, KIT_NOWHERE), -XEN_ENOSYS);
}

/* Before anything else: not even an argument that cannot be read makes a difference. */
static void unprivileged(uint64_t unused)
{
    (void)unused;
    make_pages();
    for (uint32_t cmd = 0; cmd < KIT_CONTROL_OPS; cmd++) {
        check("unprivileged, of dom0", cmd, domctl(cmd, 0, page), -XEN_EPERM);
        check("unprivileged, of itself", cmd, domctl(cmd, DOMID_SELF, page), -XEN_EPERM);
        check("unprivileged, of nobody", cmd, domctl(cmd, NOBODY, page), -XEN_EPERM);
        check("unprivileged, sysctl", cmd, sysctl(cmd, page), -XEN_EPERM);
        check("unprivileged, platform_op", cmd, platform_op(cmd, page), -XEN_EPERM);
    }
    CHECK_EQ(hc1(__HYPERVISOR_domctl, KIT_NOWHERE), -XEN_EPERM);
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, KIT_NOWHERE), -XEN_EPERM);
    CHECK_EQ(hc1(__HYPERVISOR_platform_op, KIT_NOWHERE), -XEN_EPERM);
    memory(false);
}

static void no_matter(struct kit_frame *f) /* an NMI, which sendtrigger sends to the caller, too */
{
    (void)f;
}

void test_main(void)
{
    if (!on_lodge) {
        kit_skip("which numbers are served is each hypervisor's own");
        return;
    }
    kit_on_trap(2, no_matter);
    make_pages();
    before_the_number();
    domctls_of_nobody();
    domctls_of_self();
    child();
    all_of("sysctl", sysctls, ARRAY_SIZE(sysctls), sysctl, -XEN_EOPNOTSUPP);
    all_of("platform_op", platform_ops, ARRAY_SIZE(platform_ops), platform_op, -XEN_ENOSYS);
    memory(true);
    kit_child_case("unprivileged", unprivileged, 0, SHUTDOWN_poweroff);
}
