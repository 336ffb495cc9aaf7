/* SPDX-License-Identifier: MIT */
/*
 * callback_op: where the hypervisor enters a guest kernel other than through the trap table.
 */
#ifndef LODGE_PUBLIC_CALLBACK_H
#define LODGE_PUBLIC_CALLBACK_H

#include "xen.h"

#define CALLBACKOP_register   0
#define CALLBACKOP_unregister 1

#define CALLBACKTYPE_event               0
#define CALLBACKTYPE_failsafe            1
#define CALLBACKTYPE_syscall             2
#define CALLBACKTYPE_sysenter_deprecated 3
#define CALLBACKTYPE_nmi                 4
#define CALLBACKTYPE_sysenter            5
#define CALLBACKTYPE_syscall32           7

#define _CALLBACKF_mask_events 0
#define CALLBACKF_mask_events  (1U << _CALLBACKF_mask_events)

/* CALLBACKOP_register */
struct callback_register {
    uint16_t type;          /* IN, CALLBACKTYPE_* */
    uint16_t flags;         /* IN, CALLBACKF_* */
    xen_callback_t address; /* IN */
};
typedef struct callback_register callback_register_t;
DEFINE_XEN_GUEST_HANDLE(callback_register_t);
_Static_assert(sizeof(callback_register_t) == 16, "callback_register");

/* CALLBACKOP_unregister */
struct callback_unregister {
    uint16_t type; /* IN, CALLBACKTYPE_* */
    uint16_t _unused;
};
typedef struct callback_unregister callback_unregister_t;
DEFINE_XEN_GUEST_HANDLE(callback_unregister_t);
_Static_assert(sizeof(callback_unregister_t) == 4, "callback_unregister");

#endif
