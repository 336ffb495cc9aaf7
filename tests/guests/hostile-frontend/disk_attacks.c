/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that make no sense: each is answered with an error, once, and the disk goes on. The
 * first of each kind come first, as the back-end's log has only so many lines for one disk.
 */
#include "hostile.h"

#define LAST 255 /* operations, and the fields of segments, have a byte */

/* Of a disk's slot; sectors with `end` count from the disk's end. */
static const struct {
    const char *what;
    uint8_t op, nr, first, last;
    bool end;
    uint64_t sector;
    int status;
} requests[] = {
    {"an operation that there is not", 200, 1, 0, 7, false, 0, BLKIF_RSP_EOPNOTSUPP},
    {"no segments", BLKIF_OP_READ, 0, 0, 7, false, 0, BLKIF_RSP_ERROR},
    {"12 segments", BLKIF_OP_READ, 12, 0, 7, false, 0, BLKIF_RSP_ERROR},
    {"a segment that ends before it begins", BLKIF_OP_READ, 1, 5, 4, false, 0, BLKIF_RSP_ERROR},
    {"the sector behind the last", BLKIF_OP_READ, 1, 0, 0, true, 0, BLKIF_RSP_ERROR},
    /* Variations. */
    {"a reserved operation", BLKIF_OP_RESERVED_1, 1, 0, 7, false, 0, BLKIF_RSP_EOPNOTSUPP},
    {"the last operation", LAST, 1, 0, 7, false, 0, BLKIF_RSP_EOPNOTSUPP},
    {"255 segments", BLKIF_OP_WRITE, LAST, 0, 7, false, 0, BLKIF_RSP_ERROR},
    {"a write of no segments", BLKIF_OP_WRITE, 0, 0, 7, false, 0, BLKIF_RSP_ERROR},
    {"a flush with 255 segments", BLKIF_OP_FLUSH_DISKCACHE, LAST, 0, 7, false, 0, BLKIF_RSP_ERROR},
    {"a segment past its page", BLKIF_OP_READ, 1, 0, 8, false, 0, BLKIF_RSP_ERROR},
    {"a segment far past its page", BLKIF_OP_WRITE, 1, 0, LAST, false, 0, BLKIF_RSP_ERROR},
    {"a segment that begins past its page", BLKIF_OP_READ, 1, 8, 8, false, 0, BLKIF_RSP_ERROR},
    {"a read over the end", BLKIF_OP_READ, 2, 0, 7, true, -8ul, BLKIF_RSP_ERROR},
    {"a write over the end", BLKIF_OP_WRITE, 1, 0, 7, true, -7ul, BLKIF_RSP_ERROR},
    {"a barrier past the end", BLKIF_OP_WRITE_BARRIER, 1, 0, 7, true, 64, BLKIF_RSP_ERROR},
    {"sector 2^64 - 1", BLKIF_OP_READ, 1, 0, 0, false, ~0ul, BLKIF_RSP_ERROR},
    {"sectors that wrap to 0", BLKIF_OP_WRITE, 1, 0, 7, false, -8ul, BLKIF_RSP_ERROR},
    {"a sector whose byte wraps to 0", BLKIF_OP_WRITE, 1, 0, 7, false, 1ul << 55, BLKIF_RSP_ERROR},
    {"sector 2^63", BLKIF_OP_READ, 1, 0, 7, false, 1ul << 63, BLKIF_RSP_ERROR},
    /* What has to be served, between all that. */
    {"the last sectors, which are there", BLKIF_OP_READ, 1, 0, 7, true, -8ul, BLKIF_RSP_OKAY},
    {"one sector at an odd place", BLKIF_OP_READ, 1, 3, 3, false, 13, BLKIF_RSP_OKAY},
};

#define NR_FIRST 5 /* of those above */

static void bad_requests(struct disk *d, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        struct blkif_request r = disk_request(requests[i].op, requests[i].sector, PAGE_GOOD);

        attack(requests[i].what);
        r.nr_segments = requests[i].nr;
        r.sector_number += requests[i].end ? d->sectors : 0;
        for (unsigned s = 0; s < BLKIF_MAX_SEGMENTS_PER_REQUEST; s++) {
            r.seg[s].first_sect = requests[i].first;
            r.seg[s].last_sect = requests[i].last;
        }
        CHECK_EQ(disk_ask(d, &r), requests[i].status);
    }
}

static void bad_page(struct disk *d, uint8_t op, unsigned kind)
{
    struct blkif_request r = disk_request(op, 0, PAGE_GOOD);

    attack(page_names[kind]);
    r.nr_segments = 2; /* behind one that is good */
    r.seg[1].gref = page_ref[kind];
    CHECK_EQ(disk_ask(d, &r), BLKIF_RSP_ERROR);
}

static void bad_pages(struct disk *d)
{
    for (unsigned kind = PAGE_READ_ONLY; kind < PAGE_KINDS; kind++) {
        bad_page(d, BLKIF_OP_READ, kind);
        if (kind != PAGE_READ_ONLY && kind != PAGE_TABLE) /* these may be written to the disk */
            bad_page(d, BLKIF_OP_WRITE, kind);
    }
}

/* --- indirect requests and discards ----------------------------------------------------------- */

static int ask_indirect(struct disk *d, uint8_t op, uint16_t nr, unsigned table)
{
    union blkif_sring_entry slot = {.req = {.operation = BLKIF_OP_INDIRECT}};
    struct blkif_request_indirect r = {
        .operation = BLKIF_OP_INDIRECT, .indirect_op = op, .nr_segments = nr};

    for (unsigned i = 0; i < ARRAY_SIZE(r.indirect_grefs); i++)
        r.indirect_grefs[i] = table;
    memcpy(&slot, &r, sizeof(r));
    return disk_ask(d, &slot);
}

static void bad_tables(struct disk *d)
{
    attack("an indirect flush");
    CHECK_EQ(ask_indirect(d, BLKIF_OP_FLUSH_DISKCACHE, 1, page_ref[PAGE_GOOD]), BLKIF_RSP_ERROR);
    attack("indirect pages that were never granted");
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, 1, page_ref[PAGE_NEVER]), BLKIF_RSP_ERROR);
}

static void indirect(struct disk *d)
{
    struct blkif_request_segment *table = kit_page();
    unsigned ref = kit_grant(table, 0);

    for (unsigned i = 0; i < BLK_SEGS_PER_PAGE; i++)
        table[i] = (struct blkif_request_segment){page_ref[PAGE_GOOD], 0, 0};
    attack("an indirect indirect request");
    CHECK_EQ(ask_indirect(d, BLKIF_OP_INDIRECT, 1, ref), BLKIF_RSP_ERROR);
    for (unsigned kind = PAGE_BEYOND; kind <= PAGE_OTHERS; kind++) {
        attack("indirect pages that are no better");
        CHECK_EQ(ask_indirect(d, BLKIF_OP_WRITE, 256, page_ref[kind]), BLKIF_RSP_ERROR);
    }
    attack("more indirect segments than offered, or none");
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, BLK_MAX_SEGMENTS + 1, ref), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, 4096, ref), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, 0xffff, ref), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, 0, ref), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, BLK_MAX_SEGMENTS, ref), BLKIF_RSP_OKAY);
    attack("one bad segment among 256");
    table[255].last_sect = 8;
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, 256, ref), BLKIF_RSP_ERROR);
    table[255] = (struct blkif_request_segment){page_ref[PAGE_OTHERS], 0, 0};
    CHECK_EQ(ask_indirect(d, BLKIF_OP_WRITE, 256, ref), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, 256, ref), BLKIF_RSP_ERROR);
    attack("a read into its own table");
    table[0] = (struct blkif_request_segment){ref, 0, 7};
    CHECK_EQ(ask_indirect(d, BLKIF_OP_READ, 200, ref), BLKIF_RSP_OKAY);
}

static int ask_discard(struct disk *d, uint64_t sector, uint64_t nr, uint8_t flag)
{
    union blkif_sring_entry slot = {.req = {.operation = BLKIF_OP_DISCARD}};
    struct blkif_request_discard r = {
        .operation = BLKIF_OP_DISCARD, .flag = flag, .sector_number = sector, .nr_sectors = nr};

    memcpy(&slot, &r, sizeof(r));
    return disk_ask(d, &slot);
}

static void discards(struct disk *d)
{
    attack("discards that are none");
    CHECK_EQ(ask_discard(d, 0, 0, 0), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_discard(d, 0, 8, 0xfe), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_discard(d, d->sectors, 8, 0), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_discard(d, 8, ~0ul, 0), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_discard(d, 8, -8ul, 0), BLKIF_RSP_ERROR);
    CHECK_EQ(ask_discard(d, ~0ul, 8, 0), BLKIF_RSP_ERROR);
}

/* --- many ------------------------------------------------------------------------------------- */

static void same_id(struct disk *d)
{
    struct blkif_request r = disk_request(BLKIF_OP_READ, 0, PAGE_GOOD);
    unsigned errors = 0, nr = ring_front_free(&d->ring);

    attack("a ring full of requests with one identifier");
    r.id = d->id;
    for (unsigned i = 0; i < nr; i++)
        CHECK(ring_front_put(&d->ring, &r, sizeof(r)));
    disk_fill(d); /* there is no room: it only publishes them */
    CHECK_EQ(disk_take(d, nr, &errors), nr);
    CHECK_EQ(errors, 0);
}

static void flood(struct disk *d)
{
    uint64_t end = kit_now() + 2 * SECOND;
    unsigned errors = 0, taken = 0, asked = 0;

    attack("a ring that is always full, and events without end");
    while (kit_now() < end) {
        asked += ring_front_free(&d->ring);
        disk_fill(d);
        for (unsigned i = 0; i < 20; i++)
            kit_send(d->dev.port);
        while (ring_front_pending(&d->ring) != 0)
            taken += disk_take(d, 1, &errors);
    }
    taken += disk_take(d, asked - taken, &errors);
    CHECK_EQ(taken, asked);
    CHECK_EQ(errors, 0);
    printk("  %u requests\n", taken);
}

static uint64_t random(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* A slot of random bytes, of which now and then some make sense. */
static void random_slot(union blkif_sring_entry *slot)
{
    uint64_t words[sizeof(*slot) / 8];

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        words[i] = random();
    memcpy(slot, words, sizeof(*slot));
    uint64_t choice = random();

    if (choice & 1)
        slot->req.operation %= 7;
    if (choice & 2)
        slot->req.nr_segments %= 14;
    if (choice & 4)
        slot->req.sector_number %= 4096;
    for (unsigned i = 0; choice & 8 && i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++) {
        slot->req.seg[i].gref = page_ref[random() % PAGE_KINDS];
        slot->req.seg[i].first_sect %= 9;
        slot->req.seg[i].last_sect %= 9;
    }
}

static void random_slots(struct disk *d)
{
    unsigned errors = 0;

    attack("rings full of random slots");
    for (unsigned round = 0; round < 40; round++) {
        unsigned nr = ring_front_free(&d->ring);

        for (unsigned i = 0; i < nr; i++) {
            union blkif_sring_entry slot;

            random_slot(&slot);
            ring_front_put(&d->ring, &slot, sizeof(slot));
        }
        disk_fill(d);
        CHECK_EQ(disk_take(d, nr, &errors), nr);
    }
    CHECK_EQ(ring_front_pending(&d->ring), 0);
    printk("  %u of 1280 were refused\n", errors);
}

/* As above, and each slot is written anew, again and again, until all are answered. */
static void changing_slots(struct disk *d)
{
    attack("slots that change while they are read");
    for (unsigned round = 0; round < 20; round++) {
        uint32_t first = d->ring.rsp_cons, nr = ring_front_free(&d->ring);
        uint64_t end = kit_now() + 20 * SECOND;
        union blkif_sring_entry slot;

        for (unsigned i = 0; i < nr; i++) {
            random_slot(&slot);
            ring_front_put(&d->ring, &slot, sizeof(slot));
        }
        disk_fill(d);
        for (unsigned i = 0; ring_front_pending(&d->ring) < nr && kit_now() < end; i++) {
            random_slot(&slot);
            memcpy(ring_slot(d->ring.shared, d->ring.slots, d->ring.slot_size, first + i), &slot,
                   sizeof(slot));
        }
        CHECK_EQ(ring_front_pending(&d->ring), nr);
        unsigned errors = 0;

        disk_take(d, nr, &errors); /* whatever stands there now */
    }
}

/* --- a read-only disk, persistent grants ------------------------------------------------------ */

static void read_only(struct disk *d)
{
    static const uint8_t ops[] = {BLKIF_OP_WRITE, BLKIF_OP_WRITE_BARRIER, BLKIF_OP_FLUSH_DISKCACHE};
    struct blkif_request r = disk_request(0, 0, PAGE_GOOD);

    disk_open(d, "device/vbd/51728");
    disk_connect(d);
    attack("writes to a read-only disk");
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        r.operation = ops[i];
        CHECK_EQ(disk_ask(d, &r), BLKIF_RSP_ERROR);
    }
    CHECK_EQ(ask_indirect(d, BLKIF_OP_WRITE, 1, page_ref[PAGE_GOOD]), BLKIF_RSP_ERROR);
    CHECK(ask_discard(d, 0, 8, 0) < 0);
    r.operation = BLKIF_OP_READ;
    CHECK_EQ(disk_ask(d, &r), BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        if (page_bytes[i] != 0) {
            CHECK_EQ(page_bytes[i], 0);
            break;
        }
}

/* Each reference once: more of them than a back-end that keeps pages mapped can keep. */
static void many_grants(struct disk *d)
{
    struct blkif_request r = disk_request(BLKIF_OP_READ, 0, PAGE_GOOD);
    unsigned left = KIT_GRANTS - 200, errors = 0;

    attack("ever new references where pages stay mapped");
    disk_prepare(d);
    device_put(&d->dev, BLK_FEATURE_PERSISTENT, "1");
    device_enter(&d->dev, XenbusStateInitialised);
    CHECK(device_wait(&d->dev, XenbusStateConnected));
    r.nr_segments = BLKIF_MAX_SEGMENTS_PER_REQUEST;
    while (left > 300) {
        unsigned nr = ring_front_free(&d->ring);

        for (unsigned i = 0; i < nr; i++) {
            for (unsigned s = 0; s < r.nr_segments; s++) {
                left -= left > 300;
                kit_grant_put(left, kit_mfn(page_bytes), GTF_permit_access, 0);
                r.seg[s].gref = left;
            }
            ring_front_put(&d->ring, &r, sizeof(r));
        }
        disk_fill(d);
        CHECK_EQ(disk_take(d, nr, &errors), nr);
    }
    CHECK_EQ(errors, 0);
    bad_pages(d);
    disk_works(d);
}

void disk_attacks(void)
{
    static struct disk disk, other;

    disk_open(&disk, "device/vbd/51712");
    disk_connect(&disk);
    disk_works(&disk);
    /* One of each kind. */
    bad_requests(&disk, 0, NR_FIRST);
    bad_tables(&disk);
    bad_page(&disk, BLKIF_OP_READ, PAGE_READ_ONLY);
    bad_page(&disk, BLKIF_OP_WRITE, PAGE_NEVER);
    discards(&disk);
    /* All others. */
    bad_requests(&disk, NR_FIRST, ARRAY_SIZE(requests));
    indirect(&disk);
    bad_pages(&disk);
    disk_works(&disk);
    read_only(&other);
    same_id(&disk);
    random_slots(&disk);
    changing_slots(&disk);
    flood(&disk);
    disk_works(&disk);
    many_grants(&disk);
}
