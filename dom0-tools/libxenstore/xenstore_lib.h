/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What clients of the store and programs around it share: permissions as numbers, and where the
 * daemon is to be found. Names and layouts are those of libxenstore.so.4.
 */
#ifndef XENSTORE_LIB_H
#define XENSTORE_LIB_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <public/io/xs_wire.h>

/* One entry of a node's permissions: what the domain `id` may do. */
struct xs_permissions {
    unsigned int id;
    unsigned int perms; /* XS_PERM_* or-ed together */
};

#define XS_PERM_NONE  0x00
#define XS_PERM_READ  0x01
#define XS_PERM_WRITE 0x02

/* These have no letter in the protocol; they are here because programs compile against them. */
#define XS_PERM_ENOENT_OK 0x04
#define XS_PERM_OWNER     0x08
#define XS_PERM_IGNORE    0x10

/* Bytes that suffice for an integer type written in decimal, with sign and NUL. */
#define MAX_STRLEN(x) ((sizeof(x) * CHAR_BIT + CHAR_BIT - 1) / 10 * 3 + 2)

/* The daemon's directory: $XENSTORED_RUNDIR, or /var/run/xenstored. */
const char *xs_daemon_rundir(void);

/* Its socket: $XENSTORED_PATH, or "socket" in that directory. Both names give the same one. */
const char *xs_daemon_socket(void);
const char *xs_daemon_socket_ro(void);

/* write(2) until everything is written. False with errno set if that fails. */
bool xs_write_all(int fd, const void *data, unsigned int len);

/*
 * Reads `num` permissions in the protocol's form, each ended by NUL: a letter (n: nothing, r: read,
 * w: write, b: both) and a domain id, as in "n0" "r5". False with errno EINVAL for anything else.
 */
bool xs_strings_to_perms(struct xs_permissions *perms, unsigned int num, const char *strings);

#endif
