/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trace: what public/lodge_trace.h describes, as the places see it that make records.
 *
 * While there is no trace, none of it costs an instruction. The calls where a record may be made
 * exist anyway, and go through a pointer: a vcpu's table of hypercalls, entry_calls
 * (x86/guest_entry.h), machine_switch (core/machine.h), evtchn_raise. A trace puts functions of its
 * own there, which make the record and call the one that was meant. They may also be called when
 * there is no trace any more, by a CPU or a vcpu that had read the pointer before.
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <lib/types.h>

struct domain;
struct vcpu;
struct xen_sysctl;

/*
 * A record of the vcpu that runs here, of LODGE_TRACED_<type>, if such are wanted: `also` is a
 * domain that it is about as well, NULL: none. Interrupts are off, and no NMI makes one, so there
 * is one writer of a CPU's ring at a time. Any lock may be held.
 */
void trace_put(unsigned type, unsigned code, const struct domain *also, uint64_t d0, uint64_t d1,
               uint64_t d2, uint64_t d3);

/* Between the hypercalls of v, which can be found by now, and their handlers, if that is wanted. */
void trace_vcpu(struct vcpu *v);

int64_t trace_sysctl(struct xen_sysctl *sysctl);

#endif
