// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c: attaching a queue to its rings, and its events.
 *
 * When the guest gets an event: each push of responses says whether the guest wants to hear of them
 * (tx_event, rx_event), and only sending clears these two, so no wish is lost. An event is sent at
 * most once for each batch, and where both rings have one port, one event tells of both.
 *
 * An event that tells of nothing but a little that was sent may wait (can_wait()): hardly any
 * sender waits for it, and what comes for the guest meanwhile brings an event anyway. While
 * `waiting` is set, tx_event is set, rx_event is not, and main.c's timer runs: the event is late by
 * QUEUE_DEFER_US at most. `told` and `tx_untold` bound how much goes untold, as the guest keeps the
 * buffers of it until it looks at the ring.
 */
#include "queue.h"

bool queue_attach(struct queue *q, void *tx_ring, void *rx_ring, bool resume)
{
    q->broken = NULL;
    q->tx_event = q->rx_event = q->rx_held = q->stalled = q->waiting = false;
    q->tx_due = q->rx_since = 0;
    if (!ring_back_attach(&q->tx, tx_ring, NET_TX_SLOT_SIZE, 0, 0) ||
        !ring_back_attach(&q->rx, rx_ring, NET_RX_SLOT_SIZE, 0, 0))
        return false;
    if (resume) {
        queue_tx_resume(q);
        queue_rx_resume(q);
    }
    q->told = q->tx.rsp_prod;
    q->tx_untold = 0;
    q->journal->tx_end = q->tx.rsp_prod;
    q->journal->rx_end = q->rx.rsp_prod;
    /* What was answered just before the end of a predecessor may not have been told; and whether
     * there was one is not known for sure. */
    q->tx_event = true;
    q->rx_event = resume;
    return true;
}

/*
 * True if there is no more to tell than answers to a little that was sent: the next receive event
 * would tell of them, too.
 */
static bool can_wait(const struct queue *q)
{
    return q->tx_event && !q->rx_event && q->tx_port == q->rx_port &&
           q->tx_untold <= QUEUE_DEFER_BYTES && q->tx.rsp_prod - q->told <= QUEUE_DEFER_SLOTS;
}

void queue_notify(struct queue *q, bool late)
{
    bool both = q->tx_port == q->rx_port;

    if (!q->tx_event && !q->rx_event)
        return;
    if (!late && can_wait(q)) {
        q->waiting = true;
        return;
    }
    if (q->tx_event || both) {
        runtime_notify(q->tx_port);
        q->stats.events++;
        q->tx_untold = 0;
        q->told = q->tx.rsp_prod;
    }
    if (q->rx_event && !both) {
        runtime_notify(q->rx_port);
        q->stats.events++;
    }
    q->tx_event = q->rx_event = q->waiting = false;
}
