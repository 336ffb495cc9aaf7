/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processor state of a PV vcpu and the machine state of a domain: plain data, embedded in
 * struct vcpu and struct domain. pv/ gives it its meaning.
 *
 * There is no lock around struct arch_vcpu. The vcpu itself changes it, in its own hypercalls and
 * traps; anybody else only while the vcpu does not run (not yet up, or paused). Exceptions are
 * pending_work, which is atomic, and single words that may change at any moment: time_area and the
 * entries for 32-bit callers, both plain guest addresses. What lives in the processor while the
 * vcpu runs (segments and their bases, FPU) is in memory only when it does not: see
 * arch_switch_out().
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
#define ALIAS_QUEUE       16

/*
 * The L1 table that the guest kernel has stored to last, and how it was found: pv/pte_emulate.c.
 * It is what a walk would find as long as the root is the same, none of the domain's upper tables
 * has changed since (path_changes), and the entry has the value that it had.
 */
struct store_hint {
    vaddr_t page;       /* at which the guest sees the table */
    mfn_t root;         /* of guest kernel mode; MFN(0): there is no hint */
    uint64_t changes;   /* path_changes, as it was before the walk */
    const pte_t *entry; /* that maps the page, in the direct map */
    pte_t mapping;      /* its value: present, and read-only */
    struct frame *frame;
    pte_t *table; /* the frame's contents, in the direct map */
};

struct arch_vcpu {
    /* Address spaces: type references are held on both tables. */
    mfn_t guest_table;      /* L4 of guest kernel mode; MFN(0): none, before the first context */
    mfn_t guest_table_user; /* L4 of guest user mode; MFN(0): none yet */
    bool kernel_mode;       /* guest kernel or guest user (both run in ring 3) */

    /*
     * Entry points that the guest registered: its own addresses, canonical; 0: none. They are only
     * ever loaded into a frame of ring 3. The two cs are kept for the tools.
     */
    uint64_t event_callback, failsafe_callback, syscall_callback;
    uint64_t syscall32_callback, sysenter_callback;
    uint16_t syscall32_cs, sysenter_cs;
    bool failsafe_masks, syscall_masks, syscall32_masks, sysenter_masks; /* events on entry */
    struct trap_info *traps;       /* by vector, 256 entries, one page; address 0: no handler */
    uint64_t kernel_sp, kernel_ss; /* where entries from guest user mode put their frame */
    /*
     * LODGE_vcpu_area: NULL, or in a page of the guest's on which a writable type reference is
     * held; and where its user mode's SYSCALL enters then, canonical, 0: as without an area.
     */
    struct lodge_vcpu_area *area;
    uint64_t area_entry;

    /* Segments: valid while switched out, then as the guest had them (pv/segments.c). */
    uint64_t fs_base, gs_base_kernel, gs_base_user;
    uint16_t ds, es, fs, gs;
    /* Tables: a type reference (descriptor page) on each frame that the window shows. */
    mfn_t gdt_frames[GDT_GUEST_FRAMES]; /* INVALID_MFN: the page of null descriptors */
    unsigned gdt_entries, ldt_entries;  /* descriptors of 8 bytes; ldt_entries 0: no LDT */
    uint64_t ldt_base;                  /* guest virtual address, page aligned */
    vaddr_t desc_window;                /* in the vmap area */
    uint64_t *desc_gdt_pte;             /* maps our own GDT there, that of the CPU where it runs */
    uint32_t ldt_mapped; /* bit per LDT page in the window; the vcpu's own, or it is stopped */

    uint64_t cr0, cr4;    /* as the guest sees them */
    uint64_t dr[8];       /* breakpoints (0 to 3) are guest addresses: pv/debugreg.c */
    unsigned iopl;        /* virtual: the real one is always 0 */
    bool iopl_shown;      /* VMASST_TYPE_architectural_iopl: in frames, and iret sets it */
    uint64_t iobmp;       /* guest pointer to its I/O bitmap, for its user mode */
    uint32_t iobmp_limit; /* ports that it covers */
    bool debug_active;    /* dr7 has breakpoints enabled: switch debug registers */
    bool debug_ports;     /* and some on ports, which are not the processor's affair */

    void *fpu;        /* XSAVE or FXSAVE area: fpu_area_alloc() */
    uint64_t xcr0;    /* as the guest set it: fpu_xcr0_valid() holds */
    unsigned fpu_cpu; /* 1 + the CPU that loaded the area last, 0: none */
    bool fpu_ts;      /* the guest set TS: #NM is its own */

    uint32_t last_trap, last_trap_error; /* that it was sent, for a report: vector, and where */
    uint64_t last_trap_rip;

    struct store_hint stored; /* the vcpu's own */

    struct frame *alias_queue[ALIAS_QUEUE]; /* held; pv/alias.c */
    unsigned alias_queued;
    uint64_t frame_at; /* pv/alias.h; others read it */

    bool nmi_pending, nmi_masked; /* masked from the NMI's entry to the guest's next iret */
    uint32_t pending_work;        /* WORK_*: looked at before each return to the guest */

    struct vcpu_time_info *time_info; /* inside vcpu_info, which the guest may write; NULL: none */
    uint64_t time_area;               /* guest address registered for a copy, 0: none */
    uint64_t time_area_done;          /* the area that has the values of now */
};

/* What CR3 has, or is to have, while the vcpu runs: the root table of its present mode. */
static inline uint64_t arch_vcpu_cr3(const struct arch_vcpu *a)
{
    return (a->kernel_mode ? a->guest_table : a->guest_table_user).m << PAGE_SHIFT;
}

/* Bits of pending_work. Set with an atomic OR, taken all at once by pv_return_work(). */
#define WORK_NMI      0x1u  /* the guest's NMI handler is due */
#define WORK_DYING    0x2u  /* the domain is being destroyed: park at the guest boundary for good */
#define WORK_STOP     0x4u  /* a reason not to run has been passed over: look at them again */
#define WORK_SELECTOR 0x10u /* a segment register could not be loaded at switch-in */
#define WORK_ALIAS    0x20u /* alias_queue is not empty */
#define WORK_RESTART  0x40u /* of the vcpu's own: hypercall_restart() has been called */
#define WORK_FRAME    0x8u  /* a hypercall replaced the frame: reload all of it (guest_entry.h) */

/*
 * One number of a domain's physical interrupts (pv/pirq.c); the domain's lock. mapped: the number
 * is taken; bound: an event channel is bound to it; level: what the domain said of the GSI;
 * needs_eoi: what the domain is told, true for a level-triggered GSI that is bound.
 */
struct pirq {
    int gsi; /* -1: none, it is an MSI or only reserved */
    int msi; /* handle from irq_msi_bind(), shared by the vectors of one device; -1: none */
    bool mapped, bound, needs_eoi, level;
    bool busy; /* an MSI is being set up for it */
};

#define NR_PIRQS 512

struct range_list; /* pv/permissions.c: I/O memory a domain may map */

#define POLICY_LEAVES 9 /* that say what a guest may use */

struct arch_domain {
    uint64_t vm_assist; /* bits VMASST_TYPE_* that the guest has turned on */
    /* LODGE_F_* that it has negotiated, and where it maps its own memory: pv/lodge.c */
    uint64_t lodge_features, direct_map, direct_map_frames;
    uint8_t *ioport_bitmap; /* 8 KiB, bit set: allowed; NULL: none */
    struct range_list *iomem;
    struct pirq *pirqs;     /* NR_PIRQS, hardware domains only */
    uint64_t *pirq_eoi_map; /* guest page, in the direct map: bit set, EOI needed */
    mfn_t pirq_eoi_mfn;     /* the same page, by the writable type reference that is held on it */
    /* What the toolstack set and reads back; guests read the machine's TSC whatever it says. */
    uint64_t tsc_mode, tsc_offset; /* offset: system time at the guest's time zero, ns */
    uint32_t tsc_khz, tsc_incarnation;
    uint32_t pci_cf8;   /* what a hardware domain last wrote to port CF8 */
    cpumask_t tlb_mask; /* CPUs that may hold translations of this domain; atomic */
    bool policy_set;
    uint32_t policy[POLICY_LEAVES][4]; /* what is left of feature leaves; pv/policy.c */
    struct e820entry *e820;            /* the memory map that the toolstack gave; NULL: none */
    unsigned nr_e820;
    uint64_t path_changes;    /* atomic: of entries of levels 2 to 4, and ends of such tables */
    uint64_t max_gfn;         /* highest frame number seen in M2P updates + 1 */
    mfn_t pv_root_hint;       /* dying: stack of page tables to take apart */
    uint32_t teardown_cursor; /* dying: progress of arch_domain_relinquish */
    uint8_t teardown_stage;
    uint32_t wallclock_version; /* of shared_info's wall clock; our own copy, not the guest's */
};

#endif
