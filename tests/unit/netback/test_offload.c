// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_offload.c: headers are found in good frames and in none that are cut short or lie, and each
 * word of a guest or a tap about what is undone is translated or refused.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <netback/offload.h>
#include <netback/rate.h>
#include "../cli/check.h"
#include "frames.h"

static struct offload_layout parse(const struct frame *f, size_t len)
{
    struct offload_layout at;
    uint8_t *exact = malloc(len ? len : 1); /* a byte too far is seen by the sanitizer */

    memcpy(exact, f->bytes, len);
    offload_parse(exact, len, &at);
    free(exact);
    return at;
}

static void test_parse(void)
{
    struct offload_layout at;
    struct frame f;

    f = frame_make(4, IPPROTO_TCP, 0, 100);
    at = parse(&f, f.len);
    CHECK(at.ip == 4 && at.proto == IPPROTO_TCP && at.l4 == 34 && at.csum == 16 &&
          at.payload == 54);
    for (size_t n = 0; n < 54; n++)
        CHECK(!parse(&f, n).proto);
    f = frame_make(6, IPPROTO_UDP, 2, 10);
    at = parse(&f, f.len);
    CHECK(at.ip == 6 && at.proto == IPPROTO_UDP && at.l4 == 62 && at.csum == 6 && at.payload == 70);
    for (size_t n = 0; n < 70; n++)
        CHECK(!parse(&f, n).proto);
    f = frame_make(4, IPPROTO_UDP, 3, 10); /* one tag too many */
    CHECK(!parse(&f, f.len).ip);
    f = frame_make(4, IPPROTO_ICMP, 0, 10);
    at = parse(&f, f.len);
    CHECK(at.ip == 4 && !at.proto);

    f = frame_make(4, IPPROTO_TCP, 0, 0);
    f.bytes[20] = 0x20; /* more fragments */
    CHECK(!parse(&f, f.len).proto);
    f.bytes[20] = 0;
    f.bytes[21] = 1; /* a later fragment */
    CHECK(!parse(&f, f.len).proto);
    f.bytes[21] = 0;
    f.bytes[14] = 0x44; /* a header of 16 bytes */
    CHECK(!parse(&f, f.len).ip);
    f.bytes[14] = 0x65;
    CHECK(!parse(&f, f.len).ip);
    f.bytes[14] = 0x45;
    f.bytes[46] = 0x40; /* a TCP header of 16 bytes */
    CHECK(!parse(&f, f.len).proto);
    f.bytes[46] = 0xf0; /* of 60, which the frame does not have */
    CHECK(!parse(&f, f.len).proto);
}

static void test_extensions(void)
{
    struct frame f = frame_make(6, IPPROTO_HOPOPTS, 0, 200);
    struct offload_layout at;

    f.bytes[54] = IPPROTO_DSTOPTS; /* 8 bytes, then 16, then TCP */
    f.bytes[55] = 0;
    f.bytes[62] = IPPROTO_TCP;
    f.bytes[63] = 1;
    f.bytes[78 + 12] = 0x50;
    at = parse(&f, f.len);
    CHECK(at.proto == IPPROTO_TCP && at.l4 == 78 && at.payload == 98);
    f.bytes[63] = 255; /* past the end */
    CHECK(!parse(&f, f.len).proto);
    f.bytes[63] = 1;
    f.bytes[62] = IPPROTO_FRAGMENT;
    CHECK(!parse(&f, f.len).proto);
    /* Extensions without end: found out after a few. */
    memset(f.bytes + 54, 0, f.len - 54);
    CHECK(!parse(&f, f.len).proto);
}

static void test_to_tap(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 3000), six = frame_make(6, IPPROTO_TCP, 0, 3000);
    struct frame udp = frame_make(4, IPPROTO_UDP, 0, 30), arp = frame_make(0, 0, 0, 28);
    struct offload none = {0}, blank = {.csum_blank = true};
    struct offload gso = {.csum_blank = true, .gso = OFFLOAD_GSO_TCPV4, .gso_size = 1448};
    struct virtio_net_hdr vh;

    CHECK(offload_to_tap(&none, arp.bytes, arp.len, arp.len, &vh));
    CHECK(!vh.flags && !vh.gso_type && vh.hdr_len == arp.len);
    CHECK(!offload_to_tap(&blank, arp.bytes, arp.len, arp.len, &vh));
    CHECK(offload_to_tap(&blank, udp.bytes, udp.len, udp.len, &vh));
    CHECK(vh.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM && vh.csum_start == 34 && vh.csum_offset == 6 &&
          vh.hdr_len == 42 && !vh.gso_type);
    CHECK(offload_to_tap(&gso, f.bytes, OFFLOAD_HEAD, f.len, &vh));
    CHECK(vh.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && vh.gso_size == 1448 && vh.hdr_len == 54 &&
          vh.csum_start == 34 && vh.csum_offset == 16);
    CHECK(!offload_to_tap(&gso, six.bytes, OFFLOAD_HEAD, six.len, &vh));
    CHECK(!offload_to_tap(&gso, udp.bytes, udp.len, udp.len, &vh));
    gso.gso = OFFLOAD_GSO_TCPV6;
    CHECK(!offload_to_tap(&gso, f.bytes, OFFLOAD_HEAD, f.len, &vh));
    CHECK(offload_to_tap(&gso, six.bytes, OFFLOAD_HEAD, six.len, &vh));
    CHECK(vh.gso_type == VIRTIO_NET_HDR_GSO_TCPV6 && vh.csum_start == 54);
    gso.gso_size = 0;
    CHECK(!offload_to_tap(&gso, six.bytes, OFFLOAD_HEAD, six.len, &vh));
    gso.gso_size = 1000;
    gso.csum_blank = false;
    CHECK(!offload_to_tap(&gso, six.bytes, OFFLOAD_HEAD, six.len, &vh));
    gso.csum_blank = true;
    gso.gso = 7;
    CHECK(!offload_to_tap(&gso, six.bytes, OFFLOAD_HEAD, six.len, &vh));
}

static void test_from_tap(void)
{
    struct offload_accepts all = {true, true, true, true}, only_v4 = {.csum_v4 = true};
    struct frame four = frame_make(4, IPPROTO_TCP, 0, 1001), six = frame_make(6, IPPROTO_UDP, 0, 7);
    struct virtio_net_hdr vh = {0};
    struct offload of;
    struct frame was;

    CHECK(offload_from_tap(&vh, four.bytes, four.len, &all, &of));
    CHECK(!of.csum_blank && !of.data_validated && !of.gso);
    vh.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    CHECK(offload_from_tap(&vh, four.bytes, four.len, &all, &of));
    CHECK(!of.csum_blank && of.data_validated);
    vh.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    vh.csum_start = 34;
    vh.csum_offset = 16;
    CHECK(offload_from_tap(&vh, four.bytes, four.len, &all, &of) && of.csum_blank);
    vh.gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN;
    vh.gso_size = 500;
    CHECK(offload_from_tap(&vh, four.bytes, four.len, &all, &of));
    CHECK(of.csum_blank && of.gso == OFFLOAD_GSO_TCPV4 && of.gso_size == 500);
    CHECK(!offload_from_tap(&vh, four.bytes, four.len, &only_v4, &of));
    vh.gso_type = VIRTIO_NET_HDR_GSO_UDP;
    CHECK(!offload_from_tap(&vh, four.bytes, four.len, &all, &of));

    /* What the front-end cannot complete is complete afterwards. */
    vh = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 54, .csum_offset = 6};
    frame_blank(&six, 54, 6);
    was = six;
    CHECK(offload_from_tap(&vh, six.bytes, six.len, &all, &of) && of.csum_blank);
    CHECK(!memcmp(&was, &six, sizeof(was)));
    CHECK(!frame_checksum_good(&six, 54));
    CHECK(offload_from_tap(&vh, six.bytes, six.len, &only_v4, &of));
    CHECK(!of.csum_blank && of.data_validated && frame_checksum_good(&six, 54));
    /* Not where the front-end would look: completed, whatever it accepts. */
    frame_blank(&four, 34, 16);
    vh.csum_start = 34;
    vh.csum_offset = 16;
    four.bytes[20] = 0x20;
    CHECK(offload_from_tap(&vh, four.bytes, four.len, &all, &of) && !of.csum_blank);
    CHECK(frame_checksum_good(&four, 34));
    four = frame_make(4, IPPROTO_TCP, 0, 1001);
    vh.csum_start = 38; /* some inner header's, which the front-end would not look at */
    CHECK(offload_from_tap(&vh, four.bytes, four.len, &all, &of) && !of.csum_blank);
    vh.csum_start = 34;
    vh.csum_offset = 6;
    CHECK(offload_from_tap(&vh, four.bytes, four.len, &all, &of) && !of.csum_blank);
    vh.csum_start = (uint16_t)(four.len - 1);
    CHECK(!offload_from_tap(&vh, four.bytes, four.len, &all, &of));
}

static void test_rate(void)
{
    struct netback_rate to = {.bytes = 50000, .usec = 50000};
    struct rate r;
    uint64_t sent = 0;

    rate_set(&r, &to, 1000);
    CHECK(rate_take(&r, 50000, 1000) && !rate_take(&r, 1, 1000) && r.next == 51000);
    CHECK(!rate_take(&r, 1, 50999) && rate_take(&r, 50000, 51000) && !rate_take(&r, 1, 51000));
    for (int64_t now = 51000; now < 10051000; now += 100)
        while (rate_take(&r, 1514, now))
            sent += 1514;
    CHECK(sent > 9900000 && sent <= 10100000); /* ten seconds at a million a second */
    /* An idle guest saves up no more than a burst. */
    CHECK(rate_take(&r, 65535, 900000000) && rate_take(&r, 65535, 900000000));
    CHECK(!rate_take(&r, 65535, 900000000));
    to = (struct netback_rate){.bytes = 1, .usec = 1};
    rate_set(&r, &to, 0);
    CHECK(!rate_take(&r, 65535, 0) && rate_take(&r, 65535, 70000) && !rate_take(&r, 65535, 70000));
    to = (struct netback_rate){.bytes = UINT64_MAX, .usec = 1};
    rate_set(&r, &to, 0);
    r.budget = 0;
    CHECK(rate_take(&r, 65535, INT64_MAX / 2));
    to = (struct netback_rate){0};
    rate_set(&r, &to, 0);
    CHECK(rate_take(&r, 65535, 0) && rate_take(&r, 65535, 0) && rate_take(&r, 65535, 0));
    to.bytes = 5; /* in no time: no limit that means anything */
    rate_set(&r, &to, 0);
    CHECK(rate_take(&r, 65535, 0));
}

int main(void)
{
    test_parse();
    test_extensions();
    test_to_tap();
    test_from_tap();
    test_rate();
    return check_end();
}
