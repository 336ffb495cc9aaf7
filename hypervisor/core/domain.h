/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains and their vcpus. A domain lives as long as someone holds a reference: the table of
 * domains holds one until it is destroyed, every frame it owns holds one together (while
 * tot_pages > 0), domain_get() takes one for a while.
 *
 * Life: created -> (vcpus, memory, context) -> running -> shut down -> dying -> dead -> freed.
 * Destruction is asked for by domctl, runs in slices, and is over when the last frame has gone.
 */
#ifndef CORE_DOMAIN_H
#define CORE_DOMAIN_H

#include <core/evtchn.h>
#include <core/sched.h>
#include <core/timer.h>
#include <lib/types.h>
#include <public/xen.h>
#include <public/vcpu.h>
#include <x86/vcpu.h>

#define MAX_VCPUS 64
#define NR_DOMIDS 0x7ff0 /* DOMID_FIRST_RESERVED */

struct domain;

struct vcpu {
    unsigned id;
    struct domain *domain;
    void *stack;        /* top, aligned to STACK_SIZE */
    uint64_t saved_rsp; /* while switched out */

    struct vcpu_info *info;   /* in shared_info, or registered by the guest; direct map */
    struct frame *info_frame; /* holds it when registered: a writable type reference */
    uint64_t runstate_area;   /* guest address, 0: none */
    bool initialised;         /* a context has been set */
    bool initialising;        /* one is being set; atomic */
    unsigned pause_count;     /* atomic */

    struct sched_vcpu sched;
    struct evtchn_vcpu evtchn;
    struct timer singleshot_timer, periodic_timer, poll_timer;
    uint64_t periodic_ns, periodic_last;

    int64_t restart_args[4]; /* hypercall_restart() */

    /* Entries by reason, for figures that hold on any hardware (sysctl, debug key). */
    uint64_t n_hypercalls, n_traps, n_page_faults, n_emulated, n_switches;

    struct arch_vcpu arch;
};

enum domain_state { DOM_ALIVE, DOM_DYING, DOM_DEAD };

struct domain {
    domid_t id;
    uint32_t refs; /* atomic; 0: being freed */
    enum domain_state state;
    bool privileged; /* may control others: dom0 */
    bool hardware;   /* owns the devices: dom0 */
    bool shutting_down, shut_down;
    unsigned shutdown_code;
    unsigned shutdown_code_plus1; /* SCHEDOP_shutdown_code: the reason that counts; 0: none */
    bool creation_finished;
    uint8_t handle[16];
    uint32_t ssidref, create_flags;

    struct spinlock lock; /* LOCK_DOMAIN */
    struct vcpu *vcpus[MAX_VCPUS];
    unsigned max_vcpus;
    unsigned pause_count, controller_pause_count;

    struct shared_info *shared_info; /* one page; direct map */

    /* Frames: LOCK_PAGE_LIST. */
    struct spinlock page_lock;
    uint32_t page_list_head, page_list_tail; /* mfns, FRAME_NONE: empty */
    uint64_t tot_pages, max_pages, claimed_pages;
    uint64_t shared_pages; /* hypervisor frames mapped by it */

    struct sched_domain sched;
    struct evtchn_domain evtchn;
    struct grant_table *grants;
    uint32_t destroy_stage; /* progress of domain_destroy */
    uint32_t destroy_cursor;
    bool destroying; /* a slice is running */
    bool unlisted;   /* the table's reference has been dropped */

    int32_t time_offset_seconds;
    struct timer watchdogs[2];
    uint32_t watchdog_inuse;
    domid_t target; /* domain it may control (set_target), DOMID_INVALID: none */
    uint64_t suspend_evtchn;
    void *console_line; /* core/console_io.c: the line being gathered for the log */

    struct domain *next_dead; /* list of domains waiting for domain_reap() */

    struct arch_domain arch;
};

extern struct domain *dom0;
extern struct domain *dom_xen, *dom_io, *dom_idle; /* owners without a guest */

void domain_init_system(void); /* the three above and the idle vcpus' domain */

#define DOMAIN_PRIVILEGED 0x1u
#define DOMAIN_HARDWARE   0x2u
struct domain_config {
    domid_t id; /* DOMID_INVALID: choose */
    unsigned max_vcpus, max_evtchns, max_grant_frames, max_maptrack_frames, grant_version, flags;
    uint8_t handle[16];
    uint32_t ssidref;
    uint32_t domctl_flags; /* XEN_DOMCTL_CDF_*, for getdomaininfo */
};
/* New domain with no vcpus and no memory, paused once. -XEN_EEXIST, -XEN_ENOMEM, -XEN_EINVAL. */
int domain_create(const struct domain_config *cfg, struct domain **out);
/* One vcpu, down, affine to all CPUs. */
struct vcpu *vcpu_create(struct domain *d, unsigned id);
void vcpu_free(struct vcpu *v); /* core/domain.c: with its domain */

/* The domain of an id while something of its own (a frame, a reference) is held; else NULL. */
struct domain *domain_of_id(domid_t id);
/* As domain_get(), and also the dead whose last frames others still hold. */
struct domain *domain_get_any(domid_t id);
/* Frees the domains whose last reference has gone; with no lock held. */
void domain_reap(void);
extern struct domain *domain_dead_list; /* for domain_reap()'s callers: something to do? */

/* Reference by id; NULL when there is none or it is dead. DOMID_SELF: current's. */
struct domain *domain_get(domid_t id);
/* DOMID_SELF or, for the privileged, any domain; others get -XEN_EPERM, -XEN_ESRCH. */
int domain_get_target(domid_t id, struct domain **d);
void domain_ref(struct domain *d);
void domain_put(struct domain *d);
/* Next domain by id, with a reference; from = last one's id + 1. NULL at the end. */
struct domain *domain_next(domid_t from);
unsigned domain_count(void); /* that exist, dying ones included */

/* The guest's own doing (SCHEDOP_shutdown) or a crash: pauses it and tells dom0 (VIRQ_DOM_EXC). */
void domain_shutdown(struct domain *d, unsigned code);
void domain_resume(struct domain *d);
/* The guest broke its contract: printed reason, then shutdown(crash). May be called in any context
 * that holds no lock above LOCK_DOMAIN. Returns; the vcpu stops at the guest boundary. */
void domain_crash(struct domain *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One slice; -XEN_ERESTART until all is gone. Never of current's domain. */
int domain_destroy(struct domain *d);

static inline bool domain_is_idle(const struct domain *d)
{
    return d == dom_idle;
}

static inline struct vcpu *domain_vcpu(const struct domain *d, unsigned id)
{
    return id < d->max_vcpus ? d->vcpus[id] : NULL;
}

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
