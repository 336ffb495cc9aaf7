/* SPDX-License-Identifier: GPL-2.0-only */
/* What sysctl and platform_op have in common, apart from their tables. */
#ifndef CORE_CONTROL_CALL_H
#define CORE_CONTROL_CALL_H

#include <lib/types.h>

/* How the argument of each begins. */
struct control_head {
    uint32_t cmd, interface_version;
};

/*
 * The hypercall: arg is copied into the `size` bytes at op, run() works on that, and the copy goes
 * back if the operation succeeds. What is refused is told with the name of the call.
 */
int64_t control_call(const char *name, vaddr_t arg, void *op, size_t size, uint32_t version,
                     int64_t (*run)(void *op));

#endif
