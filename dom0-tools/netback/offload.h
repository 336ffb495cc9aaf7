// SPDX-License-Identifier: GPL-2.0-only
/*
 * offload.h: what a guest and a tap say of a frame's checksum and segments, each in its own words.
 *
 * Both kernels leave work undone on the way: a TCP frame of 64 KiB is not cut up, and a checksum
 * is not computed, as long as all that the frame passes is memory. A guest says so with two flags
 * and an extra slot, and leaves it to the other end to find the headers; a tap says so with a
 * struct virtio_net_hdr, which has the offsets. Here one becomes the other. The bytes are a copy
 * that nobody changes meanwhile, but what they say is as hostile as the guest.
 */
#ifndef LODGE_NETBACK_OFFLOAD_H
#define LODGE_NETBACK_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_net.h>

#define OFFLOAD_HEAD 256 /* the headers of a frame must end within so many bytes to be found */

enum offload_gso { OFFLOAD_GSO_NONE, OFFLOAD_GSO_TCPV4, OFFLOAD_GSO_TCPV6 };

/* What is left undone. */
struct offload {
    bool csum_blank;     /* the transport checksum covers only the pseudo header so far */
    bool data_validated; /* somebody has checked it; says nothing if csum_blank is set */
    uint8_t gso;         /* OFFLOAD_GSO_* */
    uint16_t gso_size;   /* payload of each segment */
};

/* What a front-end can cope with. */
struct offload_accepts {
    bool csum_v4, csum_v6, gso_v4, gso_v6;
};

/* Where the headers are. */
struct offload_layout {
    uint8_t ip;       /* 4, 6, or 0: neither */
    uint8_t proto;    /* IPPROTO_TCP, IPPROTO_UDP, or 0: neither, or not the first fragment */
    uint16_t l4;      /* where the transport header begins; valid if proto is set */
    uint16_t csum;    /* where its checksum is, counted from l4 */
    uint16_t payload; /* where the data begins */
};

/* Finds the headers in the first bytes of a frame. */
void offload_parse(const uint8_t *head, size_t len, struct offload_layout *at);

/*
 * For a frame from the guest: `head` are its first `len` bytes (all, or at least OFFLOAD_HEAD), it
 * has `frame` bytes. False if it claims what its headers do not bear out; it must be dropped then.
 */
bool offload_to_tap(const struct offload *of, const uint8_t *head, size_t len, size_t frame,
                    struct virtio_net_hdr *vh);

/*
 * For a frame from the tap, all of it at `frame`. A checksum that the front-end could not complete
 * is completed here. False if the front-end cannot take it at all.
 */
bool offload_from_tap(const struct virtio_net_hdr *vh, uint8_t *frame, size_t len,
                      const struct offload_accepts *accepts, struct offload *of);

#endif
