/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a fully virtualized vcpu does, on a stack of its own as any vcpu: enter the guest, look why
 * it was left, and do what is to be done before it goes on. So an exit is no entry into the
 * hypervisor in the sense of x86/entry.S: it is where svm_run() returns, and `current` is as in a
 * hypercall. No page tables of a guest are loaded here, and nothing of x86/uaccess.h works.
 *
 * Interrupts are off in all of this. One that comes while the guest runs ends its run, stays
 * pending, and is taken in the window that hvm_exit() opens for it. Whoever gives a vcpu work first
 * says so and then kicks: the kick ends the guest's run likewise.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/sched.h>
#include <hvm/hvm.h>
#include <hvm/vint.h>
#include <lib/insn.h>
#include <public/sched.h>
#include <x86/cpu.h>
#include <x86/svm.h>

/* An NMI waits and may be delivered: behind the IRET that ends the one before. */
static bool nmi_due(struct vcpu *v)
{
    if (v->hvm.nmi_iret && v->hvm.vmcb->rip != v->hvm.iret_rip)
        v->hvm.nmi_iret = false;
    return READ_ONCE(v->hvm.nmi_pending) && !v->hvm.nmi_masked && !v->hvm.nmi_iret;
}

/* The mask ends with the guest's next IRET, whose exit comes before it is executed. */
static void nmi_deliver(struct vcpu *v)
{
    v->hvm.nmi_pending = false;
    v->hvm.nmi_masked = true;
    v->hvm.vmcb->intercepts1 |= (uint32_t)SVM_1_IRET;
    v->hvm.vmcb->event_inject = SVM_EVENT(SVM_EVENT_NMI, X86_NMI);
}

/* An exit as soon as the guest can take an interrupt: a virtual one is asked for and intercepted.
 */
static void window(struct vmcb *b, bool open)
{
    if (open) {
        b->int_control |= SVM_INT_REQUEST;
        b->intercepts1 |= SVM_1_VINTR;
    } else {
        b->int_control &= (uint32_t)~SVM_INT_REQUEST;
        b->intercepts1 &= (uint32_t)~SVM_1_VINTR;
    }
}

/* Blocked until something is due: as with events, the flag first, then a look at what it waits for.
 */
static void halt(struct vcpu *v)
{
    vcpu_block_begin();
    if (nmi_due(v) || devices_due(v))
        vcpu_wake(v);
}

/*
 * The guest was left between STI and HLT. A processor holds interrupts back until HLT when it goes
 * on; QEMU's emulation of VMRUN does not, and the guest would halt behind the interrupt that was to
 * wake it. So HLT is carried out here, which is the same on either.
 */
static void halt_in_shadow(struct vcpu *v)
{
    const struct vmcb *b = v->hvm.vmcb;

    if (!v->hvm.halted && b->cpl == 0 && !(b->event_inject & SVM_EVENT_VALID) &&
        hvm_skip_decoded(v, INSN_HLT))
        v->hvm.halted = true;
}

/* What is to be delivered with the next entry. False: there is none, the vcpu waits. */
static bool deliver(struct vcpu *v)
{
    struct vmcb *b = v->hvm.vmcb;
    struct vint at;

    if (unlikely(b->int_shadow & 1))
        halt_in_shadow(v);
    if (nmi_due(v)) {
        v->hvm.halted = false;
        if (!(b->event_inject & SVM_EVENT_VALID) && !(b->int_shadow & 1))
            nmi_deliver(v);
    }
    at = (struct vint){.pending = devices_interrupt(v),
                       .enabled = b->rflags & RFLAGS_IF,
                       .shadow = b->int_shadow & 1,
                       .injecting = b->event_inject & SVM_EVENT_VALID,
                       .halted = v->hvm.halted};
    window(b, false);
    switch (vint_decide(&at)) {
    case VINT_ENTER:
        return true;
    case VINT_INJECT:
        v->hvm.halted = false;
        b->event_inject = SVM_EVENT(SVM_EVENT_EXTERNAL, devices_acknowledge(v));
        devices_run(v);
        return true;
    case VINT_WINDOW:
        window(b, true);
        return true;
    case VINT_OFF:
        log_info("%pv has halted for good", v);
        domain_shutdown(v->domain, SHUTDOWN_poweroff);
        return false;
    case VINT_WAIT:
        halt(v);
        return false;
    }
    return true;
}

/*
 * All that may have to happen before the guest runs on, as pv_return_work() does it for the other
 * type: the vcpu stops before anything is delivered to it.
 */
static void return_work(struct vcpu *v)
{
    for (;;) {
        if (READ_ONCE(this_cpu()->need_resched) || v->sched.blocked_by != 0) {
            schedule_at_boundary();
            continue;
        }
        if (unlikely(v->arch.pending_work != 0)) {
            if (__atomic_exchange_n(&v->arch.pending_work, 0, __ATOMIC_SEQ_CST) & WORK_DYING)
                vcpu_park_dying();
            continue;
        }
        devices_run(v);
        if (v->sched.blocked_by == 0 && deliver(v) && v->sched.blocked_by == 0)
            return;
    }
}

/*
 * What other CPUs have taken out of the physical map is not used again: in_guest is set before
 * flush_count is read, and whoever changes that looks at in_guest afterwards. One ASID serves all
 * vcpus of a CPU, which flushes when another one comes.
 */
static void tlb_control(struct vcpu *v, struct cpu *c)
{
    struct hvm_vcpu *h = &v->hvm;
    uint64_t count;

    __atomic_store_n(&h->in_guest, c->id + 1, __ATOMIC_SEQ_CST);
    count = __atomic_load_n(&v->domain->hvm.flush_count, __ATOMIC_SEQ_CST);
    if (c->svm_last == v && h->ran_on == c->id + 1 && h->flushed == count) {
        h->vmcb->tlb_control = 0;
        return;
    }
    h->vmcb->tlb_control = cpu_features.svm_flush_asid ? SVM_FLUSH_ASID : SVM_FLUSH_ALL;
    h->flushed = count;
    h->ran_on = c->id + 1;
    c->svm_last = v;
}

/*
 * XCR0 is the guest's while it runs. Where the processor has no exit for XSETBV it may come back as
 * another; a value that no guest may have cannot be undone, as the guest has used it.
 */
static void xcr0_follow(struct vcpu *v, struct cpu *c)
{
    uint32_t lo, hi;
    uint64_t now;

    if (!cpu_features.xsave)
        return;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    now = (uint64_t)hi << 32 | lo;
    if (likely(now == c->xcr0))
        return;
    c->xcr0 = now;
    if (fpu_xcr0_valid(now))
        v->arch.xcr0 = now;
    else
        domain_crash(v->domain, "%pv set XCR0 to %lx", v, (unsigned long)now);
}

void hvm_run(void)
{
    struct vcpu *v = current;

    for (;;) {
        struct cpu *c;

        return_work(v);
        c = this_cpu();
        tlb_control(v, c);
        svm_run(hvm_regs(v), v->hvm.vmcb, c);
        WRITE_ONCE(v->hvm.in_guest, 0);
        xcr0_follow(v, c);
        hvm_exit(v);
    }
}
