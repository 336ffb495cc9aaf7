/* SPDX-License-Identifier: GPL-2.0-only */
/* First instruction of a test guest, its notes, and the entries that the hypervisor bounces to. */
#include <public/elfnote.h>

#define NOTE(type, ...) \
    .pushsection .note.Xen, "a", @note; .balign 4; \
    .long 4, 8f - 7f, type; .asciz "Xen"; \
    7: __VA_ARGS__; 8: .balign 4; .popsection

NOTE(XEN_ELFNOTE_GUEST_OS, .asciz "lodge-test")
NOTE(XEN_ELFNOTE_GUEST_VERSION, .asciz "1")
NOTE(XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0")
NOTE(XEN_ELFNOTE_LOADER, .asciz "generic")
NOTE(XEN_ELFNOTE_PAE_MODE, .asciz "yes")
NOTE(XEN_ELFNOTE_VIRT_BASE, .quad 0)
NOTE(XEN_ELFNOTE_PADDR_OFFSET, .quad 0)
NOTE(XEN_ELFNOTE_ENTRY, .quad _start)
NOTE(XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page)
NOTE(XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb")
NOTE(XEN_ELFNOTE_SUPPORTED_FEATURES, .quad 1 << 11) /* may be dom0 */
NOTE(XEN_ELFNOTE_HV_START_LOW, .quad 0xffff800000000000)

    .text
    .globl _start
_start:
    cld
    lea kit_stack_top(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call kit_main
1:  jmp 1b

/*
 * Entries from the hypervisor. Each frame begins with rcx and r11; the stubs add the vector and an
 * error code where there is none, save the rest, call kit_trap(struct kit_frame *), and leave by
 * the iret hypercall.
 */
    .macro STUB vector error
    .globl kit_entry_\vector
kit_entry_\vector:
    pop %rcx
    pop %r11
    .if !\error
    push $0
    .endif
    push $\vector
    jmp kit_common
    .endm

    .altmacro
    .macro STUB_N n
    .if (\n == 8) || ((\n >= 10) && (\n <= 14)) || (\n == 17)
    STUB \n 1
    .else
    STUB \n 0
    .endif
    .endm
    .set n, 0
    .rept 32
    STUB_N %n
    .set n, n + 1
    .endr
    STUB 128 0  /* int 0x80 */
    .pushsection .rodata
    .balign 8
    .globl kit_entry_table
kit_entry_table:
    .macro ENTRY_N n
    .quad kit_entry_\n
    .endm
    .set n, 0
    .rept 32
    ENTRY_N %n
    .set n, n + 1
    .endr
    .quad kit_entry_128
    .popsection
    STUB 129 0  /* event */
    STUB 130 0  /* syscall */

    .globl kit_entry_failsafe
kit_entry_failsafe:
    pop %rcx
    pop %r11
    add $32, %rsp /* ds, es, fs, gs */
    push $0
    push $131
    jmp kit_common

kit_common:
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    cld
    call kit_trap
    mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp /* vector, error code */
    push $0       /* flags of the iret frame */
    push %rcx
    push %r11
    push %rax
    mov $23, %eax
    syscall
    ud2

/* r11 becomes the vcpu's kit_try.fixup (kit.h); all registers but the flags are kept. The vcpu is
 * found by its stack, as kit_vcpu_id() does. */
    .globl kit_try_set
kit_try_set:
    push %rax
    mov %rsp, %rax
    sub $kit_stacks, %rax
    cmp $8 * 32768, %rax
    jb 1f
    xor %eax, %eax
1:  shr $15, %rax
    shl $4, %rax
    mov %r11, kit_tries(%rax)
    pop %rax
    ret

/* kit_probe(rw, address, value): 1 when the access went through, 0 when it trapped (kit_trap sends
 * the instruction pointer from probe_insn to probe_failed). */
    .globl kit_probe_read, kit_probe_write
kit_probe_read:
    mov (%rdi), %rax
kit_probe_read_done:
    mov %rax, (%rsi)
    mov $1, %eax
    ret
kit_probe_write:
    mov %rsi, (%rdi)
kit_probe_write_done:
    mov $1, %eax
    ret
    .globl kit_probe_failed
kit_probe_failed:
    xor %eax, %eax
    ret
    .globl kit_probe_start, kit_probe_end
    .set kit_probe_start, kit_probe_read
    .set kit_probe_end, kit_probe_failed

/* kit_secondary: where a second vcpu starts, with rdi and rsp set by the context. */
    .globl kit_secondary
kit_secondary:
    cld
    xor %ebp, %ebp
    call kit_secondary_main
1:  jmp 1b

/* kit_child_entry: where a child domain starts; rsi is its start_info, rdi and rdx go to
 * kit_child_main. */
    .globl kit_child_entry
kit_child_entry:
    cld
    lea kit_stack_top(%rip), %rsp
    xor %ebp, %ebp
    xchg %rsi, %rdi
    call kit_child_main
1:  jmp 1b

/* kit_user_enter(fn, arg, rsp, rflags): run fn(arg) in user mode; returns what it returned. */
    .globl kit_user_enter, kit_user_done, kit_user_saved_rsp
kit_user_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, kit_user_saved_rsp(%rip)
    push $0xe02b
    push %rdx
    push %rcx
    push $0xe033
    lea user_start(%rip), %rax
    push %rax
    push $0
    push %rcx
    push %r11
    push %rax
    mov $23, %eax
    syscall
    ud2
kit_user_done:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
user_start:
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    mov %rax, %rdi
    mov $0x1e17, %eax
    syscall
    ud2

    .section .bss
    .balign 32768
    .globl kit_stacks, kit_stack_top
kit_stacks:
    .skip 32768
kit_stack_top:
    .skip 7 * 32768
kit_user_saved_rsp:
    .skip 8

    .text
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096, 0x90
    .section .note.GNU-stack, "", @progbits
