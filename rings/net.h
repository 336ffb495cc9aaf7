/* SPDX-License-Identifier: MIT */
/*
 * From the slots of a network ring to a packet that a back-end may carry out, and back.
 *
 * net_tx_gather() takes the chain of slots of one packet from the front-end, copies it, and checks
 * it: what it calls good has 1 to 18 parts, each inside its page, whose sizes add up to the
 * packet's, 14 to 65535 bytes, and extra infos that are known. net_tx_respond() answers all its
 * slots.
 *
 * net_rx_prepare() takes the empty pages that a packet to the front-end needs, with the places of
 * its extra infos, and net_rx_finish() answers them. net_ctrl_decode() checks control messages.
 *
 * Where a front-end's chain makes no sense at all, so that one cannot know where the next packet
 * begins, the error is fatal: the device has to be stopped (net_error_fatal()).
 */
#ifndef LODGE_RINGS_NET_H
#define LODGE_RINGS_NET_H

#include <public/io/netif.h>
#include "ring.h"

/* Nodes of the back-end's directory: 0 or 1, but for the number of queues. */
#define NET_FEATURE_SG                "feature-sg"
#define NET_FEATURE_GSO_TCPV4         "feature-gso-tcpv4"
#define NET_FEATURE_GSO_TCPV6         "feature-gso-tcpv6"
#define NET_FEATURE_NO_CSUM           "feature-no-csum-offload"
#define NET_FEATURE_IPV6_CSUM         "feature-ipv6-csum-offload"
#define NET_FEATURE_RX_COPY           "feature-rx-copy"
#define NET_FEATURE_RX_FLIP           "feature-rx-flip"
#define NET_FEATURE_RX_NOTIFY         "feature-rx-notify"
#define NET_FEATURE_SPLIT_PORTS       "feature-split-event-channels"
#define NET_FEATURE_MULTICAST         "feature-multicast-control"
#define NET_FEATURE_DYNAMIC_MULTICAST "feature-dynamic-multicast-control"
#define NET_FEATURE_CTRL_RING         "feature-ctrl-ring"
#define NET_NODE_MAX_QUEUES           "multi-queue-max-queues"
/* Nodes of the front-end's directory; with several queues the rings' are in queue-0 and so on. The
 * FEATURE_ nodes for which both have a use are in both. */
#define NET_NODE_QUEUES    "multi-queue-num-queues"
#define NET_NODE_TX_RING   "tx-ring-ref"
#define NET_NODE_RX_RING   "rx-ring-ref"
#define NET_NODE_PORT      "event-channel" /* for both rings, or one each: */
#define NET_NODE_TX_PORT   "event-channel-tx"
#define NET_NODE_RX_PORT   "event-channel-rx"
#define NET_NODE_CTRL_RING "ctrl-ring-ref"
#define NET_NODE_CTRL_PORT "event-channel-ctrl"
#define NET_NODE_RX_COPY   "request-rx-copy"
#define NET_NODE_MULTICAST "request-multicast-control"

#define NET_TX_SLOT_SIZE   sizeof(union netif_tx_sring_entry)
#define NET_RX_SLOT_SIZE   sizeof(union netif_rx_sring_entry)
#define NET_CTRL_SLOT_SIZE sizeof(union xen_netif_ctrl_sring_entry)
#define NET_MAX_PARTS      XEN_NETIF_NR_SLOTS_MIN
#define NET_MAX_EXTRAS     (XEN_NETIF_EXTRA_TYPE_MAX - 1) /* one of each type */
#define NET_MIN_PACKET     14u                            /* an Ethernet header */
#define NET_MAX_PACKET     XEN_NETIF_MAX_TX_SIZE
/*
 * Segments that a packet may be cut into are no smaller: somebody else makes frames of them, and 64
 * KiB would be tens of thousands. TCP falls back to single segments where its peer wants less.
 */
#define NET_MIN_SEGMENT   256u
#define NET_MAX_RX_PACKET 65553u /* the largest IP packet, an Ethernet header and a VLAN tag */

enum net_error {
    NET_OK,
    NET_NONE, /* no error: no packet there */
    /* The packet is refused; its slots were taken and want answers. */
    NET_BAD_SIZE,
    NET_BAD_GSO,
    NET_BAD_MULTICAST,
    /* Fatal: nothing was taken. */
    NET_BROKEN,
    NET_INCOMPLETE,
    NET_BAD_EXTRA,
    NET_TOO_MANY_PARTS,
    NET_BAD_PART,
};

static inline bool net_error_fatal(enum net_error e)
{
    return e >= NET_BROKEN;
}

static inline const char *net_error_text(enum net_error e)
{
    switch (e) {
    case NET_OK:
        return "no error";
    case NET_NONE:
        return "no packet";
    case NET_BAD_SIZE:
        return "a packet's size that is none, or less than its parts have";
    case NET_BAD_GSO:
        return "a large packet of unknown type, or with segments of less than 256 bytes";
    case NET_BAD_MULTICAST:
        return "a multicast message with data, or for no multicast address";
    case NET_BROKEN:
        return "ring indices that make no sense";
    case NET_INCOMPLETE:
        return "a packet whose end is not in the ring";
    case NET_BAD_EXTRA:
        return "an extra info of unknown type, or twice the same";
    case NET_TOO_MANY_PARTS:
        return "a packet with more than 18 parts";
    case NET_BAD_PART:
        return "a part of a packet that is not inside its page";
    }
    return "unknown error";
}

enum net_tx_kind { NET_TX_PACKET, NET_TX_MCAST_ADD, NET_TX_MCAST_DEL };

struct net_part {
    grant_ref_t gref;
    uint16_t offset; /* in the page; offset + size <= 4096 */
    uint16_t size;   /* this part's own; 0 is allowed but for the first */
    uint16_t id;
};

/* What the extra infos of a packet say, either way. */
struct net_extra {
    uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_* */
    uint16_t gso_size;
    bool has_hash;
    uint8_t hash_type, hash_algorithm;
    uint8_t hash[4];
};

struct net_tx_packet {
    enum net_tx_kind kind;
    uint32_t size;      /* the whole packet's */
    uint16_t nr_parts;  /* slots with data; 1 for a multicast message, which has none */
    uint16_t nr_extras; /* slots with extra infos */
    bool csum_blank;    /* the checksum is to be computed */
    bool data_validated;
    struct net_extra extra;
    uint8_t mcast[6]; /* the address */
    struct net_part part[NET_MAX_PARTS];
};

/* One extra info into the packet; `seen` has a bit per type. */
static inline bool net_tx_extra(const struct netif_extra_info *x, unsigned int *seen,
                                struct net_tx_packet *p)
{
    if (x->type == XEN_NETIF_EXTRA_TYPE_NONE || x->type >= XEN_NETIF_EXTRA_TYPE_MAX ||
        (x->flags & ~XEN_NETIF_EXTRA_FLAG_MORE) || (*seen & 1u << x->type))
        return false;
    *seen |= 1u << x->type;
    switch (x->type) {
    case XEN_NETIF_EXTRA_TYPE_GSO:
        p->extra.gso_type = x->u.gso.type;
        p->extra.gso_size = x->u.gso.size;
        break;
    case XEN_NETIF_EXTRA_TYPE_HASH:
        p->extra.has_hash = true;
        p->extra.hash_type = x->u.hash.type;
        p->extra.hash_algorithm = x->u.hash.algorithm;
        memcpy(p->extra.hash, x->u.hash.value, sizeof(p->extra.hash));
        break;
    case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
    case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
        memcpy(p->mcast, x->u.mcast.addr, sizeof(p->mcast));
        p->kind = x->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ? NET_TX_MCAST_ADD : NET_TX_MCAST_DEL;
        break;
    }
    return true;
}

static inline void net_tx_part(const struct netif_tx_request *t, struct net_part *part)
{
    part->gref = t->gref;
    part->offset = t->offset;
    part->size = t->size;
    part->id = t->id;
}

/* The extra infos behind the first slot. */
static inline enum net_error net_tx_extras(struct ring_back *r, unsigned int *seen,
                                           struct net_tx_packet *p)
{
    struct netif_extra_info x;

    do {
        if (!ring_back_peek(r, 1u + p->nr_extras, &x, sizeof(x)))
            return r->broken ? NET_BROKEN : NET_INCOMPLETE;
        if (!net_tx_extra(&x, seen, p)) /* each type once: no more than NET_MAX_EXTRAS */
            return NET_BAD_EXTRA;
        p->nr_extras++;
    } while (x.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    return NET_OK;
}

/* The other parts, and what is left of the packet's size for the first. */
static inline enum net_error net_tx_parts(struct ring_back *r, bool more, struct net_tx_packet *p)
{
    uint32_t others = 0;

    while (more) {
        struct netif_tx_request t;

        if (p->nr_parts == NET_MAX_PARTS)
            return NET_TOO_MANY_PARTS;
        if (!ring_back_peek(r, (uint32_t)p->nr_parts + p->nr_extras, &t, sizeof(t)))
            return r->broken ? NET_BROKEN : NET_INCOMPLETE;
        net_tx_part(&t, &p->part[p->nr_parts++]);
        if (t.offset + (uint32_t)t.size > RING_PAGE_SIZE)
            return NET_BAD_PART;
        others += t.size;
        more = t.flags & NETTXF_more_data;
    }
    if (p->size < NET_MIN_PACKET || others >= p->size)
        return NET_BAD_SIZE;
    p->part[0].size = (uint16_t)(p->size - others);
    return p->part[0].offset + (uint32_t)p->part[0].size > RING_PAGE_SIZE ? NET_BAD_PART : NET_OK;
}

static inline enum net_error net_tx_check(const struct net_tx_packet *p, unsigned int seen)
{
    if (!(seen & 1u << XEN_NETIF_EXTRA_TYPE_GSO))
        return NET_OK;
    if ((p->extra.gso_type != XEN_NETIF_GSO_TYPE_TCPV4 &&
         p->extra.gso_type != XEN_NETIF_GSO_TYPE_TCPV6) ||
        p->extra.gso_size < NET_MIN_SEGMENT)
        return NET_BAD_GSO;
    return NET_OK;
}

/*
 * Takes the next packet, whose first slot was peeked at: what was decided by its size holds for the
 * packet, since that slot is not read again. As net_tx_gather().
 */
static inline enum net_error net_tx_gather_from(struct ring_back *r,
                                                const struct netif_tx_request *first,
                                                struct net_tx_packet *p)
{
    unsigned int seen = 0;
    enum net_error e = NET_OK;

    p->kind = NET_TX_PACKET;
    p->size = first->size;
    p->nr_parts = 1;
    p->nr_extras = 0;
    p->csum_blank = first->flags & NETTXF_csum_blank;
    p->data_validated = first->flags & (NETTXF_data_validated | NETTXF_csum_blank);
    memset(&p->extra, 0, sizeof(p->extra));
    net_tx_part(first, &p->part[0]);
    if (first->flags & NETTXF_extra_info)
        e = net_tx_extras(r, &seen, p);
    if (e)
        return e;
    if (p->kind == NET_TX_PACKET) {
        e = net_tx_parts(r, first->flags & NETTXF_more_data, p);
        if (!e)
            e = net_tx_check(p, seen);
    } else if (first->flags & NETTXF_more_data) {
        return NET_BAD_EXTRA; /* an address and a packet in one: where does it end? */
    } else if (!(p->mcast[0] & 1) || (seen & (seen - 1))) {
        e = NET_BAD_MULTICAST;
    }
    if (!net_error_fatal(e))
        ring_back_skip(r, (uint32_t)p->nr_parts + p->nr_extras);
    return e;
}

/*
 * Takes the next packet from a transmit ring. NET_OK: it is good. NET_NONE: there is none. An error
 * that is not fatal: to be answered with net_tx_respond(..., NETIF_RSP_ERROR), and not to be sent.
 */
static inline enum net_error net_tx_gather(struct ring_back *r, struct net_tx_packet *p)
{
    struct netif_tx_request first;

    if (!ring_back_peek(r, 0, &first, sizeof(first)))
        return r->broken ? NET_BROKEN : NET_NONE;
    return net_tx_gather_from(r, &first, p);
}

/* Answers all slots of a packet, in their order: NETIF_RSP_OKAY, _ERROR or _DROPPED. */
static inline void net_tx_respond(struct ring_back *r, const struct net_tx_packet *p,
                                  int16_t status)
{
    const struct netif_tx_response extra = {.id = 0, .status = NETIF_RSP_NULL};

    for (unsigned int i = 0; i < p->nr_parts && i < NET_MAX_PARTS; i++) {
        struct netif_tx_response rsp = {.id = p->part[i].id, .status = status};

        ring_back_put(r, &rsp, sizeof(rsp));
        for (unsigned int x = 0; !i && x < p->nr_extras && x < NET_MAX_EXTRAS; x++)
            ring_back_put(r, &extra, sizeof(extra));
    }
}

/* ---- Receive: to the front-end. ---- */

/* A packet to the front-end, whose first `size` bytes fill the parts' pages one after the other. */
struct net_rx_packet {
    uint32_t size;
    bool csum_blank, data_validated;
    struct net_extra extra;
    /* Set by net_rx_prepare(). */
    uint16_t nr_parts, nr_extras;
    struct net_part part[NET_MAX_PARTS];
    uint16_t extra_id[NET_MAX_EXTRAS];
};

/* Slots that a packet of this size needs; 0 if it is too large or empty. */
static inline uint32_t net_rx_slots(uint32_t size, const struct net_extra *x)
{
    if (!size || size > NET_MAX_RX_PACKET)
        return 0;
    return (size + RING_PAGE_SIZE - 1) / RING_PAGE_SIZE + (x->gso_type != XEN_NETIF_GSO_TYPE_NONE) +
           x->has_hash;
}

/*
 * Takes requests for the packet from a receive ring, all of them or none: p->size and p->extra say
 * how many. False if there are not enough yet, the packet cannot be sent, or the ring is broken;
 * the packet has no parts then, whatever it had before.
 */
static inline bool net_rx_prepare(struct ring_back *r, struct net_rx_packet *p)
{
    uint32_t slots = net_rx_slots(p->size, &p->extra), rest = p->size;
    uint32_t extras = (p->extra.gso_type != XEN_NETIF_GSO_TYPE_NONE) + p->extra.has_hash;
    struct netif_rx_request q;

    p->nr_parts = p->nr_extras = 0;
    if (!slots || ring_back_pending(r) < slots)
        return false;
    for (uint32_t i = 0, part = 0; i < slots; i++) {
        if (!ring_back_take(r, &q, sizeof(q)))
            return false;
        if (i && i <= extras) { /* the places behind the first are the extra infos' */
            p->extra_id[i - 1] = q.id;
            continue;
        }
        p->part[part].gref = q.gref;
        p->part[part].id = q.id;
        p->part[part].offset = 0;
        p->part[part].size = (uint16_t)(rest < RING_PAGE_SIZE ? rest : RING_PAGE_SIZE);
        rest -= p->part[part++].size;
    }
    p->nr_extras = (uint16_t)extras;
    p->nr_parts = (uint16_t)(slots - extras);
    return true;
}

/* The extra infos of a packet to the front-end. */
static inline void net_rx_put_extras(struct ring_back *r, const struct net_rx_packet *p)
{
    struct netif_extra_info x;

    if (p->extra.gso_type != XEN_NETIF_GSO_TYPE_NONE) {
        memset(&x, 0, sizeof(x));
        x.type = XEN_NETIF_EXTRA_TYPE_GSO;
        x.flags = p->extra.has_hash ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
        x.u.gso.size = p->extra.gso_size;
        x.u.gso.type = p->extra.gso_type;
        ring_back_put(r, &x, sizeof(x));
    }
    if (p->extra.has_hash) {
        memset(&x, 0, sizeof(x));
        x.type = XEN_NETIF_EXTRA_TYPE_HASH;
        x.u.hash.type = p->extra.hash_type;
        x.u.hash.algorithm = p->extra.hash_algorithm;
        memcpy(x.u.hash.value, p->extra.hash, sizeof(p->extra.hash));
        ring_back_put(r, &x, sizeof(x));
    }
}

/*
 * Answers a prepared packet's requests, all parts being in their pages; or, with `failed` set to a
 * bit per part, those that could not be copied with an error. Packets are answered in the order in
 * which they were prepared, because the front-end goes by the places in the ring.
 */
static inline void net_rx_finish(struct ring_back *r, const struct net_rx_packet *p,
                                 uint32_t failed)
{
    for (unsigned int i = 0; i < p->nr_parts && i < NET_MAX_PARTS; i++) {
        struct netif_rx_response rsp = {.id = p->part[i].id};

        rsp.status = failed & 1u << i ? NETIF_RSP_ERROR : (int16_t)p->part[i].size;
        if (i + 1u < p->nr_parts)
            rsp.flags |= NETRXF_more_data;
        if (!i) {
            if (p->csum_blank)
                rsp.flags |= NETRXF_csum_blank | NETRXF_data_validated;
            else if (p->data_validated)
                rsp.flags |= NETRXF_data_validated;
            if (p->nr_extras)
                rsp.flags |= NETRXF_extra_info;
        }
        ring_back_put(r, &rsp, sizeof(rsp));
        if (!i)
            net_rx_put_extras(r, p);
    }
}

/* ---- Control ring. ---- */

#define NET_CTRL_HASH_TYPES                                              \
    (XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | \
     XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

/* What a back-end offers on its control ring. */
struct net_ctrl_limits {
    bool hash;            /* any of it */
    uint32_t max_key;     /* bytes, up to 4096 */
    uint32_t max_mapping; /* entries, up to 1024: a page of 4-byte numbers */
    uint32_t mapping;     /* entries of the table as it is */
};

/*
 * Checks a message: the status to answer with if it is not XEN_NETIF_CTRL_STATUS_SUCCESS. With it
 * the message may be carried out; the entries of a mapping table (queue numbers) are the caller's
 * to check, on a copy.
 */
static inline uint32_t net_ctrl_decode(const struct net_ctrl_limits *l,
                                       const struct xen_netif_ctrl_request *q)
{
    const uint32_t *data = q->data;

    if (!l->hash)
        return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
    switch (q->type) {
    case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
    case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
        return data[0] & ~(uint32_t)NET_CTRL_HASH_TYPES ? XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
                                                        : XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
        return data[0] > XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ
                   ? XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
                   : XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
        return data[1] > l->max_key || data[1] > RING_PAGE_SIZE
                   ? XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW
                   : XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
        return data[0] > l->max_mapping ? XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
                                        : XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
        return data[1] > RING_PAGE_SIZE / 4 || data[2] > l->mapping ||
                       data[1] > l->mapping - data[2]
                   ? XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW
                   : XEN_NETIF_CTRL_STATUS_SUCCESS;
    default: /* kept grants are not offered */
        return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
    }
}

static inline bool net_ctrl_respond(struct ring_back *r, const struct xen_netif_ctrl_request *q,
                                    uint32_t status, uint32_t data)
{
    struct xen_netif_ctrl_response rsp = {q->id, q->type, status, data};

    return ring_back_put(r, &rsp, sizeof(rsp));
}

/*
 * Toeplitz' hash: the exclusive or of the key's 32 bits that begin at each place where the data
 * have a 1. A key that ends too soon goes on with zeros.
 */
static inline uint32_t net_toeplitz(const uint8_t *key, size_t key_len, const uint8_t *data,
                                    size_t len)
{
    uint64_t window = 0; /* the key from the current bit on, in the high 32 bits and what follows */
    uint32_t hash = 0;

    for (size_t i = 0; i < 8; i++)
        window = window << 8 | (i < key_len ? key[i] : 0);
    for (size_t i = 0; i < len; i++) {
        for (unsigned int bit = 0x80; bit; bit >>= 1) {
            if (data[i] & bit)
                hash ^= (uint32_t)(window >> 32);
            window <<= 1;
        }
        window |= i + 8 < key_len ? key[i + 8] : 0;
    }
    return hash;
}

#endif
