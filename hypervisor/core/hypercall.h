/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every hypercall handler shares: its signature, how it ends early, and where it may be
 * preempted. The table that binds numbers to handlers is in pv/hypercall.c.
 */
#ifndef CORE_HYPERCALL_H
#define CORE_HYPERCALL_H

#include <lib/types.h>
#include <public/errno.h>

/* No call of the ABI that we serve has more than four arguments. Returns >= 0 or -XEN_E*. */
typedef int64_t hypercall_fn(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);

hypercall_fn hc_event_channel_op, hc_grant_table_op, hc_memory_op, hc_sched_op, hc_vcpu_op,
    hc_xen_version, hc_console_io, hc_domctl, hc_sysctl, hc_platform_op, hc_physdev_op,
    hc_set_timer_op, hc_multicall, hc_vm_assist, hc_mmu_update, hc_mmuext_op, hc_update_va_mapping,
    hc_update_va_mapping_otherdomain, hc_set_trap_table, hc_set_gdt, hc_update_descriptor,
    hc_stack_switch, hc_fpu_taskswitch, hc_set_debugreg, hc_get_debugreg, hc_set_segment_base,
    hc_callback_op, hc_set_callbacks, hc_iret, hc_nmi_op, hc_event_channel_op_compat,
    hc_physdev_op_compat, hc_sched_op_compat, hc_hvm_op;

/* Runs one call by number: privilege and range are checked, unknown ones get -XEN_ENOSYS. */
int64_t hypercall_dispatch(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);

/*
 * End the call now and have the guest issue it again with these arguments; the guest takes its
 * events and interrupts in between. The handler returns what this returns, at once. Works from a
 * multicall as well (there the entry is simply run again after a preemption point).
 */
#define HYPERCALL_RESTART (-0x7fff) /* never seen by a guest */
int64_t hypercall_restart(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);

/*
 * To be called with no lock held from every loop whose length the guest chooses (each pass, or each
 * few dozen cheap passes). Takes interrupts, and gives the CPU away when another vcpu should run.
 */
void preempt_point(void);
/* True when something waits: the moment for hypercall_restart(). Cheap. */
bool preempt_wanted(void);
/*
 * The same as preempt_point(), for a list that can be gone on with by a restart: true when the vcpu
 * has an event of its own to take first.
 */
bool preempt_for_event(void);

#endif
