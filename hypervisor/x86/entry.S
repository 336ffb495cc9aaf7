/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every way into and out of the hypervisor: SYSCALL, exceptions, interrupts, the stack switch.
 *
 * Each entry from the guest builds struct cpu_regs at the top of the running vcpu's stack and each
 * exit consumes it; RSP equals its address whenever C is called from the outermost level. Nothing
 * here touches FS, GS, DS or ES. x86/guest_entry.h has the contract with pv/.
 *
 * Stacks: for an exception or interrupt in ring 3 the processor itself loads RSP from TSS.RSP0, the
 * end of stack_top.regs; for SYSCALL the stub loads the same address from its data page. In ring 0
 * the stack in use goes on: the frame then lies somewhere on it and is consumed by ret_to_ring0.
 * Four vectors can arrive while RSP is still the guest's, or the guest's again, and have stacks of
 * their own (entry_ist).
 *
 * Interrupts are off on all these paths: every gate is an interrupt gate, and SYSCALL clears IF
 * (SYSCALL_CLEARS in x86/cpu.c). So nothing is lost between CHECK_WORK and the instruction that
 * resumes the guest: whoever gives a vcpu work first sets the flag and then sends an interrupt,
 * which stays pending until the guest's IF is loaded.
 *
 * On entry all general registers, RIP, RSP and RFLAGS are the guest's choice. No entry path uses
 * one of them as an address. SYSCALL clears DF and AC; gates leave both alone, hence CLD and the
 * CLAC of SMAP_SITE 0 at each of them. On the way out the danger is SYSRETQ: with an RIP that is
 * not canonical some processors raise #GP in ring 0 while RSP is the guest's already (Intel SDM
 * volume 2, SYSRET). A refused IRETQ faults on our stack and ends in the failsafe callback.
 */
#include <asm-offsets.h>
#include <x86/layout.h>
#include <x86/entry_macros.inc>
#include <x86/macros.inc>

#define VEC_SYSCALL   0x100
#define VEC_IRET      0x101
#define VEC_IRET_KEPT 0x102

/*
 * Anything to do before the guest runs? Expects RBX = vcpu; uses RCX and RDX. An event is due when
 * the pending byte is not zero and the mask byte behind it is; mostly none is pending.
 * The CPU is read from the stack's top each time: a vcpu that was switched out in C may have come
 * back on another one. The guest may change the two bytes at any moment; they decide only whether C
 * looks again.
 */
.macro CHECK_WORK slow
    movq RSP_CPU(%rsp), %rcx
    cmpb $0, CPU_NEED_RESCHED(%rcx)
    jne \slow
    cmpl $0, VCPU_PENDING_WORK(%rbx)
    jne \slow
    movq VCPU_INFO(%rbx), %rdx
    cmpb $0, (%rdx)
    jne pending\@
no_event\@:
    .subsection 1
pending\@:
    cmpb $0, 1(%rdx)
    je \slow
    jmp no_event\@
    .previous
.endm

/* From the frame at RSP: what C may have changed, but for RAX, RCX and R11. */
.macro LOAD_CHANGED
    movq REGS_RBX(%rsp), %rbx
    movq REGS_R10(%rsp), %r10
    movq REGS_R9(%rsp), %r9
    movq REGS_R8(%rsp), %r8
    movq REGS_RDX(%rsp), %rdx
    movq REGS_RSI(%rsp), %rsi
    movq REGS_RDI(%rsp), %rdi
.endm

/*
 * RSP = &stack_top.regs, vector VEC_SYSCALL, RAX, RBP and R12-R15 the guest's still or again: load
 * what C may have changed, and resume the guest at RIP. One with its top bit set is canonical here:
 * SYSCALL cannot have come from another, and whoever replaced it has seen to that
 * (x86/guest_entry.h).
 */
.macro SYSRET_KEPT
    movq REGS_RIP(%rsp), %rcx
    testq %rcx, %rcx
    jns low_rip\@
sysret\@:
    movq REGS_RFLAGS(%rsp), %r11
    LOAD_CHANGED
    movq REGS_RSP(%rsp), %rsp
    sysretq
    /* A kernel in the lower half: one page below its end RCX is not canonical, see ret_to_guest. */
    .subsection 1
low_rip\@:
    shrq $47, %rcx
    jnz kept_by_frame
    movq REGS_RIP(%rsp), %rcx
    jmp sysret\@
    .previous
.endm

    .section .text.entry, "ax", @progbits

/*
 * What LSTAR points to: a copy of this in each CPU's stub page, with the CPU's data page behind it.
 * The displacements hold in the copy; only the last jump is adjusted (x86/descriptors.c).
 *
 * SYSCALL has put RIP into RCX and RFLAGS into R11 and has left RSP alone; no register is free. So
 * RSP is parked in memory of this CPU, and the five words are pushed that an interrupt would have
 * pushed. CS and SS are constants: SYSCALL does not record the guest's.
 */
.macro STUB name, cs
    .globl \name, \name\()_jump
\name:
    movq %rsp, entry_stub + 4096 + STUB_GUEST_RSP(%rip)
    movq entry_stub + 4096 + STUB_STACK(%rip), %rsp
    pushq $SEL_USER_DS
    pushq entry_stub + 4096 + STUB_GUEST_RSP(%rip)
    pushq %r11
    pushq $\cs
    pushq %rcx
\name\()_jump:
    .byte 0xe9
    .long 0
.endm

    .globl entry_stub_end
    .balign 16
    STUB entry_stub, SEL_USER_CS64
/* LSTAR while a vcpu with an area runs: the same, to entry_syscall_area. */
    .balign 16
    STUB entry_stub_area, SEL_USER_CS64
/* The same on a CPU that is traced, to entry_syscall_area_traced. */
    .balign 16
    STUB entry_stub_area_traced, SEL_USER_CS64
/* CSTAR: SYSCALL from 32-bit code (which only some processors have). */
    .balign 16
    STUB entry_stub32, SEL_USER_CS32
entry_stub_end:

/*
 * RAX = number, RDI RSI RDX R10 = arguments: R10, as SYSCALL destroys RCX, C's fourth argument.
 * RBX holds the vcpu across the call: C preserves it, and a vcpu keeps its stack wherever it runs.
 * The vcpu's table knows what its domain may call (pv/hypercall.c). The result stays in RAX; only
 * the slow ways store it into the frame, where the number is until then: a restart needs it.
 */
    .globl entry_syscall
    .balign 16
entry_syscall:
    pushq syscall_error_and_vector(%rip)
    SAVE_REGS
    IRQS_OFF_BEGIN
    movq RSP_VCPU(%rsp), %rbx
    cmpb $0, VCPU_KERNEL_MODE(%rbx)
    je syscall_from_guest_user
    cmpq $(NR_HYPERCALLS - 1), %rax
    ja hypercall_unknown
    andl $(NR_HYPERCALLS - 1), %eax /* also where the processor only guesses that it is below */
    incq RSP_HYPERCALLS(%rsp, %rax, 8)
    movq VCPU_HYPERCALLS(%rbx), %r11
    movq %r10, %rcx
    call *(%r11, %rax, 8)
hypercall_done:
    CHECK_WORK hypercall_work
    IRQS_OFF_END_OF_CALL
    cmpl $VEC_SYSCALL, REGS_VECTOR(%rsp)
    jne hypercall_iretq
    SYSRET_KEPT

/* The iret hypercall: what C keeps is the guest's still. */
hypercall_iretq:
    cmpl $VEC_IRET_KEPT, REGS_VECTOR(%rsp)
    jne kept_by_frame
    movq REGS_R11(%rsp), %r11
    movq REGS_RCX(%rsp), %rcx
    LOAD_CHANGED
    addq $REGS_RIP, %rsp
hypercall_iretq_kept:
    iretq
    EXTABLE hypercall_iretq_kept, guest_iretq_refused

kept_by_frame:
    movq %rax, REGS_RAX(%rsp)
    jmp ret_to_guest_by_frame
hypercall_unknown:
    incq RSP_HYPERCALLS_OTHER(%rsp)
    movq $HYPERCALL_ENOSYS, %rax
    jmp hypercall_done
hypercall_restart_call:
    movq %rsp, %rdi
    call pv_hypercall_restart
    jmp ret_to_guest

/* The frame's CS is a 32-bit one, so it must leave by IRETQ, which the vector says. */
    .globl entry_syscall32
entry_syscall32:
    pushq iret_error_and_vector(%rip)
    SAVE_REGS
    IRQS_OFF_BEGIN
    movq %rsp, %rdi
    call pv_syscall32_bounce
    jmp ret_to_guest

/* The kernel is entered with the registers of its program, as a hypercall leaves them alone. */
syscall_from_guest_user:
    movq %rsp, %rdi
    call *(entry_calls + ENTRY_SYSCALL_BOUNCE)(%rip)
    movq REGS_RAX(%rsp), %rax
    jmp hypercall_done

    .globl return_work
hypercall_work:
    testl $WORK_RESTART, VCPU_PENDING_WORK(%rbx)
    jnz hypercall_restart_call
    movq %rax, REGS_RAX(%rsp)
return_work:
    movq %rsp, %rdi
    call *(entry_calls + ENTRY_RETURN_WORK)(%rip)

/*
 * RSP = &stack_top.regs: do what is left to do, then resume the guest from the frame. The frame may
 * be another than the one of the entry: pv_return_work() calls schedule(), and a new vcpu begins
 * here with the frame that guest_set_context() has made.
 */
    .globl ret_to_guest
ret_to_guest:
    movq RSP_VCPU(%rsp), %rbx
    CHECK_WORK return_work
ret_to_guest_by_frame:
    IRQS_OFF_END
    cmpl $VEC_SYSCALL, REGS_VECTOR(%rsp)
    jne ret_to_guest_by_iretq
    movq REGS_RIP(%rsp), %rcx
    testq %rcx, %rcx
    js 2f
    /* SYSRETQ to an address that is not canonical would fault in ring 0, with the guest's RSP. */
    shrq $47, %rcx
    jz 2f
ret_to_guest_by_iretq:
    RESTORE_REGS
    addq $8, %rsp /* error code and vector */
    .globl guest_iretq
guest_iretq:
    iretq
    EXTABLE guest_iretq, guest_iretq_refused
2:  popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    addq $8, %rsp /* r11: SYSRETQ takes rflags from it */
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    addq $8, %rsp /* rcx: and rip from this one */
    popq %rdx
    popq %rsi
    popq %rdi
    movq 8(%rsp), %rcx
    movq 24(%rsp), %r11
    movq 32(%rsp), %rsp
    sysretq

/*
 * Here with the guest's registers and RSP at the frame's rip: the frame is rebuilt below it. The
 * fault of IRETQ was taken in ring 0 on this stack and has overwritten the words below rip, whose
 * values are in the registers by then; traps_ring0() has sent us here through the exception table.
 */
guest_iretq_refused:
    pushq iret_error_and_vector(%rip)
    SAVE_REGS
    IRQS_OFF_BEGIN /* area_iret has come here without */
    movq %rsp, %rdi
    call pv_failsafe
    jmp ret_to_guest

/* From its vector's stub: error code and vector are pushed, rip to ss are the processor's. */
    .balign 16
entry_exception:
    cld
    SMAP_SITE 0
    SAVE_REGS
    testb $3, REGS_CS(%rsp)
    jz exception_in_ring0
    IRQS_OFF_BEGIN
    movq %rsp, %rdi
    call *(entry_calls + ENTRY_TRAP)(%rip)
    /* Mostly the guest's handler is next, by SYSRET, and its registers are those of the trap. */
    movq RSP_VCPU(%rsp), %rbx
    CHECK_WORK return_work
    IRQS_OFF_END
    cmpl $VEC_SYSCALL, REGS_VECTOR(%rsp)
    jne ret_to_guest_by_iretq
    movq REGS_RAX(%rsp), %rax
    SYSRET_KEPT
exception_in_ring0:
    movq %rsp, %rdi
    call traps_ring0
ret_to_ring0:
    RESTORE_REGS
    addq $8, %rsp
    iretq

/*
 * #NM: in guest mode it comes only to a guest that has set TS itself (x86/fpu.c). Ring 0 uses no
 * vector registers but there, with TS clear.
 */
    .balign 16
entry_device_not_available:
    cld
    SMAP_SITE 0
    SAVE_REGS
    testb $3, REGS_CS(%rsp)
    jz exception_in_ring0
    IRQS_OFF_BEGIN
    movq %rsp, %rdi
    call *(entry_calls + ENTRY_DEVICE_NOT_AVAILABLE)(%rip)
    jmp ret_to_guest

/*
 * In ring 0 this runs in an interrupt window (irq_window()) or in the idle loop, on the stack of
 * whoever opened it: the handler never switches vcpus there, that is left to the one interrupted.
 */
    .balign 16
entry_interrupt:
    cld
    SMAP_SITE 0
    SAVE_REGS
    movl REGS_VECTOR(%rsp), %edi
    call *(entry_calls + ENTRY_IRQ)(%rip)
    testb $3, REGS_CS(%rsp)
    jz ret_to_ring0
    incq RSP_INTERRUPTS(%rsp)
    jmp ret_to_guest

/*
 * NMI, machine check, double fault and #DB, each on a stack of its own: they can arrive where RSP
 * is the guest's (the first instruction of the SYSCALL stub). From guest mode the frame is moved to
 * the vcpu's stack and they become ordinary exceptions. Stack: error and vector, rip, cs, ...
 *
 * The move is needed because what follows may switch to another vcpu, while the next NMI or #DB
 * of this CPU starts at the top of the same stack again. RSP0 of this CPU's TSS is the end of the
 * running vcpu's frame; the CPU is found at the top of the exception's stack (x86/descriptors.c).
 * In ring 0 nothing is moved, and the code that was interrupted goes on as if nothing had been.
 */
    .balign 16
entry_ist:
    cld
    SMAP_SITE 0
    testb $3, 16(%rsp)
    jz 1f
    pushq %rdi
    pushq %rax
    movq %rsp, %rdi /* to this stack's last byte, and from there to its stack_top */
    orq $(STACK_SIZE - 1), %rdi
    movq (1 - STACK_TOP_SIZE + TOP_CPU)(%rdi), %rdi
    movq CPU_TSS_RSP0(%rdi), %rdi
    movq 16(%rsp), %rax /* error code and vector, then rip, cs, rflags, rsp, ss */
    movq %rax, -48(%rdi)
    movq 24(%rsp), %rax
    movq %rax, -40(%rdi)
    movq 32(%rsp), %rax
    movq %rax, -32(%rdi)
    movq 40(%rsp), %rax
    movq %rax, -24(%rdi)
    movq 48(%rsp), %rax
    movq %rax, -16(%rdi)
    movq 56(%rsp), %rax
    movq %rax, -8(%rdi)
    movq 8(%rsp), %rax /* the guest's rdi goes along, to be popped on the other side */
    movq %rax, -56(%rdi)
    popq %rax
    leaq -56(%rdi), %rsp
    popq %rdi
    SAVE_REGS
    IRQS_OFF_BEGIN
    movq %rsp, %rdi
    call traps_ist_guest
    jmp ret_to_guest
1:  SAVE_REGS
    movq %rsp, %rdi
    call traps_ist_ring0
    jmp ret_to_ring0

/*
 * One stub of 16 bytes per vector; x86/descriptors.c points the IDT at them. For the vectors listed
 * the processor pushes an error code of 32 bits in a word of 64 (Intel SDM volume 3, chapter 6; 29
 * and 30 are in AMD's APM volume 2); the others get a zero. The vector goes into the upper half.
 */
    .globl entry_vectors
    .balign 16
entry_vectors:
    .set vector, 0
    .rept 256
    .balign 16
    .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && \
        vector != 14 && vector != 17 && vector != 21 && vector != 29 && vector != 30
    pushq $0
    .endif
    movl $vector, 4(%rsp)
    .if vector == 1 || vector == 2 || vector == 8 || vector == 18
    jmp entry_ist
    .elseif vector == 7
    jmp entry_device_not_available
    .elseif vector < 32
    jmp entry_exception
    .else
    jmp entry_interrupt
    .endif
    .set vector, vector + 1
    .endr

    .text
/*
 * void machine_switch_stack(uint64_t *prev_rsp, uint64_t next_rsp)
 *
 * What C expects to be preserved goes onto the old stack. The store of RSP is the last use of that
 * stack: as soon as another CPU sees it, it may run the vcpu. So nothing may be pushed after it,
 * and the vcpu's FPU and segments have been saved before (guest_switch_out()).
 */
    .globl machine_switch_stack
    .balign 16
machine_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* Where a new vcpu's first switch arrives, RSP = &stack_top.regs (x86/vmap.c). */
    .globl entry_new_guest, entry_new_loop
entry_new_guest: /* the frame is complete: vcpus run only once they have a context */
    jmp ret_to_guest
entry_new_loop: /* RBX: what the vcpu does, as the idle ones */
    call *%rbx
    ud2

/*
 * void entry_call_on_stack(void *top, void (*fn)(void)): never returns. At boot, to go on as the
 * idle vcpu, whose stack_top has been filled. RBP = 0 ends a walk along the frame pointers.
 */
    .globl entry_call_on_stack
entry_call_on_stack:
    leaq (TOP_REGS - STACK_TOP_SIZE)(%rdi), %rsp
    xorl %ebp, %ebp
    call *%rsi
    ud2

/* error_code and vector of struct cpu_regs, for one PUSH each. */
    .section .rodata
    .balign 8
    .globl syscall_error_and_vector, iret_error_and_vector
syscall_error_and_vector:
    .quad VEC_SYSCALL << 32
iret_error_and_vector:
    .quad VEC_IRET << 32
