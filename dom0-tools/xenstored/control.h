// SPDX-License-Identifier: GPL-2.0-only
/* The control request: commands to the daemon itself, for dom0 only. */
#ifndef XENSTORED_CONTROL_H
#define XENSTORED_CONTROL_H

#include "proto.h"

/* Carries out the command in the request's strings; its text is the answer. 0 or -errno. The caller
 * has made sure that the request comes from dom0. */
int control_run(struct proto_request *rq);

#endif
