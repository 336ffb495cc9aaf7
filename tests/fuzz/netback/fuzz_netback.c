// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_netback.c: a queue of lodge-netback against a guest and a tap that the input plays.
 *
 * The input is a row of commands, each a byte and its operands: well-formed slots and frames, so
 * that the fuzzer soon gets past the first checks, raw bytes anywhere into the rings, indices,
 * grants that go, workers that die. The guest has its turn also within each call that the queue
 * makes to the outside, with the next bytes of the input. After each command: no more answers than
 * requests, no index but ours moved, and a queue that was refused stays refused.
 */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t *at, *end;

static uint32_t number(unsigned bytes)
{
    uint32_t n = 0;

    while (bytes-- && at < end)
        n = n << 8 | *at++;
    return n;
}

/* Ethernet, IP and TCP as the input likes, so that headers are found now and then. */
static void make_headers(uint8_t *p, size_t len)
{
    static const uint8_t types[][2] = {{8, 0}, {0x86, 0xdd}, {0x81, 0}, {0x88, 0xa8}, {8, 6}};
    unsigned type = number(1) % 5;

    for (size_t i = 0; i < len && i < 100; i++)
        p[i] = (uint8_t)i;
    if (len < 54)
        return;
    memcpy(p + 12, types[type], 2);
    p[14] = type == 0 ? 0x45 : 0x60;
    if (!type)
        p[20] = p[21] = 0;
    p[20] = type ? 6 : p[20];
    p[23] = 6;
    p[46] = 0x50;
    for (unsigned n = number(1) % 8; n; n--) {
        unsigned where = number(1) % 80;

        if (where < len)
            p[where] = (uint8_t)number(1);
    }
}

static void guest_sends(void)
{
    uint32_t ref = 1 + number(1) % 8;
    uint8_t flags = (uint8_t)number(1), offset = (uint8_t)number(1);
    uint16_t size = (uint16_t)number(2);
    struct netif_tx_request t = {ref, offset, flags & 15, (uint16_t)number(1), size};

    make_headers(fake.page[ref] + offset, 4096 - 256);
    ring_front_put(&fake.tx, &t, sizeof(t));
}

static void guest_extra(void)
{
    struct netif_extra_info x = {.type = (uint8_t)number(1) % 8, .flags = (uint8_t)number(1) % 4};

    x.u.gso.size = (uint16_t)number(2);
    x.u.gso.type = (uint8_t)number(1) % 4;
    ring_front_put(&fake.tx, &x, sizeof(x));
}

static void guest_posts(void)
{
    uint16_t ref = (uint16_t)number(2);
    unsigned nr = number(1) % 64;

    while (nr--) {
        struct netif_rx_request r = {.id = ref, .gref = ref % (FAKE_PAGES + 9)};

        ref++;
        ring_front_put(&fake.rx, &r, sizeof(r));
    }
    ring_front_push(&fake.rx);
}

static bool tap_is_full(void)
{
    return fake.nr_arriving - fake.taken >= FAKE_FRAMES;
}

/* One, and then some of the same length: what is wrong with batches shows in those of many. */
static void frames_arrive(void)
{
    struct fake_frame *f = &fake.arriving[fake.nr_arriving++ % FAKE_FRAMES];
    unsigned more = number(1) % 128;

    f->len = number(3) % FAKE_FRAME;
    f->vh.flags = (uint8_t)number(1);
    f->vh.gso_type = (uint8_t)number(1) % 8;
    f->vh.gso_size = (uint16_t)number(2);
    f->vh.csum_start = (uint16_t)number(2);
    f->vh.csum_offset = (uint16_t)number(2);
    make_headers(f->bytes, f->len);
    for (; more && f->len < 2000 && !tap_is_full(); more--)
        fake_arrive(f->bytes, f->len);
}

/* What a guest takes out of its rings; the fake's ends stop where the memory makes no sense. */
static void guest_takes(void)
{
    uint8_t slot[16];

    while (ring_front_take(&fake.tx, slot, NET_TX_SLOT_SIZE))
        ;
    while (ring_front_take(&fake.rx, slot, NET_RX_SLOT_SIZE))
        ;
}

static void scribble(void)
{
    uint8_t *ring = number(1) & 1 ? fake.tx_ring : fake.rx_ring;
    uint32_t where = number(2) % 4096;

    for (unsigned n = number(1) % 32; n; n--)
        ring[where++ % 4096] = (uint8_t)number(1);
}

/* An index to anywhere, mostly near where it is. */
static void move_index(void)
{
    struct ring_front *r = number(1) & 1 ? &fake.tx : &fake.rx;

    RING_STORE(&r->shared->req_prod, r->req_prod + number(number(1) & 1 ? 4 : 1) - 8);
}

/* The guest's turn while the queue is at work; in most it does nothing. */
static void guest_meanwhile(void)
{
    switch (number(1) % 32) {
    case 1:
        scribble();
        break;
    case 2:
        move_index();
        break;
    case 3:
        guest_posts();
        break;
    case 4:
        guest_sends();
        ring_front_push(&fake.tx);
        break;
    case 5:
        guest_takes();
        break;
    case 6:
        fake.revoked[number(2) % FAKE_PAGES] ^= true;
        break;
    }
}

static void check_ring(const struct ring_back *r)
{
    if (r->broken)
        return;
    if (r->req_cons - r->rsp_prod > r->slots || r->req_prod - r->rsp_prod > r->slots ||
        r->req_cons != r->rsp_prod) /* nothing stays unanswered between two calls */
        abort();
}

static void serve(int64_t now)
{
    bool was = fake.q->broken;

    fake.guest = guest_meanwhile;
    for (unsigned i = 0; fake_tx(now) == QUEUE_AGAIN && !fake.q->broken; i++)
        if (i > 1000)
            abort();
    for (unsigned i = 0; fake_rx(now) == QUEUE_AGAIN && !fake.q->broken; i++)
        if (i > 1000)
            abort();
    queue_notify(fake.q, now & 1);
    fake.guest = NULL;
    if (was && !fake.q->broken)
        abort();
    check_ring(&fake.q->tx);
    check_ring(&fake.q->rx);
}

static void one_command(void)
{
    static int64_t now;
    struct netback_rate rate;

    switch (number(1) % 14) {
    case 0:
    case 1:
        guest_sends();
        break;
    case 2:
        guest_extra();
        break;
    case 3:
        ring_front_push(&fake.tx);
        break;
    case 4:
        guest_posts();
        break;
    case 5:
        if (!tap_is_full())
            frames_arrive();
        break;
    case 6:
        now += number(3);
        serve(now);
        break;
    case 7:
        guest_takes();
        break;
    case 8:
        scribble();
        break;
    case 9:
        fake.revoked[number(2) % FAKE_PAGES] ^= true;
        break;
    case 10:
        fake.q->features = number(1);
        break;
    case 11:
        rate = (struct netback_rate){.bytes = number(3), .usec = number(2)};
        rate_set(fake.q->rate, &rate, now);
        break;
    case 12:
        fake.journal.tx_end = number(1) + fake.q->tx.rsp_prod;
        fake.journal.rx_end = number(1) + fake.q->rx.rsp_prod;
        if (!fake_restart())
            fake.q->broken = "not attached";
        break;
    case 13:
        fake.tap_full = number(1) & 1;
        fake.singly = number(1) & 1;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    at = data;
    end = data + size;
    fake_reset();
    while (at < end && !fake.q->broken)
        one_command();
    if (!fake.q->broken)
        serve(1LL << 40);
    return 0;
}
