// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_core.c: the block worker's core against a front-end that is good, and then one that is not.
 */
#include "fake.h"
#define CHECK_CONTEXT fake.log
#include "../cli/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DATA  32u   /* the first page of data */
#define IMAGE 8192u /* sectors */

static struct ring_front front;
static int image, inflight;

static void open_disk(uint32_t flags, const char *path)
{
    fake_grant_all();
    fake.hold = false;
    image = path ? open(path, O_RDWR) : memfd_create("image", 0);
    inflight = memfd_create("inflight", 0);
    if (image < 0 || (!path && ftruncate(image, IMAGE * BLK_SECTOR)) ||
        ftruncate(inflight, INFLIGHT_FILE_SIZE) ||
        !ring_front_init(&front, fake_page(0), BLK_SLOT_SIZE, 0))
        abort();
    fake_attach(flags | BLK_DISCARD, image, inflight, 1, 1);
}

static void close_disk(void)
{
    fake.hold = false;
    fake_settle();
    disk_detach(FAKE_DISK);
    fake_settle();
    CHECK(!disk_first());
    CHECK(!fake.mapped && !fake.bound);
    close(image);
    close(inflight);
}

static struct blkif_request request(uint8_t op, uint64_t id, uint64_t sector, unsigned pages)
{
    struct blkif_request r = {
        .operation = op, .nr_segments = (uint8_t)pages, .id = id, .sector_number = sector};

    for (unsigned i = 0; i < pages; i++)
        r.seg[i] = (struct blkif_request_segment){.gref = fake_ref(DATA + i), .last_sect = 7};
    return r;
}

static void put(const struct blkif_request *r)
{
    if (!ring_front_put(&front, r, sizeof(*r)))
        abort();
    ring_front_push(&front);
}

/* The status of the next response, or 99 if there is none. */
static int answer(uint64_t *id)
{
    struct blkif_response rsp;

    if (!ring_front_take(&front, &rsp, sizeof(rsp)))
        return 99;
    *id = rsp.id;
    return rsp.status;
}

static int ask(struct blkif_request r)
{
    uint64_t id = 0;
    int status;

    put(&r);
    fake_settle();
    status = answer(&id);
    return id == r.id || status == 99 ? status : 98;
}

static void test_good(uint32_t flags)
{
    struct blkif_request r = request(BLKIF_OP_WRITE, 1, 16, 4);

    open_disk(flags, NULL);
    CHECK(fake.told == WORKER_ATTACHED && fake.attached.sectors == IMAGE);
    for (unsigned i = 0; i < 4; i++)
        memset(fake_page(DATA + i), 'a' + (int)i, RING_PAGE_SIZE);
    r.seg[1].first_sect = 2; /* a piece of a page */
    r.seg[1].last_sect = 3;
    CHECK(ask(r) == BLKIF_RSP_OKAY);
    memset(fake_page(DATA), 0, (size_t)4 * RING_PAGE_SIZE);
    CHECK(ask(request(BLKIF_OP_READ, 2, 16, 3)) == BLKIF_RSP_OKAY);
    CHECK(((char *)fake_page(DATA))[4095] == 'a');
    CHECK(((char *)fake_page(DATA + 1))[0] == 'b' && ((char *)fake_page(DATA + 1))[1023] == 'b' &&
          ((char *)fake_page(DATA + 1))[1024] == 'c');
    CHECK(ask(request(BLKIF_OP_FLUSH_DISKCACHE, 3, 0, 0)) == BLKIF_RSP_OKAY);
    CHECK(ask(request(BLKIF_OP_WRITE_BARRIER, 4, 0, 0)) == BLKIF_RSP_OKAY);
    CHECK(ask(request(BLKIF_OP_WRITE_BARRIER, 5, 64, 2)) == BLKIF_RSP_OKAY);
    CHECK(fake.notified > 0);
    close_disk();
}

/* The guest's next request comes while it is being told of its last one. */
static unsigned asked_for_event;

static void next_at_once(void)
{
    struct blkif_request r = request(BLKIF_OP_READ, 1, 0, 1);

    fake.on_event = NULL;
    if (!ring_front_put(&front, &r, sizeof(r)))
        abort();
    asked_for_event += ring_front_push(&front);
}

/* One that waits for a single answer is heard at once; with more under way events are spared. */
static void test_listening(void)
{
    struct queue *q;
    uint64_t id;

    open_disk(0, NULL);
    fake_settle();
    q = &disk_first()->queue[0];
    for (unsigned depth = 1; depth <= 2; depth++) {
        asked_for_event = fake.unmasked = 0;
        for (unsigned i = 0; i < depth; i++) {
            struct blkif_request r = request(BLKIF_OP_READ, i, 0, 1);

            put(&r);
        }
        q->masked = true; /* as after an event */
        fake.on_event = next_at_once;
        fake_round();
        CHECK(!fake.on_event);
        CHECK(asked_for_event == (depth == 1) && fake.unmasked == (depth == 1));
        CHECK(q->masked == (depth != 1) && q->kicked == (depth != 1));
        fake_settle();
        while (answer(&id) != 99 || ring_front_final_check(&front))
            ;
    }
    close_disk();
}

static void test_indirect(uint32_t flags)
{
    struct blkif_request_indirect r = {.operation = BLKIF_OP_INDIRECT,
                                       .indirect_op = BLKIF_OP_WRITE,
                                       .nr_segments = 100,
                                       .id = 9,
                                       .sector_number = 800,
                                       .indirect_grefs = {fake_ref(20)}};
    struct blkif_request_segment *table = fake_page(20);
    struct blkif_request slot;

    open_disk(flags, NULL);
    for (unsigned i = 0; i < 100; i++) {
        table[i] = (struct blkif_request_segment){.gref = fake_ref(DATA + i), .last_sect = 7};
        memset(fake_page(DATA + i), (int)i + 1, RING_PAGE_SIZE);
    }
    memset(&slot, 0, sizeof(slot));
    memcpy(&slot, &r, sizeof(r));
    CHECK(ask(slot) == BLKIF_RSP_OKAY);
    memset(fake_page(DATA), 0, (size_t)100 * RING_PAGE_SIZE);
    slot.nr_segments = BLKIF_OP_READ; /* the same byte as indirect_op */
    CHECK(ask(slot) == BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < 100; i++)
        CHECK(*(uint8_t *)fake_page(DATA + i) == i + 1);
    fake.access[20] = FAKE_NONE;
    if (!(flags & BLK_PERSISTENT)) /* where it stays mapped, it is the guest's own doing */
        CHECK(ask(slot) == BLKIF_RSP_ERROR);
    close_disk();
}

static void test_bad(uint32_t flags)
{
    struct blkif_request r;

    open_disk(flags, NULL);
    CHECK(ask(request(BLKIF_OP_READ, 1, IMAGE - 7, 1)) == BLKIF_RSP_ERROR);
    CHECK(ask(request(BLKIF_OP_WRITE, 1, UINT64_MAX - 3, 1)) == BLKIF_RSP_ERROR);
    CHECK(ask(request(BLKIF_OP_READ, 1, 0, 0)) == BLKIF_RSP_ERROR);
    CHECK(ask(request(77, 1, 0, 1)) == BLKIF_RSP_EOPNOTSUPP);
    r = request(BLKIF_OP_READ, 2, 0, 1);
    r.nr_segments = 12;
    CHECK(ask(r) == BLKIF_RSP_ERROR);
    r = request(BLKIF_OP_READ, 2, 0, 1);
    r.seg[0].last_sect = 8;
    CHECK(ask(r) == BLKIF_RSP_ERROR);
    r.seg[0].last_sect = 1;
    r.seg[0].first_sect = 2;
    CHECK(ask(r) == BLKIF_RSP_ERROR);
    /* Pages that are nobody's, withdrawn, or not for writing. */
    r = request(BLKIF_OP_WRITE, 3, 0, 2);
    r.seg[1].gref = 5;
    CHECK(ask(r) == BLKIF_RSP_ERROR);
    r = request(BLKIF_OP_READ, 4, 0, 1);
    r.seg[0].gref = fake_ref(DATA + 9);
    fake.access[DATA + 9] = FAKE_READ_ONLY;
    CHECK(ask(r) == BLKIF_RSP_ERROR);
    /* None of it has hurt. */
    CHECK(ask(request(BLKIF_OP_WRITE, 5, 0, 1)) == BLKIF_RSP_OKAY);
    close_disk();
}

static void test_read_only(void)
{
    open_disk(BLK_READONLY, NULL);
    CHECK(ask(request(BLKIF_OP_WRITE, 1, 0, 1)) == BLKIF_RSP_ERROR);
    CHECK(ask(request(BLKIF_OP_READ, 2, 0, 1)) == BLKIF_RSP_OKAY);
    close_disk();
}

static void test_ring_index(void)
{
    open_disk(0, NULL);
    front.shared->req_prod = 1000;
    fake_settle();
    CHECK(!disk_first() && fake.told == WORKER_FAILED && strstr(fake.told_text, "ring index"));
    CHECK(!fake.mapped && !fake.bound);
    close(image);
    close(inflight);
}

static void test_image_faults(void)
{
    open_disk(0, NULL);
    if (ftruncate(image, 512 * 100))
        abort();
    CHECK(ask(request(BLKIF_OP_READ, 1, 4000, 1)) == BLKIF_RSP_ERROR);
    CHECK(strstr(fake.log, "cut") || strstr(fake.log, "end"));
    /* From now on a write there must not make the image longer with a hole before it. */
    CHECK(ask(request(BLKIF_OP_WRITE, 1, 4000, 1)) == BLKIF_RSP_ERROR);
    CHECK(lseek(image, 0, SEEK_END) == 512 * 100);
    CHECK(ask(request(BLKIF_OP_READ, 2, 0, 1)) == BLKIF_RSP_OKAY);
    close_disk();

    open_disk(BLK_DEVICE, "/dev/full");
    CHECK(ask(request(BLKIF_OP_WRITE, 1, 0, 1)) == BLKIF_RSP_ERROR);
    CHECK(strstr(fake.log, "No space left"));
    close_disk();
}

/* A barrier waits for what is before it, and what is after waits for the barrier. */
static void test_barrier(void)
{
    struct blkif_request r[3] = {request(BLKIF_OP_WRITE, 1, 0, 1),
                                 request(BLKIF_OP_WRITE_BARRIER, 2, 8, 1),
                                 request(BLKIF_OP_WRITE, 3, 16, 1)};
    uint64_t id = 0;

    open_disk(0, NULL);
    fake.hold = true;
    for (unsigned i = 0; i < 3; i++)
        put(&r[i]);
    fake_settle();
    CHECK(fake.nr_held == 1 && fake.held[0]->offset == 0);
    fake_io(1);
    fake_settle();
    CHECK(answer(&id) == BLKIF_RSP_OKAY && id == 1);
    CHECK(fake.nr_held == 1 && fake.held[0]->kind == IO_FLUSH);
    fake_io(1);
    CHECK(fake.nr_held == 1 && fake.held[0]->kind == IO_WRITE && fake.held[0]->offset == 4096);
    fake_io(1);
    CHECK(fake.nr_held == 1 && fake.held[0]->kind == IO_FLUSH);
    fake_settle();
    CHECK(answer(&id) == 99); /* not durable yet */
    fake_io(1);
    fake_settle();
    CHECK(answer(&id) == BLKIF_RSP_OKAY && id == 2);
    CHECK(fake.nr_held == 1 && fake.held[0]->offset == 8192);
    fake_io(1);
    fake_settle();
    CHECK(answer(&id) == BLKIF_RSP_OKAY && id == 3);
    close_disk();
}

/* More data than the worker's memory: some wait, all are answered, and order is kept. */
static void test_batch(void)
{
    unsigned answers = 0, copies;
    uint64_t id;

    open_disk(0, NULL);
    copies = fake.copies;
    for (unsigned i = 0; i < 32; i++) {
        struct blkif_request r = request(BLKIF_OP_WRITE, i, i * 8, 1);

        put(&r);
    }
    fake.notified = 0;
    fake_settle();
    while (answer(&id) == BLKIF_RSP_OKAY)
        answers++;
    CHECK(answers == 32);
    CHECK(fake.copies - copies == 1); /* one call for all data */
    CHECK(fake.notified == 1);        /* and one event */
    close_disk();
}

static void test_discard(void)
{
    struct blkif_request_discard d = {
        .operation = BLKIF_OP_DISCARD, .id = 1, .sector_number = 16, .nr_sectors = 64};
    struct blkif_request slot = {0};
    char byte = 1;

    open_disk(0, NULL);
    memset(fake_page(DATA), 7, RING_PAGE_SIZE);
    CHECK(ask(request(BLKIF_OP_WRITE, 1, 16, 1)) == BLKIF_RSP_OKAY);
    memcpy(&slot, &d, sizeof(d));
    CHECK(ask(slot) == BLKIF_RSP_OKAY);
    CHECK(pread(image, &byte, 1, 16 * BLK_SECTOR) == 1 && !byte);
    close_disk();
}

/* The record at every moment at which a worker can die, with indices about to wrap. */
static void test_record(void)
{
    static struct inflight_queue q;
    uint16_t again[INFLIGHT_MAX_SLOTS];
    const uint32_t base = UINT32_MAX - 1;
    uint32_t taken;

    inflight_reset(&q, 32);
    q.taken = base;
    CHECK(inflight_recover(&q, 32, base, &taken, again) == 0 && taken == base);
    for (uint32_t i = 0; i < 4; i++)
        inflight_take(&q, (int)(9 - i), base + i);
    CHECK(inflight_recover(&q, 32, base, &taken, again) == 4 && taken == base + 4);
    CHECK(again[0] == 9 && again[1] == 8 && again[2] == 7 && again[3] == 6); /* in order */
    /* Answered, and killed before that was published: it has to be done again. */
    inflight_answer(&q, 7, base);
    CHECK(inflight_recover(&q, 32, base, &taken, again) == 4);
    /* And after: the guest may have seen it. */
    inflight_answer(&q, 7, base);
    CHECK(inflight_recover(&q, 32, base + 1, &taken, again) == 3);
    CHECK(again[0] == 9 && again[1] == 8 && again[2] == 6);
    CHECK(q.entry[7].state == INFLIGHT_FREE);
    /* Filled in, and killed before it was counted: the ring still has it. */
    q.entry[20].index = base + 4;
    q.entry[20].state = INFLIGHT_TAKEN;
    CHECK(inflight_recover(&q, 32, base + 1, &taken, again) == 3 && taken == base + 4);
    CHECK(q.entry[20].state == INFLIGHT_FREE);
    /* Indices in the ring that cannot be true, another ring, a record that contradicts itself. */
    CHECK(inflight_recover(&q, 32, base + 2, &taken, again) < 0);
    CHECK(inflight_recover(&q, 32, base + 500, &taken, again) < 0);
    CHECK(inflight_recover(&q, 64, base + 1, &taken, again) < 0);
    q.entry[8].index = q.entry[9].index;
    CHECK(inflight_recover(&q, 32, base + 1, &taken, again) < 0);
}

int main(void)
{
    fake_start();
    test_record();
    test_good(0);
    test_good(BLK_PERSISTENT);
    test_good(BLK_PERSISTENT | BLK_DIRECT);
    test_listening();
    test_indirect(0);
    test_indirect(BLK_PERSISTENT);
    test_indirect(BLK_PERSISTENT | BLK_DIRECT);
    test_bad(0);
    test_bad(BLK_PERSISTENT);
    test_bad(BLK_PERSISTENT | BLK_DIRECT);
    test_read_only();
    test_ring_index();
    test_image_faults();
    test_barrier();
    test_batch();
    test_discard();
    return check_end();
}
