/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels: allocation and binding of ports, and raising them.
 *
 * A port of a domain is unbound (waiting for a certain domain), linked to a port of a domain, or
 * bound to a virtual, physical or inter-processor interrupt. Sending holds the sender's
 * evtchn.lock: breaking a link takes the locks of both ends, so the other end and its domain stay
 * while it is held. The port's state as the guest sees it is in evtchn_2l.c and evtchn_fifo.c.
 *
 * Links hold no references. A domain that dies closes all its ports before its structure can go,
 * and once it is DOM_DYING nobody can link to it: that is looked at under its lock, and closing
 * takes the same lock later. The other end of a closed link is unbound again, not closed: only its
 * own domain gives up a port.
 *
 * Locks: LOCK_VIRQ, then one evtchn.lock or two of them (spin_lock_pair), then the FIFO's; waking a
 * vcpu takes run queue locks inside all of these. None is held over a call that unbinds a line of
 * the interrupt controllers: that waits for a handler that may be in evtchn_pirq().
 *
 * A hostile guest can fill its own ports up to max_port, send without end to whom it is linked to
 * (one bit, and one upcall until that one has looked), and write anything into pending bits, masks
 * and event words: what we read there decides about its own events and nothing else.
 */
#include <core/evtchn/evtchn_internal.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <core/stats.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <public/errno.h>
#include <public/event_channel.h>
#include <x86/cpu.h>

#define WORK_CLOSE 300 /* of a port */

/* ---- upcalls and pollers ---- */

/*
 * A vcpu that seems to have events masked may be unmasking them. Kernels store the mask and then
 * look at the pending word without a barrier between; so it may have found nothing, and its store
 * not have come here yet. An interrupt brings it here, where both are seen. One that is still
 * masked then finds the word itself, later.
 */
void evtchn_upcall(struct vcpu *v)
{
    struct vcpu_info *info = v->info;

    v->sched.handoff_heard++; /* for sched_handoff.c */
    if (__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST) != 0)
        return; /* whoever set it has woken the vcpu */
    if (likely(!READ_ONCE(info->evtchn_upcall_mask)))
        vcpu_kick(v);
    else
        vcpu_interrupt(v);
}

void evtchn_check_pollers(struct domain *d, uint32_t port)
{
    /* A poller enters itself, then looks at its ports; we set the bit, then look for pollers. */
    uint64_t pollers = READ_ONCE(d->evtchn.pollers);

    while (unlikely(pollers != 0)) {
        struct vcpu *v = d->vcpus[bit_lowest(pollers)];
        int32_t want = READ_ONCE(v->evtchn.poll_port);

        if (want == 0 || want == (int32_t)port) {
            bit_clear(&d->evtchn.pollers, v->id);
            vcpu_wake(v);
        }
        pollers &= pollers - 1;
    }
}

/* ---- ports ---- */

int evtchn_alloc_unbound_for(struct domain *d, domid_t remote, uint32_t *port)
{
    struct evtchn *c;
    int rc;

    spin_lock(&d->evtchn.lock);
    rc = evtchn_port_alloc(d, &c);
    if (rc == 0) {
        c->state = PORT_UNBOUND;
        c->u.unbound_remote = remote == DOMID_SELF ? current->domain->id : remote;
        *port = c->port;
    }
    spin_unlock(&d->evtchn.lock);
    return rc;
}

int evtchn_alloc_unbound(struct evtchn_alloc_unbound *op)
{
    struct domain *d;
    int rc = domain_get_target(op->dom, &d);

    if (rc != 0)
        return rc;
    rc = evtchn_alloc_unbound_for(d, op->remote_dom, &op->port);
    domain_put(d);
    return rc;
}

/*
 * Links a new port of ours to one that waits for us. Both locks are held at once: the far port must
 * be found unbound and be linked in one step, or two callers could link to it.
 */
int evtchn_bind_interdomain(struct evtchn_bind_interdomain *op)
{
    struct domain *ld = current->domain, *rd = domain_get(op->remote_dom);
    struct evtchn *lc, *far;
    int rc;

    if (rd == NULL)
        return -XEN_ESRCH;
    spin_lock_pair(&ld->evtchn.lock, &rd->evtchn.lock);
    far = evtchn_of(rd, op->remote_port);
    /* A dying one closes each port once: after that nobody may link to it. */
    if (rd->state != DOM_ALIVE || far == NULL || far->state != PORT_UNBOUND ||
        far->u.unbound_remote != ld->id) {
        rc = -XEN_EINVAL;
    } else {
        rc = evtchn_port_alloc(ld, &lc);
    }
    if (rc == 0) {
        lc->state = far->state = PORT_INTERDOMAIN;
        lc->u.inter.remote = rd;
        lc->u.inter.remote_port = far->port;
        far->u.inter.remote = ld;
        far->u.inter.remote_port = lc->port;
        op->local_port = lc->port;
        evtchn_set_pending(ld, lc); /* the other end may have sent already */
    }
    spin_unlock_pair(&ld->evtchn.lock, &rd->evtchn.lock);
    domain_put(rd);
    return rc;
}

int evtchn_bind_ipi(struct evtchn_bind_ipi *op)
{
    struct domain *d = current->domain;
    struct evtchn *c;
    int rc;

    if (domain_vcpu(d, op->vcpu) == NULL)
        return -XEN_ENOENT;
    spin_lock(&d->evtchn.lock);
    rc = evtchn_port_alloc(d, &c);
    if (rc == 0) {
        c->state = PORT_IPI;
        c->notify_vcpu = (uint16_t)op->vcpu;
        op->port = c->port;
    }
    spin_unlock(&d->evtchn.lock);
    return rc;
}

int evtchn_bind_pirq(struct evtchn_bind_pirq *op)
{
    struct domain *d = current->domain;
    struct evtchn *c;
    int rc = 0;

    if (op->pirq >= NR_PIRQS)
        return -XEN_EINVAL;
    spin_lock(&d->evtchn.lock);
    if (d->evtchn.pirq_port == NULL)
        d->evtchn.pirq_port = hpage_alloc();
    if (d->evtchn.pirq_port == NULL)
        rc = -XEN_ENOMEM;
    else if (d->evtchn.pirq_port[op->pirq] != 0)
        rc = -XEN_EEXIST;
    else
        rc = evtchn_port_alloc(d, &c);
    if (rc == 0) {
        c->state = PORT_PIRQ;
        c->u.pirq = op->pirq;
        op->port = c->port;
        d->evtchn.pirq_port[op->pirq] = c->port;
    }
    spin_unlock(&d->evtchn.lock);
    if (rc != 0)
        return rc;
    /* After the port is there: the line may fire the moment it is opened. */
    rc = guest_pirq_bind(d, op->pirq, op->flags & BIND_PIRQ__WILL_SHARE);
    if (rc != 0)
        evtchn_close(d, op->port);
    return rc;
}

/* ---- closing ---- */

/* Breaks the link of c; both locks held. The other end waits for a new partner. */
static void evtchn_unlink(struct domain *d, struct evtchn *c)
{
    struct evtchn *rc = evtchn_of(c->u.inter.remote, c->u.inter.remote_port);

    BUG_ON(rc->state != PORT_INTERDOMAIN || rc->u.inter.remote != d);
    rc->state = PORT_UNBOUND;
    rc->u.unbound_remote = d->id;
}

/*
 * Closes a linked port. Its domain's lock is held on entry, and released. The other domain's lock
 * may have to come first, so ours is let go in between, and then everything is looked at again. If
 * the port is neither linked to rd nor unbound any more, somebody else has closed it.
 */
static void evtchn_close_inter(struct domain *d, struct evtchn *c)
{
    struct domain *rd = c->u.inter.remote;

    domain_ref(rd); /* it exists: a link to it does */
    spin_unlock(&d->evtchn.lock);
    spin_lock_pair(&d->evtchn.lock, &rd->evtchn.lock);
    if (c->state == PORT_INTERDOMAIN && c->u.inter.remote == rd) {
        evtchn_unlink(d, c);
        evtchn_port_free(d, c);
    } else if (c->state == PORT_UNBOUND) {
        evtchn_port_free(d, c); /* the other end was quicker */
    }
    spin_unlock_pair(&d->evtchn.lock, &rd->evtchn.lock);
    domain_put(rd);
}

int evtchn_close(struct domain *d, uint32_t port)
{
    struct evtchn *c;
    uint32_t pirq;

    spin_lock(&d->evtchn.lock);
    c = evtchn_of(d, port);
    if (c == NULL || c->state == PORT_FREE || c->state == PORT_RESERVED) {
        spin_unlock(&d->evtchn.lock);
        return -XEN_EINVAL;
    }
    switch (c->state) {
    case PORT_INTERDOMAIN:
        evtchn_close_inter(d, c);
        return 0;
    case PORT_PIRQ:
        pirq = c->u.pirq;
        /* pirq_port stays until the line is shut, so that nobody binds the pirq in between. */
        spin_unlock(&d->evtchn.lock);
        guest_pirq_unbind(d, pirq);
        spin_lock(&d->evtchn.lock);
        if (c->state == PORT_PIRQ && c->u.pirq == pirq) {
            d->evtchn.pirq_port[pirq] = 0;
            evtchn_port_free(d, c);
        }
        break;
    case PORT_VIRQ:
        evtchn_virq_unbind(d, c);
        evtchn_port_free(d, c);
        break;
    default:
        evtchn_port_free(d, c);
    }
    spin_unlock(&d->evtchn.lock);
    return 0;
}

/*
 * Ports behind the cursor are free, and while `resetting` is set none is made; so at the end there
 * is no port that anybody could raise, and the FIFO's pages can go. Senders go on meanwhile.
 */
int evtchn_reset(const struct evtchn_reset *op)
{
    struct domain *d;
    int rc = domain_get_target(op->dom, &d);

    if (rc != 0)
        return rc;
    spin_lock(&d->evtchn.lock);
    if (d->evtchn.resetting)
        rc = -XEN_EBUSY;
    d->evtchn.resetting = true;
    spin_unlock(&d->evtchn.lock);
    if (rc == 0) {
        for (uint32_t port = 1; port < READ_ONCE(d->evtchn.valid_ports); port++) {
            evtchn_close(d, port);
            preempt_after(WORK_CLOSE);
        }
        evtchn_fifo_destroy(d);
        evtchn_fifo_forget(d);
        spin_lock(&d->evtchn.lock);
        d->evtchn.resetting = false;
        spin_unlock(&d->evtchn.lock);
    }
    domain_put(d);
    return rc;
}

/* ---- sending ---- */

int evtchn_send(struct domain *d, uint32_t port)
{
    struct evtchn *c;
    struct domain *rd;
    bool merged = false;
    int rc = 0;

    spin_lock(&d->evtchn.lock);
    c = evtchn_of(d, port);
    if (unlikely(c == NULL)) {
        rc = -XEN_EINVAL;
    } else if (likely(c->state == PORT_INTERDOMAIN)) {
        struct evtchn *far;
        struct vcpu *v;

        rd = c->u.inter.remote; /* without its lock: ours keeps the link */
        far = evtchn_of(rd, c->u.inter.remote_port);
        merged = !evtchn_set_pending(rd, far);
        v = domain_vcpu(rd, far->notify_vcpu);
        if (likely(v != NULL && d == current->domain))
            sched_event_sent(v, &c->handoff);
    } else if (c->state == PORT_IPI) {
        merged = !evtchn_set_pending(d, c);
    } else if (c->state != PORT_UNBOUND) {
        rc = -XEN_EINVAL;
    }
    spin_unlock(&d->evtchn.lock);
    if (merged)
        stats_count(LODGE_STAT_EVENT_MERGED);
    return rc;
}

bool evtchn_pirq(struct domain *d, unsigned pirq)
{
    uint32_t port = 0;

    spin_lock(&d->evtchn.lock);
    if (d->evtchn.pirq_port != NULL && pirq < NR_PIRQS)
        port = d->evtchn.pirq_port[pirq];
    if (port != 0)
        evtchn_set_pending(d, evtchn_of(d, port));
    spin_unlock(&d->evtchn.lock);
    return port != 0;
}

int evtchn_is_pending(struct domain *d, uint32_t port)
{
    struct evtchn *c = evtchn_of(d, port);
    int rc = -XEN_EINVAL;

    if (c == NULL)
        return rc;
    spin_lock(&d->evtchn.lock);
    if (c->state != PORT_FREE && c->state != PORT_RESERVED) {
        if (d->evtchn.fifo != NULL)
            rc = evtchn_fifo_is_pending(d, c);
        else
            rc = port < EVTCHN_2L_NR_CHANNELS && bit_test(d->shared_info->evtchn_pending, port);
    }
    spin_unlock(&d->evtchn.lock);
    return rc;
}

/* ---- with the domain ---- */

int evtchn_domain_init(struct domain *d)
{
    spin_lock_init(&d->evtchn.lock, LOCK_EVTCHN);
    return evtchn_ports_init(d);
}

void evtchn_vcpu_init(struct vcpu *v)
{
    v->evtchn.poll_port = -1;
}

int evtchn_domain_close(struct domain *d, uint32_t *cursor)
{
    while (*cursor < d->evtchn.valid_ports) {
        evtchn_close(d, (*cursor)++);
        if (work_charge(WORK_CLOSE) && preempt_wanted())
            return -XEN_ERESTART;
    }
    evtchn_virq_drop_handler(d);
    evtchn_fifo_destroy(d);
    return 0;
}

void evtchn_domain_destroy(struct domain *d)
{
    uint32_t cursor = 0;

    while (evtchn_domain_close(d, &cursor) != 0)
        cpu_relax_poll();
}
