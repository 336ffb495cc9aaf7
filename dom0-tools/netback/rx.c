// SPDX-License-Identifier: GPL-2.0-only
/*
 * rx.c: frames from the tap into the guest's buffers.
 *
 * How large a frame is one knows only after it was read. One for which the guest has too few
 * buffers is held, no more are read, and the kernel drops what its own queue of the tap cannot
 * take: a guest that posts nothing costs nobody else anything. After ten seconds of that the guest
 * counts as stalled, and what had gathered meanwhile is thrown away when it comes back: nobody
 * waits for it any more, and its senders have long sent it again.
 */
#include "queue.h"

#include <string.h>

#define DRAIN_LIMIT 4096
#define RX_ALONE    8 /* after so many frames that came alone: a look whether they still do */

static uint8_t *frame_bytes(const struct queue *q, const struct rx_frame *f)
{
    return q->rx_pages + (size_t)f->page * QUEUE_PAGE;
}

static uint32_t frame_pages(const struct rx_frame *f)
{
    return (f->packet.size + QUEUE_PAGE - 1) / QUEUE_PAGE;
}

/* --- reading ------------------------------------------------------------------------------- */

static void describe(struct net_rx_packet *p, const struct offload *of)
{
    p->csum_blank = of->csum_blank;
    p->data_validated = of->data_validated;
    memset(&p->extra, 0, sizeof(p->extra));
    if (of->gso == OFFLOAD_GSO_NONE)
        return;
    p->extra.gso_type =
        of->gso == OFFLOAD_GSO_TCPV4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
    p->extra.gso_size = of->gso_size;
}

/* One frame into the pages from `page` on. 1, 0 if there is none, -1 if it was dropped. */
static int read_frame(struct queue *q, uint32_t page, struct rx_frame *f)
{
    struct offload_accepts accepts = {.csum_v4 = q->features & NETBACK_CSUM_V4,
                                      .csum_v6 = q->features & NETBACK_CSUM_V6,
                                      .gso_v4 = q->features & NETBACK_GSO_V4,
                                      .gso_v6 = q->features & NETBACK_GSO_V6};
    struct virtio_net_hdr vh;
    struct iovec iov[2] = {
        {&vh, sizeof(vh)},
        {q->rx_pages + (size_t)page * QUEUE_PAGE, (size_t)QUEUE_FRAME_PAGES * QUEUE_PAGE}};
    ssize_t n = tap_read(q->tap, iov, 2);
    struct offload of;

    if (n < 0)
        return 0;
    f->page = page;
    f->packet.size = n < (ssize_t)sizeof(vh) ? 0 : (uint32_t)(n - (ssize_t)sizeof(vh));
    if (f->packet.size < NET_MIN_PACKET ||
        (!(q->features & NETBACK_SG) && f->packet.size > QUEUE_PAGE) ||
        !offload_from_tap(&vh, frame_bytes(q, f), f->packet.size, &accepts, &of)) {
        q->stats.rx_dropped++;
        return -1;
    }
    describe(&f->packet, &of);
    f->slots = net_rx_slots(f->packet.size, &f->packet.extra);
    q->stats.rx_dropped += !f->slots;
    return f->slots ? 1 : -1;
}

void queue_drain(struct queue *q)
{
    struct rx_frame f;

    q->stats.rx_dropped += q->rx_held;
    q->rx_held = false;
    for (int i = 0; i < DRAIN_LIMIT; i++) {
        int got = read_frame(q, 0, &f);

        if (!got)
            break;
        q->stats.rx_dropped += got > 0;
    }
}

static void hold(struct queue *q, const struct rx_frame *f)
{
    memcpy(q->rx_hold_bytes, frame_bytes(q, f), f->packet.size);
    q->rx_hold = *f;
    q->rx_hold.page = 0;
    q->rx_held = true;
}

/*
 * Reads up to `most` frames for which there are `room` buffers; returns how many, and how many
 * buffers they take. *drained says that the tap has no more.
 */
static unsigned gather(struct queue *q, uint32_t room, unsigned most, uint32_t *slots,
                       bool *drained)
{
    uint32_t page = 0;
    unsigned nr = 0;

    *slots = 0;
    *drained = false;
    if (q->rx_held) {
        if (q->rx_hold.slots > room)
            return 0;
        q->rx_held = false;
        memcpy(q->rx_pages, q->rx_hold_bytes, q->rx_hold.packet.size);
        q->rx_frame[nr++] = q->rx_hold;
        *slots = q->rx_hold.slots;
        page = frame_pages(&q->rx_hold);
    }
    for (unsigned tries = 0; tries < QUEUE_RX_PAGES; tries++) {
        struct rx_frame *f = &q->rx_frame[nr];
        int got;

        if (nr >= most || page + QUEUE_FRAME_PAGES > QUEUE_RX_PAGES)
            break;
        got = read_frame(q, page, f);

        if (!got) {
            *drained = true;
            break;
        }
        if (got < 0)
            continue;
        if (f->slots > room - *slots) {
            hold(q, f);
            break;
        }
        *slots += f->slots;
        page += frame_pages(f);
        nr++;
    }
    return nr;
}

/* --- copying and answering ----------------------------------------------------------------- */

/*
 * Takes the buffers of all frames and adds their pieces; *pieces is how many. False: the guest has
 * moved its index backwards since its buffers were counted. The count bounded all that follows, so
 * nothing is bounded any more: the ring is broken, and nothing is delivered.
 */
static bool prepare(struct queue *q, unsigned frames, unsigned *pieces)
{
    unsigned piece = 0;

    for (unsigned i = 0; i < frames; i++) {
        struct rx_frame *f = &q->rx_frame[i];
        const uint8_t *from = frame_bytes(q, f);

        if (!net_rx_prepare(&q->rx, &f->packet) || f->packet.nr_parts > QUEUE_SLOTS - piece) {
            q->rx.broken = true;
            return false;
        }
        for (unsigned p = 0; p < f->packet.nr_parts; p++, from += QUEUE_PAGE)
            grant_copy_out(&q->piece[piece++], from, f->packet.part[p].gref, 0,
                           f->packet.part[p].size);
    }
    *pieces = piece;
    return true;
}

static void deliver(struct queue *q, unsigned frames, uint32_t slots)
{
    unsigned piece;

    if (!prepare(q, frames, &piece))
        return;
    grant_copy(q->piece, piece);
    q->stats.batches++;
    q->journal->rx_end = q->rx.rsp_prod + slots;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the journal first, whenever we are killed */
    piece = 0;
    for (unsigned i = 0; i < frames; i++) {
        const struct net_rx_packet *p = &q->rx_frame[i].packet;
        uint32_t bad = 0;

        for (unsigned part = 0; part < p->nr_parts; part++, piece++)
            if (q->piece[piece].status)
                bad |= 1u << part;
        net_rx_finish(&q->rx, p, bad);
        if (bad) {
            q->stats.rx_errors++;
            q->complaint = "it posts a buffer that is not granted";
        } else {
            q->stats.rx_frames++;
            q->stats.rx_bytes += p->size;
        }
    }
    q->rx_event |= ring_back_push(&q->rx);
}

void queue_rx_resume(struct queue *q)
{
    uint32_t lost = q->journal->rx_end - q->rx.rsp_prod;
    struct netif_rx_response rsp = {.status = NETIF_RSP_ERROR};
    struct netif_rx_request request;

    if (!lost || lost > ring_back_pending(&q->rx))
        return;
    /* What may be a response already has no grant any more; its identifier is where it was. */
    while (lost-- && ring_back_take(&q->rx, &request, sizeof(request))) {
        rsp.id = request.id;
        ring_back_put(&q->rx, &rsp, sizeof(rsp));
    }
    q->rx_event |= ring_back_push(&q->rx);
}

/* --- the whole ----------------------------------------------------------------------------- */

/* Asks for an event when as many buffers are there as the frame held needs; false: they are. */
static bool wait_for_buffers(struct queue *q)
{
    if (ring_back_pending(&q->rx) >= q->rx_hold.slots)
        return false;
    RING_STORE(&q->rx.shared->req_event, q->rx.req_cons + q->rx_hold.slots);
    RING_FENCE();
    return ring_back_pending(&q->rx) < q->rx_hold.slots;
}

static enum queue_more blocked(struct queue *q)
{
    if (!wait_for_buffers(q))
        return QUEUE_AGAIN;
    if (!q->rx_since)
        q->rx_since = runtime_now_us();
    return QUEUE_LATER;
}

/* The guest has buffers again. */
static void unblock(struct queue *q)
{
    if (runtime_now_us() - q->rx_since >= QUEUE_STALL_US)
        queue_drain(q);
    q->rx_since = 0;
    q->stalled = false;
}

/*
 * How many frames to read. One, as long as frames come alone: it may be an answer that the guest
 * waits for, and is delivered without a look whether there is another, as whoever watches the tap
 * will know. All that are there, while frames come in numbers. Now and then a single one is
 * followed by a look, to see which of the two it is.
 */
static unsigned how_many(struct queue *q)
{
    return q->rx_burst || q->rx_alone >= RX_ALONE ? QUEUE_RX_PAGES : 1;
}

static void learn(struct queue *q, unsigned most, unsigned frames)
{
    q->rx_burst = frames > 1;
    q->rx_alone = most == 1 ? q->rx_alone + 1 : 0;
}

enum queue_more queue_rx(struct queue *q)
{
    uint32_t room = ring_back_pending(&q->rx), slots;
    unsigned frames, most = how_many(q);
    enum queue_more more;
    bool drained;

    if (q->rx_since && room >= q->rx_hold.slots)
        unblock(q);
    frames = gather(q, room, most, &slots, &drained);
    if (frames) {
        deliver(q, frames, slots);
        learn(q, most, frames);
    }
    more = drained || most == 1 ? QUEUE_IDLE : QUEUE_AGAIN;
    if (q->rx_held)
        more = blocked(q);
    /* Last, since all of the above looks at the guest's index. */
    if (q->rx.broken) {
        q->broken = "its receive ring holds impossible indices";
        return QUEUE_BROKEN;
    }
    return more;
}
