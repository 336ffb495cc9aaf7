/* SPDX-License-Identifier: MIT */
/*
 * Either end of a request/response ring, against a peer that may be hostile.
 *
 * The layout and the rules are in public/io/ring.h. What the code here adds is distrust:
 *
 * - Indices that this end advances live in private memory and are only published in the shared
 *   page; they are never read back from it (but for one start value, which is checked).
 * - The peer's index is read once per look and checked against our own. One that cannot be true
 *   (more requests than slots, fewer than there were) makes the ring `broken`: no call does
 *   anything from then on, and the owner is expected to stop the device and to say why. It is not
 *   clamped: a peer that got its index wrong has got its slots wrong too.
 * - A slot is copied to private memory, all of it, exactly once; only the copy may be looked at.
 *
 * No call blocks, allocates or loops over anything that the peer chooses, and none asserts. Between
 * two pushes a back-end can take no more requests than there are slots, however fast the front-end
 * is; an owner who pushes in between has to count. The memory of a ring of several pages must be
 * mapped contiguously. One thread at a time works on a ring's end. Nothing here sends an event:
 * push functions return whether one is due.
 *
 * A back-end's loop, with nothing lost:
 *
 *     do {
 *         while (ring_back_take(&r, &request, sizeof(request)))
 *             ... ring_back_put(&r, &response, sizeof(response));
 *         if (ring_back_push(&r))
 *             notify();
 *     } while (ring_back_final_check(&r));
 *     if (r.broken)
 *         stop the device;
 */
#ifndef LODGE_RINGS_RING_H
#define LODGE_RINGS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <public/io/ring.h>

#define RING_PAGE_SIZE 4096u
#define RING_MAX_ORDER 4u /* 16 pages */

/* The other side's view of memory: loads and stores that happen once, in this order. */
#define RING_LOAD(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define RING_STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define RING_FENCE()     __atomic_thread_fence(__ATOMIC_SEQ_CST)

struct ring_back {
    struct ring_header *shared;
    uint32_t slots;     /* a power of two */
    uint32_t slot_size; /* bytes */
    uint32_t req_prod;  /* the front-end's, as it was when last looked at, and checked */
    uint32_t req_cons;  /* taken */
    uint32_t rsp_prod;  /* written, of which those below rsp_push are published */
    uint32_t rsp_push;  /* rsp_push <= rsp_prod <= req_cons <= req_prod <= rsp_push + slots */
    bool broken;
};

struct ring_front {
    struct ring_header *shared;
    uint32_t slots;
    uint32_t slot_size;
    uint32_t req_prod; /* written, of which those below req_push are published */
    uint32_t req_push;
    uint32_t rsp_prod; /* the back-end's, as it was when last looked at, and checked */
    uint32_t rsp_cons; /* taken; rsp_cons <= rsp_prod <= req_push <= req_prod <= rsp_cons + slots */
    bool broken;
};

/* Slots of a ring of 2^order pages; 0 if there cannot be such a ring. */
static inline uint32_t ring_slots(size_t slot_size, unsigned int order)
{
    size_t fit;
    uint32_t slots = 1;

    if (order > RING_MAX_ORDER || !slot_size || slot_size > RING_PAGE_SIZE / 2)
        return 0;
    fit = (((size_t)RING_PAGE_SIZE << order) - sizeof(struct ring_header)) / slot_size;
    while (slots * 2 <= fit)
        slots *= 2;
    return slots;
}

/* The bytes of a slot, in shared memory. */
static inline unsigned char *ring_slot(struct ring_header *shared, uint32_t slots,
                                       uint32_t slot_size, uint32_t index)
{
    return (unsigned char *)(shared + 1) + (size_t)(index & (slots - 1)) * slot_size;
}

/*
 * Copies out of shared memory. The compiler may assume nothing about the source afterwards, so that
 * it cannot read it again instead of using the copy.
 */
static inline void ring_copy_in(void *copy, const void *slot, size_t len)
{
    memcpy(copy, slot, len);
    __asm__ volatile("" : : "r"(copy) : "memory");
}

/* Whether `event` is in (old, new]: the peer wants to hear of the step from old to new. */
static inline bool ring_wants_event(uint32_t old, uint32_t new, uint32_t event)
{
    return (uint32_t)(new - event) < (uint32_t)(new - old);
}

/* ---- The back-end's end: takes requests, puts responses. ---- */

/*
 * Attaches to a ring as the front-end, or a back-end that was here before, left it: rsp_prod is in
 * the page, and req_cons is that plus the number of requests which were taken and not answered (0
 * for a new ring). False if order or slot size make no ring, or the indices none that can be true.
 * A back-end that takes over should send an event: the one before may have died between its last
 * push and its last event.
 */
static inline bool ring_back_attach(struct ring_back *r, void *shared, size_t slot_size,
                                    unsigned int order, uint32_t unanswered)
{
    struct ring_header *h = shared;

    *r = (struct ring_back){.shared = h, .slot_size = (uint32_t)slot_size, .broken = true};
    r->slots = ring_slots(slot_size, order);
    if (!r->slots)
        return false;
    r->rsp_prod = r->rsp_push = RING_LOAD(&h->rsp_prod);
    r->req_cons = r->rsp_prod + unanswered;
    r->req_prod = RING_LOAD(&h->req_prod);
    r->broken = r->req_prod - r->rsp_prod > r->slots || unanswered > r->req_prod - r->rsp_prod;
    return !r->broken;
}

/* Looks at the front-end's index. False if it cannot be true: the ring is broken. */
static inline bool ring_back_check(struct ring_back *r)
{
    uint32_t prod;

    if (r->broken)
        return false;
    prod = RING_LOAD(&r->shared->req_prod);
    /* Not more than fit, and not fewer than there have been. */
    if (prod - r->rsp_push > r->slots || prod - r->rsp_push < r->req_prod - r->rsp_push)
        r->broken = true;
    else
        r->req_prod = prod;
    return !r->broken;
}

/* Requests to be taken, after a new look; 0 if there are none or the ring is broken. */
static inline uint32_t ring_back_pending(struct ring_back *r)
{
    return ring_back_check(r) ? r->req_prod - r->req_cons : 0;
}

/* Copies the request that is `ahead` after the next one, without taking it. False: not there. */
static inline bool ring_back_peek(struct ring_back *r, uint32_t ahead, void *request, size_t len)
{
    if (r->broken || len > r->slot_size)
        return false;
    if (ahead >= r->req_prod - r->req_cons &&
        (!ring_back_check(r) || ahead >= r->req_prod - r->req_cons))
        return false;
    ring_copy_in(request, ring_slot(r->shared, r->slots, r->slot_size, r->req_cons + ahead), len);
    return true;
}

/* Counts `n` requests, which were peeked at, as taken. */
static inline void ring_back_skip(struct ring_back *r, uint32_t n)
{
    uint32_t there = r->req_prod - r->req_cons;

    r->req_cons += n < there ? n : there;
}

/*
 * Takes the next request: copies it and counts it. False if there is none, or the ring is broken.
 */
static inline bool ring_back_take(struct ring_back *r, void *request, size_t len)
{
    if (!ring_back_peek(r, 0, request, len))
        return false;
    r->req_cons++;
    return true;
}

/* Requests taken and not answered. */
static inline uint32_t ring_back_unanswered(const struct ring_back *r)
{
    return r->req_cons - r->rsp_prod;
}

/*
 * Writes a response, to be published by ring_back_push(). False if there are no unanswered requests
 * (one more would overwrite a request that was not taken), or the ring is broken.
 */
static inline bool ring_back_put(struct ring_back *r, const void *response, size_t len)
{
    if (r->broken || len > r->slot_size || r->rsp_prod == r->req_cons)
        return false;
    memcpy(ring_slot(r->shared, r->slots, r->slot_size, r->rsp_prod), response, len);
    r->rsp_prod++;
    return true;
}

/* Publishes the responses written so far. True if the front-end wants an event for them. */
static inline bool ring_back_push(struct ring_back *r)
{
    uint32_t old = r->rsp_push, new = r->rsp_prod;

    if (r->broken || old == new)
        return false;
    RING_STORE(&r->shared->rsp_prod, new);
    r->rsp_push = new;
    RING_FENCE(); /* the responses can be seen before we look whether anybody waits for them */
    return ring_wants_event(old, new, RING_LOAD(&r->shared->rsp_event));
}

/*
 * Before sleeping: asks for an event with the next request, and looks again. True: there is work
 * after all. False: one may sleep, or the ring is broken.
 */
static inline bool ring_back_final_check(struct ring_back *r)
{
    if (ring_back_pending(r))
        return true;
    if (r->broken)
        return false;
    RING_STORE(&r->shared->req_event, r->req_cons + 1);
    RING_FENCE(); /* the wish can be seen before we look whether there is something */
    return ring_back_pending(r) != 0;
}

/* ---- The front-end's end: puts requests, takes responses. ---- */

/* Makes an empty ring in memory that no back-end has yet. False if there cannot be such a ring. */
static inline bool ring_front_init(struct ring_front *r, void *shared, size_t slot_size,
                                   unsigned int order)
{
    *r = (struct ring_front){.shared = shared, .slot_size = (uint32_t)slot_size};
    r->slots = ring_slots(slot_size, order);
    r->broken = !r->slots;
    if (r->broken)
        return false;
    memset(shared, 0, (size_t)RING_PAGE_SIZE << order);
    r->shared->req_event = r->shared->rsp_event = 1;
    return true;
}

/* Requests that can still be written. */
static inline uint32_t ring_front_free(const struct ring_front *r)
{
    return r->broken ? 0 : r->slots - (r->req_prod - r->rsp_cons);
}

/* Writes a request, to be published by ring_front_push(). False if there is no free slot. */
static inline bool ring_front_put(struct ring_front *r, const void *request, size_t len)
{
    if (len > r->slot_size || !ring_front_free(r))
        return false;
    memcpy(ring_slot(r->shared, r->slots, r->slot_size, r->req_prod), request, len);
    r->req_prod++;
    return true;
}

/* Publishes the requests written so far. True if the back-end wants an event for them. */
static inline bool ring_front_push(struct ring_front *r)
{
    uint32_t old = r->req_push, new = r->req_prod;

    if (r->broken || old == new)
        return false;
    RING_STORE(&r->shared->req_prod, new);
    r->req_push = new;
    RING_FENCE(); /* the requests can be seen before we look whether anybody waits for them */
    return ring_wants_event(old, new, RING_LOAD(&r->shared->req_event));
}

/* Looks at the back-end's index. False if it cannot be true: the ring is broken. */
static inline bool ring_front_check(struct ring_front *r)
{
    uint32_t prod;

    if (r->broken)
        return false;
    prod = RING_LOAD(&r->shared->rsp_prod);
    /* Not more than were asked for, and not fewer than there have been. */
    if (prod - r->rsp_cons > r->req_push - r->rsp_cons ||
        prod - r->rsp_cons < r->rsp_prod - r->rsp_cons)
        r->broken = true;
    else
        r->rsp_prod = prod;
    return !r->broken;
}

/* Responses to be taken, after a new look; 0 if there are none or the ring is broken. */
static inline uint32_t ring_front_pending(struct ring_front *r)
{
    return ring_front_check(r) ? r->rsp_prod - r->rsp_cons : 0;
}

/* Takes the next response. False if there is none, or the ring is broken. */
static inline bool ring_front_take(struct ring_front *r, void *response, size_t len)
{
    if (r->broken || len > r->slot_size)
        return false;
    if (r->rsp_cons == r->rsp_prod && !ring_front_pending(r))
        return false;
    ring_copy_in(response, ring_slot(r->shared, r->slots, r->slot_size, r->rsp_cons), len);
    r->rsp_cons++;
    return true;
}

/* Before sleeping: asks for an event with the next response, and looks again; as for the back. */
static inline bool ring_front_final_check(struct ring_front *r)
{
    if (ring_front_pending(r))
        return true;
    if (r->broken)
        return false;
    RING_STORE(&r->shared->rsp_event, r->rsp_cons + 1);
    RING_FENCE(); /* the wish can be seen before we look whether there is something */
    return ring_front_pending(r) != 0;
}

#endif
