// SPDX-License-Identifier: GPL-2.0-only
/*
 * inflight.c: the record of requests that are taken and not answered; see inflight.h.
 */
#include "inflight.h"

#include <stdlib.h>
#include <string.h>

/* What is written before stays before: for a process that is killed, program order is enough. */
#define INFLIGHT_ORDER() __asm__ volatile("" : : : "memory")

void inflight_reset(struct inflight_queue *q, uint32_t slots)
{
    memset(q, 0, offsetof(struct inflight_queue, entry) + slots * sizeof(q->entry[0]));
    q->slots = slots;
    INFLIGHT_ORDER();
    q->magic = INFLIGHT_MAGIC;
}

/* The entries by request index, oldest first; indices wrap. */
static void sort_entries(const struct inflight_queue *q, uint16_t *list, int nr, uint32_t first)
{
    for (int i = 1; i < nr; i++) {
        uint16_t entry = list[i];
        uint32_t age = q->entry[entry].index - first;
        int at = i;

        while (at && q->entry[list[at - 1]].index - first > age) {
            list[at] = list[at - 1];
            at--;
        }
        list[at] = entry;
    }
}

/* Whether the entry's request was taken and its response cannot have been seen. */
static bool is_open(const struct inflight_queue *q, uint32_t i, uint32_t rsp_prod)
{
    const struct inflight_entry *e = &q->entry[i];

    if (e->state != INFLIGHT_TAKEN && e->state != INFLIGHT_ANSWERING)
        return false;
    if ((int32_t)(q->taken - e->index) <= 0)
        return false; /* it was not counted yet: the ring still has it */
    /* Response indices are no further from rsp_prod than there are slots, either way. */
    return e->state == INFLIGHT_TAKEN || (int32_t)(e->response - rsp_prod) >= 0;
}

int inflight_recover(struct inflight_queue *q, uint32_t slots, uint32_t rsp_prod, uint32_t *taken,
                     uint16_t again[INFLIGHT_MAX_SLOTS])
{
    int nr = 0;

    if (q->magic != INFLIGHT_MAGIC || q->slots != slots || slots > INFLIGHT_MAX_SLOTS)
        return -1;
    *taken = q->taken;
    if (q->taken - rsp_prod > slots)
        return -1;
    for (uint32_t i = 0; i < slots; i++) {
        if (is_open(q, i, rsp_prod)) {
            if (q->taken - q->entry[i].index > 0x40000000U)
                return -1;
            again[nr++] = (uint16_t)i;
            q->entry[i].state = INFLIGHT_TAKEN;
        } else {
            q->entry[i].state = INFLIGHT_FREE;
        }
    }
    /* Every request below `taken` was either answered or is to be done again. */
    if ((uint32_t)nr != q->taken - rsp_prod)
        return -1;
    sort_entries(q, again, nr, q->taken - 0x40000000U);
    for (int i = 1; i < nr; i++)
        if (q->entry[again[i]].index == q->entry[again[i - 1]].index)
            return -1;
    return nr;
}

int inflight_find_free(const struct inflight_queue *q, uint32_t slots, uint32_t *hint)
{
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t entry = (*hint + i) & (slots - 1);

        if (q->entry[entry].state == INFLIGHT_FREE) {
            *hint = entry + 1;
            return (int)entry;
        }
    }
    return -1;
}

void inflight_take(struct inflight_queue *q, int entry, uint32_t index)
{
    struct inflight_entry *e = &q->entry[entry];

    e->index = index;
    INFLIGHT_ORDER();
    e->state = INFLIGHT_TAKEN;
    INFLIGHT_ORDER();
    q->taken = index + 1;
    INFLIGHT_ORDER();
}

void inflight_answer(struct inflight_queue *q, int entry, uint32_t response)
{
    q->entry[entry].response = response;
    INFLIGHT_ORDER();
    q->entry[entry].state = INFLIGHT_ANSWERING;
    INFLIGHT_ORDER();
}

void inflight_free(struct inflight_queue *q, int entry)
{
    INFLIGHT_ORDER();
    q->entry[entry].state = INFLIGHT_FREE;
}
