/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to happen to an interrupt that the board asks for, before a guest is entered. One
 * function of what the processor's part knows; it changes nothing.
 *
 * An instruction that the hypervisor completes for the guest ends the interrupt shadow that it was
 * in: the processor's part clears it then, HLT included (STI; HLT is how one waits).
 */
#ifndef HVM_VINT_H
#define HVM_VINT_H

#include <lib/types.h>

struct vint {
    bool pending;     /* the board has an interrupt: board_interrupt() */
    bool enabled;     /* RFLAGS.IF */
    bool shadow;      /* STI or a load of SS was the last instruction */
    bool injecting;   /* another event is to be injected with this entry */
    bool halted;      /* HLT has been executed, and nothing has come since */
    bool nmi_pending; /* ends HLT, too */
};

enum vint_action {
    VINT_ENTER,  /* nothing to inject */
    VINT_INJECT, /* acknowledge, inject the vector, enter; if it was halted, it is no longer */
    VINT_WINDOW, /* enter, and ask for an exit when interrupts can be taken */
    VINT_WAIT,   /* halted: block until the board or an NMI wakes it */
    VINT_OFF,    /* halted with interrupts off, for good: the guest has switched itself off */
};

static inline enum vint_action vint_decide(const struct vint *v)
{
    bool open = v->enabled && !v->shadow && !v->injecting;

    if (v->halted && !v->nmi_pending && !v->injecting && !(v->pending && v->enabled))
        return v->enabled ? VINT_WAIT : VINT_OFF;
    if (!v->pending)
        return VINT_ENTER;
    return open ? VINT_INJECT : VINT_WINDOW;
}

#endif
