/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a scheduling policy is to core/sched/sched.c: an order on the waiting vcpus of one CPU. All
 * calls are made with that CPU's run queue locked, and with its running vcpu charged. It compiles
 * on the host, too.
 *
 * A vcpu is detached (asleep, or between two queues), waiting (in the queue), or running.
 */
#ifndef CORE_SCHED_POLICY_H
#define CORE_SCHED_POLICY_H

#include <core/sched.h>
#include <lib/list.h>

struct sched_queue {
    struct list waiting; /* sched_vcpu.link, the next to run first */
    unsigned nr_waiting; /* length of the list; other CPUs read it without the lock, as a hint */
    int64_t floor;       /* weighted run time that all here have had at least; as a hint likewise */
};

struct sched_policy {
    const char *name;
    unsigned id; /* XEN_SCHEDULER_* */
    void (*init)(struct sched_queue *q);
    void (*wake)(struct sched_queue *q, struct sched_vcpu *s);   /* detached to waiting */
    void (*detach)(struct sched_queue *q, struct sched_vcpu *s); /* waiting to detached */
    /* Detached, to another CPU's queue; that need not be locked. */
    void (*move)(const struct sched_queue *from, const struct sched_queue *to,
                 struct sched_vcpu *s);
    void (*preempted)(struct sched_queue *q, struct sched_vcpu *s); /* running to waiting */
    /* First in order that is ready; stays in the queue. NULL: none. */
    struct sched_vcpu *(*first)(struct sched_queue *q, bool (*ready)(const struct sched_vcpu *));
    void (*run)(struct sched_queue *q, struct sched_vcpu *s); /* waiting to running */
    /* s, which runs or has just run here, has had ns of CPU time since the last call. */
    void (*charge)(struct sched_queue *q, struct sched_vcpu *s, unsigned weight, uint64_t ns);
    void (*idle)(struct sched_queue *q, uint64_t ns); /* so long nobody has run here */
    /* Should w have the CPU at once; or, when the slice of the running one is over, now? */
    bool (*preempts)(const struct sched_vcpu *w, const struct sched_vcpu *running);
    bool (*next_in_turn)(const struct sched_vcpu *w, const struct sched_vcpu *running);
    uint64_t slice_ns;        /* after that it is the next one's turn */
    uint32_t *granularity_us; /* for sched_granularity_us() */
};

extern const struct sched_policy sched_fair;

/*
 * Caps, shared by all policies. Time is cut into periods that are the same for all domains and
 * CPUs; in each a domain may run cap percent of the period, summed over its vcpus. sched_cap_left()
 * says how many ns are left of that, UINT64_MAX: any. The two need no lock: vcpus of one domain
 * charge from several CPUs at once, and overdraw by at most what each of them runs before it looks
 * again; the next period pays for that.
 */
#define SCHED_CAP_PERIOD MS(30)
uint64_t sched_cap_left(struct sched_domain *d, uint64_t now);
void sched_cap_charge(struct sched_domain *d, uint64_t ns, uint64_t now);

#endif
