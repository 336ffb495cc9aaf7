/* SPDX-License-Identifier: GPL-2.0-only */
/* What of vcpu_op others do on a vcpu's behalf. */
#ifndef CORE_VCPU_OP_H
#define CORE_VCPU_OP_H

#include <lib/types.h>

struct vcpu;

/* Moves v's vcpu_info to offset bytes into a frame of its domain. -XEN_EINVAL. */
int vcpu_register_info(struct vcpu *v, uint64_t gfn, uint32_t offset);

#endif
