/* SPDX-License-Identifier: GPL-2.0-only */
/* Event channels: ports of a domain that another domain, a virtual or a physical irq can set. */
#ifndef CORE_EVTCHN_H
#define CORE_EVTCHN_H

#include <core/spinlock.h>
#include <lib/types.h>

struct domain;
struct vcpu;

#define EVTCHN_MAX_VIRQS 24

struct evtchn;
struct evtchn_fifo;

#define EVTCHN_FREE_MAPS 4 /* pages of bits, for as many ports as there can be */

/*
 * Of a domain. All of it is under the lock, where nothing else is said. groups and valid_ports only
 * grow, and a group is entered before the count is raised; so a port below valid_ports can be found
 * without the lock.
 */
#define NR_PIRQS 512

struct evtchn_domain {
    struct spinlock lock;   /* LOCK_EVTCHN */
    struct evtchn **groups; /* [port / EVTCHNS_PER_GROUP], filled on demand; never freed early */
    uint32_t valid_ports;   /* ports that have a struct evtchn */
    uint64_t *free[EVTCHN_FREE_MAPS]; /* a bit for each of those: free; like groups */
    uint32_t max_port;                /* the highest there may be, from domctl; does not change */
    struct evtchn_fifo *fifo; /* NULL: 2-level; see evtchn_set_pending() for who may use it */
    uint32_t free_hint;       /* no free port below, so a search starts here */
    bool resetting;           /* EVTCHNOP_reset at work: no new ports */
    uint32_t *pirq_port;      /* [NR_PIRQS], from the first bind_pirq on; 0: not bound */
    uint64_t pollers;         /* bit per vcpu in SCHEDOP_poll; atomic, without the lock */
};

struct evtchn_vcpu {
    uint32_t virq_port[EVTCHN_MAX_VIRQS]; /* 0: not bound; its domain's evtchn.lock */
    int32_t poll_port; /* SCHEDOP_poll: -1 none, 0 several, >0 the one; the vcpu's own to write */
};

/* 0 or -XEN_ENOMEM; then evtchn_domain_free() takes care of what there is. */
int evtchn_domain_init(struct domain *d);
void evtchn_domain_destroy(struct domain *d); /* closes all; no vcpu runs any more */
/*
 * The same in slices: -XEN_ERESTART until done; cursor starts at 0. d is not DOM_ALIVE (or in no
 * table yet), so nobody can make or link a port behind the cursor.
 */
int evtchn_domain_close(struct domain *d, uint32_t *cursor);
void evtchn_domain_free(struct domain *d); /* memory, with the domain's structure */
void evtchn_vcpu_init(struct vcpu *v);
void evtchn_trace(bool on); /* each event becomes a record, or no longer: core/trace.h */

/*
 * Raise. All take evtchn.lock, the global ones LOCK_VIRQ before it; callable from interrupts, which
 * are taken only where no lock is held. A virq that the guest has not bound is lost.
 */
void evtchn_virq_vcpu(struct vcpu *v, unsigned virq); /* VIRQ_TIMER, VIRQ_DEBUG */
void evtchn_virq_global(unsigned virq);               /* VIRQ_DOM_EXC, VIRQ_CONSOLE, ...: dom0's */
void evtchn_virq_domain(struct domain *d, unsigned virq); /* a global virq; d may be NULL */
/* A physical interrupt for d's pirq; false when it is not bound (the caller masks the line). */
bool evtchn_pirq(struct domain *d, unsigned pirq);
/* As if d had sent on its port (a watched suspension). Errors as of EVTCHNOP_send. */
int evtchn_send(struct domain *d, uint32_t port);

/* A port of d that `remote` may bind to (DOMID_SELF: the caller's domain). 0 or -XEN_E*. */
int evtchn_alloc_unbound_for(struct domain *d, domid_t remote, uint32_t *port);
void evtchn_dump(struct domain *d); /* all ports in use, to the log */
/* From now on d gets a global virq in dom0's place. -XEN_EINVAL: no such virq, or d is dying. */
int evtchn_set_virq_handler(struct domain *d, unsigned virq);
/* Is the port pending? For SCHEDOP_poll of d's own vcpu. -XEN_EINVAL: no such port. */
int evtchn_is_pending(struct domain *d, uint32_t port);

/*
 * Sets the upcall flag of a vcpu and makes the vcpu notice. Called when the event's own bits are
 * set, as the guest looks for them when it sees the flag. Defined in evtchn.c.
 */
void evtchn_upcall(struct vcpu *v);
#endif
