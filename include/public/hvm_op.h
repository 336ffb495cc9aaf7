/* SPDX-License-Identifier: MIT */
/*
 * hvm_op: parameters of a fully virtualized domain. -ENOSYS for a caller that may not set those of
 * another domain, and for other domains.
 */
#ifndef LODGE_PUBLIC_HVM_OP_H
#define LODGE_PUBLIC_HVM_OP_H

#include "handles.h"

#define HVMOP_set_param 0
#define HVMOP_get_param 1

/* -EINVAL: no such parameter, or it cannot have that value; -EBUSY: not any more. */
struct xen_hvm_param {
    domid_t domid; /* IN */
    uint16_t pad;
    uint32_t index; /* IN, HVM_PARAM_* */
    uint64_t value; /* IN of set, OUT of get */
};
typedef struct xen_hvm_param xen_hvm_param_t;
DEFINE_XEN_GUEST_HANDLE(xen_hvm_param_t);
_Static_assert(sizeof(xen_hvm_param_t) == 16, "xen_hvm_param");

/*
 * Frames of the domain and its ports. STORE: for its xenstore ring. CONSOLE: the ring that its
 * serial line's bytes go through, and the port that the other end gets events by; both are set
 * before the domain first runs.
 */
#define HVM_PARAM_STORE_PFN      1
#define HVM_PARAM_STORE_EVTCHN   2
#define HVM_PARAM_CONSOLE_PFN    17
#define HVM_PARAM_CONSOLE_EVTCHN 18
#define HVM_NR_PARAMS            39

#endif
