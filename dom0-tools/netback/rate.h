// SPDX-License-Identifier: GPL-2.0-only
/*
 * rate.h: how much a guest may send: so many bytes in each span of time, as xl's rate= says.
 *
 * The allowance of a span is added when it begins. What is not used is kept, up to one span's
 * allowance or 128 KiB, whichever is more: a span may be shorter than one big frame takes.
 */
#ifndef LODGE_NETBACK_RATE_H
#define LODGE_NETBACK_RATE_H

#include <stdbool.h>
#include <stdint.h>
#include "netback.h"

#define RATE_MIN_BURST 131072

struct rate {
    uint64_t bytes; /* 0: no limit */
    uint64_t usec;
    uint64_t budget;
    int64_t next; /* when the next span begins */
};

static inline void rate_set(struct rate *r, const struct netback_rate *to, int64_t now)
{
    r->bytes = to->usec ? to->bytes : 0;
    r->usec = to->usec;
    r->budget = r->bytes;
    r->next = now + to->usec;
}

static inline void rate_refill(struct rate *r, int64_t now)
{
    uint64_t spans, most = r->bytes > RATE_MIN_BURST ? r->bytes : RATE_MIN_BURST;

    if (now < r->next)
        return;
    spans = (uint64_t)(now - r->next) / r->usec + 1;
    r->next += (int64_t)(spans * r->usec);
    /* More spans than fill it up would only risk an overflow. */
    if (spans > most / r->bytes + 1 || r->budget + spans * r->bytes > most)
        r->budget = most;
    else
        r->budget += spans * r->bytes;
}

/* True if `size` bytes may go now, and counts them; else r->next says when to ask again. */
static inline bool rate_take(struct rate *r, uint32_t size, int64_t now)
{
    if (!r->bytes)
        return true;
    if (size > r->budget)
        rate_refill(r, now);
    if (size > r->budget)
        return false;
    r->budget -= size;
    return true;
}

#endif
