// SPDX-License-Identifier: GPL-2.0-only
/*
 * action.h: what happens to a guest that went down.
 */
#ifndef LODGE_MONITOR_ACTION_H
#define LODGE_MONITOR_ACTION_H

#include <cli/domain.h>

/* A guest that lived shorter than this and is to be restarted counts towards a loop. */
#define ACTION_QUICK_SECONDS 30
#define ACTION_QUICK_LIMIT   5

/*
 * Carries out what the config of a shut-down guest says. Does nothing for a guest that was not
 * made by these tools. Returns false if the guest stays as it is (preserve, or a failure).
 */
bool action_for(struct lodge *l, const struct xen_domctl_getdomaininfo *info, int64_t now);

/* Which on_* setting a shutdown reason falls under; -1 if none does. */
int action_event(unsigned reason);

#endif
