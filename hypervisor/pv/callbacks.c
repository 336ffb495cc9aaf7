/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the guest wants to be entered: its trap table, its callbacks for events, failures and
 * system calls, its kernel stack. All are guest addresses in ring 3: a wrong one harms only the
 * guest, but a non-canonical one is refused here so that no return path meets it.
 *
 * All of it is the current vcpu's own, read by itself on its way to the guest: no lock. The cs that
 * a guest gives for a handler is kept for the tools; handlers are entered with the flat 64-bit code
 * segment (pv/bounce.c).
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <lib/string.h>
#include <public/arch.h>
#include <public/callback.h>
#include <public/nmi.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/uaccess.h>

/*
 * set_trap_table(array): entries up to one with address 0; a null array clears the table. Entries
 * before one that is refused stay set; vectors that the array does not name keep their handler.
 */
int64_t hc_set_trap_table(uint64_t table, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;
    struct trap_info ti;

    (void)a2, (void)a3, (void)a4;
    if (table == 0) {
        memset(v->pv.traps, 0, 256 * sizeof(*v->pv.traps));
        return 0;
    }
    /* Each vector at most once or twice: a longer list is not a trap table. */
    for (unsigned i = 0; i < 512; i++) {
        if (copy_from_guest(&ti, table + i * sizeof(ti), sizeof(ti)) != 0)
            return -XEN_EFAULT;
        if (ti.address == 0)
            return 0;
        if (!va_canonical(ti.address))
            return -XEN_EINVAL;
        v->pv.traps[ti.vector] = ti; /* the vector has 8 bits, and the table 256 entries */
        preempt_point();
    }
    return -XEN_EINVAL;
}

/* Not checked further: a bounce frame goes to it by copy_to_guest(), and a bad one is a crash. */
int64_t hc_stack_switch(uint64_t ss, uint64_t sp, uint64_t a3, uint64_t a4)
{
    (void)a3, (void)a4;
    current->pv.kernel_ss = (ss & 0xffff) | 3;
    current->pv.kernel_sp = sp;
    return 0;
}

/* The three callbacks of the old form of registration, which says nothing about masking. */
int64_t hc_set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall, uint64_t a4)
{
    struct pv_vcpu *a = &current->pv;

    (void)a4;
    if (!va_canonical(event) || !va_canonical(failsafe) || !va_canonical(syscall))
        return -XEN_EINVAL;
    a->event_callback = event;
    a->failsafe_callback = failsafe;
    if (syscall != 0)
        a->syscall_callback = syscall;
    return 0;
}

/* mask: whether events are masked on entry. For the event callback they always are. */
static int64_t callback_register(const struct callback_register *r)
{
    struct pv_vcpu *a = &current->pv;
    bool mask = r->flags & CALLBACKF_mask_events;

    if (!va_canonical(r->address))
        return -XEN_EINVAL;
    switch (r->type) {
    case CALLBACKTYPE_event:
        a->event_callback = r->address;
        return 0;
    case CALLBACKTYPE_failsafe:
        a->failsafe_callback = r->address;
        a->failsafe_masks = mask;
        return 0;
    case CALLBACKTYPE_syscall:
        a->syscall_callback = r->address;
        a->syscall_masks = mask;
        return 0;
    case CALLBACKTYPE_syscall32:
        a->syscall32_callback = r->address;
        a->syscall32_masks = mask;
        return 0;
    case CALLBACKTYPE_sysenter:
        a->sysenter_callback = r->address;
        a->sysenter_masks = mask;
        return 0;
    case CALLBACKTYPE_nmi: /* the trap table's entry for vector 2 by another name; 4: mask events */
        a->traps[X86_NMI] = (struct trap_info){
            .vector = X86_NMI, .flags = 4, .cs = SEL_USER_CS64, .address = r->address};
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}

static int64_t callback_unregister(unsigned type)
{
    switch (type) {
    case CALLBACKTYPE_event:
    case CALLBACKTYPE_failsafe:
    case CALLBACKTYPE_syscall:
    case CALLBACKTYPE_syscall32:
    case CALLBACKTYPE_sysenter:
        return -XEN_EINVAL; /* these may be replaced, not taken away */
    case CALLBACKTYPE_nmi:
        memset(&current->pv.traps[X86_NMI], 0, sizeof(struct trap_info));
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}

int64_t hc_callback_op(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    (void)a3, (void)a4;
    switch (cmd) {
    case CALLBACKOP_register: {
        struct callback_register r;

        if (copy_from_guest(&r, arg, sizeof(r)) != 0)
            return -XEN_EFAULT;
        return callback_register(&r);
    }
    case CALLBACKOP_unregister: {
        struct callback_unregister u;

        if (copy_from_guest(&u, arg, sizeof(u)) != 0)
            return -XEN_EFAULT;
        return callback_unregister(u.type);
    }
    default:
        return -XEN_ENOSYS;
    }
}

int64_t hc_nmi_op(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    struct xennmi_callback cb;

    (void)a3, (void)a4;
    switch (cmd) {
    case XENNMI_register_callback:
        if (copy_from_guest(&cb, arg, sizeof(cb)) != 0)
            return -XEN_EFAULT;
        return callback_register(
            &(struct callback_register){.type = CALLBACKTYPE_nmi, .address = cb.handler_address});
    case XENNMI_unregister_callback:
        return callback_unregister(CALLBACKTYPE_nmi);
    default:
        return -XEN_ENOSYS;
    }
}

/* TS of the guest's CR0: the next FPU instruction then traps to the guest itself. */
int64_t hc_fpu_taskswitch(uint64_t set, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;

    (void)a2, (void)a3, (void)a4;
    v->pv.cr0 = set ? v->pv.cr0 | CR0_TS : v->pv.cr0 & ~CR0_TS;
    fpu_set_guest_ts(v, set != 0);
    return 0;
}
