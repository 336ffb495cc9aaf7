// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is saved, and how it comes back: nodes, special permissions, changed limits, introduced
 * domains with their watches and transaction ids, and the reply to each domain's last request.
 * Clients of the socket are not saved: their connection ends with the process.
 *
 * A record tells what has already been done in memory, and the records of one request become valid
 * together, with the commit. Replaying all records in order gives the state as it was then; a
 * snapshot is the same state in the fewest records.
 */
#ifndef XENSTORED_STATE_H
#define XENSTORED_STATE_H

#include "conn.h"
#include "domain.h"
#include "nodes.h"

/*
 * Opens the state in `dir` (NULL: keep nothing), loads it and reconnects the domains. 0 or -errno.
 */
int state_open(const char *dir);

/* Records; they count from the next state_commit() on. */
void state_change(const struct nodes_change *c);
void state_special(const char *path, const struct tree_perm *perms, unsigned int nperms);
void state_quota(const char *name, uint32_t value);
void state_introduce(const struct domain *d);
void state_target(uint16_t domid, uint16_t target);
void state_shutdown(uint16_t domid, bool shutdown);
void state_release(uint16_t domid);
void state_watch(const struct conn *c, const char *path, size_t home, const char *token);
void state_unwatch(const struct conn *c, const char *path, const char *token);
void state_domain_reset(uint16_t domid); /* it has no watches and transactions any more */
void state_tx_start(const struct conn *c, uint32_t id);
void state_tx_end(const struct conn *c, uint32_t id);
/*
 * The last record of a request, with the serial that the ring had while it was worked on. Only if
 * the request has left other records: what only read can be carried out again.
 */
void state_reply(const struct conn *c, uint32_t serial, const void *reply, size_t len);

void state_commit(void);

/*
 * Writes everything anew, so that the journal is short. All changes must have been saved before,
 * and no request may be between state_commit() and ring_finish(): a snapshot holds no replies, so
 * one killed behind it would carry that request out again.
 */
void state_snapshot(void);
/*
 * Takes a snapshot if the journal has become long enough for it to pay, or was lost for lack of
 * room. Returns after how many milliseconds it is to be called again even if nothing happens, or
 * -1.
 */
int state_keep_up(void);

#endif
