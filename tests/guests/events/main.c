/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels in the 2-level form, and the timers that use them: every operation, its errors,
 * and what an unprivileged child may not do with its parent's ports.
 */
#include <kit/kit.h>

static unsigned alloc(domid_t dom, domid_t remote)
{
    struct evtchn_alloc_unbound a = {.dom = dom, .remote_dom = remote};

    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    return a.port;
}

static int bind(domid_t dom, unsigned remote, unsigned *port)
{
    struct evtchn_bind_interdomain b = {.remote_dom = dom, .remote_port = remote};
    int rc = kit_evtchn(EVTCHNOP_bind_interdomain, &b);

    *port = b.local_port;
    return rc;
}

static int close(unsigned port)
{
    struct evtchn_close c = {.port = port};

    return kit_evtchn(EVTCHNOP_close, &c);
}

static struct evtchn_status status(unsigned port)
{
    struct evtchn_status s = {.dom = DOMID_SELF, .port = port};

    CHECK_EQ(kit_evtchn(EVTCHNOP_status, &s), 0);
    return s;
}

static bool pending(unsigned port)
{
    return (((volatile unsigned long *)shared->evtchn_pending)[port / 64] >> (port % 64)) & 1;
}

static void set_mask(unsigned port, bool on)
{
    if (on)
        __atomic_fetch_or(&shared->evtchn_mask[port / 64], 1ul << (port % 64), __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&shared->evtchn_mask[port / 64], ~(1ul << (port % 64)),
                           __ATOMIC_SEQ_CST);
}

static void clear(unsigned port)
{
    __atomic_fetch_and(&shared->evtchn_pending[port / 64], ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
}

static void to_self(void)
{
    unsigned a = alloc(DOMID_SELF, DOMID_SELF), b, c, before;

    CHECK_EQ(status(a).status, EVTCHNSTAT_unbound);
    CHECK_EQ(kit_send(a), 0); /* unbound: nothing, and no error */
    CHECK_EQ(bind(DOMID_SELF, a, &b), 0);
    CHECK_EQ(bind(DOMID_SELF, a, &c), -XEN_EINVAL); /* bound already */
    CHECK_EQ(status(a).status, EVTCHNSTAT_interdomain);
    CHECK_EQ(status(a).u.interdomain.port, b);
    CHECK_EQ(status(b).u.interdomain.port, a);
    CHECK(pending(b)); /* at birth */
    kit_unmask(a);
    kit_unmask(b);
    kit_events_on();
    CHECK(kit_wait_event(b, 1, KIT_PATIENCE));
    before = kit_event_count[a];
    CHECK_EQ(kit_send(b), 0); /* arrives at a */
    CHECK_EQ(kit_event_count[a], before + 1);
    for (unsigned i = 0; i < 100; i++)
        kit_send(b);
    CHECK_EQ(kit_event_count[a], before + 101);
    /* Masked port: stays pending until it is unmasked. */
    set_mask(a, true);
    CHECK_EQ(kit_send(b), 0);
    CHECK_EQ(kit_event_count[a], before + 101);
    CHECK(pending(a));
    kit_unmask(a);
    CHECK_EQ(kit_event_count[a], before + 102);
    /* All masked: many sends are one event. */
    kit_events_off();
    for (unsigned i = 0; i < 10; i++)
        kit_send(b);
    CHECK_EQ(kit_event_count[a], before + 102);
    CHECK(kit_vcpu_info[0]->evtchn_upcall_pending);
    kit_events_on();
    CHECK_EQ(kit_event_count[a], before + 103);
    CHECK_EQ(close(b), 0);
    CHECK_EQ(status(a).status, EVTCHNSTAT_unbound);
    CHECK_EQ(status(b).status, EVTCHNSTAT_closed);
    CHECK_EQ(close(b), -XEN_EINVAL);
    CHECK_EQ(kit_send(b), -XEN_EINVAL);
    CHECK_EQ(close(a), 0);
    kit_events_off();
}

static void ipis(void)
{
    unsigned port = kit_bind_ipi(0);
    struct evtchn_bind_vcpu move = {.port = port, .vcpu = 0};
    struct evtchn_bind_ipi bad = {.vcpu = 99};

    CHECK_EQ(status(port).status, EVTCHNSTAT_ipi);
    kit_unmask(port);
    kit_events_on();
    kit_event_count[port] = 0;
    CHECK_EQ(kit_send(port), 0);
    CHECK_EQ(kit_event_count[port], 1);
    kit_events_off();
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_vcpu, &move), -XEN_EINVAL);
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_ipi, &bad), -XEN_ENOENT);
    bad.vcpu = ~0u;
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_ipi, &bad), -XEN_ENOENT);
    CHECK_EQ(close(port), 0);
}

static void virqs(void)
{
    unsigned port = kit_bind_virq(VIRQ_DEBUG, 0);
    struct evtchn_bind_virq b = {.virq = VIRQ_DEBUG}, bad = {.virq = NR_VIRQS};
    struct evtchn_bind_vcpu move = {.port = port};

    CHECK_EQ(status(port).status, EVTCHNSTAT_virq);
    CHECK_EQ(status(port).u.virq, VIRQ_DEBUG);
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_virq, &b), -XEN_EEXIST);
    CHECK_EQ(kit_send(port), -XEN_EINVAL);
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_vcpu, &move), -XEN_EINVAL); /* per vcpu */
    CHECK_EQ(close(port), 0);
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_virq, &b), 0); /* free again */
    CHECK_EQ(close(b.port), 0);
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_virq, &bad), -XEN_EINVAL);
    bad.virq = ~0u;
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_virq, &bad), -XEN_EINVAL);
    bad.virq = VIRQ_DEBUG;
    bad.vcpu = 1000;
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_virq, &bad), -XEN_ENOENT);
    bad.virq = VIRQ_DOM_EXC;
    bad.vcpu = 1;
    CHECK(kit_evtchn(EVTCHNOP_bind_virq, &bad) < 0); /* global ones begin on vcpu 0 */
    port = kit_bind_virq(VIRQ_DOM_EXC, 0);
    move.port = port;
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_vcpu, &move), 0);
    move.vcpu = 50;
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_vcpu, &move), -XEN_ENOENT);
    CHECK_EQ(close(port), 0);
}

static void errors(void)
{
    static const unsigned bad[] = {0, 4095, 4096, 131071, 131072, 0x7fffffff, ~0u};
    struct evtchn_alloc_unbound a = {.dom = 1234, .remote_dom = DOMID_SELF};
    struct evtchn_status s = {.dom = 1234};
    unsigned port;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct evtchn_unmask u = {.port = bad[i]};
        struct evtchn_bind_vcpu v = {.port = bad[i]};

        CHECK_EQ(kit_send(bad[i]), -XEN_EINVAL);
        CHECK_EQ(close(bad[i]), -XEN_EINVAL);
        CHECK_EQ(bind(DOMID_SELF, bad[i], &port), -XEN_EINVAL);
        CHECK(kit_evtchn(EVTCHNOP_bind_vcpu, &v) < 0);
        if (bad[i] == 0 || bad[i] >= 4096)
            CHECK_EITHER(kit_evtchn(EVTCHNOP_unmask, &u), -XEN_EINVAL, bad[i] == 0 ? 0 : 1);
    }
    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), -XEN_ESRCH);
    CHECK_EQ(kit_evtchn(EVTCHNOP_status, &s), -XEN_ESRCH);
    CHECK_EQ(bind(1234, 1, &port), -XEN_ESRCH);
    s.dom = DOMID_SELF;
    s.port = 200000;
    CHECK_EQ(kit_evtchn(EVTCHNOP_status, &s), -XEN_EINVAL);
    CHECK_EQ(kit_evtchn(15, &s), -XEN_ENOSYS);
    CHECK_EQ(kit_evtchn(~0u, &s), -XEN_ENOSYS);
    for (unsigned cmd = 0; cmd <= EVTCHNOP_set_priority; cmd++)
        CHECK_EQ(kit_evtchn(cmd, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, (void *)0xffff820000000000ul), -XEN_EFAULT);
}

/* As many ports as there are, then none, and all of them back by reset. */
static void exhaust(void)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    unsigned n = 0;
    int rc;

    while ((rc = kit_evtchn(EVTCHNOP_alloc_unbound, &a)) == 0 && n < 5000)
        n++;
    CHECK_EQ(rc, -XEN_ENOSPC);
    CHECK(n > 900 && n < 4096);
    CHECK_EQ(kit_evtchn(EVTCHNOP_reset, &reset), 0);
    CHECK_EQ(status(100).status, EVTCHNSTAT_closed);
    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK_EQ(close(a.port), 0);
    reset.dom = 1234;
    CHECK(kit_evtchn(EVTCHNOP_reset, &reset) < 0);
}

static int single(uint64_t when, unsigned flags)
{
    struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = when, .flags = flags};

    return (int)hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, &t);
}

static void periodic(unsigned port)
{
    struct vcpu_set_periodic_timer p = {.period_ns = 2000000};
    unsigned n;

    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, 0, &p), 0);
    CHECK(kit_wait_event(port, kit_event_count[port] + 3, KIT_PATIENCE));
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0), 0);
    kit_sleep(3000000);
    n = kit_event_count[port];
    kit_sleep(10000000);
    CHECK_EQ(kit_event_count[port], n);
    p.period_ns = 1000;
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, 0, &p), -XEN_EINVAL);
    p.period_ns = ~0ul;
    CHECK(hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, 0, &p) <= 0);
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0);
}

/* On a busy machine a vcpu may stand still, between two calls too: then it is done once more. */
#define NEAR 100000000ull /* ns */
#define FAR  (KIT_PATIENCE * 5)

static bool was_too_late(uint64_t start)
{
    return kit_now() - start >= NEAR;
}

static void future(unsigned port)
{
    unsigned n = kit_event_count[port];
    uint64_t start;
    int rc;

    do {
        start = kit_now();
        rc = single(start + NEAR, VCPU_SSHOTTMR_future);
    } while (rc == -XEN_ETIME && was_too_late(start));
    CHECK_EQ(rc, 0);
    CHECK(kit_wait_event(port, n + 1, KIT_PATIENCE));
}

static void set_near(uint64_t start)
{
    CHECK_EQ(single(start + NEAR, 0), 0);
}

/* The later setting replaces the earlier one. */
static void set_far(uint64_t start)
{
    CHECK_EQ(single(start + FAR, 0), 0);
}

/* The other call for the same timer. */
static void set_near_by_op(uint64_t start)
{
    CHECK_EQ(hc1(__HYPERVISOR_set_timer_op, start + NEAR), 0);
}

/* Stopping stops. */
static void stop_by_op(uint64_t start)
{
    (void)start;
    CHECK_EQ(hc1(__HYPERVISOR_set_timer_op, 0), 0);
}

/* A timer that is set, and set otherwise before it is due, does not fire for the first. */
static void does_not_fire(unsigned port, void (*set)(uint64_t start), void (*other)(uint64_t start))
{
    uint64_t start;
    unsigned n;
    bool late;

    do {
        n = kit_event_count[port];
        start = kit_now();
        set(start);
        other(start);
        late = was_too_late(start);
        kit_sleep(2 * NEAR);
    } while (late);
    CHECK_EQ(kit_event_count[port], n);
}

static void timers(void)
{
    unsigned port = kit_bind_virq(VIRQ_TIMER, 0), n;
    uint64_t start, took;

    kit_event_count[port] = 0;
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0);
    kit_unmask(port);
    kit_events_on();
    start = kit_now();
    CHECK_EQ(single(start + 5000000, 0), 0);
    CHECK(kit_wait_event(port, 1, KIT_PATIENCE));
    took = kit_now() - start;
    kit_check(took >= 4900000, __FILE__, __LINE__, "a timer of 5 ms took %lu ns", took);
    CHECK_EQ(single(kit_now() - 1000000, 0), 0); /* past: at once */
    CHECK(kit_wait_event(port, 2, KIT_PATIENCE));
    n = kit_event_count[port];
    if (on_lodge) /* Xen lets it fire */
        CHECK_EQ(single(1, VCPU_SSHOTTMR_future), -XEN_ETIME);
    CHECK_EQ(kit_event_count[port], n);
    future(port);
    does_not_fire(port, set_near, set_far);
    n = kit_event_count[port];
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, 0, 0), 0);
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, 0, 0), 0);
    CHECK_EQ(hc1(__HYPERVISOR_set_timer_op, kit_now() + NEAR), 0);
    CHECK(kit_wait_event(port, n + 1, KIT_PATIENCE));
    CHECK_EQ(hc1(__HYPERVISOR_set_timer_op, 1), 0);
    CHECK(kit_wait_event(port, n + 2, KIT_PATIENCE));
    does_not_fire(port, set_near_by_op, stop_by_op);
    n = kit_event_count[port];
    CHECK_EQ(single(~0ul, 0), 0); /* centuries away, or refused; not now */
    kit_sleep(2000000);
    CHECK(kit_event_count[port] == n || !on_lodge); /* Xen takes it for a past time */
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, 0, 0);
    periodic(port);
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 999, &start), -XEN_ENOENT);
    kit_events_off();
    CHECK_EQ(close(port), 0);
}

static void polling(void)
{
    unsigned port = kit_bind_ipi(0);
    evtchn_port_t ports[129];
    struct sched_poll p = {.nr_ports = 1, .timeout = 0};
    uint64_t start;

    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        ports[i] = port;
    p.ports.p = ports;
    kit_events_off();
    set_mask(port, true);
    kit_send(port);
    CHECK(pending(port));
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0); /* pending: at once */
    clear(port);
    start = kit_now();
    p.timeout = start + 3000000;
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0);
    CHECK(kit_now() - start >= 2900000);
    p.timeout = 1; /* past */
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0);
    p.nr_ports = 128;
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0);
    p.nr_ports = 129;
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), -XEN_EINVAL);
    p.nr_ports = ~0u;
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), -XEN_EINVAL);
    p.nr_ports = 1;
    ports[0] = 200000;
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), -XEN_EINVAL);
    p.ports.p = (void *)KIT_NOWHERE;
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p), -XEN_EFAULT);
    CHECK_EQ(hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, KIT_NOWHERE), -XEN_EFAULT);
    clear(port);
    CHECK_EQ(close(port), 0);
}

/* arg: a port that the parent made for it, and in the upper half one that is for somebody else. */
static void child(uint64_t arg)
{
    unsigned mine = (unsigned)arg & 0xffff, others = (unsigned)(arg >> 32), port, other;
    struct evtchn_alloc_unbound a = {.dom = 0, .remote_dom = DOMID_SELF};
    struct evtchn_status s = {.dom = 0, .port = 1};
    struct evtchn_reset reset = {.dom = 0};

    CHECK_EQ(bind(0, others, &port), -XEN_EINVAL);
    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), -XEN_EPERM);
    CHECK_EQ(kit_evtchn(EVTCHNOP_status, &s), -XEN_EPERM);
    CHECK_EQ(kit_evtchn(EVTCHNOP_reset, &reset), -XEN_EPERM);
    CHECK_EQ(bind(0, mine, &port), 0);
    CHECK_EQ(bind(0, mine, &other), -XEN_EINVAL);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(kit_send(port), 0);
        kit_sleep(1000000);
    }
}

static void across(void)
{
    struct kit_child c;
    unsigned port, others;

    CHECK_EQ(kit_child_create(&c, child, 0, 0, 1), 0);
    port = alloc(DOMID_SELF, c.domid);
    others = alloc(DOMID_SELF, 0);
    kit_event_count[port] = 0;
    kit_unmask(port);
    kit_events_on();
    CHECK_EQ(kit_child_set_arg(&c, child, port | (uint64_t)others << 32), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK(kit_event_count[port] >= 3);
    CHECK_EQ(status(port).status, EVTCHNSTAT_interdomain);
    CHECK_EQ(kit_child_destroy(&c), 0);
    CHECK_EQ(status(port).status, EVTCHNSTAT_unbound); /* its end is gone, ours is not */
    CHECK_EQ(close(port), 0);
    kit_events_off();
}

void test_main(void)
{
    to_self();
    ipis();
    virqs();
    errors();
    timers();
    polling();
    across();
    exhaust();
}
