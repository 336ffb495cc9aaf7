/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event channel hypercall: decoding its operations, and those of them that neither make nor
 * close a port.
 *
 * An operation's structure is copied in once, into union evtchn_args, and copied back where it has
 * an answer. The handlers see that copy only, so what they have checked cannot change under them.
 * None of them needs privilege; those that name a domain go through domain_get_target().
 */
#include <core/console.h>
#include <core/evtchn/evtchn_internal.h>
#include <core/hypercall.h>
#include <core/stats.h>
#include <lib/bitops.h>
#include <x86/guest_words.h>
#include <x86/irq.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

/* The caller holds evtchn.lock, which keeps the domain at the other end. */
static void evtchn_status_of(const struct evtchn *c, struct evtchn_status *op)
{
    op->vcpu = c->notify_vcpu;
    switch ((enum evtchn_state)c->state) {
    case PORT_FREE:
    case PORT_RESERVED:
        op->status = EVTCHNSTAT_closed;
        break;
    case PORT_UNBOUND:
        op->status = EVTCHNSTAT_unbound;
        op->u.unbound.dom = c->u.unbound_remote;
        break;
    case PORT_INTERDOMAIN:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = c->u.inter.remote->id;
        op->u.interdomain.port = c->u.inter.remote_port;
        break;
    case PORT_PIRQ:
        op->status = EVTCHNSTAT_pirq;
        op->u.pirq = c->u.pirq;
        break;
    case PORT_VIRQ:
        op->status = EVTCHNSTAT_virq;
        op->u.virq = c->u.virq;
        break;
    case PORT_IPI:
        op->status = EVTCHNSTAT_ipi;
        break;
    }
}

static int evtchn_status(struct evtchn_status *op)
{
    struct evtchn *c;
    struct domain *d;
    int rc = domain_get_target(op->dom, &d);

    if (rc != 0)
        return rc;
    spin_lock(&d->evtchn.lock);
    c = evtchn_of(d, op->port);
    if (c == NULL)
        rc = -XEN_EINVAL;
    else
        evtchn_status_of(c, op);
    spin_unlock(&d->evtchn.lock);
    domain_put(d);
    return rc;
}

/*
 * Counts for later events: one that is pending stays with the vcpu that was told of it. A physical
 * interrupt is also steered to the CPU of the new vcpu. That takes LOCK_IRQ, so it comes after
 * evtchn.lock has been dropped.
 */
static int evtchn_bind_vcpu(const struct evtchn_bind_vcpu *op)
{
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, op->vcpu);
    struct evtchn *c;
    int32_t pirq = -1;
    int rc = 0;

    if (v == NULL)
        return -XEN_ENOENT;
    spin_lock(&d->evtchn.lock);
    c = evtchn_of(d, op->port);
    if (c == NULL || c->state == PORT_FREE || c->state == PORT_RESERVED || c->state == PORT_IPI ||
        (c->state == PORT_VIRQ && evtchn_virq_is_per_vcpu(c->u.virq))) {
        rc = -XEN_EINVAL;
    } else {
        c->notify_vcpu = (uint16_t)op->vcpu;
        if (c->state == PORT_PIRQ)
            pirq = (int32_t)c->u.pirq;
    }
    spin_unlock(&d->evtchn.lock);
    if (pirq >= 0)
        irq_set_cpu(d, (unsigned)pirq, READ_ONCE(v->sched.cpu));
    return rc;
}

/* Also of a port that is closed: the mask is the guest's own word. */
static int evtchn_unmask(uint32_t port)
{
    struct domain *d = current->domain;
    struct evtchn *c;
    struct vcpu *v;
    int rc = 0;

    spin_lock(&d->evtchn.lock);
    c = evtchn_of(d, port);
    v = c != NULL ? domain_vcpu(d, c->notify_vcpu) : NULL;
    if (v == NULL || c->state == PORT_RESERVED)
        rc = -XEN_EINVAL;
    else if (d->evtchn.fifo != NULL)
        evtchn_fifo_unmask(d, v, c);
    else
        evtchn_2l_unmask(d, v, c);
    spin_unlock(&d->evtchn.lock);
    return rc;
}

static int evtchn_set_priority(const struct evtchn_set_priority *op)
{
    struct domain *d = current->domain;
    struct evtchn *c;
    int rc = 0;

    spin_lock(&d->evtchn.lock);
    c = evtchn_of(d, op->port);
    if (d->evtchn.fifo == NULL)
        rc = -XEN_ENOSYS;
    else if (c == NULL || c->state == PORT_RESERVED || op->priority > EVTCHN_FIFO_PRIORITY_MIN)
        rc = -XEN_EINVAL;
    else
        c->priority = (uint8_t)op->priority;
    spin_unlock(&d->evtchn.lock);
    return rc;
}

/* ---- decoding ---- */

/* The members begin at the same place: the guest's structure is copied to the union's address. */
union evtchn_args {
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_pirq bind_pirq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_close close;
    struct evtchn_send send;
    struct evtchn_status status;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_unmask unmask;
    struct evtchn_reset reset;
    struct evtchn_init_control init_control;
    struct evtchn_expand_array expand_array;
    struct evtchn_set_priority set_priority;
};

#define OP(cmd, member, out) [cmd] = {sizeof(((union evtchn_args *)0)->member), out}
static const struct {
    uint8_t size; /* 0: no such operation */
    bool out;     /* the structure is copied back */
} evtchn_ops[] = {
    OP(EVTCHNOP_bind_interdomain, bind_interdomain, true),
    OP(EVTCHNOP_bind_virq, bind_virq, true),
    OP(EVTCHNOP_bind_pirq, bind_pirq, true),
    OP(EVTCHNOP_close, close, false),
    OP(EVTCHNOP_send, send, false),
    OP(EVTCHNOP_status, status, true),
    OP(EVTCHNOP_alloc_unbound, alloc_unbound, true),
    OP(EVTCHNOP_bind_ipi, bind_ipi, true),
    OP(EVTCHNOP_bind_vcpu, bind_vcpu, false),
    OP(EVTCHNOP_unmask, unmask, false),
    OP(EVTCHNOP_reset, reset, false),
    OP(EVTCHNOP_init_control, init_control, true),
    OP(EVTCHNOP_expand_array, expand_array, false),
    OP(EVTCHNOP_set_priority, set_priority, false),
};

static int evtchn_do_op(uint64_t cmd, union evtchn_args *a)
{
    switch (cmd) {
    case EVTCHNOP_bind_interdomain:
        return evtchn_bind_interdomain(&a->bind_interdomain);
    case EVTCHNOP_bind_virq:
        return evtchn_bind_virq(&a->bind_virq);
    case EVTCHNOP_bind_pirq:
        return evtchn_bind_pirq(&a->bind_pirq);
    case EVTCHNOP_close:
        return evtchn_close(current->domain, a->close.port);
    case EVTCHNOP_status:
        return evtchn_status(&a->status);
    case EVTCHNOP_alloc_unbound:
        return evtchn_alloc_unbound(&a->alloc_unbound);
    case EVTCHNOP_bind_ipi:
        return evtchn_bind_ipi(&a->bind_ipi);
    case EVTCHNOP_bind_vcpu:
        return evtchn_bind_vcpu(&a->bind_vcpu);
    case EVTCHNOP_unmask:
        return evtchn_unmask(a->unmask.port);
    case EVTCHNOP_reset:
        return evtchn_reset(&a->reset);
    case EVTCHNOP_init_control:
        return evtchn_fifo_init_control(&a->init_control);
    case EVTCHNOP_expand_array:
        return evtchn_fifo_expand_array(&a->expand_array);
    case EVTCHNOP_set_priority:
        return evtchn_set_priority(&a->set_priority);
    default:
        return -XEN_ENOSYS;
    }
}

/* A guest with a bad address is not told the number of its new port, and keeps the port. */
static int64_t evtchn_call(uint64_t cmd, uint64_t arg)
{
    union evtchn_args a;
    int rc;

    if (cmd >= ARRAY_SIZE(evtchn_ops) || evtchn_ops[cmd].size == 0)
        return -XEN_ENOSYS;
    if (copy_from_guest(&a, arg, evtchn_ops[cmd].size) != 0)
        return -XEN_EFAULT;
    rc = evtchn_do_op(cmd, &a);
    if (rc == 0 && evtchn_ops[cmd].out && copy_to_guest(arg, &a, evtchn_ops[cmd].size) != 0)
        rc = -XEN_EFAULT;
    if (rc != 0)
        guest_refused("cmd %lu: %d", cmd, rc);
    return rc;
}

int64_t hc_event_channel_op(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    uint32_t port;

    (void)a3;
    (void)a4;
    /* The one that is called all the time goes past the table. */
    if (likely(cmd == EVTCHNOP_send)) {
        _Static_assert(sizeof(struct evtchn_send) == sizeof(port), "its port is all of it");
        if (unlikely(!guest_read_half(arg, &port)))
            return -XEN_EFAULT;
        stats_count(LODGE_STAT_EVENT_SENT);
        return evtchn_send(current->domain, port);
    }
    return evtchn_call(cmd, arg);
}

/* P, M, L: pending, masked, in a queue of the FIFO. */
static void evtchn_flags(struct domain *d, uint32_t port, char flags[4])
{
    bool masked, linked = false;

    flags[0] = evtchn_is_pending(d, port) > 0 ? 'P' : '-';
    spin_lock(&d->evtchn.lock);
    if (d->evtchn.fifo != NULL) {
        masked = evtchn_fifo_is_masked(d, evtchn_of(d, port));
        linked = evtchn_fifo_is_linked(d, port);
    } else {
        masked = port < EVTCHN_2L_NR_CHANNELS && bit_test(d->shared_info->evtchn_mask, port);
    }
    spin_unlock(&d->evtchn.lock);
    flags[1] = masked ? 'M' : '-';
    flags[2] = linked ? 'L' : '-';
    flags[3] = '\0';
}

/*
 * For the debug key. What a port is bound to is copied under the lock: once that is released, a
 * link may break, and the domain at its other end may go.
 */
void evtchn_dump(struct domain *d)
{
    static const char *const names[] = {
        [EVTCHNSTAT_unbound] = "unbound", [EVTCHNSTAT_interdomain] = "interdomain",
        [EVTCHNSTAT_pirq] = "pirq",       [EVTCHNSTAT_virq] = "virq",
        [EVTCHNSTAT_ipi] = "ipi",
    };

    log_info("d%u: %s events, ports up to %u", d->id, d->evtchn.fifo != NULL ? "FIFO" : "2-level",
             d->evtchn.max_port);
    for (uint32_t port = 1; port < READ_ONCE(d->evtchn.valid_ports); port++) {
        struct evtchn_status s = {.port = port};
        char flags[4];

        spin_lock(&d->evtchn.lock);
        evtchn_status_of(evtchn_of(d, port), &s);
        spin_unlock(&d->evtchn.lock);
        evtchn_flags(d, port, flags);
        if (s.status == EVTCHNSTAT_interdomain)
            log_info("  %4u %s vcpu %u to d%u port %u", port, flags, s.vcpu, s.u.interdomain.dom,
                     s.u.interdomain.port);
        else if (s.status != EVTCHNSTAT_closed)
            log_info("  %4u %s vcpu %u %s %u", port, flags, s.vcpu, names[s.status], s.u.virq);
    }
}
