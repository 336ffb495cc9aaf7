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
#include "nodes.h"

#define CONN_MSG_MAX RING_MSG_MAX /* a header and the longest payload */

/*
 * Exactly one of `domain` and `fd` says which kind it is: domain is NULL for a socket, fd is -1 for
 * a ring. A socket's connection is freed in conn_run_all() and nowhere else, since the epoll loop
 * holds pointers to it; a ring's, when its domain is released.
 */
struct conn {
    struct list_link all;          /* in conn_all */
    struct list_link runq;         /* in the queue, or alone */
    struct list_link halfway;      /* a ring's: among those to be looked at again, or alone */
    struct nodes_cred cred;        /* a socket is dom0's: only its root can open it */
    struct list_link watches;      /* struct watch, owned; watch.c's */
    struct list_link transactions; /* struct tx, owned; tx.c's */
    struct list_link events;       /* struct event of these watches, oldest first; watch.c's */
    unsigned int nevents;          /* how many, */
    size_t event_bytes;            /* and the bytes of their paths */
    uint32_t last_tx;              /* the transaction id given out last */
    bool dead;                     /* a socket's: to be freed when its turn comes */

    /* A ring's connection: the domain owns it. */
    struct domain *domain;
    struct ring ring;
    bool ignored;       /* broke the protocol; waits for a reconnect */
    unsigned int told;  /* lines that it has caused in the log */
    int64_t told_since; /* since then; by now_ms() */

    /* A socket's. */
    int fd;
    unsigned char *in, *out; /* CONN_MSG_MAX, and out_cap bytes */
    size_t in_len;           /* bytes of the one request that is being received */
    size_t out_off, out_len; /* of `out`, from out_off up to out_len is still to be sent */
    unsigned int out_cap;
};

extern struct list_link conn_all; /* both kinds */

void conn_init(void);

struct conn *conn_new_socket(int fd); /* takes over the descriptor */
/*
 * A client of this process's predecessor: with the part of a request that has come, and the answers
 * that it has yet to get.
 */
struct conn *conn_restore_socket(int fd, const void *in, size_t in_len, const void *out,
                                 size_t out_len);
/* Its ring is not served until the caller has given it a page. */
struct conn *conn_new_ring(struct domain *d);

/* Drops watches and transactions too. A socket is closed; the ring is the domain's to unmap. */
void conn_free(struct conn *c);

/* Puts the connection into the queue, unless it is there: it may have something to do. */
void conn_wake(struct conn *c);

/*
 * Serves each queued connection once. Returns after how many milliseconds it is to be called again
 * even if nobody has woken up a connection: 0 for right away, -1 for never.
 */
int conn_run_all(void);

#endif
