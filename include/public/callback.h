/* SPDX-License-Identifier: MIT */
/*
 * callback_op: where the hypervisor enters a guest kernel other than through the trap table.
 *
 * callback_op(cmd, arg). All entries are in kernel mode with the flat code segment, on the kernel
 * stack if user mode was interrupted, with a frame as for an exception without an error code
 * (arch.h).
 *
 *   CALLBACKTYPE_event                an event is pending and not masked. Masked on entry, always.
 *   CALLBACKTYPE_failsafe             the guest's state could not be loaded when it was to be
 *                                     resumed, usually a selector that is no good any more. The
 *                                     frame has DS, ES, FS, GS after R11.
 *   CALLBACKTYPE_syscall              `syscall` from 64-bit user mode. RCX and R11 in the frame are
 *                                     what they were, that is, the address and the flags that
 *                                     `syscall` saved.
 *   CALLBACKTYPE_syscall32            `syscall` from 32-bit user mode, AMD processors
 *   CALLBACKTYPE_sysenter             `sysenter` from user mode, Intel processors
 *   CALLBACKTYPE_nmi                  the NMI, instead of vector 2 of the trap table. Masked on
 *                                     entry, always.
 *   CALLBACKTYPE_sysenter_deprecated  -ENOSYS
 *
 * set_callbacks(event, failsafe, syscall) registers those three addresses in one call.
 */
#ifndef LODGE_PUBLIC_CALLBACK_H
#define LODGE_PUBLIC_CALLBACK_H

#include "handles.h"

#define CALLBACKOP_register   0
#define CALLBACKOP_unregister 1

#define CALLBACKTYPE_event               0
#define CALLBACKTYPE_failsafe            1
#define CALLBACKTYPE_syscall             2
#define CALLBACKTYPE_sysenter_deprecated 3
#define CALLBACKTYPE_nmi                 4
#define CALLBACKTYPE_sysenter            5
#define CALLBACKTYPE_syscall32           7

/* Mask events on entry, for the types that leave a choice. */
#define _CALLBACKF_mask_events 0
#define CALLBACKF_mask_events  (1U << _CALLBACKF_mask_events)

/*
 * CALLBACKOP_register: for the calling vcpu. Others register their own, or have it in their
 * vcpu_guest_context. -EINVAL for an address that is not canonical, -ENOSYS for an unknown type.
 */
struct callback_register {
    uint16_t type;          /* IN, CALLBACKTYPE_* */
    uint16_t flags;         /* IN, CALLBACKF_* */
    xen_callback_t address; /* IN */
};
typedef struct callback_register callback_register_t;
DEFINE_XEN_GUEST_HANDLE(callback_register_t);
_Static_assert(sizeof(callback_register_t) == 16, "callback_register");

/* CALLBACKOP_unregister: only the NMI callback can be taken away; -EINVAL for the others. */
struct callback_unregister {
    uint16_t type; /* IN, CALLBACKTYPE_* */
    uint16_t _unused;
};
typedef struct callback_unregister callback_unregister_t;
DEFINE_XEN_GUEST_HANDLE(callback_unregister_t);
_Static_assert(sizeof(callback_unregister_t) == 4, "callback_unregister");

#endif
