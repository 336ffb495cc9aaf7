/* SPDX-License-Identifier: GPL-2.0-only */
/* The timers of a vcpu: single-shot, periodic, and the one that ends SCHEDOP_poll. */
#ifndef CORE_VCPU_TIMER_H
#define CORE_VCPU_TIMER_H

#include <lib/types.h>

struct vcpu;

void vcpu_timers_init(struct vcpu *v);
/* For good: v does not run any more, so nobody sets them again. No lock held. */
void vcpu_timers_stop(struct vcpu *v);
/*
 * These three for current only, as they may move the timer to this CPU (see timer_migrate()).
 * `when` is system time.
 */
void vcpu_timer_singleshot(struct vcpu *v, uint64_t when); /* a past one fires at once */
void vcpu_timer_singleshot_stop(struct vcpu *v);
void vcpu_timer_periodic(struct vcpu *v, uint64_t period_ns); /* 0: stop */
void vcpu_drop_info(struct vcpu *v);

#endif
