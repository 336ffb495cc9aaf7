/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk's front-end as it should be. */
#include "hostile.h"

#define PATIENCE (20 * SECOND)

void disk_open(struct disk *d, const char *front)
{
    device_open(&d->dev, front);
    d->page = kit_page();
    d->ref = kit_grant(d->page, 0);
}

void disk_prepare(struct disk *d)
{
    static const char *const drop[] = {BLK_NODE_RING_ORDER, BLK_NODE_QUEUES, BLK_FEATURE_PERSISTENT,
                                       "ring-ref0", "queue-0"};

    device_reset(&d->dev);
    CHECK(!kit_grant_in_use(d->ref));
    for (unsigned i = 0; i < ARRAY_SIZE(drop); i++)
        device_put(&d->dev, drop[i], NULL);
    CHECK(ring_front_init(&d->ring, d->page, BLK_SLOT_SIZE, 0));
    device_put_number(&d->dev, BLK_NODE_RING_REF, d->ref);
    device_put_number(&d->dev, BLK_NODE_PORT, d->dev.port);
    device_put(&d->dev, BLK_NODE_PROTOCOL, BLK_PROTOCOL);
}

void disk_connect(struct disk *d)
{
    disk_prepare(d);
    device_enter(&d->dev, XenbusStateInitialised);
    CHECK(device_wait(&d->dev, XenbusStateConnected));
    device_enter(&d->dev, XenbusStateConnected);
    d->sectors = device_offer(&d->dev, BLK_NODE_SECTORS);
}

struct blkif_request disk_request(uint8_t op, uint64_t sector, enum page_kind kind)
{
    struct blkif_request r = {.operation = op, .nr_segments = 1, .sector_number = sector};

    for (unsigned i = 0; i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
        r.seg[i] = (struct blkif_request_segment){page_ref[kind], 0, BLK_PAGE_SECTORS - 1};
    return r;
}

static void push(struct disk *d)
{
    if (ring_front_push(&d->ring))
        kit_send(d->dev.port);
}

/* The next answer, if there is one within the time. */
static bool next_answer(struct disk *d, struct blkif_response *rsp)
{
    uint64_t end = kit_now() + PATIENCE;

    while (!ring_front_take(&d->ring, rsp, sizeof(*rsp))) {
        if (d->ring.broken || kit_now() > end)
            return false;
        if (!ring_front_final_check(&d->ring))
            kit_sleep_port(d->dev.port, SECOND);
    }
    return true;
}

int disk_ask(struct disk *d, const void *slot)
{
    union blkif_sring_entry entry;
    struct blkif_response rsp;

    memcpy(&entry, slot, sizeof(entry));
    entry.req.id = ++d->id; /* at the same place in all three kinds of slot */
    CHECK(ring_front_put(&d->ring, &entry, sizeof(entry)));
    push(d);
    if (!next_answer(d, &rsp))
        return NO_ANSWER;
    CHECK_EQ(rsp.id, d->id);
    CHECK_EQ(ring_front_pending(&d->ring), 0);
    return rsp.status;
}

void disk_fill(struct disk *d)
{
    struct blkif_request r = disk_request(BLKIF_OP_READ, 0, PAGE_GOOD);

    while (ring_front_free(&d->ring) != 0) {
        r.id = ++d->id;
        r.sector_number = d->id % 64 * BLK_PAGE_SECTORS;
        ring_front_put(&d->ring, &r, sizeof(r));
    }
    push(d);
}

unsigned disk_take(struct disk *d, unsigned nr, unsigned *errors)
{
    struct blkif_response rsp;
    unsigned taken = 0;

    for (; taken < nr && next_answer(d, &rsp); taken++)
        *errors += rsp.status != BLKIF_RSP_OKAY;
    return taken;
}

void disk_works(struct disk *d)
{
    struct blkif_request r = disk_request(BLKIF_OP_WRITE, d->id % 100 * 8, PAGE_GOOD);
    uint64_t *word = (uint64_t *)page_bytes;

    for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
        word[i] = d->id * 512 + i;
    uint64_t first = word[0];

    CHECK_EQ(disk_ask(d, &r), BLKIF_RSP_OKAY);
    memset(page_bytes, 0, PAGE_SIZE);
    r.operation = BLKIF_OP_READ;
    CHECK_EQ(disk_ask(d, &r), BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
        if (((volatile uint64_t *)word)[i] != first + i) {
            CHECK_EQ(word[i], first + i);
            break;
        }
}
