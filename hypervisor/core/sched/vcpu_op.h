/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of vcpu_op that is about struct vcpu itself. */
#ifndef CORE_VCPU_OP_H
#define CORE_VCPU_OP_H

#include <lib/types.h>

struct vcpu;

/*
 * Moves v's vcpu_info to offset bytes into a frame of its domain, for good; v is current, or down.
 * Keeps a writable reference on the frame (v->info_frame) until vcpu_drop_info(). -XEN_EINVAL: not
 * the domain's frame or not to be had writable, a bad offset, or it has been moved before.
 */
int vcpu_register_info(struct vcpu *v, uint64_t gfn, uint32_t offset);

#endif
