/* SPDX-License-Identifier: MIT */
/*
 * What a kernel finds that is started at its note PHYS32_ENTRY (elfnote.h): EBX holds the physical
 * address of a struct hvm_start_info. The vcpu is in 32-bit protected mode without paging: CS, DS,
 * ES and SS are flat, TR is a busy TSS of limit 0x67, CR0 has PE alone, CR4 is 0, EFLAGS 2. All
 * that the structure points to lies below 4 GiB, outside of the kernel; the kernel may use that
 * memory when it has read it.
 */
#ifndef LODGE_PUBLIC_HVM_START_INFO_H
#define LODGE_PUBLIC_HVM_START_INFO_H

#include <stddef.h>
#include <stdint.h>

#define XEN_HVM_START_MAGIC_VALUE 0x336ec578

/* Types of memory, as in e820. */
#define XEN_HVM_MEMMAP_TYPE_RAM      1
#define XEN_HVM_MEMMAP_TYPE_RESERVED 2
#define XEN_HVM_MEMMAP_TYPE_ACPI     3
#define XEN_HVM_MEMMAP_TYPE_NVS      4
#define XEN_HVM_MEMMAP_TYPE_UNUSABLE 5
#define XEN_HVM_MEMMAP_TYPE_DISABLED 6
#define XEN_HVM_MEMMAP_TYPE_PMEM     7

struct hvm_start_info {
    uint32_t magic;   /* XEN_HVM_START_MAGIC_VALUE */
    uint32_t version; /* 1 */
    uint32_t flags;   /* SIF_* (startinfo.h) */
    uint32_t nr_modules;
    uint64_t modlist_paddr; /* of struct hvm_modlist_entry: the first is the ramdisk */
    uint64_t cmdline_paddr; /* 0: none; ends with a zero byte */
    uint64_t rsdp_paddr;    /* 0: there is no ACPI */
    /* From version 1 on. */
    uint64_t memmap_paddr; /* of struct hvm_memmap_table_entry */
    uint32_t memmap_entries;
    uint32_t reserved; /* 0 */
};
_Static_assert(sizeof(struct hvm_start_info) == 56, "hvm_start_info");
_Static_assert(offsetof(struct hvm_start_info, memmap_paddr) == 40, "hvm_start_info.memmap");

struct hvm_modlist_entry {
    uint64_t paddr;
    uint64_t size;          /* bytes */
    uint64_t cmdline_paddr; /* 0: none */
    uint64_t reserved;      /* 0 */
};
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "hvm_modlist_entry");

struct hvm_memmap_table_entry {
    uint64_t addr;
    uint64_t size;     /* bytes */
    uint32_t type;     /* XEN_HVM_MEMMAP_TYPE_* */
    uint32_t reserved; /* 0 */
};
_Static_assert(sizeof(struct hvm_memmap_table_entry) == 24, "hvm_memmap_table_entry");

#endif
