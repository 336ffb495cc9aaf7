/* SPDX-License-Identifier: GPL-2.0-only */
/* Clocks of known rate, used once at boot; and what x86/smp_start.c needs of x86/time.c. */
#ifndef X86_TIME_SOURCE_H
#define X86_TIME_SOURCE_H

#include <lib/types.h>

struct time_measurement {
    uint64_t ns, tsc, apic; /* that passed in the same interval */
};

/* The name of the source used (the wanted one, if it works), NULL: none works. */
const char *time_source_measure(const char *wanted, struct time_measurement *m);
/* Seconds since 1970 by the CMOS clock, taken as UTC. */
uint64_t time_source_cmos(void);

/* x86/time.c: before a CPU starts; by the boot CPU while it waits for it; by the new CPU, once. */
void time_sync_reset(void);
void time_sync_answer(void);
void time_sync_ask(void);

#endif
