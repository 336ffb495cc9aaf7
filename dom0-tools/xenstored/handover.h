// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update: this process becomes another version of the daemon, and nobody's connection ends.
 *
 * Nodes and domains are in the state directory at any time, for the case that the daemon is killed.
 * What a kill ends are the connections of the socket, and the socket itself: their descriptors stay
 * open over execve(), and a file in memory says which is what.
 */
#ifndef XENSTORED_HANDOVER_H
#define XENSTORED_HANDOVER_H

#include "conn.h"

/* Notes what a successor gets: this process's arguments, its lock and its listening socket. */
void handover_prepare(char **argv, int lock_fd, int listen_fd);

/*
 * Becomes `program`, with the arguments in `cmdline`, split at spaces, or NULL: with its own. The
 * successor answers the asker with these bytes, once it serves. Returns only where that cannot be,
 * with the reason; then nothing has changed.
 */
const char *handover_to(const char *program, const char *cmdline, const struct conn *asker,
                        const void *answer, size_t len);

/*
 * To be called before any other descriptor is opened. 1: this process is such a successor, and the
 * two descriptors are open. 0: it is not. -1: it is one and does not understand what it was given.
 * That has been let go, and the process starts like any other, except that it is in the background
 * already.
 */
int handover_begin(int *lock_fd, int *listen_fd);
/* Restores the connections, when the store has been loaded; the caller polls and wakes each. */
void handover_load(void);

#endif
