/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the entry code (x86/entry.S, x86/traps.c) and the paravirtual guest type (pv/) meet.
 *
 * What is left in guest_regs() is what the guest resumes with. regs->vector chooses how:
 * VEC_SYSCALL leaves by SYSRETQ, for which the caller guarantees that rip is canonical, cs is
 * SEL_USER_CS64, ss is SEL_USER_DS, and that the guest does not mind RCX = rip and R11 = rflags
 * (the two are not loaded from the frame). Any other vector leaves by IRETQ, which loads all of the
 * frame; if the processor refuses it (a bad selector, say), pv_failsafe() is called. Whoever
 * changes rip, cs, ss, rcx or r11 of a frame and is not sure of the above sets another vector
 * (VEC_IRET). rflags must have IF set, and VM and IOPL clear. NT in a frame does no harm: IRETQ
 * faults only where NT is set as it executes (Intel SDM volume 2), and every entry clears it.
 *
 * RBP and R12-R15 still hold the guest's values when a hypercall handler returns, so they are not
 * reloaded from the frame if its vector is VEC_SYSCALL still. A hypercall that changes one of them
 * sets another vector, or vcpu->arch.pending_work |= WORK_FRAME. rax becomes what it returns. The
 * same holds for the bounce of a system call, and of an exception: what is emulated and then traps,
 * as in a single step, asks for WORK_FRAME as well. VEC_IRET_KEPT leaves by IRETQ and is a
 * hypercall's only: it says that those five are the guest's still.
 *
 * All of it runs with interrupts off. The functions of pv/ are called with no lock held, and those
 * that may schedule come back on whatever CPU the vcpu runs on then: a this_cpu() from before is
 * not to be used afterwards.
 */
#ifndef X86_GUEST_ENTRY_H
#define X86_GUEST_ENTRY_H

#include <lib/types.h>
#include <x86/regs.h>

#define VEC_IRET      0x101
#define VEC_IRET_KEPT 0x102

/*
 * Implemented by pv/. regs is guest_regs() in each. They return void: whatever cannot be carried
 * out becomes a trap of the guest or its crash; a crash pauses the vcpu, and pv_return_work() then
 * switches to another.
 */
void pv_trap(struct cpu_regs *regs); /* exception in guest mode, but NMI, #MC, #NM */
void pv_device_not_available(
    struct cpu_regs *regs);                       /* #NM when the guest has TS set (arch.fpu_ts) */
void pv_syscall_bounce(struct cpu_regs *regs);    /* SYSCALL in guest user mode, 64-bit code */
void pv_syscall32_bounce(struct cpu_regs *regs);  /* SYSCALL in 32-bit code of either mode */
void pv_hypercall_restart(struct cpu_regs *regs); /* the handler asked for it: WORK_RESTART */
/* need_resched, pending_work or an event: called again until none is left. */
void pv_return_work(struct cpu_regs *regs);
void pv_failsafe(struct cpu_regs *regs); /* the processor refused regs in IRETQ */
/*
 * Those that a trace goes in between of (core/trace.h), and the handler of interrupts: entries call
 * them through these pointers.
 */
extern struct entry_calls {
    void (*trap)(struct cpu_regs *regs);
    void (*device_not_available)(struct cpu_regs *regs);
    void (*syscall_bounce)(struct cpu_regs *regs);
    void (*return_work)(struct cpu_regs *regs);
    void (*irq)(unsigned vector);
} entry_calls;
/*
 * A page fault of ring 0 at an address in the vmap area, as the processor reads a descriptor of the
 * current vcpu's LDT window: true when the page is mapped now and the access is to be retried.
 */
bool pv_ldt_fault(vaddr_t addr);

#endif
