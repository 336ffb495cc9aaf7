// SPDX-License-Identifier: GPL-2.0-only
/*
 * pass.c: requests on their way in, as many at a time as are there.
 *
 * A pass takes requests from the disk's rings into the in-flight record, looks at what they ask
 * for, fetches what their writers have written, and gives their I/O to the kernel. A request that
 * cannot begin (a barrier before what is under way is done, or no room for its data) stays at the
 * head of the waiting list, with all that came after it: order is kept.
 */
#include "blkback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct grant_batch copies;                           /* of indirect pages, then of data */
    uint8_t (*table)[BLK_MAX_INDIRECT * RING_PAGE_SIZE]; /* copies of indirect pages */
    struct request *batch[BLKBACK_BATCH];
    unsigned nr_batch;
} pass;

bool pass_start(void)
{
    pass.table = calloc(BLKBACK_BATCH, sizeof(*pass.table));
    return pass.table && grant_batch_start(&pass.copies, BLKBACK_BATCH * BLK_MAX_SEGMENTS);
}

/* --- taking ----------------------------------------------------------------------------------- */

/* From the ring into the record. The waiting list bounds what is taken ahead. */
static unsigned take(struct queue *q)
{
    unsigned nr = 0;

    while (nr < BLKBACK_BATCH) {
        int entry = inflight_find_free(q->inflight, q->ring.slots, &q->hint);
        struct inflight_entry *e = &q->inflight->entry[entry < 0 ? 0 : entry];

        if (entry < 0 || !ring_back_take(&q->ring, &e->slot, sizeof(e->slot)))
            break;
        inflight_take(q->inflight, entry, q->ring.req_cons - 1);
        list_add(&q->disk->waiting, &q->request[entry]);
        nr++;
    }
    if (q->ring.broken)
        disk_fail(q->disk, "the guest's front-end wrote a ring index that cannot be true");
    return nr;
}

/* --- decoding --------------------------------------------------------------------------------- */

static void refuse(struct request *r, enum blk_error error)
{
    struct disk *disk = r->queue->disk;

    runtime_log(disk->id, "request refused: %s (operation %u, sector %llu, %u segments)",
                blk_error_text(error), r->q.slot_op, (unsigned long long)r->q.sector,
                r->q.nr_segments);
    finish_request(r, blk_error_status(error));
}

/* Copies the pages with the segments of all indirect requests of the batch. */
static void fetch_tables(void)
{
    struct grant_batch *c = &pass.copies;

    c->nr = 0;
    for (unsigned b = 0; b < pass.nr_batch; b++) {
        struct request *r = pass.batch[b];

        r->table_bad = false;
        for (unsigned i = 0; i < r->q.nr_indirect; i++)
            grant_copy_in(grant_batch_add(c, r), pass.table[b] + (size_t)i * RING_PAGE_SIZE,
                          r->q.indirect[i], 0, RING_PAGE_SIZE);
    }
    grant_copy(c->piece, c->nr);
    for (unsigned i = 0; i < c->nr; i++)
        if (c->piece[i].status)
            ((struct request *)c->of[i])->table_bad = true;
}

/* Where pages stay mapped, the tables are in such pages, too. */
static bool find_tables(struct request *r, uint8_t *table)
{
    void *pages[BLK_MAX_INDIRECT];
    struct persist *persist = r->queue->disk->persist;

    if (!persist || persist_find(persist, r->q.indirect, r->q.nr_indirect, pages))
        return false;
    for (unsigned i = 0; i < r->q.nr_indirect; i++)
        ring_copy_in(table + (size_t)i * RING_PAGE_SIZE, pages[i], RING_PAGE_SIZE);
    r->q.nr_indirect = 0; /* done */
    return true;
}

/* Decodes the batch's requests; those that are refused leave it. */
static void decode(struct disk *disk, const enum blk_error *first)
{
    unsigned nr = 0;

    for (unsigned b = 0; b < pass.nr_batch; b++) {
        struct request *r = pass.batch[b];
        enum blk_error error = first[b];

        if (error == BLK_INDIRECT && r->table_bad) {
            runtime_log(disk->id, "request refused: its indirect pages are not granted to us");
            finish_request(r, BLKIF_RSP_ERROR);
            continue;
        }
        if (error == BLK_INDIRECT)
            error = blk_decode_indirect(&disk->d, pass.table[b], sizeof(pass.table[b]), &r->q);
        if (error)
            refuse(r, error);
        else
            pass.batch[nr++] = r;
    }
    pass.nr_batch = nr;
}

/*
 * The next requests that may begin, into the batch, as far as the barrier rule allows: nothing
 * begins beside a barrier, and a barrier begins beside nothing.
 */
static void choose(struct disk *disk, enum blk_error *error)
{
    struct request *r;

    pass.nr_batch = 0;
    while (pass.nr_batch < BLKBACK_BATCH && !disk->barrier && (r = disk->waiting.first)) {
        const union blkif_sring_entry *slot = &r->queue->inflight->entry[r->entry].slot;

        r->barrier = slot->req.operation == BLKIF_OP_WRITE_BARRIER;
        if (r->barrier && disk->busy)
            break;
        list_take(&disk->waiting);
        r->buffer = NULL;
        r->bounced = false;
        r->status = BLKIF_RSP_OKAY;
        error[pass.nr_batch] = blk_decode(&disk->d, &slot->req, &r->q);
        if (error[pass.nr_batch] == BLK_INDIRECT)
            find_tables(r, pass.table[pass.nr_batch]);
        pass.batch[pass.nr_batch++] = r;
        disk->busy++;
        if (r->barrier)
            disk->barrier = r;
    }
}

/* --- data ------------------------------------------------------------------------------------- */

static void add_iov(struct request *r, void *base, size_t len)
{
    struct iovec *last = r->io.niov ? &r->iov[r->io.niov - 1] : NULL;

    if (last && (uint8_t *)last->iov_base + last->iov_len == base)
        last->iov_len += len;
    else
        r->iov[r->io.niov++] = (struct iovec){.iov_base = base, .iov_len = len};
}

static bool take_buffer(struct request *r)
{
    size_t length = r->q.nr_sectors * BLK_SECTOR;

    r->pages = (unsigned)((length + RING_PAGE_SIZE - 1) / RING_PAGE_SIZE);
    r->buffer = buffer_get(r->pages);
    if (r->buffer)
        add_iov(r, r->buffer, length);
    return r->buffer;
}

/*
 * Data in the guest's pages that are mapped: I/O straight from and to them, or through a buffer.
 * -ENOBUFS: there is no room now.
 */
static int use_mapped(struct request *r)
{
    struct disk *disk = r->queue->disk;
    uint32_t refs[BLK_MAX_SEGMENTS];
    void *pages[BLK_MAX_SEGMENTS];
    size_t at = 0;
    int rc;

    for (unsigned i = 0; i < r->q.nr_segments; i++)
        refs[i] = r->q.seg[i].gref;
    rc = persist_find(disk->persist, refs, r->q.nr_segments, pages);
    r->bounced = !rc && (disk->flags & BLK_DIRECT);
    if (r->bounced && !take_buffer(r))
        return -ENOBUFS;
    for (unsigned i = 0; i < r->q.nr_segments && !rc; i++) {
        uint8_t *data = (uint8_t *)pages[i] + r->q.seg[i].offset;

        if (!r->bounced)
            add_iov(r, data, r->q.seg[i].len);
        else if (blk_writes(r->q.op))
            memcpy(r->buffer + at, data, r->q.seg[i].len);
        at += r->q.seg[i].len;
    }
    return rc;
}

/* A buffer, and for a write the pieces to be copied into it. False: there is no room now. */
static bool use_buffer(struct request *r)
{
    size_t at = 0;

    if (!take_buffer(r))
        return false;
    if (!blk_writes(r->q.op))
        return true;
    for (unsigned i = 0; i < r->q.nr_segments; i++) {
        const struct blk_segment *s = &r->q.seg[i];

        grant_copy_in(grant_batch_add(&pass.copies, r), r->buffer + at, s->gref, s->offset, s->len);
        at += s->len;
    }
    return true;
}

/* 1: the request can begin; 0: no room now; -1: it was answered with an error. */
static int find_data(struct request *r)
{
    struct disk *disk = r->queue->disk;
    int rc;

    r->io.niov = 0;
    if (!r->q.nr_segments)
        return 1;
    if (disk->persist) {
        rc = use_mapped(r);
        if (!rc || rc == -ENOBUFS)
            return !rc;
        if (rc != -ENOSPC) {
            runtime_log(disk->id, "request failed: a page of it is not granted to us");
            finish_request(r, BLKIF_RSP_ERROR);
            return -1;
        }
        r->io.niov = 0;
    }
    return use_buffer(r);
}

/* Back to the head of the waiting list, the batch's requests from `from` on. */
static void put_back(struct disk *disk, unsigned from)
{
    for (unsigned b = pass.nr_batch; b-- > from;) {
        struct request *r = pass.batch[b];

        r->next = disk->waiting.first;
        if (!r->next)
            disk->waiting.last = &r->next;
        disk->waiting.first = r;
        disk->busy--;
        if (disk->barrier == r)
            disk->barrier = NULL;
    }
    pass.nr_batch = from;
}

static void fetch_data(struct disk *disk)
{
    struct grant_batch *c = &pass.copies;
    unsigned nr = 0, b;

    c->nr = 0;
    for (b = 0; b < pass.nr_batch; b++) {
        int rc = find_data(pass.batch[b]);

        if (!rc)
            break;
        if (rc > 0)
            pass.batch[nr++] = pass.batch[b];
    }
    put_back(disk, b);
    pass.nr_batch = nr;
    grant_copy(c->piece, c->nr);
    for (unsigned i = 0; i < c->nr; i++)
        if (c->piece[i].status)
            ((struct request *)c->of[i])->status = BLKIF_RSP_ERROR;
}

/* --- beginning -------------------------------------------------------------------------------- */

static void begin(struct request *r)
{
    struct disk *disk = r->queue->disk;

    if (r->status) {
        runtime_log(disk->id, "request failed: a page of it is not granted to us");
        finish_request(r, r->status);
        return;
    }
    r->io.disk = disk;
    r->io.iov = r->iov;
    r->io.offset = r->q.sector * BLK_SECTOR;
    r->io.length = r->q.nr_sectors * BLK_SECTOR;
    /* Such a request begins with a flush; a barrier has another one behind its data. */
    r->stage = r->q.op == BLKIF_OP_FLUSH_DISKCACHE || r->q.op == BLKIF_OP_WRITE_BARRIER
                   ? REQUEST_FLUSH_FIRST
                   : REQUEST_DATA;
    finish_next_stage(r);
}

unsigned pass_run(struct disk *disk)
{
    enum blk_error error[BLKBACK_BATCH];
    unsigned nr = 0;

    for (unsigned i = 0; i < disk->nr_queues && !disk->closing && !disk->waiting.first; i++)
        if (disk->queue[i].kicked)
            nr += take(&disk->queue[i]);
    if (disk->closing || !disk->waiting.first)
        return nr;
    choose(disk, error);
    if (!pass.nr_batch)
        return nr;
    disk_is_whole(disk, false);
    fetch_tables();
    decode(disk, error);
    fetch_data(disk);
    nr += pass.nr_batch;
    for (unsigned b = 0; b < pass.nr_batch; b++)
        begin(pass.batch[b]);
    return nr;
}
