// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection: a client on the Unix socket, or a domain's ring. The protocol above sees no
 * difference. Connections that have something to do stand in one queue and are served in turn, a
 * few requests each, so one that floods gets its share and no more.
 */
#ifndef XENSTORED_CONN_H
#define XENSTORED_CONN_H

#include "list.h"
#include "ring.h"
#include "store.h"

#define CONN_MSG_MAX RING_MSG_MAX

struct conn {
    struct list_link all;  /* in conn_all */
    struct list_link runq; /* in the queue, or alone */
    struct store_cred cred;
    struct list_link watches;
    struct list_link transactions;
    struct list_link events;
    unsigned int nevents;
    size_t event_bytes;
    uint32_t last_tx;
    bool dead; /* to be freed when its turn comes */

    /* A ring's connection: the domain owns it. */
    struct domain *domain;
    struct ring ring;
    bool ignored; /* broke the protocol; waits for a reconnect */

    /* A socket's. */
    int fd;
    unsigned char *in, *out;
    size_t in_len;
    size_t out_off, out_len;
    unsigned int out_cap;
};

extern struct list_link conn_all;

void conn_init(void);

struct conn *conn_new_socket(int fd);
struct conn *conn_new_ring(struct domain *d);

/* Drops watches and transactions too. A socket is closed; the ring is the domain's to unmap. */
void conn_free(struct conn *c);

/* Puts the connection into the queue. */
void conn_wake(struct conn *c);

/* Serves each queued connection once. Returns whether there is more to do right away. */
bool conn_run_all(void);

/*
 * After a restart: answers the request in the slot, if the journal has a reply to it (else NULL),
 * and fires the watches, since nobody knows which events were lost.
 */
void conn_resume(struct conn *c, uint32_t serial, const void *reply, size_t len);

#endif
