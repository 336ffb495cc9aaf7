/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYSCALL on a vcpu that has an area (LODGE_vcpu_area in public/lodge.h): the entry from user mode
 * and the two ways back, without C and without saving a register that is not used. Everything else
 * goes on in entry.S, as if it had come there.
 *
 * RSP is at the frame's rip: the stub has pushed rip, cs, rflags, rsp, ss, so RCX and R11 are free.
 * Other registers are parked where SAVE_REGS would have them, below RSP: interrupts are off, and
 * what can still arrive has a stack of its own.
 *
 * The area lies in a page of the guest's, which the vcpu holds by a writable type reference, and is
 * read and written through the direct map. Another vcpu may change it at any moment: each word is
 * read once, into the frame, and judged there. What may need more than a few instructions (an event
 * that is pending, an address that is not canonical, an NMI handler that ends) is left to C, before
 * anything has changed, or by the frame that is complete by then.
 *
 * need_resched and pending_work are not looked at: nothing here sets them, and who sets them for a
 * CPU from elsewhere sends an interrupt after it, which is taken as soon as the guest runs.
 */
#include <asm-offsets.h>
#include <public/lodge.h>
#include <x86/layout.h>
#include <x86/entry_macros.inc>

#define AREA_VCPU (TOP_VCPU - TOP_REGS - REGS_RIP)
#define AREA_CPU  (TOP_CPU - TOP_REGS - REGS_RIP)
#define AREA_CALLS(nr) (TOP_HYPERCALLS + 8 * (nr) - TOP_REGS - REGS_RIP)
#define AREA_SYSCALLS  (TOP_AREA_SYSCALLS - TOP_REGS - REGS_RIP)
#define PARKED(r) (REGS_##r - REGS_RIP)(%rsp)

#define FLAGS_IF  0x200
#define FLAGS_SET 0x202                       /* IF, and the bit that is always set */
#define FLAGS_OFF (0x3000 | 0x4000 | 0x20000) /* IOPL, NT, VM */

/* RCX = vcpu: load one of its two tables, as tlb_write_cr3() does. Uses RAX and RDX. */
.macro LOAD_TABLE table
    movl $1, %eax
    lock xaddl %eax, tlb_now(%rip)
    incl %eax
    movq \table(%rcx), %rdx
    shlq $12, %rdx
    movq %rdx, %cr3
    movq AREA_CPU(%rsp), %rdx
    movl %eax, CPU_TLB_STAMP(%rdx)
    testl $TLB_CATCH_UP_MASK, %eax
    jz 77f
78:
    .pushsection .text, "ax", @progbits
77: subq $REGS_RIP, %rsp /* what is parked stays */
    call tlb_catch_up
    addq $REGS_RIP, %rsp
    jmp 78b
    .popsection
.endm

/*
 * RCX = vcpu, R11 = its user's RAX: to user mode, with events unmasked. What is parked as RDX is in
 * it afterwards, and ZF says that no event is pending. The locked instruction in between is the
 * barrier: whoever sets the pending byte later finds the mask clear, and sends an interrupt.
 */
.macro ENTER_USER
    movq %rdx, PARKED(RDX)
    movb $0, VCPU_KERNEL_MODE(%rcx)
    movq VCPU_INFO(%rcx), %rdx
    movb $0, INFO_MASK(%rdx)
    swapgs
    LOAD_TABLE VCPU_GUEST_TABLE_USER
    movq VCPU_INFO(%rcx), %rdx
    cmpb $0, INFO_PENDING(%rdx)
    movq PARKED(RDX), %rdx
.endm

    .section .text.entry, "ax", @progbits
/*
 * While there is a trace: calls go the long way, through the vcpu's table, and an entry from user
 * mode becomes a record before it takes the short one.
 */
    .globl entry_syscall_area_traced
    .balign 16
entry_syscall_area_traced:
    movq AREA_VCPU(%rsp), %rcx
    cmpb $0, VCPU_KERNEL_MODE(%rcx)
    jne area_none
    pushq syscall_error_and_vector(%rip)
    SAVE_REGS
    movq %rsp, %rdi
    call trace_area_syscall
    RESTORE_REGS
    addq $8, %rsp /* error code and vector */

    .globl entry_syscall_area
    .balign 16
entry_syscall_area:
    movq AREA_VCPU(%rsp), %rcx
    cmpb $0, VCPU_KERNEL_MODE(%rcx)
    jne area_from_kernel
    cmpq $0, VCPU_AREA_ENTRY(%rcx)
    je area_none
    movq %rdx, PARKED(RDX)
    movq VCPU_INFO(%rcx), %rdx
    cmpb $0, INFO_MASK(%rdx)
    jne area_masked
    movq %rax, PARKED(RAX)
    movb $1, INFO_MASK(%rdx)
    movq VCPU_AREA(%rcx), %rdx
    movq (%rsp), %rax
    movq %rax, LODGE_AREA_RIP(%rdx)
    movq %r11, LODGE_AREA_RFLAGS(%rdx)
    movq 24(%rsp), %rax
    movq %rax, LODGE_AREA_RSP(%rdx)
    movb $1, VCPU_KERNEL_MODE(%rcx)
    incq AREA_SYSCALLS(%rsp)
    swapgs
    LOAD_TABLE VCPU_GUEST_TABLE
    movq PARKED(RDX), %rdx
    movq PARKED(RAX), %rax
    movq VCPU_KERNEL_SP(%rcx), %rsp
    andq $-16, %rsp
    movq VCPU_AREA_ENTRY(%rcx), %rcx /* canonical since it was registered */
    movl $FLAGS_SET, %r11d
    sysretq

/* To entry.S, with RCX and R11 as the stub has left them. */
area_masked:
    movq PARKED(RDX), %rdx
area_none:
    movq (%rsp), %rcx
    movq 16(%rsp), %r11
    jmp entry_syscall

area_from_kernel:
    cmpq $__HYPERVISOR_lodge_sysret, %rax
    je area_sysret
    cmpq $__HYPERVISOR_lodge_iret, %rax
    jne area_none

    cmpq $0, VCPU_GUEST_TABLE_USER(%rcx)
    je area_none
    cmpb $0, VCPU_NMI_MASKED(%rcx)
    jne area_none
    movq VCPU_AREA(%rcx), %r11
    movq LODGE_AREA_RFLAGS(%r11), %rax
    testl $FLAGS_IF, %eax
    jz area_iret_in_c
    incq AREA_CALLS(__HYPERVISOR_lodge_iret)(%rsp)
    andq $~FLAGS_OFF, %rax
    orq $FLAGS_SET, %rax
    movq %rax, 16(%rsp)
    movq LODGE_AREA_RIP(%r11), %rax
    movq %rax, (%rsp)
    movzwl LODGE_AREA_CS(%r11), %eax
    orl $3, %eax
    movq %rax, 8(%rsp)
    movq LODGE_AREA_RSP(%r11), %rax
    movq %rax, 24(%rsp)
    movzwl LODGE_AREA_SS(%r11), %eax
    orl $3, %eax
    movq %rax, 32(%rsp)
    movq LODGE_AREA_RCX(%r11), %rax
    movq %rax, PARKED(RCX)
    movq LODGE_AREA_R11(%r11), %rax
    movq %rax, PARKED(R11)
    movq LODGE_AREA_RAX(%r11), %r11
    ENTER_USER
    movq %r11, %rax
    movq PARKED(RCX), %rcx
    movq PARKED(R11), %r11
    je guest_iretq
    pushq iret_error_and_vector(%rip)
    jmp area_event

area_sysret:
    cmpq $0, VCPU_GUEST_TABLE_USER(%rcx)
    je area_none
    cmpb $0, VCPU_NMI_MASKED(%rcx)
    jne area_none
    movq VCPU_AREA(%rcx), %r11
    movq LODGE_AREA_RIP(%r11), %rax
    movq %rax, PARKED(RAX)
    shrq $47, %rax
    jnz area_sysret_in_c
    incq AREA_CALLS(__HYPERVISOR_lodge_sysret)(%rsp)
    movq PARKED(RAX), %rax
    movq %rax, (%rsp)
    movq LODGE_AREA_RFLAGS(%r11), %rax
    andq $~FLAGS_OFF, %rax
    orq $FLAGS_SET, %rax
    movq %rax, 16(%rsp)
    movq LODGE_AREA_RSP(%r11), %rax
    movq %rax, 24(%rsp)
    movq LODGE_AREA_RAX(%r11), %r11
    ENTER_USER
    movq %r11, %rax
    movq (%rsp), %rcx
    movq 16(%rsp), %r11
    jne area_sysret_event
    movq 24(%rsp), %rsp
    sysretq

area_iret_in_c:
    movl $__HYPERVISOR_lodge_iret, %eax
    jmp area_none
area_sysret_in_c:
    movl $__HYPERVISOR_lodge_sysret, %eax
    jmp area_none

area_sysret_event:
    pushq syscall_error_and_vector(%rip)
area_event:
    SAVE_REGS
    IRQS_OFF_BEGIN
    jmp return_work
