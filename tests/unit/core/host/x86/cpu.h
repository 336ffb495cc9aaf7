/* SPDX-License-Identifier: GPL-2.0-only */
/* The few things of a processor that the tested files touch, as plain variables. */
#ifndef HOST_X86_CPU_H
#define HOST_X86_CPU_H

#include <core/timer.h>
#include <lib/types.h>

#define NR_CPUS 64

struct vcpu;
struct sched_cpu;

struct cpu {
    unsigned id;
    struct vcpu *curr;
    bool need_resched;
    struct sched_cpu *sched;
    struct timer_queue timers;
};

extern struct cpu *cpus[NR_CPUS];
extern cpumask_t cpu_online, cpu_active;
extern unsigned host_cpu; /* which one we are now */
extern unsigned host_kicks;

static inline struct cpu *this_cpu(void)
{
    return cpus[host_cpu];
}

#define current (this_cpu()->curr)

static inline bool cpu_is_active(unsigned cpu)
{
    return cpu_active >> cpu & 1;
}

static inline void cpu_relax_poll(void) {}

void smp_kick(unsigned cpu);

#endif
