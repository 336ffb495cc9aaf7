// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decoding of block requests: each operation, and each way in which one can be wrong. Built twice,
 * with the usual limit of segments and with one that takes several indirect pages.
 */
#include "check.h"

#include <rings/blk.h>

#define SECTORS 1000000u

static struct blk_disk disk;
static union {
    struct blkif_request req;
    struct blkif_request_discard discard;
    struct blkif_request_indirect indirect;
} slot;
static struct blk_request q;
static struct blkif_request_segment table[BLK_MAX_INDIRECT * BLK_SEGS_PER_PAGE];

static void fresh(uint8_t op, unsigned segments)
{
    disk = (struct blk_disk){.sectors = SECTORS,
                             .block_size = 512,
                             .max_segments = BLK_MAX_SEGMENTS,
                             .flush = true,
                             .barrier = true,
                             .discard = true,
                             .discard_secure = true};
    memset(&slot, 0, sizeof(slot));
    memset(&q, 0xa5, sizeof(q));
    slot.req.operation = op;
    slot.req.nr_segments = (uint8_t)segments;
    slot.req.id = 0x123456789abcdef;
    slot.req.sector_number = 1000;
    slot.req.handle = 51712;
    for (unsigned i = 0; i < segments && i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
        slot.req.seg[i] = (struct blkif_request_segment){.gref = 100 + i, .last_sect = 7};
}

static void fresh_indirect(uint8_t op, unsigned segments)
{
    fresh(BLKIF_OP_INDIRECT, 0);
    slot.indirect.indirect_op = op;
    slot.indirect.nr_segments = (uint16_t)segments;
    slot.indirect.sector_number = 1000;
    for (unsigned i = 0; i < BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST; i++)
        slot.indirect.indirect_grefs[i] = 50 + i;
    for (unsigned i = 0; i < BLK_MAX_INDIRECT * BLK_SEGS_PER_PAGE; i++)
        table[i] = (struct blkif_request_segment){.gref = 1000 + i, .last_sect = 7};
}

/* The operation of a response is the inner one of an indirect request: Linux insists on that. */
static enum blk_error decode(void)
{
    enum blk_error e = blk_decode(&disk, &slot.req, &q);

    CHECK(q.id == 0x123456789abcdef);
    if (e != BLK_BAD_OP && e != BLK_BAD_INDIRECT_OP && slot.req.operation == BLKIF_OP_INDIRECT)
        CHECK(q.slot_op == slot.indirect.indirect_op);
    else
        CHECK(q.slot_op == slot.req.operation);
    CHECK(e == BLK_OK || strlen(blk_error_text(e)) > 8);
    return e;
}

static void test_read_write(void)
{
    struct blkif_response rsp;

    for (uint8_t op = BLKIF_OP_READ; op <= BLKIF_OP_FLUSH_DISKCACHE; op++) {
        fresh(op, 11);
        slot.req.seg[0].first_sect = 2;
        slot.req.seg[10].last_sect = 3;
        CHECK(decode() == BLK_OK && q.op == op && q.nr_segments == 11 && q.sector == 1000);
        CHECK(q.nr_sectors == 11 * 8 - 2 - 4 && q.handle == 51712 && !q.secure);
        CHECK(q.seg[0].gref == 100 && q.seg[0].offset == 1024 && q.seg[0].len == 3072);
        CHECK(q.seg[1].gref == 101 && q.seg[1].offset == 0 && q.seg[1].len == 4096);
        CHECK(q.seg[10].gref == 110 && q.seg[10].offset == 0 && q.seg[10].len == 2048);
        rsp = blk_response(&q, BLKIF_RSP_OKAY);
        CHECK(rsp.id == slot.req.id && rsp.operation == op && rsp.status == 0);
        fresh(op, 12);
        CHECK(decode() == BLK_TOO_MANY_SEGMENTS);
        fresh(op, 255);
        CHECK(decode() == BLK_TOO_MANY_SEGMENTS);
        fresh(op, 0);
        CHECK(decode() == (op < BLKIF_OP_WRITE_BARRIER ? BLK_NO_SEGMENTS : BLK_OK));
        CHECK(!q.nr_segments && !q.nr_sectors);
        fresh(op, 1);
        disk.read_only = true;
        CHECK(decode() == (op == BLKIF_OP_READ ? BLK_OK : BLK_READ_ONLY));
    }
    fresh(BLKIF_OP_FLUSH_DISKCACHE, 0);
    disk.read_only = true; /* a flush that writes nothing is no write */
    slot.req.sector_number = ~0ull;
    CHECK(decode() == BLK_OK);
    disk.flush = false;
    CHECK(decode() == BLK_BAD_OP && blk_error_status(BLK_BAD_OP) == BLKIF_RSP_EOPNOTSUPP);
    fresh(BLKIF_OP_WRITE_BARRIER, 1);
    disk.barrier = false;
    CHECK(decode() == BLK_BAD_OP);
    for (unsigned op = BLKIF_OP_RESERVED_1; op < 256; op++) {
        if (op == BLKIF_OP_DISCARD || op == BLKIF_OP_INDIRECT)
            continue;
        fresh((uint8_t)op, 1);
        CHECK(decode() == BLK_BAD_OP);
    }
}

static void test_segments(void)
{
    for (unsigned first = 0; first < 256; first += first < 10 ? 1 : 49) {
        for (unsigned last = 0; last < 256; last += last < 10 ? 1 : 49) {
            fresh(BLKIF_OP_READ, 2);
            slot.req.seg[1].first_sect = (uint8_t)first;
            slot.req.seg[1].last_sect = (uint8_t)last;
            CHECK(decode() == (first <= last && last <= 7 ? BLK_OK : BLK_BAD_SEGMENT));
        }
    }
}

static void test_range(void)
{
    const uint64_t bad[] = {SECTORS - 7, SECTORS,   SECTORS + 1, ~0ull,
                            ~0ull - 7,   ~0ull - 8, 1ull << 63,  ~0ull << 3};

    fresh(BLKIF_OP_READ, 1);
    slot.req.sector_number = SECTORS - 8;
    CHECK(decode() == BLK_OK);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fresh(BLKIF_OP_WRITE, 1);
        slot.req.sector_number = bad[i];
        CHECK(decode() == BLK_PAST_END && blk_error_status(BLK_PAST_END) == BLKIF_RSP_ERROR);
    }
    fresh(BLKIF_OP_READ, 1); /* a disk of no size, or that shrank */
    slot.req.sector_number = 0;
    disk.sectors = 0;
    CHECK(decode() == BLK_PAST_END);
    disk.sectors = 7;
    CHECK(decode() == BLK_PAST_END);
    disk.sectors = 8;
    CHECK(decode() == BLK_OK);
}

static void test_alignment(void)
{
    fresh(BLKIF_OP_READ, 1);
    disk.block_size = 4096;
    CHECK(decode() == BLK_OK); /* 1000 is a multiple of 8 */
    slot.req.sector_number = 1001;
    CHECK(decode() == BLK_UNALIGNED);
    slot.req.sector_number = 1000;
    slot.req.seg[0].last_sect = 6;
    CHECK(decode() == BLK_UNALIGNED);
    slot.req.seg[0].first_sect = 1;
    slot.req.seg[0].last_sect = 7;
    CHECK(decode() == BLK_UNALIGNED);
    disk.block_size = 1024;
    slot.req.seg[0].first_sect = 2;
    CHECK(decode() == BLK_OK && q.nr_sectors == 6);
}

static void test_discard(void)
{
    fresh(BLKIF_OP_DISCARD, 0);
    slot.discard.nr_sectors = SECTORS - 1000;
    CHECK(decode() == BLK_OK && q.op == BLKIF_OP_DISCARD && q.nr_sectors == SECTORS - 1000);
    CHECK(q.sector == 1000 && !q.nr_segments && !q.secure);
    slot.discard.flag = BLKIF_DISCARD_SECURE;
    CHECK(decode() == BLK_OK && q.secure);
    disk.discard_secure = false;
    CHECK(decode() == BLK_OK && !q.secure);
    slot.discard.flag = 2;
    CHECK(decode() == BLK_BAD_DISCARD);
    slot.discard.flag = 0;
    slot.discard.nr_sectors++;
    CHECK(decode() == BLK_PAST_END);
    slot.discard.nr_sectors = ~0ull; /* whose sum with the start would be small */
    CHECK(decode() == BLK_PAST_END);
    slot.discard.nr_sectors = ~0ull - 999;
    CHECK(decode() == BLK_PAST_END);
    slot.discard.nr_sectors = 0;
    CHECK(decode() == BLK_BAD_DISCARD);
    slot.discard.nr_sectors = 8;
    disk.block_size = 4096;
    CHECK(decode() == BLK_OK);
    slot.discard.nr_sectors = 9;
    CHECK(decode() == BLK_UNALIGNED);
    slot.discard.nr_sectors = 8;
    disk.read_only = true;
    CHECK(decode() == BLK_READ_ONLY);
    disk.discard = false;
    CHECK(decode() == BLK_BAD_OP);
}

static void test_indirect(void)
{
    const unsigned counts[] = {1, 12, 32, BLK_MAX_SEGMENTS - 1, BLK_MAX_SEGMENTS};

    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        unsigned n = counts[i];

        fresh_indirect(i & 1, n);
        CHECK(decode() == BLK_INDIRECT && q.op == (i & 1) && q.nr_segments == n);
        CHECK(q.nr_indirect == (n + 511) / 512 && q.indirect[0] == 50);
        CHECK(q.indirect[q.nr_indirect - 1] == 50u + q.nr_indirect - 1);
        CHECK(blk_decode_indirect(&disk, table, n * sizeof(table[0]) - 1, &q) == BLK_SHORT_TABLE);
        CHECK(blk_decode_indirect(&disk, table, sizeof(table), &q) == BLK_OK);
        CHECK(q.nr_sectors == n * 8 && q.seg[n - 1].gref == 1000 + n - 1 && q.sector == 1000);
        table[n - 1].last_sect = 8;
        CHECK(blk_decode_indirect(&disk, table, sizeof(table), &q) == BLK_BAD_SEGMENT);
        table[n - 1].last_sect = 7;
        disk.sectors = 1000 + n * 8 - 1;
        CHECK(blk_decode_indirect(&disk, table, sizeof(table), &q) == BLK_PAST_END);
    }
    fresh_indirect(BLKIF_OP_READ, BLK_MAX_SEGMENTS + 1);
    CHECK(decode() == BLK_TOO_MANY_SEGMENTS);
    fresh_indirect(BLKIF_OP_READ, 65535);
    disk.max_segments = 65535; /* a mistake of ours must not lead outside either */
    CHECK(decode() == BLK_TOO_MANY_SEGMENTS);
    fresh_indirect(BLKIF_OP_READ, 0);
    CHECK(decode() == BLK_NO_SEGMENTS);
    fresh_indirect(BLKIF_OP_READ, 33);
    disk.max_segments = 32;
    CHECK(decode() == BLK_TOO_MANY_SEGMENTS);
    disk.max_segments = 0;
    CHECK(decode() == BLK_BAD_OP);
    for (unsigned op = BLKIF_OP_WRITE_BARRIER; op < 256; op++) {
        fresh_indirect((uint8_t)op, 1);
        CHECK(decode() == BLK_BAD_INDIRECT_OP);
    }
    fresh_indirect(BLKIF_OP_WRITE, 1);
    disk.read_only = true;
    CHECK(decode() == BLK_READ_ONLY);
}

int main(void)
{
    test_read_write();
    test_segments();
    test_range();
    test_alignment();
    test_discard();
    test_indirect();
    return check_end();
}
