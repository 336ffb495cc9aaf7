/* SPDX-License-Identifier: GPL-2.0-only */
/* What a PV guest may call, and what may be called on it: tables by number. */
#ifndef PV_CALLS_H
#define PV_CALLS_H

#include <core/control.h>
#include <core/hypercall.h>

/* hypercall.c: the handlers of a vcpu whose domain has this privilege. */
hypercall_fn *const *pv_hypercalls(bool privileged);
extern const struct domctl_entry pv_domctls[NR_DOMCTLS]; /* domctl.c */

#endif
