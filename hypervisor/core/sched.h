/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs when. The mechanism (run state, wake, sleep, switch) is here; the policy is behind
 * struct sched_policy, of which there is one: proportional share with weights, caps and affinity.
 *
 * A vcpu is runnable when it has no reason not to run (blocked_by) and its domain has not used up
 * its cap (capped). A runnable vcpu is running on a CPU or queued for one, never both; it is
 * neither only for a moment, between two queues, while the CPU that moves it holds no queue's lock.
 * One that is not runnable is in no queue, and if it runs, its CPU has been told to call
 * schedule(). So a change of blocked_by does not stop a vcpu: it runs on to its next preemption
 * point or to the boundary to guest mode, and keeps its C stack. Two waits build on this. After
 * vcpu_pause() it has stopped, and its registers are in memory. It may be inside a hypercall then;
 * vcpu_calls_done() has it finish that, so that the registers are those that its guest goes on
 * with.
 *
 * Locks: a run queue's lock (LOCK_SCHED) is taken inside these functions, so the caller may hold
 * any lock that comes before it, and an interrupt handler may call those that only change a state
 * or wake. What gives the CPU away or waits is called with no lock at all: schedule(),
 * vcpu_yield(), vcpu_park_dying(), vcpu_pause(), domain_pause(). A lock that was held across a
 * switch would belong to a vcpu that does not run, and every waiter would spin for it.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include <core/spinlock.h>
#include <core/timer.h>
#include <lib/types.h>

struct domain;
struct vcpu;

/* Why a vcpu is not runnable: bits of vcpu.sched.blocked_by; runnable when all are clear. */
#define SCHED_DOWN    0x1u /* not brought up, or VCPUOP_down */
#define SCHED_BLOCKED 0x2u /* SCHEDOP_block or poll: an event wakes it */
#define SCHED_PAUSED  0x4u /* pause_count > 0, its own or its domain's */
#define SCHED_DYING   0x8u /* parked for good at the guest boundary */

/*
 * What a vcpu has done with its time. The layout is that of the ABI's struct vcpu_runstate_info, so
 * that it goes to the guest as it stands (runstate.c).
 */
struct sched_runstate {
    int state; /* RUNSTATE_* of public/vcpu.h */
    uint64_t state_entry_time;
    uint64_t time[4]; /* ns in each state */
};

struct sched_vcpu {
    /* Changed under the run queue lock of .cpu where nothing else is said; times are in ns. */
    uint32_t blocked_by; /* SCHED_*; others may look without the lock, and must then look again */
    bool running;        /* has a CPU; falls before its registers are saved, see sched_ready() */
    bool queued;         /* in the waiting list of its run queue; excludes running */
    bool entered;        /* has been on a CPU at least once */
    bool dying;          /* sched_vcpu_kill(): nothing stops it before the guest boundary */
    bool finishing;      /* likewise, by vcpu_calls_done(): though paused it runs on to there */
    bool at_boundary;    /* written by itself: stopped between hypercalls, not inside of one */
    unsigned cpu; /* where it runs or would run, whose queue it is in; under the old one's lock */
    /* It may run on the first, or anywhere if none of those is online; prefers the second. */
    cpumask_t hard_affinity, soft_affinity;
    /*
     * SCHEDOP_pin_override: the hard affinity before it; 0: not in force. The vcpu itself changes
     * it.
     */
    cpumask_t pinned_from;
    struct list link;    /* in a run queue, valid while queued */
    int64_t vtime;       /* weighted run time, by the clock of the queue of .cpu */
    uint64_t last_start; /* running: until when its run time has been charged */
    uint64_t slice_end;  /* running: until when only one that preempts it takes the CPU */
    /*
     * Capped: its domain's cap is used up; cap_timer ends that with the period. Yielding: it gives
     * way this once; set by itself without the lock, cleared by schedule().
     */
    bool capped, yielding;
    /* sched_handoff.c; changed only by the vcpu itself */
    struct sched_handoff *handoff_trial; /* of its last event: does it block soon? NULL: none */
    uint64_t handoff_ran;                /* CPU time it had had when the trial began */
    uint8_t handoff_heard; /* events sent to it, mod 256; anyone counts, without lock */
    struct timer cap_timer;
    /* .time lacks what it has had of the present state, since .state_entry_time. */
    struct sched_runstate runstate;
};

/*
 * What is known of a sender's port: whether the sender has nothing else to do after an event by it.
 * The domain's vcpus write it, without order or lock (sched_handoff.c).
 */
struct sched_handoff {
    uint8_t left;  /* so many of the next events hand the CPU over */
    uint8_t grant; /* so many the last good trial brought; 0: one failed since */
    uint8_t doubt; /* so many trials must go well first */
    uint8_t heard; /* the sender's handoff_heard when it last sent */
};

struct sched_domain {
    uint16_t weight;     /* 1..65535, 256 is the norm; written under domain.lock, read without */
    uint16_t cap;        /* percent of one CPU; 0: none; likewise */
    uint64_t cap_used;   /* ns in this period, all vcpus; atomic */
    uint64_t cap_period; /* which one; atomic */
};

/* Boot. A name that is not known is reported and ignored. */
void sched_init(const char *policy_name);
void sched_init_cpu(unsigned cpu);       /* makes its idle vcpu, which counts as running there */
void sched_vcpu_init(struct vcpu *v);    /* down, affine to all; paused if its domain is */
void sched_vcpu_destroy(struct vcpu *v); /* of one that never runs again: its timer */
void sched_domain_init(struct domain *d);

/*
 * Gives the CPU to the vcpu that should have it; returns when the caller runs again, which may be
 * at once, or much later on another CPU: this_cpu() has to be read anew. Page tables, segments and
 * FPU are switched along. The caller holds no lock.
 */
void schedule(void);
void sched_idle_loop(void) NORETURN; /* what an idle vcpu does */

/* A pause count of v or its domain has been raised, or lowered. */
void sched_pause_changed(struct vcpu *v, bool raised);
void sched_wait_off_cpu(struct vcpu *v); /* until its registers are in memory */
/*
 * v runs on to the guest boundary, whatever it waits for, and parks there. From here on a pause
 * does not stop it: sched_wait_off_cpu() may last as long as the hypercall that it is in. So nobody
 * pauses a vcpu of a domain that is not alive and waits for it (core/control/domctl_call.c).
 */
void sched_vcpu_kill(struct vcpu *v);
bool sched_vcpu_parked(const struct vcpu *v); /* it is there: uses nothing of its domain any more */
uint64_t sched_idle_ns(unsigned cpu);         /* since the CPU was set up */
void sched_dump(void);                        /* a debug key; takes no lock, so a rough picture */

/* An event for a blocked vcpu. Raise it first: see sched_vcpu.c. No effect on one not blocked. */
void vcpu_wake(struct vcpu *v);
/*
 * current has sent `to` an event, by a hypercall: perhaps it should have the CPU. Takes no lock and
 * keeps no reference to `to`; the switch, if any, comes at current's next preemption point. h is of
 * current's domain and lasts as long.
 */
void sched_event_sent(struct vcpu *to, struct sched_handoff *h);
void schedule_at_boundary(
    void); /* current, its frame complete: schedule() on the way to the guest */
/* current, from its next preemption point on, until woken; not if an unmasked event is pending */
void vcpu_block(void);
void vcpu_block_begin(void); /* current counts as blocked; then vcpu_wake() or schedule() */
void vcpu_yield(void);       /* current, once, to one that waits for this CPU */
void vcpu_set_down(struct vcpu *v, bool down); /* offline / online; does not wait for v to stop */
void vcpu_pause(struct vcpu *v);               /* counted; waits until off its CPU */
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
/*
 * v is paused by the caller. True: it is at the guest boundary, so its registers are what the guest
 * goes on with, and new ones stay. False: it is inside a hypercall. From now on it finishes that in
 * spite of the pause, as do the domain's other vcpus, for which it may wait. Ask again later, and
 * not while vcpu_finishing(), as another pause would stop it again.
 */
bool vcpu_calls_done(struct vcpu *v);
bool vcpu_finishing(const struct vcpu *v);
/* The same for all vcpus of d; domain_pause() is not for current's own domain. */
void domain_pause(struct domain *d);
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
void vcpu_park_dying(void); /* current; never to run again */
/* Makes v notice pending work: wakes it, or kicks the CPU it runs on. */
void vcpu_kick(struct vcpu *v);
void vcpu_interrupt(struct vcpu *v); /* the second only; one that waits goes on waiting */
/*
 * -XEN_EINVAL: none of `hard` is online. v leaves a CPU where it may not be: at once if it is
 * queued, else at its next schedule(), for which the caller does not wait.
 */
int vcpu_set_affinity(struct vcpu *v, cpumask_t hard, cpumask_t soft);
/* With the time of the present state added up to now. In runstate.c. */
void vcpu_runstate_get(struct vcpu *v, struct sched_runstate *out);
uint64_t vcpu_run_time(struct vcpu *v); /* of it, what the vcpu was running for; ns */

/* domctl and sysctl scheduler_op: -XEN_EINVAL for another scheduler's or an unknown operation. */
struct xen_domctl_scheduler_op;
struct xen_sysctl_scheduler_op;
int sched_domctl(struct domain *d, struct xen_domctl_scheduler_op *op);
int sched_sysctl(struct xen_sysctl_scheduler_op *op);
unsigned sched_id(void);
uint32_t *sched_granularity_us(void); /* no vcpu preempts another sooner; may change any time */

#endif
