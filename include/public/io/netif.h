/* SPDX-License-Identifier: MIT */
/*
 * Network devices: the slots of the three rings between a network front-end and its back-end.
 *
 * Transmit ring (front-end to back-end). A packet is a chain of slots in this order:
 *
 *   netif_tx_request    the first: its size is the whole packet's
 *   netif_extra_info    if the first has NETTXF_extra_info; more while XEN_NETIF_EXTRA_FLAG_MORE
 *   netif_tx_request    as long as the request before has NETTXF_more_data; its size is its own
 *
 * so that the first part's own size is the packet's less those of the others. Each slot gets a
 * response, extra ones too (NETIF_RSP_NULL).
 *
 * Receive ring (back-end to front-end). The front-end posts empty pages as requests; the back-end
 * answers them in their order, and a packet is a chain of responses: the first, its extra infos
 * (each takes the place of a request, whose page stays empty), the others. Here each size, which is
 * the status, is the part's own.
 *
 * Control ring: out of the band of packets; see struct xen_netif_ctrl_request.
 *
 * A device has one pair of tx and rx rings, or several (multi-queue); the nodes by which the ends
 * agree are named in rings/net.h.
 */
#ifndef LODGE_PUBLIC_IO_NETIF_H
#define LODGE_PUBLIC_IO_NETIF_H

#include "../grant_table.h"
#include "ring.h"

/* As many parts as a packet may have that any back-end takes. */
#define XEN_NETIF_NR_SLOTS_MIN 18
#define XEN_NETIF_MAX_TX_SIZE  0xFFFF

/* Transmit: flags of a request. */
#define _NETTXF_csum_blank     0 /* only the pseudo header is in the checksum yet */
#define NETTXF_csum_blank      (1U << _NETTXF_csum_blank)
#define _NETTXF_data_validated 1 /* the contents are known to be as they were sent */
#define NETTXF_data_validated  (1U << _NETTXF_data_validated)
#define _NETTXF_more_data      2 /* another part follows */
#define NETTXF_more_data       (1U << _NETTXF_more_data)
#define _NETTXF_extra_info     3 /* extra infos follow the first part */
#define NETTXF_extra_info      (1U << _NETTXF_extra_info)

struct netif_tx_request {
    grant_ref_t gref;
    uint16_t offset; /* in the page */
    uint16_t flags;  /* NETTXF_* */
    uint16_t id;     /* comes back in the response */
    uint16_t size;
};
typedef struct netif_tx_request netif_tx_request_t;

#define XEN_NETIF_EXTRA_TYPE_NONE      0
#define XEN_NETIF_EXTRA_TYPE_GSO       1 /* u.gso: a large packet, to be cut into segments */
#define XEN_NETIF_EXTRA_TYPE_MCAST_ADD 2 /* u.mcast: no packet, but an address to let through */
#define XEN_NETIF_EXTRA_TYPE_MCAST_DEL 3
#define XEN_NETIF_EXTRA_TYPE_HASH      4 /* u.hash: the packet's hash, as the control ring asked */
#define XEN_NETIF_EXTRA_TYPE_MAX       5

#define _XEN_NETIF_EXTRA_FLAG_MORE 0
#define XEN_NETIF_EXTRA_FLAG_MORE  (1U << _XEN_NETIF_EXTRA_FLAG_MORE)

#define XEN_NETIF_GSO_TYPE_NONE  0
#define XEN_NETIF_GSO_TYPE_TCPV4 1
#define XEN_NETIF_GSO_TYPE_TCPV6 2

struct netif_extra_info {
    uint8_t type;  /* XEN_NETIF_EXTRA_TYPE_* */
    uint8_t flags; /* XEN_NETIF_EXTRA_FLAG_* */
    union {
        struct {
            uint16_t size; /* payload of each segment */
            uint8_t type;  /* XEN_NETIF_GSO_TYPE_* */
            uint8_t pad;
            uint16_t features; /* 0 */
        } gso;
        struct {
            uint8_t addr[6];
        } mcast;
        struct {
            uint8_t type; /* number of the bit XEN_NETIF_CTRL_HASH_TYPE_* */
            uint8_t algorithm;
            uint8_t value[4];
        } hash;
        uint16_t pad[3];
    } u;
};
typedef struct netif_extra_info netif_extra_info_t;

struct netif_tx_response {
    uint16_t id;
    int16_t status; /* NETIF_RSP_* */
};
typedef struct netif_tx_response netif_tx_response_t;

#define NETIF_RSP_DROPPED -2
#define NETIF_RSP_ERROR   -1
#define NETIF_RSP_OKAY    0
#define NETIF_RSP_NULL    1 /* the answer to an extra info */

/* Receive. */
struct netif_rx_request {
    uint16_t id;
    uint16_t pad;
    grant_ref_t gref; /* a page that the back-end may write */
};
typedef struct netif_rx_request netif_rx_request_t;

#define _NETRXF_data_validated 0
#define NETRXF_data_validated  (1U << _NETRXF_data_validated)
#define _NETRXF_csum_blank     1
#define NETRXF_csum_blank      (1U << _NETRXF_csum_blank)
#define _NETRXF_more_data      2
#define NETRXF_more_data       (1U << _NETRXF_more_data)
#define _NETRXF_extra_info     3
#define NETRXF_extra_info      (1U << _NETRXF_extra_info)
#define _NETRXF_gso_prefix     4
#define NETRXF_gso_prefix      (1U << _NETRXF_gso_prefix)

struct netif_rx_response {
    uint16_t id;
    uint16_t offset; /* in the page */
    uint16_t flags;  /* NETRXF_* */
    int16_t status;  /* NETIF_RSP_* below zero, else the size of this part */
};
typedef struct netif_rx_response netif_rx_response_t;

DEFINE_RING_TYPES(netif_tx, struct netif_tx_request, struct netif_tx_response);
DEFINE_RING_TYPES(netif_rx, struct netif_rx_request, struct netif_rx_response);

/* Control: what packets' hashes are computed over. IPV4 and IPV6: source and destination address;
 * the TCP ones: source and destination port as well. */
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV4     0
#define XEN_NETIF_CTRL_HASH_TYPE_IPV4      (1 << _XEN_NETIF_CTRL_HASH_TYPE_IPV4)
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP 1
#define XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP  (1 << _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP)
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV6     2
#define XEN_NETIF_CTRL_HASH_TYPE_IPV6      (1 << _XEN_NETIF_CTRL_HASH_TYPE_IPV6)
#define _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP 3
#define XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP  (1 << _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

#define XEN_NETIF_CTRL_HASH_ALGORITHM_NONE     0
#define XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ 1

/* Messages, and what data[0], [1] and [2] are. What is not named is 0; `back` is the response's. */
#define XEN_NETIF_CTRL_TYPE_INVALID               0
#define XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS        1 /* back: the HASH_TYPE bits it can do */
#define XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS        2 /* [0]: HASH_TYPE bits */
#define XEN_NETIF_CTRL_TYPE_SET_HASH_KEY          3 /* [0]: gref of the key, [1]: bytes */
#define XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE 4 /* back: most entries of the table */
#define XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE 5 /* [0]: entries */
#define XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING      6 /* [0]: gref, [1]: entries, [2]: first entry */
#define XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM    7 /* [0]: HASH_ALGORITHM_* */
#define XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE 8 /* [0]: queue; back: most grants kept */
#define XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING      9 /* [0]: queue, [1]: gref of list, [2]: entries */
#define XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING      10 /* likewise; back: entries unmapped */

struct xen_netif_ctrl_request {
    uint16_t id;
    uint16_t type; /* XEN_NETIF_CTRL_TYPE_* */
    uint32_t data[3];
};

#define XEN_NETIF_CTRL_STATUS_SUCCESS           0
#define XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED     1
#define XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER 2
#define XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW   3

struct xen_netif_ctrl_response {
    uint16_t id;
    uint16_t type;
    uint32_t status; /* XEN_NETIF_CTRL_STATUS_* */
    uint32_t data;
};

/* An entry of the lists of ADD_GREF_MAPPING and DEL_GREF_MAPPING. */
struct xen_netif_gref {
    grant_ref_t ref;
    uint16_t flags;
    uint16_t status; /* OUT, of DEL_GREF_MAPPING */
};
#define _XEN_NETIF_CTRLF_GREF_readonly 0
#define XEN_NETIF_CTRLF_GREF_readonly  (1U << _XEN_NETIF_CTRLF_GREF_readonly)

DEFINE_RING_TYPES(xen_netif_ctrl, struct xen_netif_ctrl_request, struct xen_netif_ctrl_response);

_Static_assert(sizeof(struct netif_tx_request) == 12, "netif_tx_request");
_Static_assert(sizeof(struct netif_extra_info) == 8, "netif_extra_info");
_Static_assert(sizeof(struct netif_tx_response) == 4, "netif_tx_response");
_Static_assert(sizeof(struct netif_rx_request) == 8, "netif_rx_request");
_Static_assert(sizeof(struct netif_rx_response) == 8, "netif_rx_response");
_Static_assert(sizeof(struct xen_netif_ctrl_request) == 16, "xen_netif_ctrl_request");
_Static_assert(sizeof(struct xen_netif_ctrl_response) == 12, "xen_netif_ctrl_response");
_Static_assert(sizeof(struct xen_netif_gref) == 8, "xen_netif_gref");

#endif
