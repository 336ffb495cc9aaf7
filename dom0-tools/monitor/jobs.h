// SPDX-License-Identifier: GPL-2.0-only
/*
 * jobs.h: processes that each work on one guest, so that a guest whose back-end does not answer
 * holds up nobody else.
 */
#ifndef LODGE_MONITOR_JOBS_H
#define LODGE_MONITOR_JOBS_H

#include <stdbool.h>
#include <stdint.h>

/* So many at once: each may be building a guest, and dom0 has other things to do, too. */
#define JOBS_MAX 8

struct job {
    uint8_t uuid[16]; /* of the guest */
    uint16_t domid;   /* 0: it has no domain */
    int result;       /* what work() returned; -1: it was killed */
};

/*
 * Calls work(arg) in a process of its own, with no signal blocked; what it returns becomes the
 * job's result, and must be 0 to 255. The child has a copy of all that is open and in memory here.
 * -EBUSY if there is one for this guest already, or no room for another; one that ends is the time
 * to ask again. Any other negative errno: there are no processes to be had.
 */
int jobs_start(const uint8_t uuid[16], uint16_t domid, int (*work)(void *arg), void *arg);

/* Takes one that has ended; false if none has. SIGCHLD says when. */
bool jobs_ended(struct job *out);

#endif
