/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of a vcpu's state beside its context that tools save and restore. No lock is held; 0,
 * -XEN_ESRCH (no such vcpu), -XEN_EINVAL, -XEN_EFAULT, -XEN_EOPNOTSUPP (no XSAVE).
 */
#ifndef PV_VCPU_STATE_H
#define PV_VCPU_STATE_H

#include <lib/types.h>
#include <public/domctl.h>

struct domain;

int64_t vcpu_state_get_ext(struct domain *d, struct xen_domctl_ext_vcpucontext *e);
int64_t vcpu_state_set_ext(struct domain *d, const struct xen_domctl_ext_vcpucontext *e);
int64_t vcpu_state_get_xsave(struct domain *d, struct xen_domctl_vcpuextstate *e);
int64_t vcpu_state_set_xsave(struct domain *d, const struct xen_domctl_vcpuextstate *e);

#endif
