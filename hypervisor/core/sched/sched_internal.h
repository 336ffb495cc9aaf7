/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the scheduler share: the run queue of a CPU, and how to lock a vcpu's.
 *
 * The life of a switch, on CPU A from vcpu P to vcpu N, in the order of what others can see:
 *
 *   1. under A's lock: P.running falls, P is put into a queue or not, N leaves A's queue, N.running
 *      rises. From here nobody else takes N. P may be in a queue, here or elsewhere, but is not
 *      ready: nobody runs it yet.
 *   2. without a lock: P's state goes to memory, N's saved_rsp becomes 0, its page tables are used.
 *   3. machine_switch_stack(): P's saved_rsp becomes its stack pointer, and A goes on with N's
 * stack.
 *
 * Step 3 is A's last use of P's stack and makes P ready. On x86 stores are seen in program order
 * (Intel SDM vol. 3, "Memory Ordering"), so a CPU that sees the new saved_rsp sees all that step 2
 * stored. saved_rsp is 0 from a vcpu's switch-in to its step 3; so a vcpu that is neither running
 * nor ready is between 1 and 3 on some CPU, which has interrupts off and goes straight on to 3.
 *
 * No CPU waits for another's run queue while it holds one (sched_steal() and sched_balance() only
 * try), so any two may look at each other's at the same time.
 */
#ifndef CORE_SCHED_INTERNAL_H
#define CORE_SCHED_INTERNAL_H

#include <core/domain.h>
#include <core/sched/sched_policy.h>

#define WAKE_WAIT_NS MS(1) /* one that wakes waits no longer for a running one's slice */

struct sched_cpu {
    /*
     * The lock guards all of it, with three exceptions: handoff and departed are this CPU's alone,
     * and the slice timer's handler clears slice_armed without it, as a schedule() follows. Any CPU
     * that wakes a vcpu here may set the slice timer.
     */
    struct spinlock lock; /* LOCK_SCHED */
    struct sched_queue q;
    struct vcpu *running; /* not NULL: the idle one, or a guest's */
    struct timer slice_timer;
    bool slice_armed;      /* false: nobody relies on slice_timer; a late one costs a schedule() */
    struct vcpu *handoff;  /* to run next; only this CPU's, and only to compare with */
    bool handed;           /* the one that runs got the CPU in this way */
    uint64_t next_balance; /* no vcpu is moved away from here for balance before this time */
    /* Of the vcpu that left last, as it left: another CPU may wake it while its guest is told. */
    struct sched_runstate departed;
};

extern struct sched_cpu sched_cpus[]; /* NR_CPUS; cpu.sched points to a CPU's own */
extern cpumask_t sched_idle_mask;     /* CPUs in their idle loop; atomic */

/* There is one policy: a constant, which costs no load. */
#define SCHED_POLICY (&sched_fair)

void sched_slice_over(void *rq); /* of slice_timer */
void sched_cap_over(void *v);    /* of a vcpu's cap_timer */

static inline struct vcpu *vcpu_of(const struct sched_vcpu *s)
{
    return container_of(s, struct vcpu, sched);
}

/* Its registers are in memory, so that any CPU may take it (see sched.c). */
static inline bool sched_ready(const struct sched_vcpu *s)
{
    return __atomic_load_n(&vcpu_of(s)->saved_rsp, __ATOMIC_ACQUIRE) != 0;
}

/*
 * Locks and returns the run queue that v belongs to. v stays in it until the lock is released or
 * the caller changes v->sched.cpu. The caller knows that v exists.
 */
struct sched_cpu *sched_lock(struct vcpu *v);
/* v, which waits in rq, goes to the best CPU where it may be. Unlocks rq. */
void sched_requeue_and_unlock(struct sched_cpu *rq, struct vcpu *v);
/* v belongs to another CPU from now on, if it does not run and would next run there. */
void sched_leave_cpu(struct vcpu *v, unsigned cpu);
/* Has a CPU look at its queue again; with no queue locked. */
#define NO_CPU (-1)
void sched_poke(int cpu);
/*
 * Sets and clears reasons not to run, and does what follows from it: a vcpu that became runnable is
 * queued on the best CPU, one that must stop leaves the queue or has its CPU poked. Unlocks rq, v's
 * queue, as the CPU that is poked should not find it locked.
 */
void sched_change_and_unlock(struct sched_cpu *rq, struct vcpu *v, uint32_t set, uint32_t clear);

/* sched_handoff.c: s, current's, with a trial on, is about to block: the verdict. */
void sched_handoff_judge(struct sched_vcpu *s);
/* The one that rq's CPU was handed to, if it may have it; else NULL. Locked, first is not NULL. */
struct sched_vcpu *sched_handed(struct sched_cpu *rq, const struct sched_vcpu *first, uint64_t now);

static inline void sched_change_blocked(struct vcpu *v, uint32_t set, uint32_t clear)
{
    sched_change_and_unlock(sched_lock(v), v, set, clear);
}

#endif
