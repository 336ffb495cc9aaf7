/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains and their vcpus. A domain lives as long as someone holds a reference: the table of
 * domains holds one until it is destroyed, all frames it owns hold one together (while
 * tot_pages + shared_pages > 0), each mapping of one of its grants holds one, domain_get() takes
 * one for a while.
 *
 * Life: created -> (vcpus, memory, context) -> running -> shut down -> dying -> dead -> freed.
 * Destruction is asked for by domctl, runs in slices, and is over when the last frame has gone.
 *
 * A reference promises that the structure stays: nobody frees it meanwhile. It does not promise
 * that the domain stays alive. Whoever must not act on a dying domain looks at `state` under a
 * lock: the one that is taken, later, by the stage of destruction which would undo the act. That is
 * page_lock for frames, evtchn.lock for channels, the grant table's lock for its pages.
 */
#ifndef CORE_DOMAIN_H
#define CORE_DOMAIN_H

#include <core/evtchn.h>
#include <core/sched.h>
#include <core/timer.h>
#include <hvm/vcpu.h>
#include <lib/types.h>
#include <public/lodge_stats.h>
#include <public/shared_info.h>
#include <pv/vcpu.h>
#include <x86/vcpu.h>

#define MAX_VCPUS 64
#define NR_DOMIDS 0x7ff0 /* DOMID_FIRST_RESERVED */

struct domain;
struct guest_type;

/*
 * Made once by vcpu_create() and freed with its domain: while the domain is held, a vcpu that was
 * found in it stays. So there are no references to vcpus.
 */
struct vcpu {
    unsigned id; /* index in domain->vcpus */
    struct domain *domain;
    void *stack;        /* top, aligned to STACK_SIZE */
    uint64_t saved_rsp; /* while switched out; 0: on a CPU, or its stack is still in use there */

    struct vcpu_info *info;   /* in shared_info, registered by the guest, or hidden_info */
    struct frame *info_frame; /* holds it when registered: a writable type reference */
    uint64_t runstate_area;   /* guest address, 0: none */
    bool initialised;         /* a context has been set */
    bool context_busy;        /* one is being set: vcpu_context_begin() */
    unsigned pause_count;     /* its own pauses, beside the domain's; atomic */

    struct sched_vcpu sched;
    struct evtchn_vcpu evtchn;
    struct timer singleshot_timer, periodic_timer, poll_timer;
    uint64_t periodic_ns, periodic_last; /* period, 0: none; its last due time; in ns */

    /* What it may call, by number: NR_HYPERCALLS handlers (core/hypercall.h), by its guest type. */
    int64_t (*const *hypercalls)(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
    /* The same; `hypercalls` is another table while the vcpu is traced: core/trace.h. */
    int64_t (*const *handlers)(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
    int64_t restart_args[4]; /* hypercall_restart(), for whoever called the handler */

    struct arch_vcpu arch; /* what any type has of the processor; then its own, by domain->type */
    union {
        struct pv_vcpu pv;
        struct hvm_vcpu hvm;
    };
    struct vcpu_info hidden_info; /* beyond shared_info's vcpus, until the guest registers one */

    /* Where its counters stood when they were reset last (core/stats.h); domain->lock. */
    uint64_t stats_base[LODGE_NR_STATS];
};

/*
 * ALIVE also while it is shut down: it may be resumed. DYING: destruction has begun, all of it may
 * still be there. DEAD: only the structure, and the frames that others hold; domain_get() no longer
 * finds it. It never goes back.
 */
enum domain_state { DOM_ALIVE, DOM_DYING, DOM_DEAD };

struct domain {
    domid_t id;
    uint32_t refs;           /* atomic; 0: being freed, and nobody may raise it again */
    enum domain_state state; /* to DYING under page_lock */
    const struct guest_type *type;
    bool translated; /* its frame numbers are its own: the type has a physmap */
    bool privileged; /* may control others: dom0 */
    bool hardware;   /* owns the devices: dom0 */
    /* The first is set atomically by whoever shuts it down; the second after it has paused it. */
    bool shutting_down, shut_down;
    unsigned shutdown_code;         /* SHUTDOWN_*, with shut_down */
    unsigned shutdown_code_plus1;   /* SCHEDOP_shutdown_code: the reason that counts; 0: none */
    bool creation_finished;         /* unpaused by its builder for the first time */
    uint8_t handle[16];             /* the tools' name for it */
    uint32_t ssidref, create_flags; /* kept for the tools: getdomaininfo */

    struct spinlock lock;          /* LOCK_DOMAIN */
    struct vcpu *vcpus[MAX_VCPUS]; /* NULL: not made; they go with the domain only */
    unsigned max_vcpus;            /* does not change */
    /*
     * How often all its vcpus are paused; how many of these pauses are the control domain's.
     * Atomic.
     */
    unsigned pause_count, controller_pause_count;

    struct shared_info *shared_info; /* one page; direct map; NULL once it is DEAD */

    /* Frames: LOCK_PAGE_LIST. */
    struct spinlock page_lock;
    uint32_t page_list_head, page_list_tail; /* mfns, FRAME_NONE: empty */
    /*
     * tot_pages: its frames, on the list or about to be. max_pages: the most it may have; it may be
     * set below what it has. claimed_pages: what is set aside for it beyond that (frame_claim()),
     * under the heap's lock.
     */
    uint64_t tot_pages, max_pages, claimed_pages;
    uint64_t shared_pages; /* hypervisor frames mapped by it; not on the list */
    bool exchanging;       /* a vcpu of its is in XENMEM_exchange; atomic */
    bool exchange_wanted;  /* another has come meanwhile: a hint */

    struct sched_domain sched;
    struct evtchn_domain evtchn;
    struct grant_table *grants;
    uint32_t destroy_stage;  /* progress of domain_destroy; these are under `destroying` */
    uint32_t destroy_cursor; /* within the stage: next port, then frames yet to be looked at */
    bool destroying;         /* a slice is running; atomic */
    bool unlisted;           /* the table's reference has been dropped */

    int32_t time_offset_seconds; /* of its wall clock from the machine's */
    struct timer watchdogs[2];
    uint32_t watchdog_inuse; /* bit per watchdog; lock */
    /*
     * The domain that it may control (set_target), by id; it ends with that one. DOMID_INVALID:
     * none.
     */
    domid_t target;
    uint64_t suspend_evtchn; /* the port of its that is sent on when it suspends; 0: none */
    void *console_line;      /* core/console/console_io.c: the line being gathered for the log */

    struct domain *next_dead; /* list of domains waiting for domain_reap() */

    struct arch_domain arch; /* as with vcpus */
    union {
        struct pv_domain pv;
        struct hvm_domain hvm;
    };
};

extern struct domain *dom0;
/*
 * Owners without a guest: of the hypervisor's frames, of what is no RAM, of the idle vcpus. They
 * are in no table, never go, and have no shared_info and no grants.
 */
extern struct domain *dom_xen, *dom_io, *dom_idle;

void domain_init_system(void); /* the three above and the idle vcpus' domain */

/* domain_config.flags. Only dom0 is made with any. */
#define DOMAIN_PRIVILEGED 0x1u
#define DOMAIN_HARDWARE   0x2u
struct domain_config {
    domid_t id; /* DOMID_INVALID: choose */
    const struct guest_type *type;
    unsigned max_vcpus, max_evtchns, max_grant_frames, max_maptrack_frames, grant_version, flags;
    uint8_t handle[16];
    uint32_t ssidref;
    uint32_t domctl_flags; /* XEN_DOMCTL_CDF_*, for getdomaininfo */
};
/*
 * New domain with no vcpus and no memory, paused once. -XEN_EEXIST, -XEN_ENOMEM, -XEN_EINVAL. *out
 * has no reference of the caller's: the table's keeps it until domain_destroy().
 */
int domain_create(const struct domain_config *cfg, struct domain **out);
/* One vcpu, down, affine to all CPUs. NULL: no such id, it is there already, or no memory. */
struct vcpu *vcpu_create(struct domain *d, unsigned id);
void vcpu_free(struct vcpu *v); /* core/domain.c: with its domain */
/* Around guest_set_context(), which may be preempted. False: another caller is at it. */
bool vcpu_context_begin(struct vcpu *v) MUST_CHECK;
void vcpu_context_end(struct vcpu *v);

/*
 * The domain of an id, without a lock or a new reference. Only for those who hold something that
 * keeps it (a frame, a reference). It knows the three special ones, too.
 */
struct domain *domain_of_id(domid_t id);
/* As domain_get(), and also the dead whose last frames others still hold. */
struct domain *domain_get_any(domid_t id);
/* Frees the domains whose last reference has gone; with no lock held. */
void domain_reap(void);
extern struct domain *domain_dead_list; /* for domain_reap()'s callers: something to do? */

/* Reference by id; NULL when there is none or it is dead. DOMID_SELF: current's. */
struct domain *domain_get(domid_t id);
/*
 * The check of privilege for operations that act on a domain: the caller's own (DOMID_SELF), the
 * one in its `target` or, for the privileged, any. 0 with a reference in *d, or -XEN_EPERM,
 * -XEN_ESRCH. It may be dying.
 */
int domain_get_target(domid_t id, struct domain **d);
void domain_ref(struct domain *d); /* one more, when something keeps it already */
/* Any context, under any locks: the last one only puts it on the list for domain_reap(). */
void domain_put(struct domain *d);
/* Next domain by id, with a reference; from = last one's id + 1. NULL at the end. */
struct domain *domain_next(domid_t from);
unsigned domain_count(void); /* that exist, dying ones included */

/* The guest's own doing (SCHEDOP_shutdown) or a crash: pauses it and tells dom0 (VIRQ_DOM_EXC). */
void domain_shutdown(struct domain *d, unsigned code);
/*
 * Logs the hardware domain's current vcpu, its last trap and what was refused to it. A kernel whose
 * console is up says why it dies; one that fails before leaves nothing but this.
 */
void domain_report_death(struct domain *d);
/* Undoes a shutdown that is complete, else does nothing. Takes d's lock. */
void domain_resume(struct domain *d);
/* The guest broke its contract: printed reason, then shutdown(crash). No lock is held: it may be
 * preempted. Returns; the vcpu stops at the guest boundary. */
void domain_crash(struct domain *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * One slice; -XEN_ERESTART until all is gone. Never of current's domain. No lock held; the caller
 * has a reference. After 0 the structure may stay for as long as others hold it or its frames.
 */
int domain_destroy(struct domain *d);

static inline bool domain_is_idle(const struct domain *d)
{
    return d == dom_idle;
}

/* NULL: no such vcpu, or it has not been made yet. */
static inline struct vcpu *domain_vcpu(const struct domain *d, unsigned id)
{
    return id < d->max_vcpus ? d->vcpus[id] : NULL;
}

/* Those that have been made. (`else` ends it so that a plain statement can follow.) */
#define for_each_vcpu(d, v)                                         \
    for (unsigned vcpu_i_ = 0; vcpu_i_ < (d)->max_vcpus; vcpu_i_++) \
        if (((v) = (d)->vcpus[vcpu_i_]) == NULL) {                  \
        } else

/* Events pending and not masked: looked at on each return to the guest. */
static inline bool vcpu_event_due(const struct vcpu *v)
{
    return READ_ONCE(v->info->evtchn_upcall_pending) && !READ_ONCE(v->info->evtchn_upcall_mask);
}

#endif
