/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a PV vcpu and of a PV domain, beyond what all types have (x86/vcpu.h): plain data
 * for core/domain.h, which embeds it, so it includes nothing else of pv/.
 *
 * There is no lock around struct pv_vcpu. The vcpu itself changes it, in its own hypercalls and
 * traps; anybody else only while the vcpu does not run (not yet up, or paused). Exceptions are
 * single words that may change at any moment: the entries for 32-bit callers, plain guest
 * addresses. Segments and their bases are the processor's while the vcpu runs, and in memory only
 * when it does not: see pv/segments.c.
 */
#ifndef PV_VCPU_H
#define PV_VCPU_H

#include <lib/types.h>
#include <x86/vcpu.h>

struct frame;

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

struct pv_vcpu {
    /*
     * Address spaces: type references are held on both tables. arch.kernel_mode says which one is
     * loaded while the vcpu runs, guest kernel's or guest user's (both run in ring 3).
     */
    mfn_t guest_table;      /* L4 of guest kernel mode; MFN(0): none, before the first context */
    mfn_t guest_table_user; /* L4 of guest user mode; MFN(0): none yet */

    /*
     * Entry points that the guest registered: its own addresses, canonical; 0: none. They are only
     * ever loaded into a frame of ring 3. The two cs are kept for the tools.
     */
    uint64_t event_callback, failsafe_callback, syscall_callback;
    uint64_t syscall32_callback, sysenter_callback;
    uint16_t syscall32_cs, sysenter_cs;
    bool failsafe_masks, syscall_masks, syscall32_masks, sysenter_masks; /* events on entry */
    bool nmi_pending, nmi_masked;  /* masked from the NMI's entry to the guest's next iret */
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
    unsigned iopl;        /* virtual: the real one is always 0 */
    bool iopl_shown;      /* VMASST_TYPE_architectural_iopl: in frames, and iret sets it */
    uint64_t iobmp;       /* guest pointer to its I/O bitmap, for its user mode */
    uint32_t iobmp_limit; /* ports that it covers */

    uint32_t last_trap, last_trap_error; /* that it was sent, for a report: vector, and where */
    uint64_t last_trap_rip;

    struct store_hint stored; /* the vcpu's own */

    struct frame *alias_queue[ALIAS_QUEUE]; /* held; pv/alias.c */
    unsigned alias_queued;
    uint64_t frame_at; /* pv/alias.h; others read it */
};

/* PV's bits of arch.pending_work, which pv_return_work() takes. */
#define WORK_NMI      0x10u /* the guest's NMI handler is due */
#define WORK_SELECTOR 0x20u /* a segment register could not be loaded at switch-in */
#define WORK_ALIAS    0x40u /* alias_queue is not empty */
#define WORK_FRAME    0x80u /* a hypercall replaced the frame: reload all of it (guest_entry.h) */
_Static_assert(((WORK_NMI | WORK_SELECTOR | WORK_ALIAS | WORK_FRAME) & ~WORK_OF_TYPE) == 0, "bits");

struct pv_domain {
    /* LODGE_F_* that it has negotiated, and where it maps its own memory: pv/lodge.c */
    uint64_t lodge_features, direct_map, direct_map_frames;
    uint64_t path_changes;    /* atomic: of entries of levels 2 to 4, and ends of such tables */
    uint64_t max_gfn;         /* highest frame number seen in M2P updates + 1 */
    mfn_t orphans;            /* dying: stack of page tables to take apart */
    uint32_t teardown_cursor; /* dying: progress of its pv_domain_relinquish() */
    uint8_t teardown_stage;
};

#endif
