/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD's SVM as the processor has it: the control block of a virtual machine (VMCB), the exits, and
 * the way in and out. What a guest may do and what follows from an exit is in hvm/. Layouts and
 * numbers are those of AMD's APM volume 2, chapter 15 and appendices B and C.
 */
#ifndef X86_SVM_H
#define X86_SVM_H

#include <lib/types.h>
#include <x86/cpu.h>
#include <x86/page.h>

struct svm_segment {
    uint16_t selector, attr; /* attr: descriptor bits 55-52 over 47-40 */
    uint32_t limit;
    uint64_t base;
};

/* VMRUN loads the first part of the state and stores it at an exit; VMLOAD and VMSAVE the rest. */
struct vmcb {
    uint16_t cr_read, cr_write, dr_read, dr_write; /* intercepts, a bit each */
    uint32_t exceptions;                           /* by vector */
    uint32_t intercepts1, intercepts2, intercepts3;
    uint8_t reserved018[0x040 - 0x018];
    uint64_t iopm, msrpm, tsc_offset; /* physical addresses of the permission maps */
    uint32_t asid, tlb_control;       /* of tlb_control one byte is used */
    uint32_t int_control, int_vector;
    uint64_t int_shadow; /* bit 0: the instruction behind STI or MOV SS */
    uint64_t exit_code, exit_info1, exit_info2, exit_int_info;
    uint64_t nested_control;
    uint8_t reserved098[0x0a8 - 0x098];
    uint64_t event_inject, nested_cr3, lbr_control;
    uint64_t clean, next_rip;
    uint8_t reserved0d0[0x400 - 0x0d0];

    struct svm_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved4a0[0x4cb - 0x4a0];
    uint8_t cpl;
    uint8_t reserved4cc[0x4d0 - 0x4cc];
    uint64_t efer;
    uint8_t reserved4d8[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved580[0x5d8 - 0x580];
    uint64_t rsp;
    uint8_t reserved5e0[0x5f8 - 0x5e0];
    uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t reserved648[0x668 - 0x648];
    uint64_t pat;
    uint8_t reserved670[0x1000 - 0x670];
};
_Static_assert(offsetof(struct vmcb, iopm) == 0x040, "vmcb");
_Static_assert(offsetof(struct vmcb, int_control) == 0x060, "vmcb");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "vmcb");
_Static_assert(offsetof(struct vmcb, event_inject) == 0x0a8, "vmcb");
_Static_assert(offsetof(struct vmcb, next_rip) == 0x0c8, "vmcb");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "vmcb");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "vmcb");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "vmcb");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "vmcb");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "vmcb");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "vmcb");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "vmcb");
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "vmcb");

#define SVM_1_INTR       BIT(0)
#define SVM_1_NMI        BIT(1)
#define SVM_1_SMI        BIT(2)
#define SVM_1_INIT       BIT(3)
#define SVM_1_VINTR      BIT(4)
#define SVM_1_RDPMC      BIT(15)
#define SVM_1_CPUID      BIT(18)
#define SVM_1_IRET       BIT(20)
#define SVM_1_INVD       BIT(22)
#define SVM_1_HLT        BIT(24)
#define SVM_1_INVLPGA    BIT(26)
#define SVM_1_IOIO       BIT(27)
#define SVM_1_MSR        BIT(28)
#define SVM_1_TASK       BIT(29)
#define SVM_1_FERR       BIT(30)
#define SVM_1_SHUTDOWN   BIT(31)
#define SVM_2_VMRUN      BIT(0)
#define SVM_2_VMMCALL    BIT(1)
#define SVM_2_VMLOAD     BIT(2)
#define SVM_2_VMSAVE     BIT(3)
#define SVM_2_STGI       BIT(4)
#define SVM_2_CLGI       BIT(5)
#define SVM_2_SKINIT     BIT(6)
#define SVM_2_WBINVD     BIT(9)
#define SVM_2_MONITOR    BIT(10)
#define SVM_2_MWAIT      BIT(11)
#define SVM_2_MWAIT_COND BIT(12)
#define SVM_2_XSETBV     BIT(13)

#define SVM_INT_PENDING BIT(8)                                    /* a virtual interrupt */
#define SVM_INT_REQUEST (SVM_INT_PENDING | 15ull << 16 | BIT(20)) /* above any TPR */
#define SVM_INT_MASKING BIT(24) /* the guest's IF and CR8 hold back no interrupt of ours */
#define SVM_NESTED      BIT(0)
#define SVM_FLUSH_ALL   1u
#define SVM_FLUSH_ASID  3u /* where CPUID has flush by ASID */

/* Events, to be injected and as they were interrupted. */
#define SVM_EVENT_VALID      BIT(31)
#define SVM_EVENT_HAS_ERROR  BIT(11)
#define SVM_EVENT_TYPE(e)    (((e) >> 8) & 7)
#define SVM_EVENT_VECTOR(e)  ((uint8_t)(e))
#define SVM_EVENT_EXTERNAL   0u
#define SVM_EVENT_NMI        2u
#define SVM_EVENT_EXCEPTION  3u
#define SVM_EVENT_SOFT       4u
#define SVM_EVENT(type, vec) (SVM_EVENT_VALID | (uint64_t)(type) << 8 | (vec))

enum svm_exit {
    SVM_EXIT_DR_WRITE = 0x030,  /* to 0x03f */
    SVM_EXIT_EXCEPTION = 0x040, /* to 0x05f */
    SVM_EXIT_INTR = 0x060,
    SVM_EXIT_NMI = 0x061,
    SVM_EXIT_SMI = 0x062,
    SVM_EXIT_INIT = 0x063,
    SVM_EXIT_VINTR = 0x064,
    SVM_EXIT_RDPMC = 0x06f,
    SVM_EXIT_CPUID = 0x072,
    SVM_EXIT_IRET = 0x074,
    SVM_EXIT_INVD = 0x076,
    SVM_EXIT_HLT = 0x078,
    SVM_EXIT_INVLPGA = 0x07a,
    SVM_EXIT_IOIO = 0x07b,
    SVM_EXIT_MSR = 0x07c,
    SVM_EXIT_TASK = 0x07d,
    SVM_EXIT_FERR = 0x07e,
    SVM_EXIT_SHUTDOWN = 0x07f,
    SVM_EXIT_VMRUN = 0x080,
    SVM_EXIT_VMMCALL = 0x081,
    SVM_EXIT_VMLOAD = 0x082,
    SVM_EXIT_VMSAVE = 0x083,
    SVM_EXIT_STGI = 0x084,
    SVM_EXIT_CLGI = 0x085,
    SVM_EXIT_SKINIT = 0x086,
    SVM_EXIT_WBINVD = 0x089,
    SVM_EXIT_MONITOR = 0x08a,
    SVM_EXIT_MWAIT = 0x08b,
    SVM_EXIT_MWAIT_COND = 0x08c,
    SVM_EXIT_XSETBV = 0x08d,
    SVM_EXIT_NPF = 0x400,
};
/* The state was refused. Some processors store it in 32 bits, and with values of ours in the state.
 */
#define SVM_EXIT_INVALID UINT32_MAX

/* Of exit_info1 for a port, and of a nested page fault beyond PF_*. */
#define SVM_IO_IN     BIT(0)
#define SVM_IO_STRING BIT(2)
#define SVM_NPF_WALK  BIT(33) /* as the processor looked at the guest's own tables */

/*
 * Boot: SVM with nested paging on this CPU, for which svm_prepare_cpu() has made the pages. Where
 * the processor has none, or its firmware has turned it off, cpu_features.svm_on stays false.
 */
void svm_prepare_cpu(struct cpu *c);
void svm_init_cpu(struct cpu *c);
void svm_report(void);

/* c is this CPU: what VMLOAD would replace is kept for the host, once per switch to such a vcpu. */
void svm_keep_host(const struct cpu *c);
/*
 * Runs the guest until its next exit: general registers but RAX and RSP in regs, all else in the
 * VMCB. c is this CPU. Interrupts are off before and behind it and end the guest's run in between.
 */
void svm_run(struct cpu_regs *regs, struct vmcb *vmcb, const struct cpu *c);

#endif
