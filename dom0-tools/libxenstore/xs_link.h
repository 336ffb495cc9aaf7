// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inside the library: the connection (xs_link.c), below the requests that xs.c makes on it, and the
 * events that wait to be read (xs_events.c).
 */
#ifndef LIBXENSTORE_XS_LINK_H
#define LIBXENSTORE_XS_LINK_H

#include <pthread.h>
#include <sys/uio.h>

#include "xenstore.h"

struct message {
    struct message *next;
    struct xsd_sockmsg hdr;
    bool folded; /* stands for all later events of its watch */
    char body[]; /* hdr.len bytes and a NUL */
};

/* How libxentoolcore, where a program has it, finds all connections to cut them off. */
struct active_handle {
    int (*restrict_to)(struct active_handle *self, uint32_t domid);
    struct active_handle *next, **prev;
};

/*
 * The first part is set by xs_open() and constant after that. has_reader is written with both locks
 * held. xs_read_watch() looks at it with neither, and xs_link_start_reader() then looks again.
 */
struct xs_handle {
    int fd;
    bool is_socket;              /* else the kernel's device, for which send() does not work */
    bool filter;                 /* XS_UNWATCH_FILTER */
    struct active_handle active; /* found again from its address: see cut_off() */

    pthread_mutex_t request;

    pthread_mutex_t lock;
    pthread_cond_t arrived; /* a reply, an event, or the end of the connection */
    bool has_reader;
    bool closing;
    int broken;            /* errno of the connection's end, 0 while it lives */
    struct message *reply; /* to the one request that is outstanding; NULL: not yet here */
    struct message *events, **events_tail; /* oldest first; the tail is where the next one goes */
    unsigned int nevents;
    size_t event_bytes;    /* of their paths and tokens */
    struct watch *watches; /* those that were asked for and not given up */
    int signal_pipe[2];    /* readable while events wait; -1 until asked for */
    int stop_pipe[2];      /* wakes the reader so that it ends */
    pthread_t reader;
};

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

/*
 * A watch that is about to be asked for, or was given up. A handle that was opened to do so drops
 * the waiting events of the latter.
 */
void xs_events_watched(struct xs_handle *h, const char *path, const char *token);
void xs_events_unwatched(struct xs_handle *h, const char *path, const char *token);

/* Appends an event, which is the callee's now. The lock is held. */
void xs_events_put(struct xs_handle *h, struct message *m);
/* All that wait, when the handle goes. */
void xs_events_free(struct xs_handle *h);

#endif
