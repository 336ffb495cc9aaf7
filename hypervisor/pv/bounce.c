/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounce frames: how a trap, an event or a system call of the guest's user mode enters the guest
 * kernel. A frame is written on the guest kernel's stack (its current one, or kernel_sp when it
 * comes from user mode), and the registers are changed so that leaving the hypervisor continues at
 * the handler. The layout, from the new stack pointer upwards:
 *
 *   rcx, r11, [ds, es, fs, gs for the failsafe], [error code], rip, cs, rflags, rsp, ss
 *
 * cs carries the event mask in its second half, and shows ring 0 when the guest kernel was
 * interrupted; rflags shows IF as the opposite of the mask. This is where a guest's system call
 * and page fault spend most of their time in the hypervisor.
 *
 * A guest chooses its handlers, its kernel stack and, in kernel mode, rsp. None is trusted: the
 * frame is written to guest addresses only; and a handler is canonical, which is judged when it is
 * registered, as SYSRET to any other address would fault in ring 0. A handler
 * that is not mapped, or a stack that overflows, is the guest's own next trap, or its end.
 *
 * Whoever changes a frame here does so to guest_regs() of the current vcpu, with no lock held.
 */
#include <core/domain.h>
#include <lib/bug.h>
#include <public/arch.h>
#include <pv/alias.h>
#include <pv/entry.h>
#include <pv/segments.h>
#include <pv/type.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/guest_words.h>
#include <x86/page.h>

/* Where there is no stack that can be written the guest has nowhere to go. */
static __attribute__((noinline)) void no_stack(struct vcpu *v, vaddr_t sp, uint64_t rip)
{
    domain_crash(v->domain, "%pv: no stack at %lx for an entry to %lx", v, (unsigned long)sp,
                 (unsigned long)rip);
}

/*
 * The frame at sp, with n extra words (0, 1 or 4) in its variable part. False: it cannot be
 * written. Each word goes from one frame to the other by itself, as there are more of them than
 * registers.
 */
static inline __attribute__((always_inline)) bool frame_write(vaddr_t sp,
                                                              const struct cpu_regs *regs,
                                                              uint64_t cs, uint64_t rflags,
                                                              const uint64_t *extra, unsigned n)
{
    uint64_t *w = (uint64_t *)sp;

    if (unlikely(!guest_words_ok(sp, (7 + n) * 8)))
        return false;
    guest_open();
    guest_put(regs->rcx, &w[0], fault);
    guest_put(regs->r11, &w[1], fault);
    if (n >= 1)
        guest_put(extra[0], &w[2], fault);
    if (n == 4) {
        guest_put(extra[1], &w[3], fault);
        guest_put(extra[2], &w[4], fault);
        guest_put(extra[3], &w[5], fault);
    }
    guest_put(regs->rip, &w[n + 2], fault);
    guest_put(cs, &w[n + 3], fault);
    guest_put(rflags, &w[n + 4], fault);
    guest_put(regs->rsp, &w[n + 5], fault);
    guest_put(regs->ss, &w[n + 6], fault);
    guest_close();
    return true;
fault:
    guest_close();
    return false;
}

/* What entered: the guest kernel, its user mode, or a SYSCALL of that from 64-bit code. */
enum bounce_from { FROM_USER, FROM_KERNEL, FROM_SYSCALL };

/*
 * Write a frame and continue at rip. The vcpu is in guest kernel mode by now, whose tables the
 * frame is written by. mask: the event mask as it is before the entry changes it, which the guest's
 * iret takes back. rip is canonical, as all addresses of handlers are that a guest registers. In
 * line, as each caller knows half of this at compile time.
 */
static inline __attribute__((always_inline)) void bounce(struct vcpu *v, struct cpu_regs *regs,
                                                         enum bounce_from from, uint8_t mask,
                                                         const uint64_t *extra, unsigned n,
                                                         const uint64_t *rip, bool mask_events)
{
    struct vcpu_info *info = v->info;
    vaddr_t sp = from == FROM_KERNEL ? regs->rsp : v->pv.kernel_sp;
    uint64_t cs = from == FROM_SYSCALL  ? SEL_USER_CS64
                  : from == FROM_KERNEL ? regs->cs & ~3ull
                                        : regs->cs;
    uint64_t rflags = regs->rflags & ~RFLAGS_IOPL;

    ASSERT(va_canonical(*rip) && (rflags & RFLAGS_IF));
    if (unlikely(mask | v->pv.iopl_shown)) {
        cs |= (uint64_t)mask << 32;
        if (mask)
            rflags &= ~RFLAGS_IF;
        if (v->pv.iopl_shown)
            rflags |= (uint64_t)v->pv.iopl << 12;
    }
    sp = (sp & ~0xfull) - (7 + n) * 8;
    if (unlikely(!frame_write(sp, regs, cs, rflags, extra, n))) {
        no_stack(v, sp, *rip);
        return;
    }
    if (mask_events)
        info->evtchn_upcall_mask = 1;
    regs->rip = *rip;
    regs->rflags &= ~(RFLAGS_AC | RFLAGS_VM | RFLAGS_RF | RFLAGS_NT | RFLAGS_TF);
    regs->rsp = sp;
    if (from == FROM_SYSCALL) { /* entry.S has set the others, to the same */
        ASSERT(regs->cs == SEL_USER_CS64 && regs->ss == SEL_USER_DS && regs->vector == VEC_SYSCALL);
        return;
    }
    regs->cs = SEL_USER_CS64;
    regs->ss = SEL_USER_DS;
    /* SYSRET destroys rcx and r11, which the handler takes from the frame anyway. */
    regs->vector = VEC_SYSCALL;
}

bool bounce_has_handler(const struct vcpu *v, unsigned vector)
{
    return v->pv.traps[vector].address != 0;
}

static bool vector_has_error_code(unsigned vector)
{
    return vector < 32 && ((0x00227d00u >> vector) & 1); /* 8, 10-14, 17, 21 */
}

/* The last three say what is known of the vector, and its entry of the table. */
static inline __attribute__((always_inline)) void trap_enter(struct vcpu *v, struct cpu_regs *regs,
                                                             unsigned vector, uint32_t error_code,
                                                             bool has_error_code)
{
    const struct trap_info *ti = &v->pv.traps[vector];
    enum bounce_from from = v->arch.kernel_mode ? FROM_KERNEL : FROM_USER;
    uint64_t extra[1] = {error_code};

    if (unlikely(ti->address == 0)) {
        domain_crash(v->domain, "%pv: trap %u (error code %#x) at %lx and no handler for it", v,
                     vector, error_code, (unsigned long)regs->rip);
        return;
    }
    pv_count_at(regs, LODGE_STAT_FRAME_TRAP);
    v->pv.last_trap = vector;
    v->pv.last_trap_error = error_code;
    v->pv.last_trap_rip = regs->rip;
    if (from == FROM_USER)
        segments_enter_kernel(v);
    bounce(v, regs, from, v->info->evtchn_upcall_mask, extra, has_error_code, &ti->address,
           ti->flags & 4); /* 4: mask events */
}

void bounce_trap(struct cpu_regs *regs, unsigned vector, uint32_t error_code)
{
    vector &= 0xff;
    if (vector_has_error_code(vector))
        trap_enter(current, regs, vector, error_code, true);
    else
        trap_enter(current, regs, vector, error_code, false);
}

void pv_inject_trap(unsigned vector, uint32_t error_code)
{
    bounce_trap(guest_regs(), vector, error_code);
}

void pv_inject_page_fault(vaddr_t addr, uint32_t error_code)
{
    struct vcpu *v = current;

    v->info->arch.cr2 = addr;
    /* The processor calls both modes user; the guest wants to know which of its own it was. */
    if (v->arch.kernel_mode)
        error_code &= ~PF_USER;
    else
        error_code |= PF_USER;
    trap_enter(v, guest_regs(), X86_PF, error_code, true);
}

/* Of any vcpu: noted here, delivered by itself on its way to the guest, where the kick sends it. */
void pv_inject_nmi(struct vcpu *v)
{
    __atomic_fetch_or(&v->arch.pending_work, WORK_NMI, __ATOMIC_SEQ_CST);
    vcpu_kick(v);
}

/* No entry for it: the instruction is invalid. */
static __attribute__((noinline)) void syscall_refused(struct cpu_regs *regs)
{
    regs->rip -= 2; /* back to the SYSCALL itself */
    regs->vector = X86_UD;
    bounce_trap(regs, X86_UD, 0);
}

void pv_syscall_bounce(struct cpu_regs *regs)
{
    struct vcpu *v = current;

    if (unlikely(v->pv.syscall_callback == 0)) {
        syscall_refused(regs);
        return;
    }
    pv_count_at(regs, LODGE_STAT_FRAME_SYSCALL);
    segments_enter_kernel(v);
    bounce(v, regs, FROM_SYSCALL, v->info->evtchn_upcall_mask, NULL, 0, &v->pv.syscall_callback,
           v->pv.syscall_masks);
}

/* 32-bit code has an entry point of its own, and may also be the guest kernel's: that has none. */
void pv_syscall32_bounce(struct cpu_regs *regs)
{
    struct vcpu *v = current;

    if (unlikely(v->pv.syscall32_callback == 0 || v->arch.kernel_mode)) {
        syscall_refused(regs);
        return;
    }
    pv_count_at(regs, LODGE_STAT_FRAME_SYSCALL);
    segments_enter_kernel(v);
    bounce(v, regs, FROM_USER, v->info->evtchn_upcall_mask, NULL, 0, &v->pv.syscall32_callback,
           v->pv.syscall32_masks);
}

/* Only where vcpu_event_due() said so: the mask in the frame is 0, and 1 from now on. */
static void bounce_event(struct vcpu *v, struct cpu_regs *regs)
{
    enum bounce_from from = v->arch.kernel_mode ? FROM_KERNEL : FROM_USER;

    pv_count_at(regs, LODGE_STAT_FRAME_EVENT);
    if (from == FROM_USER)
        segments_enter_kernel(v);
    bounce(v, regs, from, 0, NULL, 0, &v->pv.event_callback, true);
}

/*
 * The guest loads its selectors anew, with its own fault handlers in place, and tries again.
 * selectors: what was in ds, es, fs, gs.
 */
static void bounce_failsafe(struct vcpu *v, struct cpu_regs *regs, const uint64_t *selectors)
{
    enum bounce_from from = v->arch.kernel_mode ? FROM_KERNEL : FROM_USER;

    if (v->pv.failsafe_callback == 0) {
        domain_crash(v->domain, "%pv: cannot return to %lx:%lx and no failsafe callback", v,
                     (unsigned long)regs->cs, (unsigned long)regs->rip);
        return;
    }
    pv_count_at(regs, LODGE_STAT_FRAME_FAILSAFE);
    if (from == FROM_USER)
        segments_enter_kernel(v);
    bounce(v, regs, from, v->info->evtchn_upcall_mask, selectors, 4, &v->pv.failsafe_callback,
           v->pv.failsafe_masks);
}

/*
 * The processor refused the frame we were about to return with: segments or the frame itself are
 * not what its tables allow. The guest hears of it through its failsafe callback. IRETQ has not
 * touched the data segment registers (nor does the hypervisor), so they hold what the guest had.
 */
void pv_failsafe(struct cpu_regs *regs)
{
    uint64_t s[4];

    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=r"(s[0]), "=r"(s[1]), "=r"(s[2]), "=r"(s[3]));
    bounce_failsafe(current, regs, s);
}

/* At switch-in a selector was refused and is null now; the frame has what the guest had in it. */
static void bounce_selector(struct vcpu *v, struct cpu_regs *regs)
{
    const struct pv_vcpu *a = &v->pv;
    const uint64_t s[4] = {a->ds, a->es, a->fs, a->gs};

    bounce_failsafe(v, regs, s);
}

/* NMIs do not nest: masked from here until the next iret hypercall; at most one waits. */
static void bounce_nmi(struct vcpu *v, struct cpu_regs *regs)
{
    if (!bounce_has_handler(v, X86_NMI))
        return;
    if (v->pv.nmi_masked) {
        v->pv.nmi_pending = true; /* the handler's IRET brings it up again */
        return;
    }
    v->pv.nmi_masked = true;
    bounce_trap(regs, X86_NMI, 0);
}

/*
 * The bits of pending_work. Others set them atomically; each is taken before it is acted upon, so
 * one that is set again meanwhile is seen by the next pass. WORK_FRAME and WORK_STOP ask for
 * nothing here: that the slow path was taken makes entry.S load all of the frame, or the vcpu stop.
 */
static void return_rare_work(struct vcpu *v, struct cpu_regs *regs)
{
    uint32_t work = __atomic_exchange_n(&v->arch.pending_work, 0, __ATOMIC_SEQ_CST);

    if (work & WORK_DYING)
        vcpu_park_dying();
    if (work & WORK_SELECTOR)
        bounce_selector(v, regs);
    if (work & WORK_NMI)
        bounce_nmi(v, regs);
}

/*
 * All that may have to happen before the guest runs on. Loops until there is nothing left;
 * interrupts are off, so what comes up afterwards arrives as an interrupt: whoever changes one of
 * these conditions for a vcpu that runs elsewhere sends a kick after it.
 *
 * The order: a vcpu that is to stop stops before anything is delivered to it (a crash, too, ends in
 * blocked_by). Events come last: one that follows a trap interrupts its handler's first
 * instruction. WORK_ALIAS only leads here.
 */
void pv_return_work(struct cpu_regs *regs)
{
    struct vcpu *v = current;

    for (;;) {
        if (unlikely(v->pv.alias_queued != 0)) /* first: it belongs to the call that is over */
            alias_drain(v);
        if (READ_ONCE(this_cpu()->need_resched) || v->sched.blocked_by != 0) {
            schedule_at_boundary(); /* may come back on another CPU: this_cpu() is asked anew */
            continue;
        }
        if (unlikely(v->arch.pending_work != 0)) {
            return_rare_work(v, regs);
            continue;
        }
        if (!vcpu_event_due(v))
            return;
        bounce_event(v, regs);
    }
}
