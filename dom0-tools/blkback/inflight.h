/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inflight.h: what a worker has taken from a ring and not answered, kept where it outlives it.
 *
 * The front-end hands a request over once; the back-end alone knows then that it exists. So each is
 * written, before it counts as taken, into a file in memory that the supervisor holds. A worker
 * that follows one that was killed finds there what to do again; doing a request twice is harmless
 * as long as the guest was not told of the first time.
 *
 * Every order below is one of program order on one thread: what a killed process has stored is in
 * the file, in the order in which it stored it. Compiler barriers are what it takes.
 *
 *   take    fill the entry, its index last; then count it in `taken`. An entry whose index is not
 *           below `taken` was not taken: its request is still in the ring.
 *   answer  note the response's index in the entry; then write and publish the response; then free
 *           the entry. An entry with a response index below the ring's rsp_prod was answered.
 *
 * The file is not a secret from the worker, and the worker may be the guest's by now: whoever reads
 * it checks it.
 */
#ifndef LODGE_BLKBACK_INFLIGHT_H
#define LODGE_BLKBACK_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <public/io/blkif.h>
#include "attach.h"

#define INFLIGHT_MAX_SLOTS 512 /* of a ring of BLK_MAX_RING_PAGES pages */
#define INFLIGHT_MAGIC     0x4c424b31U

enum inflight_state {
    INFLIGHT_FREE = 0,
    INFLIGHT_TAKEN,
    INFLIGHT_ANSWERING, /* `response` is valid */
};

struct inflight_entry {
    uint32_t state;    /* enum inflight_state */
    uint32_t index;    /* of the request */
    uint32_t response; /* index of its response */
    uint32_t pad;
    union blkif_sring_entry slot; /* a copy of what the guest wrote */
};

struct inflight_queue {
    uint32_t magic; /* set when a worker has served this ring */
    uint32_t slots; /* of the ring */
    uint32_t taken; /* requests below this index are taken */
    uint32_t pad;
    struct inflight_entry entry[INFLIGHT_MAX_SLOTS];
};

/* Behind the queues: bytes that the disk's workers have moved, for who watches (`lodge top`). */
struct inflight_totals {
    uint64_t read, written;
};

#define INFLIGHT_TOTALS    (BLK_MAX_QUEUES * sizeof(struct inflight_queue))
#define INFLIGHT_FILE_SIZE (INFLIGHT_TOTALS + sizeof(struct inflight_totals))

/* A fresh ring: nothing taken, nothing in flight. */
void inflight_reset(struct inflight_queue *q, uint32_t slots);

/*
 * After a worker died: which entries are to be done again. `rsp_prod` is the ring's. Stores their
 * numbers in order of their indices and returns how many; frees all others. *taken is where to go
 * on taking; answering goes on at rsp_prod. A negative number if the file and the ring cannot both
 * be right: then someone has written into one of them.
 */
int inflight_recover(struct inflight_queue *q, uint32_t slots, uint32_t rsp_prod, uint32_t *taken,
                     uint16_t again[INFLIGHT_MAX_SLOTS]);

/* A free entry's number, starting the search behind *hint; -1: none. */
int inflight_find_free(const struct inflight_queue *q, uint32_t slots, uint32_t *hint);
/* The request `index` is taken: its copy is in the entry already. */
void inflight_take(struct inflight_queue *q, int entry, uint32_t index);
/* Its response will be number `response`. Call before that is published. */
void inflight_answer(struct inflight_queue *q, int entry, uint32_t response);
/* The response is published. */
void inflight_free(struct inflight_queue *q, int entry);

#endif
