// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake.h: a guest made of memory, and a tap made of arrays, around one queue of lodge-netback.
 *
 * Grant references 1 to FAKE_PAGES - 1 name the guest's pages; all others are bad. Copies are made
 * with the hypervisor's rules, and count.
 *
 * The guest runs while the queue does: in each call that the queue makes to the outside it has its
 * turn, before anything is done and after, and may change all that it shares with the queue.
 */
#ifndef LODGE_TEST_FAKE_H
#define LODGE_TEST_FAKE_H

#include <netback/queue.h>

#define FAKE_PAGES  1024
#define FAKE_FRAMES 600
#define FAKE_FRAME  70000

struct fake_frame {
    struct virtio_net_hdr vh;
    size_t len;
    uint8_t bytes[FAKE_FRAME];
};

struct fake {
    struct queue *q; /* of exactly its size, so that the sanitizer sees a byte too far */
    struct rate rate;
    struct queue_journal journal;
    struct ring_front tx, rx; /* the guest's ends */
    _Alignas(4096) uint8_t tx_ring[4096];
    _Alignas(4096) uint8_t rx_ring[4096];
    uint8_t page[FAKE_PAGES][4096];
    bool revoked[FAKE_PAGES]; /* no grant any more */

    struct fake_frame sent[FAKE_FRAMES]; /* what the tap was given */
    unsigned nr_sent;
    bool tap_full; /* it takes nothing */

    struct fake_frame arriving[FAKE_FRAMES]; /* what the tap has */
    unsigned nr_arriving, taken;

    int64_t now;
    bool singly; /* the queue may read one frame only; else fake_rx() has it read all */
    unsigned copies, notified; /* calls */
    bool copy_fails;           /* the call itself */
    void (*guest)(void);       /* its turn; or NULL */
};

extern struct fake fake;

/* The queue's two directions at a certain time. */
/* The pages are those of all queues of a worker: a frame that is held is not safe in them. */
static inline void fake_others_were_here(void)
{
    memset(fake.q->tx_pages, 0xee, QUEUE_PAGE);
    memset(fake.q->rx_pages, 0xee, (size_t)QUEUE_FRAME_PAGES * QUEUE_PAGE);
}

static inline enum queue_more fake_tx(int64_t now)
{
    fake.now = now;
    fake_others_were_here();
    return queue_tx(fake.q);
}

static inline enum queue_more fake_rx(int64_t now)
{
    fake.now = now;
    fake.q->rx_burst |= !fake.singly;
    fake_others_were_here();
    return queue_rx(fake.q);
}

/* A new guest, rings, and queue with all features; `keep` leaves the guest and takes a new queue.
 */
void fake_reset(void);
bool fake_restart(void);
void fake_end(void);

/* The guest sends: slots of one frame with these bytes, the first `head` of them in the first part,
 * in pages from `ref` on. Returns how many slots. */
struct fake_send {
    uint32_t ref;
    uint16_t id, flags, head;
    uint8_t gso;
    uint16_t gso_size;
};
unsigned fake_send(const struct fake_send *how, const uint8_t *bytes, size_t len);
void fake_tx_slot(uint32_t gref, uint16_t offset, uint16_t flags, uint16_t id, uint16_t size);
/* The guest posts `nr` buffers: pages from `ref` on, identifiers from `id` on. */
void fake_post(uint32_t ref, uint16_t id, unsigned nr);
/* A frame comes to the tap. */
struct fake_frame *fake_arrive(const uint8_t *bytes, size_t len);

#endif
