/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processor state of a PV vcpu and the machine state of a domain: plain data, embedded in
 * struct vcpu and struct domain. pv/ gives it its meaning.
 */
#ifndef X86_VCPU_H
#define X86_VCPU_H

#include <core/frame.h>
#include <core/spinlock.h>
#include <lib/types.h>
#include <public/xen.h>
#include <x86/page.h>

#define GDT_GUEST_FRAMES 14
#define LDT_FRAMES       16
/* A vcpu's window in the vmap area: 16 pages of GDT (14 guest, 2 ours), then 16 of LDT. */
#define DESC_WINDOW_PAGES 32

struct arch_vcpu {
    /* Address spaces: type references are held on both tables. */
    mfn_t guest_table;      /* L4 of guest kernel mode */
    mfn_t guest_table_user; /* L4 of guest user mode; MFN(0): none yet */
    uint64_t cr3;           /* what to load: one of the two, as an address */
    bool kernel_mode;       /* guest kernel or guest user (both run in ring 3) */

    /* Entry points that the guest registered. */
    uint64_t event_callback, failsafe_callback, syscall_callback;
    uint64_t syscall32_callback, sysenter_callback;
    uint16_t syscall32_cs, sysenter_cs;
    bool failsafe_masks, syscall_masks, syscall32_masks, sysenter_masks; /* events on entry */
    struct trap_info *traps;                                             /* 256 entries, one page */
    uint64_t kernel_sp, kernel_ss;

    /* Segments. */
    uint64_t fs_base, gs_base_kernel, gs_base_user;
    uint16_t ds, es, fs, gs;
    mfn_t gdt_frames[GDT_GUEST_FRAMES];
    unsigned gdt_entries, ldt_entries;
    uint64_t ldt_base;      /* guest virtual address */
    vaddr_t desc_window;    /* in the vmap area */
    uint64_t *desc_gdt_pte; /* maps our own GDT there, that of the CPU where it runs */
    uint32_t ldt_mapped;    /* bit per LDT page in the window; the vcpu's own, or it is stopped */

    uint64_t cr0, cr4; /* as the guest sees them */
    uint64_t dr[8];
    unsigned iopl;  /* virtual */
    uint64_t iobmp; /* guest pointer to its I/O bitmap */
    uint32_t iobmp_limit;
    bool debug_active; /* dr7 has breakpoints enabled: switch debug registers */

    void *fpu; /* XSAVE or FXSAVE area */
    uint64_t xcr0;
    unsigned fpu_cpu; /* 1 + the CPU that loaded the area last, 0: none */
    bool fpu_ts;      /* the guest set TS: #NM is its own */

    bool nmi_pending, nmi_masked;
    uint32_t pending_work; /* WORK_*: looked at before each return to the guest */

    struct vcpu_time_info *time_info; /* inside vcpu_info; NULL: not mapped */
    uint64_t time_area;               /* guest address registered for a copy, 0: none */
    uint64_t time_area_done;          /* the area that has the values of now */
};

#define WORK_NMI      0x1u
#define WORK_DYING    0x2u
#define WORK_IRET_RAX 0x4u  /* iret: the rax of the guest is the value HYPERCALL_RESTART */
#define WORK_SELECTOR 0x10u /* a segment register could not be loaded at switch-in */
#define WORK_FRAME    0x8u /* a hypercall replaced the frame: reload all registers (guest_entry.h) */

struct pirq {
    int gsi; /* -1: MSI */
    int msi; /* handle from irq_msi_bind, -1: none */
    bool mapped, bound, needs_eoi, level;
};

#define NR_PIRQS 512

struct range_list; /* pv/permissions.c: I/O memory a domain may map */

struct arch_domain {
    uint64_t vm_assist;
    uint8_t *ioport_bitmap; /* 8 KiB, bit set: allowed; NULL: none */
    struct range_list *iomem;
    struct pirq *pirqs;     /* NR_PIRQS, hardware domains only */
    uint64_t *pirq_eoi_map; /* guest page: bit set, EOI needed */
    mfn_t pirq_eoi_mfn;
    bool auto_unmask;
    uint64_t tsc_mode, tsc_offset;
    uint32_t tsc_khz, tsc_incarnation;
    uint32_t pci_cf8;
    cpumask_t tlb_mask; /* CPUs that may hold translations of this domain; atomic */
    void *cpu_policy;   /* leaves and MSRs set by the toolstack; pv/cpuid.c */
    struct e820entry *e820;
    unsigned nr_e820;
    uint64_t max_gfn;         /* highest frame number seen in M2P updates + 1 */
    mfn_t pv_root_hint;       /* dying: stack of page tables to take apart */
    uint32_t teardown_cursor; /* dying: progress of arch_domain_relinquish */
    uint8_t teardown_stage;
    uint32_t wallclock_version;
};

#endif
