/* SPDX-License-Identifier: MIT */
/*
 * Block devices: the slots of the ring between a block front-end and its back-end.
 *
 * A request names sectors of the disk and segments of memory; a response says how the request with
 * that id ended. Responses come in any order. Sectors are units of 512 bytes here, whatever
 * `sector-size` says (that only restricts alignment): so does Linux.
 *
 * A segment is one granted page of which the sectors first_sect to last_sect, both included, take
 * part; 0 <= first_sect <= last_sect <= 7 with pages of 4 KiB. The segments of a request are
 * consecutive on the disk.
 *
 * An indirect request has no segments in its slot, but the grant references of up to eight pages
 * full of them, 512 in each. The back-end must offer it (feature-max-indirect-segments).
 *
 * The nodes by which the two ends agree are named in rings/blk.h.
 */
#ifndef LODGE_PUBLIC_IO_BLKIF_H
#define LODGE_PUBLIC_IO_BLKIF_H

#include "../grant_table.h"
#include "ring.h"

typedef uint16_t blkif_vdev_t;   /* the device's number, the guest's business */
typedef uint64_t blkif_sector_t; /* in units of 512 bytes */

#define BLKIF_OP_READ  0
#define BLKIF_OP_WRITE 1
/* A write (or none: no segments) that is on stable storage when it is answered, and that no request
 * before or after it overtakes. */
#define BLKIF_OP_WRITE_BARRIER 2
/* All writes that were answered before are on stable storage when this is answered. With segments,
 * it also writes them, after that. */
#define BLKIF_OP_FLUSH_DISKCACHE 3
#define BLKIF_OP_RESERVED_1      4
#define BLKIF_OP_DISCARD         5 /* struct blkif_request_discard: the sectors' contents may go */
#define BLKIF_OP_INDIRECT        6 /* struct blkif_request_indirect */

#define BLKIF_MAX_SEGMENTS_PER_REQUEST       11 /* in a slot */
#define BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST 8

struct blkif_request_segment {
    grant_ref_t gref;
    uint8_t first_sect, last_sect; /* of the page; both take part */
};

struct blkif_request {
    uint8_t operation; /* BLKIF_OP_* */
    uint8_t nr_segments;
    blkif_vdev_t handle;
    uint64_t id; /* the front-end's; comes back in the response */
    blkif_sector_t sector_number;
    struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};
typedef struct blkif_request blkif_request_t;

struct blkif_request_discard {
    uint8_t operation; /* BLKIF_OP_DISCARD */
    uint8_t flag;      /* BLKIF_DISCARD_SECURE or 0 */
    blkif_vdev_t handle;
    uint64_t id;
    blkif_sector_t sector_number;
    uint64_t nr_sectors;
};
typedef struct blkif_request_discard blkif_request_discard_t;
#define BLKIF_DISCARD_SECURE (1 << 0) /* so that they cannot be read back even from the medium */

struct blkif_request_indirect {
    uint8_t operation;   /* BLKIF_OP_INDIRECT */
    uint8_t indirect_op; /* BLKIF_OP_READ or BLKIF_OP_WRITE */
    uint16_t nr_segments;
    uint64_t id;
    blkif_sector_t sector_number;
    blkif_vdev_t handle;
    grant_ref_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};
typedef struct blkif_request_indirect blkif_request_indirect_t;

struct blkif_response {
    uint64_t id;       /* the request's */
    uint8_t operation; /* the request's */
    int16_t status;    /* BLKIF_RSP_* */
};
typedef struct blkif_response blkif_response_t;

#define BLKIF_RSP_EOPNOTSUPP (-2) /* the back-end does not do that operation */
#define BLKIF_RSP_ERROR      (-1) /* it failed */
#define BLKIF_RSP_OKAY       0

DEFINE_RING_TYPES(blkif, struct blkif_request, struct blkif_response);

/* Bits of the back-end's node `info`. */
#define VDISK_CDROM     0x1
#define VDISK_REMOVABLE 0x2
#define VDISK_READONLY  0x4

_Static_assert(sizeof(struct blkif_request_segment) == 8, "blkif_request_segment");
_Static_assert(sizeof(struct blkif_request) == 112, "blkif_request");
_Static_assert(offsetof(struct blkif_request, id) == 8, "blkif_request.id");
_Static_assert(offsetof(struct blkif_request, seg) == 24, "blkif_request.seg");
_Static_assert(sizeof(struct blkif_request_discard) == 32, "blkif_request_discard");
_Static_assert(sizeof(struct blkif_request_indirect) == 64, "blkif_request_indirect");
_Static_assert(offsetof(struct blkif_request_indirect, indirect_grefs) == 28, "indirect_grefs");
_Static_assert(sizeof(struct blkif_response) == 16, "blkif_response");
_Static_assert(sizeof(union blkif_sring_entry) == 112, "blkif_sring_entry");

#endif
