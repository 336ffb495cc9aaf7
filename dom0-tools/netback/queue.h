// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.h: one queue of a network device: a transmit and a receive ring on the guest's side, a
 * queue of a tap on ours.
 *
 * A queue moves frames in batches: as many as are there, at most as many as a ring has slots, with
 * one call for all copies from or to the guest's pages, and one event at the end. Copies always,
 * never mappings: a mapping that comes and goes with each frame costs more, in the hypervisor and
 * in flushed translations, than the bytes do.
 *
 * Both rings are answered strictly in the order of their requests, and whole frames at a time. So
 * what a worker that dies has left behind is known from the ring itself: all from rsp_prod on is to
 * be taken (again). Only one thing is not: a response takes the place of its request before
 * rsp_prod covers it. How far the writing of responses may have come is in `queue_journal`, which
 * outlives the process; see queue_tx_resume() and queue_rx_resume().
 *
 * What the outside world does is behind functions that the tests replace: grant_copy() and its
 * like, runtime_notify(), runtime_now_us(), tap_read() and tap_write(). The clock is asked only
 * where a time is needed: where the kernel has no fast way to read it, that costs a call.
 */
#ifndef LODGE_NETBACK_QUEUE_H
#define LODGE_NETBACK_QUEUE_H

#include <libworker/runtime.h>
#include <rings/net.h>
#include <sys/uio.h>
#include "offload.h"
#include "rate.h"

#define QUEUE_PAGE        4096u
#define QUEUE_SLOTS       256u /* of either ring, which is one page */
#define QUEUE_FRAME_PAGES 17u  /* the largest frame: a little more than 64 KiB */
#define QUEUE_RX_PAGES    128u
#define QUEUE_STALL_US    10000000 /* a guest that posts no buffers for so long has stalled */
#define QUEUE_POLL_US     30000    /* how often to look for buffers, where it does not tell */
/*
 * An event that only says that a little was sent can wait: soon there will be something to be
 * received, and one event tells of both. A front-end frees what was sent also when it sends more.
 */
#define QUEUE_DEFER_US    2000
#define QUEUE_DEFER_BYTES 4096 /* more than so many answered, and it is told at once */
#define QUEUE_DEFER_SLOTS 64

/* Survives a worker: up to here responses may have been written that rsp_prod does not cover. */
struct queue_journal {
    uint32_t tx_end, rx_end;
};

struct queue_stats {
    uint64_t tx_frames, tx_bytes; /* from the guest */
    uint64_t tx_errors;           /* refused: they made no sense, or could not be copied */
    uint64_t tx_dropped;          /* the tap refused them */
    uint64_t rx_frames, rx_bytes;
    uint64_t rx_errors; /* could not be copied into the guest's pages */
    uint64_t rx_dropped;
    uint64_t batches, events;
};

/* A frame from the tap, at rx_pages + page * QUEUE_PAGE. */
struct rx_frame {
    uint32_t page;
    uint32_t slots; /* that it takes */
    struct net_rx_packet packet;
};

struct queue {
    struct ring_back tx, rx;
    uint32_t tx_port, rx_port; /* ours; equal where the guest has but one */
    int tap;
    uint32_t features; /* NETBACK_*, of the front-end */
    struct rate *rate; /* the device's: all its queues together */
    struct queue_journal *journal;
    struct queue_stats stats;

    bool tx_event;         /* responses were pushed that the guest wants to hear of */
    bool rx_event;         /* likewise */
    bool rx_held;          /* a frame was read for which there are not enough buffers: rx_hold */
    bool stalled;          /* and for so long that the log says so */
    uint32_t tx_untold;    /* bytes that were answered since the last event */
    uint32_t told;         /* the transmit ring's rsp_prod at the last event */
    bool waiting;          /* tx_event is to be sent, but not at once */
    int64_t tx_due;        /* when the rate lets the guest send again; 0: it may */
    bool rx_burst;         /* frames came in numbers lately */
    uint8_t rx_alone;      /* frames in a row that were delivered alone */
    int64_t rx_since;      /* since when there are not enough buffers; 0: there are */
    const char *complaint; /* what the guest did wrong lately, for the log; or NULL */
    const char *broken;    /* why the queue can serve no more, or NULL */
    struct rx_frame rx_hold;
    uint8_t *rx_hold_bytes; /* QUEUE_FRAME_PAGES */

    /* Memory that is in use within one call only: all queues of the worker may share it. */
    uint8_t *tx_pages; /* QUEUE_SLOTS */
    uint8_t *rx_pages; /* QUEUE_RX_PAGES */
    struct net_tx_packet tx_packet[QUEUE_SLOTS];
    bool tx_good[QUEUE_SLOTS];   /* of tx_packet[]: to be sent */
    uint8_t *tx_at[QUEUE_SLOTS]; /* of piece[]: where in tx_pages its bytes are */
    struct rx_frame rx_frame[QUEUE_RX_PAGES];
    struct grant_copy piece[QUEUE_SLOTS];
};

enum queue_more {
    QUEUE_IDLE,  /* an event or the tap will say when there is more */
    QUEUE_AGAIN, /* there may be more: call again */
    QUEUE_LATER, /* call again at tx_due, or when a while has passed */
    QUEUE_BROKEN,
};

/*
 * The rings' pages are mapped, ports, tap, features, rate and journal are set. False: the indices
 * make no sense. With `resume` a worker was here before, and the journal is its.
 */
bool queue_attach(struct queue *q, void *tx_ring, void *rx_ring, bool resume);

/* --- tx.c: from the guest to the tap --------------------------------------------------------- */

enum queue_more queue_tx(struct queue *q);
void queue_tx_resume(struct queue *q);

/* --- rx.c: from the tap to the guest --------------------------------------------------------- */

enum queue_more queue_rx(struct queue *q);
void queue_rx_resume(struct queue *q);
/* What lies in the tap is not for this guest (any more). */
void queue_drain(struct queue *q);

/*
 * Sends the events that are due. One that can wait waits until this is called with `late`, which
 * is to happen after QUEUE_DEFER_US if `waiting` is set.
 */
void queue_notify(struct queue *q, bool late);

/* --- the tap --------------------------------------------------------------------------------- */

ssize_t tap_read(int tap, const struct iovec *iov, int nr);
ssize_t tap_write(int tap, const struct iovec *iov, int nr);

#endif
