/* SPDX-License-Identifier: GPL-2.0-only */
/* XENMEM_exchange, which has a file of its own. */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <lib/types.h>

/* arg: guest address of struct xen_memory_exchange. 0 or -XEN_E*. Preempts: no lock held. */
int64_t memory_exchange(uint64_t arg);

#endif
