// SPDX-License-Identifier: GPL-2.0-only
/* One guest's ring page: see ring.h for what is trusted and in which order things are written. */
#include <errno.h>
#include <string.h>

#include <rings/byte_ring.h>
#include "ring.h"

/* Each field that the guest can write is read exactly once, through this. */
#define read_once(x)     __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define write_once(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

_Static_assert(sizeof(struct ring_slot) <= 16384, "a slot fits its place in the file");
_Static_assert(RING_MSG_MAX <= UINT16_MAX, "lengths fit their fields");

static struct ring_ctl current(const struct ring *r)
{
    return r->slot->ctl[r->slot->current & 1];
}

/*
 * The point at which a change of the slot has happened. Whoever reads it after a kill is another
 * process, which finds every store that this one executed: so it is enough that the compiler keeps
 * the order, which the release store and the fence make it do.
 */
static void commit(struct ring *r, const struct ring_ctl *c)
{
    uint8_t next = !(r->slot->current & 1);

    r->slot->ctl[next] = *c;
    write_once(r->slot->current, next);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Brings the page in line with the slot. May be done any number of times. */
static void publish(struct ring *r)
{
    struct ring_ctl c = current(r);

    write_once(r->page->req_cons, c.req_cons);
    write_once(r->page->rsp_prod, c.rsp_prod);
    r->page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;
}

void ring_attach(struct ring *r, void *page, struct ring_slot *slot)
{
    struct ring_ctl c = {0};

    *r = (struct ring){.page = page, .slot = slot, .notify = true};
    /*
     * These two are the store's own, yet the guest could have written anything there. Any start
     * will do: whether the peer's index goes with it is checked by each peek and poke.
     */
    c.req_cons = read_once(r->page->req_cons);
    c.rsp_prod = read_once(r->page->rsp_prod);
    commit(r, &c);
    publish(r);
}

/* The slot comes from a file: whatever it says, it must not lead outside the buffers. */
static bool sane(const struct ring_ctl *c)
{
    uint16_t len = c->sending == RING_REPLY ? c->reply_len : c->event_len;

    return c->in_len <= RING_MSG_MAX && c->reply_len <= RING_MSG_MAX &&
           c->event_len <= RING_MSG_MAX && c->sending <= RING_EVENT &&
           (c->sending == RING_IDLE || c->out_off <= len);
}

void ring_resume(struct ring *r, void *page, struct ring_slot *slot)
{
    struct ring_ctl c;

    *r = (struct ring){.page = page, .slot = slot, .notify = true};
    c = current(r);
    if (sane(&c))
        publish(r); /* the daemon may have died between its commit and setting the page */
    else
        ring_attach(r, page, slot);
}

void ring_answer(struct ring *r, uint32_t serial, const void *reply, size_t len)
{
    struct ring_ctl c = current(r);

    if (c.serial == serial && c.in_len && !c.reply_len)
        ring_finish(r, reply, len);
}

int ring_fetch(struct ring *r)
{
    struct ring_ctl c = current(r);
    struct xsd_sockmsg hdr;

    if (c.reply_len)
        return 0; /* the slot has room for one reply */
    for (;;) {
        /* Made anew from the slot each time: the page's own copy of our index is never read. */
        struct byte_ring in = {r->page->req, XENSTORE_RING_SIZE, c.req_cons, &r->page->req_cons,
                               &r->page->req_prod};
        uint32_t want = sizeof(hdr);
        int n;

        /* First the header alone, then what it asks for: never a byte of the next request. */
        if (c.in_len >= sizeof(hdr)) {
            memcpy(&hdr, r->slot->in, sizeof(hdr));
            if (hdr.len > XENSTORE_PAYLOAD_MAX)
                return -EPROTO;
            want += hdr.len;
            if (c.in_len >= want) /* more than asked for: only in a damaged slot */
                return c.in_len == want ? 1 : -EPROTO;
        }
        n = byte_ring_peek(&in, r->slot->in + c.in_len, want - c.in_len);
        if (n <= 0)
            return n ? -EIO : 0;
        c.in_len = (uint16_t)(c.in_len + n);
        c.req_cons = in.own;
        /* The slot first: a consumer index ahead of it would let the guest overwrite bytes that a
         * restarted daemon still had to fetch. */
        commit(r, &c);
        byte_ring_publish(&in);
        r->notify = true;
    }
}

unsigned int ring_begin(struct ring *r)
{
    struct ring_ctl c = current(r);

    if (c.tries < UINT16_MAX)
        c.tries++;
    commit(r, &c);
    return c.tries;
}

void ring_finish(struct ring *r, const void *reply, size_t len)
{
    struct ring_ctl c = current(r);

    memcpy(r->slot->reply, reply, len);
    c.reply_len = (uint16_t)len;
    c.in_len = 0;
    c.tries = 0;
    c.serial++;
    commit(r, &c);
}

/*
 * Chooses what to send next: a reply goes first. False if there is nothing. Called only where
 * nothing is half sent, so messages do not mix in the stream.
 */
static bool choose(struct ring *r, struct ring_ctl *c, ring_source_fn source, void *arg)
{
    if (c->reply_len) {
        c->sending = RING_REPLY;
    } else {
        if (!c->event_len)
            c->event_len = (uint16_t)source(arg, r->slot->event);
        if (!c->event_len)
            return false;
        c->sending = RING_EVENT;
    }
    c->out_off = 0;
    return true;
}

int ring_flush(struct ring *r, ring_source_fn source, void *arg)
{
    struct ring_ctl c = current(r);

    for (;;) {
        struct byte_ring out = {r->page->rsp, XENSTORE_RING_SIZE, c.rsp_prod, &r->page->rsp_prod,
                                &r->page->rsp_cons};
        uint16_t *len;
        int n;

        if (c.sending == RING_IDLE && !choose(r, &c, source, arg))
            return 0;
        len = c.sending == RING_REPLY ? &c.reply_len : &c.event_len;
        n = byte_ring_poke(&out,
                           (c.sending == RING_REPLY ? r->slot->reply : r->slot->event) + c.out_off,
                           (size_t)*len - c.out_off);
        if (n < 0)
            return -EIO;
        c.out_off = (uint16_t)(c.out_off + n);
        c.rsp_prod = out.own;
        /* Sent: as soon as this is committed, the buffer may take the next message. */
        if (c.out_off == *len) {
            *len = 0;
            c.sending = RING_IDLE;
        }
        commit(r, &c);
        if (!n && c.sending != RING_IDLE)
            return 0; /* full: the guest's next notification brings us back */
        byte_ring_publish(&out);
        r->notify = true;
    }
}

bool ring_halfway(const struct ring *r)
{
    struct ring_ctl c = current(r);

    return c.in_len || c.sending != RING_IDLE;
}

bool ring_wants_reset(const struct ring *r)
{
    return read_once(r->page->connection) == XENSTORE_RECONNECT;
}

void ring_reset(struct ring *r)
{
    struct ring_ctl c = {.serial = current(r).serial + 1};

    /*
     * Killed in the middle, the daemon finds `connection` still asking, and does it all again. The
     * guest's own two indices are set as well: by the ABI it waits, and uses none of the four
     * until it sees XENSTORE_CONNECTED, which is therefore last.
     */
    commit(r, &c);
    write_once(r->page->req_cons, 0);
    write_once(r->page->req_prod, 0);
    write_once(r->page->rsp_cons, 0);
    write_once(r->page->rsp_prod, 0);
    r->page->error = XENSTORE_ERROR_NONE;
    write_once(r->page->connection, XENSTORE_CONNECTED);
    r->notify = true;
}

void ring_set_error(struct ring *r, uint32_t error)
{
    write_once(r->page->error, error);
    r->notify = true;
}

uint32_t ring_serial(const struct ring *r)
{
    return current(r).serial;
}
