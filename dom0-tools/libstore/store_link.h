// SPDX-License-Identifier: GPL-2.0-only
/*
 * store_link.h: inside the client of xenstore: the connection, below the requests of store.c.
 */
#ifndef LODGE_STORE_LINK_H
#define LODGE_STORE_LINK_H

#include <public/io/xs_wire.h>
#include "libstore.h"

/* One that is queued or unanswered. The n-th in req[] gets the n-th answer. */
struct request {
    uint32_t type;
    size_t start, end; /* of its bytes in out[] */
    char **value;      /* where the answer's body goes, terminated; or NULL */
    size_t *length;
    bool may_miss; /* ENOENT is a good answer */
    /* Of a list that comes in parts: */
    char generation[24];
    unsigned restarts;
};

/*
 * Between two calls of store_flush() out[] and req[] grow together; the flush empties both,
 * whatever comes of it. Once `dead`, nothing is sent any more, and every flush fails.
 */
struct store {
    int fd;      /* non-blocking */
    bool device; /* /dev/xen/xenbus takes one message per write */
    bool dead;
    uint32_t tx; /* the open transaction, 0: none; goes into each request that is queued */
    char *out;   /* messages as they will be sent, one behind the other */
    size_t out_len, out_room;
    struct request *req; /* moves when it grows, and so does out: keep numbers, not pointers */
    size_t nr_req, req_room;
    char *in; /* IN_ROOM bytes: what was received and is not yet a whole message */
    size_t in_len;
    store_event_fn *event; /* who is told of events; NULL: nobody */
    void *event_arg;
    char message[256]; /* of the last failure */
};

/*
 * Queues a request of one or two pieces; the first is sent with its terminator. What is returned
 * can be set up until the next call.
 */
struct request *store_link_queue(struct store *s, uint32_t type, uint32_t tx, const char *first,
                                 const void *second, size_t second_len);

/* So many milliseconds, for others to come to their end. */
void store_link_pause(unsigned ms);

#endif
