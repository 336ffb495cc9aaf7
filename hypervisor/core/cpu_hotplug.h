/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processors in and out of use, as the control domain asks for it.
 */
#ifndef CORE_CPU_HOTPLUG_H
#define CORE_CPU_HOTPLUG_H

#include <lib/types.h>

/*
 * When the first returns 0, the CPU runs no vcpu, has no timers and gets no device's interrupts.
 * The caller holds no lock, as both wait and give the CPU away. -XEN_EINVAL: there is no such CPU,
 * or it cannot be spared, as CPU 0; -XEN_EEXIST: it is so already; -XEN_EBUSY: somebody else is at
 * it; -XEN_EADDRINUSE: dom0's kernel has pinned one of its vcpus there for a moment.
 */
int cpu_take_offline(unsigned cpu);
int cpu_bring_online(unsigned cpu);
unsigned cpu_count_active(void);

/* On a parked CPU, from its idle loop: sends away one vcpu that waits here. False: none does. */
bool cpu_park(void);

#endif
