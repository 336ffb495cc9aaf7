/* SPDX-License-Identifier: GPL-2.0-only */
/* System time (nanoseconds since boot), the wall clock, and what guests are told of both. */
#ifndef X86_TIME_H
#define X86_TIME_H

#include <lib/types.h>

struct vcpu;
struct domain;

void time_init(void);     /* boot CPU: calibrate against PM timer, HPET or PIT */
void time_init_cpu(void); /* this CPU's timer, with nothing programmed */
uint64_t time_now(void);  /* ns since boot; no lock; 0 before time_init() */
uint64_t time_tsc_khz(void);
/* Program this CPU's timer interrupt for an absolute time; UINT64_MAX: none. May come early. */
void time_set_deadline(uint64_t ns);
/* vcpu_time_info of a vcpu that is about to run here, or is current (odd version while written). */
void time_update_vcpu(struct vcpu *v);
/* The wall clock showed sec and nsec at that system time; tells all domains. */
void time_set_wallclock(uint64_t sec, uint32_t nsec, uint64_t system_time);
void time_update_domain_wallclock(struct domain *d);
int64_t time_wall_at_zero(void); /* seconds since 1970, when system time was 0 */

#endif
