/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things are in the hypervisor's sixteen L4 slots (see hypervisor/README.md). Included by
 * assembly, too: plain numbers only. Guests have the lower half and everything from HV_END on.
 */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#define HV_L4_FIRST 256
#define HV_L4_COUNT 16

#define HV_START     0xffff800000000000
#define M2P_START    0xffff800000000000 /* part of the guest ABI */
#define M2P_RW_START 0xffff804000000000 /* the same table, writable, not for guests */
#define FRAMES_START 0xffff808000000000
#define IMAGE_START  0xffff810000000000 /* + physical load address */
#define STUBS_START  0xffff810040000000 /* SYSCALL stub and its data page, per CPU */
#define VMAP_START   0xffff818000000000
#define VMAP_END     0xffff820000000000
#define DIRECT_START 0xffff830000000000
#define DIRECT_END   0xffff880000000000
#define HV_END       0xffff880000000000

#define STACK_SIZE     16384 /* with its guard page, and its alignment */
#define STACK_TOP_SIZE 1520  /* sizeof(struct stack_top), checked in x86/cpu.c */

/* Selectors of the hypervisor in GDT pages 14 and 15 (FIRST_RESERVED_GDT_BYTE = 0xe000). */
#define SEL_HV_CS     0xe008
#define SEL_HV_DS     0xe010
#define SEL_USER_CS32 0xe023
#define SEL_USER_DS   0xe02b
#define SEL_USER_CS64 0xe033
#define SEL_TSS       0xe040 /* 16 bytes */
#define SEL_LDT       0xe050 /* 16 bytes */

#endif
