// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: a file of records that outlives the daemon.
 *
 * The file is mapped shared, so a record is written with plain stores and needs no system call;
 * what was stored is in the page cache and stays there when the process is killed. Records become
 * valid together, when journal_commit() moves the length in the header: one store, hence all or
 * nothing. It is not meant to survive dom0's own reboot, which ends the guests too: the header
 * names the boot, and a file from another boot is not used.
 *
 * Exactly once: the records of one request include the reply to it, with the ring's serial number.
 * The commit comes before the ring's slot says that the request is done. Killed before the commit,
 * the daemon started next carries the request out anew; killed after it, it finds the reply here
 * and only sends it.
 */
#ifndef XENSTORED_JOURNAL_H
#define XENSTORED_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*journal_fn)(uint8_t type, const unsigned char *data, size_t len);

/*
 * Opens the journal in `dir` and hands the records of this boot to fn, oldest first. 0 or -errno.
 * A record's data are good during the call only, and may start at any address: copy what is in
 * them. Records that were written but not committed are not among them.
 */
int journal_open(const char *dir, journal_fn fn);
bool journal_is_open(void);
/* Whether it was given up for lack of room: journal_rewrite_begin() starts another. */
bool journal_is_lost(void);

/*
 * One record: begin, fields, end. Without an open journal these do nothing, also where it is given
 * up in the middle for lack of room. Any number of records may follow each other before a commit.
 */
void journal_begin(uint8_t type);
void journal_u32(uint32_t v);
void journal_u64(uint64_t v);
void journal_bytes(const void *data, size_t len); /* the length first */
void journal_end(void);

/* Whether records wait for the commit, and the commit. */
bool journal_dirty(void);
void journal_commit(void);

/* Bytes of valid records, to decide when to write it anew. */
size_t journal_size(void);

/*
 * Between these two, records go to a new file, which then replaces the old one. What was committed
 * counts until the replacement, which is one rename: there is no moment without a whole journal.
 * False where it cannot be: then all is as before.
 */
void journal_rewrite_begin(void);
bool journal_rewrite_end(void);

#endif
