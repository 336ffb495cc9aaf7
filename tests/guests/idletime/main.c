/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A processor's idle time is the time in which nobody ran on it: it stands still while a guest
 * computes and goes on while all sleep. It once was the time since boot.
 */
#include <kit/kit.h>
#include <public/sysctl.h>

static uint64_t idle_ns(void)
{
    static struct xen_sysctl op;
    static struct xen_sysctl_cpuinfo info[64];
    uint64_t sum = 0;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_getcpuinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    op.u.getcpuinfo.max_cpus = ARRAY_SIZE(info);
    op.u.getcpuinfo.info.p = info;
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    CHECK_EQ(op.u.getcpuinfo.nr_cpus, 1);
    for (unsigned i = 0; i < op.u.getcpuinfo.nr_cpus; i++)
        sum += info[i].idletime;
    return sum;
}

void test_main(void)
{
    struct vcpu_runstate_info before, after;
    uint64_t start, idle, busy, slept;

    if (!is_dom0) {
        kit_skip("needs the control domain's rights");
        return;
    }
    /* Computing for 50 ms of this vcpu's own time. */
    start = kit_now();
    idle = idle_ns();
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, &before), 0);
    while (kit_now() < start + 50000000) {
    }
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, &after), 0);
    busy = idle_ns() - idle;
    kit_check(busy < 5000000, __FILE__, __LINE__, "idle for %lu ns while a vcpu computed", busy);
    CHECK(after.time[RUNSTATE_running] - before.time[RUNSTATE_running] > 40000000);
    CHECK(after.time[RUNSTATE_blocked] == before.time[RUNSTATE_blocked]);
    /* Sleeping for as long. */
    idle = idle_ns();
    kit_sleep(50000000);
    slept = idle_ns() - idle;
    kit_check(slept > 40000000, __FILE__, __LINE__, "idle for %lu ns of a sleep of 50 ms", slept);
}
