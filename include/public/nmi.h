/* SPDX-License-Identifier: MIT */
/*
 * nmi_op: the control domain's say in hardware NMIs. Vcpu 0 of the control domain only; -EINVAL for
 * any other caller.
 *
 * nmi_op(XENNMI_register_callback, arg) and nmi_op(XENNMI_unregister_callback, null).
 */
#ifndef LODGE_PUBLIC_NMI_H
#define LODGE_PUBLIC_NMI_H

#include "handles.h"

#define XENNMI_register_callback   0
#define XENNMI_unregister_callback 1

/*
 * Bits of arch_shared_info.nmi_reason: an I/O check, a PCI error, or an NMI without a known source.
 */
#define _XEN_NMIREASON_io_error 0
#define XEN_NMIREASON_io_error  (1UL << _XEN_NMIREASON_io_error)
#define _XEN_NMIREASON_pci_serr 1
#define XEN_NMIREASON_pci_serr  (1UL << _XEN_NMIREASON_pci_serr)
#define _XEN_NMIREASON_unknown  2
#define XEN_NMIREASON_unknown   (1UL << _XEN_NMIREASON_unknown)

/* XENNMI_register_callback: same as CALLBACKTYPE_nmi. */
struct xennmi_callback {
    unsigned long handler_address; /* IN */
    unsigned long pad;
};
typedef struct xennmi_callback xennmi_callback_t;
DEFINE_XEN_GUEST_HANDLE(xennmi_callback_t);
_Static_assert(sizeof(xennmi_callback_t) == 16, "xennmi_callback");

#endif
