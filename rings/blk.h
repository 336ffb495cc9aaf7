/* SPDX-License-Identifier: MIT */
/*
 * From a slot of a block ring to a request that a back-end may carry out.
 *
 * Decoding works on private copies only and changes nothing but its result. What it lets through
 * is safe to act on: an operation that the disk offers, a range of sectors inside the disk and
 * aligned to its blocks, segments inside their pages whose lengths add up to exactly that range.
 * Grant references are the only thing it cannot judge: whether one is good shows when it is used.
 *
 *     struct blkif_request slot;
 *     struct blk_request q;
 *
 *     ring_back_take(&ring, &slot, sizeof(slot));
 *     error = blk_decode(&disk, &slot, &q);
 *     if (error == BLK_INDIRECT) {
 *         copy q.nr_indirect pages, references q.indirect[], one after the other, to `table`
 *         error = blk_decode_indirect(&disk, table, bytes copied, &q);
 *     }
 *     if (error) {
 *         log blk_error_text(error);
 *         respond with blk_response(&q, blk_error_status(error));
 *     }
 */
#ifndef LODGE_RINGS_BLK_H
#define LODGE_RINGS_BLK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <public/io/blkif.h>
#include "ring.h"

/* Nodes of the back-end's directory, and what is in them. */
#define BLK_NODE_SECTORS              "sectors"              /* in units of 512 bytes */
#define BLK_NODE_SECTOR_SIZE          "sector-size"          /* bytes */
#define BLK_NODE_PHYSICAL_SECTOR_SIZE "physical-sector-size" /* bytes */
#define BLK_NODE_INFO                 "info"                 /* VDISK_* */
#define BLK_FEATURE_FLUSH             "feature-flush-cache"  /* 0 or 1 */
#define BLK_FEATURE_BARRIER           "feature-barrier"
#define BLK_FEATURE_DISCARD           "feature-discard"
#define BLK_NODE_DISCARD_GRANULARITY  "discard-granularity" /* bytes */
#define BLK_NODE_DISCARD_ALIGNMENT    "discard-alignment"   /* bytes */
#define BLK_NODE_DISCARD_SECURE       "discard-secure"      /* 0 or 1 */
#define BLK_FEATURE_INDIRECT          "feature-max-indirect-segments"
#define BLK_NODE_MAX_RING_ORDER       "max-ring-page-order"
#define BLK_NODE_MAX_QUEUES           "multi-queue-max-queues"
#define BLK_FEATURE_PERSISTENT        "feature-persistent" /* both directories */
/* Nodes of the front-end's directory; with several queues the ring's are in queue-0 and so on. */
#define BLK_NODE_RING_REF   "ring-ref" /* of one page; ring-ref0 and so on of several */
#define BLK_NODE_RING_ORDER "ring-page-order"
#define BLK_NODE_PORT       "event-channel"
#define BLK_NODE_PROTOCOL   "protocol"
#define BLK_NODE_QUEUES     "multi-queue-num-queues"
#define BLK_PROTOCOL        "x86_64-abi" /* the one protocol that is spoken here */

#define BLK_SECTOR        512u
#define BLK_PAGE_SECTORS  (RING_PAGE_SIZE / BLK_SECTOR)
#define BLK_SLOT_SIZE     sizeof(union blkif_sring_entry)
#define BLK_SEGS_PER_PAGE ((unsigned int)(RING_PAGE_SIZE / sizeof(struct blkif_request_segment)))
/* Most segments of an indirect request: 1 MiB. May be defined otherwise, up to 4096. */
#ifndef BLK_MAX_SEGMENTS
#define BLK_MAX_SEGMENTS 256u
#endif
#define BLK_MAX_INDIRECT ((BLK_MAX_SEGMENTS + BLK_SEGS_PER_PAGE - 1) / BLK_SEGS_PER_PAGE)
_Static_assert(BLK_MAX_INDIRECT <= BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, "BLK_MAX_SEGMENTS");

/* What the disk is and offers, as its features said it. */
struct blk_disk {
    uint64_t sectors;      /* of 512 bytes */
    uint32_t block_size;   /* power of two, 512 to 4096: requests are aligned to it */
    uint32_t max_segments; /* of an indirect request, up to BLK_MAX_SEGMENTS; 0: none are taken */
    bool read_only;
    bool flush, barrier, discard, discard_secure;
};

struct blk_segment {
    grant_ref_t gref;
    uint16_t offset; /* in the page, bytes */
    uint16_t len;    /* bytes, 512 to 4096; offset + len <= 4096 */
};

struct blk_request {
    uint64_t id;          /* for the response */
    uint8_t slot_op;      /* for the response: BLKIF_OP_*, of an indirect request the inner one */
    uint8_t op;           /* what to do: BLKIF_OP_*, not BLKIF_OP_INDIRECT */
    bool secure;          /* discard */
    uint16_t nr_segments; /* 0 for a discard, or a flush or barrier that writes nothing */
    uint16_t nr_indirect; /* pages of segments yet to be copied */
    uint64_t sector;      /* first, of 512 bytes */
    uint64_t nr_sectors;  /* sector + nr_sectors <= the disk's */
    blkif_vdev_t handle;  /* means nothing here */
    grant_ref_t indirect[BLK_MAX_INDIRECT];
    struct blk_segment seg[BLK_MAX_SEGMENTS];
};

enum blk_error {
    BLK_OK,
    BLK_INDIRECT, /* no error: go on with blk_decode_indirect() */
    BLK_BAD_OP,
    BLK_BAD_INDIRECT_OP,
    BLK_READ_ONLY,
    BLK_NO_SEGMENTS,
    BLK_TOO_MANY_SEGMENTS,
    BLK_BAD_SEGMENT,
    BLK_UNALIGNED,
    BLK_PAST_END,
    BLK_BAD_DISCARD,
    BLK_SHORT_TABLE,
};

static inline const char *blk_error_text(enum blk_error e)
{
    switch (e) {
    case BLK_OK:
        return "no error";
    case BLK_INDIRECT:
        return "segments are in pages of their own";
    case BLK_BAD_OP:
        return "an operation that the disk does not offer";
    case BLK_BAD_INDIRECT_OP:
        return "an indirect operation that neither reads nor writes";
    case BLK_READ_ONLY:
        return "a write to a read-only disk";
    case BLK_NO_SEGMENTS:
        return "no segments";
    case BLK_TOO_MANY_SEGMENTS:
        return "more segments than the limit";
    case BLK_BAD_SEGMENT:
        return "a segment that is empty or not inside its page";
    case BLK_UNALIGNED:
        return "sectors not aligned to the disk's blocks";
    case BLK_PAST_END:
        return "sectors past the disk's end";
    case BLK_BAD_DISCARD:
        return "a discard of nothing, or with unknown flags";
    case BLK_SHORT_TABLE:
        return "fewer indirect pages than the segments need";
    }
    return "unknown error";
}

/* What to answer, BLKIF_RSP_*. */
static inline int16_t blk_error_status(enum blk_error e)
{
    if (e == BLK_OK)
        return BLKIF_RSP_OKAY;
    return e == BLK_BAD_OP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

static inline struct blkif_response blk_response(const struct blk_request *q, int16_t status)
{
    struct blkif_response rsp;

    memset(&rsp, 0, sizeof(rsp)); /* padding too: it goes to the guest */
    rsp.id = q->id;
    rsp.operation = q->slot_op;
    rsp.status = status;
    return rsp;
}

static inline bool blk_writes(uint8_t op)
{
    return op == BLKIF_OP_WRITE || op == BLKIF_OP_WRITE_BARRIER || op == BLKIF_OP_FLUSH_DISKCACHE;
}

/* The range of sectors against the disk; no sum of the guest's numbers can overflow. */
static inline enum blk_error blk_check_range(const struct blk_disk *d, const struct blk_request *q)
{
    uint64_t mask = d->block_size / BLK_SECTOR - 1;

    if (q->nr_sectors > d->sectors || q->sector > d->sectors - q->nr_sectors)
        return BLK_PAST_END;
    if ((q->sector & mask) || (q->nr_sectors & mask))
        return BLK_UNALIGNED;
    return BLK_OK;
}

/* Segments from a private copy of the slot or the indirect pages. */
static inline enum blk_error blk_take_segments(const struct blk_disk *d,
                                               const struct blkif_request_segment *from,
                                               struct blk_request *q)
{
    unsigned int mask = d->block_size / BLK_SECTOR - 1;

    q->nr_sectors = 0;
    for (unsigned int i = 0; i < q->nr_segments; i++) {
        unsigned int first = from[i].first_sect, last = from[i].last_sect;

        if (first > last || last >= BLK_PAGE_SECTORS)
            return BLK_BAD_SEGMENT;
        if ((first & mask) || ((last + 1) & mask))
            return BLK_UNALIGNED;
        q->seg[i].gref = from[i].gref;
        q->seg[i].offset = (uint16_t)(first * BLK_SECTOR);
        q->seg[i].len = (uint16_t)((last - first + 1) * BLK_SECTOR);
        q->nr_sectors += last - first + 1;
    }
    return blk_check_range(d, q);
}

static inline enum blk_error blk_decode_discard(const struct blk_disk *d,
                                                const struct blkif_request *slot,
                                                struct blk_request *q)
{
    struct blkif_request_discard r;

    memcpy(&r, slot, sizeof(r));
    q->sector = r.sector_number;
    q->nr_sectors = r.nr_sectors;
    if (!d->discard)
        return BLK_BAD_OP;
    if (d->read_only)
        return BLK_READ_ONLY;
    if (!q->nr_sectors || (r.flag & ~BLKIF_DISCARD_SECURE))
        return BLK_BAD_DISCARD;
    /* Where the disk has no secure discard, the flag asks for nothing (blkif's own rule). */
    q->secure = (r.flag & BLKIF_DISCARD_SECURE) && d->discard_secure;
    return blk_check_range(d, q);
}

static inline enum blk_error
blk_decode_table(const struct blk_disk *d, const struct blkif_request *slot, struct blk_request *q)
{
    struct blkif_request_indirect r;

    memcpy(&r, slot, sizeof(r));
    q->op = r.indirect_op;
    q->handle = r.handle;
    q->sector = r.sector_number;
    if (!d->max_segments)
        return BLK_BAD_OP;
    if (q->op != BLKIF_OP_READ && q->op != BLKIF_OP_WRITE)
        return BLK_BAD_INDIRECT_OP;
    q->slot_op = q->op; /* Linux compares it with what it asked for */
    if (q->op == BLKIF_OP_WRITE && d->read_only)
        return BLK_READ_ONLY;
    if (!r.nr_segments)
        return BLK_NO_SEGMENTS;
    if (r.nr_segments > d->max_segments || r.nr_segments > BLK_MAX_SEGMENTS)
        return BLK_TOO_MANY_SEGMENTS;
    q->nr_segments = r.nr_segments;
    q->nr_indirect = (uint16_t)((r.nr_segments + BLK_SEGS_PER_PAGE - 1) / BLK_SEGS_PER_PAGE);
    memcpy(q->indirect, r.indirect_grefs, q->nr_indirect * sizeof(r.indirect_grefs[0]));
    return BLK_INDIRECT;
}

/* Decodes a private copy of a slot. On an error, id and slot_op are good for a response. */
static inline enum blk_error blk_decode(const struct blk_disk *d, const struct blkif_request *slot,
                                        struct blk_request *q)
{
    q->id = slot->id; /* at the same place in all three kinds of slot */
    q->slot_op = q->op = slot->operation;
    q->handle = slot->handle;
    q->secure = false;
    q->nr_segments = q->nr_indirect = 0;
    q->sector = q->nr_sectors = 0;
    if (q->op == BLKIF_OP_DISCARD)
        return blk_decode_discard(d, slot, q);
    if (q->op == BLKIF_OP_INDIRECT)
        return blk_decode_table(d, slot, q);
    if ((q->op == BLKIF_OP_FLUSH_DISKCACHE && !d->flush) ||
        (q->op == BLKIF_OP_WRITE_BARRIER && !d->barrier) || q->op > BLKIF_OP_FLUSH_DISKCACHE)
        return BLK_BAD_OP;
    if (slot->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        return BLK_TOO_MANY_SEGMENTS;
    if (!slot->nr_segments) /* its sector number means nothing then */
        return q->op == BLKIF_OP_FLUSH_DISKCACHE || q->op == BLKIF_OP_WRITE_BARRIER
                   ? BLK_OK
                   : BLK_NO_SEGMENTS;
    if (d->read_only && blk_writes(q->op))
        return BLK_READ_ONLY;
    q->sector = slot->sector_number;
    q->nr_segments = slot->nr_segments;
    return blk_take_segments(d, slot->seg, q);
}

/*
 * Goes on with a request for which blk_decode() said BLK_INDIRECT. `table` is a private copy of its
 * indirect pages, one after the other, `len` bytes.
 */
static inline enum blk_error blk_decode_indirect(const struct blk_disk *d, const void *table,
                                                 size_t len, struct blk_request *q)
{
    if (q->nr_segments > BLK_MAX_SEGMENTS)
        return BLK_TOO_MANY_SEGMENTS;
    if (len < q->nr_segments * sizeof(struct blkif_request_segment))
        return BLK_SHORT_TABLE;
    return blk_take_segments(d, table, q);
}

#endif
