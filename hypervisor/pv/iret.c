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
#include <core/domain.h>
#include <core/hypercall.h>
#include <public/arch.h>
#include <public/lodge.h>
#include <pv/segments.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/guest_words.h>
#include <x86/page.h>

/* The order is the ABI's. */
struct iret_frame {
    uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};

/*
 * Copied in once, what may be anything at once to where the guest resumes from, and all that is
 * judged into f. False: no frame there.
 */
static inline bool frame_read(struct cpu_regs *regs, struct iret_frame *f)
{
    const struct iret_frame *w = (const struct iret_frame *)regs->rsp;

    if (unlikely(!guest_words_ok(regs->rsp, sizeof(*w))))
        return false;
    guest_open();
    guest_get(f->rax, &w->rax, fault);
    guest_get(regs->r11, &w->r11, fault);
    guest_get(regs->rcx, &w->rcx, fault);
    guest_get(f->flags, &w->flags, fault);
    guest_get(f->rip, &w->rip, fault);
    guest_get(f->cs, &w->cs, fault);
    guest_get(f->rflags, &w->rflags, fault);
    guest_get(f->ss, &w->ss, fault);
    guest_get(regs->rsp, &w->rsp, fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

/* Any iret ends an NMI handler, as on the processor; one that came meanwhile is due now. */
static inline void nmi_unmask(struct vcpu *v)
{
    v->pv.nmi_masked = false;
    if (v->pv.nmi_pending) {
        v->pv.nmi_pending = false;
        __atomic_fetch_or(&v->arch.pending_work, WORK_NMI, __ATOMIC_SEQ_CST);
    }
}

/* SYSRET destroys rcx and r11, and a guest that sets the flag knows. If guest_entry.h permits. */
static inline void leave_by_sysret(struct cpu_regs *regs)
{
    if (va_canonical(regs->rip) && regs->cs == SEL_USER_CS64 && regs->ss == SEL_USER_DS) {
        regs->vector = VEC_SYSCALL;
        regs->rflags &= ~RFLAGS_NT;
    }
}

/*
 * lodge_sysret and lodge_iret, where x86/entry_area.S has left them to us, or there is no area. To
 * user mode always; what the frame is judged by is the copy that is loaded.
 */
static int64_t area_return(bool full)
{
    struct vcpu *v = current;
    struct cpu_regs *regs = guest_regs();
    struct lodge_vcpu_area *a = v->pv.area;
    uint64_t flags, rax;

    if (a == NULL)
        return -XEN_ENOSYS;
    if (unlikely(v->pv.guest_table_user.m == 0)) {
        domain_crash(v->domain, "%pv: return to user mode without a user page table", v);
        return 0;
    }
    rax = READ_ONCE(a->rax);
    flags = READ_ONCE(a->rflags);
    regs->rip = READ_ONCE(a->rip);
    regs->rsp = READ_ONCE(a->rsp);
    regs->rflags = (flags & ~(RFLAGS_IOPL | RFLAGS_VM | RFLAGS_NT)) | RFLAGS_IF | 2;
    regs->vector = VEC_IRET_KEPT;
    regs->rcx = full ? READ_ONCE(a->rcx) : regs->rip;
    regs->r11 = full ? READ_ONCE(a->r11) : regs->rflags;
    regs->cs = full ? (READ_ONCE(a->cs) & 0xffff) | 3 : SEL_USER_CS64;
    regs->ss = full ? (READ_ONCE(a->ss) & 0xffff) | 3 : SEL_USER_DS;
    v->info->evtchn_upcall_mask = full && !(flags & RFLAGS_IF);
    if (unlikely(v->pv.nmi_masked))
        nmi_unmask(v);
    segments_enter_user(v);
    return (int64_t)rax;
}

int64_t hc_lodge_sysret(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    (void)a1, (void)a2, (void)a3, (void)a4;
    return area_return(false);
}

int64_t hc_lodge_iret(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    (void)a1, (void)a2, (void)a3, (void)a4;
    return area_return(true);
}

/*
 * All but the mode. Real interrupts are always on in a guest; its own IF is the event mask. In
 * line, once for each mode.
 */
static inline __attribute__((always_inline)) void frame_load(struct vcpu *v, struct cpu_regs *regs,
                                                             const struct iret_frame *f)
{
    regs->rip = f->rip;
    regs->cs = (f->cs & 0xffff) | 3; /* force the guest privilege level */
    regs->rflags = (f->rflags & ~(RFLAGS_IOPL | RFLAGS_VM)) | RFLAGS_IF | 2;
    regs->ss = (f->ss & 0xffff) | 3;
    regs->vector = VEC_IRET_KEPT;
    if (unlikely(f->flags & VGCF_in_syscall))
        leave_by_sysret(regs);
    v->info->evtchn_upcall_mask = !(f->rflags & RFLAGS_IF);
    if (unlikely(v->pv.iopl_shown))
        v->pv.iopl = (f->rflags & RFLAGS_IOPL) >> 12;
    if (unlikely(v->pv.nmi_masked)) /* without it none can be pending */
        nmi_unmask(v);
}

int64_t hc_iret(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;
    struct cpu_regs *regs = guest_regs();
    struct iret_frame f;

    (void)a1, (void)a2, (void)a3, (void)a4;
    if (unlikely(!frame_read(regs, &f))) {
        domain_crash(v->domain, "%pv: iret with no frame at %lx", v, (unsigned long)regs->rsp);
        return 0;
    }
    if (unlikely((f.cs & 3) != 3)) {
        frame_load(v, regs, &f);
    } else if (likely(v->pv.guest_table_user.m != 0)) {
        frame_load(v, regs, &f);
        segments_enter_user(v);
    } else {
        domain_crash(v->domain, "%pv: iret to user mode without a user page table", v);
        return 0;
    }
    return (int64_t)f.rax; /* the entry code stores the result into rax */
}
