/* SPDX-License-Identifier: MIT */
/*
 * The numbers of Lodge's own control operations, all in one place: what each does is in the header
 * of its subject.
 *
 * The ABI has no numbers of sysctl from 48 on and of domctl from 112 on. A new operation takes the
 * next one; one that has gone leaves its number unused, so that an old tool is refused and not
 * misunderstood. Below 64, and below 128 of domctl, a number needs nothing else.
 */
#ifndef LODGE_PUBLIC_LODGE_CONTROL_H
#define LODGE_PUBLIC_LODGE_CONTROL_H

#define LODGE_SYSCTL_stats 48 /* lodge_stats.h */
#define LODGE_SYSCTL_trace 49 /* lodge_trace.h */

/* LODGE_DOMCTL_*: from 112 on; there is none yet. */

#endif
