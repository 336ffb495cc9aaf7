/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual interrupts: what the hypervisor has to tell a domain, raised at a port that the domain
 * has bound to it. A vcpu keeps, for each virq, the port that is bound there.
 *
 * Some are each vcpu's own (the timer's). The others are global: what happens once, in the machine
 * or to some domain, and one domain is to hear. That is dom0, or the one that dom0 has named for
 * that virq; it is noted at its vcpu 0.
 */
#include <core/evtchn/evtchn_internal.h>
#include <public/errno.h>
#include <public/hypercalls.h>
#include <x86/regs.h>

static struct domain *evtchn_virq_handlers[EVTCHN_MAX_VIRQS]; /* with a reference; NULL: dom0 */
static struct spinlock evtchn_virq_lock = SPINLOCK_INIT(LOCK_VIRQ);

bool evtchn_virq_is_per_vcpu(unsigned virq)
{
    return virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

/* A global virq is always noted at vcpu 0, whichever vcpu its port notifies later. */
int evtchn_bind_virq(struct evtchn_bind_virq *op)
{
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, op->vcpu);
    struct evtchn *c;
    int rc;

    if (op->virq >= EVTCHN_MAX_VIRQS || (!evtchn_virq_is_per_vcpu(op->virq) && op->vcpu != 0))
        return -XEN_EINVAL;
    if (v == NULL)
        return -XEN_ENOENT;
    spin_lock(&d->evtchn.lock);
    rc = v->evtchn.virq_port[op->virq] != 0 ? -XEN_EEXIST : evtchn_port_alloc(d, &c);
    if (rc == 0) {
        c->state = PORT_VIRQ;
        c->notify_vcpu = (uint16_t)op->vcpu;
        c->u.virq = op->virq;
        op->port = c->port;
        v->evtchn.virq_port[op->virq] = c->port;
    }
    spin_unlock(&d->evtchn.lock);
    return rc;
}

/*
 * c is about to be closed; evtchn.lock held. The vcpu where it is noted may be another than it
 * notifies.
 */
void evtchn_virq_unbind(struct domain *d, const struct evtchn *c)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        if (v->evtchn.virq_port[c->u.virq] == c->port)
            v->evtchn.virq_port[c->u.virq] = 0;
    }
}

void evtchn_virq_vcpu(struct vcpu *v, unsigned virq)
{
    struct domain *d = v->domain;
    uint32_t port;

    spin_lock(&d->evtchn.lock);
    port = v->evtchn.virq_port[virq];
    if (port != 0)
        evtchn_set_pending(d, evtchn_of(d, port));
    spin_unlock(&d->evtchn.lock);
}

void evtchn_virq_domain(struct domain *d, unsigned virq)
{
    if (d != NULL && d->vcpus[0] != NULL)
        evtchn_virq_vcpu(d->vcpus[0], virq);
}

void evtchn_virq_global(unsigned virq)
{
    struct domain *d;

    spin_lock(&evtchn_virq_lock);
    d = evtchn_virq_handlers[virq];
    evtchn_virq_domain(d != NULL ? d : dom0, virq);
    spin_unlock(&evtchn_virq_lock);
}

/* The domain is held until replaced, or until it dies; dom0 itself is stored as NULL. */
int evtchn_set_virq_handler(struct domain *d, unsigned virq)
{
    struct domain *old = NULL;
    int rc = 0;

    if (virq >= EVTCHN_MAX_VIRQS || evtchn_virq_is_per_vcpu(virq))
        return -XEN_EINVAL;
    spin_lock(&evtchn_virq_lock);
    if (d->state != DOM_ALIVE) { /* looked at here: its death takes the lock afterwards */
        rc = -XEN_EINVAL;
    } else {
        old = evtchn_virq_handlers[virq];
        if (d != dom0)
            domain_ref(d);
        evtchn_virq_handlers[virq] = d != dom0 ? d : NULL;
    }
    spin_unlock(&evtchn_virq_lock);
    if (old != NULL)
        domain_put(old);
    return rc;
}

/* On d's death dom0 gets its global virqs back. The references are dropped outside the lock. */
void evtchn_virq_drop_handler(struct domain *d)
{
    unsigned drop = 0;

    spin_lock(&evtchn_virq_lock);
    for (unsigned i = 0; i < EVTCHN_MAX_VIRQS; i++) {
        if (evtchn_virq_handlers[i] == d) {
            evtchn_virq_handlers[i] = NULL;
            drop++;
        }
    }
    spin_unlock(&evtchn_virq_lock);
    while (drop-- != 0)
        domain_put(d);
}
