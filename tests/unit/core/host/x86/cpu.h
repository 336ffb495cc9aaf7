/* SPDX-License-Identifier: GPL-2.0-only */
/* The few things of a processor that the tested files touch, as plain variables. */
#ifndef HOST_X86_CPU_H
#define HOST_X86_CPU_H

#include <core/timer.h>
#include <lib/types.h>

#define NR_CPUS 64

struct cpu {
    unsigned id;
    struct timer_queue timers;
};

extern struct cpu *cpus[NR_CPUS];
extern cpumask_t cpu_online;
extern unsigned host_cpu; /* which one we are now */
extern unsigned host_kicks;

static inline struct cpu *this_cpu(void)
{
    return cpus[host_cpu];
}

static inline void cpu_relax_poll(void) {}

void smp_kick(unsigned cpu);

#endif
