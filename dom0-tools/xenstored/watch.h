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
#include "nodes.h"

/* Owned by its connection. After watch_add() only the links change. */
struct watch {
    struct list_link conn_link; /* in conn->watches */
    struct watch *hash_next;    /* in the table's chain */
    struct conn *conn;
    uint32_t hash; /* of `path` */
    uint16_t home; /* length of the prefix that the client did not send, and does not get back;
                      less than that of `path`, so it can be cut off any path that fires this */
    struct list_link pending; /* events of this watch, oldest first */
    char *token;              /* the client's own text; an event gives it back */
    char path[];              /* absolute, or special */
};

/*
 * Registers and queues the first event. 0, -EEXIST, -EINVAL for a token that leaves no room for
 * the path in an event, or, with `enforce`, -E2BIG or -ENOSPC over the quota. Needs no right on the
 * path: what the watcher may learn is decided each time when something happens there.
 */
int watch_add(struct conn *c, const char *path, size_t home, const char *token, bool enforce);

/* Removes the watch and its waiting events. 0 or -ENOENT. */
int watch_remove(struct conn *c, const char *path, const char *token);
void watch_remove_all(struct conn *c);

/*
 * Queues an event for each watch on the changed path, on what is above it and, for a removal, on
 * what was below it, where the watcher may see it. The change has been made in nodes_main already.
 */
void watch_fire(const struct nodes_change *change);
void watch_fire_special(const char *path);

/* Queues one event per watch: after a restart nobody knows which ones were lost. */
void watch_fire_own(struct conn *c);

/* Takes the oldest event as a complete message (at most CONN_MSG_MAX bytes); 0 if there is none. */
size_t watch_next_event(struct conn *c, void *msg);

#endif
