/* SPDX-License-Identifier: GPL-2.0-only */
/* How long a vcpu has been in which state, for its guest and for the tools. */
#ifndef CORE_RUNSTATE_H
#define CORE_RUNSTATE_H

#include <lib/types.h>

struct vcpu;
struct sched_runstate;

void runstate_change(struct vcpu *v, int state, uint64_t now); /* run queue lock held */
/* RUNSTATE_offline or _blocked, by what keeps v from running. Run queue lock held. */
int runstate_when_stopped(const struct vcpu *v);
/*
 * Writes r to the area that the guest registered, v->runstate_area, which is not 0; v is on this
 * CPU, its page tables are loaded. No lock held: the guest may have unmapped it, and that is a
 * fault.
 */
void runstate_publish(struct vcpu *v, const struct sched_runstate *r);

#endif
