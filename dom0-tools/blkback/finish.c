// SPDX-License-Identifier: GPL-2.0-only
/*
 * finish.c: requests on their way out: the stages of their I/O, data to the guest, and responses.
 *
 * What finished is collected, so that all reads' data are copied in one call, all responses of a
 * ring are published at once, and the guest gets one event for them, if it wants one at all.
 */
#include "blkback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct request_list done;
    struct grant_batch copies;
} finish;

bool finish_start(void)
{
    list_init(&finish.done);
    return grant_batch_start(&finish.copies, BLKBACK_BATCH * BLK_MAX_SEGMENTS);
}

void finish_request(struct request *r, int16_t status)
{
    r->status = status;
    list_add(&finish.done, r);
}

/* --- stages of I/O ------------------------------------------------------------------------- */

static const char *const kind_names[] = {"read", "write", "flush", "discard"};

static void failed(struct request *r, int error)
{
    struct disk *disk = r->queue->disk;

    if (r->io.kind == IO_DISCARD && (error == EOPNOTSUPP || error == ENODEV)) {
        finish_request(r, BLKIF_RSP_EOPNOTSUPP);
        return;
    }
    runtime_log(disk->id, "%s of %llu bytes at byte %llu failed: %s%s", kind_names[r->io.kind],
                (unsigned long long)r->io.length, (unsigned long long)r->io.offset,
                error ? strerror(error) : "the image ends before it",
                error == ENOSPC ? "; make room on the image's file system" : "");
    disk_is_whole(disk, true);
    finish_request(r, BLKIF_RSP_ERROR);
}

/* Moves on by what was moved; true if something is left. */
static bool advance(struct request *r, uint64_t moved)
{
    struct io_op *io = &r->io;

    io->offset += moved;
    io->length -= moved < io->length ? moved : io->length;
    while (io->niov && moved >= io->iov->iov_len) {
        moved -= io->iov->iov_len;
        io->iov++;
        io->niov--;
    }
    if (io->niov) {
        io->iov->iov_base = (uint8_t *)io->iov->iov_base + moved;
        io->iov->iov_len -= moved;
    }
    return io->length && io->niov;
}

/* For `lodge top`; see inflight.h. */
static void count_moved(const struct disk *disk, const struct io_op *op, uint64_t moved)
{
    struct inflight_totals *totals = (void *)((char *)disk->inflight + INFLIGHT_TOTALS);

    if (op->kind == IO_READ)
        totals->read += moved;
    else
        totals->written += moved;
}

static void io_done(struct io_op *op, int64_t result)
{
    struct request *r = (struct request *)op;
    bool moves = op->kind == IO_READ || op->kind == IO_WRITE;

    if (result == -EAGAIN || result == -EINTR) {
        io_queue(op);
        return;
    }
    if (result < 0 || (moves && !result)) {
        failed(r, result < 0 ? (int)-result : 0);
        return;
    }
    if (moves)
        count_moved(r->queue->disk, op, (uint64_t)result);
    if (moves && advance(r, (uint64_t)result)) {
        io_queue(op);
        return;
    }
    if (r->stage == REQUEST_FLUSH_FIRST) {
        r->stage = REQUEST_DATA;
        finish_next_stage(r);
    } else if (r->stage == REQUEST_DATA && r->barrier) {
        r->stage = REQUEST_FLUSH_LAST;
        finish_next_stage(r);
    } else {
        finish_request(r, BLKIF_RSP_OKAY);
    }
}

void finish_next_stage(struct request *r)
{
    r->io.done = io_done;
    if (r->stage == REQUEST_DATA && !r->io.length) {
        /* A flush that writes nothing. */
        finish_request(r, BLKIF_RSP_OKAY);
        return;
    }
    if (r->stage != REQUEST_DATA)
        r->io.kind = IO_FLUSH;
    else if (r->q.op == BLKIF_OP_DISCARD)
        r->io.kind = IO_DISCARD;
    else
        r->io.kind = r->q.op == BLKIF_OP_READ ? IO_READ : IO_WRITE;
    io_queue(&r->io);
}

/* --- answers ------------------------------------------------------------------------------- */

/* What was read goes into pages that were mapped when the request began, and should still be. */
static void deliver_bounced(struct request *r)
{
    size_t at = 0;

    for (unsigned i = 0; i < r->q.nr_segments; i++) {
        const struct blk_segment *s = &r->q.seg[i];
        uint32_t ref = s->gref;
        void *page;

        if (persist_find(r->queue->disk->persist, &ref, 1, &page)) {
            r->status = BLKIF_RSP_ERROR;
            runtime_log(r->queue->disk->id, "read failed: a page of it is not granted to us");
            return;
        }
        memcpy((uint8_t *)page + s->offset, r->buffer + at, s->len);
        at += s->len;
    }
}

/* Copies what was read into the guest's pages, for up to BLKBACK_BATCH requests. */
static void deliver(struct request **batch, unsigned nr_batch)
{
    struct grant_batch *c = &finish.copies;

    c->nr = 0;
    for (unsigned b = 0; b < nr_batch; b++) {
        struct request *r = batch[b];
        size_t at = 0;

        if (r->q.op != BLKIF_OP_READ || r->status || !r->buffer)
            continue;
        if (r->bounced) {
            deliver_bounced(r);
            continue;
        }
        for (unsigned i = 0; i < r->q.nr_segments; i++) {
            const struct blk_segment *s = &r->q.seg[i];

            grant_copy_out(grant_batch_add(c, r), r->buffer + at, s->gref, s->offset, s->len);
            at += s->len;
        }
    }
    grant_copy(c->piece, c->nr);
    for (unsigned i = 0; i < c->nr; i++) {
        struct request *r = c->of[i];

        if (c->piece[i].status && !r->status) {
            r->status = BLKIF_RSP_ERROR;
            runtime_log(r->queue->disk->id,
                        "read failed: a page of it is not granted to us for writing");
        }
    }
}

static void answer(struct request *r)
{
    struct queue *q = r->queue;
    struct disk *disk = q->disk;
    struct blkif_response rsp = blk_response(&r->q, r->status);

    if (r->buffer)
        buffer_put(r->buffer, r->pages);
    r->buffer = NULL;
    disk->busy--;
    if (disk->barrier == r)
        disk->barrier = NULL;
    inflight_answer(q->inflight, r->entry, q->ring.rsp_prod);
    if (ring_back_put(&q->ring, &rsp, sizeof(rsp)))
        q->answered[q->nr_answered++] = r->entry;
}

bool queue_listen(struct queue *q)
{
    if (ring_back_final_check(&q->ring) || q->ring.broken)
        return false;
    q->kicked = false;
    if (q->masked)
        runtime_unmask(q->port);
    q->masked = false;
    return true;
}

/*
 * With one answer to publish and nothing else under way, the guest most likely waits for just that.
 * The event gives it the processor, and it asks for the next thing at once. So we ask for its event
 * first: its request then comes with one, which brings the processor back to us. With more under
 * way we do not ask yet: what the guest wants meanwhile is found without events.
 */
static void tell(struct queue *q)
{
    const struct disk *disk = q->disk;

    if (q->nr_answered == 1 && q->kicked && !disk->busy && !disk->closing && !disk->waiting.first)
        queue_listen(q);
    runtime_notify(q->port);
}

static void publish(struct queue *q)
{
    if (!q->nr_answered)
        return;
    if (ring_back_push(&q->ring))
        tell(q);
    for (unsigned i = 0; i < q->nr_answered; i++)
        inflight_free(q->inflight, q->answered[i]);
    q->nr_answered = 0;
}

unsigned finish_run(void)
{
    struct request *batch[BLKBACK_BATCH];
    unsigned total = 0, nr;

    do {
        struct request *r;

        nr = 0;
        while (nr < BLKBACK_BATCH && (r = list_take(&finish.done)))
            batch[nr++] = r;
        deliver(batch, nr);
        for (unsigned b = 0; b < nr; b++)
            answer(batch[b]);
        total += nr;
    } while (nr == BLKBACK_BATCH);
    for (struct disk *disk = total ? disk_first() : NULL; disk; disk = disk->next)
        for (unsigned i = 0; i < disk->nr_queues; i++)
            publish(&disk->queue[i]);
    return total;
}
