/* SPDX-License-Identifier: GPL-2.0-only */
/* SCHEDOP_watchdog: timers that shut a domain down unless it winds them again. */
#ifndef CORE_WATCHDOG_H
#define CORE_WATCHDOG_H

#include <lib/types.h>

struct domain;

void watchdog_domain_init(struct domain *d);
void watchdog_domain_destroy(struct domain *d); /* stops them, and waits for a handler that runs */
/*
 * id 0: a new one (its id is returned); else wind that one. timeout, in seconds, 0: end it.
 * -XEN_EINVAL for one that is not in use, -XEN_ENOSPC when all are.
 */
int64_t watchdog_set(struct domain *d, uint32_t id, uint32_t timeout);

#endif
