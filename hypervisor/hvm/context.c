/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of a fully virtualized vcpu, as the tools set and read them, and for the log.
 *
 * What they set is checked for what would make the processor refuse to enter; should it refuse all
 * the same, that ends the domain and nothing else. There is nothing of ours among the values: what
 * the hypervisor needs in the VMCB is in its control part, which hvm_reset() fills.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/preempt.h>
#include <core/sched.h>
#include <hvm/hvm.h>
#include <lib/string.h>
#include <public/arch.h>
#include <public/errno.h>
#include <public/hvm_save.h>
#include <x86/cpu.h>
#include <x86/svm.h>

#define CR0_ET 0x10ull
#define CR0_NW 0x20000000ull
#define CR0_CD 0x40000000ull
#define CR4_ALLOWED                                                                               \
    (CR4_VME | 2 /* PVI */ | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | \
     CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP)
#define PAT_RESET   0x0007040600070406ull
#define DR6_RESET   0xffff0ff0ull
#define DR7_RESET   0x400ull
#define RFLAGS_ONE  0x2ull
#define ATTR_MASK   0xfffu
#define FXSAVE_SIZE 512

void hvm_reset(struct vcpu *v)
{
    struct vmcb *b = v->hvm.vmcb;

    v->arch.kernel_mode = true;
    v->info->evtchn_upcall_mask = 0; /* events are the devices' */
    v->arch.dr[6] = DR6_RESET;
    v->arch.dr[7] = DR7_RESET;
    b->exceptions = BIT(X86_DB) | BIT(X86_AC) | BIT(X86_MC);
    b->intercepts1 = SVM_1_INTR | SVM_1_NMI | SVM_1_SMI | SVM_1_INIT | SVM_1_RDPMC | SVM_1_CPUID |
                     SVM_1_INVD | SVM_1_HLT | SVM_1_INVLPGA | SVM_1_IOIO | SVM_1_MSR | SVM_1_TASK |
                     SVM_1_FERR | SVM_1_SHUTDOWN;
    b->intercepts2 = SVM_2_VMRUN | SVM_2_VMMCALL | SVM_2_VMLOAD | SVM_2_VMSAVE | SVM_2_STGI |
                     SVM_2_CLGI | SVM_2_SKINIT | SVM_2_WBINVD | SVM_2_MONITOR | SVM_2_MWAIT |
                     SVM_2_MWAIT_COND | SVM_2_XSETBV;
    b->dr_write = 0xffff;
    b->iopm = hvm_iopm;
    b->msrpm = hvm_msrpm;
    b->asid = 1;
    b->int_control = SVM_INT_MASKING;
    b->nested_control = SVM_NESTED;
    b->nested_cr3 = p2m_root(v->domain);
    b->cr0 = CR0_ET;
    b->efer = EFER_SVME;
    b->rflags = RFLAGS_ONE;
    b->dr6 = DR6_RESET;
    b->dr7 = DR7_RESET;
    b->pat = PAT_RESET;
}

/* ---- the processor's record ---- */

#define SEGMENTS(X) X(cs) X(ds) X(es) X(fs) X(gs) X(ss) X(tr) X(ldtr)
#define GENERAL(X) \
    X(rbx) X(rcx) X(rdx) X(rbp) X(rsi) X(rdi) X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15)
#define STATE(X)    X(rax) X(rsp) X(rip) X(cr0) X(cr2) X(cr3) X(cr4) X(dr6) X(dr7)
#define SYSENTER(X) X(sysenter_cs) X(sysenter_esp) X(sysenter_eip)

bool hvm_cpu_ok(const struct hvm_hw_cpu *c)
{
    bool paging = c->cr0 & CR0_PG;

    if (c->cr0 >> 32 || (c->cr4 & ~CR4_ALLOWED) || c->dr6 >> 32 || c->dr7 >> 32 ||
        !hvm_efer_valid(c->msr_efer) || c->cr3 >> cpu_features.phys_bits)
        return false;
    if ((paging && !(c->cr0 & CR0_PE)) || ((c->cr0 & CR0_NW) && !(c->cr0 & CR0_CD)))
        return false;
    return !paging || !(c->msr_efer & EFER_LME) || (c->cr4 & CR4_PAE);
}

static void cpu_set_fpu(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    uint8_t *area = v->arch.fpu;
    static const uint64_t header[8] = {3}; /* x87 and SSE are there */

    if (!(c->flags & XEN_X86_FPU_INITIALISED))
        return;
    fpu_sync(v);
    memcpy(area, c->fpu_regs, FXSAVE_SIZE);
    if (cpu_features.xsave)
        memcpy(area + FXSAVE_SIZE, header, sizeof(header));
    fpu_area_check(area);
}

void hvm_cpu_set(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    struct vmcb *b = v->hvm.vmcb;
    struct cpu_regs *r = hvm_regs(v);

#define SET_SEGMENT(s)                                                                        \
    b->s = (struct svm_segment){(uint16_t)c->s##_sel, (uint16_t)(c->s##_arbytes & ATTR_MASK), \
                                c->s##_limit, c->s##_base};
#define SET_GENERAL(name) r->name = c->name;
#define SET_STATE(name)   b->name = c->name;
    SEGMENTS(SET_SEGMENT)
    GENERAL(SET_GENERAL)
    STATE(SET_STATE)
    SYSENTER(SET_STATE)
    b->gdtr = (struct svm_segment){0, 0, c->gdtr_limit, c->gdtr_base};
    b->idtr = (struct svm_segment){0, 0, c->idtr_limit, c->idtr_base};
    b->rflags = (c->rflags & 0x3f7fd5) | RFLAGS_ONE;
    b->cpl = (b->ss.attr >> 5) & 3;
    b->kernel_gs_base = c->shadow_gs;
    b->lstar = c->msr_lstar;
    b->star = c->msr_star;
    b->cstar = c->msr_cstar;
    b->sfmask = c->msr_syscall_mask;
    b->efer = (c->msr_efer & ~EFER_LMA) | EFER_SVME;
    if ((c->msr_efer & EFER_LME) && (c->cr0 & CR0_PG))
        b->efer |= EFER_LMA;
    b->tsc_offset = c->tsc - rdtsc();
    b->int_shadow = 0;
    b->event_inject = 0;
    v->arch.dr[0] = c->dr0;
    v->arch.dr[1] = c->dr1;
    v->arch.dr[2] = c->dr2;
    v->arch.dr[3] = c->dr3;
    v->hvm.halted = false;
    cpu_set_fpu(v, c);
}

void hvm_cpu_get(struct vcpu *v, struct hvm_hw_cpu *c)
{
    const struct vmcb *b = v->hvm.vmcb;
    const struct cpu_regs *r = hvm_regs(v);

#define GET_SEGMENT(s)          \
    c->s##_sel = b->s.selector; \
    c->s##_arbytes = b->s.attr; \
    c->s##_limit = b->s.limit;  \
    c->s##_base = b->s.base;
#define GET_GENERAL(name) c->name = r->name;
#define GET_STATE(name)   c->name = b->name;
    SEGMENTS(GET_SEGMENT)
    GENERAL(GET_GENERAL)
    STATE(GET_STATE)
    SYSENTER(GET_STATE)
    c->gdtr_limit = b->gdtr.limit;
    c->gdtr_base = b->gdtr.base;
    c->idtr_limit = b->idtr.limit;
    c->idtr_base = b->idtr.base;
    c->rflags = b->rflags;
    c->shadow_gs = b->kernel_gs_base;
    c->msr_lstar = b->lstar;
    c->msr_star = b->star;
    c->msr_cstar = b->cstar;
    c->msr_syscall_mask = b->sfmask;
    c->msr_efer = b->efer & ~EFER_SVME;
    c->tsc = rdtsc() + b->tsc_offset;
    c->dr0 = v->arch.dr[0];
    c->dr1 = v->arch.dr[1];
    c->dr2 = v->arch.dr[2];
    c->dr3 = v->arch.dr[3];
    fpu_sync(v);
    memcpy(c->fpu_regs, v->arch.fpu, FXSAVE_SIZE);
    c->flags = XEN_X86_FPU_INITIALISED;
}

/* ---- in the form of PV guests: to be read only ---- */

int hvm_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    (void)v, (void)c;
    return -XEN_EOPNOTSUPP;
}

void hvm_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    const struct vmcb *b = v->hvm.vmcb;

    memset(c, 0, sizeof(*c));
    memcpy(&c->user_regs, hvm_regs(v), offsetof(struct cpu_regs, error_code));
    c->user_regs.rax = b->rax;
    c->user_regs.rip = b->rip;
    c->user_regs.rsp = b->rsp;
    c->user_regs.rflags = b->rflags;
    c->user_regs.cs = b->cs.selector;
    c->user_regs.ss = b->ss.selector;
    c->user_regs.ds = b->ds.selector;
    c->user_regs.es = b->es.selector;
    c->user_regs.fs = b->fs.selector;
    c->user_regs.gs = b->gs.selector;
    c->ctrlreg[0] = b->cr0;
    c->ctrlreg[2] = b->cr2;
    c->ctrlreg[3] = b->cr3;
    c->ctrlreg[4] = b->cr4;
    c->fs_base = b->fs.base;
    c->gs_base_kernel = b->gs.base;
    c->gs_base_user = b->kernel_gs_base;
    c->flags = VGCF_in_kernel | (v->sched.blocked_by & SCHED_DOWN ? 0 : VGCF_online);
}

void hvm_dump_vcpu(struct vcpu *v, bool preempt)
{
    const struct cpu_regs *r = hvm_regs(v);
    const struct vmcb *b = v->hvm.vmcb;

#define LINE(...)                       \
    do {                                \
        log_info(__VA_ARGS__);          \
        if (preempt)                    \
            preempt_after(WORK_BUDGET); \
    } while (0)
#define L(x) ((unsigned long)(x))
    LINE("%pv, exit %x %lx %lx%s", v, (unsigned)b->exit_code, L(b->exit_info1), L(b->exit_info2),
         v->hvm.halted ? ", halted" : "");
    LINE("  rip %04x:%016lx rflags %08lx rsp %04x:%016lx", b->cs.selector, L(b->rip), L(b->rflags),
         b->ss.selector, L(b->rsp));
    LINE("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", L(b->rax), L(r->rbx), L(r->rcx),
         L(r->rdx));
    LINE("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", L(r->rsi), L(r->rdi), L(r->rbp),
         L(r->r8));
    LINE("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", L(r->r9), L(r->r10), L(r->r11),
         L(r->r12));
    LINE("  r13 %016lx r14 %016lx r15 %016lx cr2 %016lx", L(r->r13), L(r->r14), L(r->r15),
         L(b->cr2));
    LINE("  cr0 %08lx cr3 %016lx cr4 %08lx efer %04lx", L(b->cr0), L(b->cr3), L(b->cr4),
         L(b->efer));
#undef L
#undef LINE
}
