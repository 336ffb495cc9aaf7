/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that make no sense. Where one can tell where the next begins, it is answered with an
 * error and the interface goes on; where one cannot, the interface is closed, and the front-end
 * starts over.
 */
#include "hostile.h"

#define MORE  XEN_NETIF_EXTRA_FLAG_MORE
#define GSO   XEN_NETIF_EXTRA_TYPE_GSO
#define MCAST XEN_NETIF_EXTRA_TYPE_MCAST_ADD
#define SHUT  1000 /* instead of a status: the interface is closed */
#define ERROR NETIF_RSP_ERROR

static const struct shape {
    const char *what;
    int status;
    uint16_t size, offset; /* of the first slot */
    enum page_kind page;
    uint16_t parts, other,
        other_offset; /* slots with data, and what the others than the first say */
    bool endless;     /* the last says that there is one more */
    uint16_t extras;
    uint8_t type, flags, gso_type;
    uint16_t gso_size;
    uint16_t tx_flags;
} shapes[] = {
    /* The first of each kind. */
    {"a packet of no size", ERROR, 0, 0, PAGE_GOOD, 1},
    {"a packet whose page was never granted", ERROR, 100, 0, PAGE_NEVER, 1},
    {"segments of no size", ERROR, 100, 0, PAGE_GOOD, 1, .extras = 1, .type = GSO, .gso_type = 1},
    {"segments of what is no TCP", ERROR, 100, 0, PAGE_GOOD, 1, .extras = 1, .type = GSO,
     .gso_type = 1, .gso_size = 65535, .tx_flags = NETTXF_csum_blank},
    /* Variations. */
    {"13 bytes", ERROR, 13, 0, PAGE_GOOD, 1},
    {"parts that are more than the whole", ERROR, 100, 0, PAGE_GOOD, 3, .other = 60},
    {"18 parts of which the first is empty", ERROR, 17 * 64, 0, PAGE_GOOD, 18, .other = 64},
    {"segments of a type that there is not", ERROR, 100, 0, PAGE_GOOD, 1, .extras = 1, .type = GSO,
     .gso_type = 9, .gso_size = 1400},
    {"segments of a frame with a checksum", ERROR, 100, 0, PAGE_GOOD, 1, .extras = 1, .type = GSO,
     .gso_type = 2, .gso_size = 1400},
    {"a checksum where nothing can have one", ERROR, 14, 0, PAGE_GOOD, 1,
     .tx_flags = NETTXF_csum_blank},
    {"a multicast address that is none", ERROR, 100, 0, PAGE_GOOD, 1, .extras = 1, .type = MCAST},
    /* What has to be served, between all that. */
    {"18 parts", NETIF_RSP_OKAY, 18 * 64, 0, PAGE_GOOD, 18, .other = 64},
    {"a whole page", NETIF_RSP_OKAY, 4096, 0, PAGE_GOOD, 1},
    {"a packet from a read-only page", NETIF_RSP_OKAY, 100, 3996, PAGE_READ_ONLY, 1},
    /* Ends of the interface: one for each reason, then the others (the log has few lines). */
    {"a packet larger than its page", SHUT, 4097, 0, PAGE_GOOD, 1},
    {"19 parts", SHUT, 19 * 64, 0, PAGE_GOOD, 19, .other = 64},
    {"a packet whose end is not there", SHUT, 100, 0, PAGE_GOOD, 1, .endless = true},
    {"an extra info of unknown type", SHUT, 100, 0, PAGE_GOOD, 1, .extras = 1, .type = 77},
    /* Variations. */
    {"a packet that ends past its page", SHUT, 100, 3997, PAGE_GOOD, 1},
    {"a part that ends past its page", SHUT, 200, 0, PAGE_GOOD, 2, .other = 100,
     .other_offset = 4095},
    {"an offset far past the page", SHUT, 100, 65535, PAGE_GOOD, 1},
    {"the rest of 64 KiB in the first part", SHUT, 65535, 0, PAGE_GOOD, 2, .other = 1},
    {"255 parts and no end", SHUT, 65535, 0, PAGE_GOOD, 255, .other = 1, .endless = true},
    {"an extra info of no type", SHUT, 100, 0, PAGE_GOOD, 1, .extras = 1},
    {"an extra info with unknown flags", SHUT, 100, 0, PAGE_GOOD, 1, .extras = 1, .type = GSO,
     .flags = 0xfe, .gso_type = 1, .gso_size = 1400},
    {"200 extra infos", SHUT, 100, 0, PAGE_GOOD, 1, .extras = 200, .type = GSO, .flags = MORE,
     .gso_type = 1, .gso_size = 1400},
    {"an extra info that is not there", SHUT, 100, 0, PAGE_GOOD, 1, .extras = 0,
     .tx_flags = NETTXF_extra_info},
    {"a multicast address with a packet", SHUT, 100, 0, PAGE_GOOD, 2, .other = 10, .extras = 1,
     .type = MCAST},
};

static struct nic nic;

static void put_extras(const struct shape *s)
{
    for (unsigned i = 0; i < s->extras; i++) {
        struct {
            struct netif_extra_info info;
            uint32_t rest;
        } x = {.info = {.type = s->type, .flags = s->flags}};

        x.info.u.gso.type = s->gso_type;
        x.info.u.gso.size = s->gso_size;
        nic_put(&nic, &x);
    }
}

static void play(const struct shape *s)
{
    attack(s->what);
    for (unsigned i = 0; i < s->parts; i++) {
        struct netif_tx_request q = {.gref = page_ref[i == 0 ? s->page : PAGE_GOOD],
                                     .offset = i == 0 ? s->offset : s->other_offset,
                                     .size = i == 0 ? s->size : s->other,
                                     .id = (uint16_t)i};

        q.flags = i + 1u < s->parts || s->endless ? NETTXF_more_data : 0;
        q.flags |= i != 0 ? 0 : s->tx_flags | (s->extras != 0 ? NETTXF_extra_info : 0);
        nic_put(&nic, &q);
        if (i == 0)
            put_extras(s);
    }
    nic_send(&nic);
}

/* A frame for nobody, in a protocol that nobody speaks. */
static void fill_page(void)
{
    static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x88, 0xb5};

    memset(page_bytes, 0, PAGE_SIZE);
    memcpy(page_bytes, head, sizeof(head));
    memcpy(page_bytes + 6, nic.mac, sizeof(nic.mac));
}

static void again(void)
{
    nic_connect(&nic);
    nic_post(&nic);
    nic_works(&nic);
}

#define NR_FIRST 4 /* of those above */

static void packets(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        const struct shape *s = &shapes[i];

        fill_page();
        play(s);
        if (s->status != SHUT) {
            CHECK_EQ(nic_answers(&nic, s->parts + s->extras), s->status);
        } else {
            device_expect_closed(&nic.dev);
            CHECK(!kit_grant_in_use(nic.tx_ref) && !kit_grant_in_use(nic.rx_ref));
            nic_connect(&nic);
        }
    }
}

static void pages(void)
{
    for (unsigned kind = PAGE_BEYOND; kind <= PAGE_OTHERS; kind++) {
        struct shape s = {page_names[kind], ERROR, 100, 0, (enum page_kind)kind, 1};

        play(&s);
        CHECK_EQ(nic_answers(&nic, 1), ERROR);
    }
}

/* --- what it posts ---------------------------------------------------------------------------- */

static void buffers(void)
{
    nic_connect(&nic); /* with no others */
    for (unsigned kind = PAGE_READ_ONLY; kind < PAGE_KINDS; kind++) {
        int status = NO_ANSWER;
        bool reply;

        attack("as a buffer for what it receives:");
        printk("  %s\n", page_names[kind]);
        nic_post_one(&nic, page_ref[kind]);
        for (unsigned tries = 0; tries < 10 && status == NO_ANSWER; tries++) {
            nic_ask_dom0(&nic);
            status = nic_receive(&nic, &reply);
        }
        CHECK_EQ(status, NETIF_RSP_ERROR);
    }
    nic_post(&nic);
    nic_works(&nic);
}

/* --- many ------------------------------------------------------------------------------------- */

static void flood(void)
{
    struct netif_tx_request q = {.gref = page_ref[PAGE_GOOD], .size = 60};
    uint64_t end = kit_now() + 2 * SECOND;
    struct netif_tx_response rsp;
    unsigned asked = 0, taken = 0;

    attack("a ring that is always full, and events without end");
    fill_page();
    while (kit_now() < end || taken < asked) {
        for (; kit_now() < end && ring_front_free(&nic.tx) != 0; asked++)
            nic_put(&nic, &q);
        nic_send(&nic);
        kit_send(nic.dev.port);
        while (ring_front_take(&nic.tx, &rsp, sizeof(rsp)))
            taken++;
        if (kit_now() > end + 60 * SECOND)
            break;
    }
    CHECK_EQ(taken, asked);
    printk("  %u packets\n", taken);
}

static void random_slots(void)
{
    static uint64_t x = 0x2545f4914f6cdd1d;
    unsigned closed = 0;

    attack("random slots");
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 64; i++) {
            struct netif_tx_request q;
            uint32_t words[3];

            for (unsigned w = 0; w < 3; w++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                words[w] = (uint32_t)(x >> 16);
            }
            memcpy(&q, words, sizeof(q));
            q.gref = page_ref[q.gref % PAGE_KINDS];
            q.size %= 2048;
            q.offset %= 2100;
            q.flags &= q.flags >> 4; /* a chain has an end, most of the time */
            nic_put(&nic, &q);
        }
        nic_send(&nic);
        for (unsigned i = 0; i < 20 && device_state(&nic.dev) == XenbusStateConnected; i++)
            kit_sleep(SECOND / 100);
        closed += device_state(&nic.dev) != XenbusStateConnected;
        nic_connect(&nic);
    }
    printk("  closed %u times of 4\n", closed);
    again();
}

void net_attacks(void)
{
    nic_open(&nic, "device/vif/0");
    again();
    packets(0, NR_FIRST); /* one of each kind */
    buffers();
    packets(NR_FIRST, ARRAY_SIZE(shapes));
    again();
    pages();
    flood();
    random_slots();
}

void net_mess(void)
{
    struct netif_tx_request q = {.gref = page_ref[PAGE_GOOD], .size = 60};
    struct netif_tx_response rsp;

    fill_page();
    for (;;) {
        while (ring_front_free(&nic.tx) != 0)
            nic_put(&nic, &q);
        nic_send(&nic);
        while (ring_front_take(&nic.tx, &rsp, sizeof(rsp)))
            ;
        kit_send(nic.dev.port);
    }
}
