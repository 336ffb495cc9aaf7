/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The register frame that every entry path builds, and the top of each stack. The order is that of
 * the ABI's struct cpu_user_regs, so that a guest's frame is copied out as it stands.
 */
#ifndef X86_REGS_H
#define X86_REGS_H

#include <lib/types.h>
#include <x86/layout.h>

struct cpu_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint32_t error_code;
    uint32_t vector; /* VEC_SYSCALL for SYSCALL; else the IDT vector */
    uint64_t rip, cs, rflags, rsp, ss;
};

#define VEC_SYSCALL 0x100

struct cpu;
struct vcpu;

/* At the top of every 16 KiB aligned stack. TSS.RSP0 points just behind regs. */
struct stack_top {
    uint64_t spare;       /* makes the end of regs 16-byte aligned, as the processor wants RSP0 */
    struct cpu_regs regs; /* of the guest, while this vcpu is in the hypervisor */
    struct cpu *cpu;      /* that this stack runs on; set at each switch */
    struct vcpu *vcpu;
    uint64_t pad[2];
};

static inline struct stack_top *stack_top(void)
{
    uint64_t sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct stack_top *)((sp & ~(uint64_t)(STACK_SIZE - 1)) + STACK_SIZE) - 1;
}

/* Not valid on the NMI, machine check and double fault stacks, where this_cpu()->curr is. */
static inline struct vcpu *current_vcpu(void)
{
    return stack_top()->vcpu;
}
#define current (current_vcpu())

static inline struct cpu *this_cpu(void)
{
    return stack_top()->cpu;
}

/* The current guest's registers. */
static inline struct cpu_regs *guest_regs(void)
{
    return &stack_top()->regs;
}

static inline bool regs_from_guest(const struct cpu_regs *r)
{
    return (r->cs & 3) != 0;
}

#endif
