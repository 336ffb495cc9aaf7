/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * physdev_op and platform_op as the control domain uses them: a real interrupt of the real-time
 * clock from pin to handler, MSI of a PCI function, IO-APIC registers, the wall clock; and that
 * others get nothing of it.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/mca.h>
#include <public/platform.h>
#include <public/sysctl.h>

static int physdev(unsigned cmd, void *arg)
{
    return (int)hc2(__HYPERVISOR_physdev_op, cmd, arg);
}

static void out(uint16_t port, uint8_t val)
{
    CHECK_EQ(KIT_TRY("outb %%al, %%dx", : : "a"(val), "d"(port) : KIT_CLOBBER), -1);
}

static uint8_t in(uint16_t port)
{
    uint8_t v = 0;

    CHECK_EQ(KIT_TRY("inb %%dx, %%al", : "=a"(v) : "d"(port) : KIT_CLOBBER), -1);
    return v;
}

static uint8_t cmos(uint8_t reg)
{
    out(0x70, reg);
    return in(0x71);
}

static void set_cmos(uint8_t reg, uint8_t val)
{
    out(0x70, reg);
    out(0x71, val);
}

static int map_pirq(int type, int index, int pirq, int bus, int devfn, int *got)
{
    struct physdev_map_pirq m = {.domid = DOMID_SELF,
                                 .type = type,
                                 .index = index,
                                 .pirq = pirq,
                                 .bus = bus,
                                 .devfn = devfn};
    int rc = physdev(PHYSDEVOP_map_pirq, &m);

    *got = m.pirq;
    return rc;
}

static void clock_interrupt(void)
{
    struct physdev_setup_gsi gsi = {.gsi = 8, .triggering = 0, .polarity = 0};
    struct physdev_irq_status_query q = {.irq = 8};
    struct evtchn_bind_pirq b = {.pirq = 8};
    struct evtchn_bind_pirq bad = {.pirq = 0x7fffffff};
    struct evtchn_close c;
    struct physdev_eoi eoi = {.irq = 8};
    struct physdev_unmap_pirq un = {.domid = DOMID_SELF, .pirq = 8};
    struct physdev_set_iopl iopl = {.iopl = 1};
    int got;

    CHECK_EQ(physdev(PHYSDEVOP_set_iopl, &iopl), 0);
    CHECK(physdev(PHYSDEVOP_setup_gsi, &gsi) <= 0);
    CHECK_EQ(map_pirq(MAP_PIRQ_TYPE_GSI, 8, 8, 0, 0, &got), 0);
    CHECK_EQ(got, 8);
    CHECK_EQ(physdev(PHYSDEVOP_irq_status_query, &q), 0);
    CHECK(kit_evtchn(EVTCHNOP_bind_pirq, &bad) < 0);
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_pirq, &b), 0);
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_pirq, &b), -XEN_EEXIST);
    CHECK_EQ(kit_send(b.port), -XEN_EINVAL);
    CHECK_EQ(physdev(PHYSDEVOP_irq_status_query, &q), 0);
    if (on_lodge) /* an edge needs none; Xen wants it anyway */
        CHECK_EQ(q.flags & XENIRQSTAT_needs_eoi, 0);
    kit_event_count[b.port] = 0;
    kit_unmask(b.port);
    kit_events_on();
    set_cmos(0x0a, 0x26);              /* 1024 a second */
    set_cmos(0x0b, cmos(0x0b) | 0x40); /* periodic interrupts on */
    for (unsigned i = 1; i <= 5; i++) {
        cmos(0x0c); /* says that it was taken */
        kit_check(kit_wait_event(b.port, i, KIT_PATIENCE), __FILE__, __LINE__, "interrupt %u", i);
        physdev(PHYSDEVOP_eoi, &eoi);
    }
    set_cmos(0x0b, cmos(0x0b) & ~0x40);
    cmos(0x0c);
    kit_sleep(2000000);
    unsigned before = kit_event_count[b.port];

    kit_sleep(5000000);
    CHECK_EQ(kit_event_count[b.port], before);
    kit_events_off();
    c.port = b.port;
    CHECK_EQ(kit_evtchn(EVTCHNOP_close, &c), 0);
    CHECK_EQ(physdev(PHYSDEVOP_unmap_pirq, &un), 0);
    CHECK(physdev(PHYSDEVOP_unmap_pirq, &un) < 0);
    CHECK(physdev(PHYSDEVOP_eoi, &eoi) < 0); /* not bound */
}

static void errors(void)
{
    struct physdev_setup_gsi gsi = {.gsi = 5000};
    struct physdev_unmap_pirq un = {.domid = DOMID_SELF, .pirq = 0x7fffffff};
    struct physdev_irq_status_query q = {.irq = ~0u};
    struct physdev_apic apic = {.apic_physbase = 0xfec00000, .reg = 1};
    struct physdev_get_free_pirq f = {.type = MAP_PIRQ_TYPE_MSI};
    struct physdev_pci_device dev = {.bus = 0x55, .devfn = 0x11};
    struct physdev_pirq_eoi_gmfn map = {.gmfn = kit_mfn(kit_page())};
    int got;

    if (on_lodge) /* its EOI would unmask ports; a kernel that is refused asks for each pirq */
        CHECK_EQ(physdev(PHYSDEVOP_pirq_eoi_gmfn_v1, &map), -XEN_ENOSYS);
    CHECK_EQ(physdev(PHYSDEVOP_pirq_eoi_gmfn_v2, &map), 0);
    CHECK_EQ(physdev(PHYSDEVOP_pirq_eoi_gmfn_v2, &map), -XEN_EBUSY);
    CHECK(physdev(PHYSDEVOP_setup_gsi, &gsi) < 0);
    gsi.gsi = -1;
    CHECK(physdev(PHYSDEVOP_setup_gsi, &gsi) < 0);
    CHECK(physdev(PHYSDEVOP_unmap_pirq, &un) < 0);
    un.pirq = -5;
    CHECK(physdev(PHYSDEVOP_unmap_pirq, &un) < 0);
    CHECK(physdev(PHYSDEVOP_irq_status_query, &q) < 0);
    CHECK(map_pirq(MAP_PIRQ_TYPE_GSI, 5000, -1, 0, 0, &got) < 0);
    CHECK(map_pirq(MAP_PIRQ_TYPE_GSI, -1, -1, 0, 0, &got) < 0);
    CHECK(map_pirq(MAP_PIRQ_TYPE_GSI, 9, 0x7fffffff, 0, 0, &got) < 0);
    CHECK(map_pirq(77, 9, -1, 0, 0, &got) < 0);
    CHECK(map_pirq(MAP_PIRQ_TYPE_MSI_SEG, -1, -1, 0x55, 0x11, &got) < 0);
    CHECK_EQ(physdev(PHYSDEVOP_apic_read, &apic), 0);
    CHECK((apic.value & 0xff) >= 0x10 && ((apic.value >> 16) & 0xff) >= 15);
    apic.apic_physbase = 0x12345000;
    CHECK(physdev(PHYSDEVOP_apic_read, &apic) < 0);
    CHECK(physdev(PHYSDEVOP_apic_write, &apic) < 0);
    apic.apic_physbase = 0xfec00000;
    apic.reg = 0xff;
    CHECK(physdev(PHYSDEVOP_apic_read, &apic) <= 0);
    CHECK_EQ(physdev(PHYSDEVOP_get_free_pirq, &f), 0);
    CHECK(physdev(PHYSDEVOP_prepare_msix, &dev) < 0);
    CHECK(physdev(PHYSDEVOP_restore_msi_ext, &dev) < 0);
    CHECK(physdev(PHYSDEVOP_pci_device_remove, &dev) < 0);
    CHECK_EQ(physdev(99, &dev), -XEN_ENOSYS);
    CHECK_EQ(physdev(~0u, &dev), -XEN_ENOSYS);
    for (unsigned cmd = PHYSDEVOP_irq_status_query; cmd < 32; cmd++)
        CHECK(physdev(cmd, (void *)KIT_NOWHERE) <= 0);
}

/* The machine's disk controller has MSI. */
static void message_interrupt(void)
{
    struct physdev_pci_device_add add = {.bus = 0, .devfn = 0xfa};
    struct physdev_pci_device dev = {.bus = 0, .devfn = 0xfa};
    struct physdev_unmap_pirq un = {.domid = DOMID_SELF};
    struct evtchn_bind_pirq b = {.flags = 0};
    struct evtchn_close c;
    int got = -1, rc;

    CHECK_EQ(physdev(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_EQ(physdev(PHYSDEVOP_pci_device_add, &add), 0);
    rc = map_pirq(MAP_PIRQ_TYPE_MSI_SEG, -1, -1, 0, 0xfa, &got);
    CHECK_EQ(rc, 0);
    CHECK(got >= 16);
    if (rc != 0)
        return;
    b.pirq = (unsigned)got;
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_pirq, &b), 0);
    CHECK(physdev(PHYSDEVOP_restore_msi_ext, &dev) <= 0);
    c.port = b.port;
    CHECK_EQ(kit_evtchn(EVTCHNOP_close, &c), 0);
    un.pirq = got;
    CHECK_EQ(physdev(PHYSDEVOP_unmap_pirq, &un), 0);
    CHECK_EQ(map_pirq(MAP_PIRQ_TYPE_MSI_SEG, -1, -1, 0, 0xfa, &got), 0); /* and once more */
    un.pirq = got;
    CHECK_EQ(physdev(PHYSDEVOP_unmap_pirq, &un), 0);
}

static int unmap_pirq(int pirq)
{
    struct physdev_unmap_pirq un = {.domid = DOMID_SELF, .pirq = pirq};

    return physdev(PHYSDEVOP_unmap_pirq, &un);
}

/* A line has one number: a second one would get the interrupts of the first. */
static void one_number(void)
{
    int got;

    CHECK_EQ(map_pirq(MAP_PIRQ_TYPE_GSI, 9, 9, 0, 0, &got), 0);
    CHECK(map_pirq(MAP_PIRQ_TYPE_GSI, 9, 200, 0, 0, &got) < 0);
    CHECK_EQ(map_pirq(MAP_PIRQ_TYPE_GSI, 9, -1, 0, 0, &got), 0);
    CHECK_EQ(got, 9);
    CHECK_EQ(unmap_pirq(9), 0);
    if (!on_lodge)
        return;
    CHECK_EQ(map_pirq(MAP_PIRQ_TYPE_GSI, 9, 200, 0, 0, &got), 0);
    CHECK_EQ(map_pirq(MAP_PIRQ_TYPE_GSI, 9, -1, 0, 0, &got), 0);
    CHECK_EQ(got, 200);
    CHECK(map_pirq(MAP_PIRQ_TYPE_GSI, 9, 9, 0, 0, &got) < 0);
    CHECK_EQ(unmap_pirq(200), 0);
    CHECK(unmap_pirq(9) < 0);
}

static volatile unsigned go, arrived; /* rounds, of both vcpus */
static volatile int second_rc, wanted;

static void second(void *unused)
{
    int got;

    (void)unused;
    for (;;) {
        while (go == arrived)
            ;
        second_rc = map_pirq(MAP_PIRQ_TYPE_MSI_SEG, -1, wanted, 0, 0xfa, &got);
        arrived++;
    }
}

/* Two vcpus give one number a message each: one of them may, or the other's is never freed. */
static void one_message(void)
{
    struct physdev_get_free_pirq f = {.type = MAP_PIRQ_TYPE_MSI};
    int got;

    if (kit_vcpu_start(1, second, NULL) != 0)
        return;
    for (unsigned i = 0; i < 200; i++) {
        CHECK_EQ(physdev(PHYSDEVOP_get_free_pirq, &f), 0);
        wanted = (int)f.pirq;
        go++;
        int rc = map_pirq(MAP_PIRQ_TYPE_MSI_SEG, -1, wanted, 0, 0xfa, &got);

        while (arrived != go)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        CHECK((rc == 0) != (second_rc == 0));
        CHECK_EQ(unmap_pirq(wanted), 0);
    }
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, 1, 0), 0);
}

static uint32_t conf(unsigned devfn, unsigned reg)
{
    uint32_t v = 0;

    CHECK_EQ(KIT_TRY("outl %%eax, %%dx",
                     :
                     : "a"(0x80000000u | devfn << 8 | reg), "d"(0xcf8)
                     : KIT_CLOBBER),
             -1);
    CHECK_EQ(KIT_TRY("inl %%dx, %%eax", : "=a"(v) : "d"(0xcfc) : KIT_CLOBBER), -1);
    return v;
}

static void set_conf(unsigned devfn, unsigned reg, uint32_t val)
{
    conf(devfn, reg);
    CHECK_EQ(KIT_TRY("outl %%eax, %%dx", : : "a"(val), "d"(0xcfc) : KIT_CLOBBER), -1);
}

/* The first entry of the device's MSI-X table. */
static int map_msix(unsigned devfn)
{
    struct physdev_map_pirq m = {.domid = DOMID_SELF,
                                 .type = MAP_PIRQ_TYPE_MSI_SEG,
                                 .index = -1,
                                 .pirq = -1,
                                 .devfn = (int)devfn,
                                 .table_base = 1};
    struct physdev_unmap_pirq un = {.domid = DOMID_SELF};
    int rc = physdev(PHYSDEVOP_map_pirq, &m);

    un.pirq = m.pirq;
    if (rc == 0)
        CHECK_EQ(physdev(PHYSDEVOP_unmap_pirq, &un), 0);
    return rc;
}

/* The hypervisor writes the table: not where the BAR has been made to point at. */
static void message_table(void)
{
    uint64_t *page = kit_page();
    const uint32_t elsewhere[] = {(uint32_t)(kit_mfn(page) << 12), 0x100000, 0xfee00000,
                                  0xfec00000};
    unsigned devfn = 0x28, cap = conf(devfn, 0x34) & 0xfc, bar;
    uint32_t home;

    if ((conf(devfn, 0) & 0xffff) != 0x1af4) {
        printk("no device with MSI-X\n");
        return;
    }
    while (cap != 0 && (conf(devfn, cap) & 0xff) != 0x11)
        cap = (conf(devfn, cap) >> 8) & 0xfc;
    bar = 0x10 + 4 * (conf(devfn, cap + 4) & 7);
    home = conf(devfn, bar);
    CHECK_EQ(map_msix(devfn), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(elsewhere); i++) {
        set_conf(devfn, bar, elsewhere[i]);
        CHECK_EQ(conf(devfn, bar) & ~0xfu, elsewhere[i]);
        kit_check(map_msix(devfn) < 0 || !on_lodge, __FILE__, __LINE__, "table at %x",
                  elsewhere[i]);
    }
    CHECK_EQ(page[0] | page[1], 0);
    set_conf(devfn, bar, home);
    CHECK_EQ(map_msix(devfn), 0);
}

static int platform(struct xen_platform_op *op, unsigned cmd)
{
    op->cmd = cmd;
    op->interface_version = XENPF_INTERFACE_VERSION;
    return (int)hc1(__HYPERVISOR_platform_op, op);
}

static void platform_ops(void)
{
    static struct xen_platform_op op;
    uint64_t version = shared->wc_version;

    op.u.settime64.secs = 1700000000;
    op.u.settime64.nsecs = 5;
    op.u.settime64.system_time = kit_now();
    CHECK_EQ(platform(&op, XENPF_settime64), 0);
    CHECK(shared->wc_version != version && shared->wc_version % 2 == 0);
    uint64_t now = ((uint64_t)shared->wc_sec_hi << 32) + shared->wc_sec + kit_now() / 1000000000;

    CHECK(now >= 1699999999 && now <= 1700000060);
    op.u.settime64.mbz = 1;
    CHECK_EQ(platform(&op, XENPF_settime64), -XEN_EINVAL);
    memset(&op, 0, sizeof(op));
    CHECK_EQ(platform(&op, XENPF_get_cpuinfo), 0);
    CHECK(op.u.pcpu_info.flags != 0);
    memset(&op, 0, sizeof(op));
    op.u.pcpu_info.xen_cpuid = 4000;
    CHECK(platform(&op, XENPF_get_cpuinfo) <= 0);
    memset(&op, 0, sizeof(op));
    CHECK_EQ(platform(&op, XENPF_get_cpu_version), 0);
    CHECK(op.u.pcpu_version.family != 0);
    op.u.firmware_info.type = 1000;
    CHECK(platform(&op, XENPF_firmware_info) < 0);
    op.u.firmware_info.type = XEN_FW_DISK_INFO;
    op.u.firmware_info.index = 200;
    CHECK(platform(&op, XENPF_firmware_info) < 0);
    CHECK_EQ(platform(&op, 1000), -XEN_ENOSYS);
    op.interface_version = 1;
    CHECK_EQ(hc1(__HYPERVISOR_platform_op, &op), -XEN_EACCES);
    CHECK_EQ(hc1(__HYPERVISOR_platform_op, KIT_NOWHERE), -XEN_EFAULT);
}

static int mca(struct xen_mc *op, uint32_t cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_MCA_INTERFACE_VERSION;
    return (int)hc1(__HYPERVISOR_mca, op);
}

/* As Linux's log of machine checks asks: how many processors, which, and what happened to them. */
static void machine_checks(void)
{
    static xen_mc_logical_cpu_t info[64];
    static struct xen_mc op;
    uint32_t n;

    CHECK_EQ(mca(&op, XEN_MC_physcpuinfo), 0);
    n = op.u.mc_physcpuinfo.ncpus;
    CHECK(n >= 1 && n <= 64);
    op.u.mc_physcpuinfo.info.p = info;
    CHECK_EQ(mca(&op, XEN_MC_physcpuinfo), 0);
    CHECK_EQ(op.u.mc_physcpuinfo.ncpus, n);
    CHECK_EQ(info[0].mc_cpunr, 0);
    CHECK_EQ(info[n - 1].mc_cpunr, n - 1);
    CHECK(info[0].mc_family != 0 && info[0].mc_vendorid[0] != '\0' && info[0].mc_nmsrvals <= 8);
    op.u.mc_physcpuinfo.info.p = (void *)KIT_NOWHERE;
    CHECK_EQ(mca(&op, XEN_MC_physcpuinfo), -XEN_EFAULT);
    memset(&op, 0, sizeof(op));
    op.u.mc_fetch.flags = 1;
    CHECK_EQ(mca(&op, XEN_MC_fetch), 0);
    CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
    CHECK(mca(&op, 1000) < 0);
    op.interface_version = 1;
    CHECK_EQ(hc1(__HYPERVISOR_mca, &op), -XEN_EACCES);
    CHECK_EQ(hc1(__HYPERVISOR_mca, KIT_NOWHERE), -XEN_EFAULT);
}

static int sysctl(struct xen_sysctl *op, uint32_t cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return (int)hc1(__HYPERVISOR_sysctl, op);
}

static void device_nodes(void)
{
    static physdev_pci_device_t devs[3] = {{.devfn = 0}, {.devfn = 0xff, .bus = 0xff}, {0}};
    static uint32_t nodes[3] = {77, 77, 77};
    struct xen_sysctl op = {.u.pcitopoinfo = {.num_devs = 2}};

    CHECK_EQ(sysctl(&op, XEN_SYSCTL_pcitopoinfo), -XEN_EINVAL);
    op.u.pcitopoinfo.devs.p = devs;
    op.u.pcitopoinfo.nodes.p = nodes;
    CHECK_EQ(sysctl(&op, XEN_SYSCTL_pcitopoinfo), 0);
    CHECK_EQ(op.u.pcitopoinfo.num_devs, 2);
    if (on_lodge)
        CHECK_EQ(nodes[0], 0);
    CHECK_EQ(nodes[1], XEN_INVALID_DEV);
    CHECK_EQ(nodes[2], 77);
    op.u.pcitopoinfo.nodes.p = (void *)KIT_NOWHERE;
    CHECK_EQ(sysctl(&op, XEN_SYSCTL_pcitopoinfo), -XEN_EFAULT);
    op.u.pcitopoinfo.num_devs = ~0u;
    op.u.pcitopoinfo.devs.p = (void *)KIT_NOWHERE;
    CHECK_EQ(sysctl(&op, XEN_SYSCTL_pcitopoinfo), -XEN_EFAULT);
}

static int ratelimit(uint32_t cmd, uint32_t *us)
{
    struct xen_sysctl op = {.u.scheduler_op = {.sched_id = XEN_SCHEDULER_CREDIT2, .cmd = cmd}};
    int rc;

    op.u.scheduler_op.u.sched_credit2.ratelimit_us = *us;
    rc = sysctl(&op, XEN_SYSCTL_scheduler_op);
    *us = op.u.scheduler_op.u.sched_credit2.ratelimit_us;
    return rc;
}

static void scheduler(void)
{
    uint32_t before = 0, us;

    CHECK_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_getinfo, &before), 0);
    CHECK(before != 0);
    us = 2000;
    CHECK_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, &us), 0);
    us = 0;
    CHECK_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_getinfo, &us), 0);
    CHECK_EQ(us, 2000);
    us = 99;
    CHECK_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, &us), -XEN_EINVAL);
    us = 500001;
    CHECK_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, &us), -XEN_EINVAL);
    CHECK_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, &before), 0);
}

static void child(uint64_t unused)
{
    static struct xen_platform_op op;
    static struct xen_mc mc;
    struct physdev_setup_gsi gsi = {.gsi = 9};
    struct physdev_apic apic = {.apic_physbase = 0xfec00000, .reg = 1};
    struct physdev_pci_device_add add = {.bus = 0, .devfn = 0xfa};
    struct evtchn_bind_pirq b = {.pirq = 8};
    int got;

    (void)unused;
    CHECK(physdev(PHYSDEVOP_setup_gsi, &gsi) < 0);
    CHECK(physdev(PHYSDEVOP_apic_read, &apic) < 0);
    CHECK(physdev(PHYSDEVOP_apic_write, &apic) < 0);
    CHECK(physdev(PHYSDEVOP_pci_device_add, &add) < 0);
    CHECK(map_pirq(MAP_PIRQ_TYPE_GSI, 8, 8, 0, 0, &got) < 0);
    CHECK(map_pirq(MAP_PIRQ_TYPE_MSI_SEG, -1, -1, 0, 0xfa, &got) < 0);
    CHECK(kit_evtchn(EVTCHNOP_bind_pirq, &b) < 0);
    CHECK_EQ(platform(&op, XENPF_settime64), -XEN_EPERM);
    CHECK_EQ(platform(&op, XENPF_get_cpuinfo), -XEN_EPERM);
    CHECK_EQ(mca(&mc, XEN_MC_physcpuinfo), -XEN_EPERM);
    for (unsigned cmd = 0; cmd < 32; cmd++)
        CHECK(physdev(cmd, (void *)KIT_NOWHERE) <= 0);
}

void test_main(void)
{
    clock_interrupt();
    errors();
    message_interrupt();
    one_number();
    one_message();
    message_table();
    platform_ops();
    machine_checks();
    device_nodes();
    scheduler();
    kit_child_case("unprivileged", child, 0, SHUTDOWN_poweroff);
}
