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

static uint64_t blocked_ns(void)
{
    struct vcpu_runstate_info info;

    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, &info), 0);
    return info.time[RUNSTATE_blocked];
}

/* The machine under us may stand still at any moment; so the two accounts are compared, not time.
 */
void test_main(void)
{
    uint64_t start, idle, blocked;

    if (!is_dom0) {
        kit_skip("needs the control domain's rights");
        return;
    }
    start = kit_now();
    idle = idle_ns();
    blocked = blocked_ns();
    while (kit_now() < start + 50000000) {
    }
    idle = idle_ns() - idle;
    CHECK_EQ(blocked_ns() - blocked, 0);
    kit_check(idle == 0, __FILE__, __LINE__, "idle for %lu ns while a vcpu computed", idle);

    idle = idle_ns();
    blocked = blocked_ns();
    for (unsigned i = 0; i < 10; i++)
        kit_sleep(20000000);
    idle = idle_ns() - idle;
    blocked = blocked_ns() - blocked;
    kit_check(blocked > 50000000, __FILE__, __LINE__, "ten sleeps of 20 ms: %lu ns", blocked);
    kit_check(idle > blocked / 2 && idle < blocked + blocked / 2, __FILE__, __LINE__,
              "idle for %lu ns while the only vcpu slept for %lu", idle, blocked);
}
