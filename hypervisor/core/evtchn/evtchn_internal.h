/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A port, and the two ways in which its state is shown to the guest. Included by evtchn*.c only.
 *
 * What a port is (state, u, notify_vcpu, priority) is written under its domain's evtchn.lock. A
 * link between two domains changes only with both locks held, so either lock alone keeps it as it
 * is. A sender holds only the lock of its own end. Of the far port it reads the link, and
 * notify_vcpu and priority, which may be changing: the old value is as good as the new one. It
 * writes pending_early, and what the FIFO's own lock guards.
 */
#ifndef CORE_EVTCHN_INTERNAL_H
#define CORE_EVTCHN_INTERNAL_H

#include <core/domain.h>
#include <public/event_channel.h>

enum evtchn_state {
    PORT_FREE,        /* a new page of ports is all zeroes */
    PORT_RESERVED,    /* port 0: where a port number is kept, 0 means none */
    PORT_UNBOUND,     /* for u.unbound_remote to bind to */
    PORT_INTERDOMAIN, /* linked to u.inter, whose port is linked to this one */
    PORT_PIRQ,
    PORT_VIRQ,
    PORT_IPI,
};

struct evtchn {
    uint32_t port;          /* its own number; does not change */
    uint8_t state;          /* enum evtchn_state */
    uint8_t priority;       /* FIFO: the queue for its next events, 0 the most urgent, to 15 */
    uint16_t notify_vcpu;   /* below max_vcpus, but the vcpu may not have been made yet */
    bool pending_early;     /* FIFO: raised before the guest had given the word's page */
    uint8_t queue_priority; /* FIFO, with queue_vcpu: the queue that it was last linked to; */
    uint16_t queue_vcpu;    /* evtchn_fifo.lock */
    struct sched_handoff handoff; /* of events sent by it */
    union {                       /* by state; nothing for the others */
        domid_t unbound_remote;
        struct {
            struct domain *remote; /* no reference: its destruction breaks the link first */
            uint32_t remote_port;
        } inter;
        uint32_t pirq;
        uint32_t virq;
    } u;
};
_Static_assert(sizeof(struct evtchn) == 32, "a page holds EVTCHNS_PER_GROUP of them");

#define EVTCHNS_PER_GROUP (PAGE_SIZE / sizeof(struct evtchn))

#define EVTCHN_GROUPS_ORDER 1 /* pointers to groups for all FIFO ports */
_Static_assert(EVTCHN_FIFO_NR_CHANNELS / EVTCHNS_PER_GROUP * 8 == PAGE_SIZE << EVTCHN_GROUPS_ORDER,
               "the array of groups");

/* NULL: no such port yet. Lock-free is fine: groups never go while the domain exists. */
static inline struct evtchn *evtchn_of(const struct domain *d, uint32_t port)
{
    if (unlikely(port >= READ_ONCE(d->evtchn.valid_ports)))
        return NULL;
    return &d->evtchn.groups[port / EVTCHNS_PER_GROUP][port % EVTCHNS_PER_GROUP];
}

/*
 * evtchn_port.c. The first finds a port that nobody has, *out; the caller gives it a state. The
 * second gives one back: what it was bound to has been told, and an event that is pending is lost.
 * Both under evtchn.lock.
 */
int evtchn_port_alloc(struct domain *d, struct evtchn **out);
void evtchn_port_free(struct domain *d, struct evtchn *c);
int evtchn_ports_init(struct domain *d); /* 0 or -XEN_ENOMEM */

/* Wakes the vcpus that poll for this port; after its pending bit has been set. */
void evtchn_check_pollers(struct domain *d, uint32_t port);

/*
 * The two forms. d: the port's domain, v: the vcpu to notify. set_pending comes under the lock of
 * d or of the linked end, unmask under d's.
 */
bool evtchn_2l_set_pending(struct domain *d, struct vcpu *v, struct evtchn *c);
void evtchn_2l_unmask(struct domain *d, struct vcpu *v, const struct evtchn *c);

bool evtchn_fifo_set_pending(struct domain *d, struct vcpu *v, struct evtchn *c);
void evtchn_fifo_unmask(struct domain *d, struct vcpu *v, struct evtchn *c);
void evtchn_fifo_clear_pending(struct domain *d, struct evtchn *c);
bool evtchn_fifo_is_pending(struct domain *d, const struct evtchn *c);
bool evtchn_fifo_is_masked(struct domain *d, const struct evtchn *c);
/* The guest still has the port's word in a queue, so the port must not be given anew. */
bool evtchn_fifo_is_linked(struct domain *d, uint32_t port);
/* Operations of the current domain: each keeps a frame of it until evtchn_fifo_destroy(). */
int evtchn_fifo_init_control(struct evtchn_init_control *op);
int evtchn_fifo_expand_array(const struct evtchn_expand_array *op);
/* Goes back to the 2-level form and lets go of the guest's pages. All ports of d are closed. */
void evtchn_fifo_destroy(struct domain *d);
/* Afterwards, while no port can be made: forgets in which queues they were. */
void evtchn_fifo_forget(struct domain *d);

/* How a port is raised in either form: through a pointer, as a trace goes in between. */
extern struct evtchn_raise {
    bool (*fifo)(struct domain *d, struct vcpu *v, struct evtchn *c);
    bool (*two_level)(struct domain *d, struct vcpu *v, struct evtchn *c);
} evtchn_raise;

/* Not one of the global ones, which are bound at vcpu 0 and may be moved. */
bool evtchn_virq_is_per_vcpu(unsigned virq);
void evtchn_virq_unbind(struct domain *d, const struct evtchn *c); /* evtchn.lock held */
void evtchn_virq_drop_handler(struct domain *d);                   /* d is dying */
/* Operations, called with no lock held. Of the current domain unless the structure names one. */
int evtchn_close(struct domain *d, uint32_t port);
int evtchn_alloc_unbound(struct evtchn_alloc_unbound *op);
int evtchn_bind_interdomain(struct evtchn_bind_interdomain *op);
int evtchn_bind_virq(struct evtchn_bind_virq *op);
int evtchn_bind_ipi(struct evtchn_bind_ipi *op);
int evtchn_bind_pirq(struct evtchn_bind_pirq *op);
int evtchn_reset(const struct evtchn_reset *op);

/*
 * Raises c, a port of d, under d's lock or that of the domain it is linked to: either keeps the
 * port open, and as evtchn_fifo_destroy() comes after all ports are closed, it keeps fifo as well.
 * False: it was pending already.
 */
static inline bool evtchn_set_pending(struct domain *d, struct evtchn *c)
{
    struct vcpu *v = domain_vcpu(d, c->notify_vcpu);

    if (unlikely(v == NULL || d->shared_info == NULL))
        return true;
    if (likely(READ_ONCE(d->evtchn.fifo) != NULL))
        return evtchn_raise.fifo(d, v, c);
    return evtchn_raise.two_level(d, v, c);
}

#endif
