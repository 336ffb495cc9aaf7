// SPDX-License-Identifier: GPL-2.0-only
/*
 * offload.c: finds the headers of a frame, and translates what is left undone in it.
 *
 * No more of a frame is understood than Ethernet with up to two VLAN tags, IPv4, IPv6 with its
 * extension headers, TCP and UDP: the checksums and segments of anything else are never left to
 * others by the kernels on both sides.
 */
#include "offload.h"

#include <netinet/in.h>
#include <string.h>

#define ETH_HEADER     14
#define VLAN_TAG       4
#define MAX_VLANS      2
#define TYPE_IPV4      0x0800
#define TYPE_IPV6      0x86dd
#define TYPE_VLAN      0x8100
#define TYPE_QINQ      0x88a8
#define IPV4_HEADER    20
#define IPV6_HEADER    40
#define TCP_HEADER     20
#define TCP_CSUM       16
#define UDP_HEADER     8
#define UDP_CSUM       6
#define MAX_EXTENSIONS 8

static uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* --- where the headers are ----------------------------------------------------------------- */

static void parse_transport(const uint8_t *head, size_t len, size_t l4, uint8_t proto,
                            struct offload_layout *at)
{
    size_t header;

    if (proto == IPPROTO_TCP) {
        if (l4 + TCP_HEADER > len)
            return;
        header = (size_t)(head[l4 + 12] >> 4) * 4;
        if (header < TCP_HEADER || l4 + header > len)
            return;
        at->csum = TCP_CSUM;
    } else if (proto == IPPROTO_UDP) {
        header = UDP_HEADER;
        if (l4 + header > len)
            return;
        at->csum = UDP_CSUM;
    } else {
        return;
    }
    at->proto = proto;
    at->l4 = (uint16_t)l4;
    at->payload = (uint16_t)(l4 + header);
}

static void parse_ipv4(const uint8_t *head, size_t len, size_t l3, struct offload_layout *at)
{
    size_t header;

    if (l3 + IPV4_HEADER > len || head[l3] >> 4 != 4)
        return;
    header = (size_t)(head[l3] & 0xf) * 4;
    if (header < IPV4_HEADER || l3 + header > len)
        return;
    at->ip = 4;
    /* "More fragments", or an offset: the checksum would cover bytes of other frames. */
    if (!(be16(head + l3 + 6) & 0x3fff))
        parse_transport(head, len, l3 + header, head[l3 + 9], at);
}

static void parse_ipv6(const uint8_t *head, size_t len, size_t l3, struct offload_layout *at)
{
    size_t next = l3 + IPV6_HEADER;
    uint8_t proto;

    if (next > len || head[l3] >> 4 != 6)
        return;
    at->ip = 6;
    proto = head[l3 + 6];
    for (int i = 0; i < MAX_EXTENSIONS; i++) {
        if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING && proto != IPPROTO_DSTOPTS)
            break;
        if (next + 8 > len)
            return;
        proto = head[next];
        next += ((size_t)head[next + 1] + 1) * 8;
    }
    if (next <= len)
        parse_transport(head, len, next, proto, at);
}

void offload_parse(const uint8_t *head, size_t len, struct offload_layout *at)
{
    size_t l3 = ETH_HEADER;
    uint16_t type;

    memset(at, 0, sizeof(*at));
    if (len < ETH_HEADER)
        return;
    type = be16(head + 12);
    for (int i = 0; i < MAX_VLANS && (type == TYPE_VLAN || type == TYPE_QINQ); i++) {
        if (l3 + VLAN_TAG > len)
            return;
        type = be16(head + l3 + 2);
        l3 += VLAN_TAG;
    }
    if (type == TYPE_IPV4)
        parse_ipv4(head, len, l3, at);
    else if (type == TYPE_IPV6)
        parse_ipv6(head, len, l3, at);
}

/* --- from the guest ------------------------------------------------------------------------ */

bool offload_to_tap(const struct offload *of, const uint8_t *head, size_t len, size_t frame,
                    struct virtio_net_hdr *vh)
{
    struct offload_layout at;

    memset(vh, 0, sizeof(*vh));
    if (!of->csum_blank && of->gso == OFFLOAD_GSO_NONE) {
        /* How much the kernel puts in one piece; it takes the whole frame where this is 0. */
        vh->hdr_len = (uint16_t)(frame < OFFLOAD_HEAD ? frame : OFFLOAD_HEAD);
        return true;
    }
    offload_parse(head, len, &at);
    /* Segments need new checksums, so a frame to be cut up has none yet. */
    if (!at.proto || !of->csum_blank)
        return false;
    vh->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    vh->csum_start = at.l4;
    vh->csum_offset = at.csum;
    vh->hdr_len = at.payload;
    if (of->gso == OFFLOAD_GSO_NONE)
        return true;
    if (at.proto != IPPROTO_TCP || !of->gso_size)
        return false;
    if (of->gso == OFFLOAD_GSO_TCPV4 && at.ip == 4)
        vh->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    else if (of->gso == OFFLOAD_GSO_TCPV6 && at.ip == 6)
        vh->gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
    else
        return false;
    vh->gso_size = of->gso_size;
    return true;
}

/* --- from the tap -------------------------------------------------------------------------- */

/* The Internet checksum over what follows `start`, put where the header says; false if that is
 * not in the frame. The field holds the pseudo header's sum already. */
static bool complete_checksum(uint8_t *frame, size_t len, size_t start, size_t offset)
{
    uint64_t sum = 0;
    uint16_t folded;
    size_t i;

    if (start + offset + 2 > len)
        return false;
    for (i = start; i + 1 < len; i += 2)
        sum += be16(frame + i);
    if (i < len)
        sum += (uint64_t)frame[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    folded = (uint16_t)~sum;
    /* For UDP zero means "none"; for TCP the two zeroes are equal. */
    if (!folded)
        folded = 0xffff;
    frame[start + offset] = (uint8_t)(folded >> 8);
    frame[start + offset + 1] = (uint8_t)folded;
    return true;
}

static bool take_gso(const struct virtio_net_hdr *vh, const struct offload_accepts *accepts,
                     struct offload *of)
{
    switch (vh->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return true;
    case VIRTIO_NET_HDR_GSO_TCPV4:
        of->gso = OFFLOAD_GSO_TCPV4;
        of->gso_size = vh->gso_size;
        return accepts->gso_v4 && vh->gso_size;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        of->gso = OFFLOAD_GSO_TCPV6;
        of->gso_size = vh->gso_size;
        return accepts->gso_v6 && vh->gso_size;
    default:
        return false;
    }
}

bool offload_from_tap(const struct virtio_net_hdr *vh, uint8_t *frame, size_t len,
                      const struct offload_accepts *accepts, struct offload *of)
{
    struct offload_layout at;
    bool takes;

    memset(of, 0, sizeof(*of));
    if (!take_gso(vh, accepts, of))
        return false;
    of->data_validated = vh->flags & VIRTIO_NET_HDR_F_DATA_VALID;
    if (!(vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return true;
    /* The front-end looks for the headers itself, and must come to where the tap points. */
    offload_parse(frame, len < OFFLOAD_HEAD ? len : OFFLOAD_HEAD, &at);
    takes = at.proto && at.l4 == vh->csum_start && at.csum == vh->csum_offset &&
            (at.ip == 4 ? accepts->csum_v4 : accepts->csum_v6);
    of->data_validated = true;
    of->csum_blank = takes;
    if (takes)
        return true;
    return of->gso == OFFLOAD_GSO_NONE &&
           complete_checksum(frame, len, vh->csum_start, vh->csum_offset);
}
