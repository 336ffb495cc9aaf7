// SPDX-License-Identifier: GPL-2.0-only
/*
 * action.h: what happens to a guest that went down.
 */
#ifndef LODGE_MONITOR_ACTION_H
#define LODGE_MONITOR_ACTION_H

#include <liblodge/liblodge.h>

/* A guest that lived shorter than this and is to be restarted counts towards a loop. */
#define ACTION_QUICK_SECONDS 30
#define ACTION_QUICK_LIMIT   5

/* So many processes may be killed over one guest before it is left as it is. */
#define ACTION_TRIES 3

/* Also the exit status of the process that did it (jobs.h). */
enum action_result {
    ACTION_DONE,  /* or another process is at it */
    ACTION_NONE,  /* the guest stays as it is: preserve, not ours, or a failure */
    ACTION_LATER, /* xenstored went away: action_resume(), once it is back */
};

/*
 * Carries out what the config of a shut-down guest says. Does nothing for a guest that was not
 * made by these tools.
 */
enum action_result action_for(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                              int64_t now); /* now_seconds() */

/* Goes on with what a killed process has begun, if it has. */
enum action_result action_resume(struct lodge_session *l, const uint8_t uuid[16]);

#endif
