/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs that the fully virtualized guest executes: copied to G_CODE of its memory, so they
 * are independent of where they are. RDI: which one. Memory below G_SIZE is mapped one to one.
 *
 * TRY executes instructions that may trap, and leaves the vector, or NO_VECTOR, in RAX: R15 is
 * where to go on after an exception. One that nobody expects ends the guest with a triple fault.
 */
#include "layout.h"

#define ANSWER(n) G_ANSWERS + 8 * (n)

.macro TRY insn:vararg
    movq $NO_VECTOR, ANSWER(A_VECTOR)
    leaq 88f(%rip), %r15
    \insn
88: xorl %r15d, %r15d
.endm

.macro TRY_STORE insn:vararg
    TRY \insn
    movq ANSWER(A_VECTOR), %rax
    movq %rax, ANSWER(A_FIRST)(, %r14, 8)
    incq %r14
.endm

.macro SINGLE_STEP
    pushfq
    orq $0x100, (%rsp)
    popfq
    nop
    nop
.endm

.macro DONE
    movq $1, ANSWER(A_DONE)
77: cli
    hlt
    jmp 77b
.endm

.macro TIMER_1KHZ /* by interrupt 32, which exception counts */
    movb $0x11, %al
    outb %al, $0x20
    movb $0x20, %al
    outb %al, $0x21
    movb $0x04, %al
    outb %al, $0x21
    movb $0x01, %al
    outb %al, $0x21
    movb $0xfe, %al
    outb %al, $0x21
    movb $0x34, %al
    outb %al, $0x43
    movb $0xa9, %al
    outb %al, $0x40
    movb $0x04, %al
    outb %al, $0x40
    movq $0, ANSWER(A_COUNT)
.endm

    .text
    .code64
    .globl hvm_code, hvm_code_end, hvm_vectors, hvm_code32
    .balign 4096
hvm_code:
    leaq programs(%rip), %rax
    movslq (%rax, %rdi, 4), %rdx
    addq %rdx, %rax
    jmp *%rax

    .balign 4
programs:
    .long hello - programs
    .long privileged - programs
    .long triple_fault - programs
    .long nowhere - programs
    .long own_tables - programs
    .long tables_nowhere - programs
    .long msrs - programs
    .long ports - programs
    .long halt_nmi - programs
    .long strings - programs
    .long spin - programs
    .long flood - programs
    .long registers - programs
    .long debug - programs
    .long read_forever - programs
    .long bad_cr4 - programs
    .long bad_xcr0 - programs
    .long ticks - programs
    .long serial - programs
    .long restart - programs
    .long halt_off - programs
    .long line - programs
    .long windows - programs
    .long breakpoints - programs

/* Exceptions: 16 bytes each. */
    .balign 16
hvm_vectors:
    .set vector, 0
    .rept 33
    .balign 16
    .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && \
        vector != 14 && vector != 17 && vector != 21 && vector != 29 && vector != 30
    pushq $0
    .endif
    pushq $vector
    jmp exception
    .set vector, vector + 1
    .endr
    .balign 16
exception:
    popq ANSWER(A_VECTOR)
    popq ANSWER(A_ERROR)
    pushq (%rsp)
    popq ANSWER(A_RIP)
    incq ANSWER(A_COUNT)
    testq %r15, %r15
    jz unexpected
    movq %r15, (%rsp)
    andq $~0x100, 16(%rsp) /* TF */
    iretq
unexpected:
    cmpq $2, ANSWER(A_VECTOR)
    je 1f
    cmpq $32, ANSWER(A_VECTOR)
    jne triple_fault
1:  iretq

/* What it is told of its processor. */
hello:
    movl $1, %eax
    xorl %ecx, %ecx
    cpuid
    movq %rcx, ANSWER(A_FIRST)
    movq %rdx, ANSWER(A_FIRST + 1)
    movl $0x40000000, %eax
    cpuid
    movq %rax, ANSWER(A_FIRST + 2)
    movq %rbx, ANSWER(A_FIRST + 3)
    movl $0x80000001, %eax
    cpuid
    movq %rcx, ANSWER(A_FIRST + 4)
    movl $0xc0000080, %ecx
    rdmsr
    movq %rax, ANSWER(A_FIRST + 5)
    movq %cr0, %rax
    movq %rax, ANSWER(A_FIRST + 6)
    rdtsc
    movl %eax, %esi
    rdtsc
    subl %esi, %eax
    movq %rax, ANSWER(A_FIRST + 7)
    rex.W
    cpuid /* with a prefix: its length is decoded */
    movq $0x1234, ANSWER(A_FIRST + 8)
    DONE

/* Each in turn; the parent knows what a processor without the feature does. */
privileged:
    xorl %r14d, %r14d
    TRY_STORE vmmcall
    xorl %eax, %eax
    TRY_STORE vmrun %rax
    xorl %eax, %eax
    TRY_STORE vmload %rax
    xorl %eax, %eax
    TRY_STORE vmsave %rax
    TRY_STORE stgi
    TRY_STORE clgi
    xorl %eax, %eax
    TRY_STORE skinit %eax
    xorl %ecx, %ecx
    TRY_STORE invlpga %rax, %ecx
    xorl %edx, %edx
    TRY_STORE monitor
    TRY_STORE mwait
    xorl %ecx, %ecx
    TRY_STORE rdpmc
    TRY_STORE vmcall
    TRY_STORE invd
    TRY_STORE wbinvd
    TRY_STORE clts
    TRY_STORE invlpg (%rax)
    TRY_STORE sgdt G_ANSWERS + 2048
    TRY_STORE sidt G_ANSWERS + 2048
    TRY_STORE smsw %ax
    TRY_STORE str %ax
    TRY_STORE sti
    cli
    movq %cr3, %rax
    TRY_STORE movq %rax, %cr3
    movq %cr4, %rax
    TRY_STORE movq %rax, %cr4
    movq %cr8, %rax
    TRY_STORE movq %rax, %cr8
    TRY_STORE int $0x3
    TRY_STORE ud2
    TRY_STORE rsm
    movl $0x80000001, %ecx
    xorl %eax, %eax
    xorl %edx, %edx
    TRY_STORE xsetbv
    DONE

triple_fault:
    pushq $0
    pushq $0
    lidt (%rsp)
    ud2

/* Mapped, but there is no memory. */
nowhere:
    movl $0x40000000, %eax
    orq $0x83, %rax
    movq %rax, G_TABLES + 0x2000 + 8
    movq %cr3, %rax
    movq %rax, %cr3
    movl $0x200000, %eax
    jmp *%rax

/* The root maps itself, and is written through that while it is in use. */
own_tables:
    movq $G_TABLES + 3, G_TABLES + 8 * 510
    movq $0xffffff7fbfdfe000, %rax
    xorl %ecx, %ecx
1:  movq 8 * 510(%rax), %rdx
    movq %rdx, 8 * 509(%rax)
    movq %rdx, 8 * 508(%rax)
    movq $0, 8 * 509(%rax)
    invlpg (%rax)
    movq %cr3, %rdx
    movq %rdx, %cr3
    incl %ecx
    cmpl $2000, %ecx
    jne 1b
    movq 8 * 508(%rax), %rdx
    movq %rdx, ANSWER(A_FIRST)
    DONE

/* CR3 outside of memory. */
tables_nowhere:
    movq $0x7f0000000, %rax
    movq %rax, %cr3
    DONE

/* All registers of the three ranges, and some beside them: how many there are. */
msrs:
    xorl %r12d, %r12d
    xorl %esi, %esi
1:  movl %esi, %ecx
    shrl $13, %ecx
    andl $3, %ecx
    leaq bases(%rip), %rax
    movl (%rax, %rcx, 4), %ecx
    movl %esi, %eax
    andl $0x1fff, %eax
    addl %eax, %ecx
    TRY rdmsr
    cmpq $NO_VECTOR, ANSWER(A_VECTOR)
    jne 2f
    incq %r12
    movq %rcx, %rbx
2:  incl %esi
    cmpl $0x8000, %esi
    jne 1b
    movq %r12, ANSWER(A_FIRST)
    movl $0xc0000080, %ecx /* EFER.SVME is not there to be set */
    rdmsr
    orl $0x1000, %eax
    movl $1, %r14d
    TRY_STORE wrmsr
    movl $0xc0010117, %ecx
    TRY_STORE wrmsr
    movl $0x40000000, %ecx
    TRY_STORE wrmsr
    movl $0x277, %ecx
    movl $0x02020202, %eax
    TRY_STORE wrmsr
    movl $0x00070406, %eax
    movl %eax, %edx
    TRY_STORE wrmsr
    rdmsr
    movq %rax, ANSWER(A_FIRST)(, %r14, 8)
    incq %r14
    movl $0xc0000102, %ecx /* open: no exit */
    movl $0x12345678, %eax
    xorl %edx, %edx
    TRY_STORE wrmsr
    swapgs
    movl $0xc0000101, %ecx
    rdmsr
    movq %rax, ANSWER(A_FIRST)(, %r14, 8)
    DONE
    .balign 4
bases:
    .long 0, 0xc0000000, 0xc0010000, 0x40000000

/* Ports read in three widths, and written: where devices are each, beyond them some. */
ports:
    xorl %edi, %edi
    movl $0xffffffff, %ebx
1:  movl %edi, %edx
    inl %dx, %eax
    cmpl $0x1000, %edi
    jb 2f
    andl %eax, %ebx
    addl $255, %edi
2:  movl $0x5a5a5a5a, %eax
    outb %al, %dx
    inb %dx, %al
    outw %ax, %dx
    inw %dx, %ax
    movl $0x5a5a5a5a, %eax
    outl %eax, %dx
    incl %edi
    cmpl $0x10000, %edi
    jb 1b
    movq %rbx, ANSWER(A_FIRST)
    DONE

/* Waits, and is woken by two NMIs of the parent's. */
halt_nmi:
    sti
    movq $2, ANSWER(A_FIRST)
    hlt
    movq ANSWER(A_COUNT), %rax
    movq %rax, ANSWER(A_FIRST + 1)
    movq $3, ANSWER(A_FIRST)
    hlt
    movq ANSWER(A_COUNT), %rax
    movq %rax, ANSWER(A_FIRST + 2)
    DONE

strings:
    movl $0x80, %edx
    movl $G_ANSWERS, %esi
    movl $4, %ecx
    rep outsb
    movq %rcx, ANSWER(A_FIRST)
    movq %rsi, ANSWER(A_FIRST + 1)
    movl $0x2f8, %edx /* downwards, with half of the registers; nobody is there */
    movl $G_ANSWERS + 2048 + 6, %edi
    movabsq $0x500000003, %rcx
    std
    rep insw (%dx), %es:(%edi)
    cld
    movq %rcx, ANSWER(A_FIRST + 2)
    movq %rdi, ANSWER(A_FIRST + 3)
    movq G_ANSWERS + 2048, %rax
    movq %rax, ANSWER(A_FIRST + 4)
    movl $0x80, %edx /* into what is not mapped, in the middle of the second */
    movl $G_SIZE - 6, %esi
    movl $4, %ecx
    TRY rep outsl
    movq ANSWER(A_VECTOR), %rax
    movq %rax, ANSWER(A_FIRST + 5)
    movq %rcx, ANSWER(A_FIRST + 6)
    movq %cr2, %rax
    movq %rax, ANSWER(A_FIRST + 7)
    movl $20000, %ecx
    movl $G_CODE, %esi
    rep outsb
    movq %rsi, ANSWER(A_FIRST + 8)
    DONE

/* For ever, without interrupts. */
spin:
    cli
1:  incq ANSWER(A_FIRST)
    jmp 1b

flood:
    movl $20000, %edi
1:  xorl %eax, %eax
    cpuid
    decl %edi
    jnz 1b
    DONE

/* What it has in its registers, it finds again while others run. */
registers:
    movl $300, %r13d
    movq $0x1111111111111111, %rax
    movq %rax, %xmm0
    notq %rax
    movq %rax, %xmm15
    movq $0x2222222222222222, %rbp
    movq $0x3333333333333333, %r8
    movq $0x4444, %r9
    movq %r9, %dr0
    movq $0x5555555500000000, %r10
    movq %r10, %cr2
1:  movl $40000, %ecx
2:  decl %ecx
    jnz 2b
    inb $0x80, %al
    decl %r13d
    jnz 1b
    movq %xmm0, ANSWER(A_FIRST)
    movq %xmm15, ANSWER(A_FIRST + 1)
    movq %rbp, ANSWER(A_FIRST + 2)
    movq %r8, ANSWER(A_FIRST + 3)
    movq %dr0, %rax
    movq %rax, ANSWER(A_FIRST + 4)
    movq %cr2, %rax
    movq %rax, ANSWER(A_FIRST + 5)
    DONE

/* A breakpoint on the stack: delivering the trap raises the next; and a single step. */
debug:
    xorl %r14d, %r14d
    TRY_STORE SINGLE_STEP
    movq %dr6, %rax
    movq %rax, ANSWER(A_FIRST + 1)
    leaq 1f(%rip), %r15
    leaq -40(%rsp), %rax
    movq %rax, %dr0
    movl $0x000d0401, %eax /* writes of four bytes at DR0 */
    movq %rax, %dr7
    movq %rax, -40(%rsp)
    nop
1:  movl $0x400, %eax
    movq %rax, %dr7
    DONE

/* Where its parent's code is, which must not meet them; they stay. */
breakpoints:
    movq ANSWER(A_FIRST), %rax
    movq %rax, %dr0
    movq %rax, %dr1
    movl $0x40f, %eax
    movq %rax, %dr7
    movq %rax, %dr2
    movq %dr2, %rax
    movq %rax, ANSWER(A_FIRST + 1)
    inb $0x80, %al
    DONE

read_forever:
    movl $G_SIZE - 4096, %esi
1:  movq (%rsi), %rax
    incq ANSWER(A_FIRST)
    jmp 1b

bad_cr4:
    xorl %r14d, %r14d
    movq $1 << 40, %rax
    TRY_STORE movq %rax, %cr4
    DONE

bad_xcr0:
    xorl %r14d, %r14d
    movq %cr4, %rax
    orl $0x40000, %eax
    movq %rax, %cr4
    xorl %ecx, %ecx
    xorl %edx, %edx
    movl $3, %eax
    TRY_STORE xsetbv
    movl $0x207, %eax
    TRY_STORE xsetbv
    inb $0x80, %al /* an exit, where XSETBV was none */
    DONE

/* The timer at 1 kHz, and HLT until it has ticked fifty times; vector 0x20 is the 33rd stub. */
ticks:
    TIMER_1KHZ
1:  sti
    hlt
    cli
    movb $0x20, %al
    outb %al, $0x20
    cmpq $25, ANSWER(A_COUNT)
    jb 1b
    sti /* without HLT: as the window opens */
2:  movb $0x20, %al
    outb %al, $0x20
    cmpq $50, ANSWER(A_COUNT)
    jb 2b
    movq ANSWER(A_VECTOR), %rax
    movq %rax, ANSWER(A_FIRST)
    DONE

/*
 * Most of the time a tick waits while interrupts are off, and each exit is followed by an entry that
 * asks for another when they can be taken. Then it halts, which only the timer ends.
 */
windows:
    TIMER_1KHZ
    movl $400, %r12d
1:  movl $300, %ecx
2:  outb %al, $0x80
    decl %ecx
    jnz 2b
    sti
    nop
    cli
    movb $0x20, %al
    outb %al, $0x20
    sti
    hlt
    cli
    outb %al, $0x20
    incq ANSWER(A_FIRST)
    decl %r12d
    jnz 1b
    DONE

/* What the parent sends comes back, each byte one more. */
serial:
    leaq text(%rip), %rsi
    movl $0x3f8, %edx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  movl $0x3fd, %edx
    inb %dx, %al
    testb $1, %al
    jz 2b
    movl $0x3f8, %edx
    inb %dx, %al
    cmpb $'.', %al
    je 3f
    incb %al
    outb %al, %dx
    jmp 2b
3:  DONE
text:
    .asciz "hello"

#include "line.inc"

restart:
    movb $0xfe, %al
    outb %al, $0x64
    DONE

halt_off:
    cli
    hlt
    DONE

/* Without paging, as a kernel is entered by its PVH note. */
    .code32
    .balign 16
hvm_code32:
    movl $1, %eax
    cpuid
    movl %edx, ANSWER(A_FIRST)
    movl %cr0, %eax
    movl %eax, ANSWER(A_FIRST + 1)
    movl $1, ANSWER(A_DONE)
    cli
3:  hlt
    jmp 3b
    .code64
hvm_code_end:
