/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a fully virtualized domain, as its kernel finds it: builder_hvm_layout.c, which is
 * arithmetic and bytes. Frame numbers are the guest's own.
 *
 *   from 0         memory; within it the kernel where it wants to be, then the page with
 *                  hvm_start_info and all that it points to, then the ramdisk
 *   from 0xfc000   what is no memory: ACPI tables
 *   up to 0xff000  pages for the store, the console, ...: the numbers are those of Xen's tools
 *   from 0x100000  the rest of the memory
 */
#ifndef LODGE_BUILDER_HVM_H
#define LODGE_BUILDER_HVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HVM_HOLE     0xfc000UL  /* no memory from here, */
#define HVM_HOLE_END 0x100000UL /* to 4 GiB */
#define HVM_ACPI     HVM_HOLE
#define HVM_SPECIAL  0xfeff8UL
#define HVM_SPECIALS 8UL
#define HVM_SCRATCH  (HVM_SPECIAL + 0) /* where the tools may have a page for a moment */
#define HVM_STORE    (HVM_SPECIAL + 4)
#define HVM_CONSOLE  (HVM_SPECIAL + 7)
#define HVM_MAX_ACPI 16UL /* pages */

struct hvm_layout_input {
    uint64_t pstart, pend; /* of the kernel, on page boundaries; pstart < pend <= 4 GiB */
    uint64_t ramdisk_size; /* bytes, 0: none */
    uint64_t pages;        /* the domain's memory */
};

/* pstart..pend, start_info and the ramdisk do not overlap, and end at or before `end`. */
struct hvm_layout {
    uint64_t start_info;             /* the frame behind the kernel */
    uint64_t ramdisk, ramdisk_pages; /* no meaning without a ramdisk */
    uint64_t end;                    /* first frame that nothing occupies */
};

/* The frame number of the pfn-th page of memory. */
static inline uint64_t hvm_place(uint64_t pfn)
{
    return pfn < HVM_HOLE ? pfn : pfn + (HVM_HOLE_END - HVM_HOLE);
}

/*
 * 0, or -ENOMEM with layout->end saying how many pages of memory it would need, or -E2BIG: it does
 * not fit below the hole.
 */
int hvm_layout_make(struct hvm_layout *layout, const struct hvm_layout_input *in);

/* At most this many bytes of command line, with the zero byte. */
#define HVM_CMDLINE 1024

struct hvm_start {
    uint64_t address;               /* of the page, in the guest */
    uint64_t ramdisk, ramdisk_size; /* address and bytes; 0 bytes: none */
    uint64_t pages;                 /* the domain's memory */
    uint64_t acpi_pages;            /* 0: there is no ACPI */
    const char *cmdline;            /* or NULL; shorter than HVM_CMDLINE */
};

/* Fill a page of 4096 bytes that is all zeroes: hvm_start_info first. */
void hvm_start_info_fill(void *page, const struct hvm_start *start);

#endif
