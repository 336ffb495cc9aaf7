/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The iret hypercall: the guest kernel leaves a trap handler, to its user mode or to itself. Its
 * frame lies on the guest's stack: rax, r11, rcx, flags, rip, cs, rflags, rsp, ss. What the frame
 * says is limited to what ring 3 may have; a frame that the processor then refuses ends in the
 * failsafe callback, one that cannot be read crashes the guest.
 *
 * Which mode it returns to is told by the RPL of cs: 3 is guest user mode, anything else the guest
 * kernel, whose interrupted cs a bounce frame shows with RPL 0. Ring 3 is what both get. Only guest
 * kernel mode makes hypercalls, and a multicall ends with this one, so the mode is kernel at entry,
 * and no call runs behind it on the tables that it may switch to.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/page.h>
#include <x86/uaccess.h>

/* The order is the ABI's. Copied in once; all that follows goes by the copy. */
struct iret_frame {
    uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};

int64_t hc_iret(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;
    struct cpu_regs *regs = guest_regs();
    struct iret_frame f;

    (void)a1, (void)a2, (void)a3, (void)a4;
    if (unlikely(copy_from_guest(&f, regs->rsp, sizeof(f)) != 0)) {
        domain_crash(v->domain, "%pv: iret with no frame at %lx", v, (unsigned long)regs->rsp);
        return 0;
    }
    if ((f.cs & 3) == 3) {
        if (unlikely(v->arch.guest_table_user.m == 0)) {
            domain_crash(v->domain, "%pv: iret to user mode without a user page table", v);
            return 0;
        }
        segments_enter_user(v);
    }
    if (unlikely(v->arch.iopl_shown))
        v->arch.iopl = (f.rflags & RFLAGS_IOPL) >> 12;
    regs->rip = f.rip;
    regs->cs = (f.cs & 0xffff) | 3; /* force the guest privilege level */
    /* Real interrupts are always on in a guest; its own IF is the event mask, below. */
    regs->rflags = (f.rflags & ~(RFLAGS_IOPL | RFLAGS_VM)) | RFLAGS_IF | 2;
    regs->rsp = f.rsp;
    regs->ss = (f.ss & 0xffff) | 3;
    if ((f.flags & VGCF_in_syscall) && va_canonical(f.rip) && regs->cs == SEL_USER_CS64 &&
        regs->ss == SEL_USER_DS) {
        regs->vector = VEC_SYSCALL; /* SYSRET destroys rcx and r11, and the guest knows */
        regs->rflags &= ~RFLAGS_NT; /* as guest_entry.h asks of whoever leaves by SYSRET */
    } else {
        regs->vector = VEC_IRET;
        regs->r11 = f.r11;
        regs->rcx = f.rcx;
    }
    v->info->evtchn_upcall_mask = !(f.rflags & RFLAGS_IF);
    v->arch.nmi_masked = false; /* any iret ends an NMI handler, as on the processor */
    if (unlikely(v->arch.nmi_pending)) {
        v->arch.nmi_pending = false;
        __atomic_fetch_or(&v->arch.pending_work, WORK_NMI, __ATOMIC_SEQ_CST);
    }
    return (int64_t)f.rax; /* the entry code stores the result into rax */
}
