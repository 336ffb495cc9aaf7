// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of the journal. Fields in order: numbers are 32 bits unless noted; strings and
 * blocks come with their length in front, strings with their NUL. All is in the machine's own byte
 * order: no file outlives the boot it was written in. The numbers below are in those files, so a
 * new kind goes to the end.
 */
#ifndef XENSTORED_STATE_RECORD_H
#define XENSTORED_STATE_RECORD_H

enum state_record {
    STATE_NODE = 1, /* path, block of struct tree_perm, value */
    STATE_GONE,     /* path */
    STATE_SPECIAL,  /* path, block of struct tree_perm */
    STATE_DOMAIN,   /* domid, port, slot, frame (64 bits) */
    STATE_TARGET,   /* domid, target */
    STATE_SHUTDOWN, /* domid, 0 or 1 */
    STATE_RELEASE,  /* domid, 0 */
    STATE_RESET,    /* domid, 0 */
    STATE_WATCH,    /* domid, home length, path, token */
    STATE_UNWATCH,  /* domid, 0, path, token */
    STATE_TX_START, /* domid, id */
    STATE_TX_END,   /* domid, id */
    STATE_REPLY,    /* domid, serial, block */
    STATE_QUOTA     /* name, value */
};

#endif
