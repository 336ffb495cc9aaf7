/* SPDX-License-Identifier: GPL-2.0-only */
/* What the control operations share: the answer to "how is this domain", and operations on vcpus.
 */
#ifndef CORE_DOMCTL_H
#define CORE_DOMCTL_H

#include <lib/types.h>
#include <public/domctl.h>

struct domain;

void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info);
/* Operations on one vcpu (core/domctl_vcpu.c); -XEN_ENOSYS: not one of them. */
int64_t domctl_vcpu(struct domain *d, struct xen_domctl *op, bool *copyback);

#endif
