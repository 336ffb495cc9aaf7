/* SPDX-License-Identifier: MIT */
/*
 * What the ABI takes from x86-64: selectors, the machine-to-physical table, trap tables, the
 * register frames, a vcpu's complete context, CPUID and MSR records.
 *
 * A paravirtual kernel and its user programs both run in ring 3, told apart by which page table is
 * loaded: kernel mode has the kernel L4 and, in the guest's view, privilege level 0; user mode has
 * the user L4. The hypervisor enters the kernel for exceptions, events and `syscall` from user
 * mode, always on the stack from stack_switch when it was in user mode, and on the current one when
 * it was not.
 *
 * The frame of an exception, from the stack pointer upwards: RCX, R11, the error code where the
 * exception has one, RIP, CS, RFLAGS, RSP, SS. RCX and R11 are there because the hypervisor leaves
 * by SYSRET where it can. In the saved CS the privilege level says which mode was interrupted (0
 * for the kernel, 3 for user), and bits 63:32 of that word hold the event mask from before. In the
 * saved RFLAGS IF is the inverse of that mask.
 */
#ifndef LODGE_PUBLIC_ARCH_H
#define LODGE_PUBLIC_ARCH_H

#include "handles.h"

/*
 * set_gdt(frames, entries): replace the vcpu's global descriptor table.
 *
 *   frames   IN  array of machine frames, (entries + 511) / 512 of them
 *   entries  IN  at most FIRST_RESERVED_GDT_ENTRY
 *
 * A GDT has sixteen pages. The last two are the hypervisor's and the same in every table, so that a
 * guest can use the flat segments below without a GDT of its own. The frames become type GDT: each
 * descriptor is checked, and no writable mapping may exist. Refused (-EINVAL): gates and other
 * system descriptors, and 16-bit segments. A privilege level below 3 becomes 3 in the stored
 * descriptor.
 *
 * update_descriptor(address, value) writes one 8-byte entry, named by its machine address, of a
 * frame that is a GDT, an LDT or plain writable, with the same check.
 */
#define FIRST_RESERVED_GDT_PAGE  14
#define FIRST_RESERVED_GDT_BYTE  (FIRST_RESERVED_GDT_PAGE * 4096)
#define FIRST_RESERVED_GDT_ENTRY (FIRST_RESERVED_GDT_BYTE / 8)

/*
 * Flat segments that exist in every GDT, the guest's own or not. CS64 runs 64-bit code, CS32 code
 * of 32-bit programs. In 64-bit mode data segments may be null.
 */
#define FLAT_RING3_CS32 0xe023
#define FLAT_RING3_CS64 0xe033
#define FLAT_RING3_DS32 0xe02b
#define FLAT_RING3_DS64 0x0000
#define FLAT_RING3_SS32 0xe02b
#define FLAT_RING3_SS64 0xe02b

#define FLAT_KERNEL_DS64 FLAT_RING3_DS64
#define FLAT_KERNEL_DS32 FLAT_RING3_DS32
#define FLAT_KERNEL_DS   FLAT_KERNEL_DS64
#define FLAT_KERNEL_CS64 FLAT_RING3_CS64
#define FLAT_KERNEL_CS32 FLAT_RING3_CS32
#define FLAT_KERNEL_CS   FLAT_KERNEL_CS64
#define FLAT_KERNEL_SS64 FLAT_RING3_SS64
#define FLAT_KERNEL_SS32 FLAT_RING3_SS32
#define FLAT_KERNEL_SS   FLAT_KERNEL_SS64

#define FLAT_USER_DS64 FLAT_RING3_DS64
#define FLAT_USER_DS32 FLAT_RING3_DS32
#define FLAT_USER_DS   FLAT_USER_DS64
#define FLAT_USER_CS64 FLAT_RING3_CS64
#define FLAT_USER_CS32 FLAT_RING3_CS32
#define FLAT_USER_CS   FLAT_USER_CS64
#define FLAT_USER_SS64 FLAT_RING3_SS64
#define FLAT_USER_SS32 FLAT_RING3_SS32
#define FLAT_USER_SS   FLAT_USER_SS64

/*
 * Virtual addresses that a guest leaves alone: L4 slots 256 to 271, 8 TiB. The machine-to-physical
 * table at their beginning may be read by the kernel: entry n is the frame number that machine
 * frame n has in its owner's pseudo-physical memory, or garbage for a frame without an owner. Pages
 * of it that cover no memory are not mapped, so a reader expects faults. XENMEM_machphys_mapping
 * tells its size.
 */
#define __HYPERVISOR_VIRT_START 0xFFFF800000000000
#define __HYPERVISOR_VIRT_END   0xFFFF880000000000
#define __MACH2PHYS_VIRT_START  0xFFFF800000000000
#define __MACH2PHYS_VIRT_END    0xFFFF804000000000

#define HYPERVISOR_VIRT_START xen_mk_ulong(__HYPERVISOR_VIRT_START)
#define HYPERVISOR_VIRT_END   xen_mk_ulong(__HYPERVISOR_VIRT_END)
#define MACH2PHYS_VIRT_START  xen_mk_ulong(__MACH2PHYS_VIRT_START)
#define MACH2PHYS_VIRT_END    xen_mk_ulong(__MACH2PHYS_VIRT_END)
#define MACH2PHYS_NR_ENTRIES  ((MACH2PHYS_VIRT_END - MACH2PHYS_VIRT_START) >> 3)

/*
 * set_segment_base(which, base): bases of FS and GS of the caller's vcpu, for kernels that do not
 * use MSR_FS_BASE, MSR_GS_BASE and MSR_KERNEL_GS_BASE (whose RDMSR and WRMSR are emulated to the
 * same end). -EINVAL for a non-canonical base. SEGBASE_GS_USER_SEL loads the user's GS with the
 * selector in bits 15:0 of `base`; a selector that cannot be loaded becomes null.
 */
#define SEGBASE_FS          0
#define SEGBASE_GS_USER     1
#define SEGBASE_GS_KERNEL   2
#define SEGBASE_GS_USER_SEL 3

/*
 * iret(): leave the kernel. The struct iret_context below is what RSP points to; RAX, R11 and RCX
 * are taken from it, all other registers from the processor. The level in `cs` chooses the mode: 3
 * returns to user mode, anything lower to the kernel itself. With VGCF_in_syscall in `flags` the
 * return may use SYSRET, and then R11, RCX, CS and SS of the frame need not survive. Bit 9 of
 * `rflags` unmasks events, and pending ones are delivered at once. Does not return; a frame that
 * cannot be read or loaded ends in the failsafe callback, or crashes the domain where there is
 * none.
 */
#define _VGCF_in_syscall 8
#define VGCF_in_syscall  (1 << _VGCF_in_syscall)
#define VGCF_IN_SYSCALL  VGCF_in_syscall

/* Port of the debug console for fully virtualized guests: a byte written there is printed. */
#define XEN_HVM_DEBUGCONS_IOPORT 0xe9

/*
 * `ud2` and the letters "xen" before an instruction ask the hypervisor to emulate it. Only CPUID
 * is honoured.
 */
#ifdef __ASSEMBLER__
#define XEN_EMULATE_PREFIX .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e;
#define XEN_CPUID          XEN_EMULATE_PREFIX cpuid
#else
#define XEN_EMULATE_PREFIX ".byte 0x0f,0x0b,0x78,0x65,0x6e ; "
#define XEN_CPUID          XEN_EMULATE_PREFIX "cpuid"

#define XEN_HAVE_PV_GUEST_ENTRY 1
#define XEN_HAVE_PV_UPCALL_MASK 1

#define machine_to_phys_mapping ((unsigned long *)HYPERVISOR_VIRT_START)
#define xen_pfn_to_cr3(pfn)     ((unsigned long)(pfn) << 12)
#define xen_cr3_to_pfn(cr3)     ((unsigned long)(cr3) >> 12)

/*
 * set_trap_table(traps): handlers of the caller's vcpu. `traps` is an array that ends with an entry
 * whose address is 0; entries name their vector, so unlisted vectors keep what they had. A null
 * handle clears the table. A new table replaces all entries that it names, at once, and the vcpu
 * that is not running yet gets its table through vcpu_guest_context.
 *
 *   vector   0 to 255. Exceptions use the processor's numbers, 2 is the NMI, others are for `int
 *            n`.
 *   flags    bits 1:0: the least privileged mode that may use `int vector`: 0 nobody, 1 or 2 the
 *            kernel, 3 user programs too. Bit 2: mask events on entry, as an interrupt gate does.
 *   cs       code selector, usually FLAT_KERNEL_CS
 *   address  canonical, outside the hypervisor's range: -EINVAL otherwise
 *
 * An exception without a handler crashes the domain, with one exception: RDMSR of a register that
 * is unknown reads zero as long as there is no #GP handler, because kernels look before they set
 * one up.
 */
struct trap_info {
    uint8_t vector;
    uint8_t flags; /* bits 1:0 privilege, bit 2 mask events on entry */
    uint16_t cs;
    unsigned long address;
};
typedef struct trap_info trap_info_t;
DEFINE_XEN_GUEST_HANDLE(trap_info_t);
_Static_assert(sizeof(struct trap_info) == 16, "trap_info");
_Static_assert(offsetof(struct trap_info, address) == 8, "trap_info.address");

#define TI_GET_DPL(_ti)                ((_ti)->flags & 3)
#define TI_GET_IF(_ti)                 ((_ti)->flags & 4)
#define TI_SET_DPL(_ti, _dpl)          ((_ti)->flags |= (_dpl))
#define TI_SET_IF(_ti, _if)            ((_ti)->flags |= ((!!(_if)) << 2))

/* What iret finds at the guest's stack pointer, lowest address first. */
struct iret_context {
    uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct iret_context) == 72, "iret_context");

/*
 * The registers of an interrupted guest, as in vcpu_guest_context. error_code and entry_vector are
 * the hypervisor's. saved_upcall_mask is the event mask, and RFLAGS.IF its inverse: what a debugger
 * changes in one it has to change in both.
 */
struct cpu_user_regs {
    uint64_t r15;
    uint64_t r14;
    uint64_t r13;
    uint64_t r12;
    uint64_t rbp;
    uint64_t rbx;
    uint64_t r11;
    uint64_t r10;
    uint64_t r9;
    uint64_t r8;
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rsi;
    uint64_t rdi;
    uint32_t error_code;
    uint32_t entry_vector;
    uint64_t rip;
    uint16_t cs, _pad0[1];
    uint8_t saved_upcall_mask;
    uint8_t _pad1[3];
    uint64_t rflags;
    uint64_t rsp;
    uint16_t ss, _pad2[3];
    uint16_t es, _pad3[3];
    uint16_t ds, _pad4[3];
    uint16_t fs, _pad5[3];
    uint16_t gs, _pad6[3];
};
typedef struct cpu_user_regs cpu_user_regs_t;
DEFINE_XEN_GUEST_HANDLE(cpu_user_regs_t);
_Static_assert(sizeof(struct cpu_user_regs) == 200, "cpu_user_regs");
_Static_assert(offsetof(struct cpu_user_regs, error_code) == 120, "cpu_user_regs.error_code");
_Static_assert(offsetof(struct cpu_user_regs, rip) == 128, "cpu_user_regs.rip");
_Static_assert(offsetof(struct cpu_user_regs, saved_upcall_mask) == 140, "cpu_user_regs mask");
_Static_assert(offsetof(struct cpu_user_regs, gs) == 192, "cpu_user_regs.gs");

/*
 * Bits of vcpu_guest_context.flags. The upper-case names are older.
 *
 *   VGCF_i387_valid                fpu_ctxt means something
 *   VGCF_in_kernel                 the vcpu is in kernel mode
 *   VGCF_failsafe_disables_events  events are masked on entry to the failsafe callback
 *   VGCF_syscall_disables_events   the same for the syscall callback
 *   VGCF_online                    the vcpu is up
 */
#define VGCF_I387_VALID                (1 << 0)
#define VGCF_IN_KERNEL                 (1 << 2)
#define _VGCF_i387_valid               0
#define VGCF_i387_valid                (1 << _VGCF_i387_valid)
#define _VGCF_in_kernel                2
#define VGCF_in_kernel                 (1 << _VGCF_in_kernel)
#define _VGCF_failsafe_disables_events 3
#define VGCF_failsafe_disables_events  (1 << _VGCF_failsafe_disables_events)
#define _VGCF_syscall_disables_events  4
#define VGCF_syscall_disables_events   (1 << _VGCF_syscall_disables_events)
#define _VGCF_online                   5
#define VGCF_online                    (1 << _VGCF_online)

/*
 * Everything that makes up a vcpu, for VCPUOP_initialise, XEN_DOMCTL_setvcpucontext and
 * XEN_DOMCTL_getvcpucontext. Setting checks all of it before any of it takes effect: selectors and
 * addresses as in the operations above, GDT frames and page tables for owner and type. ctrlreg[3]
 * is CR3 in the form xen_pfn_to_cr3() gives, ctrlreg[1] the same for the user page table, 0 for
 * none. Of ctrlreg[0] and [4] only the bits are honoured that a guest may change. Debug registers
 * may not point into the hypervisor.
 */
struct vcpu_guest_context {
    struct {
        char x[512];
    } fpu_ctxt;                             /* FXSAVE image */
    unsigned long flags;                    /* VGCF_* */
    struct cpu_user_regs user_regs;         /* general registers */
    struct trap_info trap_ctxt[256];        /* trap table, indexed by vector */
    unsigned long ldt_base, ldt_ents;       /* linear address and entry count */
    unsigned long gdt_frames[16], gdt_ents; /* machine frames and entry count */
    unsigned long kernel_ss, kernel_sp;     /* stack for entries from user mode */
    unsigned long ctrlreg[8];               /* CR0-CR7; [1] is the user page table's CR3 */
    unsigned long debugreg[8];              /* DR0-DR7 */
    unsigned long event_callback_eip;
    unsigned long failsafe_callback_eip;
    unsigned long syscall_callback_eip;
    unsigned long vm_assist; /* one bit per VMASST_TYPE_* */
    uint64_t fs_base;
    uint64_t gs_base_kernel;
    uint64_t gs_base_user;
};
typedef struct vcpu_guest_context vcpu_guest_context_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_guest_context_t);
_Static_assert(sizeof(struct vcpu_guest_context) == 5168, "vcpu_guest_context");
_Static_assert(offsetof(struct vcpu_guest_context, user_regs) == 520, "vgc.user_regs");
_Static_assert(offsetof(struct vcpu_guest_context, trap_ctxt) == 720, "vgc.trap_ctxt");
_Static_assert(offsetof(struct vcpu_guest_context, ldt_base) == 4816, "vgc.ldt_base");
_Static_assert(offsetof(struct vcpu_guest_context, ctrlreg) == 4984, "vgc.ctrlreg");

/* x86's part of XEN_DOMCTL_createdomain: emulated devices (full virtualization only). */
struct xen_arch_domainconfig {
    uint32_t emulation_flags; /* XEN_X86_EMU_* */
    uint32_t misc_flags;      /* XEN_X86_MSR_RELAXED */
};
_Static_assert(sizeof(struct xen_arch_domainconfig) == 8, "xen_arch_domainconfig");

#define _XEN_X86_EMU_LAPIC    0
#define XEN_X86_EMU_LAPIC     (1U << _XEN_X86_EMU_LAPIC)
#define _XEN_X86_EMU_HPET     1
#define XEN_X86_EMU_HPET      (1U << _XEN_X86_EMU_HPET)
#define _XEN_X86_EMU_PM       2
#define XEN_X86_EMU_PM        (1U << _XEN_X86_EMU_PM)
#define _XEN_X86_EMU_RTC      3
#define XEN_X86_EMU_RTC       (1U << _XEN_X86_EMU_RTC)
#define _XEN_X86_EMU_IOAPIC   4
#define XEN_X86_EMU_IOAPIC    (1U << _XEN_X86_EMU_IOAPIC)
#define _XEN_X86_EMU_PIC      5
#define XEN_X86_EMU_PIC       (1U << _XEN_X86_EMU_PIC)
#define _XEN_X86_EMU_VGA      6
#define XEN_X86_EMU_VGA       (1U << _XEN_X86_EMU_VGA)
#define _XEN_X86_EMU_IOMMU    7
#define XEN_X86_EMU_IOMMU     (1U << _XEN_X86_EMU_IOMMU)
#define _XEN_X86_EMU_PIT      8
#define XEN_X86_EMU_PIT       (1U << _XEN_X86_EMU_PIT)
#define _XEN_X86_EMU_USE_PIRQ 9
#define XEN_X86_EMU_USE_PIRQ  (1U << _XEN_X86_EMU_USE_PIRQ)
#define _XEN_X86_EMU_VPCI     10
#define XEN_X86_EMU_VPCI      (1U << _XEN_X86_EMU_VPCI)
#define XEN_X86_EMU_ALL       ((1U << 11) - 1)

#define XEN_X86_MSR_RELAXED    (1u << 0)
#define XEN_X86_MISC_FLAGS_MAX XEN_X86_MSR_RELAXED

/*
 * A CPU policy, what a domain may see of the processor, travels as two arrays: CPUID leaves sorted
 * by leaf and subleaf, and MSRs sorted by number. Leaves without subleaves say
 * XEN_CPUID_NO_SUBLEAF.
 */
#define XEN_CPUID_NO_SUBLEAF   0xffffffffu
typedef struct xen_cpuid_leaf {
    uint32_t leaf, subleaf;
    uint32_t a, b, c, d;
} xen_cpuid_leaf_t;
DEFINE_XEN_GUEST_HANDLE(xen_cpuid_leaf_t);
_Static_assert(sizeof(xen_cpuid_leaf_t) == 24, "xen_cpuid_leaf");

typedef struct xen_msr_entry {
    uint32_t idx;
    uint32_t flags; /* zero */
    uint64_t val;
} xen_msr_entry_t;
DEFINE_XEN_GUEST_HANDLE(xen_msr_entry_t);
_Static_assert(sizeof(xen_msr_entry_t) == 16, "xen_msr_entry");

#endif /* !__ASSEMBLER__ */
#endif
