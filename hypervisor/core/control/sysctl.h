/* SPDX-License-Identifier: GPL-2.0-only */
/* The sysctls that are in files of their own, for the table in core/control/sysctl.c. */
#ifndef CORE_SYSCTL_H
#define CORE_SYSCTL_H

#include <core/control.h>

/* sysctl_cpu.c */
sysctl_fn sysctl_getcpuinfo, sysctl_cputopoinfo, sysctl_cpupool, sysctl_cpu_hotplug;
sysctl_fn sysctl_readconsole, sysctl_debug_keys; /* sysctl_console.c */
sysctl_fn sysctl_getdomaininfolist;              /* domain_info.c */
sysctl_fn sysctl_stats;                          /* sysctl_stats.c */

#endif
