/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attach.h: what lodge-backends tells lodge-blkback about a disk, in the bodies of its parcels.
 */
#ifndef LODGE_BLKBACK_ATTACH_H
#define LODGE_BLKBACK_ATTACH_H

#include <stdint.h>

#define BLK_MAX_QUEUES     4
#define BLK_MAX_RING_ORDER 4
#define BLK_MAX_RING_PAGES (1U << BLK_MAX_RING_ORDER)

/* Flags of an attach parcel. */
#define BLK_READONLY   0x01U
#define BLK_NBD        0x02U /* the first descriptor is a connection to an NBD server */
#define BLK_DEVICE     0x04U /* a block device, not a file */
#define BLK_DIRECT     0x08U /* opened with O_DIRECT */
#define BLK_DISCARD    0x10U /* the configuration allows it */
#define BLK_PERSISTENT 0x20U /* both sides want persistent grants */
#define BLK_RECONNECT  0x40U /* these rings were served before: the in-flight file counts */
#define BLK_MEMORY     0x80U /* the image is in memory: no I/O on it ever waits */

/* WORKER_ATTACH. Descriptors: the image or the NBD connection, and the in-flight file. */
struct blk_attach {
    uint32_t flags;
    uint32_t nr_queues;
    uint32_t ring_pages; /* of each queue */
    uint32_t sector_size;
    uint64_t sectors; /* of 512 bytes; for NBD the server says it */
    struct {
        uint32_t port;
        uint32_t refs[BLK_MAX_RING_PAGES];
    } queue[BLK_MAX_QUEUES];
};

/* WORKER_ATTACHED. */
struct blk_attached {
    uint64_t sectors;
    uint32_t sector_size;
    uint32_t flags; /* BLK_DISCARD, BLK_READONLY: as it turned out */
};

/* WORKER_CHANGE: requests past this are refused from now on. The answer has no body. */
struct blk_change {
    uint64_t sectors;
};

#endif
