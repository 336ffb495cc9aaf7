/* SPDX-License-Identifier: GPL-2.0-only */
/* core's table of domctls (domctl.c), and the operations in it that are in files of their own. */
#ifndef CORE_DOMCTL_H
#define CORE_DOMCTL_H

#include <core/control.h>

extern const struct domctl_entry core_domctls[NR_DOMCTLS];

/* domctl_vcpu.c */
domctl_fn domctl_getnodeaffinity;
domctl_vcpu_fn domctl_setvcpucontext, domctl_getvcpucontext, domctl_getvcpuinfo,
    domctl_setvcpuaffinity, domctl_getvcpuaffinity, domctl_sendtrigger;
domctl_fn domctl_getdomaininfo; /* domain_info.c */

#endif
