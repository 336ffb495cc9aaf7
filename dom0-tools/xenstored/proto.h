// SPDX-License-Identifier: GPL-2.0-only
/* The wire protocol: one table of requests, and the function that carries one out. */
#ifndef XENSTORED_PROTO_H
#define XENSTORED_PROTO_H

#include "conn.h"
#include "tx.h"

/* What a handler gets to see of a request, and where its answer goes. */
struct proto_request {
    struct conn *conn;       /* whose rights and quotas count */
    struct tx *tx;           /* NULL outside transactions; a handler that ends it sets it so */
    struct nodes_view *view; /* the transaction's, or nodes_main */
    struct xsd_sockmsg hdr;  /* as it came */
    uint32_t len;            /* of the payload, at most XENSTORE_PAYLOAD_MAX */
    char data[XENSTORE_PAYLOAD_MAX + 1]; /* a copy of the payload, with a NUL behind it */
    unsigned char *out;                  /* room for XENSTORE_PAYLOAD_MAX bytes */
    size_t out_len;
};

/*
 * Carries out the request at `msg` (header and payload, complete) and writes the whole reply, of
 * up to CONN_MSG_MAX bytes. Returns the reply's length. `msg` is not aligned; its length has been
 * checked against the limit. The caller saves and announces what has changed.
 */
size_t proto_handle(struct conn *c, const void *msg, void *reply);

/* The reply that says that the request is done, as the protocol has it. Returns its length. */
size_t proto_ok(const struct proto_request *rq, void *reply);

/* A reply that refuses the request at `msg` without looking at it. Returns its length. */
size_t proto_refuse(const void *msg, int error, void *reply);

/*
 * The request's payload as strings, each ended by NUL. Their number, or -1 if that is not so, or
 * if there are more than `max`. They lie in rq->data.
 */
int proto_strings(struct proto_request *rq, char **arg, int max);

/* Appends to the reply. False where it would become too long. */
bool proto_put(struct proto_request *rq, const void *data, size_t len);

#endif
