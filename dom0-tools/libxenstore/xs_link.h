// SPDX-License-Identifier: GPL-2.0-only
/* Inside the library: the connection, below the requests that xs.c makes on it. */
#ifndef LIBXENSTORE_XS_LINK_H
#define LIBXENSTORE_XS_LINK_H

#include <sys/uio.h>

#include "xenstore.h"

/*
 * One exchange: sends the pieces as one request, waits for its reply. Returns the payload with a
 * NUL behind it, to be freed, and its length (`len` may be NULL); or NULL with errno, which is the
 * daemon's error, E2BIG for pieces that are too long together, or the connection's. No lock of the
 * handle is held by the caller.
 */
char *xs_link_talk(struct xs_handle *h, xs_transaction_t t, uint32_t type,
                   const struct iovec *piece, unsigned int pieces, unsigned int *len);

/* Starts the reading thread unless it runs; it ends with the handle. False with errno. */
bool xs_link_start_reader(struct xs_handle *h);

/* Drops waiting events of the watch, if the handle was opened to do so. */
void xs_link_filter(struct xs_handle *h, const char *path, const char *token);

#endif
