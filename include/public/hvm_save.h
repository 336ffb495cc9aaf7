/* SPDX-License-Identifier: MIT */
/*
 * The state of a fully virtualized domain as a list of records, for sethvmcontext and gethvmcontext
 * (domctl_vcpu.h). Each record is a descriptor and then as many bytes as it says. The first is the
 * header, the last has type 0 and no length. A vcpu's instance is its number.
 *
 *   type  what          length
 *   0     the end       0
 *   1     header        sizeof(struct hvm_save_header)
 *   2     processor     sizeof(struct hvm_hw_cpu)
 */
#ifndef LODGE_PUBLIC_HVM_SAVE_H
#define LODGE_PUBLIC_HVM_SAVE_H

#include <stddef.h>
#include <stdint.h>

struct hvm_save_descriptor {
    uint16_t typecode; /* as above */
    uint16_t instance;
    uint32_t length; /* without the descriptor */
};
_Static_assert(sizeof(struct hvm_save_descriptor) == 8, "hvm_save_descriptor");

#define HVM_FILE_MAGIC   0x54381286
#define HVM_FILE_VERSION 0x00000001

struct hvm_save_header {
    uint32_t magic;   /* HVM_FILE_MAGIC */
    uint32_t version; /* HVM_FILE_VERSION */
    uint64_t changeset;
    uint32_t cpuid;    /* EAX of leaf 1 */
    uint32_t gtsc_khz; /* 0: as the machine */
};
_Static_assert(sizeof(struct hvm_save_header) == 24, "hvm_save_header");

/*
 * A processor. arbytes of a segment: descriptor bits 47-40 in bits 0-7, bits 55-52 in bits 8-11.
 * The privilege level is that of SS.
 */
struct hvm_hw_cpu {
    uint8_t fpu_regs[512]; /* as FXSAVE stores it; only with XEN_X86_FPU_INITIALISED */

    uint64_t rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t cr0, cr2, cr3, cr4;
    uint64_t dr0, dr1, dr2, dr3, dr6, dr7;

    uint32_t cs_sel, ds_sel, es_sel, fs_sel, gs_sel, ss_sel, tr_sel, ldtr_sel;
    uint32_t cs_limit, ds_limit, es_limit, fs_limit, gs_limit, ss_limit, tr_limit, ldtr_limit;
    uint32_t idtr_limit, gdtr_limit;
    uint64_t cs_base, ds_base, es_base, fs_base, gs_base, ss_base, tr_base, ldtr_base;
    uint64_t idtr_base, gdtr_base;
    uint32_t cs_arbytes, ds_arbytes, es_arbytes, fs_arbytes, gs_arbytes, ss_arbytes, tr_arbytes,
        ldtr_arbytes;

    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t shadow_gs; /* KERNEL_GS_BASE */
    uint64_t msr_flags; /* of no use */
    uint64_t msr_lstar, msr_star, msr_cstar, msr_syscall_mask, msr_efer, msr_tsc_aux;
    uint64_t tsc; /* as the guest would read it */

    uint32_t pending_event, error_code; /* to be injected; as SVM has it */
#define _XEN_X86_FPU_INITIALISED 0
#define XEN_X86_FPU_INITIALISED  (1U << _XEN_X86_FPU_INITIALISED)
    uint32_t flags;
    uint32_t pad0;
};
_Static_assert(offsetof(struct hvm_hw_cpu, cs_base) == 808, "hvm_hw_cpu");
_Static_assert(sizeof(struct hvm_hw_cpu) == 1032, "hvm_hw_cpu");

#endif
