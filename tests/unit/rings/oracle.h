// SPDX-License-Identifier: GPL-2.0-only
/*
 * oracle.h: what must be true of a ring's end, of a block request and of a packet that was found
 * good, said in other words than those of the code. For the fuzzer and for the test with a peer
 * that writes while slots are read.
 */
#ifndef LODGE_TEST_RINGS_ORACLE_H
#define LODGE_TEST_RINGS_ORACLE_H

#include <stdio.h>
#include <stdlib.h>

#include <rings/blk.h>
#include <rings/net.h>

#define MUST(cond)                                                             \
    do {                                                                       \
        if (!(cond)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond); \
            abort();                                                           \
        }                                                                      \
    } while (0)

static inline void oracle_back(const struct ring_back *r)
{
    MUST(r->rsp_prod - r->rsp_push <= r->req_cons - r->rsp_push);
    MUST(r->req_cons - r->rsp_push <= r->req_prod - r->rsp_push || r->broken);
    MUST(r->req_prod - r->rsp_push <= r->slots || r->broken);
}

static inline void oracle_request(const struct blk_disk *d, const struct blk_request *q)
{
    uint64_t bytes = 0;

    MUST(q->op <= BLKIF_OP_FLUSH_DISKCACHE || (q->op == BLKIF_OP_DISCARD && d->discard));
    MUST(!d->read_only || q->op == BLKIF_OP_READ || !q->nr_segments);
    MUST(q->op != BLKIF_OP_DISCARD || (!d->read_only && q->nr_sectors && !q->nr_segments));
    MUST(q->op > BLKIF_OP_WRITE || q->nr_segments);
    MUST(q->nr_segments <= BLK_MAX_SEGMENTS);
    MUST((unsigned __int128)q->sector + q->nr_sectors <= d->sectors);
    MUST(q->sector * 512 % d->block_size == 0);
    for (unsigned i = 0; i < q->nr_segments; i++) {
        const struct blk_segment *s = &q->seg[i];

        MUST(s->len >= 512 && s->offset + s->len <= 4096);
        MUST(s->offset % d->block_size == 0 && s->len % d->block_size == 0);
        bytes += s->len;
    }
    MUST(q->op == BLKIF_OP_DISCARD || bytes == q->nr_sectors * 512);
}

static inline void oracle_packet(const struct net_tx_packet *p)
{
    uint32_t bytes = 0;

    MUST(p->nr_parts >= 1 && p->nr_parts <= 18 && p->nr_extras <= NET_MAX_EXTRAS);
    if (p->kind != NET_TX_PACKET) {
        MUST(p->mcast[0] & 1);
        return;
    }
    for (unsigned i = 0; i < p->nr_parts; i++) {
        MUST(p->part[i].offset + p->part[i].size <= 4096);
        bytes += p->part[i].size;
    }
    MUST(bytes == p->size && p->size >= 14 && p->size <= 65535 && p->part[0].size);
    MUST(p->extra.gso_type <= XEN_NETIF_GSO_TYPE_TCPV6);
    MUST(!p->extra.gso_type == !p->extra.gso_size);
}

#endif
