// SPDX-License-Identifier: GPL-2.0-only
/* The control request: commands to the daemon itself, for dom0 only. */
#ifndef XENSTORED_CONTROL_H
#define XENSTORED_CONTROL_H

#include "proto.h"

/* Carries out the command in the request's strings. 0 or -errno. */
int control_run(struct proto_request *rq);

#endif
