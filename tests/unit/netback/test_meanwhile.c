// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_meanwhile.c: a guest that runs while its queue is being served. At each moment at which the
 * queue calls the outside in turn the guest moves an index to where it cannot be, or writes over
 * all slots: what was counted and copied before must not be believed to be there still.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include "../cli/check.h"
#include "fake.h"
#include "frames.h"

#define FRAMES 110 /* in one batch */

static struct {
    unsigned turn, at;
    uint32_t index;
    struct ring_front *ring;
} meanwhile;

static void moves_index(void)
{
    if (meanwhile.turn++ == meanwhile.at)
        RING_STORE(&meanwhile.ring->shared->req_prod, meanwhile.index);
}

static void overwrites_slots(void)
{
    if (meanwhile.turn++ != meanwhile.at)
        return;
    memset(fake.tx_ring + sizeof(struct ring_header), 0xff, 4096 - sizeof(struct ring_header));
    memset(fake.rx_ring + sizeof(struct ring_header), 0xff, 4096 - sizeof(struct ring_header));
}

static enum queue_more serve(enum queue_more (*serves)(int64_t), void (*guest)(void), unsigned at)
{
    enum queue_more more;

    meanwhile.turn = 0;
    meanwhile.at = at;
    fake.guest = guest;
    more = serves(0);
    fake.guest = NULL;
    return more;
}

static bool guest_got_nothing(unsigned ref, unsigned pages)
{
    const uint8_t *bytes = (const uint8_t *)fake.page + (size_t)ref * 4096;

    for (size_t i = 0; i < (size_t)pages * 4096; i++)
        if (bytes[i])
            return false;
    return true;
}

/* --- to the guest -------------------------------------------------------------------------- */

/* Many small frames come, into places that had large ones before: these have parts still. */
static void frames_come(void)
{
    struct frame small = frame_make(4, IPPROTO_UDP, 0, 100);

    fake_reset();
    for (unsigned i = 0; i < QUEUE_RX_PAGES; i++)
        fake.q->rx_frame[i].packet.nr_parts = QUEUE_FRAME_PAGES;
    memset(fake.page[300], 0, (size_t)FRAMES * 4096);
    fake_post(300, 0, FRAMES);
    for (unsigned i = 0; i < FRAMES; i++)
        fake_arrive(small.bytes, small.len);
}

static void test_rx_index(void)
{
    static const uint32_t indices[] = {FRAMES - 1, 0, QUEUE_SLOTS + FRAMES + 1, 0x80000000u, ~0u};

    for (unsigned i = 0; i < sizeof(indices) / sizeof(*indices); i++) {
        bool late = false;

        meanwhile.ring = &fake.rx;
        meanwhile.index = indices[i];
        for (unsigned at = 0; !late; at++) {
            enum queue_more more;

            frames_come();
            more = serve(fake_rx, moves_index, at);
            /* Where it comes after the last look at the index, the next one will see it. */
            late = fake.copies;
            CHECK(late || (more == QUEUE_BROKEN && fake.q->broken));
            CHECK(late || guest_got_nothing(300, FRAMES));
            CHECK(!late || at >= 2 * FRAMES);
            if (late)
                CHECK(fake_rx(0) == QUEUE_BROKEN);
        }
    }
}

/* The references and identifiers are those that were copied, whatever is in the slots since. */
static void test_rx_slots(void)
{
    struct frame small = frame_make(4, IPPROTO_UDP, 0, 100);
    struct netif_rx_response rsp;

    frames_come();
    CHECK(serve(fake_rx, overwrites_slots, 2 * FRAMES + 2) == QUEUE_IDLE);
    CHECK(meanwhile.turn > meanwhile.at);
    for (unsigned i = 0; i < FRAMES; i++) {
        CHECK(ring_front_take(&fake.rx, &rsp, sizeof(rsp)));
        CHECK(rsp.id == i && rsp.status == (int)small.len);
        CHECK(!memcmp(fake.page[300 + i], small.bytes, small.len));
    }
}

/* A frame waits for buffers, and the index goes astray just when it is looked for them. */
static void test_rx_waiting(void)
{
    struct frame large = frame_make(4, IPPROTO_UDP, 0, 6000);

    for (unsigned at = 0; at < 2; at++) {
        fake_reset();
        fake_post(1, 0, 1);
        fake_arrive(large.bytes, large.len);
        meanwhile.ring = &fake.rx;
        meanwhile.index = 1000;
        CHECK(serve(fake_rx, moves_index, at) == QUEUE_BROKEN && fake.q->broken);
        CHECK(!fake.copies);
    }
}

/* --- from the guest ------------------------------------------------------------------------ */

static unsigned guest_sends(const struct frame *f)
{
    unsigned slots = 0;

    fake_reset();
    for (unsigned i = 0; i < 20; i++)
        slots += fake_send(&(struct fake_send){.ref = 1 + 10 * i, .id = (uint16_t)(10 * i)},
                           f->bytes, f->len);
    ring_front_push(&fake.tx);
    return slots;
}

static void test_tx(void (*guest)(void), uint32_t index)
{
    struct frame f = frame_make(4, IPPROTO_UDP, 0, 9000);
    const struct netif_tx_response *rsp;
    bool over = false;

    meanwhile.ring = &fake.tx;
    meanwhile.index = index;
    for (unsigned at = 0; !over; at++) {
        unsigned slots = guest_sends(&f);

        serve(fake_tx, guest, at);
        over = meanwhile.turn <= at;
        CHECK(fake.nr_sent == 20 && fake.copies == 1 && slots == 60);
        for (unsigned i = 0; i < 20; i++)
            CHECK(fake.sent[i].len == f.len && !memcmp(fake.sent[i].bytes, f.bytes, f.len));
        /* Read where they are: the front-end's own end stops at an index that makes no sense. */
        for (unsigned i = 0; i < slots; i++) {
            rsp = (void *)ring_slot(fake.tx.shared, QUEUE_SLOTS, NET_TX_SLOT_SIZE, i);
            CHECK(over || rsp->id == 10 * (i / 3) + i % 3);
            CHECK(over || rsp->status == NETIF_RSP_OKAY);
        }
        CHECK(over || guest == overwrites_slots || fake_tx(0) == QUEUE_BROKEN);
    }
}

int main(void)
{
    test_rx_index();
    test_rx_slots();
    test_rx_waiting();
    test_tx(moves_index, 59);
    test_tx(moves_index, QUEUE_SLOTS + 61);
    test_tx(overwrites_slots, 0);
    fake_end();
    return check_end();
}
