// SPDX-License-Identifier: GPL-2.0-only
/*
 * libstore.h: the tools' connection to xenstore, with many requests in one round trip.
 *
 * libxenstore's calls wait for each answer, which costs two process switches per node: making a
 * guest's forty nodes that way would cost more than building its memory. Here requests are queued
 * and store_flush() sends them together and collects all answers. One handle, one thread.
 */
#ifndef LODGE_LIBSTORE_H
#define LODGE_LIBSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Connects over xenstored's socket, else over the kernel's device. NULL with a message in err. */
struct store *store_open(char *err, size_t errlen);
/*
 * A connection that is dead from the start, for those that can do without: reads find nothing,
 * every flush fails.
 */
struct store *store_absent(const char *why);
void store_close(struct store *s);

/* Becomes readable when a watch may have fired: then store_receive(). */
int store_fd(struct store *s);

/*
 * Queued requests. They belong to the open transaction, if there is one, and are carried out in
 * order. Nothing happens before store_flush().
 */
void store_write(struct store *s, const char *path, const char *value);
void store_mkdir(struct store *s, const char *path);
void store_remove(struct store *s, const char *path); /* a missing node is not an error */
/* Owner dom0; `reader` may read, or with `owner` set owns the node. */
void store_perms(struct store *s, const char *path, uint16_t domid, bool owner);
/* `owner` may do everything, `reader` may read; dom0 may anyway. */
void store_share(struct store *s, const char *path, uint16_t owner, uint16_t reader);
/*
 * Sets *value to NULL. After the flush it is malloc'ed, with a NUL behind it; or still NULL, where
 * the node is missing or cannot be read. The pointer has to be good until then.
 */
void store_read(struct store *s, const char *path, char **value);

/*
 * The names of a node's children, each with its terminator; NULL where there is no such node. A
 * list that is too long for one answer is asked for in parts, behind everything else that is
 * queued. -EBUSY if it changes again and again meanwhile (in a transaction it does not).
 */
void store_dir(struct store *s, const char *path, char **names, size_t *len);

/*
 * Carries out what is queued. Returns 0, or the first error as a negative errno with a message in
 * store_message(); the requests behind the failing one are carried out all the same.
 */
int store_flush(struct store *s);
const char *store_message(const struct store *s);

/* The same, for one node at once. */
char *store_get(struct store *s, const char *path);
/* Children of a node; free() each and the array. NULL with *nr 0 where there are none. */
char **store_list(struct store *s, const char *path, unsigned *nr);

/* A transaction flushes on both ends. -EAGAIN from commit: someone interfered; start again. */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_abort(struct store *s);

/*
 * A transaction that is tried until nobody has interfered: its requests are the loop's body.
 *
 *     struct store_transaction t = {0};
 *
 *     while (store_transact(s, &t)) {
 *         ... reads, and writes, or store_refuse() if what was read speaks against it
 *     }
 *
 * After it t.rc is 0, or what store_refuse() was given (t.refused is set), or a negative errno of
 * the connection's, -EAGAIN where somebody interfered again and again. No `break`: it would leave
 * the transaction open.
 */
struct store_transaction {
    int rc;
    unsigned tries;
    bool is_open, refused;
};
bool store_transact(struct store *s, struct store_transaction *t);
void store_refuse(struct store *s, struct store_transaction *t, int rc);

int store_introduce(struct store *s, uint16_t domid, uint64_t mfn, uint32_t port);
int store_release(struct store *s, uint16_t domid);
bool store_is_introduced(struct store *s, uint16_t domid);

int store_watch(struct store *s, const char *path, const char *token);
int store_unwatch(struct store *s, const char *path, const char *token);
/*
 * Called for each event as it arrives, which is inside store_receive() or whenever an answer is
 * awaited. It takes note and makes no request: one bit for each thing to look at again, and none
 * for a path that does not matter. Events are not kept here, since a guest makes as many as it
 * likes, with as many paths, where a watch is on what it may write.
 */
typedef void store_event_fn(void *arg, const char *path, const char *token);
void store_on_event(struct store *s, store_event_fn *event, void *arg);
/* Takes what has arrived; never waits. */
void store_receive(struct store *s);
/* True once the connection is lost: xenstored went away. */
bool store_is_dead(const struct store *s);

/* Format a path or value; the result lives in one of a few rotating buffers: use it at once. */
const char *store_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Of a value that another domain wrote, before it goes to a terminal: '?' for control characters.
 * NULL is left alone. */
void store_printable(char *text);

#endif
