/* SPDX-License-Identifier: MIT */
/*
 * ELF notes with owner "Xen", by which a paravirtual kernel tells its loader how to load it.
 * Constants only, so assembly may include it. A number in a note is 4 or 8 bytes, a string ends
 * with a zero byte.
 */
#ifndef LODGE_PUBLIC_ELFNOTE_H
#define LODGE_PUBLIC_ELFNOTE_H

/*
 * Required for a paravirtual kernel: ENTRY, and XEN_VERSION or GUEST_OS so that it can be told from
 * other programs.
 *
 *   INFO                string  anything, "name=value"
 *   ENTRY               number  where the kernel starts, a virtual address
 *   HYPERCALL_PAGE      number  virtual address of a page that the loader fills with hypercalls
 *   VIRT_BASE           number  virtual address of pseudo-physical 0; 0 if missing
 *   PADDR_OFFSET        number  what has to be subtracted from p_paddr in the program headers to
 *                       get the pseudo-physical address; 0 if missing
 *   XEN_VERSION         string  ABI that the kernel is written for, "xen-3.0"
 *   GUEST_OS            string  name of the operating system
 *   GUEST_VERSION       string  its version
 *   LOADER              string  how to load it, "generic"
 *   PAE_MODE            string  32-bit kernels only
 *   FEATURES            string  feature names of features.h without their prefix, separated by |;
 *                       with ! before those that the kernel cannot do without
 *   BSD_SYMTAB          string  "yes": load the symbol table behind the kernel
 *   HV_START_LOW        number  lowest address at which the hypervisor's range may begin
 *   L1_MFN_VALID        pairs   mask and value by which a non-present L1 entry with a frame is
 *                       known, for the tools that move the domain
 *   SUSPEND_CANCEL      number  1: a cancelled suspension returns 1 from SCHEDOP_shutdown
 *   INIT_P2M            number  virtual address for the p2m array, outside the initial mapping
 *   MOD_START_PFN       number  1: the initrd need not be mapped, see SIF_MOD_START_PFN
 *   SUPPORTED_FEATURES  number  bits of features.h, added to FEATURES
 *   PHYS32_ENTRY        number  physical entry point of a fully virtualized start
 */
#define XEN_ELFNOTE_INFO               0
#define XEN_ELFNOTE_ENTRY              1
#define XEN_ELFNOTE_HYPERCALL_PAGE     2
#define XEN_ELFNOTE_VIRT_BASE          3
#define XEN_ELFNOTE_PADDR_OFFSET       4
#define XEN_ELFNOTE_XEN_VERSION        5
#define XEN_ELFNOTE_GUEST_OS           6
#define XEN_ELFNOTE_GUEST_VERSION      7
#define XEN_ELFNOTE_LOADER             8
#define XEN_ELFNOTE_PAE_MODE           9
#define XEN_ELFNOTE_FEATURES           10
#define XEN_ELFNOTE_BSD_SYMTAB         11
#define XEN_ELFNOTE_HV_START_LOW       12
#define XEN_ELFNOTE_L1_MFN_VALID       13
#define XEN_ELFNOTE_SUSPEND_CANCEL     14
#define XEN_ELFNOTE_INIT_P2M           15
#define XEN_ELFNOTE_MOD_START_PFN      16
#define XEN_ELFNOTE_SUPPORTED_FEATURES 17
#define XEN_ELFNOTE_PHYS32_ENTRY       18
#define XEN_ELFNOTE_MAX                XEN_ELFNOTE_PHYS32_ENTRY

/* Notes in dumps, not in kernels. */
#define XEN_ELFNOTE_CRASH_INFO              0x1000001
#define XEN_ELFNOTE_CRASH_REGS              0x1000002
#define XEN_ELFNOTE_DUMPCORE_NONE           0x2000000
#define XEN_ELFNOTE_DUMPCORE_HEADER         0x2000001
#define XEN_ELFNOTE_DUMPCORE_XEN_VERSION    0x2000002
#define XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION 0x2000003

#endif
