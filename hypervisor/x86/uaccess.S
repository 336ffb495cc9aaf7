/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies to and from the guest: the range check, SMAP opened and closed, and a fault at any of the
 * marked instructions turned into -EFAULT. Also the reads and writes of machine registers that may
 * not exist, which fail in the same way.
 *
 * What a hostile guest tries here: an address of the hypervisor (the range check, on the sum as
 * well, with its carry); an address that faults in the middle (the exception table); a page that
 * another of its vcpus changes or unmaps meanwhile (the copy faults or has either value: the caller
 * validates its copy and does not look again); a page that is not its own (its page tables hold
 * only what it may map, see pv/page_types.c). The hypervisor cannot write where the guest could
 * not, as CR0.WP is set.
 *
 * Between the two SMAP sites, and nowhere else in the hypervisor, AC is set. A fault there goes
 * through entry.S, which clears it; the frame has it set, so a fault that is retried finds it as it
 * was, and the fix-up clears it for good.
 */
#include <asm-offsets.h>
#include <x86/layout.h>
#include <x86/macros.inc>

/*
 * Go to uaccess_bad unless [va, va + n) is the guest's; uses RAX and RCX (guest_range_ok). The
 * upper part begins at HV_END and ends with the address space: without a carry the sum is in it.
 */
.macro CHECK_RANGE va, n
    movq \va, %rax
    addq \n, %rax
    jc uaccess_bad
    movabsq $HV_END, %rcx
    cmpq %rcx, \va
    jae 772f
    movabsq $0x0000800000000000, %rcx
    cmpq %rcx, %rax
    ja uaccess_bad
772:
.endm

    .text
/* int copy_from_guest(void *dst, vaddr_t src, size_t n) */
    .globl copy_from_guest
    .balign 16
copy_from_guest:
    CHECK_RANGE %rsi, %rdx
uaccess_copy: /* RDX bytes from RSI to RDI, one of which is the guest's */
    movq %rdx, %rcx
    shrq $3, %rcx
    andl $7, %edx
    SMAP_SITE 1
1:  rep movsq
    movl %edx, %ecx
2:  rep movsb
    SMAP_SITE 0
    xorl %eax, %eax
    ret
    EXTABLE 1b, uaccess_fault
    EXTABLE 2b, uaccess_fault

/* int copy_to_guest(vaddr_t dst, const void *src, size_t n) */
    .globl copy_to_guest
    .balign 16
copy_to_guest:
    CHECK_RANGE %rdi, %rdx
    jmp uaccess_copy

/* int put_guest_u64(vaddr_t dst, uint64_t v) */
    .globl put_guest_u64
    .balign 16
put_guest_u64:
    CHECK_RANGE %rdi, $8
    SMAP_SITE 1
1:  movq %rsi, (%rdi)
    SMAP_SITE 0
    xorl %eax, %eax
    ret
    EXTABLE 1b, uaccess_fault

/* From the exception, with the RSP that the function had at the fault: RET leaves that function. */
uaccess_fault:
    SMAP_SITE 0
uaccess_bad:
    movl $HYPERCALL_EFAULT, %eax
    ret

/* The processor answers a register that it does not have, or a value it refuses, with #GP. */
/* int rdmsr_safe(uint32_t msr, uint64_t *v) */
    .globl rdmsr_safe
rdmsr_safe:
    movl %edi, %ecx
1:  rdmsr
    shlq $32, %rdx
    movl %eax, %eax
    orq %rdx, %rax
    movq %rax, (%rsi)
    xorl %eax, %eax
    ret
    EXTABLE 1b, uaccess_bad

/* int wrmsr_safe(uint32_t msr, uint64_t v) */
    .globl wrmsr_safe
wrmsr_safe:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
1:  wrmsr
    xorl %eax, %eax
    ret
    EXTABLE 1b, uaccess_bad
