// SPDX-License-Identifier: GPL-2.0-only
/*
 * One guest's ring page, from the daemon's side.
 *
 * Two parties are not trusted: the guest, which can write anything anywhere in the page at any
 * time, and our own life, which SIGKILL can end between any two instructions. Against the first:
 * the daemon's own indices live in private memory (the slot), the guest's are read once and
 * checked, and bytes are copied out before they are looked at. Against the second: the slot is in
 * a file that outlives the process. It holds two copies of its control block; a change fills in
 * the unused copy and then switches over with a one-byte store. The page's indices are set only
 * after the switch, and setting them again after a restart is harmless. So after a restart the
 * streams continue at the very byte, and each request is answered exactly once (journal.h has the
 * other half of that promise).
 */
#ifndef XENSTORED_RING_H
#define XENSTORED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <public/io/xs_wire.h>

#define RING_MSG_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)

enum ring_sending { RING_IDLE, RING_REPLY, RING_EVENT };

/*
 * The state of both streams. A request passes through it in order: bytes gather in `in` (in_len
 * grows), work begins (tries), the reply is filled in and the request forgotten in the same store
 * (reply_len, in_len 0, serial), and the reply is sent (sending, out_off) before the next request
 * is fetched. So at most one request and one reply exist per ring, and an event that is half sent
 * is always ended before the reply behind it starts.
 */
struct ring_ctl {
    uint32_t req_cons, rsp_prod; /* what the page's fields of these names are to be */
    uint32_t serial;             /* requests finished since the slot was set up */
    uint16_t in_len;             /* bytes of the incoming request in `in` */
    uint16_t reply_len;          /* a reply waits or is being sent; 0: none */
    uint16_t event_len;          /* an event waits or is being sent; 0: none */
    uint16_t out_off;            /* bytes of the current message that are in the ring */
    uint16_t sending;            /* enum ring_sending: whose length out_off counts against */
    uint16_t tries;              /* how often this request has been begun */
};

/*
 * Only the daemon maps this. A buffer is written only beyond the length that the control block in
 * force gives it: those bytes do not count yet, so being killed in between harms nothing.
 */
struct ring_slot {
    uint8_t current; /* which ctl counts: 0 or 1; the one byte whose store is the commit */
    uint8_t pad[7];
    struct ring_ctl ctl[2];
    unsigned char in[RING_MSG_MAX];
    unsigned char reply[RING_MSG_MAX];
    unsigned char event[RING_MSG_MAX];
};

struct ring {
    struct xenstore_domain_interface *page; /* shared with the guest; the domain's to unmap.
                                               NULL: not connected */
    struct ring_slot *slot;                 /* in the file of slots.c, or in memory */
    bool notify;                            /* the guest is to be told that something moved */
};

/* A source of further messages: fills in one (at most RING_MSG_MAX bytes), or returns 0. */
typedef size_t (*ring_source_fn)(void *arg, void *msg);

/* Takes the page over as the guest (or a dead daemon's predecessor) left it, with a fresh slot. */
void ring_attach(struct ring *r, void *page, struct ring_slot *slot);
/* Carries on with the slot that a dead daemon left. */
void ring_resume(struct ring *r, void *page, struct ring_slot *slot);

/*
 * Copies from the guest what belongs to the next request. 1: a whole one is in slot->in. 0: not
 * yet, or the last reply has not left. -EIO: hostile indices. -EPROTO: a length beyond the limit.
 * Asked again before ring_finish(), it finds the same request again.
 */
int ring_fetch(struct ring *r);

/*
 * Work on the request in slot->in begins. Returns how often that has happened to it: more than
 * once means that a daemon died over it.
 */
unsigned int ring_begin(struct ring *r);

/*
 * The request in slot->in is done, and this is the reply (1 to RING_MSG_MAX bytes); both become
 * true in one store. Nothing is sent yet.
 */
void ring_finish(struct ring *r, const void *reply, size_t len);
/*
 * ring_finish() after a restart, with a reply from the journal, if that answers the request in the
 * slot and not an older one; the serial says so. Needs no page, so it comes before ring_resume().
 */
void ring_answer(struct ring *r, uint32_t serial, const void *reply, size_t len);

/*
 * Sends the reply, then events from the source, as far as there is room. 0, also when the ring is
 * full and something still waits; -EIO for hostile indices. An event that was taken from the
 * source is in the slot from then on.
 */
int ring_flush(struct ring *r, ring_source_fn source, void *arg);

/* Whether a message is half received, or half sent: the guest is to go on with it. */
bool ring_halfway(const struct ring *r);

/*
 * Whether the guest asks to start afresh, and doing so: both rings empty, what was half received
 * or half sent is dropped. The serial moves on, so that no saved reply fits a later request.
 */
bool ring_wants_reset(const struct ring *r);
void ring_reset(struct ring *r);

/* Tells the guest why it is no longer listened to: XENSTORE_ERROR_*. */
void ring_set_error(struct ring *r, uint32_t error);

uint32_t ring_serial(const struct ring *r);

#endif
