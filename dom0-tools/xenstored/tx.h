// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions, with conflicts decided by what was really seen.
 *
 * A transaction works on a copy of the tree (one reference, see tree.h). It remembers which
 * aspects of which nodes its answers depended on, and which changes it made. At the end these
 * aspects are compared, by content, between the tree it started from and the store of now; if they
 * agree, every answer would have been the same now, and the changes are made on the store. So two
 * transactions that create siblings, or a writer next door, are no conflict; a value that was read
 * and has changed is one.
 *
 * Three trees take part. `base` is the store as it was at the start and is only compared with. The
 * view starts as the same tree and carries the transaction's own changes, so that it reads what it
 * wrote. The store moves on by itself. A commit does not use the view: it makes the recorded
 * changes again on the store of now, with the caller's rights and quotas of now, in a fresh view
 * that replaces the store only if each of them succeeds. So it happens as a whole or not at all,
 * and to everyone else at one moment.
 *
 * What a guest could try: transactions that never end hold up nobody, since nothing is locked.
 * Their number is bounded by QUOTA_TRANSACTIONS, their length by QUOTA_TX_OPS and by the bytes of
 * what they recorded. As the end does all of it again in one go, a long path counts as several
 * requests, and so do the nodes that a request makes on its way, or removes. One that conflicts
 * again and again only loses its own time. Each keeps the tree of its start in memory, where that
 * differs from the store's, and its own copies. All of the guests' together keep no more than what
 * was changed since the oldest of them began, whoever changed it: so one that has seen QUOTA_TX_AGE
 * bytes change starts anew, as after a restart, and its end says EAGAIN. dom0's are left alone, or
 * guests could make each of them fail: no guest can open one, and what one keeps is a tree as the
 * store was at one moment, which the quotas bound, and what dom0 itself did to it.
 */
#ifndef XENSTORED_TX_H
#define XENSTORED_TX_H

#include "conn.h"
#include "nodes.h"

/* Aspects of a node that an answer can depend on. */
#define TX_EXISTS 1u /* compared in any case: the others mean nothing without it */
#define TX_VALUE  2u
#define TX_PERMS  4u
#define TX_KIDS   8u

enum tx_op { TX_WRITE, TX_MKDIR, TX_RM, TX_SET_PERMS };

struct tx;

/*
 * 0 and *id (never 0, unique among those that the connection has open), or -ENOSPC over the quota.
 */
int tx_start(struct conn *c, uint32_t *id);
/* NULL where the connection has none with that id. The connection owns it until its end. */
struct tx *tx_find(struct conn *c, uint32_t id);
/* What the transaction's requests work on; lives as long as the transaction. */
struct nodes_view *tx_view(struct tx *t);

/*
 * Whether it was refused an entry below: then it cannot be committed, and is good for its end only.
 */
bool tx_is_full(const struct tx *t);
/* 0, or -ENOSPC when the transaction has become too long. */
int tx_saw(struct tx *t, const char *path, unsigned int aspects);
/* A change that succeeded in the copy; for TX_SET_PERMS the data are struct tree_perm. */
int tx_did(struct tx *t, enum tx_op op, const char *path, const void *data, size_t len);

/* Ends and frees it, whatever the result. 0, -EAGAIN for a conflict, -ENOSPC for a quota. */
int tx_end(struct tx *t, bool commit);
void tx_abort_all(struct conn *c);
/*
 * Frees what guests' transactions that are too old keep alive. Not while a request is carried out.
 */
void tx_let_go_old(void);

/* After a restart: the id stays valid, its requests work, and its end says EAGAIN. */
void tx_restore(struct conn *c, uint32_t id);

/* Calls fn for each open transaction of the connection. */
void tx_each(struct conn *c, void (*fn)(const struct conn *c, uint32_t id));

#endif
