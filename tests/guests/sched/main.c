/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sched_op: waiting, yielding, ends of domains for each reason, watchdogs, and a domain that spins
 * without harm to the others.
 */
#include <kit/kit.h>
#include <public/domctl.h>

static int sched(unsigned cmd, void *arg)
{
    return (int)hc2(__HYPERVISOR_sched_op, cmd, arg);
}

static void waiting(void)
{
    unsigned port = kit_bind_virq(VIRQ_TIMER, 0), ipi = kit_bind_ipi(0);
    struct vcpu_set_singleshot_timer t = {0};
    uint64_t start = kit_now();

    kit_unmask(port);
    kit_unmask(ipi);
    CHECK_EQ(sched(SCHEDOP_yield, NULL), 0);
    CHECK_EQ(hc2(__HYPERVISOR_sched_op_compat, SCHEDOP_yield, 0), 0);
    t.timeout_abs_ns = start + 4000000;
    kit_events_off(); /* before the timer: a slow machine may let it fire at once */
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, &t);
    CHECK_EQ(sched(SCHEDOP_block, NULL), 0); /* unmasks, and waits */
    CHECK_EQ(kit_event_count[port], 1);
    CHECK(kit_now() - start >= 3900000);
    /* One that is pending already: no waiting, nothing lost. */
    kit_events_off();
    kit_send(ipi);
    CHECK_EQ(kit_event_count[ipi], 0);
    CHECK_EQ(sched(SCHEDOP_block, NULL), 0);
    CHECK_EQ(kit_event_count[ipi], 1);
    t.timeout_abs_ns = kit_now() + 2000000;
    kit_events_off(); /* before the timer: a slow machine may let it fire at once */
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, &t);
    CHECK_EQ(hc2(__HYPERVISOR_sched_op_compat, SCHEDOP_block, 0), 0);
    CHECK_EQ(kit_event_count[port], 2);
    kit_events_off();
    CHECK_EQ(sched(8, NULL), -XEN_ENOSYS);
    CHECK_EQ(sched(~0u, NULL), -XEN_ENOSYS);
    CHECK_EQ(sched(SCHEDOP_shutdown, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(sched(SCHEDOP_remote_shutdown, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(sched(SCHEDOP_shutdown_code, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(sched(SCHEDOP_watchdog, (void *)KIT_NOWHERE), -XEN_EFAULT);
}

static int watchdog(uint32_t id, uint32_t timeout)
{
    struct sched_watchdog w = {.id = id, .timeout = timeout};

    return sched(SCHEDOP_watchdog, &w);
}

static void watchdogs(void)
{
    int a = watchdog(0, 100), b = watchdog(0, 100);

    CHECK(a >= 1 && a <= 2 && b >= 1 && b <= 2 && a != b);
    CHECK_EQ(watchdog(0, 100), -XEN_ENOSPC);
    CHECK_EQ(watchdog((uint32_t)a, 200), 0);
    CHECK(watchdog(3, 1) < 0);
    CHECK(watchdog(~0u, 1) < 0);
    CHECK_EQ(watchdog((uint32_t)a, 0), 0);
    CHECK(watchdog((uint32_t)a, 5) < 0); /* it is gone */
    CHECK_EQ(watchdog((uint32_t)b, 0), 0);
    if (on_lodge) /* Xen starts one that has run out */
        CHECK_EQ(watchdog(0, 0), -XEN_EINVAL);
}

static void privileged_ones(void)
{
    struct sched_remote_shutdown r = {.domain_id = 1234};
    struct sched_pin_override p = {.pcpu = 0};

    CHECK_EQ(sched(SCHEDOP_remote_shutdown, &r), -XEN_ESRCH);
    r.domain_id = 0;
    if (on_lodge) /* Xen does it */
        CHECK_EQ(sched(SCHEDOP_remote_shutdown, &r), -XEN_EPERM);
    r.domain_id = DOMID_SELF;
    CHECK(sched(SCHEDOP_remote_shutdown, &r) < 0);
    CHECK_EQ(sched(SCHEDOP_pin_override, &p), 0);
    CHECK_EQ(sched(SCHEDOP_pin_override, &p), -XEN_EBUSY);
    p.pcpu = -1;
    CHECK_EQ(sched(SCHEDOP_pin_override, &p), 0);
    p.pcpu = 9999;
    CHECK_EQ(sched(SCHEDOP_pin_override, &p), -XEN_EINVAL);
}

static void unprivileged(uint64_t unused)
{
    struct sched_remote_shutdown r = {.domain_id = 0};
    struct sched_pin_override p = {.pcpu = 0};

    (void)unused;
    CHECK_EQ(sched(SCHEDOP_remote_shutdown, &r), -XEN_EPERM);
    CHECK_EQ(sched(SCHEDOP_pin_override, &p), -XEN_EPERM);
}

static void end(uint64_t reason)
{
    kit_shutdown((unsigned)reason);
}

static void end_with_code(uint64_t unused)
{
    struct sched_shutdown s = {.reason = SHUTDOWN_crash};

    (void)unused;
    CHECK_EQ(sched(SCHEDOP_shutdown_code, &s), 0);
    kit_shutdown(SHUTDOWN_reboot);
}

static void bitten(uint64_t unused)
{
    (void)unused;
    CHECK(watchdog(0, 1) > 0);
    for (;;)
        kit_sleep(50000000);
}

static void suspends(uint64_t unused)
{
    struct sched_shutdown s = {.reason = SHUTDOWN_suspend};

    (void)unused;
    CHECK(sched(SCHEDOP_shutdown, &s) >= 0);
    kit_shutdown(SHUTDOWN_reboot); /* having come back */
}

static volatile uint64_t spins;

static void spin(uint64_t unused)
{
    (void)unused;
    for (;;)
        spins++;
}

static void ends(void)
{
    static const unsigned reasons[] = {SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_crash,
                                       SHUTDOWN_watchdog};
    struct sched_remote_shutdown r = {.reason = SHUTDOWN_reboot};
    struct kit_child c;
    unsigned port = kit_bind_virq(VIRQ_DOM_EXC, 0), before;

    kit_unmask(port);
    kit_events_on();
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
        before = kit_event_count[port];
        kit_child_case("shutdown", end, reasons[i], (int)reasons[i]);
        CHECK(kit_event_count[port] > before); /* at its end, at the latest when it was destroyed */
    }
    kit_child_case("shutdown code", end_with_code, 0, SHUTDOWN_crash);
    kit_child_case("unprivileged", unprivileged, 0, SHUTDOWN_poweroff);
    kit_child_case("watchdog", bitten, 0, SHUTDOWN_watchdog);
    /* Suspended, resumed, and then an end of its own. */
    CHECK_EQ(kit_child_create(&c, suspends, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_suspend);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_resumedomain, c.domid, NULL, 0), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_reboot);
    CHECK_EQ(kit_child_destroy(&c), 0);
    /* Spinning: we get our turns, and can end it. */
    CHECK_EQ(kit_child_create(&c, spin, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    uint64_t start = kit_now();

    for (unsigned i = 0; i < 20; i++)
        kit_sleep(1000000);
    kit_check(kit_now() - start < KIT_PATIENCE, __FILE__, __LINE__, "20 sleeps of 1 ms: %lu ns",
              kit_now() - start);
    uint64_t *theirs = kit_child_map(&c, (void *)&spins), seen = *theirs;

    for (start = kit_now();
         *(volatile uint64_t *)theirs == seen && kit_now() - start < KIT_PATIENCE;)
        kit_sleep(10000000);
    CHECK(*(volatile uint64_t *)theirs > seen);
    /* Both spin: both get on, also when one has had the CPU for itself until then. */
    kit_sleep(400000000);
    seen = *theirs;
    start = kit_now();
    while (*(volatile uint64_t *)theirs == seen && kit_now() - start < KIT_PATIENCE)
        ;
    CHECK(*(volatile uint64_t *)theirs > seen);
    r.domain_id = c.domid;
    CHECK_EQ(sched(SCHEDOP_remote_shutdown, &r), 0);
    kit_child_unmap();
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_reboot);
    CHECK_EQ(kit_child_destroy(&c), 0);
    /* Destroyed while it runs. */
    CHECK_EQ(kit_child_create(&c, spin, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    kit_sleep(10000000);
    CHECK_EQ(kit_child_destroy(&c), 0);
    kit_events_off();
}

static volatile struct {
    uint64_t offline_ns, looks;
} __attribute__((aligned(16))) state_seen;

static void watch_state(uint64_t unused)
{
    struct vcpu_runstate_info info;

    (void)unused;
    for (;;) {
        CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, &info), 0);
        state_seen.offline_ns = info.time[RUNSTATE_offline];
        state_seen.looks++;
    }
}

/* So long the child has been offline, by its own latest look. */
static uint64_t offline_for(struct kit_child *c)
{
    volatile typeof(state_seen) *theirs = kit_child_map(c, (void *)&state_seen);
    uint64_t looks = theirs->looks, ns;

    for (uint64_t end = kit_now() + KIT_PATIENCE; theirs->looks < looks + 2 && kit_now() < end;)
        kit_sleep(10000000);
    CHECK(theirs->looks >= looks + 2);
    ns = theirs->offline_ns;
    kit_child_unmap();
    return ns;
}

/* One that waits for the end of its cap is runnable, also when it was paused for a moment. */
static void capped_and_paused(void)
{
    struct xen_domctl_scheduler_op op = {.sched_id = XEN_SCHEDULER_CREDIT2,
                                         .cmd = XEN_DOMCTL_SCHEDOP_putinfo,
                                         .u.credit2 = {.cap = 2}};
    struct kit_child c;
    uint64_t before, ns, start, paused = 0, running;

    CHECK_EQ(kit_child_create(&c, watch_state, 0, 0, 1), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_scheduler_op, c.domid, &op, sizeof(op)), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    before = offline_for(&c);
    start = kit_now();
    for (unsigned i = 0; i < 40; i++) {
        uint64_t since;

        kit_sleep(5000000);
        since = kit_now();
        CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0), 0);
        CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c.domid, NULL, 0), 0);
        paused += kit_now() - since; /* long, where the machine itself stands still in between */
    }
    running = kit_now() - start - paused;
    ns = offline_for(&c) - before;
    kit_check(ns < paused + running / 2, __FILE__, __LINE__,
              "offline for %lu ns, paused for %lu, not for %lu", ns, paused, running);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    waiting();
    watchdogs();
    privileged_ones();
    ends();
    if (on_lodge)
        capped_and_paused();
}
