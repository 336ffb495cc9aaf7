/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trace: records as they are made and in their order, what is lost and how that is said, two
 * readers, a ring that is written while it is read, a CPU out of use, domains of which nothing is
 * wanted; wrong arguments; and that nothing is left when it is off again.
 */
#include <kit/kit.h>
#include <public/lodge.h>
#include <public/lodge_control.h>
#include <public/lodge_trace.h>
#include <public/xen.h>

#define MARK   0x7ace0000ull /* in the first argument of calls that the test looks for */
#define ROOM   4096u         /* records, in the buffer */
#define MANY   16384u
#define ROUNDS 40u
#define MARKS  500u

static struct lodge_trace_record records[ROOM], again[ROOM];
static struct xen_sysctl op;
static struct lodge_sysctl_trace *const t = (struct lodge_sysctl_trace *)&op.u;
static uint32_t version = LODGE_TRACE_VERSION; /* what is asked for */
static unsigned cpus;                          /* of the machine: one or two */
static volatile bool stop, stopped;
static volatile uint64_t calls;

static int trace_at(const void *at, unsigned what)
{
    op.cmd = LODGE_SYSCTL_trace;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    t->version = version;
    t->op = what;
    return (int)hc1(__HYPERVISOR_sysctl, at);
}

static int trace(unsigned what, struct lodge_sysctl_trace with)
{
    *t = with;
    return trace_at(&op, what);
}

static uint32_t start(uint32_t events, uint32_t domain, uint32_t room)
{
    CHECK_EQ(
        trace(LODGE_TRACE_START,
              (struct lodge_sysctl_trace){.events = events, .domain = domain, .records = room}),
        0);
    CHECK(t->id != 0);
    return t->id;
}

static void end(uint32_t id)
{
    CHECK_EQ(trace(LODGE_TRACE_STOP, (struct lodge_sysctl_trace){.id = id}), 0);
}

static int reading(uint32_t id, unsigned cpu, uint64_t from, void *to, uint32_t room)
{
    struct lodge_sysctl_trace with = {.id = id, .cpu = cpu, .position = from, .count = room};

    set_xen_guest_handle(with.buffer, to);
    return trace(LODGE_TRACE_READ, with);
}

static int status(void)
{
    return trace(LODGE_TRACE_STATUS, (struct lodge_sysctl_trace){0});
}

/* A call that does nothing, and shows all of its arguments: the second is known by the first. */
static int64_t mark(uint64_t n)
{
    return hc4(__HYPERVISOR_vm_assist, MARK + n, ~n, n * 3, n + 1);
}

/* CPU by CPU into `to`, until the first that has a call of mark(first). Which CPU is it? */
static unsigned find_cpu(uint32_t id, uint64_t first)
{
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        CHECK_EQ(reading(id, cpu, 0, records, ROOM), 0);
        for (uint32_t i = 0; i < t->count; i++)
            if (records[i].type == LODGE_TRACED_HYPERCALL && records[i].data[0] == MARK + first)
                return cpu;
    }
    return cpus;
}

static bool is(const struct lodge_trace_record *r, unsigned type, unsigned code)
{
    return r->type == type && r->code == code;
}

static unsigned count_of(const struct lodge_trace_record *list, uint32_t n, unsigned type)
{
    unsigned found = 0;

    for (uint32_t i = 0; i < n; i++)
        found += list[i].type == type;
    return found;
}

static void nothing_yet(void)
{
    CHECK_EQ(status(), 0);
    CHECK_EQ(t->id, 0);
    CHECK_EQ(t->events | t->domain | t->records, 0);
    cpus = t->cpu;
    CHECK_EQ(cpus, kit_physinfo().max_cpu_id + 1);
    CHECK(cpus == 1 || cpus == 2);
    CHECK(t->now != 0);
    CHECK_EQ(trace(LODGE_TRACE_STOP, (struct lodge_sysctl_trace){0}), -XEN_ENOENT);
    CHECK_EQ(reading(0, 0, 0, records, ROOM), -XEN_ENOENT);
    CHECK_EQ(reading(1, cpus - 1, 0, records, ROOM), -XEN_ENOENT);
}

/* A start that differs from a good one in one field. */
#define BAD(field, value, error)                                                         \
    do {                                                                                 \
        struct lodge_sysctl_trace bad_ = {                                               \
            .events = LODGE_TRACE_EVERYTHING, .domain = LODGE_TRACE_ALL, .records = 64}; \
        bad_.field = (value);                                                            \
        CHECK_EQ(trace(LODGE_TRACE_START, bad_), (error));                               \
    } while (0)

static void wrong_starts(void)
{
    BAD(events, 0, -XEN_EINVAL);
    BAD(events, LODGE_TRACE_EVERYTHING + 1, -XEN_EINVAL);
    BAD(events, ~0u, -XEN_EINVAL);
    BAD(records, 0, -XEN_EINVAL);
    BAD(records, 63, -XEN_EINVAL);
    BAD(records, 32, -XEN_EINVAL);
    BAD(records, 96, -XEN_EINVAL);
    BAD(records, 131072, -XEN_EINVAL);
    BAD(records, ~0u, -XEN_EINVAL);
    BAD(domain, 4321, -XEN_ESRCH);
    BAD(domain, DOMID_XEN, -XEN_ESRCH);
    BAD(domain, DOMID_IDLE, -XEN_ESRCH);
    BAD(domain, 0x10000, -XEN_ESRCH);
    BAD(domain, ~0u, -XEN_ESRCH);
    BAD(id, 1, -XEN_EINVAL);
    BAD(cpu, 1, -XEN_EINVAL);
    BAD(position, 1, -XEN_EINVAL);
    BAD(count, 1, -XEN_EINVAL);
    BAD(lost, 1, -XEN_EINVAL);
    BAD(now, 1, -XEN_EINVAL);
    BAD(buffer.p, records, -XEN_EINVAL);
    for (unsigned what = 4; what < 64; what++)
        CHECK_EQ(trace(what, (struct lodge_sysctl_trace){0}), -XEN_EOPNOTSUPP);
    CHECK_EQ(trace(~0u, (struct lodge_sysctl_trace){0}), -XEN_EOPNOTSUPP);
    version = LODGE_TRACE_VERSION + 1;
    CHECK_EQ(status(), -XEN_EOPNOTSUPP);
    version = 0;
    CHECK_EQ(status(), -XEN_EOPNOTSUPP);
    version = LODGE_TRACE_VERSION;
    CHECK_EQ(trace_at((void *)KIT_NOWHERE, LODGE_TRACE_START), -XEN_EFAULT);
    nothing_yet();
}

static void wrong_reads(void)
{
    uint32_t id = start(LODGE_TRACE_EVERYTHING, LODGE_TRACE_ALL, 64);

    BAD(events, 1, -XEN_EBUSY);
    CHECK_EQ(reading(id, cpus, 0, records, ROOM), -XEN_EINVAL);
    CHECK_EQ(reading(id, 64, 0, records, ROOM), -XEN_EINVAL);
    CHECK_EQ(reading(id, ~0u, 0, records, ROOM), -XEN_EINVAL);
    CHECK_EQ(reading(id + 1, 0, 0, records, ROOM), -XEN_ENOENT);
    CHECK_EQ(reading(0, 0, 0, records, ROOM), -XEN_ENOENT);
    CHECK_EQ(reading(id, 0, ~0ull, records, ROOM), -XEN_EINVAL);
    CHECK_EQ(reading(id, 0, 1ull << 63, records, ROOM), -XEN_EINVAL);
    CHECK_EQ(reading(id, 0, 0, (void *)KIT_NOWHERE, ROOM), -XEN_EFAULT);
    CHECK_EQ(reading(id, 0, 0, (void *)0xffff830000000000, ROOM), -XEN_EFAULT);
    CHECK_EQ(reading(id, 0, 0, (void *)~0ul, ~0u), -XEN_EFAULT);
    CHECK_EQ(reading(id, 0, 0, (void *)KIT_NOWHERE, 0), 0); /* none is asked for */
    CHECK_EQ(t->count, 0);
    CHECK_EQ(trace(LODGE_TRACE_STOP, (struct lodge_sysctl_trace){.id = id + 1}), -XEN_ENOENT);
    CHECK_EQ(trace(LODGE_TRACE_STOP, (struct lodge_sysctl_trace){.id = id, .cpu = 1}), -XEN_EINVAL);
    CHECK_EQ(trace(LODGE_TRACE_STATUS, (struct lodge_sysctl_trace){.id = id}), -XEN_EINVAL);
    CHECK_EQ(status(), 0);
    CHECK_EQ(t->id, id);
    CHECK_EQ(t->events, LODGE_TRACE_EVERYTHING);
    CHECK_EQ(t->domain, LODGE_TRACE_ALL);
    CHECK_EQ(t->records, 64);
    end(0);
    nothing_yet();
}

/* From records[i] on: the next of that type and code, or the number of them. */
static uint32_t next(uint32_t i, uint32_t n, unsigned type, unsigned code)
{
    while (i < n && !is(&records[i], type, code))
        i++;
    kit_check(i < n, __FILE__, __LINE__, "no record of type %u, code %u, any more", type, code);
    return i < n ? i : 0;
}

static void hypercalls_seen(uint32_t n)
{
    uint32_t i = 0;

    for (uint64_t m = 0; m < 3; m++) {
        i = next(i, n, LODGE_TRACED_HYPERCALL, __HYPERVISOR_vm_assist);
        CHECK_EQ(records[i].data[0], MARK + m);
        CHECK_EQ(records[i].data[1], ~m);
        CHECK_EQ(records[i].data[2], m * 3);
        CHECK_EQ(records[i].data[3], m + 1);
        i++;
        CHECK(is(&records[i], LODGE_TRACED_HYPERCALL_DONE, __HYPERVISOR_vm_assist));
        CHECK_EQ(records[i].data[0], -XEN_EINVAL);
        CHECK_EQ(records[i].data[1], 0);
    }
    i = next(i, n, LODGE_TRACED_HYPERCALL, __HYPERVISOR_multicall);
    for (uint64_t m = 10; m < 12; m++) {
        CHECK(is(&records[++i], LODGE_TRACED_HYPERCALL, __HYPERVISOR_vm_assist));
        CHECK_EQ(records[i].data[0], MARK + m);
        CHECK(is(&records[++i], LODGE_TRACED_HYPERCALL_DONE, __HYPERVISOR_vm_assist));
    }
    CHECK(is(&records[++i], LODGE_TRACED_HYPERCALL_DONE, __HYPERVISOR_multicall));
    CHECK_EQ(records[i].data[0], 0);
}

static void traps_seen(uint32_t n)
{
    uint32_t i = next(0, n, LODGE_TRACED_EXCEPTION, 14);

    CHECK_EQ(records[i].data[2], KIT_NOWHERE);
    CHECK_EQ(records[i].data[3], 1);
    CHECK(is(&records[++i], LODGE_TRACED_EXCEPTION_DONE, 14));
    CHECK_EQ(records[i].data[0], LODGE_TRACED_TO_GUEST);
    i = next(i, n, LODGE_TRACED_EXCEPTION, 13);
    CHECK(is(&records[++i], LODGE_TRACED_EMULATED, 13));
    CHECK_EQ(records[i].data[0], records[i - 1].data[1]);
    CHECK_EQ(records[i].data[1] & 0xffffff, 0xc0200f); /* mov %cr0, %rax */
    CHECK(is(&records[++i], LODGE_TRACED_EXCEPTION_DONE, 13));
    CHECK_EQ(records[i].data[0], LODGE_TRACED_BY_US);
    CHECK_EQ(records[i].data[1], records[i - 1].data[0] + 3);
}

static void events_seen(uint32_t n, unsigned port)
{
    uint32_t i = next(0, n, LODGE_TRACED_HYPERCALL, __HYPERVISOR_event_channel_op);

    CHECK_EQ(records[i].data[0], EVTCHNOP_send);
    CHECK_EQ((uint32_t)records[i].data[4], port);
    CHECK(is(&records[++i], LODGE_TRACED_EVENT, 0));
    CHECK_EQ(records[i].data[0], 0);
    CHECK_EQ(records[i].data[1], port);
    CHECK_EQ(records[i].data[2], 0);
    CHECK(is(&records[++i], LODGE_TRACED_HYPERCALL_DONE, __HYPERVISOR_event_channel_op));
    next(i, n, LODGE_TRACED_UPCALL, 0);
}

static uint64_t nothing(uint64_t arg)
{
    return arg;
}

static void syscall_seen(uint32_t n)
{
    uint32_t i = next(0, n, LODGE_TRACED_SYSCALL, 0);

    CHECK_EQ(records[i].data[1], KIT_SYS_EXIT);
    CHECK_EQ(count_of(records, n, LODGE_TRACED_SYSCALL), 1);
}

static void order(uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        kit_check(records[i].time >= records[i - 1].time, __FILE__, __LINE__, "time goes back");
}

static void two_marks(void)
{
    struct multicall_entry list[2] = {
        {.op = __HYPERVISOR_vm_assist, .args = {MARK + 10, ~10ull}},
        {.op = __HYPERVISOR_vm_assist, .args = {MARK + 11, ~11ull}},
    };

    CHECK_EQ(hc2(__HYPERVISOR_multicall, list, 2), 0);
    CHECK_EQ(list[1].result, -XEN_EINVAL);
}

static void as_made(void)
{
    uint32_t id, n;
    unsigned cpu, port = kit_bind_ipi(0);
    uint64_t unused;

    kit_user_init();
    kit_unmask(port);
    kit_events_on();
    id = start(LODGE_TRACE_EVERYTHING, LODGE_TRACE_ALL, ROOM);
    for (uint64_t m = 0; m < 3; m++)
        CHECK_EQ(mark(m), -XEN_EINVAL);
    two_marks();
    CHECK(!kit_read((void *)KIT_NOWHERE, &unused));
    CHECK_EQ(KIT_TRY("mov %%cr0, %%rax", : : : "rax", KIT_CLOBBER), -1);
    kit_send(port);
    CHECK_EQ(kit_user_run(nothing, 5), 5);
    cpu = find_cpu(id, 0);
    kit_events_off();
    CHECK(cpu < cpus);
    n = t->count;
    CHECK_EQ(t->lost, 0);
    CHECK_EQ(t->position, 0);
    CHECK(n > 10 && n < ROOM);
    CHECK_EQ(records[0].type, LODGE_TRACED_SWITCH);
    for (uint32_t i = 0; i < n; i++)
        CHECK(records[i].time != 0 && records[i].time <= t->now + 1000000000ull);
    order(n);
    hypercalls_seen(n);
    traps_seen(n);
    events_seen(n, port);
    syscall_seen(n);
    /* A second reader, with less room, finds the same; it is the first's time that has gone on. */
    CHECK_EQ(reading(id, cpu, 0, again, 5), 0);
    CHECK_EQ(t->count, 5);
    CHECK_EQ(reading(id, cpu, 5, again + 5, n - 5), 0);
    CHECK_EQ(t->position, 5);
    CHECK_EQ(t->count, n - 5);
    CHECK_EQ(memcmp(records, again, n * sizeof(again[0])), 0);
    end(id);
    CHECK_EQ(reading(id, cpu, 0, records, ROOM), -XEN_ENOENT);
}

/* Only what is asked for. */
static void chosen(void)
{
    uint32_t id = start(LODGE_TRACE_EXCEPTIONS | LODGE_TRACE_SCHEDULE, LODGE_TRACE_ALL, ROOM);
    uint64_t unused;
    unsigned traps = 0;

    mark(20);
    CHECK(!kit_read((void *)KIT_NOWHERE, &unused));
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        CHECK_EQ(reading(id, cpu, 0, records, ROOM), 0);
        traps += count_of(records, t->count, LODGE_TRACED_EXCEPTION);
        CHECK_EQ(count_of(records, t->count, LODGE_TRACED_HYPERCALL), 0);
        CHECK_EQ(count_of(records, t->count, LODGE_TRACED_EVENT), 0);
        CHECK_EQ(count_of(records, t->count, LODGE_TRACED_INTERRUPT), 0);
        CHECK(count_of(records, t->count, LODGE_TRACED_SWITCH) != 0);
    }
    CHECK(traps >= 1);
    end(id);
}

/* The words of a record of mark() belong together: those of a torn one would not. */
static void whole(const struct lodge_trace_record *r)
{
    uint64_t n = r->data[0] - MARK;

    if (!is(r, LODGE_TRACED_HYPERCALL, __HYPERVISOR_vm_assist))
        return;
    kit_check(r->data[1] == ~n && r->data[2] == n * 3 && r->data[3] == n + 1, __FILE__, __LINE__,
              "a record in parts: %lx %lx %lx %lx", r->data[0], r->data[1], r->data[2], r->data[3]);
}

static void loss(void)
{
    uint32_t id = start(LODGE_TRACE_HYPERCALLS, 0, 64);
    uint64_t last;
    unsigned cpu = 0;

    for (uint64_t m = 0; m < 500; m++)
        mark(m);
    CHECK_EQ(reading(id, 0, 0, records, ROOM), 0);
    if (t->lost == 0) {
        cpu = cpus - 1;
        CHECK_EQ(reading(id, cpu, 0, records, ROOM), 0);
    }
    CHECK(t->lost >= 900);
    CHECK_EQ(t->position, t->lost);
    CHECK_EQ(t->count, 63);
    last = t->position + t->count;
    for (uint32_t i = 0; i < t->count; i++)
        whole(&records[i]);
    CHECK_EQ(reading(id, cpu, last, records, ROOM), 0);
    CHECK_EQ(t->lost, 0);
    CHECK_EQ(t->position, last);
    end(id);
}

static void child_calls(uint64_t arg)
{
    for (unsigned i = 0; i < 5; i++)
        mark(arg);
}

/* How many calls of mark(n), and how many of other domains' than that. */
static unsigned count_marks(uint32_t id, uint64_t n, domid_t domain, unsigned *others)
{
    unsigned found = 0;

    *others = 0;
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        CHECK_EQ(reading(id, cpu, 0, records, ROOM), 0);
        for (uint32_t i = 0; i < t->count; i++) {
            if (records[i].type != LODGE_TRACED_HYPERCALL)
                continue;
            found += records[i].data[0] == MARK + n;
            *others += records[i].domain != domain;
        }
    }
    return found;
}

/* One domain alone; and, of all, one that is made when the trace is on. */
static void domains(void)
{
    struct kit_child c;
    uint32_t id;
    unsigned others;

    CHECK_EQ(kit_child_create(&c, child_calls, 30, 0, 1), 0);
    id = start(LODGE_TRACE_EVERYTHING, c.domid, ROOM);
    mark(31);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(count_marks(id, 30, c.domid, &others), 5);
    CHECK_EQ(others, 0);
    end(id);
    CHECK_EQ(kit_child_destroy(&c), 0);

    id = start(LODGE_TRACE_HYPERCALLS, LODGE_TRACE_ALL, MANY);
    CHECK_EQ(kit_child_create(&c, child_calls, 32, 0, 1), 0);
    end(id);
    id = start(LODGE_TRACE_HYPERCALLS, c.domid, ROOM);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(count_marks(id, 32, c.domid, &others), 5);
    end(id);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

static void caller(void *unused)
{
    (void)unused;
    while (!stop)
        mark(calls++);
    stopped = true;
    for (;;)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
}

/* Reads all rings; position: where each has come to. */
static void read_all(uint32_t id, uint64_t position[2])
{
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        CHECK_EQ(reading(id, cpu, position[cpu], records, ROOM), 0);
        CHECK_EQ(t->position, position[cpu] + t->lost);
        position[cpu] = t->position + t->count;
        for (uint32_t i = 0; i < t->count; i++)
            whole(&records[i]);
    }
}

static int hotplug(unsigned cpu, unsigned what)
{
    struct xen_sysctl s = {.cmd = XEN_SYSCTL_cpu_hotplug,
                           .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    s.u.cpu_hotplug.cpu = cpu;
    s.u.cpu_hotplug.op = what;
    return (int)hc1(__HYPERVISOR_sysctl, &s);
}

/* Its ring stays, and a trace begins and ends without it as well. */
static void cpu_out_of_use(void)
{
    uint32_t id = start(LODGE_TRACE_EVERYTHING, LODGE_TRACE_ALL, ROOM);

    CHECK_EQ(hotplug(1, XEN_SYSCTL_CPU_HOTPLUG_OFFLINE), 0);
    CHECK_EQ(reading(id, 1, 0, records, ROOM), 0);
    CHECK(t->count + t->lost != 0);
    end(id);
    id = start(LODGE_TRACE_EVERYTHING, LODGE_TRACE_ALL, 64);
    CHECK_EQ(reading(id, 1, 0, records, ROOM), 0);
    CHECK_EQ(hotplug(1, XEN_SYSCTL_CPU_HOTPLUG_ONLINE), 0);
    CHECK_EQ(reading(id, 1, 0, records, ROOM), 0);
    end(id);
}

static void while_written(void)
{
    CHECK_EQ(kit_vcpu_start(1, caller, NULL), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t id = start(LODGE_TRACE_EVERYTHING, round % 2 != 0 ? 0 : LODGE_TRACE_ALL, 64);
        uint64_t position[2] = {0, 0}, before = calls;

        for (unsigned i = 0; i < 50 || calls == before; i++)
            read_all(id, position);
        CHECK(position[0] + position[1] != 0);
        end(id);
    }
    if (cpus == 2)
        cpu_out_of_use();
    stop = true;
    while (!stopped)
        kit_sleep(1000000);
}

static void unprivileged(uint64_t unused)
{
    (void)unused;
    CHECK_EQ(status(), -XEN_EPERM);
    for (unsigned what = 0; what < 5; what++)
        CHECK_EQ(trace(what, (struct lodge_sysctl_trace){.events = 1,
                                                         .domain = LODGE_TRACE_ALL,
                                                         .records = 64}),
                 -XEN_EPERM);
}

void test_main(void)
{
    uint64_t before;

    if (!is_dom0) { /* of tests/boot/cases/trace.py, which looks for these */
        for (uint64_t m = 0; m < MARKS; m++)
            CHECK_EQ(mark(m), -XEN_EINVAL);
        return;
    }
    if (!on_lodge) {
        CHECK(status() < 0);
        kit_skip("the trace is Lodge's own");
        return;
    }
    nothing_yet();
    wrong_starts();
    before = kit_free_pages(0);
    wrong_reads();
    CHECK_EQ(kit_free_pages(before), before);
    as_made();
    chosen();
    loss();
    CHECK_EQ(kit_free_pages(before), before);
    domains();
    while_written();
    CHECK_EQ(kit_free_pages(before), before);
    kit_child_case("unprivileged", unprivileged, 0, SHUTDOWN_poweroff);
    nothing_yet();
}
