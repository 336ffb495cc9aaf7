/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a vcpu and a domain of any guest type have of the machine: plain data, embedded in struct
 * vcpu and struct domain. What only one type has is beside it, in a union (pv/vcpu.h).
 *
 * There is no lock around struct arch_vcpu. The vcpu itself changes it, in its own hypercalls and
 * traps; anybody else only while the vcpu does not run (not yet up, or paused). Exceptions are
 * pending_work, which is atomic, and time_area, a plain guest address that may change at any
 * moment. FPU and XCR0 are the processor's while the vcpu runs, and in memory only when it does
 * not: see guest_switch_out().
 */
#ifndef X86_VCPU_H
#define X86_VCPU_H

#include <lib/types.h>

struct pirq;
struct vcpu_time_info;

struct arch_vcpu {
    /*
     * The guest's addresses are those of its kernel: x86/uaccess.h reaches what the guest
     * registered. False while a PV guest's user mode has tables of its own loaded.
     */
    bool kernel_mode;
    uint32_t pending_work; /* WORK_*: looked at before each return to the guest */

    bool fpu_ts;      /* the guest set TS: #NM is its own */
    unsigned fpu_cpu; /* 1 + the CPU that loaded the area last, 0: none */
    void *fpu;        /* XSAVE or FXSAVE area: fpu_init_vcpu() */
    uint64_t xcr0;    /* as the guest set it: fpu_xcr0_valid() holds */

    uint64_t dr[8];    /* breakpoints (0 to 3) are guest addresses: pv/debugreg.c */
    bool debug_active; /* dr7 has breakpoints enabled: switch debug registers */
    bool debug_ports;  /* and some on ports, which are not the processor's affair */

    struct vcpu_time_info *time_info; /* inside vcpu_info, which the guest may write; NULL: none */
    uint64_t time_area;               /* guest address registered for a copy, 0: none */
    uint64_t time_area_done;          /* the area that has the values of now */
};

/*
 * Bits of pending_work that core sets, for any type. Set with an atomic OR, taken all at once on
 * the way back to the guest. The bits of WORK_OF_TYPE are each type's own.
 */
#define WORK_DYING   0x1u /* the domain is being destroyed: park at the guest boundary for good */
#define WORK_STOP    0x2u /* a reason not to run has been passed over: look at them again */
#define WORK_RESTART 0x4u /* by the vcpu itself: hypercall_restart(), until the call is over */
#define WORK_OF_TYPE 0xfffffff0u

struct range_list; /* guest/permissions.c: I/O memory a domain may map */

#define POLICY_LEAVES 9 /* that say what a guest may use */

struct arch_domain {
    uint64_t vm_assist;     /* bits VMASST_TYPE_* that the guest has turned on */
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
    uint32_t policy[POLICY_LEAVES][4]; /* what is left of feature leaves; guest/policy.c */
    struct e820entry *e820;            /* the memory map that the toolstack gave; NULL: none */
    unsigned nr_e820;
    uint32_t wallclock_version; /* of shared_info's wall clock; our own copy, not the guest's */
};

#endif
