// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_queue.c: a queue against a guest made of memory: frames arrive whole, in order and in
 * batches; each wrong request has its answer and spoils nothing else; a front-end that breaks the
 * rules stops its queue; a new worker takes up where a dead one was.
 */
#include <pthread.h>
#include <stdlib.h>
#include "../cli/check.h"
#include "fake.h"
#include "frames.h"

static const struct fake_send plain = {.ref = 1, .id = 7};

/* Takes the answers that are there; all have this status, but for `null` extra ones. */
static unsigned answers(int16_t status, unsigned null)
{
    struct netif_tx_response rsp;
    unsigned n = 0;

    while (ring_front_take(&fake.tx, &rsp, sizeof(rsp))) {
        CHECK(rsp.status == status || (rsp.status == NETIF_RSP_NULL && null--));
        n++;
    }
    CHECK(!null && !fake.tx.broken);
    return n;
}

/* --- from the guest ------------------------------------------------------------------------ */

static void test_tx(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 1400), arp = frame_make(0, 0, 0, 28);

    fake_reset();
    CHECK(fake_tx(0) == QUEUE_IDLE && !fake.nr_sent && !fake.copies);
    fake_send(&plain, arp.bytes, arp.len);
    CHECK(ring_front_push(&fake.tx)); /* an idle queue wants to hear of it */
    CHECK(fake_tx(0) == QUEUE_IDLE);
    queue_notify(fake.q, false);
    CHECK(fake.nr_sent == 1 && fake.notified == 1 && fake.sent[0].len == arp.len);
    CHECK(!memcmp(fake.sent[0].bytes, arp.bytes, arp.len) && !fake.sent[0].vh.flags);
    CHECK(answers(NETIF_RSP_OKAY, 0) == 1);

    /* A hundred frames: one copy, one event. */
    fake_reset();
    for (unsigned i = 0; i < 100; i++) {
        struct fake_send how = {.ref = 1 + 2 * i, .id = (uint16_t)i, .head = 60};

        f.bytes[60] = (uint8_t)i;
        fake_send(&how, f.bytes, f.len);
    }
    ring_front_push(&fake.tx);
    while (fake_tx(0) == QUEUE_AGAIN)
        ;
    queue_notify(fake.q, false);
    CHECK(fake.nr_sent == 100 && fake.copies == 1 && fake.notified == 1);
    for (unsigned i = 0; i < 100; i++) {
        f.bytes[60] = (uint8_t)i;
        CHECK(fake.sent[i].len == f.len && !memcmp(fake.sent[i].bytes, f.bytes, f.len));
    }
    CHECK(answers(NETIF_RSP_OKAY, 0) == 200);
    CHECK(fake.q->stats.tx_frames == 100 && fake.q->stats.tx_bytes == 100 * f.len);
}

/* With one event channel a little that was sent is told with what is received, or a while later. */
static void test_tx_events(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 1400), arp = frame_make(0, 0, 0, 28);

    fake_reset();
    fake.q->rx_port = fake.q->tx_port;
    fake_send(&plain, arp.bytes, arp.len);
    ring_front_push(&fake.tx);
    CHECK(fake_tx(0) == QUEUE_IDLE);
    queue_notify(fake.q, false);
    CHECK(!fake.notified && fake.q->waiting);
    queue_notify(fake.q, true);
    CHECK(fake.notified == 1 && !fake.q->waiting);
    queue_notify(fake.q, true);
    CHECK(fake.notified == 1);
    CHECK(answers(NETIF_RSP_OKAY, 0) == 1 && !ring_front_final_check(&fake.tx));

    fake_send(&plain, arp.bytes, arp.len);
    ring_front_push(&fake.tx);
    fake_post(10, 0, 1);
    CHECK(fake_tx(0) == QUEUE_IDLE);
    queue_notify(fake.q, false);
    CHECK(fake.notified == 1);
    fake_arrive(arp.bytes, arp.len);
    CHECK(fake_rx(0) == QUEUE_IDLE);
    queue_notify(fake.q, false);
    CHECK(fake.notified == 2 && !fake.q->waiting);
    CHECK(answers(NETIF_RSP_OKAY, 0) == 1 && !ring_front_final_check(&fake.tx));

    for (unsigned i = 0; i < 3; i++)
        fake_send(&plain, f.bytes, f.len);
    ring_front_push(&fake.tx);
    CHECK(fake_tx(0) == QUEUE_IDLE);
    queue_notify(fake.q, false);
    CHECK(fake.notified == 3);
}

static void test_tx_large(void)
{
    static const unsigned heads[] = {54, 66, 1000, 4096};
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 64000);
    struct fake_send how = {
        .ref = 1, .flags = NETTXF_csum_blank, .gso = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1448};

    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        unsigned slots;

        fake_reset();
        how.head = (uint16_t)heads[i];
        slots = fake_send(&how, f.bytes, f.len);
        ring_front_push(&fake.tx);
        CHECK(fake_tx(0) == QUEUE_IDLE && fake.nr_sent == 1 && fake.copies == 1);
        CHECK(fake.sent[0].len == f.len && !memcmp(fake.sent[0].bytes, f.bytes, f.len));
        CHECK(fake.sent[0].vh.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 &&
              fake.sent[0].vh.gso_size == 1448 && fake.sent[0].vh.hdr_len == 54 &&
              fake.sent[0].vh.csum_start == 34);
        CHECK(answers(NETIF_RSP_OKAY, 1) == slots);
    }
}

static void test_tx_errors(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 5000), arp = frame_make(0, 0, 0, 28);
    struct fake_send blank = {.ref = 20, .flags = NETTXF_csum_blank};

    /* In the middle of a batch: a page that is not granted, sizes that make no sense, an ARP
     * frame without checksum, a tap that takes nothing. The others go. */
    fake_reset();
    fake_send(&plain, f.bytes, f.len);
    fake_tx_slot(5000, 0, 0, 1, 60);
    fake_tx_slot(3, 0, 0, 2, 13);
    fake_tx_slot(3, 0, NETTXF_more_data, 3, 100);
    fake_tx_slot(3, 0, 0, 4, 100);
    fake_send(&blank, arp.bytes, arp.len);
    fake_send(&(struct fake_send){.ref = 30, .id = 9}, f.bytes, f.len);
    fake.revoked[40] = true;
    fake_send(&(struct fake_send){.ref = 39, .id = 9}, f.bytes, f.len); /* its second part */
    ring_front_push(&fake.tx);
    CHECK(fake_tx(0) == QUEUE_IDLE && fake.copies == 1);
    CHECK(fake.nr_sent == 2 && fake.sent[1].len == f.len &&
          !memcmp(fake.sent[1].bytes, f.bytes, f.len));
    CHECK(fake.q->stats.tx_errors == 5);
    for (unsigned i = 0; i < 11; i++) {
        struct netif_tx_response rsp;
        bool good = i < 2 || i == 7 || i == 8;

        CHECK(ring_front_take(&fake.tx, &rsp, sizeof(rsp)));
        CHECK(rsp.status == (good ? NETIF_RSP_OKAY : NETIF_RSP_ERROR));
    }
    CHECK(!answers(0, 0));

    fake.tap_full = true;
    fake_send(&plain, arp.bytes, arp.len);
    ring_front_push(&fake.tx);
    CHECK(fake_tx(0) == QUEUE_IDLE && answers(NETIF_RSP_DROPPED, 0) == 1);
    fake.tap_full = false;
    fake.copy_fails = true;
    fake_send(&plain, arp.bytes, arp.len);
    ring_front_push(&fake.tx);
    CHECK(fake_tx(0) == QUEUE_IDLE && answers(NETIF_RSP_ERROR, 0) == 1);
}

static bool tx_breaks(void)
{
    bool broke;

    ring_front_push(&fake.tx);
    broke = fake_tx(0) == QUEUE_BROKEN && fake.q->broken;
    /* It stays so, whatever comes. */
    return broke && fake_tx(0) != QUEUE_IDLE && !fake.nr_sent;
}

static void test_tx_hostile(void)
{
    struct netif_extra_info x = {.type = 99};

    fake_reset(); /* more requests than there are slots */
    RING_STORE(&fake.tx.shared->req_prod, 300);
    CHECK(fake_tx(0) == QUEUE_BROKEN && fake.q->broken);
    fake_reset(); /* fewer than there were */
    RING_STORE(&fake.tx.shared->req_prod, -1u);
    CHECK(fake_tx(0) == QUEUE_BROKEN);
    fake_reset(); /* an offset outside of the page */
    fake_tx_slot(1, 4000, 0, 0, 200);
    CHECK(tx_breaks());
    fake_reset(); /* a part outside of it */
    fake_tx_slot(1, 0, NETTXF_more_data, 0, 200);
    fake_tx_slot(1, 4090, 0, 0, 7);
    CHECK(tx_breaks());
    fake_reset(); /* more parts than anybody may use */
    for (int i = 0; i < 40; i++)
        fake_tx_slot(1, 0, NETTXF_more_data, 0, i ? 1 : 4000);
    CHECK(tx_breaks());
    fake_reset(); /* no end */
    fake_tx_slot(1, 0, NETTXF_more_data, 0, 200);
    CHECK(tx_breaks());
    fake_reset(); /* an extra of no known type */
    fake_tx_slot(1, 0, NETTXF_extra_info, 0, 200);
    ring_front_put(&fake.tx, &x, sizeof(x));
    CHECK(tx_breaks());
    fake_reset(); /* the same one without end */
    x.type = XEN_NETIF_EXTRA_TYPE_GSO;
    x.flags = XEN_NETIF_EXTRA_FLAG_MORE;
    fake_tx_slot(1, 0, NETTXF_extra_info, 0, 200);
    for (int i = 0; i < 200; i++)
        ring_front_put(&fake.tx, &x, sizeof(x));
    CHECK(tx_breaks());
    fake_reset(); /* a multicast message, which was not offered */
    x = (struct netif_extra_info){.type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD, .u.mcast.addr = {1}};
    fake_tx_slot(1, 0, NETTXF_extra_info, 0, 0);
    ring_front_put(&fake.tx, &x, sizeof(x));
    ring_front_push(&fake.tx);
    CHECK(fake_tx(0) == QUEUE_IDLE && answers(NETIF_RSP_ERROR, 1) == 2);
}

static void test_tx_rate(void)
{
    struct netback_rate to = {.bytes = 200000, .usec = 1000};
    struct frame f = frame_make(4, IPPROTO_UDP, 0, 3958); /* 4000 bytes */

    fake_reset();
    rate_set(fake.q->rate, &to, 0);
    for (unsigned i = 0; i < 120; i++)
        fake_send(&plain, f.bytes, f.len);
    ring_front_push(&fake.tx);
    CHECK(fake_tx(10) == QUEUE_LATER && fake.q->tx_due == 1000 && fake.nr_sent == 50);
    CHECK(fake_tx(999) == QUEUE_LATER && fake.nr_sent == 50);
    CHECK(fake_tx(1000) == QUEUE_LATER && fake.nr_sent == 100 && fake.q->tx_due == 2000);
    CHECK(fake_tx(2000) == QUEUE_IDLE && fake.nr_sent == 120);
    CHECK(answers(NETIF_RSP_OKAY, 0) == 120);
}

static bool flipping;

/* Another vcpu of the guest: the sizes in the ring are never what they were. */
static void *flip(void *arg)
{
    struct netif_tx_request *slot = (void *)(fake.tx_ring + sizeof(struct ring_header));

    for (uint16_t size = 60; __atomic_load_n(&flipping, __ATOMIC_RELAXED); size ^= 60 ^ 4000)
        for (unsigned i = 0; i < QUEUE_SLOTS; i++)
            __atomic_store_n(&slot[i].size, size, __ATOMIC_RELAXED);
    return arg;
}

static void test_tx_rate_fooled(void)
{
    struct netback_rate to = {.bytes = 1ULL << 40, .usec = 1000};
    pthread_t evil;

    fake_reset();
    rate_set(fake.q->rate, &to, 0);
    flipping = true;
    CHECK(!pthread_create(&evil, NULL, flip, NULL));
    for (unsigned round = 0; round < 5000; round++) {
        for (uint16_t i = 0; i < 100; i++)
            fake_tx_slot(1, 0, 0, i, 60);
        ring_front_push(&fake.tx);
        if (fake_tx(0) != QUEUE_IDLE || answers(NETIF_RSP_OKAY, 0) != 100)
            break;
    }
    CHECK(fake.q->stats.tx_frames == 500000);
    __atomic_store_n(&flipping, false, __ATOMIC_RELAXED);
    pthread_join(evil, NULL);
    CHECK(to.bytes - fake.rate.budget == fake.q->stats.tx_bytes);
}

/* --- to the guest -------------------------------------------------------------------------- */

/* Takes one frame out of the responses; returns its slots, 0 if there is none. */
static unsigned receive(struct frame *f, uint16_t *flags, struct netif_extra_info *x, uint32_t ref,
                        uint16_t id)
{
    struct netif_rx_response rsp;
    unsigned slots = 0;

    f->len = 0;
    memset(x, 0, sizeof(*x));
    do {
        if (!ring_front_take(&fake.rx, &rsp, sizeof(rsp)))
            return 0;
        CHECK(rsp.id == (uint16_t)(id + slots) && rsp.status > 0 && rsp.status <= 4096);
        memcpy(f->bytes + f->len, fake.page[ref + slots] + rsp.offset, (size_t)rsp.status);
        f->len += (size_t)rsp.status;
        if (!slots++) {
            *flags = rsp.flags;
            if (rsp.flags & NETRXF_extra_info) {
                CHECK(ring_front_take(&fake.rx, x, sizeof(*x)));
                slots++;
            }
        }
    } while (rsp.flags & NETRXF_more_data);
    return slots;
}

static void test_rx(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 900), got;
    struct netif_extra_info x;
    uint16_t flags;

    fake_reset();
    fake_post(100, 50, 200);
    CHECK(fake_rx(0) == QUEUE_IDLE && !fake.copies);
    for (unsigned i = 0; i < 60; i++) {
        f.bytes[100] = (uint8_t)i;
        fake_arrive(f.bytes, f.len)->vh.flags = i == 3 ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
    }
    CHECK(fake_rx(0) == QUEUE_IDLE);
    queue_notify(fake.q, false);
    CHECK(fake.copies == 1 && fake.notified == 1);
    for (unsigned i = 0; i < 60; i++) {
        f.bytes[100] = (uint8_t)i;
        CHECK(receive(&got, &flags, &x, 100 + i, (uint16_t)(50 + i)) == 1);
        CHECK(got.len == f.len && !memcmp(got.bytes, f.bytes, f.len));
        CHECK(flags == (i == 3 ? NETRXF_data_validated : 0));
    }
    CHECK(!receive(&got, &flags, &x, 0, 0));

    /* What comes alone is delivered at once; now and then it is seen whether it does. */
    for (unsigned i = 0; i < 20; i++)
        fake_arrive(f.bytes, f.len);
    fake.q->rx_burst = false;
    fake.singly = true;
    for (unsigned i = 1; i <= 8; i++)
        CHECK(fake_rx(0) == QUEUE_IDLE && fake.taken == 60 + i && fake.copies == 1 + i);
    CHECK(fake_rx(0) == QUEUE_IDLE && fake.taken == 80 && fake.copies == 10 && fake.q->rx_burst);

    /* More than a batch. */
    for (unsigned i = 0; i < 120; i++)
        fake_arrive(f.bytes, f.len);
    CHECK(fake_rx(0) == QUEUE_AGAIN);
    CHECK(fake_rx(0) == QUEUE_IDLE);
    CHECK(fake.copies == 12 && fake.q->stats.rx_frames == 200);
}

static void test_rx_large(void)
{
    static const size_t sizes[] = {4096, 4097, 8192, 65000, 65535, 65553};
    struct netif_extra_info x;
    struct frame got;
    uint16_t flags;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct frame f = frame_make(6, IPPROTO_TCP, 0, sizes[i] - 74);
        struct fake_frame *a;
        unsigned parts = (unsigned)(sizes[i] + 4095) / 4096;

        fake_reset();
        fake_post(1, 0, 100);
        a = fake_arrive(f.bytes, f.len);
        a->vh = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                        .csum_start = 54,
                                        .csum_offset = 16,
                                        .gso_size = 1400,
                                        .gso_type = VIRTIO_NET_HDR_GSO_TCPV6};
        fake_arrive(f.bytes, f.len);
        CHECK(fake_rx(0) == QUEUE_IDLE && fake.copies == 1);
        CHECK(receive(&got, &flags, &x, 1, 0) == parts + 1);
        /* The place of the extra info was a page's; the parts are in the others. */
        CHECK((flags & ~NETRXF_more_data) ==
              (NETRXF_csum_blank | NETRXF_data_validated | NETRXF_extra_info));
        CHECK(x.type == XEN_NETIF_EXTRA_TYPE_GSO && !x.flags && x.u.gso.size == 1400 &&
              x.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6);
        CHECK(got.len == f.len);
        CHECK(receive(&got, &flags, &x, 1 + parts + 1, (uint16_t)(parts + 1)) == parts);
        CHECK(got.len == f.len && !memcmp(got.bytes, f.bytes, f.len) && !x.type);
    }
}

static void test_rx_refused(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 6000);
    struct netif_rx_response rsp;
    struct frame got;
    struct netif_extra_info x;
    uint16_t flags;

    /* What the front-end cannot take, and what is no frame, is dropped. */
    fake_reset();
    fake_post(1, 0, 20);
    fake.q->features = NETBACK_CSUM_V4;
    fake_arrive(f.bytes, f.len);
    fake_arrive(f.bytes, 13);
    fake_arrive(f.bytes, 0);
    fake_arrive(f.bytes, 1000)->vh = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                                             .csum_start = 34,
                                                             .csum_offset = 16,
                                                             .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                                             .gso_size = 100};
    CHECK(fake_rx(0) == QUEUE_IDLE && fake.q->stats.rx_dropped == 4 && !fake.copies);

    /* A buffer that is not granted costs its own frame only. */
    fake_reset();
    fake_post(1, 0, 20);
    fake.revoked[2] = true;
    fake_arrive(f.bytes, f.len);
    fake_arrive(f.bytes, f.len);
    CHECK(fake_rx(0) == QUEUE_IDLE && fake.q->stats.rx_errors == 1);
    CHECK(ring_front_take(&fake.rx, &rsp, sizeof(rsp)) && rsp.status == 4096);
    CHECK(ring_front_take(&fake.rx, &rsp, sizeof(rsp)) && rsp.status == NETIF_RSP_ERROR);
    CHECK(receive(&got, &flags, &x, 3, 2) == 2 && !memcmp(got.bytes, f.bytes, f.len));
}

static void test_rx_waits(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 6000), got;
    struct netif_extra_info x;
    uint16_t flags;

    fake_reset();
    fake_post(1, 0, 3);
    for (int i = 0; i < 3; i++)
        fake_arrive(f.bytes, f.len);
    CHECK(fake_rx(5) == QUEUE_LATER && fake.q->rx_since == 5 && fake.taken == 2);
    CHECK(receive(&got, &flags, &x, 1, 0) == 2);
    CHECK(fake.rx.shared->req_event == 4); /* two are needed, one is there */
    CHECK(fake_rx(6) == QUEUE_LATER && fake.taken == 2);
    fake_post(4, 3, 3);
    CHECK(fake_rx(7) == QUEUE_IDLE && !fake.q->rx_since && fake.taken == 3);
    CHECK(receive(&got, &flags, &x, 3, 2) == 2 && !memcmp(got.bytes, f.bytes, f.len));
    CHECK(receive(&got, &flags, &x, 5, 4) == 2 && !memcmp(got.bytes, f.bytes, f.len));

    /* After a long while nobody wants what has gathered. */
    for (int i = 0; i < 50; i++)
        fake_arrive(f.bytes, f.len);
    CHECK(fake_rx(100) == QUEUE_LATER);
    fake_post(10, 6, 100);
    CHECK(fake_rx(100 + QUEUE_STALL_US) == QUEUE_IDLE && fake.taken == 53);
    CHECK(!receive(&got, &flags, &x, 0, 0) && fake.q->stats.rx_dropped == 50);
    fake_arrive(f.bytes, f.len);
    CHECK(fake_rx(200 + QUEUE_STALL_US) == QUEUE_IDLE);
    CHECK(receive(&got, &flags, &x, 10, 6) == 2);

    fake_reset();
    RING_STORE(&fake.rx.shared->req_prod, 257);
    CHECK(fake_rx(0) == QUEUE_BROKEN && fake.q->broken);
}

/* --- a worker that died -------------------------------------------------------------------- */

/* Killed at each point of writing the answers of two frames: a third is sent, all are answered. */
static void resume_tx(unsigned written, struct fake_send how, const struct frame *f, unsigned slots)
{
    struct netif_tx_response rsp;
    struct netif_tx_request t;
    struct ring_back dying;

    fake_reset();
    for (unsigned i = 0; i < 3; i++) {
        how.ref = 1 + 10 * i;
        how.id = (uint16_t)(100 * i);
        fake_send(&how, f->bytes, f->len);
    }
    ring_front_push(&fake.tx);
    dying = fake.q->tx;
    fake.journal.tx_end = 2 * slots;
    for (unsigned i = 0; i < written; i++) {
        ring_back_take(&dying, &t, sizeof(t));
        rsp.id = i % slots == 1 ? 0 : t.id;
        rsp.status = i % slots == 1 ? NETIF_RSP_NULL : NETIF_RSP_OKAY;
        ring_back_put(&dying, &rsp, sizeof(rsp));
    }
    CHECK(fake_restart());
    CHECK(fake_tx(0) == QUEUE_IDLE && fake.nr_sent == 1);
    for (unsigned i = 0, id = 0; i < 3 * slots; i++) {
        id = i % slots ? id + (i % slots > 1) : 100 * (i / slots);
        CHECK(ring_front_take(&fake.tx, &rsp, sizeof(rsp)));
        CHECK(i % slots == 1 ? rsp.status == NETIF_RSP_NULL
                             : rsp.status == NETIF_RSP_OKAY && rsp.id == id);
    }
    CHECK(!ring_front_take(&fake.tx, &rsp, sizeof(rsp)));
}

/* Buffers that may hold an answer come back, the others are used. */
static void resume_rx(const struct frame *f)
{
    struct netif_rx_response part = {.status = 100};
    struct netif_rx_request request;
    struct ring_back dying;

    fake_reset();
    fake_post(1, 0, 10);
    dying = fake.q->rx;
    fake.journal.rx_end = 4;
    ring_back_take(&dying, &request, sizeof(request));
    ring_back_put(&dying, &part, sizeof(part));
    CHECK(fake_restart());
    fake_arrive(f->bytes, 500);
    CHECK(fake_rx(0) == QUEUE_IDLE && fake.q->stats.rx_frames == 1);
    for (unsigned i = 0; i < 5; i++) {
        CHECK(ring_front_take(&fake.rx, &part, sizeof(part)));
        CHECK(part.id == i && part.status == (i < 4 ? NETIF_RSP_ERROR : 500));
    }
}

static void test_resume(void)
{
    struct frame f = frame_make(4, IPPROTO_TCP, 0, 9000);
    struct fake_send how = {
        .ref = 1, .flags = NETTXF_csum_blank, .gso = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1448};
    unsigned slots;

    /* Killed with nothing answered: all is sent again. */
    fake_reset();
    slots = fake_send(&how, f.bytes, f.len);
    ring_front_push(&fake.tx);
    CHECK(fake_restart());
    CHECK(fake_tx(0) == QUEUE_IDLE && fake.nr_sent == 1);
    CHECK(answers(NETIF_RSP_OKAY, 1) == slots);
    for (unsigned written = 0; written <= 2 * slots; written++)
        resume_tx(written, how, &f, slots);
    resume_rx(&f);

    /* Indices that a predecessor cannot have left. */
    fake_reset();
    RING_STORE(&fake.tx.shared->rsp_prod, 5);
    CHECK(!fake_restart());
    /* A journal of other rings is no harm. */
    fake_reset();
    fake.journal = (struct queue_journal){0x80000000, 77};
    fake_post(1, 0, 10);
    CHECK(fake_restart());
    fake_arrive(f.bytes, 500);
    CHECK(fake_rx(0) == QUEUE_IDLE && fake.q->stats.rx_frames == 1);
}

/* Long, in both directions, around the rings' ends. */
static void test_long(void)
{
    struct frame f = frame_make(4, IPPROTO_UDP, 0, 20000), got;
    struct netif_extra_info x;
    uint16_t flags;
    unsigned sent = 0, received = 0, posted = 0;

    fake_reset();
    srand(3);
    for (unsigned round = 0; round < 3000; round++) {
        size_t len = 60 + (size_t)rand() % 19000;
        unsigned parts = (unsigned)(len + 4095) / 4096;
        struct fake_send how = {.ref = 1, .head = (uint16_t)(20 + rand() % 40)};

        fake_send(&how, f.bytes, len);
        ring_front_push(&fake.tx);
        CHECK(fake_tx(0) == QUEUE_IDLE);
        CHECK(fake.nr_sent == ++sent);
        CHECK(fake.sent[(sent - 1) % FAKE_FRAMES].len == len &&
              !memcmp(fake.sent[(sent - 1) % FAKE_FRAMES].bytes, f.bytes, len));
        answers(NETIF_RSP_OKAY, 0);
        fake_post(100, (uint16_t)posted, parts);
        fake_arrive(f.bytes, len);
        CHECK(fake_rx(0) == QUEUE_IDLE);
        CHECK(receive(&got, &flags, &x, 100, (uint16_t)posted) == parts);
        CHECK(got.len == len && !memcmp(got.bytes, f.bytes, len));
        posted += parts;
        received++;
    }
    CHECK(fake.q->stats.rx_frames == received && fake.q->tx.rsp_prod > 3000);
}

int main(void)
{
    test_tx();
    test_tx_events();
    test_tx_large();
    test_tx_errors();
    test_tx_hostile();
    test_tx_rate();
    test_tx_rate_fooled();
    test_rx();
    test_rx_large();
    test_rx_refused();
    test_rx_waits();
    test_resume();
    test_long();
    fake_end();
    return check_end();
}
