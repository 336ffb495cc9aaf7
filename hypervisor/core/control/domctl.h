/* SPDX-License-Identifier: GPL-2.0-only */
/* What control operations share: the answer to "how is this domain"; those that are elsewhere. */
#ifndef CORE_DOMCTL_H
#define CORE_DOMCTL_H

#include <core/control.h>

struct domain;
struct xen_domctl_getdomaininfo;

/*
 * What the tools see of d; it is held by the caller. Fields are read without locks while they
 * change (also by sysctl, beside a domctl): each is right at some moment, not all at the same one.
 */
void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info);
/* Operations on one vcpu (core/control/domctl_vcpu.c). */
domctl_vcpu_fn domctl_setvcpucontext, domctl_getvcpucontext, domctl_getvcpuinfo,
    domctl_setvcpuaffinity, domctl_getvcpuaffinity, domctl_sendtrigger;

#endif
