/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs when. The mechanism (run state, wake, sleep, switch) is here; the policy is behind
 * struct sched_policy, of which there is one: proportional share with weights, caps and affinity.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include <core/spinlock.h>
#include <core/timer.h>
#include <lib/list.h>
#include <lib/types.h>
#include <public/vcpu.h>

struct domain;
struct vcpu;

/* Why a vcpu is not runnable: bits of vcpu.sched.blocked_by; runnable when all are clear. */
#define SCHED_DOWN    0x1u /* not brought up, or VCPUOP_down */
#define SCHED_BLOCKED 0x2u /* SCHEDOP_block or poll: an event wakes it */
#define SCHED_PAUSED  0x4u /* pause_count > 0, its own or its domain's */
#define SCHED_DYING   0x8u /* parked for good at the guest boundary */

struct sched_vcpu {
    uint32_t blocked_by; /* SCHED_*; run queue lock of sched.cpu */
    bool running;        /* on a CPU now (between switch-in and switched-out) */
    bool queued;
    bool entered; /* has been on a CPU at least once */
    bool dying;   /* sched_vcpu_kill(): nothing stops it before the guest boundary */
    unsigned cpu; /* where it runs or would run */
    cpumask_t hard_affinity, soft_affinity;
    cpumask_t pinned_from; /* SCHEDOP_pin_override: hard affinity before; 0: not in force */
    struct list link;      /* in a run queue */
    int64_t vtime; /* weighted run time; while neither queued nor running: relative to the floor */
    uint64_t last_start; /* when it got the CPU */
    uint64_t slice_end;
    bool capped, yielding;
    /* sched_handoff.c; changed only by the vcpu itself */
    bool handoff_trial;
    uint8_t handoffs;      /* so many of its next events hand the CPU over */
    uint8_t handoff_doubt; /* so many trials must go well first */
    bool handoff_answered; /* it was sent an event since it sent one; anyone sets it */
    uint64_t handoff_ran;
    struct timer cap_timer;
    struct vcpu_runstate_info runstate;
};

struct sched_domain {
    uint16_t weight;     /* 1..65535, 256 is the norm */
    uint16_t cap;        /* percent of one CPU; 0: none */
    uint64_t cap_used;   /* ns in this period, all vcpus; atomic */
    uint64_t cap_period; /* which one; atomic */
};

void sched_init(const char *policy_name);
void sched_init_cpu(unsigned cpu);
void sched_vcpu_init(struct vcpu *v);
void sched_vcpu_destroy(struct vcpu *v);
void sched_domain_init(struct domain *d);

/* Gives the CPU to the vcpu that should have it; returns when the caller runs again. */
void schedule(void);
void sched_idle_loop(void) NORETURN;

void sched_pause_changed(struct vcpu *v); /* a pause count of v or its domain has changed */
void sched_wait_off_cpu(struct vcpu *v);  /* until its registers are in memory */
void sched_vcpu_kill(struct vcpu *v);     /* run on to the guest boundary, then park */
bool sched_vcpu_parked(const struct vcpu *v);
uint64_t sched_idle_ns(unsigned cpu);
void sched_dump(void);

void vcpu_wake(struct vcpu *v); /* an event for a blocked vcpu */
/* current has sent `to` an event, by a hypercall: perhaps it should have the CPU. */
void sched_event_sent(struct vcpu *to);
void vcpu_block(void);       /* current; returns when woken */
void vcpu_block_begin(void); /* current counts as blocked; then vcpu_wake() or schedule() */
void vcpu_yield(void);
void vcpu_set_down(struct vcpu *v, bool down); /* offline / online */
void vcpu_pause(struct vcpu *v);               /* counted; waits until off its CPU */
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
void domain_pause(struct domain *d);
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
void vcpu_park_dying(void); /* current; never to run again */
/* Makes v notice pending work: wakes it, or kicks the CPU it runs on. */
void vcpu_kick(struct vcpu *v);
int vcpu_set_affinity(struct vcpu *v, cpumask_t hard, cpumask_t soft);
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);

/* domctl and sysctl scheduler_op. */
struct xen_domctl_scheduler_op;
struct xen_sysctl_scheduler_op;
int sched_domctl(struct domain *d, struct xen_domctl_scheduler_op *op);
int sched_sysctl(struct xen_sysctl_scheduler_op *op);
unsigned sched_id(void);
uint32_t sched_granularity_us(void); /* no vcpu preempts another sooner */

#endif
