/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every hypercall handler shares: its signature, how it ends early, and where it may be
 * preempted. The tables that bind numbers to handlers are the guest type's (pv/hypercall.c).
 *
 * A handler is entered from guest kernel mode on the stack of `current`, with interrupts off and no
 * lock held; the privilege that the table asks for has been checked. Its arguments are whatever the
 * guest had in four registers. An address among them is only ever given to x86/uaccess.h, which
 * goes by the guest's own page tables and answers -XEN_EFAULT: each structure is copied in once,
 * and the copy is what is checked and used, as another vcpu of the guest may change the original at
 * any time. The other vcpus also make hypercalls at the same time, on the same ports, frames and
 * vcpus.
 *
 * A handler must come to an end, and leave the CPU to others meanwhile, however long the list is
 * that a guest hands it. There are two ways: be preempted in place (preempt_point(): the C stack
 * stays, with the references that are held) or restart (hypercall_restart(): nothing stays but what
 * the new arguments say). The second one lets the guest take its events, and its death, in between.
 */
#ifndef CORE_HYPERCALL_H
#define CORE_HYPERCALL_H

#include <lib/types.h>
#include <public/errno.h>

struct vcpu;

/* No call of the ABI that we serve has more than four arguments. Returns >= 0 or -XEN_E*. */
typedef int64_t hypercall_fn(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
#define NR_HYPERCALLS 64 /* in the table of a vcpu, none of them NULL */

hypercall_fn hc_event_channel_op, hc_grant_table_op, hc_memory_op, hc_sched_op, hc_vcpu_op,
    hc_xen_version, hc_console_io, hc_domctl, hc_sysctl, hc_platform_op, hc_physdev_op,
    hc_set_timer_op, hc_multicall, hc_vm_assist, hc_mmu_update, hc_mmuext_op, hc_update_va_mapping,
    hc_update_va_mapping_otherdomain, hc_set_trap_table, hc_set_gdt, hc_update_descriptor,
    hc_stack_switch, hc_fpu_taskswitch, hc_set_debugreg, hc_get_debugreg, hc_set_segment_base,
    hc_callback_op, hc_set_callbacks, hc_iret, hc_nmi_op, hc_event_channel_op_compat,
    hc_physdev_op_compat, hc_sched_op_compat, hc_hvm_op, hc_mca, hc_lodge_op, hc_lodge_sysret,
    hc_lodge_iret;

extern const uint64_t vm_assist_known; /* bits VMASST_TYPE_*: the types that are served */

/*
 * End the call now and have the guest issue it again with these arguments; the guest takes its
 * events and interrupts in between. The handler returns what this returns, at once, and has dropped
 * its references before. The guest's registers are set to the arguments and its RIP is put back on
 * the SYSCALL, so the new arguments are in the guest's hands: they are checked like the first ones.
 * Works from a multicall as well: there the arguments go back into the list, and the multicall
 * itself is restarted with the rest of it.
 */
int64_t hypercall_restart(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
/*
 * The handler that has just returned has asked for it, as WORK_RESTART of v says: so it no longer
 * does. The handler's result means nothing.
 */
void hypercall_restart_taken(struct vcpu *v);

#endif
