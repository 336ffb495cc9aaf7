// SPDX-License-Identifier: GPL-2.0-only
/*
 * daemon_store.h: the store as a source of a daemon's loop, through its restarts.
 *
 * Apart from libdaemon.h, as workers have a loop and no store.
 */
#ifndef LODGE_DAEMON_STORE_H
#define LODGE_DAEMON_STORE_H

#include <libstore/libstore.h>
#include "libdaemon.h"

struct daemon_store {
    struct loop_source src; /* must be first */
    struct store **store;   /* where the daemon has it; replaced when xenstored comes back */
    /* Sets all watches of a new connection; false: it was lost again, or refuses them. */
    bool (*watch)(struct store *s);
    void (*lost)(void); /* xenstored went away: a line in the log */
    void (*back)(void); /* it is there again, watched: look at everything */
    /* daemon_store.c's: */
    bool serves;      /* the connection is watched, and the loop tells of it */
    int64_t next_try; /* when to connect next, while it does not */
};

/* Watches the connection that there is. False, if that fails. */
bool daemon_store_start(struct daemon_store *d);
/* Once in each turn of the loop: false as long as xenstored is away. */
bool daemon_store_run(struct daemon_store *d);
/* For loop_turn(): the same time, or less where xenstored is away and is to be tried before. */
int daemon_store_timeout(const struct daemon_store *d, int timeout_ms);

#endif
