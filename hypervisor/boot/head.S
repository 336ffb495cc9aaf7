/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From GRUB's jump (32-bit protected mode, paging off) to boot_main() in long mode, and from an
 * application processor's first instruction (real mode) to smp_ap_main(). Both use the same early
 * tables: the low 4 GiB at address 0, at IMAGE_START and at DIRECT_START.
 *
 * The identity mapping is for the instructions that turn paging on and the jump after them; the two
 * others let C use its linked addresses and phys_to_virt() from the first line. All of it is
 * writable and executable, until paging_init() has built the final tables. These stay, though: a
 * processor that starts later comes through them, and paging_init() puts the final upper slots into
 * them, so that its stack is there when it arrives.
 *
 * Until the jump to high addresses symbols are used through PHYS(), as the code does not run where
 * it is linked. CR0, CR4 and EFER get the least that is needed; cpu_init_this() completes them.
 */
#include <asm-offsets.h>
#include <x86/layout.h>

#define PHYS(sym) (sym - IMAGE_START)
#define TRAMPOLINE 0x8000 /* physical; below 1 MiB, page aligned (x86/smp_start.c) */

#define BOOT_CS32 0x08
#define BOOT_DS   0x10
#define BOOT_CS64 0x18

/* Within the first 32 KiB of the file: Multiboot2 specification, section 3.1. */
    .section .multiboot, "a", @progbits
    .balign 8
multiboot2_header:
    .long 0xe85250d6
    .long 0 /* i386 */
    .long multiboot2_end - multiboot2_header
    .long -(0xe85250d6 + (multiboot2_end - multiboot2_header))

    .balign 8
    .word 1, 0 /* information request: command line, modules, memory map, both RSDP copies */
    .long 8 + 5 * 4
    .long 1, 3, 6, 14, 15
    .balign 8
    .word 3, 0 /* entry address */
    .long 12
    .long PHYS(boot_entry)
    .balign 8
    .word 6, 0 /* modules on page boundaries */
    .long 8
    .balign 8
    .word 0, 0
    .long 8
multiboot2_end:

/*
 * The state in section 3.3 of that specification: EAX = magic, EBX = physical address of the
 * information, flat segments whose table may be gone, interrupts off, no stack. Both values travel
 * in EDI and ESI, where C takes its first two arguments.
 */
    .section .init.text, "ax", @progbits
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    movl %eax, %edi /* magic */
    movl %ebx, %esi /* information */
    movl $PHYS(boot_stack_end), %esp

    /* Long mode and NX, or there is no point in going on. */
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    andl $((1 << 29) | (1 << 20)), %edx
    cmpl $((1 << 29) | (1 << 20)), %edx
    jne no_long_mode

    /* Four L2 tables of 2 MiB pages; the L3 names them; three slots of the L4 name the L3. */
    movl $PHYS(boot_l2), %ebx
    movl $0xe3, %eax /* P W A D PS */
    movl $2048, %ecx
1:  movl %eax, (%ebx)
    movl $0, 4(%ebx)
    addl $0x200000, %eax
    addl $8, %ebx
    loop 1b
    movl $PHYS(boot_l3), %ebx
    movl $(PHYS(boot_l2) + 0x23), %eax
    movl $4, %ecx
2:  movl %eax, (%ebx)
    addl $4096, %eax
    addl $8, %ebx
    loop 2b
    movl $(PHYS(boot_l3) + 0x23), %eax
    movl %eax, PHYS(boot_l4)
    movl %eax, PHYS(boot_l4) + 8 * 258
    movl %eax, PHYS(boot_l4) + 8 * 262

    lgdtl PHYS(boot_gdt_pointer)
    call enter_long_mode
    ljmpl $BOOT_CS64, $PHYS(boot_low64)

/* To whatever shows it: the corner of a VGA text screen, and the first serial port. */
no_long_mode:
    movl $PHYS(no_long_mode_text), %esi
    movl $0xb8000, %edi
3:  lodsb
    testb %al, %al
    jz 4f
    movb %al, %cl
    stosb
    movb $7, %al
    stosb
    movw $0x3f8, %dx
    movb %cl, %al
    outb %al, %dx
    jmp 3b
4:  hlt
    jmp 4b

/* PAE, the early tables, LME and NX, then paging with write protection. */
enter_long_mode:
    movl $0x20, %eax
    movl %eax, %cr4
    movl $PHYS(boot_l4), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x901, %eax /* NXE LME SCE */
    wrmsr
    movl $0x80010033, %eax /* PG WP NE ET MP PE */
    movl %eax, %cr0
    ret

    .code64
boot_low64:
    movabsq $boot_high64, %rax
    jmp *%rax
/* boot_stack is aligned as every stack is, so stack_top() works on it (x86/regs.h). */
boot_high64:
    movabsq $boot_stack_end, %rsp
    subq $(STACK_TOP_SIZE - TOP_REGS), %rsp
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    xorl %ebp, %ebp
    movl %edi, %edi
    movl %esi, %esi
    call boot_main
    ud2

/*
 * An application processor: copied to TRAMPOLINE, where its segment is TRAMPOLINE >> 4. It starts
 * in real mode at offset 0 of that segment (Intel SDM volume 3, chapter 8), and finds all it needs
 * in this page: a GDT, what to load into CR3, and its stack pointer, which x86/smp_start.c writes for
 * each processor in turn. It passes through protected mode as the boot CPU did.
 */
#define LOW(sym) (sym - smp_trampoline + TRAMPOLINE)
    .section .text.entry, "ax", @progbits
    .code16
    .globl smp_trampoline, smp_trampoline_stack, smp_trampoline_end
    .balign 16
smp_trampoline:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl LOW(ap_gdt_pointer)
    movl $0x11, %eax /* ET PE; and the caches, which INIT leaves off, on */
    movl %eax, %cr0
    ljmpl $BOOT_CS32, $LOW(ap_32)
    .code32
ap_32:
    movl $BOOT_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $0x20, %eax
    movl %eax, %cr4
    movl LOW(ap_cr3), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x901, %eax
    wrmsr
    movl $0x80010033, %eax
    movl %eax, %cr0
    ljmpl $BOOT_CS64, $LOW(ap_64)
    .code64
ap_64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movq LOW(smp_trampoline_stack), %rsp
    xorl %ebp, %ebp
    movabsq $smp_ap_main, %rax
    call *%rax
    ud2
    .balign 8
ap_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
ap_gdt_pointer:
    .word 31
    .long LOW(ap_gdt)
    .balign 8
ap_cr3:
    .quad PHYS(boot_l4)
smp_trampoline_stack:
    .quad 0
smp_trampoline_end:

    .section .init.data, "aw", @progbits
no_long_mode_text:
    .asciz "Lodge needs a 64-bit processor with NX."
    .balign 8
boot_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
boot_gdt_pointer:
    .word 31
    .long PHYS(boot_gdt)

/* Cleared by the boot loader, as all of .bss: absent entries are zero. */
    .section .bss.page_aligned, "aw", @nobits
    .balign STACK_SIZE
    .globl boot_stack_end, boot_l4, boot_l3
boot_stack:
    .skip STACK_SIZE
boot_stack_end:
boot_l4:
    .skip 4096
boot_l3:
    .skip 4096
boot_l2:
    .skip 4 * 4096
