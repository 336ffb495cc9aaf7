// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections: transport, and the queue that shares the daemon's time between them. Sockets use
 * edge-triggered epoll, so a woken connection reads until it would block or its share is used up;
 * in the latter case it stays in the queue.
 *
 * What one connection can cost the others is bounded: SHARE requests a turn, each at most one
 * message long; replies are not produced faster than they are read (a ring holds one, a socket
 * OUT_FULL bytes); events wait in watch.c, merged. A domain that breaks the ring's rules is not
 * heard any more until it asks for a reset.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "../clock.h"
#include "conn.h"
#include "domain.h"
#include "log.h"
#include "proto.h"
#include "state.h"
#include "tx.h"
#include "watch.h"

#define SHARE    8           /* requests that a connection may make before it is another's turn */
#define OUT_FULL (64u << 10) /* beyond this a socket's client must read before it is served */
#define TRIES    3           /* daemons that may die over one request before it is refused */
#define OUT_FILL (16u << 10) /* events are formatted up to here, and no further ahead */

#define TOLD_LINES 4 /* lines above the debug level that a guest may cause in so long a time */
#define TOLD_MS    60000

#define HALFWAY_MS 2 /* until a ring is looked at again: see await_rest() */

struct list_link conn_all;
static struct list_link runq;
static struct list_link halfway;
static int64_t halfway_due; /* when it is their turn; counts while there are any */

void conn_init(void)
{
    list_init(&conn_all);
    list_init(&runq);
    list_init(&halfway);
}

static struct conn *new_conn(void)
{
    struct conn *c = alloc_zero(sizeof(*c));

    list_append(&conn_all, &c->all);
    list_init(&c->runq);
    list_init(&c->halfway);
    list_init(&c->watches);
    list_init(&c->transactions);
    list_init(&c->events);
    c->cred.target = NODES_NO_TARGET;
    c->fd = -1;
    return c;
}

struct conn *conn_new_socket(int fd)
{
    struct conn *c = new_conn();

    c->fd = fd;
    c->cred.privileged = true;
    c->in = alloc_zero(CONN_MSG_MAX);
    return c;
}

struct conn *conn_new_ring(struct domain *d)
{
    struct conn *c = new_conn();

    c->domain = d;
    c->cred.domid = d->domid;
    c->cred.privileged = d->domid == 0;
    c->cred.target = d->target;
    return c;
}

void conn_free(struct conn *c)
{
    watch_remove_all(c);
    tx_abort_all(c);
    list_remove(&c->all);
    list_remove(&c->runq);
    list_remove(&c->halfway);
    if (c->fd >= 0)
        close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

void conn_wake(struct conn *c)
{
    if (list_empty(&c->runq))
        list_append(&runq, &c->runq);
}

/* ---- sockets ---- */

static void socket_put(struct conn *c, const void *data, size_t len)
{
    if (c->out_off) {
        memmove(c->out, c->out + c->out_off, c->out_len - c->out_off);
        c->out_len -= c->out_off;
        c->out_off = 0;
    }
    c->out = alloc_grow(c->out, &c->out_cap, (unsigned int)(c->out_len + len), 1);
    memcpy(c->out + c->out_len, data, len);
    c->out_len += len;
}

struct conn *conn_restore_socket(int fd, const void *in, size_t in_len, const void *out,
                                 size_t out_len)
{
    struct conn *c = conn_new_socket(fd);

    if (in_len)
        memcpy(c->in, in, in_len);
    c->in_len = in_len;
    if (out_len)
        socket_put(c, out, out_len);
    return c;
}

/*
 * 1: a whole request is in c->in. 0: not yet. Negative: the client is gone or talks nonsense. Reads
 * no further than the end of one request, so `in` never has to hold more.
 */
static int socket_fetch(struct conn *c)
{
    struct xsd_sockmsg hdr;

    for (;;) {
        size_t want = sizeof(hdr);
        ssize_t n;

        if (c->in_len >= sizeof(hdr)) {
            memcpy(&hdr, c->in, sizeof(hdr));
            if (hdr.len > XENSTORE_PAYLOAD_MAX)
                return -EPROTO;
            want += hdr.len;
            if (c->in_len == want)
                return 1;
        }
        n = recv(c->fd, c->in + c->in_len, want - c->in_len, MSG_DONTWAIT);
        if (n == 0)
            return -EPIPE;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        c->in_len += (size_t)n;
    }
}

static int socket_flush(struct conn *c)
{
    unsigned char event[CONN_MSG_MAX];

    for (;;) {
        size_t len;
        ssize_t n;

        while (c->out_len - c->out_off < OUT_FILL && (len = watch_next_event(c, event)))
            socket_put(c, event, len);
        if (c->out_off == c->out_len)
            return 0;
        n = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        c->out_off += (size_t)n;
    }
}

/* ---- either kind ---- */

static size_t ring_source(void *arg, void *msg)
{
    return watch_next_event(arg, msg);
}

/*
 * A request is there in full: has it carried out, saved, answered, and announced, in that order.
 * Where the daemon is killed decides what a domain's request finds after a restart:
 *   before state_commit()   the journal knows nothing of it; the slot still has the request, which
 *                           is carried out anew;
 *   before ring_finish()    the journal has its changes and its reply; ring_answer() only answers;
 *   after ring_finish()     the slot has the reply, and goes on sending it.
 * Watch events come last: they may be lost, and a restart fires every watch because of that.
 */
static void serve(struct conn *c)
{
    static unsigned char reply[CONN_MSG_MAX];
    const unsigned char *msg = c->domain ? c->ring.slot->in : c->in;
    size_t len;

    if (c->domain && ring_begin(&c->ring) > TRIES) {
        log_error("domain %u: a request has ended xenstored %d times and is refused", c->cred.domid,
                  TRIES);
        len = proto_refuse(msg, EIO, reply);
    } else {
        len = proto_handle(c, msg, reply);
    }
    nodes_save();
    if (c->domain)
        state_reply(c, ring_serial(&c->ring), reply, len);
    state_commit();
    if (c->domain) {
        ring_finish(&c->ring, reply, len);
    } else {
        socket_put(c, reply, len);
        c->in_len = 0;
    }
    nodes_announce();
}

/*
 * How urgent what the guest has brought about is to the log: after a few lines it gets nothing but
 * debug lines for the rest of a minute, or it would fill dom0's disk by doing it again and again.
 */
static enum log_level guest_level(struct conn *c, enum log_level level)
{
    int64_t now = now_ms();

    if (!c->told || now - c->told_since >= TOLD_MS) {
        c->told_since = now;
        c->told = 0;
    }
    if (c->told == TOLD_LINES)
        return LOG_LEVEL_DEBUG;
    c->told++;
    return level;
}

/* The domain is not heard again until it asks for a reconnect, or is released and introduced. */
static void ignore_ring(struct conn *c, int rc)
{
    log_write(guest_level(c, LOG_LEVEL_WARN),
              "domain %u: %s; its store connection is ignored from now on", c->cred.domid,
              rc == -EPROTO ? "request longer than the protocol allows"
                            : "ring indices out of range");
    c->ignored = true;
    ring_set_error(&c->ring, rc == -EPROTO ? XENSTORE_ERROR_PROTO : XENSTORE_ERROR_RINGIDX);
}

static void reset_ring(struct conn *c)
{
    log_write(guest_level(c, LOG_LEVEL_INFO), "domain %u: store connection is reset at its request",
              c->cred.domid);
    watch_remove_all(c);
    tx_abort_all(c);
    /* Saved first: killed before the last step, the page still asks for the reset. */
    state_domain_reset(c->domain->domid);
    state_commit();
    ring_reset(&c->ring);
    c->ignored = false;
}

/*
 * A guest that goes on with a message just when we stop may see that we have not stopped yet, and
 * send no event: Linux looks at our index with no barrier behind the store of its own, so it can be
 * late in both. No step of ours helps; but a store arrives within microseconds, so we look once
 * more after a while. Once after each progress only: a guest that stays halfway costs nothing.
 */
static void await_rest(struct conn *c)
{
    if (!ring_halfway(&c->ring)) {
        list_remove(&c->halfway);
        return;
    }
    if (list_empty(&halfway))
        halfway_due = now_ms() + HALFWAY_MS;
    if (list_empty(&c->halfway))
        list_append(&halfway, &c->halfway);
}

static void wake_halfway(void)
{
    struct list_link *l;

    if (list_empty(&halfway) || now_ms() < halfway_due)
        return;
    while ((l = halfway.next) != &halfway) {
        list_remove(l);
        conn_wake(list_entry(l, struct conn, halfway));
    }
}

/* One turn. True where it ended for no other reason than that the share was used up. */
static bool run_ring(struct conn *c)
{
    int rc, n;

    if (!c->ring.page)
        return false; /* a restored domain that is not connected yet */
    if (ring_wants_reset(&c->ring))
        reset_ring(c);
    if (c->ignored)
        return false;
    /*
     * An answer that waits for room holds up the requests behind it, so it is sent first: the
     * event that brought us here may be the last one.
     */
    for (n = 0; (rc = ring_flush(&c->ring, ring_source, c)) == 0 && n < SHARE; n++) {
        rc = ring_fetch(&c->ring);
        if (rc <= 0)
            break;
        serve(c);
    }
    if (rc < 0)
        ignore_ring(c, rc);
    if (c->ring.notify) {
        c->ring.notify = false;
        domain_notify(c->domain);
        await_rest(c);
    }
    return rc == 0 && n == SHARE;
}

/* One turn. True where there may be more to do that epoll, being edge-triggered, will not tell. */
static bool run_socket(struct conn *c)
{
    bool full = false;
    int rc = 0, n;

    for (n = 0; n < SHARE; n++) {
        full = c->out_len - c->out_off > OUT_FULL;
        if (full)
            break;
        rc = socket_fetch(c);
        if (rc <= 0)
            break;
        serve(c);
    }
    if (rc >= 0)
        rc = socket_flush(c);
    if (rc < 0) {
        if (rc == -EPROTO)
            log_warn("a socket client sent a request longer than the protocol allows; closed");
        c->dead = true; /* the caller frees it, when it has let go of it */
        return false;
    }
    /* Stopped for lack of room that the flush has made, or with its share used up. */
    return n == SHARE || (full && c->out_len - c->out_off <= OUT_FULL);
}

int conn_run_all(void)
{
    struct list_link batch, *l;
    int patience;

    wake_halfway();

    /*
     * Those that wake up meanwhile stand behind, for the next round. A connection that is freed
     * while it waits in the batch (dom0 releases its domain) takes itself out of it.
     */
    list_init(&batch);
    while (!list_empty(&runq)) {
        l = runq.next;
        list_remove(l);
        list_append(&batch, l);
    }
    while (!list_empty(&batch)) {
        struct conn *c = list_entry(batch.next, struct conn, runq);

        list_remove(&c->runq);
        if (c->domain ? run_ring(c) : run_socket(c))
            conn_wake(c);
        if (c->dead)
            conn_free(c);
        /* Here every request that was begun is done, and has its reply in its slot. */
        tx_let_go_old();
        state_keep_up();
    }
    patience = state_keep_up();
    return !list_empty(&runq) ? 0 : !list_empty(&halfway) ? HALFWAY_MS : patience;
}
