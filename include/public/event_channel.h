/* SPDX-License-Identifier: MIT */
/*
 * Event channels: the interrupts of a paravirtual machine. A port is a number in a domain; an
 * event on it sets a bit that stays set until the guest clears it.
 */
#ifndef LODGE_PUBLIC_EVENT_CHANNEL_H
#define LODGE_PUBLIC_EVENT_CHANNEL_H

#include "xen.h"

typedef uint32_t evtchn_port_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_port_t);

#define EVTCHNOP_bind_interdomain 0
#define EVTCHNOP_bind_virq        1
#define EVTCHNOP_bind_pirq        2
#define EVTCHNOP_close            3
#define EVTCHNOP_send             4
#define EVTCHNOP_status           5
#define EVTCHNOP_alloc_unbound    6
#define EVTCHNOP_bind_ipi         7
#define EVTCHNOP_bind_vcpu        8
#define EVTCHNOP_unmask           9
#define EVTCHNOP_reset            10
#define EVTCHNOP_init_control     11
#define EVTCHNOP_expand_array     12
#define EVTCHNOP_set_priority     13

/* EVTCHNOP_alloc_unbound */
struct evtchn_alloc_unbound {
    domid_t dom, remote_dom; /* IN */
    evtchn_port_t port;      /* OUT */
};
typedef struct evtchn_alloc_unbound evtchn_alloc_unbound_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_alloc_unbound_t);
_Static_assert(sizeof(evtchn_alloc_unbound_t) == 8, "evtchn_alloc_unbound");

/* EVTCHNOP_bind_interdomain */
struct evtchn_bind_interdomain {
    domid_t remote_dom;        /* IN */
    evtchn_port_t remote_port; /* IN */
    evtchn_port_t local_port;  /* OUT */
};
typedef struct evtchn_bind_interdomain evtchn_bind_interdomain_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_interdomain_t);
_Static_assert(sizeof(evtchn_bind_interdomain_t) == 12, "evtchn_bind_interdomain");

/* EVTCHNOP_bind_virq */
struct evtchn_bind_virq {
    uint32_t virq;      /* IN, VIRQ_* */
    uint32_t vcpu;      /* IN */
    evtchn_port_t port; /* OUT */
};
typedef struct evtchn_bind_virq evtchn_bind_virq_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_virq_t);
_Static_assert(sizeof(evtchn_bind_virq_t) == 12, "evtchn_bind_virq");

/* EVTCHNOP_bind_pirq */
#define BIND_PIRQ__WILL_SHARE 1
struct evtchn_bind_pirq {
    uint32_t pirq;      /* IN */
    uint32_t flags;     /* IN, BIND_PIRQ__* */
    evtchn_port_t port; /* OUT */
};
typedef struct evtchn_bind_pirq evtchn_bind_pirq_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_pirq_t);
_Static_assert(sizeof(evtchn_bind_pirq_t) == 12, "evtchn_bind_pirq");

/* EVTCHNOP_bind_ipi */
struct evtchn_bind_ipi {
    uint32_t vcpu;      /* IN */
    evtchn_port_t port; /* OUT */
};
typedef struct evtchn_bind_ipi evtchn_bind_ipi_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_ipi_t);
_Static_assert(sizeof(evtchn_bind_ipi_t) == 8, "evtchn_bind_ipi");

/* EVTCHNOP_close */
struct evtchn_close {
    evtchn_port_t port; /* IN */
};
typedef struct evtchn_close evtchn_close_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_close_t);
_Static_assert(sizeof(evtchn_close_t) == 4, "evtchn_close");

/* EVTCHNOP_send */
struct evtchn_send {
    evtchn_port_t port; /* IN */
};
typedef struct evtchn_send evtchn_send_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_send_t);
_Static_assert(sizeof(evtchn_send_t) == 4, "evtchn_send");

/* EVTCHNOP_status */
#define EVTCHNSTAT_closed      0
#define EVTCHNSTAT_unbound     1
#define EVTCHNSTAT_interdomain 2
#define EVTCHNSTAT_pirq        3
#define EVTCHNSTAT_virq        4
#define EVTCHNSTAT_ipi         5
struct evtchn_status {
    domid_t dom;        /* IN */
    evtchn_port_t port; /* IN */
    uint32_t status;    /* OUT, EVTCHNSTAT_* */
    uint32_t vcpu;      /* OUT */
    union {             /* OUT, by status */
        struct {
            domid_t dom;
        } unbound;
        struct {
            domid_t dom;
            evtchn_port_t port;
        } interdomain;
        uint32_t pirq;
        uint32_t virq;
    } u;
};
typedef struct evtchn_status evtchn_status_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_status_t);
_Static_assert(sizeof(evtchn_status_t) == 24, "evtchn_status");
_Static_assert(offsetof(evtchn_status_t, u) == 16, "evtchn_status.u");

/* EVTCHNOP_bind_vcpu */
struct evtchn_bind_vcpu {
    evtchn_port_t port; /* IN */
    uint32_t vcpu;      /* IN */
};
typedef struct evtchn_bind_vcpu evtchn_bind_vcpu_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_vcpu_t);
_Static_assert(sizeof(evtchn_bind_vcpu_t) == 8, "evtchn_bind_vcpu");

/* EVTCHNOP_unmask */
struct evtchn_unmask {
    evtchn_port_t port; /* IN */
};
typedef struct evtchn_unmask evtchn_unmask_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_unmask_t);
_Static_assert(sizeof(evtchn_unmask_t) == 4, "evtchn_unmask");

/* EVTCHNOP_reset */
struct evtchn_reset {
    domid_t dom; /* IN */
};
typedef struct evtchn_reset evtchn_reset_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_reset_t);
_Static_assert(sizeof(evtchn_reset_t) == 2, "evtchn_reset");

/* EVTCHNOP_init_control */
struct evtchn_init_control {
    uint64_t control_gfn; /* IN */
    uint32_t offset;      /* IN */
    uint32_t vcpu;        /* IN */
    uint8_t link_bits;    /* OUT */
    uint8_t _pad[7];
};
typedef struct evtchn_init_control evtchn_init_control_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_init_control_t);
_Static_assert(sizeof(evtchn_init_control_t) == 24, "evtchn_init_control");

/* EVTCHNOP_expand_array */
struct evtchn_expand_array {
    uint64_t array_gfn; /* IN */
};
typedef struct evtchn_expand_array evtchn_expand_array_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_expand_array_t);
_Static_assert(sizeof(evtchn_expand_array_t) == 8, "evtchn_expand_array");

/* EVTCHNOP_set_priority */
struct evtchn_set_priority {
    evtchn_port_t port; /* IN */
    uint32_t priority;  /* IN */
};
typedef struct evtchn_set_priority evtchn_set_priority_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_set_priority_t);
_Static_assert(sizeof(evtchn_set_priority_t) == 8, "evtchn_set_priority");

/* Argument of the old event_channel_op_compat: command and union in one structure. */
struct evtchn_op {
    uint32_t cmd; /* EVTCHNOP_* */
    union {
        evtchn_alloc_unbound_t alloc_unbound;
        evtchn_bind_interdomain_t bind_interdomain;
        evtchn_bind_virq_t bind_virq;
        evtchn_bind_pirq_t bind_pirq;
        evtchn_bind_ipi_t bind_ipi;
        evtchn_close_t close;
        evtchn_send_t send;
        evtchn_status_t status;
        evtchn_bind_vcpu_t bind_vcpu;
        evtchn_unmask_t unmask;
    } u;
};
typedef struct evtchn_op evtchn_op_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_op_t);
_Static_assert(sizeof(evtchn_op_t) == 28, "evtchn_op");

/* Ports of the 2-level ABI: one bit per port, one selector bit per word of ports. */
#define EVTCHN_2L_NR_CHANNELS (sizeof(xen_ulong_t) * sizeof(xen_ulong_t) * 64)

/* The FIFO ABI: one word per port, one queue per vcpu and priority. */
#define EVTCHN_FIFO_PRIORITY_MAX     0
#define EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define EVTCHN_FIFO_PRIORITY_MIN     15
#define EVTCHN_FIFO_MAX_QUEUES       (EVTCHN_FIFO_PRIORITY_MIN + 1)

typedef uint32_t event_word_t;

#define EVTCHN_FIFO_PENDING 31
#define EVTCHN_FIFO_MASKED  30
#define EVTCHN_FIFO_LINKED  29
#define EVTCHN_FIFO_BUSY    28

#define EVTCHN_FIFO_LINK_BITS   17
#define EVTCHN_FIFO_LINK_MASK   ((1 << EVTCHN_FIFO_LINK_BITS) - 1)
#define EVTCHN_FIFO_NR_CHANNELS (1 << EVTCHN_FIFO_LINK_BITS)

struct evtchn_fifo_control_block {
    uint32_t ready; /* bit n: queue n has events */
    uint32_t _rsvd;
    uint32_t head[EVTCHN_FIFO_MAX_QUEUES]; /* first port of each queue */
};
typedef struct evtchn_fifo_control_block evtchn_fifo_control_block_t;
_Static_assert(sizeof(evtchn_fifo_control_block_t) == 72, "evtchn_fifo_control_block");

#endif
