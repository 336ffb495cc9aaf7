/* SPDX-License-Identifier: GPL-2.0-only */
/* Event channels: ports of a domain that another domain, a virtual or a physical irq can set. */
#ifndef CORE_EVTCHN_H
#define CORE_EVTCHN_H

#include <core/spinlock.h>
#include <lib/types.h>
#include <public/event_channel.h>

struct domain;
struct vcpu;

#define EVTCHN_MAX_VIRQS 24

struct evtchn;
struct evtchn_fifo;

struct evtchn_domain {
    struct spinlock lock;     /* LOCK_EVTCHN */
    struct evtchn **groups;   /* [port / EVTCHNS_PER_GROUP], filled on demand; never freed early */
    uint32_t valid_ports;     /* ports that have a struct evtchn */
    uint32_t max_ports;       /* limit from domctl */
    struct evtchn_fifo *fifo; /* NULL: 2-level */
    uint32_t free_hint;       /* no free port below */
    bool resetting;           /* EVTCHNOP_reset at work: no new ports */
    uint32_t *pirq_port;      /* [NR_PIRQS], from the first bind_pirq on */
    uint64_t pollers;         /* bit per vcpu in SCHEDOP_poll; atomic */
};

struct evtchn_vcpu {
    uint32_t virq_port[EVTCHN_MAX_VIRQS]; /* 0: not bound */
    int32_t poll_port;                    /* SCHEDOP_poll: -1 none, 0 several, >0 the one */
};

int evtchn_domain_init(struct domain *d);
void evtchn_domain_destroy(struct domain *d); /* closes all; no vcpu runs any more */
/* The same in slices: -XEN_ERESTART until done; cursor starts at 0. */
int evtchn_domain_close(struct domain *d, uint32_t *cursor);
void evtchn_domain_free(struct domain *d); /* memory, with the domain's structure */
void evtchn_vcpu_init(struct vcpu *v);

void evtchn_virq_vcpu(struct vcpu *v, unsigned virq); /* VIRQ_TIMER, VIRQ_DEBUG */
void evtchn_virq_global(unsigned virq);               /* VIRQ_DOM_EXC, VIRQ_CONSOLE, ...: dom0's */
void evtchn_virq_domain(struct domain *d, unsigned virq);
/* A physical interrupt for d's pirq; false when it is not bound (the caller masks the line). */
bool evtchn_pirq(struct domain *d, unsigned pirq);
/* As if d had sent on its port (a watched suspension). Errors as of EVTCHNOP_send. */
int evtchn_send(struct domain *d, uint32_t port);
/* For domctl and the tools. */
int evtchn_alloc_unbound_for(struct domain *d, domid_t remote, uint32_t *port);
void evtchn_dump(struct domain *d);
int evtchn_set_virq_handler(struct domain *d, unsigned virq);
/* Is the port pending? For SCHEDOP_poll. -XEN_EINVAL: no such port. */
int evtchn_is_pending(struct domain *d, uint32_t port);

/* The upcall flag of a vcpu: set, and make the vcpu notice. Defined in evtchn.c. */
void evtchn_upcall(struct vcpu *v);
#endif
