/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What core asks of the machine for a vcpu's stack, whatever the guest type; implemented in x86/.
 * The rest of the machine's interface are the headers of x86/ that hypervisor/README.md lists.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <lib/types.h>

struct vcpu;

/*
 * Leaves the present stack for another one. Saves the registers that a C function keeps, then
 * RSP as the last act on the old stack; returns on the new one, where that was left.
 */
void machine_switch_stack(uint64_t *prev_rsp, uint64_t next_rsp);
/*
 * The scheduler's way to it: through a pointer, as a trace goes in between. It and entry_calls
 * (x86/guest_entry.h) lead to the trace's functions from machine_trace(true) on.
 */
extern void (*machine_switch)(uint64_t *prev_rsp, uint64_t next_rsp);
void machine_trace(bool on);
/*
 * A new vcpu's stack, such that switching to it calls fn, which does not return, or if that is NULL
 * enters the guest with guest_regs().
 */
void machine_stack_prepare(struct vcpu *v, void (*fn)(void));

#endif
