/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiled to assembly only: each line "->NAME value" becomes a #define in build/, so that no
 * offset of a C structure is ever written by hand in an .S file.
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/regs.h>
#include <x86/tlb.h>

#define DEFINE(name, value)        __asm__ volatile("\n->" #name " %0" : : "i"(value))
#define OFFSET(name, type, member) DEFINE(name, offsetof(struct type, member))

void asm_offsets(void);
void asm_offsets(void)
{
    OFFSET(REGS_R15, cpu_regs, r15);
    OFFSET(REGS_R14, cpu_regs, r14);
    OFFSET(REGS_R13, cpu_regs, r13);
    OFFSET(REGS_R12, cpu_regs, r12);
    OFFSET(REGS_RBP, cpu_regs, rbp);
    OFFSET(REGS_RBX, cpu_regs, rbx);
    OFFSET(REGS_R11, cpu_regs, r11);
    OFFSET(REGS_R10, cpu_regs, r10);
    OFFSET(REGS_R9, cpu_regs, r9);
    OFFSET(REGS_R8, cpu_regs, r8);
    OFFSET(REGS_RAX, cpu_regs, rax);
    OFFSET(REGS_RCX, cpu_regs, rcx);
    OFFSET(REGS_RDX, cpu_regs, rdx);
    OFFSET(REGS_RSI, cpu_regs, rsi);
    OFFSET(REGS_RDI, cpu_regs, rdi);
    OFFSET(REGS_ERROR, cpu_regs, error_code);
    OFFSET(REGS_VECTOR, cpu_regs, vector);
    OFFSET(REGS_RIP, cpu_regs, rip);
    OFFSET(REGS_CS, cpu_regs, cs);
    OFFSET(REGS_RFLAGS, cpu_regs, rflags);
    OFFSET(REGS_RSP, cpu_regs, rsp);
    OFFSET(REGS_SS, cpu_regs, ss);
    DEFINE(REGS_SIZE, sizeof(struct cpu_regs));
}

void asm_offsets_machine(void);
void asm_offsets_machine(void)
{
    OFFSET(TOP_REGS, stack_top, regs);
    OFFSET(TOP_CPU, stack_top, cpu);
    OFFSET(TOP_VCPU, stack_top, vcpu);
    OFFSET(TOP_HYPERCALLS, stack_top, stats[LODGE_STAT_HYPERCALL]);
    OFFSET(TOP_HYPERCALLS_OTHER, stack_top, stats[LODGE_STAT_HYPERCALL_OTHER]);
    OFFSET(TOP_INTERRUPTS, stack_top, stats[LODGE_STAT_INTERRUPT]);
    OFFSET(TOP_AREA_SYSCALLS, stack_top, stats[LODGE_STAT_AREA_SYSCALL]);

    OFFSET(CPU_NEED_RESCHED, cpu, need_resched);
    OFFSET(CPU_TLB_STAMP, cpu, tlb_stamp);
    DEFINE(TLB_CATCH_UP_MASK, TLB_CATCH_UP);
    OFFSET(CPU_TSS_RSP0, cpu, tss.rsp[0]);
    OFFSET(CPU_IRQS_OFF_SINCE, cpu, irqs_off.since);
    OFFSET(CPU_IRQS_OFF_FROM, cpu, irqs_off.from);
    OFFSET(CPU_IRQS_OFF_CALL, cpu, irqs_off.call);
    OFFSET(ENTRY_TRAP, entry_calls, trap);
    OFFSET(ENTRY_DEVICE_NOT_AVAILABLE, entry_calls, device_not_available);
    OFFSET(ENTRY_SYSCALL_BOUNCE, entry_calls, syscall_bounce);
    OFFSET(ENTRY_RETURN_WORK, entry_calls, return_work);
    OFFSET(ENTRY_IRQ, entry_calls, irq);
    OFFSET(STUB_GUEST_RSP, stub_data, guest_rsp);
    OFFSET(STUB_STACK, stub_data, stack);

    OFFSET(VCPU_INFO, vcpu, info);
    OFFSET(VCPU_KERNEL_MODE, vcpu, arch.kernel_mode);
    OFFSET(VCPU_PENDING_WORK, vcpu, arch.pending_work);
    OFFSET(VCPU_HYPERCALLS, vcpu, hypercalls);
    OFFSET(VCPU_GUEST_TABLE, vcpu, pv.guest_table);
    OFFSET(VCPU_GUEST_TABLE_USER, vcpu, pv.guest_table_user);
    OFFSET(VCPU_KERNEL_SP, vcpu, pv.kernel_sp);
    OFFSET(VCPU_NMI_MASKED, vcpu, pv.nmi_masked);
    OFFSET(VCPU_AREA, vcpu, pv.area);
    OFFSET(VCPU_AREA_ENTRY, vcpu, pv.area_entry);
    OFFSET(INFO_PENDING, vcpu_info, evtchn_upcall_pending);
    OFFSET(INFO_MASK, vcpu_info, evtchn_upcall_mask);

    DEFINE(NR_HYPERCALLS, NR_HYPERCALLS);
    DEFINE(WORK_RESTART, WORK_RESTART);
    DEFINE(HYPERCALL_ENOSYS, -XEN_ENOSYS);
    DEFINE(HYPERCALL_EFAULT, -XEN_EFAULT);
}
