/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD's SVM on each CPU: found, turned on, and the way into a guest and out of it.
 *
 * Two pages a CPU: one in which VMRUN keeps the host's state while a guest runs, in a form that is
 * the processor's own, and a VMCB of which only the part is used that VMSAVE and VMLOAD know: TR,
 * LDTR, FS and GS with their bases, and the registers behind SYSCALL. These are the host's (and the
 * last PV guest's) between two exits.
 */
#include <core/console.h>
#include <core/frame.h>
#include <lib/bug.h>
#include <x86/cpu.h>
#include <x86/irqs_off.h>
#include <x86/page.h>
#include <x86/svm.h>

#define MSR_VM_CR      0xc0010114
#define MSR_VM_HSAVE   0xc0010117
#define VM_CR_DISABLED 0x10ull

void svm_enter(struct cpu_regs *regs, paddr_t vmcb, paddr_t host); /* svm_enter.S */

void svm_prepare_cpu(struct cpu *c)
{
    struct cpu_features *f = &cpu_features;

    if (!f->svm || !f->svm_npt)
        return;
    c->svm_save = hpage_alloc();
    c->svm_host = hpage_alloc();
    if (c->svm_save == NULL || c->svm_host == NULL)
        panic("no memory for CPU%u", c->id);
}

/* The lock is firmware's, and may be another on each CPU: one that cannot is the end of it for all.
 */
void svm_init_cpu(struct cpu *c)
{
    uint64_t vm_cr;

    if (c->svm_save == NULL)
        return;
    if (rdmsr_safe(MSR_VM_CR, &vm_cr) != 0 || (vm_cr & VM_CR_DISABLED)) {
        cpu_features.svm_on = false;
        return;
    }
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE, virt_to_phys(c->svm_save));
    if (c->id == 0)
        cpu_features.svm_on = true;
}

/* After all processors have started. */
INIT_TEXT void svm_report(void)
{
    const struct cpu_features *f = &cpu_features;

    if (f->svm_on)
        log_info("fully virtualized guests: SVM with nested paging%s%s",
                 f->svm_next_rip ? ", next RIP" : "", f->svm_flush_asid ? ", flush by ASID" : "");
    else
        log_info("no fully virtualized guests: %s", !f->svm ? "the processor has no SVM"
                                                    : !f->svm_npt
                                                        ? "SVM has no nested paging"
                                                        : "the firmware has turned SVM off");
}

void svm_keep_host(const struct cpu *c)
{
    __asm__ volatile("vmsave %0" : : "a"(virt_to_phys(c->svm_host)) : "memory");
}

/*
 * QEMU's emulation of VMRUN may lose an interrupt of ours that comes just as it notes a virtual
 * one: it changes the word that both are in without a lock. The interrupt stays in the local APIC,
 * and nobody looks for it before the next one, which a halted machine never sees if it was its only
 * timer. A write to TPR, which is 0 anyway, makes the APIC look again. Elsewhere it does nothing.
 */
void svm_run(struct cpu_regs *regs, struct vmcb *vmcb, const struct cpu *c)
{
    bool requested = vmcb->int_control & SVM_INT_PENDING;

    irqs_off_end();
    svm_enter(regs, virt_to_phys(vmcb), virt_to_phys(c->svm_host));
    irqs_off_begin();
    if (requested)
        __asm__ volatile("mov %0, %%cr8" : : "r"(0ull));
}
