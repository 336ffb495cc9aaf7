// SPDX-License-Identifier: GPL-2.0-only
/*
 * lockfile.h: files below the run directory that are named after a guest's uuid, and locked by the
 * process that has something to do with the guest for as long as it lives.
 *
 * The life of such a file: created, locked, perhaps written to; then unlinked by its holder, who
 * closes it last. A file that is there and not locked was left by a process that was killed (or is
 * about to be locked by the one that created it). Whoever has the lock makes sure that the file
 * still has a name: else it is one that its last holder has done with, and the lock means nothing.
 */
#ifndef LODGE_LOCKFILE_H
#define LODGE_LOCKFILE_H

#include "session.h"

void lockfile_dir(struct lodge_session *l, const char *folder, char path[LODGE_PATH]);
void lockfile_path(struct lodge_session *l, const char *folder, const uint8_t uuid[16],
                   char path[LODGE_PATH]);
/* Opens the file with these flags (O_CREAT and others), and makes the folder if that is missing. */
int lockfile_open(struct lodge_session *l, const char *folder, const uint8_t uuid[16], int flags);

/* Takes the lock. False if another process has it, or had it just now and removed the file. */
bool lockfile_hold(int fd);
/*
 * True if some process has it; *there: there is the file, whoever holds it. Looking does not end in
 * the event that the monitor watches the folders for: a file that was open for writing is closed.
 */
bool lockfile_held(struct lodge_session *l, const char *folder, const uint8_t uuid[16],
                   bool *there);

#endif
