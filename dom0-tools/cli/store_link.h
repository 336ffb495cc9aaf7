// SPDX-License-Identifier: GPL-2.0-only
/*
 * store_link.h: inside the client of xenstore: the connection, below the requests of store.c.
 */
#ifndef LODGE_STORE_LINK_H
#define LODGE_STORE_LINK_H

#include <public/io/xs_wire.h>
#include "store.h"

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

struct event {
    struct event *next;
    char *path, *token;
};

struct store {
    int fd;
    bool device; /* /dev/xen/xenbus takes one message per write */
    bool dead;
    uint32_t tx;
    char *out;
    size_t out_len, out_room;
    struct request *req;
    size_t nr_req, req_room;
    char *in;
    size_t in_len;
    struct event *events, **events_tail;
    char message[256];
};

/*
 * Queues a request of one or two pieces; the first is sent with its terminator. What is returned
 * can be set up until the next call.
 */
struct request *store_link_queue(struct store *s, uint32_t type, uint32_t tx, const char *first,
                                 const void *second, size_t second_len);

#endif
