/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits: why the guest was left, and what follows. The guest decides when and how often each comes,
 * with any registers it likes. So each ends in one of four ways: the guest goes on behind the
 * instruction, executes it again, gets the exception that a processor without the feature would
 * raise, or its domain is crashed with a reason.
 *
 * An exit may have come while the processor was delivering an event to the guest, which then is
 * lost unless it is injected again: that is looked at first (APM volume 2, on EXITINTINFO). What a
 * software interrupt or a breakpoint has begun is not: the instruction is executed again.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <hvm/hvm.h>
#include <lib/bug.h>
#include <lib/insn.h>
#include <public/sched.h>
#include <x86/cpu.h>
#include <x86/irqs_off.h>
#include <x86/svm.h>

#define EXCEPTION_HAS_ERROR                                                              \
    (BIT(X86_DF) | BIT(X86_TS) | BIT(X86_NP) | BIT(X86_SS) | BIT(X86_GP) | BIT(X86_PF) | \
     BIT(X86_AC))

void hvm_inject(struct vcpu *v, unsigned vector, uint32_t error)
{
    struct vmcb *b = v->hvm.vmcb;

    if (b->event_inject & SVM_EVENT_VALID)
        return;
    b->event_inject = SVM_EVENT(SVM_EVENT_EXCEPTION, vector);
    if (EXCEPTION_HAS_ERROR & BIT(vector))
        b->event_inject |= SVM_EVENT_HAS_ERROR | (uint64_t)error << 32;
}

static void reinject(struct vmcb *b)
{
    uint64_t e = b->exit_int_info;
    unsigned type = SVM_EVENT_TYPE(e), vector = SVM_EVENT_VECTOR(e);

    b->event_inject = 0; /* done with: delivered, or it is what e says */
    if (!(e & SVM_EVENT_VALID) || type == SVM_EVENT_SOFT ||
        (type == SVM_EVENT_EXCEPTION && (vector == X86_BP || vector == X86_OF)))
        return;
    b->event_inject = e;
}

static uint32_t low(uint64_t v)
{
    return (uint32_t)v;
}

static void exit_cpuid(struct vcpu *v)
{
    struct cpu_regs *r = hvm_regs(v);
    uint32_t out[4];

    if (!hvm_skip(v, INSN_CPUID))
        return;
    hvm_cpuid(v, low(v->hvm.vmcb->rax), low(r->rcx), out);
    v->hvm.vmcb->rax = out[0];
    r->rbx = out[1];
    r->rcx = out[2];
    r->rdx = out[3];
}

static void exit_msr(struct vcpu *v)
{
    struct vmcb *b = v->hvm.vmcb;
    struct cpu_regs *r = hvm_regs(v);
    bool write = b->exit_info1 & 1;
    uint64_t rip = b->rip, value = r->rdx << 32 | low(b->rax);

    if (!hvm_skip(v, write ? INSN_WRMSR : INSN_RDMSR))
        return;
    if (write ? !hvm_msr_write(v, low(r->rcx), value) : !hvm_msr_read(v, low(r->rcx), &value)) {
        b->rip = rip;
        hvm_inject(v, X86_GP, 0);
    } else if (!write) {
        b->rax = low(value);
        r->rdx = value >> 32;
    }
}

/* XSETBV of XCR0 is the only one; a processor looks at CPL before it leaves the guest. */
static void exit_xsetbv(struct vcpu *v)
{
    struct cpu_regs *r = hvm_regs(v);
    uint64_t value = r->rdx << 32 | low(v->hvm.vmcb->rax);

    if (low(r->rcx) != 0 || !fpu_xcr0_valid(value))
        hvm_inject(v, X86_GP, 0);
    else if (hvm_skip(v, INSN_XSETBV))
        fpu_set_guest_xcr0(v, value);
}

/* The port, its width and the next instruction are all said by the processor. */
static void exit_port(struct vcpu *v)
{
    struct vmcb *b = v->hvm.vmcb;
    uint16_t port = (uint16_t)(b->exit_info1 >> 16);
    unsigned size = (b->exit_info1 >> 4) & 7;
    uint64_t mask = BIT(size * 8) - 1;

    if (b->exit_info1 & SVM_IO_STRING) {
        hvm_string_port(v);
        return;
    }
    b->rip = b->exit_info2;
    b->int_shadow = 0;
    if (!(b->exit_info1 & SVM_IO_IN))
        hvm_port_write(v, port, size, low(b->rax & mask));
    else if (size == 4)
        b->rax = hvm_port_read(v, port, size);
    else
        b->rax = (b->rax & ~mask) | (hvm_port_read(v, port, size) & mask);
}

/* There is nothing but memory: what lies beside it is not decoded. */
static void exit_nested_fault(struct vcpu *v)
{
    const struct vmcb *b = v->hvm.vmcb;
    uint64_t gfn = b->exit_info2 >> PAGE_SHIFT;
    struct frame *f = p2m_physmap.get(v->domain, gfn);

    if (f != NULL) { /* it has come in the meantime */
        frame_put(f);
        if (!(b->exit_info1 & (PF_PRESENT | PF_RSVD)))
            return;
    }
    domain_crash(v->domain, "%pv: %s at physical address %lx, where no memory is, rip %lx", v,
                 b->exit_info1 & SVM_NPF_WALK ? "page table" : "access",
                 (unsigned long)b->exit_info2, (unsigned long)b->rip);
}

/*
 * #DB and #AC only come here so that a guest in which delivering one raises the next leaves the
 * processor now and then; while another event was being delivered it is that one that goes on, and
 * the exception comes again. A machine check is the machine's.
 */
static void exit_exception(struct vcpu *v, unsigned vector)
{
    if (vector == X86_MC)
        panic("machine check while %pv was running", v);
    hvm_inject(v, vector, low(v->hvm.vmcb->exit_info1));
}

static void exit_iret(struct vcpu *v)
{
    v->hvm.vmcb->intercepts1 &= ~(uint32_t)SVM_1_IRET;
    v->hvm.nmi_masked = false;
    v->hvm.nmi_iret = true;
    v->hvm.iret_rip = v->hvm.vmcb->rip;
}

static void exit_other(struct vcpu *v, uint32_t code)
{
    struct vmcb *b = v->hvm.vmcb;

    switch (code) {
    case SVM_EXIT_EXCEPTION ... SVM_EXIT_EXCEPTION + 31:
        exit_exception(v, code - SVM_EXIT_EXCEPTION);
        return;
    case SVM_EXIT_VINTR: /* interrupts can be taken: that is looked at before the next entry */
        return;
    case SVM_EXIT_IRET:
        exit_iret(v);
        return;
    case SVM_EXIT_INVD: /* the caches are everybody's; some processors take one for the other */
    case SVM_EXIT_WBINVD:
        if (!hvm_skip(v, INSN_INVD))
            hvm_skip(v, INSN_WBINVD);
        return;
    case SVM_EXIT_XSETBV:
        exit_xsetbv(v);
        return;
    case SVM_EXIT_RDPMC:
        hvm_inject(v, X86_GP, 0);
        return;
    case SVM_EXIT_INVLPGA:
    case SVM_EXIT_VMRUN ... SVM_EXIT_SKINIT:
    case SVM_EXIT_MONITOR ... SVM_EXIT_MWAIT_COND:
        hvm_inject(v, X86_UD, 0);
        return;
    case SVM_EXIT_SHUTDOWN: /* a triple fault: how kernels restart the machine in the end */
        log_info("%pv has shut down by a triple fault", v);
        domain_shutdown(v->domain, SHUTDOWN_reboot);
        return;
    case SVM_EXIT_TASK:
        domain_crash(v->domain, "%pv: task switch", v);
        return;
    case SVM_EXIT_FERR:
        domain_crash(v->domain, "%pv: floating-point error with CR0.NE clear", v);
        return;
    case SVM_EXIT_INVALID:
        domain_crash(v->domain, "%pv: the processor refuses its state", v);
        return;
    default:
        domain_crash(v->domain, "%pv: exit %x, %lx, %lx", v, code, (unsigned long)b->exit_info1,
                     (unsigned long)b->exit_info2);
    }
}

void hvm_exit(struct vcpu *v)
{
    uint32_t code = low(v->hvm.vmcb->exit_code);

    reinject(v->hvm.vmcb);
    switch (code) {
    case SVM_EXIT_INTR:
    case SVM_EXIT_NMI: /* taken already */
    case SVM_EXIT_SMI:
    case SVM_EXIT_INIT:
        irq_window();
        return;
    case SVM_EXIT_NPF:
        exit_nested_fault(v);
        return;
    case SVM_EXIT_DR_WRITE ... SVM_EXIT_DR_WRITE + 15:
        hvm_debug_write(v);
        return;
    case SVM_EXIT_CPUID:
        exit_cpuid(v);
        return;
    case SVM_EXIT_MSR:
        exit_msr(v);
        return;
    case SVM_EXIT_IOIO:
        exit_port(v);
        return;
    case SVM_EXIT_HLT:
        if (hvm_skip(v, INSN_HLT))
            v->hvm.halted = true;
        return;
    default:
        exit_other(v, code);
    }
}
