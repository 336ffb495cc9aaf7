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
 * same holds for the bounce of a system call, and for an exception, where whoever has changed one
 * of the five does not bounce as well. VEC_IRET_KEPT leaves by IRETQ and is a hypercall's only: it
 * says that those five are the guest's still.
 *
 * All of it runs with interrupts off. The functions of pv/ are called with no lock held, and those
 * that may schedule come back on whatever CPU the vcpu runs on then: a this_cpu() from before is
 * not to be used afterwards.
 */
#ifndef X86_GUEST_ENTRY_H
#define X86_GUEST_ENTRY_H

#include <core/domain.h>
#include <lib/bitops.h>
#include <lib/types.h>
#include <x86/cpu.h>
#include <x86/regs.h>
#include <x86/tlb.h>

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
 * A page fault of ring 0 at an address in the vmap area, as the processor reads a descriptor of the
 * current vcpu's LDT window: true when the page is mapped now and the access is to be retried.
 */
bool pv_ldt_fault(vaddr_t addr);
/*
 * A type's switch_in: v runs on c from now on; interrupts and SYSCALL find its stack. c is this
 * CPU, or one that has not been started. Until machine_switch_stack() the code is still on the
 * previous vcpu's stack, so `current` is that one while c->curr is v.
 */
static inline void guest_entry_set_stack(struct cpu *c, struct vcpu *v)
{
    struct stack_top *top = (struct stack_top *)v->stack - 1;
    uint64_t end = (uint64_t)(&top->regs + 1);

    top->cpu = c;
    top->vcpu = v;
    c->curr = v;
    c->tss.rsp[0] = end;
    c->stub->stack = end;
}

/*
 * And then: c is to have tables of that domain loaded, NULL: the hypervisor's own. Its bit goes
 * into the new domain's mask before the first translation can be cached, and out of the old
 * domain's after the last has been dropped: what is found by GDTR and LDTR are such translations,
 * too, so these are loaded in between, before CR3.
 */
static inline void guest_entry_tables(struct cpu *c, struct domain *to)
{
    if (c->tables_of == to)
        return;
    tlb_enter(c);
    bit_set(&to->arch.tlb_mask, c->id);
}

static inline void guest_entry_load_tables(struct cpu *c, struct domain *to, uint64_t cr3)
{
    struct domain *from = c->tables_of;

    tlb_write_cr3(cr3);
    if (from == to)
        return;
    tlb_entered(c, to != NULL ? to->id : DOMID_IDLE);
    if (from != NULL)
        bit_clear(&from->arch.tlb_mask, c->id);
    c->tables_of = to;
}

#endif
