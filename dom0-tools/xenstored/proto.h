// SPDX-License-Identifier: GPL-2.0-only
/* The wire protocol: one table of requests, and the function that carries one out. */
#ifndef XENSTORED_PROTO_H
#define XENSTORED_PROTO_H

#include "conn.h"
#include "tx.h"

struct proto_request {
    struct conn *conn;
    struct tx *tx; /* NULL outside transactions */
    struct store_view *view;
    uint32_t len;
    char data[XENSTORE_PAYLOAD_MAX + 1]; /* a copy of the payload, with a NUL behind it */
    unsigned char *out;                  /* room for XENSTORE_PAYLOAD_MAX bytes */
    size_t out_len;
};

/*
 * Carries out the request at `msg` (header and payload, complete) and writes the whole reply.
 * Returns the reply's length. The caller saves and announces what has changed.
 */
size_t proto_handle(struct conn *c, const void *msg, void *reply);

/* A reply that refuses the request at `msg` without looking at it. Returns its length. */
size_t proto_refuse(const void *msg, int error, void *reply);

/* The request's payload as strings, each ended by NUL. Their number, or -1 if that is not so. */
int proto_strings(struct proto_request *rq, char **arg, int max);

/* Appends to the reply. False where it would become too long. */
bool proto_put(struct proto_request *rq, const void *data, size_t len);

#endif
