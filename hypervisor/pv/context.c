/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vcpu's complete context (struct vcpu_guest_context): set when a domain is built, restored or
 * brings up a processor, and read by tools. What can be judged by the structure alone is checked
 * before anything is changed; what can fail later (the references on tables) is taken before the
 * old is let go.
 *
 * The structure comes from a guest (VCPUOP_initialise) as well as from the control domain, so it is
 * judged in full in both cases: addresses canonical, cs and ss raised to ring 3, flags cut to what
 * ring 3 may have, FPU state put right. The caller has copied it in, and sees to it that the vcpu
 * does not run and that nobody else sets its context (vcpu_context_begin()).
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/arch.h>
#include <pv/descriptors.h>
#include <pv/entry.h>
#include <pv/page_types.h>
#include <pv/pv.h>
#include <pv/type.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/page.h>
#include <x86/time.h>

#define FXSAVE_SIZE 512 /* an XSAVE area's header follows */

/* The registers come first in both frames, in the same order, down to the error code. */
#define REGS_COMMON offsetof(struct cpu_regs, error_code)
_Static_assert(REGS_COMMON == offsetof(struct cpu_user_regs, error_code), "frames agree");

/* kernel_sp and rsp may be anything: who writes there checks the range. */
static bool context_ok(const struct vcpu_guest_context *c)
{
    if (!va_canonical(c->event_callback_eip) || !va_canonical(c->failsafe_callback_eip) ||
        !va_canonical(c->syscall_callback_eip) || !va_canonical(c->fs_base) ||
        !va_canonical(c->gs_base_kernel) || !va_canonical(c->gs_base_user) ||
        !va_canonical(c->user_regs.rip))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
        if (!va_canonical(c->trap_ctxt[i].address))
            return false;
    }
    return c->gdt_ents <= FIRST_RESERVED_GDT_ENTRY && pv_ldt_ok(c->ldt_base, c->ldt_ents);
}

/* Kernel and user root table; the second may be none. A reference on each, or none and an error. */
static int tables_get(struct domain *d, uint64_t kernel, uint64_t user)
{
    int rc;

    if (kernel >= max_mfn || user >= max_mfn)
        return -XEN_EINVAL;
    rc = page_type_get(frame_of(MFN(kernel)), PAGE_TYPE_L4, d);
    if (rc != 0 || user == 0)
        return rc;
    rc = page_type_get(frame_of(MFN(user)), PAGE_TYPE_L4, d);
    if (rc != 0)
        page_type_put(frame_of(MFN(kernel)), d);
    return rc;
}

static void tables_put(struct domain *d, mfn_t kernel, mfn_t user)
{
    if (kernel.m != 0)
        page_type_put(frame_of(kernel), d);
    if (user.m != 0)
        page_type_put(frame_of(user), d);
}

/* The frame at the top of v's stack, from which it is resumed. */
static void context_set_regs(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct cpu_regs *r = pv_vcpu_regs(v);

    memcpy(r, &c->user_regs, REGS_COMMON);
    r->error_code = 0;
    r->vector = VEC_IRET;
    r->rip = c->user_regs.rip;
    r->cs = c->user_regs.cs | 3;
    r->rflags =
        (c->user_regs.rflags & ~(RFLAGS_IOPL | RFLAGS_VM | RFLAGS_NT | RFLAGS_VIF | RFLAGS_VIP)) |
        RFLAGS_IF | 2;
    r->rsp = c->user_regs.rsp;
    r->ss = c->user_regs.ss | 3;
    v->pv.iopl = (c->user_regs.rflags & RFLAGS_IOPL) >> 12;
    v->pv.ds = c->user_regs.ds;
    v->pv.es = c->user_regs.es;
    v->pv.fs = c->user_regs.fs;
    v->pv.gs = c->user_regs.gs;
    v->pv.fs_base = c->fs_base;
    v->pv.gs_base_kernel = c->gs_base_kernel;
    v->pv.gs_base_user = c->gs_base_user;
    /* All registers are new, see x86/guest_entry.h; and of old selectors nothing is left to say. */
    __atomic_fetch_and(&v->arch.pending_work, ~WORK_SELECTOR, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&v->arch.pending_work, WORK_FRAME, __ATOMIC_SEQ_CST);
}

static void context_set_entries(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct pv_vcpu *a = &v->pv;

    v->arch.kernel_mode = c->flags & VGCF_in_kernel;
    memcpy(a->traps, c->trap_ctxt, sizeof(c->trap_ctxt));
    for (unsigned i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
        a->traps[i].cs |= 3;
    a->event_callback = c->event_callback_eip;
    a->failsafe_callback = c->failsafe_callback_eip;
    a->syscall_callback = c->syscall_callback_eip;
    a->failsafe_masks = c->flags & VGCF_failsafe_disables_events;
    a->syscall_masks = c->flags & VGCF_syscall_disables_events;
    a->kernel_sp = c->kernel_sp;
    a->kernel_ss = c->kernel_ss | 3;
    a->cr0 = (a->cr0 & ~CR0_TS) | (c->ctrlreg[0] & CR0_TS);
    v->arch.fpu_ts = a->cr0 & CR0_TS;
    if (c->ctrlreg[4] != 0)
        a->cr4 = (a->cr4 & ~CR4_GUEST) | (c->ctrlreg[4] & CR4_GUEST);
    if (v->id == 0) /* the domain's, and in each vcpu's structure */
        v->domain->arch.vm_assist = c->vm_assist & vm_assist_known;
    pv_assists_changed(v->domain);
}

/* An FXSAVE image: x87 and SSE, the rest in its initial state. v does not run. */
static void context_set_fpu(struct vcpu *v, const struct vcpu_guest_context *c)
{
    uint64_t header = 3; /* XSTATE_BV: x87 and SSE (Intel SDM vol. 1, XSAVE area) */
    uint8_t *area = v->arch.fpu;

    if (!(c->flags & VGCF_i387_valid))
        return;
    fpu_sync(v);
    memcpy(area, &c->fpu_ctxt, FXSAVE_SIZE);
    memset(area + FXSAVE_SIZE - 48, 0, 48); /* the part that is software's */
    if (cpu_features.xsave)
        memcpy(area + FXSAVE_SIZE, &header, sizeof(header));
    fpu_area_check(area);
}

/* 0, or -XEN_E* with the tables and registers as they were. May be preempted: no lock is held. */
int pv_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct pv_vcpu *a = &v->pv;
    uint64_t kernel = c->ctrlreg[3] >> PAGE_SHIFT, user = c->ctrlreg[1] >> PAGE_SHIFT;
    mfn_t old_kernel, old_user;
    int rc;

    if (!context_ok(c) || (!(c->flags & VGCF_in_kernel) && user == 0)) {
        guest_refused("context of %pv has an address or a count out of range", v);
        return -XEN_EINVAL;
    }
    rc = tables_get(v->domain, kernel, user);
    if (rc != 0) {
        guest_refused("root tables %lx, %lx of %pv: %d", (unsigned long)kernel, (unsigned long)user,
                      v, rc);
        return rc;
    }
    /* The GDT's frames are judged as descriptor pages, like those of set_gdt. */
    rc = pv_set_gdt(v, c->gdt_frames, (unsigned)c->gdt_ents);
    if (rc != 0) {
        tables_put(v->domain, MFN(kernel), MFN(user));
        return rc;
    }
    rc = pv_set_ldt(v, c->ldt_base, (unsigned)c->ldt_ents);
    BUG_ON(rc != 0); /* context_ok() has judged it */
    context_set_regs(v, c);
    context_set_entries(v, c);
    context_set_fpu(v, c);
    debugreg_reset(v);
    for (unsigned i = 0; i < 8; i++) {
        if (i != 4 && i != 5) /* a breakpoint that is refused is left out, not an error */
            debugreg_set(v, i, c->debugreg[i]);
    }
    /* The references from tables_get() are the vcpu's from here on; it had none the first time. */
    old_kernel = a->guest_table;
    old_user = a->guest_table_user;
    a->guest_table = MFN(kernel);
    a->guest_table_user = MFN(user);
    pv_load_tables(v);
    tables_put(v->domain, old_kernel, old_user);
    v->initialised = true;
    if (v->id == 0) /* Xen's builder has cleared the page of the clock by now, and expects this */
        time_update_domain_wallclock(v->domain);
    return 0;
}

/* v does not run. Frame numbers are the machine's: tools that move a domain translate. */
void pv_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    const struct cpu_regs *r = pv_vcpu_regs(v);
    const struct pv_vcpu *a = &v->pv;

    memset(c, 0, sizeof(*c));
    memcpy(&c->user_regs, r, REGS_COMMON);
    c->user_regs.error_code = r->error_code;
    c->user_regs.rip = r->rip;
    c->user_regs.cs = (uint16_t)r->cs;
    c->user_regs.rflags = (r->rflags & ~RFLAGS_IOPL) | (uint64_t)a->iopl << 12;
    c->user_regs.rsp = r->rsp;
    c->user_regs.ss = (uint16_t)r->ss;
    c->user_regs.ds = a->ds;
    c->user_regs.es = a->es;
    c->user_regs.fs = a->fs;
    c->user_regs.gs = a->gs;
    c->user_regs.saved_upcall_mask = v->info->evtchn_upcall_mask;
    if (r->vector == VEC_SYSCALL) { /* these two have the guest's values only by convention */
        c->user_regs.rcx = r->rip;
        c->user_regs.r11 = r->rflags;
    }
    c->flags = VGCF_i387_valid | (v->arch.kernel_mode ? VGCF_in_kernel : 0) |
               (a->failsafe_masks ? VGCF_failsafe_disables_events : 0) |
               (a->syscall_masks ? VGCF_syscall_disables_events : 0) |
               (v->sched.blocked_by & SCHED_DOWN ? 0 : VGCF_online);
    fpu_sync(v);
    memcpy(&c->fpu_ctxt, v->arch.fpu, FXSAVE_SIZE);
    memcpy(c->trap_ctxt, a->traps, sizeof(c->trap_ctxt));
    c->ldt_base = a->ldt_base;
    c->ldt_ents = a->ldt_entries;
    c->gdt_ents = a->gdt_entries;
    for (unsigned i = 0; i < DIV_UP(a->gdt_entries, 512u); i++)
        c->gdt_frames[i] = a->gdt_frames[i].m;
    c->kernel_ss = a->kernel_ss;
    c->kernel_sp = a->kernel_sp;
    c->ctrlreg[0] = a->cr0;
    c->ctrlreg[1] = a->guest_table_user.m << PAGE_SHIFT;
    c->ctrlreg[3] = a->guest_table.m << PAGE_SHIFT;
    c->ctrlreg[4] = a->cr4;
    for (unsigned i = 0; i < 8; i++)
        c->debugreg[i] = v->arch.dr[i];
    c->event_callback_eip = a->event_callback;
    c->failsafe_callback_eip = a->failsafe_callback;
    c->syscall_callback_eip = a->syscall_callback;
    c->vm_assist = v->domain->arch.vm_assist;
    c->fs_base = a->fs_base;
    c->gs_base_kernel = a->gs_base_kernel;
    c->gs_base_user = a->gs_base_user;
}
