// SPDX-License-Identifier: GPL-2.0-only
/*
 * tx.c: frames from the guest to the tap.
 *
 * A batch: take all frames that the ring has and the rate allows, copy all their parts with one
 * call, hand the frames to the tap one by one, answer all, send at most one event. The kernel puts
 * a frame's parts together; only headers are looked at here, and only where something is left to be
 * computed.
 *
 * Each part has a page of its own and lies in it as it does in the guest's page. So parts that were
 * side by side there are so here, and the kernel has fewer pieces to put together. The first part
 * is mostly a frame's headers alone: it is put right before the second, where it has room there.
 */
#include "queue.h"

#include <errno.h>
#include <string.h>

#define TX_MAX_IOV (NET_MAX_PARTS + 1)

/* --- taking -------------------------------------------------------------------------------- */

/* Where the parts of a frame go, whose pieces are those from `piece` on. */
static void place(struct queue *q, const struct net_tx_packet *p, unsigned piece)
{
    uint8_t *page = q->tx_pages + (size_t)piece * QUEUE_PAGE;

    for (unsigned i = 0; i < p->nr_parts; i++)
        q->tx_at[piece + i] = page + (size_t)i * QUEUE_PAGE + p->part[i].offset;
    if (p->nr_parts > 1 && (!p->part[1].offset || p->part[0].size <= p->part[1].offset))
        q->tx_at[piece] = q->tx_at[piece + 1] - p->part[0].size;
}

/*
 * Takes frames and adds their parts to the batch. Returns how many; *pieces is how many parts, and
 * *e why it ended: NET_OK, with the batch full or the rate used up, NET_NONE, or a fatal error.
 */
static unsigned gather(struct queue *q, unsigned *pieces, enum net_error *e)
{
    int64_t now = q->rate->bytes ? runtime_now_us() : 0;
    unsigned nr = 0;

    *pieces = 0;
    *e = NET_OK;
    while (nr < QUEUE_SLOTS && *pieces + NET_MAX_PARTS <= QUEUE_SLOTS) {
        struct net_tx_packet *p = &q->tx_packet[nr];
        struct netif_tx_request first;

        if (!ring_back_peek(&q->tx, 0, &first, sizeof(first))) {
            *e = q->tx.broken ? NET_BROKEN : NET_NONE;
            break;
        }
        /* Counted by the copy that is sent by: in the ring the guest may change the size. */
        if (!rate_take(q->rate, first.size, now)) {
            q->tx_due = q->rate->next;
            break;
        }
        *e = net_tx_gather_from(&q->tx, &first, p);
        if (net_error_fatal(*e))
            break;
        /* Nobody was offered to send multicast messages. */
        q->tx_good[nr] = *e == NET_OK && p->kind == NET_TX_PACKET;
        if (*e != NET_OK)
            q->complaint = net_error_text(*e);
        if (q->tx_good[nr]) {
            place(q, p, *pieces);
            for (unsigned i = 0; i < p->nr_parts; i++)
                grant_copy_in(&q->piece[*pieces + i], q->tx_at[*pieces + i], p->part[i].gref,
                              p->part[i].offset, p->part[i].size);
        }
        *pieces += q->tx_good[nr] ? p->nr_parts : 0;
        *e = NET_OK;
        nr++;
    }
    return nr;
}

/* --- sending ------------------------------------------------------------------------------- */

/* The first bytes of a frame in one piece: where they are, or copied together into `buf`. */
static const uint8_t *frame_head(const struct queue *q, const struct net_tx_packet *p,
                                 unsigned piece, uint8_t *buf, size_t *len)
{
    *len = p->part[0].size;
    if (*len >= OFFLOAD_HEAD || p->nr_parts == 1)
        return q->tx_at[piece];
    *len = 0;
    for (unsigned i = 0; i < p->nr_parts && *len < OFFLOAD_HEAD; i++) {
        size_t n = OFFLOAD_HEAD - *len;

        n = p->part[i].size < n ? p->part[i].size : n;
        memcpy(buf + *len, q->tx_at[piece + i], n);
        *len += n;
    }
    return buf;
}

static bool translate(const struct queue *q, const struct net_tx_packet *p, unsigned piece,
                      struct virtio_net_hdr *vh)
{
    struct offload of = {.csum_blank = p->csum_blank,
                         .data_validated = p->data_validated,
                         .gso_size = p->extra.gso_size};
    uint8_t buf[OFFLOAD_HEAD];
    const uint8_t *head;
    size_t len;

    if (p->extra.gso_type == XEN_NETIF_GSO_TYPE_TCPV4)
        of.gso = OFFLOAD_GSO_TCPV4;
    else if (p->extra.gso_type == XEN_NETIF_GSO_TYPE_TCPV6)
        of.gso = OFFLOAD_GSO_TCPV6;
    head = frame_head(q, p, piece, buf, &len);
    return offload_to_tap(&of, head, len, p->size, vh);
}

/* The frame whose parts are the pieces from `piece` on. Returns the status of its answer. */
static int16_t send_frame(struct queue *q, const struct net_tx_packet *p, unsigned piece)
{
    struct iovec iov[TX_MAX_IOV], *last = iov;
    struct virtio_net_hdr vh;

    iov[0] = (struct iovec){&vh, sizeof(vh)};
    for (unsigned i = 0; i < p->nr_parts; i++) {
        uint8_t *at = q->tx_at[piece + i];

        if (q->piece[piece + i].status) {
            q->complaint = "it sends from a page that is not granted";
            return NETIF_RSP_ERROR;
        }
        if (i && (uint8_t *)last->iov_base + last->iov_len == at)
            last->iov_len += p->part[i].size;
        else
            *++last = (struct iovec){at, p->part[i].size};
    }
    if (!translate(q, p, piece, &vh)) {
        q->complaint = "it wants a checksum or segments where the headers allow none";
        return NETIF_RSP_ERROR;
    }
    if (tap_write(q->tap, iov, (int)(last - iov) + 1) < 0) {
        q->stats.tx_dropped++;
        return NETIF_RSP_DROPPED;
    }
    q->stats.tx_frames++;
    q->stats.tx_bytes += p->size;
    return NETIF_RSP_OKAY;
}

static void serve(struct queue *q, unsigned nr, unsigned pieces)
{
    int16_t status[QUEUE_SLOTS];
    unsigned piece = 0;

    grant_copy(q->piece, pieces);
    q->stats.batches++;
    for (unsigned i = 0; i < nr; i++) {
        status[i] = NETIF_RSP_ERROR;
        if (q->tx_good[i])
            status[i] = send_frame(q, &q->tx_packet[i], piece);
        q->stats.tx_errors += status[i] == NETIF_RSP_ERROR;
        piece += q->tx_good[i] ? q->tx_packet[i].nr_parts : 0;
        q->tx_untold += q->tx_packet[i].size;
    }
    q->journal->tx_end = q->tx.req_cons;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the journal first, whenever we are killed */
    for (unsigned i = 0; i < nr; i++)
        net_tx_respond(&q->tx, &q->tx_packet[i], status[i]);
    q->tx_event |= ring_back_push(&q->tx);
}

/* --- after a worker that died -------------------------------------------------------------- */

/* One slot, which may be a request or its answer; a request's flags and number survive that. */
static bool answer_again(struct queue *q, bool extra, struct netif_tx_request *slot)
{
    struct netif_tx_response rsp = {.status = extra ? NETIF_RSP_NULL : NETIF_RSP_OKAY};

    if (!ring_back_take(&q->tx, slot, sizeof(*slot)))
        return false;
    rsp.id = extra ? 0 : slot->id;
    return ring_back_put(&q->tx, &rsp, sizeof(rsp));
}

void queue_tx_resume(struct queue *q)
{
    uint32_t end = q->journal->tx_end, lost = end - q->tx.rsp_prod;
    struct netif_tx_request slot;
    struct netif_extra_info x;
    bool first = true, more;

    if (!lost || lost > ring_back_pending(&q->tx))
        return;
    while (q->tx.req_cons != end && answer_again(q, false, &slot)) {
        more = first && slot.flags & NETTXF_extra_info;
        first = !(slot.flags & NETTXF_more_data);
        while (more && q->tx.req_cons != end && answer_again(q, true, &slot)) {
            /*
             * An extra info that was answered has no type any more. So it is taken for the last of
             * its frame: the answers tell nothing of what followed.
             */
            memcpy(&x, &slot, sizeof(x));
            more = x.type != XEN_NETIF_EXTRA_TYPE_NONE && x.flags & XEN_NETIF_EXTRA_FLAG_MORE;
        }
    }
    q->tx_event |= ring_back_push(&q->tx);
}

/* --- the whole ----------------------------------------------------------------------------- */

enum queue_more queue_tx(struct queue *q)
{
    enum net_error e;
    unsigned nr, pieces;

    if (q->tx_due && q->tx_due > runtime_now_us())
        return QUEUE_LATER;
    q->tx_due = 0;
    nr = gather(q, &pieces, &e);
    if (nr)
        serve(q, nr, pieces);
    if (net_error_fatal(e)) {
        q->broken = net_error_text(e);
        return QUEUE_BROKEN;
    }
    if (q->tx_due)
        return QUEUE_LATER;
    if (e == NET_OK)
        return QUEUE_AGAIN;
    return ring_back_final_check(&q->tx) || q->tx.broken ? QUEUE_AGAIN : QUEUE_IDLE;
}
