/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * void svm_enter(struct cpu_regs *regs, paddr_t vmcb, paddr_t host)
 *
 * Into a fully virtualized guest and back. With GIF clear nothing arrives, not even an NMI, from
 * the first of our registers that is replaced to the last that is loaded again. IF has to be set as
 * VMRUN executes: it says whether interrupts end the guest's run. VMRUN itself keeps RAX, RSP,
 * RFLAGS, the control registers, CS, SS, DS and ES, and the descriptor tables.
 *
 * What had come before VMRUN, or ended the guest's run, is taken when the caller opens the window;
 * an NMI at STGI.
 */
#include <asm-offsets.h>

    .text
    .globl svm_enter
    .balign 16
svm_enter:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdx
    pushq %rdi
    movq %rsi, %rax
    clgi
    sti
    vmload %rax
    movq REGS_R15(%rdi), %r15
    movq REGS_R14(%rdi), %r14
    movq REGS_R13(%rdi), %r13
    movq REGS_R12(%rdi), %r12
    movq REGS_RBP(%rdi), %rbp
    movq REGS_RBX(%rdi), %rbx
    movq REGS_R11(%rdi), %r11
    movq REGS_R10(%rdi), %r10
    movq REGS_R9(%rdi), %r9
    movq REGS_R8(%rdi), %r8
    movq REGS_RCX(%rdi), %rcx
    movq REGS_RDX(%rdi), %rdx
    movq REGS_RSI(%rdi), %rsi
    movq REGS_RDI(%rdi), %rdi
    vmrun %rax
    vmsave %rax
    pushq %rdi
    movq 8(%rsp), %rdi
    movq %r15, REGS_R15(%rdi)
    movq %r14, REGS_R14(%rdi)
    movq %r13, REGS_R13(%rdi)
    movq %r12, REGS_R12(%rdi)
    movq %rbp, REGS_RBP(%rdi)
    movq %rbx, REGS_RBX(%rdi)
    movq %r11, REGS_R11(%rdi)
    movq %r10, REGS_R10(%rdi)
    movq %r9, REGS_R9(%rdi)
    movq %r8, REGS_R8(%rdi)
    movq %rcx, REGS_RCX(%rdi)
    movq %rdx, REGS_RDX(%rdi)
    movq %rsi, REGS_RSI(%rdi)
    popq REGS_RDI(%rdi)
    /* Nothing of the guest's stays in a register that an instruction here could depend upon. */
    xorl %ebp, %ebp
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    movq 8(%rsp), %rax
    vmload %rax
    cli
    stgi
    addq $16, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
