// SPDX-License-Identifier: GPL-2.0-only
/*
 * netback.h: what lodge-backends tells a lodge-netback of a network device.
 *
 * All of it was read from the store by the supervisor, which has checked the numbers' ranges but
 * not what they stand for: references and ports are the guest's own words.
 */
#ifndef LODGE_NETBACK_H
#define LODGE_NETBACK_H

#include <stdint.h>

#define NETBACK_MAX_QUEUES 8

struct netback_queue {
    uint32_t tx_ref, rx_ref;   /* grants of the ring pages */
    uint32_t tx_port, rx_port; /* the guest's event channels; equal where it has but one */
};

/* The guest may send `bytes` in each `usec`; bytes 0: as much as it likes. */
struct netback_rate {
    uint64_t bytes;
    uint32_t usec;
    uint32_t pad;
};

#define NETBACK_SG        0x01 /* it takes frames in more than one piece */
#define NETBACK_GSO_V4    0x02 /* it takes TCP frames that are still to be cut up, over IPv4 */
#define NETBACK_GSO_V6    0x04
#define NETBACK_CSUM_V4   0x08 /* it takes frames without checksum, over IPv4 */
#define NETBACK_CSUM_V6   0x10
#define NETBACK_RX_NOTIFY 0x20 /* it tells when it has posted buffers */

/* The body of WORKER_ATTACH. With it comes one descriptor per queue: a queue of the tap. */
struct netback_attach {
    uint32_t queues;   /* 1 to NETBACK_MAX_QUEUES */
    uint32_t features; /* NETBACK_*, of the front-end */
    struct netback_rate rate;
    struct netback_queue queue[NETBACK_MAX_QUEUES];
};

/* The body of WORKER_CHANGE. */
struct netback_change {
    struct netback_rate rate;
};

#endif
