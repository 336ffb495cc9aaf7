// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer as an evil peer: it writes indices, slots, indirect pages and bytes of a ring as it
 * likes, while an honest end works with the code in rings/. Whatever it writes, nothing may be
 * touched outside the ring (the sanitizer sees that: the memory is allocated to the byte), the
 * honest end's own indices keep their order, no more is taken than there are slots, and each
 * request or packet that was found good is checked again here, by other means.
 *
 * An input is a scenario's number and a program for it: an operation's number and its operands, as
 * seeds.py writes them.
 */
#include "oracle.h"

#include <stdint.h>
#include <stdlib.h>

#include <rings/byte_ring.h>

/* What is left of the input; it goes on with zeros. */
static const uint8_t *input;
static size_t input_len;

static void take_bytes(void *to, size_t len)
{
    size_t n = len < input_len ? len : input_len;

    memset(to, 0, len);
    if (n)
        memcpy(to, input, n);
    input += n;
    input_len -= n;
}

static uint32_t take_number(size_t len)
{
    uint32_t n = 0;

    take_bytes(&n, len);
    return n;
}

/* Shared memory, of exactly the ring's size. */
static struct ring_header *shared;

static void share(unsigned order)
{
    shared = malloc((size_t)RING_PAGE_SIZE << order);
    MUST(shared);
    memset(shared, 0x5a, (size_t)RING_PAGE_SIZE << order);
}

/* The peer writes one of the four indices: near where it would be, or anywhere. */
static void lie(uint32_t honest)
{
    uint32_t value = honest + (uint32_t)(int8_t)take_number(1), at = take_number(1);

    if (at & 0x80)
        value = take_number(4);
    (&shared->req_prod)[at & 3] = value;
}

/* The peer writes the slot that it would use next, honestly or at random, and may publish it. */
static void put_slot(const struct ring_back *r, uint32_t *next, bool publish)
{
    unsigned char slot[128];

    take_bytes(slot, r->slot_size);
    memcpy(ring_slot(shared, r->slots, r->slot_size, *next), slot, r->slot_size);
    ++*next;
    if (publish)
        shared->req_prod = *next;
}

/* What a peer does on its own: false for what it leaves to the one who serves it. */
static bool play_peer(const struct ring_back *r, uint32_t *next, unsigned move)
{
    switch (move) {
    case 0:
    case 1:
        put_slot(r, next, move == 0);
        return true;
    case 2:
        lie(*next);
        return true;
    default:
        return false;
    }
}

/* ---- Block ---- */

static void serve_blk(struct ring_back *r, const struct blk_disk *d)
{
    static struct blk_request q;
    struct blkif_request slot;
    struct blkif_response rsp;
    unsigned taken = 0;

    while (ring_back_take(r, &slot, sizeof(slot))) {
        enum blk_error e = blk_decode(d, &slot, &q);

        MUST(++taken <= r->slots);
        if (e == BLK_INDIRECT) {
            /* Allocated to the byte, as the pages that a back-end copies are. */
            size_t len = take_number(1) ? q.nr_indirect * (size_t)RING_PAGE_SIZE : 8;
            void *table = malloc(len);

            MUST(table && q.nr_indirect && q.nr_indirect <= BLK_MAX_INDIRECT);
            take_bytes(table, len);
            e = blk_decode_indirect(d, table, len, &q);
            free(table);
        }
        MUST(e != BLK_INDIRECT && q.id == slot.id);
        if (e == BLK_OK)
            oracle_request(d, &q);
        MUST(*blk_error_text(e));
        rsp = blk_response(&q, blk_error_status(e));
        MUST(ring_back_put(r, &rsp, sizeof(rsp)));
    }
    ring_back_push(r);
}

static void play_blk(void)
{
    unsigned order = take_number(1) % (RING_MAX_ORDER + 1), bits = take_number(1);
    struct blk_disk d = {.sectors = take_number(4),
                         .block_size = 512u << (bits & 3),
                         .read_only = bits & 4,
                         .flush = bits & 8,
                         .barrier = bits & 16,
                         .discard = bits & 32,
                         .discard_secure = bits & 64,
                         .max_segments = bits & 128 ? 0 : BLK_MAX_SEGMENTS};
    uint32_t next = take_number(4);
    struct ring_back r;

    share(order);
    shared->req_prod = shared->rsp_prod = next;
    MUST(ring_back_attach(&r, shared, BLK_SLOT_SIZE, order, 0));
    while (input_len) {
        unsigned move = take_number(1) % 5;

        if (play_peer(&r, &next, move))
            ;
        else if (move == 3)
            serve_blk(&r, &d);
        else if (!r.broken) /* the worker is replaced */
            ring_back_attach(&r, shared, BLK_SLOT_SIZE, order, take_number(1));
        ring_back_final_check(&r);
        oracle_back(&r);
    }
}

/* ---- Network ---- */

static void serve_tx(struct ring_back *r)
{
    static struct net_tx_packet p;
    enum net_error e;
    unsigned taken = 0;

    memset(&p, 1, sizeof(p));
    while ((e = net_tx_gather(r, &p)) != NET_NONE) {
        MUST(*net_error_text(e));
        if (net_error_fatal(e)) {
            MUST(!ring_back_unanswered(r));
            r->broken = true; /* what an owner does: it stops the device */
            break;
        }
        taken += p.nr_parts + p.nr_extras;
        MUST(taken <= r->slots && ring_back_unanswered(r) == p.nr_parts + (uint32_t)p.nr_extras);
        if (e == NET_OK)
            oracle_packet(&p);
        net_tx_respond(r, &p, e ? NETIF_RSP_ERROR : NETIF_RSP_OKAY);
        MUST(!ring_back_unanswered(r));
    }
    ring_back_push(r);
}

static void serve_rx(struct ring_back *r)
{
    static struct net_rx_packet p;
    uint32_t bytes = 0;

    memset(&p, 1, sizeof(p));
    p.size = take_number(2);
    p.extra.gso_type = take_number(1) % 3;
    p.extra.has_hash = take_number(1) & 1;
    if (!net_rx_prepare(r, &p)) {
        MUST(!ring_back_unanswered(r) && !p.nr_parts && !p.nr_extras);
        return;
    }
    MUST(ring_back_unanswered(r) == net_rx_slots(p.size, &p.extra));
    for (unsigned i = 0; i < p.nr_parts; i++) {
        MUST(p.part[i].size && p.part[i].offset + p.part[i].size <= 4096);
        bytes += p.part[i].size;
    }
    MUST(bytes == p.size);
    net_rx_finish(r, &p, take_number(2));
    MUST(!ring_back_unanswered(r));
    ring_back_push(r);
}

static void serve_ctrl(struct ring_back *r)
{
    const struct net_ctrl_limits l = {take_number(1) & 1, 40, 128, take_number(1) & 127};
    struct xen_netif_ctrl_request q;

    while (ring_back_take(r, &q, sizeof(q))) {
        uint32_t status = net_ctrl_decode(&l, &q);

        if (!status && q.type == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING)
            MUST((uint64_t)q.data[1] + q.data[2] <= l.mapping);
        if (!status && q.type == XEN_NETIF_CTRL_TYPE_SET_HASH_KEY)
            MUST(q.data[1] <= 40);
        MUST(net_ctrl_respond(r, &q, status, 0));
    }
    ring_back_push(r);
}

static void play_net(size_t slot_size, void (*serve)(struct ring_back *))
{
    uint32_t next = take_number(4);
    struct ring_back r;

    share(0);
    shared->req_prod = shared->rsp_prod = next;
    MUST(ring_back_attach(&r, shared, slot_size, 0, 0));
    while (input_len) {
        if (!play_peer(&r, &next, take_number(1) % 4))
            serve(&r);
        ring_back_final_check(&r);
        oracle_back(&r);
    }
}

/* ---- An evil back-end ---- */

static void play_front(void)
{
    static struct ring_front r;
    unsigned char slot[16] = "";
    uint32_t outstanding = 0;

    share(0);
    MUST(ring_front_init(&r, shared, sizeof(slot), 0));
    while (input_len) {
        switch (take_number(1) % 4) {
        case 0:
            outstanding += ring_front_put(&r, slot, sizeof(slot));
            break;
        case 1:
            ring_front_push(&r);
            break;
        case 2:
            lie(r.req_prod);
            break;
        case 3:
            while (ring_front_take(&r, slot, sizeof(slot)))
                MUST(outstanding-- > 0); /* no answer to what was never asked */
            break;
        }
        ring_front_final_check(&r);
        MUST(r.req_prod - r.rsp_cons == outstanding && outstanding <= r.slots);
    }
}

/* ---- Byte rings ---- */

static void play_bytes(void)
{
    const uint32_t size = 16u << take_number(1) % 8;
    char *bytes = malloc(size), chunk[300];
    uint32_t index[2] = {take_number(4), take_number(4)};
    struct byte_ring reader, writer;

    MUST(bytes);
    memset(bytes, 0, size);
    reader = byte_ring_attach(bytes, size, &index[0], &index[1]);
    writer = byte_ring_attach(bytes, size, &index[1], &index[0]);
    while (input_len) {
        uint32_t len = take_number(1), own;
        int n;

        switch (take_number(1) % 3) {
        case 0:
            take_bytes(chunk, len);
            own = writer.own;
            n = byte_ring_write(&writer, chunk, len);
            MUST(n >= -1 && n <= (int)len && writer.own == own + (n > 0 ? (uint32_t)n : 0));
            break;
        case 1:
            own = reader.own;
            n = byte_ring_read(&reader, chunk, len);
            MUST(n >= -1 && n <= (int)len && reader.own == own + (n > 0 ? (uint32_t)n : 0));
            break;
        case 2:
            index[len & 1] = len & 2 ? take_number(4) : index[len & 1] + (len >> 2);
            break;
        }
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    input_len = size;
    shared = NULL;
    switch (take_number(1) % 6) {
    case 0:
        play_blk();
        break;
    case 1:
        play_net(NET_TX_SLOT_SIZE, serve_tx);
        break;
    case 2:
        play_net(NET_RX_SLOT_SIZE, serve_rx);
        break;
    case 3:
        play_net(NET_CTRL_SLOT_SIZE, serve_ctrl);
        break;
    case 4:
        play_front();
        break;
    case 5:
        play_bytes();
        break;
    }
    free(shared);
    return 0;
}
