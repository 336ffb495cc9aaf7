/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processors in and out of use, while four vcpus keep all of them busy: those that ran there run
 * elsewhere, their timers go on, an affinity that leaves nothing is broken, and everybody who asks
 * is told what is.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/platform.h>
#include <public/sysctl.h>

#define CPUS   4u
#define ROUNDS 40u

static volatile uint64_t spins[CPUS];
static volatile bool stop;
static unsigned ticks[CPUS]; /* ports */

static int hotplug(unsigned cpu, unsigned what)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cpu_hotplug,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    op.u.cpu_hotplug.cpu = cpu;
    op.u.cpu_hotplug.op = what;
    return (int)hc1(__HYPERVISOR_sysctl, &op);
}

static int offline(unsigned cpu)
{
    return hotplug(cpu, XEN_SYSCTL_CPU_HOTPLUG_OFFLINE);
}

static int online(unsigned cpu)
{
    return hotplug(cpu, XEN_SYSCTL_CPU_HOTPLUG_ONLINE);
}

static int platform(unsigned cmd, unsigned cpu, uint32_t *flags)
{
    struct xen_platform_op op = {.cmd = cmd, .interface_version = XENPF_INTERFACE_VERSION};
    int rc;

    if (cmd == XENPF_get_cpuinfo)
        op.u.pcpu_info.xen_cpuid = cpu;
    else
        op.u.cpu_ol.cpuid = cpu;
    rc = (int)hc1(__HYPERVISOR_platform_op, &op);
    if (flags != NULL)
        *flags = op.u.pcpu_info.flags;
    return rc;
}

static unsigned count(void)
{
    struct xen_sysctl_physinfo host = kit_physinfo();

    CHECK_EQ(host.max_cpu_id, CPUS - 1);
    return host.nr_cpus;
}

static unsigned where(unsigned vcpu)
{
    struct xen_domctl_getvcpuinfo info = {.vcpu = vcpu};

    CHECK_EQ(kit_domctl(XEN_DOMCTL_getvcpuinfo, 0, &info, sizeof(info)), 0);
    return info.cpu;
}

static int affinity(unsigned cmd, unsigned vcpu, uint64_t *hard)
{
    struct xen_domctl_vcpuaffinity a = {.vcpu = vcpu, .flags = XEN_VCPUAFFINITY_HARD};

    a.cpumap_hard.nr_bits = 64;
    set_xen_guest_handle(a.cpumap_hard.bitmap, (uint8_t *)hard);
    return kit_domctl(cmd, 0, &a, sizeof(a));
}

static int pin(unsigned vcpu, uint64_t hard)
{
    return affinity(XEN_DOMCTL_setvcpuaffinity, vcpu, &hard);
}

/* Spins, asks for a tick each millisecond, and now and then waits for one. */
static void busy(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    struct vcpu_set_periodic_timer t = {.period_ns = 1000000};

    hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, me, &t);
    kit_events_on();
    while (!stop) {
        spins[me]++;
        if (spins[me] % 4096 == 0)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    }
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, me, 0);
    for (;;)
        hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, me, 0);
}

/* All of the others have gone on, and have had ticks, since the call before the last. */
static bool all_go_on(void)
{
    uint64_t before[CPUS], end = kit_now() + KIT_PATIENCE;
    unsigned old[CPUS];
    bool on = false;

    for (unsigned i = 1; i < CPUS; i++) {
        before[i] = spins[i];
        old[i] = kit_event_count[ticks[i]];
    }
    while (!on && kit_now() < end) {
        on = true;
        for (unsigned i = 1; i < CPUS; i++)
            on = on && spins[i] != before[i] && kit_event_count[ticks[i]] != old[i];
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    }
    return on;
}

static void refusals(void)
{
    CHECK_EQ(offline(0), -XEN_EINVAL);
    CHECK_EQ(offline(CPUS), -XEN_EINVAL);
    CHECK_EQ(offline(~0u), -XEN_EINVAL);
    CHECK_EQ(online(CPUS), -XEN_EINVAL);
    CHECK_EQ(online(1), -XEN_EEXIST);
    CHECK_EQ(hotplug(0, XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE), -XEN_EOPNOTSUPP);
    CHECK_EQ(hotplug(0, XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE), -XEN_EOPNOTSUPP);
    CHECK_EQ(hotplug(1, 77), -XEN_EOPNOTSUPP);
    CHECK_EQ(platform(XENPF_cpu_offline, 0, NULL), -XEN_EOPNOTSUPP);
    CHECK_EQ(platform(XENPF_cpu_offline, CPUS, NULL), -XEN_EINVAL);
    CHECK_EQ(platform(XENPF_cpu_online, 1, NULL), 0);
    CHECK_EQ(count(), CPUS);
}

/* What is said of it, and the event that tells of the change. */
static void told(void)
{
    unsigned port = kit_bind_virq(VIRQ_PCPU_STATE, 0);
    uint32_t flags;

    kit_unmask(port);
    CHECK_EQ(platform(XENPF_cpu_offline, 3, NULL), 0);
    CHECK(kit_wait_event(port, 1, KIT_PATIENCE));
    CHECK_EQ(count(), CPUS - 1);
    CHECK_EQ(platform(XENPF_get_cpuinfo, 3, &flags), 0);
    CHECK_EQ(flags & XEN_PCPU_FLAGS_ONLINE, 0);
    CHECK_EQ(offline(3), -XEN_EEXIST);
    CHECK_EQ(platform(XENPF_cpu_offline, 3, NULL), 0);
    CHECK_EQ(pin(0, 8), -XEN_EINVAL);
    CHECK_EQ(online(3), 0);
    CHECK(kit_wait_event(port, 2, KIT_PATIENCE));
    CHECK_EQ(platform(XENPF_get_cpuinfo, 3, &flags), 0);
    CHECK_EQ(flags & XEN_PCPU_FLAGS_ONLINE, XEN_PCPU_FLAGS_ONLINE);
    CHECK_EQ(count(), CPUS);
    kit_port_close(port);
}

/* One that was just being woken may get there once more, and is sent away. */
static bool all_off(uint64_t cpus)
{
    uint64_t end = kit_now() + KIT_PATIENCE;
    bool off = false;

    while (!off && kit_now() < end) {
        off = true;
        for (unsigned v = 0; v < CPUS; v++)
            off = off && !(cpus >> where(v) & 1);
    }
    return off;
}

/* Those that ran there go, also the one that asks. */
static void under_load(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned cpu = 1 + round % (CPUS - 1), other = 1 + (round + 1) % (CPUS - 1);

        CHECK_EQ(pin(0, 1ull << cpu | 1), 0);
        CHECK_EQ(offline(cpu), 0);
        if (round & 1)
            CHECK_EQ(offline(other), 0);
        CHECK(all_off(1ull << cpu | (round & 1 ? 1ull << other : 0)));
        CHECK(all_go_on());
        CHECK_EQ(online(cpu), 0);
        if (round & 1)
            CHECK_EQ(online(other), 0);
    }
    CHECK_EQ(pin(0, ~0ull), 0);
    CHECK(all_go_on());
}

/* A vcpu that runs where it may no longer goes when that CPU has been told. */
static bool moves_to(unsigned vcpu, unsigned cpu)
{
    uint64_t end = kit_now() + KIT_PATIENCE;

    while (where(vcpu) != cpu && kit_now() < end)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    return where(vcpu) == cpu;
}

static void affinities(void)
{
    struct sched_pin_override p = {.pcpu = 3};
    uint64_t hard = 0;

    CHECK_EQ(pin(1, 4), 0);
    CHECK(moves_to(1, 2));
    CHECK(all_go_on());
    CHECK_EQ(offline(2), 0);
    CHECK(all_off(1ull << 2));
    CHECK(all_go_on());
    CHECK_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, 1, &hard), 0);
    CHECK_EQ(hard & 0xf, 0xf);
    CHECK_EQ(online(2), 0);
    CHECK_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, 1, &hard), 0);
    CHECK_EQ(hard & 0xf, 0xf);
    /* dom0's kernel does something on a CPU: that one is not taken away. */
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_pin_override, &p), 0);
    CHECK_EQ(offline(3), -XEN_EADDRINUSE);
    CHECK_EQ(count(), CPUS);
    p.pcpu = -1;
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_pin_override, &p), 0);
    CHECK_EQ(offline(3), 0);
    CHECK_EQ(online(3), 0);
}

void test_main(void)
{
    for (unsigned i = 1; i < CPUS; i++) {
        ticks[i] = kit_bind_virq(VIRQ_TIMER, i);
        kit_unmask(ticks[i]);
        CHECK_EQ(kit_vcpu_start(i, busy, (void *)(uintptr_t)i), 0);
    }
    CHECK(all_go_on());
    refusals();
    told();
    under_load();
    affinities();
    stop = true;
}
