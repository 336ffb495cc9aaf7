/* SPDX-License-Identifier: GPL-2.0-only */
/* What control operations share: the answer to "how is this domain", operations on vcpus. */
#ifndef CORE_DOMCTL_H
#define CORE_DOMCTL_H

#include <lib/types.h>
#include <public/domctl.h>

struct domain;

/*
 * What the tools see of d; it is held by the caller. Fields are read without locks while they
 * change (also by sysctl, beside a domctl): each is right at some moment, not all at the same one.
 */
void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info);
/*
 * Operations on one vcpu (core/control/domctl_vcpu.c); -XEN_ENOSYS: not one of them. *copyback is
 * set where op has an answer for the caller.
 */
int64_t domctl_vcpu(struct domain *d, struct xen_domctl *op, bool *copyback);

#endif
