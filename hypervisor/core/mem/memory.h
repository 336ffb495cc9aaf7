/* SPDX-License-Identifier: GPL-2.0-only */
/* XENMEM_exchange, which has a file of its own. */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <core/control.h>

/* arg is a struct xen_memory_exchange. 0 or -XEN_E*. Preempts: no lock held. */
memory_op_fn memory_exchange;

#endif
