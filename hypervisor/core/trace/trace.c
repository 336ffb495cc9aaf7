/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting and stopping the trace, and its sysctl.
 *
 * The order of a start: memory; each CPU's ring, by a call on the CPU; then whatever goes between
 * callers and what they call. A stop goes back the same way, so nobody writes to a ring before it
 * is there or after it has gone, though a function that makes records may still be called then: a
 * vcpu that was preempted within a hypercall comes back to it much later.
 *
 * Both may be preempted, and call other CPUs, so no lock is held: `busy` keeps out a second caller.
 * A domain or a vcpu may be made meanwhile. trace_vcpu() is called for it once it can be found, and
 * goes by `calls` under the lock; so whichever comes later, that or the pass over all vcpus behind
 * a change of `calls`, does what holds from then on.
 */
#include <core/domain.h>
#include <core/evtchn.h>
#include <core/frame.h>
#include <core/machine.h>
#include <core/preempt.h>
#include <core/trace/trace_internal.h>
#include <lib/string.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <public/vcpu.h>
#include <x86/cpu.h>
#include <x86/time.h>

#define WORK_VCPU 100

struct trace trace = {.lock = SPINLOCK_INIT(LOCK_TRACE)};

/* The types of records that a bit of LODGE_TRACE_* stands for. */
static const struct {
    uint32_t event, types;
} trace_types[] = {
    {LODGE_TRACE_HYPERCALLS, BIT(LODGE_TRACED_HYPERCALL) | BIT(LODGE_TRACED_HYPERCALL_DONE)},
    {LODGE_TRACE_EXCEPTIONS, BIT(LODGE_TRACED_EXCEPTION) | BIT(LODGE_TRACED_EXCEPTION_DONE)},
    {LODGE_TRACE_EMULATED, BIT(LODGE_TRACED_EMULATED)},
    {LODGE_TRACE_INTERRUPTS, BIT(LODGE_TRACED_INTERRUPT) | BIT(LODGE_TRACED_INTERRUPT_DONE)},
    {LODGE_TRACE_SCHEDULE, BIT(LODGE_TRACED_SWITCH)},
    {LODGE_TRACE_EVENTS, BIT(LODGE_TRACED_EVENT) | BIT(LODGE_TRACED_UPCALL)},
    {LODGE_TRACE_SYSCALLS, BIT(LODGE_TRACED_SYSCALL)},
};

static void trace_free(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct trace_ring *r = &trace.rings[cpu];

        for (unsigned i = 0; r->pages != NULL && i < r->records / TRACE_PER_PAGE; i++) {
            hpage_free(r->pages[i]);
            (void)preempt_after(WORK_FREE);
        }
        hpages_free(r->pages, TRACE_PAGES_ORDER);
        r->pages = NULL;
    }
}

/* A page at a time: no block of that size has to be free, and it can be preempted. */
static int trace_alloc(const struct lodge_sysctl_trace *op)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct trace_ring *r = &trace.rings[cpu];

        *r = (struct trace_ring){
            .pages = hpages_alloc(TRACE_PAGES_ORDER), .records = op->records, .domain = op->domain};
        for (unsigned i = 0; i < ARRAY_SIZE(trace_types); i++)
            if (op->events & trace_types[i].event)
                r->events |= trace_types[i].types;
        for (unsigned i = 0; r->pages != NULL && i < r->records / TRACE_PER_PAGE; i++) {
            r->pages[i] = hpage_alloc();
            if (r->pages[i] == NULL)
                return -XEN_ENOMEM;
            (void)preempt_after(WORK_PAGE);
        }
        if (r->pages == NULL)
            return -XEN_ENOMEM;
    }
    return 0;
}

/* On each CPU. What runs there is known from the first record on. */
static void trace_ring_begin(void *unused)
{
    struct cpu *c = this_cpu();
    struct vcpu *v = c->curr;

    c->trace = &trace.rings[c->id];
    descriptors_trace(c, true);
    trace_put(LODGE_TRACED_SWITCH, RUNSTATE_running, NULL, v->domain->id, v->id, 0, 0);
}

static void trace_ring_end(void *unused)
{
    this_cpu()->trace = NULL;
    descriptors_trace(this_cpu(), false);
}

void trace_vcpu(struct vcpu *v)
{
    if (v->handlers == NULL) /* its type makes no hypercalls */
        return;
    spin_lock(&trace.lock);
    if (trace.calls && (trace.domain == LODGE_TRACE_ALL || trace.domain == v->domain->id))
        WRITE_ONCE(v->hypercalls, trace_hypercalls);
    else
        WRITE_ONCE(v->hypercalls, v->handlers);
    spin_unlock(&trace.lock);
}

static void trace_calls(bool on)
{
    struct domain *d;
    struct vcpu *v;

    spin_lock(&trace.lock);
    trace.calls = on;
    spin_unlock(&trace.lock);
    for (domid_t from = 0; (d = domain_next(from)) != NULL; domain_put(d)) {
        from = d->id + 1;
        for_each_vcpu (d, v) {
            trace_vcpu(v);
            (void)preempt_after(WORK_VCPU);
        }
    }
}

static bool trace_domain_exists(uint32_t id)
{
    struct domain *d;

    if (id == LODGE_TRACE_ALL)
        return true;
    d = id < NR_DOMIDS ? domain_get((domid_t)id) : NULL;
    if (d == NULL)
        return false;
    domain_put(d);
    return true;
}

static int64_t trace_start(struct lodge_sysctl_trace *op)
{
    int rc;

    if (op->events == 0 || (op->events & ~LODGE_TRACE_EVERYTHING) || op->id != 0 || op->cpu != 0 ||
        op->records < TRACE_MIN_RECORDS || op->records > TRACE_MAX_RECORDS ||
        (op->records & (op->records - 1)) != 0)
        return -XEN_EINVAL;
    if (trace.on)
        return -XEN_EBUSY;
    if (!trace_domain_exists(op->domain))
        return -XEN_ESRCH;
    rc = trace_alloc(op);
    if (rc != 0) {
        trace_free();
        return rc;
    }
    spin_lock(&trace.lock);
    trace.id += trace.id == UINT32_MAX ? 2 : 1;
    trace.events = op->events;
    trace.domain = op->domain;
    trace.records = op->records;
    trace.on = true;
    spin_unlock(&trace.lock);
    smp_call(cpu_online, trace_ring_begin, NULL);
    machine_trace(true);
    evtchn_trace(op->events & LODGE_TRACE_EVENTS);
    trace_calls(op->events & LODGE_TRACE_HYPERCALLS);
    op->id = trace.id;
    return 0;
}

static int64_t trace_stop(const struct lodge_sysctl_trace *op)
{
    if (op->events != 0 || op->domain != 0 || op->records != 0 || op->cpu != 0)
        return -XEN_EINVAL;
    if (!trace.on || (op->id != 0 && op->id != trace.id))
        return -XEN_ENOENT;
    trace_calls(false);
    evtchn_trace(false);
    machine_trace(false);
    smp_call(cpu_online, trace_ring_end, NULL);
    spin_lock(&trace.lock);
    trace.on = false;
    spin_unlock(&trace.lock);
    trace_free();
    return 0;
}

static int64_t trace_status(struct lodge_sysctl_trace *op)
{
    if (op->id != 0 || op->events != 0 || op->domain != 0 || op->records != 0 || op->cpu != 0)
        return -XEN_EINVAL;
    op->cpu = nr_cpus;
    op->now = time_now();
    spin_lock(&trace.lock);
    if (trace.on) {
        op->id = trace.id;
        op->events = trace.events;
        op->domain = trace.domain;
        op->records = trace.records;
    }
    spin_unlock(&trace.lock);
    return 0;
}

/* One that starts or stops the trace at a time; another is told to come again. */
static int64_t trace_change(struct lodge_sysctl_trace *op)
{
    int64_t rc;

    if (__atomic_exchange_n(&trace.busy, 1, __ATOMIC_ACQUIRE) != 0)
        return -XEN_EBUSY;
    rc = op->op == LODGE_TRACE_START ? trace_start(op) : trace_stop(op);
    __atomic_store_n(&trace.busy, 0, __ATOMIC_RELEASE);
    return rc;
}

int64_t trace_sysctl(struct xen_sysctl *sysctl)
{
    struct lodge_sysctl_trace op;
    int64_t rc;

    memcpy(&op, &sysctl->u, sizeof(op));
    if (op.version != LODGE_TRACE_VERSION)
        return -XEN_EOPNOTSUPP;
    if (op.lost != 0 || op.now != 0)
        return -XEN_EINVAL;
    if (op.op == LODGE_TRACE_READ) {
        rc = trace_read(&op);
    } else {
        if (op.position != 0 || op.buffer.p != NULL || op.count != 0)
            return -XEN_EINVAL;
        switch (op.op) {
        case LODGE_TRACE_START:
        case LODGE_TRACE_STOP:
            rc = trace_change(&op);
            break;
        case LODGE_TRACE_STATUS:
            rc = trace_status(&op);
            break;
        default:
            rc = -XEN_EOPNOTSUPP;
        }
    }
    memcpy(&sysctl->u, &op, sizeof(op));
    return rc;
}
