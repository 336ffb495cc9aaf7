/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control domain makes random hypercalls. It has more rights than others, but no more right to
 * bring the hypervisor down: after all of it a hypercall still answers, and a child can still be
 * made and destroyed. Left out is what ends the machine by design, and what may write into frames
 * or addresses of this program itself; its buffers lie below the image, with nothing around them.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/platform.h>
#include <public/sysctl.h>

#define CALLS 20000

static uint64_t state = 0x1234567;
static uint64_t *buffers[4];

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t any_value(void)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     7,
                                     8,
                                     63,
                                     64,
                                     511,
                                     512,
                                     4095,
                                     4096,
                                     0x7ff0,
                                     0x7ff1,
                                     0x7ff2,
                                     0x7ff4,
                                     0xffff,
                                     0x10000,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x100000000,
                                     0x8000000000000000,
                                     ~0ull,
                                     0x800000000000,
                                     0xffff800000000000,
                                     0xffff82d040000000,
                                     0xffff830000000000,
                                     KIT_NOWHERE};
    uint64_t r = next();

    switch (r % 6) {
    case 0:
    case 1:
        return edges[(r >> 8) % ARRAY_SIZE(edges)];
    case 2:
        return (uint64_t)buffers[(r >> 8) % 4];
    case 3:
        return (uint64_t)buffers[(r >> 8) % 4] >> 12;
    case 4:
        return (r >> 8) & ((1ull << (r >> 56) % 33) - 1);
    default:
        return (r >> 8) % 40;
    }
}

/* Not an address of this program. */
static uint64_t value(void)
{
    uint64_t v = any_value();

    return v >= 0xf0000 && v < 0x400000 ? 0x5000 : v;
}

/* A control structure: right version, any command but those that end things. */
static void control(uint64_t *buffer, unsigned nr)
{
    uint32_t *words = (uint32_t *)buffer;
    static const uint32_t versions[] = {XENPF_INTERFACE_VERSION, XEN_SYSCTL_INTERFACE_VERSION,
                                        XEN_DOMCTL_INTERFACE_VERSION};

    static const uint8_t of_ourselves[] = {
        XEN_DOMCTL_getdomaininfo,       XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_getvcpuinfo,
        XEN_DOMCTL_getvcpuaffinity,     XEN_DOMCTL_gettscinfo,     XEN_DOMCTL_get_address_size,
        XEN_DOMCTL_getpageframeinfo3,   XEN_DOMCTL_get_cpu_policy, XEN_DOMCTL_getvcpuextstate,
        XEN_DOMCTL_get_ext_vcpucontext, XEN_DOMCTL_get_vcpu_msrs,  XEN_DOMCTL_setdomainhandle,
        XEN_DOMCTL_scheduler_op,        XEN_DOMCTL_destroydomain,  XEN_DOMCTL_max_vcpus};

    words[0] = (uint32_t)(next() % (nr == __HYPERVISOR_sysctl ? 34 : 90));
    words[1] = versions[nr == __HYPERVISOR_platform_op ? 0 : nr == __HYPERVISOR_sysctl ? 1 : 2];
    if (nr == __HYPERVISOR_domctl) {
        words[2] = next() % 4 == 0 ? 0 : (uint32_t)value() & 0xffff;
        if (words[2] == 0)
            words[0] = of_ourselves[next() % ARRAY_SIZE(of_ourselves)];
    }
    if (nr == __HYPERVISOR_sysctl && words[0] == XEN_SYSCTL_debug_keys)
        words[0] = XEN_SYSCTL_physinfo;
    if (nr == __HYPERVISOR_platform_op && words[0] == XENPF_enter_acpi_sleep)
        words[0] = XENPF_get_cpuinfo;
}

static bool left_out(unsigned nr, unsigned cmd)
{
    if (nr == __HYPERVISOR_event_channel_op)
        return cmd == EVTCHNOP_init_control || cmd == EVTCHNOP_expand_array;
    if (nr == __HYPERVISOR_physdev_op)
        return cmd == PHYSDEVOP_pirq_eoi_gmfn_v1 || cmd == PHYSDEVOP_pirq_eoi_gmfn_v2;
    return cmd == GNTTABOP_copy || cmd == GNTTABOP_map_grant_ref;
}

static void one(void)
{
    static const uint8_t calls[] = {__HYPERVISOR_domctl,
                                    __HYPERVISOR_domctl,
                                    __HYPERVISOR_sysctl,
                                    __HYPERVISOR_platform_op,
                                    __HYPERVISOR_physdev_op,
                                    __HYPERVISOR_memory_op,
                                    __HYPERVISOR_grant_table_op,
                                    __HYPERVISOR_event_channel_op,
                                    __HYPERVISOR_xen_version,
                                    __HYPERVISOR_mmuext_op,
                                    __HYPERVISOR_update_va_mapping_otherdomain,
                                    __HYPERVISOR_nmi_op,
                                    __HYPERVISOR_vm_assist,
                                    __HYPERVISOR_get_debugreg,
                                    __HYPERVISOR_set_timer_op};
    unsigned nr = calls[next() % ARRAY_SIZE(calls)], n = 2 + (unsigned)next() % 20;
    uint64_t *buffer = buffers[next() % 4], cmd = next() % 32;

    for (unsigned i = 0; i < n; i++)
        buffer[i] = next() % 2 ? value() : ((uint32_t)value() | value() << 32);
    switch (nr) {
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_platform_op:
        control(buffer, nr);
        hc1(nr, next() % 16 ? (uint64_t)buffer : value());
        return;
    case __HYPERVISOR_mmuext_op:
        if ((uint32_t)buffer[0] == MMUEXT_NEW_BASEPTR || (uint32_t)buffer[0] == MMUEXT_UNPIN_TABLE)
            buffer[0] = MMUEXT_PIN_L4_TABLE;
        hc4(nr, buffer, next() % 8 ? 1 : value(), next() % 4 ? 0 : value(),
            next() % 4 ? DOMID_XEN : (uint32_t)value() | 1);
        return;
    case __HYPERVISOR_memory_op:
        if (cmd == XENMEM_decrease_reservation || cmd == XENMEM_exchange)
            return;
        hc2(nr, cmd, next() % 16 ? (uint64_t)buffer : value());
        return;
    case __HYPERVISOR_update_va_mapping_otherdomain:
        hc4(nr, value() | 0x7000000000ul, value(), value(), value());
        return;
    case __HYPERVISOR_event_channel_op:
    case __HYPERVISOR_physdev_op:
    case __HYPERVISOR_grant_table_op:
        if (left_out(nr, (unsigned)cmd))
            return;
        /* fall through */
    default:
        hc4(nr, cmd, next() % 16 ? (uint64_t)buffer : value(),
            next() % 4 ? 1 + next() % 4 : value(), value());
        return;
    }
}

static void idle(uint64_t unused)
{
    (void)unused;
}

void test_main(void)
{
    struct xen_domctl_getdomaininfo info = {0};

    for (uint64_t va = 0; va < (uint64_t)image_start; va += PAGE_SIZE)
        if (va < 0x10000 || va >= 0x50000 || (va & 0xf000) >= 0x9000)
            kit_set_pte((void *)va, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(buffers); i++)
        buffers[i] = (uint64_t *)(0x10000ul * (i + 1));
    for (unsigned i = 0; i < CALLS; i++) {
        one();
        if (i % 4000 == 3999)
            printk("%u calls\n", i + 1);
    }
    CHECK_EQ(hc2(__HYPERVISOR_xen_version, XENVER_version, 0), (4 << 16) | 17);
    /* Domains that it made by accident go, too. */
    for (unsigned id = 1; id < DOMID_FIRST_RESERVED; id = info.domain + 1u) {
        if (kit_domctl(XEN_DOMCTL_getdomaininfo, id, &info, sizeof(info)) != 0 || info.domain < id)
            break;
        while (kit_domctl(XEN_DOMCTL_destroydomain, info.domain, NULL, 0) == -XEN_EAGAIN)
            ;
    }
    kit_child_case("afterwards", idle, 0, SHUTDOWN_poweroff);
}
