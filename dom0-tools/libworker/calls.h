/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls that a filter lets pass, whatever their arguments. 0 or -errno, as libseccomp's. */
#ifndef LODGE_CALLS_H
#define LODGE_CALLS_H

#include <seccomp.h>
#include <stddef.h>

int calls_allow(scmp_filter_ctx filter, const int *calls, size_t count);
/* What each process needs that serves others on descriptors which it has been given. */
int calls_allow_usual(scmp_filter_ctx filter);

#endif
