/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of a vcpu's state beside its context that tools save and restore, as domctls. No lock
 * is held; 0, -XEN_EINVAL, -XEN_EFAULT, -XEN_EOPNOTSUPP (no XSAVE).
 */
#ifndef PV_VCPU_STATE_H
#define PV_VCPU_STATE_H

#include <core/control.h>

domctl_vcpu_fn vcpu_state_get_ext, vcpu_state_set_ext, vcpu_state_get_xsave, vcpu_state_set_xsave;

#endif
