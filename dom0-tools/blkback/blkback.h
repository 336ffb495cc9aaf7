/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blkback.h: the parts of lodge-blkback, the worker that serves one guest's disks.
 *
 * main.c       start, sandbox, the loop
 * disk.c       disks: attaching, recovering, detaching, resizing
 * pass.c       requests on their way in: taken, decoded, their data fetched
 * finish.c     and out: what their I/O came to, data to the guest, responses
 * inflight.c   the record that outlives this process
 * buffer.c     memory for data that is copied
 * persist.c    pages that the guest keeps granted
 * io.c         I/O through io_uring; threads.c where there is none
 * remote.c     images that are not raw: remote_nbd.c, a module that is loaded where it is there
 *
 * One thread (helpers of threads.c apart), no locks. A request's life:
 *
 *   taken from the ring into the in-flight record -> queued in disk->waiting -> decoded -> its
 *   data fetched (writes) -> stages of I/O -> its data delivered (reads) -> answered -> published
 *
 * Each step works on as many requests as are there, so that copies of grants, system calls and
 * notifications are shared.
 */
#ifndef LODGE_BLKBACK_H
#define LODGE_BLKBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <rings/blk.h>
#include <libworker/runtime.h>
#include "inflight.h"

#define BLKBACK_MAX_DISKS 64
#define BLKBACK_BATCH     64 /* requests of one pass */

struct disk;
struct queue;

/* --- I/O -------------------------------------------------------------------------------------- */

enum io_kind { IO_READ, IO_WRITE, IO_FLUSH, IO_DISCARD };

/* One operation; done() is called from io_reap(), with bytes moved or a negative errno. */
struct io_op {
    void (*done)(struct io_op *op, int64_t result);
    struct io_op *next;
    struct disk *disk;
    enum io_kind kind;
    struct iovec *iov;
    unsigned niov;
    uint64_t offset, length;
    int64_t result; /* until it is reaped */
};

/* Which way I/O goes: "io_uring" or "threads". */
const char *io_start(void);
/* The operation will be done; it may be held back until io_submit(). */
void io_queue(struct io_op *op);
void io_submit(void);
/* Calls done() of all that are complete; how many. */
unsigned io_reap(void);

/* threads.c: the same, for kernels or policies without io_uring, and for discards. */
bool threads_start(unsigned nr);
void threads_queue(struct io_op *op);
unsigned threads_reap(void);
/* Carries one operation out, here and now. */
int64_t threads_perform(const struct io_op *op);

/*
 * remote.c: the same, over a connection to an NBD server. remote_start() comes before the sandbox;
 * remote_open() says what is missing where the module is not there; the others need its success.
 */
struct remote;
struct remote_ops {
    struct remote *(*open)(int fd, struct blk_attached *found, char *err, size_t errlen);
    void (*close)(struct remote *n);
    void (*queue)(struct remote *n, struct io_op *op);
    unsigned (*reap)(void);
};
extern const struct remote_ops remote_nbd_ops; /* the module's */
void remote_start(void);
struct remote *remote_open(int fd, struct blk_attached *found, char *err, size_t errlen);
void remote_close(struct remote *n);
void remote_queue(struct remote *n, struct io_op *op);
unsigned remote_reap(void);

/* --- memory ----------------------------------------------------------------------------------- */

#define BUFFER_PAGES 8192u /* 32 MiB: what one guest's requests may hold at a time */

bool buffer_start(void);
/* `pages` side by side; NULL: none are free now. */
void *buffer_get(unsigned pages);
void buffer_put(void *p, unsigned pages);

/*
 * Pages that stay mapped, by reference. One table for each disk.
 *
 * Direct I/O never works on them. The kernel holds the pages of such I/O until it is over, also
 * where the process has ended. Its grant device loses count of a mapped page that is held when the
 * process ends (seen in Linux 6.1: "Bad page map", then a fault on the page that went away under
 * the I/O). So a worker that is killed while a device is slow would take dom0 with it. For direct
 * I/O the data are bounced: they pass through a buffer, which takes no system call.
 */
struct persist;
struct persist *persist_new(void);
/*
 * Finds the pages of `nr` references, mapping those that are not mapped yet, together. 0; -ENOSPC:
 * the table is full, move the data otherwise; or another negative errno: a reference is bad.
 */
int persist_find(struct persist *t, const uint32_t *refs, unsigned nr, void **pages);
void persist_free(struct persist *t);

/* --- requests --------------------------------------------------------------------------------- */

enum request_stage {
    REQUEST_DATA = 0,    /* the operation itself */
    REQUEST_FLUSH_FIRST, /* a flush that comes before the data */
    REQUEST_FLUSH_LAST,  /* one that comes after it */
};

struct request {
    struct io_op io; /* must be first */
    struct request *next;
    struct queue *queue;
    uint16_t entry; /* its number in the in-flight record, and of this structure */
    uint8_t stage;
    bool barrier;
    bool table_bad;  /* its indirect pages could not be had */
    int16_t status;  /* BLKIF_RSP_* */
    uint8_t *buffer; /* or NULL: I/O works on mapped pages themselves */
    bool bounced;    /* there are mapped pages, and the data pass through the buffer */
    unsigned pages;  /* of the buffer */
    struct blk_request q;
    struct iovec iov[BLK_MAX_SEGMENTS];
};

struct request_list {
    struct request *first, **last;
};

static inline void list_init(struct request_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static inline void list_add(struct request_list *l, struct request *r)
{
    r->next = NULL;
    *l->last = r;
    l->last = &r->next;
}

static inline struct request *list_take(struct request_list *l)
{
    struct request *r = l->first;

    if (r) {
        l->first = r->next;
        if (!l->first)
            l->last = &l->first;
    }
    return r;
}

struct queue {
    struct disk *disk;
    unsigned number;
    struct ring_back ring;
    void *shared; /* the ring's pages; NULL: not mapped */
    unsigned pages;
    uint32_t port; /* ours; 0: not bound */
    bool kicked;   /* may have requests; its port is masked */
    bool masked;
    struct inflight_queue *inflight;
    struct request *request; /* one for each slot */
    uint32_t hint;           /* where to look for a free entry */
    unsigned nr_answered;    /* responses that are written and not published */
    uint16_t answered[INFLIGHT_MAX_SLOTS];
};

struct disk {
    struct disk *next;
    uint32_t id;
    uint32_t flags; /* BLK_* */
    int fd, inflight_fd;
    struct remote *remote; /* or NULL */
    struct blk_disk d;
    struct persist *persist; /* or NULL: data are copied */
    void *inflight;
    unsigned nr_queues;
    struct queue queue[BLK_MAX_QUEUES];
    struct request_list waiting; /* taken, in order, not begun */
    unsigned busy;               /* begun, not answered */
    struct request *barrier;     /* nothing else begins until this is answered */
    bool closing;                /* takes and begins nothing any more */
    bool truncated;              /* the image is shorter than it ought to be; said so */
    int64_t looked;              /* when the image's size was last looked at, seconds */
    char failure[160];           /* why it closes; "": because it was told to */
};

/* --- disk.c --- */

struct disk *disk_first(void);
void disk_attach(struct worker_parcel *parcel);
void disk_detach(uint32_t id);
void disk_change(struct worker_parcel *parcel);
/* The disk cannot go on: it closes as soon as its I/O is done, and the supervisor is told why. */
void disk_fail(struct disk *disk, const char *why);
/* Closes what is closing and idle. */
void disk_reap(void);
/* Takes and begins nothing any more, anywhere; true when all is idle. */
bool disk_stop_all(void);
/* The image may have been cut: looks, at most once a second unless `now`. False: it was. */
bool disk_is_whole(struct disk *disk, bool now);

/* --- pass.c --- */

bool pass_start(void);
/* Takes what is there, begins what can be begun. How many requests it took or began. */
unsigned pass_run(struct disk *disk);

/* --- finish.c --- */

bool finish_start(void);
/* The next stage of the request's I/O. */
void finish_next_stage(struct request *r);
/* It ends with this status, without or after its I/O. */
void finish_request(struct request *r, int16_t status);
/*
 * Asks the front-end for an event with its next request. False: there is one already, or the ring
 * is broken, and the queue stays as it was.
 */
bool queue_listen(struct queue *q);
/* Delivers data, answers, publishes and notifies, for all that finished. How many. */
unsigned finish_run(void);

#endif
