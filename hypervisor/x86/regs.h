/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The register frame that every entry path builds, and the top of each stack. The order is that of
 * the ABI's struct cpu_user_regs, so that a guest's frame is copied out as it stands.
 */
#ifndef X86_REGS_H
#define X86_REGS_H

#include <lib/types.h>
#include <public/lodge_stats.h>
#include <x86/layout.h>

/*
 * In memory from low to high, as the pushes of entry.S leave it: rip to ss are the processor's own
 * frame. cs, rflags and ss are words of 64 bits, of which selectors use 16. Where the frame is the
 * guest's, cs and ss are of ring 3, whatever they are.
 */
struct cpu_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint32_t error_code; /* 0 for vectors without one */
    uint32_t vector;     /* VEC_SYSCALL for SYSCALL; else the IDT vector; see x86/guest_entry.h */
    uint64_t rip, cs, rflags, rsp, ss;
};

#define VEC_SYSCALL 0x100

/* Exception vectors and the error code of a page fault: Intel SDM volume 3, chapter 6. */
#define X86_DE  0
#define X86_DB  1
#define X86_NMI 2
#define X86_BP  3
#define X86_OF  4
#define X86_UD  6
#define X86_NM  7
#define X86_DF  8
#define X86_TS  10
#define X86_NP  11
#define X86_SS  12
#define X86_GP  13
#define X86_PF  14
#define X86_MF  16
#define X86_AC  17
#define X86_MC  18
#define X86_XM  19

#define NR_EXCEPTIONS 32 /* vectors; the rest are interrupts */

#define PF_PRESENT 0x1u
#define PF_WRITE   0x2u
#define PF_USER    0x4u
#define PF_RSVD    0x8u
#define PF_FETCH   0x10u

struct cpu;
struct vcpu;

/*
 * At the top of every 16 KiB aligned stack: of vcpus, and of each CPU's NMI, machine check, double
 * fault and debug exceptions, where only `cpu` is set. TSS.RSP0 points just behind regs of the vcpu
 * that runs.
 */
struct stack_top {
    uint64_t spare;       /* makes the end of regs 16-byte aligned, as the processor wants RSP0; C's
                             return address is here when entry.S has called it */
    struct cpu_regs regs; /* of the guest, while this vcpu is in the hypervisor */
    struct cpu *cpu;      /* that this stack runs on; set at each switch */
    struct vcpu *vcpu;
    int64_t work_left; /* until the next preemption point, see core/preempt.h */
    uint64_t pad;
    uint64_t stats[LODGE_NR_STATS]; /* what the vcpu has done, see core/stats.h */
};

/*
 * From any address of the stack in use. The asm is not volatile: a function stays on its stack,
 * also across schedule(), so the compiler may keep the result. What it may not keep is `cpu` in it,
 * and that is memory, read again after a call.
 */
static inline struct stack_top *stack_top(void)
{
    uint64_t sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct stack_top *)((sp & ~(uint64_t)(STACK_SIZE - 1)) + STACK_SIZE) - 1;
}

/* Not valid on the NMI, machine check, double fault and debug stacks: this_cpu()->curr is. */
static inline struct vcpu *current_vcpu(void)
{
    return stack_top()->vcpu;
}
#define current (current_vcpu())

/* Good until the vcpu is switched out: schedule() and preempt_point() may return elsewhere. */
static inline struct cpu *this_cpu(void)
{
    return stack_top()->cpu;
}

/* The current guest's registers, as they were on entry and as it will resume with. */
static inline struct cpu_regs *guest_regs(void)
{
    return &stack_top()->regs;
}

/* Was this frame made in ring 3? Only the guest runs there, its kernel included. */
static inline bool regs_from_guest(const struct cpu_regs *r)
{
    return (r->cs & 3) != 0;
}

#endif
