/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of libctl share among themselves and with nobody else.
 */
#ifndef LODGE_CTL_PRIVATE_H
#define LODGE_CTL_PRIVATE_H

#include "libctl.h"

/* Why something failed, in the words of this library's messages. */
const char *ctl_reason(int err);

/*
 * A hypercall of the form op(cmd, pointer to arg): arg goes through safe memory, there and back.
 * The hypercall's result, or a negative errno, without a message (but for a lack of memory here).
 */
long ctl_hypercall_buf(struct ctl *ctl, unsigned int op, unsigned int cmd, void *arg, size_t size);

/* A domctl on one domain; an error becomes "domain 7 cannot be <what>: reason". */
int ctl_domain_op(struct ctl *ctl, uint16_t domid, struct xen_domctl *op, const char *what);

#endif
