// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network rings: packets gathered from chains of slots, each way in which a chain can be wrong,
 * packets to the front-end, and control messages.
 */
#include "check.h"

#include <rings/net.h>

static union {
    struct ring_header header;
    unsigned char bytes[RING_PAGE_SIZE];
} page;
static struct ring_front front;
static struct ring_back back;
static struct net_tx_packet packet;
static unsigned slots; /* written since fresh() */

static void fresh(size_t slot_size)
{
    static uint32_t index = 0xffffff00; /* wraps now and then */

    CHECK(ring_front_init(&front, &page, slot_size, 0));
    index += 61;
    page.header.req_prod = page.header.rsp_prod = index;
    page.header.req_event = page.header.rsp_event = index + 1;
    front.req_prod = front.req_push = front.rsp_prod = front.rsp_cons = index;
    CHECK(ring_back_attach(&back, &page, slot_size, 0, 0));
    memset(&packet, 0xa5, sizeof(packet));
    slots = 0;
}

static void part(uint16_t offset, uint16_t size, uint16_t flags)
{
    struct netif_tx_request t = {.gref = 100 + slots,
                                 .offset = offset,
                                 .flags = flags,
                                 .id = (uint16_t)(7 + slots),
                                 .size = size};

    CHECK(ring_front_put(&front, &t, sizeof(t)));
    slots++;
}

static void gso(uint8_t type, uint16_t size, uint8_t flags)
{
    struct netif_extra_info x = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = flags};

    x.u.gso.type = type;
    x.u.gso.size = size;
    CHECK(ring_front_put(&front, &x, sizeof(x)));
    slots++;
}

static void other_extra(uint8_t type, uint8_t first, uint8_t flags)
{
    struct netif_extra_info x = {.type = type, .flags = flags};

    x.u.mcast.addr[0] = first;
    x.u.mcast.addr[5] = 99;
    CHECK(ring_front_put(&front, &x, sizeof(x)));
    slots++;
}

static enum net_error gather(void)
{
    enum net_error e;

    ring_front_push(&front);
    e = net_tx_gather(&back, &packet);
    CHECK(strlen(net_error_text(e)) > 5);
    /* What is not fatal took its slots, what is fatal took none. */
    if (e != NET_NONE)
        CHECK(ring_back_unanswered(&back) ==
              (net_error_fatal(e) ? 0u : (unsigned)packet.nr_parts + packet.nr_extras));
    return e;
}

/* All slots are answered in order, extra ones as such. */
static void answered(int16_t status, unsigned extras)
{
    struct netif_tx_response rsp;

    net_tx_respond(&back, &packet, status);
    CHECK(!ring_back_unanswered(&back));
    ring_back_push(&back);
    for (unsigned i = 0; i < slots; i++) {
        CHECK(ring_front_take(&front, &rsp, sizeof(rsp)));
        if (i >= 1 && i <= extras)
            CHECK(rsp.status == NETIF_RSP_NULL);
        else
            CHECK(rsp.status == status && rsp.id == 7 + i);
    }
    CHECK(!ring_front_take(&front, &rsp, sizeof(rsp)) && !front.broken);
}

static void test_tx_good(void)
{
    fresh(NET_TX_SLOT_SIZE);
    CHECK(gather() == NET_NONE);
    part(100, 14, 0);
    CHECK(gather() == NET_OK && packet.kind == NET_TX_PACKET && packet.size == 14);
    CHECK(packet.nr_parts == 1 && !packet.nr_extras && !packet.csum_blank);
    CHECK(packet.part[0].gref == 100 && packet.part[0].offset == 100 && packet.part[0].size == 14);
    CHECK(!packet.data_validated && !packet.extra.gso_type && !packet.extra.has_hash);
    answered(NETIF_RSP_OKAY, 0);

    fresh(NET_TX_SLOT_SIZE); /* a full page, exactly to its end */
    part(0, 4096, NETTXF_data_validated);
    CHECK(gather() == NET_OK && packet.data_validated && packet.part[0].size == 4096);
    answered(NETIF_RSP_DROPPED, 0);

    fresh(NET_TX_SLOT_SIZE); /* a large one with all that can be */
    part(50, 65535, NETTXF_csum_blank | NETTXF_extra_info | NETTXF_more_data);
    gso(XEN_NETIF_GSO_TYPE_TCPV6, 1400, XEN_NETIF_EXTRA_FLAG_MORE);
    other_extra(XEN_NETIF_EXTRA_TYPE_HASH, 3, 0);
    for (int i = 0; i < 15; i++)
        part(0, 4096, NETTXF_more_data);
    part(1000, 3000, 0);
    part(0, 20, 0); /* the next packet */
    CHECK(gather() == NET_OK && packet.nr_parts == 17 && packet.nr_extras == 2);
    CHECK(packet.part[0].size == 65535 - 15 * 4096 - 3000 && packet.part[0].id == 7);
    CHECK(packet.part[1].id == 10 && packet.part[16].size == 3000 && packet.csum_blank);
    CHECK(packet.extra.gso_type == XEN_NETIF_GSO_TYPE_TCPV6 && packet.extra.gso_size == 1400);
    CHECK(packet.extra.has_hash && packet.extra.hash_type == 3 && packet.extra.hash[3] == 99);
    slots--;
    answered(NETIF_RSP_OKAY, 2);
    CHECK(net_tx_gather(&back, &packet) == NET_OK && packet.size == 20 && !packet.nr_extras);

    fresh(NET_TX_SLOT_SIZE); /* as many parts as there may be, one of them empty */
    part(0, 2000, NETTXF_more_data);
    for (int i = 0; i < 16; i++)
        part(0, i ? 100 : 0, NETTXF_more_data);
    part(4095, 1, 0);
    CHECK(gather() == NET_OK && packet.nr_parts == 18 && packet.part[0].size == 2000 - 1501);
    answered(NETIF_RSP_OKAY, 0);
}

static void test_tx_multicast(void)
{
    for (uint8_t type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD; type <= XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
         type++) {
        fresh(NET_TX_SLOT_SIZE);
        part(0, 0, NETTXF_extra_info);
        other_extra(type, 1, 0);
        CHECK(gather() == NET_OK && packet.mcast[0] == 1 && packet.mcast[5] == 99);
        CHECK(packet.kind ==
              (type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ? NET_TX_MCAST_ADD : NET_TX_MCAST_DEL));
        answered(NETIF_RSP_OKAY, 1);
        fresh(NET_TX_SLOT_SIZE); /* not a multicast address */
        part(0, 0, NETTXF_extra_info);
        other_extra(type, 2, 0);
        CHECK(gather() == NET_BAD_MULTICAST);
        answered(NETIF_RSP_ERROR, 1);
        fresh(NET_TX_SLOT_SIZE); /* with something else */
        part(0, 0, NETTXF_extra_info);
        other_extra(type, 1, XEN_NETIF_EXTRA_FLAG_MORE);
        gso(XEN_NETIF_GSO_TYPE_TCPV4, 1000, 0);
        CHECK(gather() == NET_BAD_MULTICAST);
        answered(NETIF_RSP_ERROR, 2);
        fresh(NET_TX_SLOT_SIZE);
        part(0, 100, NETTXF_extra_info | NETTXF_more_data);
        other_extra(type, 1, 0);
        part(0, 10, 0);
        CHECK(gather() == NET_BAD_EXTRA);
    }
}

static void test_tx_sizes(void)
{
    fresh(NET_TX_SLOT_SIZE);
    part(0, 13, 0);
    CHECK(gather() == NET_BAD_SIZE);
    answered(NETIF_RSP_ERROR, 0);
    fresh(NET_TX_SLOT_SIZE);
    part(0, 0, 0);
    CHECK(gather() == NET_BAD_SIZE);
    fresh(NET_TX_SLOT_SIZE); /* the others have all, or more than there is */
    part(0, 100, NETTXF_more_data);
    part(0, 100, 0);
    CHECK(gather() == NET_BAD_SIZE);
    answered(NETIF_RSP_ERROR, 0);
    fresh(NET_TX_SLOT_SIZE);
    part(0, 100, NETTXF_more_data);
    part(0, 4000, 0);
    CHECK(gather() == NET_BAD_SIZE);
    fresh(NET_TX_SLOT_SIZE);
    part(1, 4096, 0);
    CHECK(gather() == NET_BAD_PART);
    fresh(NET_TX_SLOT_SIZE); /* what is left for the first does not fit its page */
    part(0, 5000, NETTXF_more_data);
    part(0, 900, 0);
    CHECK(gather() == NET_BAD_PART);
    fresh(NET_TX_SLOT_SIZE);
    part(0, 5000, NETTXF_more_data);
    part(65535, 1000, 0);
    CHECK(gather() == NET_BAD_PART);
    fresh(NET_TX_SLOT_SIZE);
    part(0, 5000, NETTXF_more_data);
    part(0, 65535, 0);
    CHECK(gather() == NET_BAD_PART);
    fresh(NET_TX_SLOT_SIZE);
    part(65535, 65535, 0);
    CHECK(gather() == NET_BAD_PART);
}

static void test_tx_chains(void)
{
    fresh(NET_TX_SLOT_SIZE);
    part(0, 100, NETTXF_more_data);
    CHECK(gather() == NET_INCOMPLETE);
    fresh(NET_TX_SLOT_SIZE);
    part(0, 100, NETTXF_extra_info);
    CHECK(gather() == NET_INCOMPLETE);
    fresh(NET_TX_SLOT_SIZE);
    part(0, 100, NETTXF_extra_info);
    gso(XEN_NETIF_GSO_TYPE_TCPV4, 1000, XEN_NETIF_EXTRA_FLAG_MORE);
    CHECK(gather() == NET_INCOMPLETE);
    fresh(NET_TX_SLOT_SIZE);
    for (int i = 0; i < 18; i++)
        part(0, 100, NETTXF_more_data);
    part(0, 100, 0);
    CHECK(gather() == NET_TOO_MANY_PARTS);
    fresh(NET_TX_SLOT_SIZE); /* a ring full of parts */
    for (int i = 0; i < 256; i++)
        part(0, 100, NETTXF_more_data);
    CHECK(gather() == NET_TOO_MANY_PARTS);
    fresh(NET_TX_SLOT_SIZE); /* extra infos without end */
    part(0, 100, NETTXF_extra_info);
    for (int i = 0; i < 255; i++)
        gso(XEN_NETIF_GSO_TYPE_TCPV4, 1000, XEN_NETIF_EXTRA_FLAG_MORE);
    CHECK(gather() == NET_BAD_EXTRA);
    for (unsigned type = 0; type < 256; type += type == 0 ? 5 : 1) {
        fresh(NET_TX_SLOT_SIZE);
        part(0, 100, NETTXF_extra_info);
        other_extra((uint8_t)type, 1, 0);
        CHECK(gather() == NET_BAD_EXTRA);
    }
    fresh(NET_TX_SLOT_SIZE); /* an unknown flag */
    part(0, 100, NETTXF_extra_info);
    gso(XEN_NETIF_GSO_TYPE_TCPV4, 1000, 2);
    CHECK(gather() == NET_BAD_EXTRA);
    fresh(NET_TX_SLOT_SIZE);
    part(0, 100, 0);
    ring_front_push(&front);
    page.header.req_prod += 256;
    back.req_prod = back.req_cons;
    CHECK(net_tx_gather(&back, &packet) == NET_BROKEN && back.broken);
}

static void test_tx_gso(void)
{
    for (unsigned type = 0; type < 256; type += type < 4 ? 1 : 63) {
        fresh(NET_TX_SLOT_SIZE);
        part(0, 100, NETTXF_extra_info | NETTXF_csum_blank);
        gso((uint8_t)type, 1000, 0);
        CHECK(gather() == (type == 1 || type == 2 ? NET_OK : NET_BAD_GSO));
        answered(NETIF_RSP_ERROR, 1);
    }
    fresh(NET_TX_SLOT_SIZE);
    part(0, 100, NETTXF_extra_info);
    gso(XEN_NETIF_GSO_TYPE_TCPV4, 0, 0);
    CHECK(gather() == NET_BAD_GSO);
    for (unsigned size = NET_MIN_SEGMENT - 1; size <= NET_MIN_SEGMENT; size++) {
        fresh(NET_TX_SLOT_SIZE);
        part(0, 4000, NETTXF_extra_info | NETTXF_csum_blank);
        gso(XEN_NETIF_GSO_TYPE_TCPV4, (uint16_t)size, 0);
        CHECK(gather() == (size < NET_MIN_SEGMENT ? NET_BAD_GSO : NET_OK));
    }
}

static void post(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct netif_rx_request q = {.id = (uint16_t)i, .gref = 500 + i};

        CHECK(ring_front_put(&front, &q, sizeof(q)));
    }
    ring_front_push(&front);
}

static void test_rx(void)
{
    struct net_rx_packet p = {.size = 9000, .csum_blank = true};
    union netif_rx_sring_entry got[5];
    struct netif_extra_info x;

    p.extra = (struct net_extra){.gso_type = XEN_NETIF_GSO_TYPE_TCPV4,
                                 .gso_size = 1448,
                                 .has_hash = true,
                                 .hash_type = 1,
                                 .hash = {1, 2, 3, 4}};
    fresh(NET_RX_SLOT_SIZE);
    post(4);
    p.nr_parts = 17; /* of the packet before it */
    CHECK(net_rx_slots(9000, &p.extra) == 5 && !net_rx_prepare(&back, &p));
    CHECK(!ring_back_unanswered(&back) && !p.nr_parts && !p.nr_extras); /* all or none */
    post(1);
    CHECK(net_rx_prepare(&back, &p) && p.nr_parts == 3 && p.nr_extras == 2);
    CHECK(p.part[0].gref == 500 && p.part[0].size == 4096 && p.part[1].gref == 503);
    CHECK(p.part[2].gref == 500 && p.part[2].size == 9000 - 8192 && p.part[2].id == 0);
    net_rx_finish(&back, &p, 0);
    CHECK(!ring_back_unanswered(&back) && ring_back_push(&back));
    for (int i = 0; i < 5; i++)
        CHECK(ring_front_take(&front, &got[i], sizeof(got[i])));
    CHECK(got[0].rsp.status == 4096 && got[3].rsp.status == 4096 && got[4].rsp.status == 808);
    CHECK(got[0].rsp.flags ==
          (NETRXF_csum_blank | NETRXF_data_validated | NETRXF_more_data | NETRXF_extra_info));
    CHECK(got[3].rsp.flags == NETRXF_more_data && got[3].rsp.id == 3 && !got[4].rsp.flags);
    memcpy(&x, &got[1], sizeof(x));
    CHECK(x.type == XEN_NETIF_EXTRA_TYPE_GSO && x.flags == XEN_NETIF_EXTRA_FLAG_MORE);
    CHECK(x.u.gso.size == 1448 && x.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4);
    memcpy(&x, &got[2], sizeof(x));
    CHECK(x.type == XEN_NETIF_EXTRA_TYPE_HASH && !x.flags && x.u.hash.value[3] == 4);

    fresh(NET_RX_SLOT_SIZE);
    p = (struct net_rx_packet){.size = 60, .data_validated = true};
    post(2);
    CHECK(net_rx_prepare(&back, &p) && p.nr_parts == 1 && !p.nr_extras);
    net_rx_finish(&back, &p, 1); /* it could not be copied */
    ring_back_push(&back);
    CHECK(ring_front_take(&front, &got[0], sizeof(got[0])));
    CHECK(got[0].rsp.status == NETIF_RSP_ERROR && got[0].rsp.flags == NETRXF_data_validated);
    p.size = 0;
    CHECK(!net_rx_prepare(&back, &p));
    p.size = 65536;
    CHECK(!net_rx_prepare(&back, &p) && net_rx_slots(65535, &p.extra) == 16);
    p.size = 60;
    p.nr_parts = 17;
    RING_STORE(&back.shared->req_prod, back.req_prod - 1);
    CHECK(!net_rx_prepare(&back, &p) && back.broken && !p.nr_parts);
}

static uint32_t control(uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
    const struct net_ctrl_limits l = {
        .hash = true, .max_key = 40, .max_mapping = 128, .mapping = 64};
    struct xen_netif_ctrl_request q = {.id = 1, .type = type, .data = {a, b, c}};

    return net_ctrl_decode(&l, &q);
}

static void test_control(void)
{
    const struct net_ctrl_limits none = {0};
    struct xen_netif_ctrl_request q = {.id = 9, .type = XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS};
    struct xen_netif_ctrl_response rsp;
    enum {
        OK = XEN_NETIF_CTRL_STATUS_SUCCESS,
        NO = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED,
        BAD = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER,
        OVER = XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW
    };

    CHECK(net_ctrl_decode(&none, &q) == NO && control(q.type, 0, 0, 0) == OK);
    CHECK(control(XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0) == OK);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0) == OK);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 16, 0, 0) == BAD);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0) == OK);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 2, 0, 0) == BAD);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 5, 40, 0) == OK);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 5, 41, 0) == OVER);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 5, ~0u, 0) == OVER);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 128, 0, 0) == OK);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 129, 0, 0) == BAD);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 5, 60, 4) == OK);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 5, 61, 4) == OVER);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 5, ~0u, 5) == OVER);
    CHECK(control(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 5, 0, 65) == OVER);
    for (unsigned type = 8; type < 70; type++)
        CHECK(control((uint16_t)type, 0, 0, 0) == NO);
    CHECK(control(XEN_NETIF_CTRL_TYPE_INVALID, 0, 0, 0) == NO);

    fresh(NET_CTRL_SLOT_SIZE);
    CHECK(ring_front_put(&front, &q, sizeof(q)) && ring_front_push(&front));
    CHECK(ring_back_take(&back, &q, sizeof(q)) && net_ctrl_respond(&back, &q, OK, 15));
    CHECK(!net_ctrl_respond(&back, &q, OK, 15) && ring_back_push(&back));
    CHECK(ring_front_take(&front, &rsp, sizeof(rsp)) && rsp.id == 9 && rsp.data == 15);
}

/* Values that are printed in the definition of receive-side scaling. */
static void test_toeplitz(void)
{
    static const uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    static const uint8_t v4[12] = {66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6};

    CHECK(net_toeplitz(key, sizeof(key), v4, 8) == 0x323e8fc2);
    CHECK(net_toeplitz(key, sizeof(key), v4, 12) == 0x51ccc178);
    CHECK(net_toeplitz(key, 0, v4, 12) == 0 && net_toeplitz(key, 40, v4, 0) == 0);
}

int main(void)
{
    test_tx_good();
    test_tx_multicast();
    test_tx_sizes();
    test_tx_chains();
    test_tx_gso();
    test_rx();
    test_control();
    test_toeplitz();
    return check_end();
}
