/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vcpu's XSAVE state, which tools save and restore, as domctls. No lock is held; 0, -XEN_EINVAL,
 * -XEN_EFAULT, -XEN_EOPNOTSUPP (no XSAVE).
 */
#ifndef GUEST_XSAVE_H
#define GUEST_XSAVE_H

#include <core/control.h>

domctl_vcpu_fn xsave_get, xsave_set;

#endif
