// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records of the journal. Fields in order: numbers are 32 bits unless noted; strings and
 * blocks come with their length in front, strings with their NUL. All is in the machine's own byte
 * order: no file outlives the boot it was written in. The numbers below are in those files, so a
 * new kind goes to the end.
 *
 * In the two kinds at the end the path is how many bytes it shares with the path of the record of a
 * node before it, and the rest: so a tree, however deep, is saved in no more bytes than it takes in
 * memory. The first of a request shares nothing.
 */
#ifndef XENSTORED_STATE_RECORD_H
#define XENSTORED_STATE_RECORD_H

enum state_record {
    STATE_NODE = 1,  /* path, block of struct tree_perm, value */
    STATE_GONE,      /* path */
    STATE_SPECIAL,   /* path, block of struct tree_perm */
    STATE_DOMAIN,    /* domid, port, slot, frame (64 bits) */
    STATE_TARGET,    /* domid, target */
    STATE_SHUTDOWN,  /* domid, 0 or 1 */
    STATE_RELEASE,   /* domid, 0 */
    STATE_RESET,     /* domid, 0 */
    STATE_WATCH,     /* domid, home length, path, token */
    STATE_UNWATCH,   /* domid, 0, path, token */
    STATE_TX_START,  /* domid, id */
    STATE_TX_END,    /* domid, id */
    STATE_REPLY,     /* domid, serial, block */
    STATE_QUOTA,     /* name, value */
    STATE_NODE_NEAR, /* bytes shared, rest of the path, and as STATE_NODE */
    STATE_GONE_NEAR  /* bytes shared, rest of the path */
};

#endif
