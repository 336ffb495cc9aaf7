/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a fully virtualized vcpu and domain, beyond what all types have (x86/vcpu.h): plain
 * data for core/domain.h, which embeds it, so it includes nothing else of hvm/.
 *
 * As with other types, a vcpu's state is changed by itself, or by others while it does not run. The
 * exceptions are nmi_pending, set by anybody, and in_guest, read by anybody.
 */
#ifndef HVM_VCPU_H
#define HVM_VCPU_H

#include <core/spinlock.h>
#include <core/timer.h>
#include <lib/types.h>

struct board;
struct frame;
struct vmcb;

struct hvm_vcpu {
    struct vmcb *vmcb; /* one page; RAX, RSP and all that VMRUN and VMLOAD load are there */
    unsigned in_guest; /* 1 + the CPU on which it is in guest mode, or about to be; 0: it is not */
    unsigned ran_on;   /* 1 + the CPU on which it was last in guest mode; 0: none yet */
    uint64_t flushed;  /* d->hvm.flush_count that its translations are as new as */
    bool halted;       /* HLT: until something is to be delivered */
    bool nmi_pending;
    bool nmi_masked; /* from its delivery to the guest's IRET */
    bool nmi_iret;   /* that IRET is executed next, at iret_rip */
    uint64_t iret_rip;
};

struct hvm_domain {
    struct spinlock lock; /* LOCK_P2M: the tables */
    uint64_t *root;       /* of the nested page tables; NULL: not made, or taken apart */
    uint64_t *end;        /* the same while they are taken apart */
    uint64_t flush_count; /* atomic: entries have been removed so often */

    struct board *board;      /* devices.c; the vcpu's own */
    struct timer board_timer; /* sets board_due */
    uint64_t board_next;   /* what the timer is set to, as the vcpu knows; UINT64_MAX: it is not */
    bool board_due;        /* set by anybody: time has come for the board */
    bool board_changed;    /* by the vcpu: board_next() may be another one */
    struct frame *console; /* the page, by a writable type reference; NULL: none */
    uint64_t params[39];   /* HVM_PARAM_*, as the tools have set them */
};

#endif
