/* SPDX-License-Identifier: MIT */
/*
 * Event channels: the interrupts of a paravirtual machine.
 *
 * A port is a small number in a domain, and an event on it sets a bit that stays set until the
 * guest clears it: ten events or one, the guest sees one. A port is bound to one source:
 *
 *   interdomain  a port of another domain, or of the same one; either side can send
 *   virq         a virtual interrupt, VIRQ_*
 *   pirq         an interrupt of the machine
 *   ipi          another vcpu of the domain
 *
 * Each port notifies one vcpu. Port 0 is never valid.
 *
 * event_channel_op(cmd, arg): `cmd` is EVTCHNOP_*, `arg` points to the structure of that name
 * below. Returns 0, and the OUT fields are valid then only. Errors that all share:
 *
 *   -EINVAL  no such port, or one in the wrong state for this operation
 *   -ENOSPC  no free port below the domain's limit (XEN_DOMCTL_createdomain)
 *   -ENOENT  no such vcpu
 *   -ESRCH   no such domain
 *   -EPERM   not to that domain
 *   -ENOMEM  the hypervisor has no memory for the port
 *
 * There are two ways to tell a guest which ports are pending. A domain starts with the first.
 *
 * 2-level: port n is bit n % 64 of word n / 64 of evtchn_pending in shared_info, and of
 * evtchn_mask. An event sets the pending bit; if it was clear and the mask bit is too, bit n / 64
 * of the vcpu's evtchn_pending_sel is set, then evtchn_upcall_pending, and the vcpu is woken. The
 * guest takes evtchn_pending_sel with an exchange against 0, and works through the words that it
 * names. An event on a masked port leaves its pending bit and nothing else, so a guest unmasks by
 * EVTCHNOP_unmask unless it looks at the bit itself. There are 4096 ports.
 *
 * FIFO: each port has an event_word_t in an event array, and each vcpu a control block with a queue
 * per priority. An event sets PENDING; if the port is neither MASKED nor LINKED it is put on the
 * tail of its queue, the LINK field of each word being the next port, 0 at the end. `ready` says
 * which queues have something. The guest takes ports from the heads, clearing LINKED and LINK
 * together, in order of priority. BUSY is the hypervisor's, while it works on a masked port. There
 * are 131072 ports.
 */
#ifndef LODGE_PUBLIC_EVENT_CHANNEL_H
#define LODGE_PUBLIC_EVENT_CHANNEL_H

#include "handles.h"

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

/*
 * EVTCHNOP_alloc_unbound: allocate a port in `dom` to which `remote_dom` may bind. It notifies vcpu
 * 0.
 *
 * `dom` is DOMID_SELF unless the caller is privileged: -EPERM. `remote_dom` may be DOMID_SELF,
 * which means the caller, also where `dom` is another domain. It need not exist yet: a port waits
 * for an identifier, and binds whichever domain has it at that time. So whoever reuses identifiers
 * has to close the ports that wait for a domain that has died, or wait until they are closed.
 */
struct evtchn_alloc_unbound {
    domid_t dom, remote_dom; /* IN */
    evtchn_port_t port;      /* OUT */
};
typedef struct evtchn_alloc_unbound evtchn_alloc_unbound_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_alloc_unbound_t);
_Static_assert(sizeof(evtchn_alloc_unbound_t) == 8, "evtchn_alloc_unbound");

/*
 * EVTCHNOP_bind_interdomain: allocate a port and connect it to `remote_port` of `remote_dom`, which
 * has to be unbound and meant for the caller: -EINVAL. `remote_dom` may be DOMID_SELF.
 *
 * The new port becomes pending at once, so that an event that came before the binding is not lost:
 * a receiver always has to check whether there is work.
 */
struct evtchn_bind_interdomain {
    domid_t remote_dom;        /* IN */
    evtchn_port_t remote_port; /* IN */
    evtchn_port_t local_port;  /* OUT */
};
typedef struct evtchn_bind_interdomain evtchn_bind_interdomain_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_interdomain_t);
_Static_assert(sizeof(evtchn_bind_interdomain_t) == 12, "evtchn_bind_interdomain");

/*
 * EVTCHNOP_bind_virq: bind a virtual interrupt to a new port that notifies `vcpu`. For a global
 * VIRQ `vcpu` has to be 0 (-EINVAL), and EVTCHNOP_bind_vcpu can move it later; a per-vcpu VIRQ
 * stays. -EEXIST if it is bound already. A domain may bind any VIRQ, but the control domain's are
 * raised there alone.
 */
struct evtchn_bind_virq {
    uint32_t virq;      /* IN, VIRQ_* */
    uint32_t vcpu;      /* IN */
    evtchn_port_t port; /* OUT */
};
typedef struct evtchn_bind_virq evtchn_bind_virq_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_virq_t);
_Static_assert(sizeof(evtchn_bind_virq_t) == 12, "evtchn_bind_virq");

/*
 * EVTCHNOP_bind_pirq: bind one of the domain's pirqs, as PHYSDEVOP_map_pirq numbered it, to a new
 * port that notifies vcpu 0. The line is unmasked in the interrupt controller from then on.
 *
 * No other domain can bind the same line, and -EBUSY if one has: BIND_PIRQ__WILL_SHARE is accepted
 * and changes nothing. -EINVAL for a pirq that is not mapped; -EEXIST if it is bound already.
 */
#define BIND_PIRQ__WILL_SHARE 1
struct evtchn_bind_pirq {
    uint32_t pirq;      /* IN */
    uint32_t flags;     /* IN, BIND_PIRQ__* */
    evtchn_port_t port; /* OUT */
};
typedef struct evtchn_bind_pirq evtchn_bind_pirq_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_pirq_t);
_Static_assert(sizeof(evtchn_bind_pirq_t) == 12, "evtchn_bind_pirq");

/*
 * EVTCHNOP_bind_ipi: allocate a port that notifies `vcpu` when any vcpu of the domain sends on it.
 * The binding stays with that vcpu.
 */
struct evtchn_bind_ipi {
    uint32_t vcpu;      /* IN */
    evtchn_port_t port; /* OUT */
};
typedef struct evtchn_bind_ipi evtchn_bind_ipi_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_ipi_t);
_Static_assert(sizeof(evtchn_bind_ipi_t) == 8, "evtchn_bind_ipi");

/*
 * EVTCHNOP_close: free a port. The other end of an interdomain channel becomes unbound again, meant
 * for the domain that has just closed, by its identifier: also when that domain dies, which closes
 * all its ports. An event that is pending is lost. Closing a virq or pirq
 * port frees it for a new binding.
 */
struct evtchn_close {
    evtchn_port_t port; /* IN */
};
typedef struct evtchn_close evtchn_close_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_close_t);
_Static_assert(sizeof(evtchn_close_t) == 4, "evtchn_close");

/*
 * EVTCHNOP_send: an event on the other end of an interdomain port, or on an ipi port itself. On an
 * unbound port it does nothing and succeeds. -EINVAL for virq and pirq ports.
 */
struct evtchn_send {
    evtchn_port_t port; /* IN */
};
typedef struct evtchn_send evtchn_send_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_send_t);
_Static_assert(sizeof(evtchn_send_t) == 4, "evtchn_send");

/*
 * EVTCHNOP_status: what a port is bound to. `dom` is DOMID_SELF unless the caller is privileged.
 *
 *   EVTCHNSTAT_closed       free
 *   EVTCHNSTAT_unbound      u.unbound.dom may bind to it
 *   EVTCHNSTAT_interdomain  u.interdomain is the other end
 *   EVTCHNSTAT_pirq         u.pirq
 *   EVTCHNSTAT_virq         u.virq
 *   EVTCHNSTAT_ipi          nothing further
 */
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

/*
 * EVTCHNOP_bind_vcpu: choose the vcpu that a port notifies. -EINVAL for ipi ports and per-vcpu
 * VIRQs, which stay where they were bound. Events that are pending stay pending, on the vcpu they
 * went to.
 */
struct evtchn_bind_vcpu {
    evtchn_port_t port; /* IN */
    uint32_t vcpu;      /* IN */
};
typedef struct evtchn_bind_vcpu evtchn_bind_vcpu_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_bind_vcpu_t);
_Static_assert(sizeof(evtchn_bind_vcpu_t) == 8, "evtchn_bind_vcpu");

/* EVTCHNOP_unmask: clear the port's mask bit, and notify its vcpu if there is one to tell of. */
struct evtchn_unmask {
    evtchn_port_t port; /* IN */
};
typedef struct evtchn_unmask evtchn_unmask_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_unmask_t);
_Static_assert(sizeof(evtchn_unmask_t) == 4, "evtchn_unmask");

/*
 * EVTCHNOP_reset: close all ports of `dom`, which is DOMID_SELF unless the caller is privileged. A
 * domain that resets itself is also back in the 2-level form. Long; the hypervisor restarts it.
 */
struct evtchn_reset {
    domid_t dom; /* IN */
};
typedef struct evtchn_reset evtchn_reset_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_reset_t);
_Static_assert(sizeof(evtchn_reset_t) == 2, "evtchn_reset");

/*
 * EVTCHNOP_init_control: give a vcpu its FIFO control block, `offset` bytes into one of the guest's
 * frames. The first call switches the domain to FIFO. What is pending stays so: it is raised when
 * EVTCHNOP_expand_array brings the port's word. -EINVAL if the block crosses the end of the frame,
 * is not aligned to 8 bytes, or the vcpu has one; -ENOENT for a vcpu that does not exist. OUT: how
 * many bits of an event word are LINK.
 *
 * A kernel for which this fails goes on with 2-level; one for which it succeeded cannot go back,
 * save by EVTCHNOP_reset.
 */
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

/*
 * EVTCHNOP_expand_array: add a frame with 1024 event words to the domain's event array, for the
 * ports that follow those it has. Its words start as MASKED as the guest wrote them. -ENOSPC when
 * all ports have one, -EINVAL for a frame that cannot be mapped writable, -EOPNOTSUPP in the
 * 2-level form.
 */
struct evtchn_expand_array {
    uint64_t array_gfn; /* IN */
};
typedef struct evtchn_expand_array evtchn_expand_array_t;
DEFINE_XEN_GUEST_HANDLE(evtchn_expand_array_t);
_Static_assert(sizeof(evtchn_expand_array_t) == 8, "evtchn_expand_array");

/*
 * EVTCHNOP_set_priority: the FIFO queue that a port's next events go to. 0 is the most urgent;
 * -EINVAL beyond EVTCHN_FIFO_PRIORITY_MIN, -ENOSYS in the 2-level form. What is queued stays where
 * it is.
 */
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
