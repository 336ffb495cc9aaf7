/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes small kernels for tests: an ELF64 with one or two segments and notes, in memory.
 */
#ifndef LODGE_TEST_KERNEL_H
#define LODGE_TEST_KERNEL_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_VIRT  0xffffffff80000000UL
#define KERNEL_PADDR 0x100000UL
#define KERNEL_TEXT  0x3000UL /* bytes in the file, and 0x1800 of zeroes behind them */
#define KERNEL_MEM   0x4800UL
#define KERNEL_SIZE  0x8000UL
#define KERNEL_NOTES 0x800UL /* where the notes are in the file */

/* A kernel under construction: change what is to be wrong, then use `bytes`. */
struct kernel {
    uint8_t bytes[KERNEL_SIZE];
    Elf64_Ehdr *eh;
    Elf64_Phdr *ph; /* [0] PT_LOAD, [1] PT_NOTE; there is room for a third */
    size_t notes;   /* bytes of notes so far */
};

/* A good PV kernel of Linux's kind: ENTRY, VIRT_BASE, INIT_P2M, MOD_START_PFN and more. */
void kernel_linux(struct kernel *k);
/* The same file without any notes. */
void kernel_bare(struct kernel *k);
void kernel_note(struct kernel *k, uint32_t type, const void *desc, uint32_t size);
void kernel_note_number(struct kernel *k, uint32_t type, uint64_t value);
void kernel_note_text(struct kernel *k, uint32_t type, const char *text);
/* Turn the notes' segment into a section __xen_guest with this text. */
void kernel_legacy(struct kernel *k, const char *text);
/* Turn the notes' segment into an SHT_NOTE section. */
void kernel_notes_in_section(struct kernel *k);

/* Wrap `packed` as the payload of a bzImage. Returns fresh memory. */
uint8_t *kernel_bzimage(const void *packed, size_t size, size_t *out_size);

#endif
