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

/* A sysctl; an error becomes "<what>: reason". */
int ctl_host_op(struct ctl *ctl, struct xen_sysctl *op, const char *what);

/*
 * One of Lodge's own (public/lodge_control.h): arg, of up to 128 bytes, lies at the beginning of
 * the union, there and back. What it points to is in a ctl_buf. An error becomes "<what>: reason";
 * where the operation is not known, -EOPNOTSUPP, and the reason is that this is not Lodge.
 */
int ctl_host_own_op(struct ctl *ctl, uint32_t cmd, void *arg, size_t size, const char *what, ...)
    __attribute__((format(printf, 5, 6)));

#endif
