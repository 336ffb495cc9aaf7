/* SPDX-License-Identifier: GPL-2.0-only */
/* What core/sched.c and core/sched_vcpu.c share: the run queue of a CPU, and how to lock a vcpu's.
 */
#ifndef CORE_SCHED_INTERNAL_H
#define CORE_SCHED_INTERNAL_H

#include <core/domain.h>
#include <core/sched_policy.h>

struct sched_cpu {
    struct spinlock lock; /* LOCK_SCHED */
    struct sched_queue q;
    struct vcpu *running; /* not NULL: the idle one, or a guest's */
    struct timer slice_timer;
    bool slice_armed;
    struct vcpu *handoff; /* to run next; only this CPU's, and only to compare with */
    bool handed;          /* the one that runs got the CPU in this way */
    uint64_t next_balance;
};

static inline struct vcpu *vcpu_of(const struct sched_vcpu *s)
{
    return container_of(s, struct vcpu, sched);
}

/* Its registers are in memory, so that any CPU may take it (see sched.c). */
static inline bool sched_ready(const struct sched_vcpu *s)
{
    return __atomic_load_n(&vcpu_of(s)->saved_rsp, __ATOMIC_ACQUIRE) != 0;
}

/* The run queue that v belongs to, locked. */
struct sched_cpu *sched_lock(struct vcpu *v);
/* Sets and clears reasons not to run, and does what follows from it. Unlocks rq, v's queue. */
void sched_change_and_unlock(struct sched_cpu *rq, struct vcpu *v, uint32_t set, uint32_t clear);

/* sched_handoff.c: current is about to block; and: the one that was handed to, or NULL (locked). */
void sched_handoff_judge(struct sched_vcpu *s);
struct sched_vcpu *sched_handed(struct sched_cpu *rq, const struct sched_policy *policy,
                                const struct sched_vcpu *first);

static inline void sched_change_blocked(struct vcpu *v, uint32_t set, uint32_t clear)
{
    sched_change_and_unlock(sched_lock(v), v, set, clear);
}

#endif
