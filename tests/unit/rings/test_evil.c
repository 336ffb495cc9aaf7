// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that writes all over a ring from a thread of its own, while the honest end works with it:
 * in slots that are being copied, in its index, in ours. Each request and packet that is found good
 * must be good in itself, whatever the page says by then. (A fuzzer in one thread cannot show
 * that.)
 *
 * To know that the test would see a slot which is read twice, it also does that on purpose, with
 * checks made on the page itself, and must then find requests that are not what was checked.
 */
#include "check.h"
#include "oracle.h"

#include <pthread.h>
#include <time.h>

static union {
    struct ring_header header;
    uint32_t word[RING_PAGE_SIZE / 4];
} page;
static bool stop;
static uint32_t base; /* what the honest end has published */
static size_t slot_size;

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(*state >> 32);
}

static void write_word(unsigned at, uint32_t value)
{
    __atomic_store_n(&page.word[at], value, __ATOMIC_RELAXED);
}

/* A word of a slot that could be true, so that the honest end gets far enough to be fooled. */
static uint32_t plausible(unsigned at, uint32_t r)
{
    if (slot_size == BLK_SLOT_SIZE) {
        if (at == 0) /* operation and number of segments */
            return r % 4 | (r >> 4) % 5 << 8;
        if (at == 5) /* sector, the upper half */
            return r % 300;
        return at > 6 && at % 2 ? r % 2 | (r >> 4) % 9 << 8 : r;
    }
    if (at == 1) /* offset and flags */
        return r % 3000 | ((r >> 12) % 4 ? 0 : (r >> 14) % 16) << 16;
    return at == 2 ? r % 1200 << 16 : r % 2;
}

static void *evil_main(void *unused)
{
    uint64_t seed = 7;
    unsigned slots = ring_slots(slot_size, 0), words = (unsigned)slot_size / 4;

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint32_t r = next_random(&seed), slot = (r >> 4) % slots;

        if (r % 16 == 0)
            write_word(0, __atomic_load_n(&base, __ATOMIC_RELAXED) + slots - (r >> 4) % 2);
        else if (r % 4096 == 1)
            write_word(1 + (r >> 12) % 3, r);
        else
            write_word(16 + slot * words + (r >> 12) % words,
                       plausible((r >> 12) % words, next_random(&seed)));
    }
    return unused;
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A broken ring is one that the guest has lost; the next one begins where that ended. */
static void attach(struct ring_back *r)
{
    while (!ring_back_attach(r, &page, slot_size, 0, 0))
        write_word(0, __atomic_load_n(&page.header.rsp_prod, __ATOMIC_RELAXED));
    __atomic_store_n(&base, r->rsp_push, __ATOMIC_RELAXED);
}

static void push(struct ring_back *r)
{
    ring_back_push(r);
    oracle_back(r);
    __atomic_store_n(&base, r->rsp_push, __ATOMIC_RELAXED);
    if (r->broken)
        attach(r);
}

static const struct blk_disk disk = {.sectors = 1ull << 40,
                                     .block_size = 512,
                                     .max_segments = BLK_MAX_SEGMENTS,
                                     .flush = true,
                                     .barrier = true,
                                     .discard = true};

static unsigned long serve_blk(struct ring_back *r)
{
    static struct blk_request q;
    struct blkif_request slot;
    struct blkif_response rsp;
    unsigned long good = 0;

    while (ring_back_take(r, &slot, sizeof(slot))) {
        enum blk_error e = blk_decode(&disk, &slot, &q);

        if (e == BLK_OK) {
            oracle_request(&disk, &q);
            good++;
        }
        rsp = blk_response(&q, blk_error_status(e));
        ring_back_put(r, &rsp, sizeof(rsp));
    }
    push(r);
    return good;
}

static unsigned long serve_tx(struct ring_back *r)
{
    static struct net_tx_packet p;
    unsigned long good = 0;
    enum net_error e;

    while ((e = net_tx_gather(r, &p)) != NET_NONE && !net_error_fatal(e)) {
        if (e == NET_OK) {
            oracle_packet(&p);
            good++;
        }
        net_tx_respond(r, &p, NETIF_RSP_OKAY);
    }
    if (net_error_fatal(e))
        r->broken = true;
    push(r);
    return good;
}

/* The mistake: the page is checked, and looked at again. How often that made a difference. */
static unsigned long serve_carelessly(struct ring_back *r)
{
    unsigned long fooled = 0;

    for (uint32_t i = 0; i < r->slots; i++) {
        const volatile struct blkif_request *slot =
            (const void *)ring_slot(&page.header, r->slots, r->slot_size, i);

        for (unsigned s = 0; s < BLKIF_MAX_SEGMENTS_PER_REQUEST; s++)
            if (slot->seg[s].last_sect < 3)
                fooled += slot->seg[s].last_sect >= 3;
    }
    return fooled;
}

static void run(const char *name, size_t size, unsigned long (*serve)(struct ring_back *))
{
    struct ring_front front;
    struct ring_back back;
    pthread_t evil;
    unsigned long found = 0, rounds = 0;
    uint64_t end = now_ms() + 1000, patience = end + 30000;

    slot_size = size;
    stop = false;
    base = 0;
    CHECK(ring_front_init(&front, &page, slot_size, 0));
    CHECK(ring_back_attach(&back, &page, slot_size, 0, 0));
    CHECK(!pthread_create(&evil, NULL, evil_main, NULL));
    for (; now_ms() < end || (!found && now_ms() < patience); rounds++)
        found += serve(&back);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(evil, NULL);
    printf("%s: %lu in %lu rounds\n", name, found, rounds);
    CHECK(found > 0);
}

int main(void)
{
    run("good block requests", BLK_SLOT_SIZE, serve_blk);
    run("good packets", NET_TX_SLOT_SIZE, serve_tx);
    run("careless end fooled", BLK_SLOT_SIZE, serve_carelessly);
    return check_end();
}
