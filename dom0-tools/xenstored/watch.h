// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches and the events that wait to be read.
 *
 * Events are queued per connection and merged when the reader is slow: a second event for the
 * same watch and path is dropped while the first one waits, and beyond the limit of a connection
 * each watch gets one event that names its own path, which means "look again at everything". So
 * neither a flooding writer nor a reader that has stopped can make the daemon grow.
 */
#ifndef XENSTORED_WATCH_H
#define XENSTORED_WATCH_H

#include "conn.h"
#include "store.h"

struct watch {
    struct list_link conn_link; /* in conn->watches */
    struct watch *hash_next;
    struct conn *conn;
    uint32_t hash;
    uint16_t home; /* length of the prefix that the client did not send, and does not get back */
    struct list_link pending; /* events of this watch, oldest first */
    char *token;
    char path[]; /* absolute, or special */
};

/* Registers and queues the first event. 0, -EEXIST, or -E2BIG or -ENOSPC over the quota. */
int watch_add(struct conn *c, const char *path, size_t home, const char *token);

/* Removes the watch and its waiting events. 0 or -ENOENT. */
int watch_remove(struct conn *c, const char *path, const char *token);
void watch_remove_all(struct conn *c);

void watch_fire(const struct store_change *change);
void watch_fire_special(const char *path);

/* Queues one event per watch: after a restart nobody knows which ones were lost. */
void watch_fire_own(struct conn *c);

/* Takes the oldest event as a complete message (at most CONN_MSG_MAX bytes); 0 if there is none. */
size_t watch_next_event(struct conn *c, void *msg);

#endif
