/* SPDX-License-Identifier: MIT */
/*
 * One end of a byte ring (console, store), against a peer that may be hostile.
 *
 * A byte ring is a power of two of bytes and two indices, which count bytes and wrap at 2^32 only
 * (public/io/console.h has the rules). The end's own index lives here and is only published in the
 * shared page; the peer's is read once per call and checked, and bytes are copied out before anyone
 * looks at them. What fails the check is never used.
 *
 * byte_ring_read() and byte_ring_write() are all that most need. An owner who has to record what it
 * has done before the peer can see it uses the steps of which they are made: peek or poke, then
 * publish. Nothing here sends an event: one is due after each call that moved bytes.
 */
#ifndef LODGE_RINGS_BYTE_RING_H
#define LODGE_RINGS_BYTE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct byte_ring {
    char *bytes; /* shared */
    uint32_t size;
    uint32_t own;         /* our index, the one that counts */
    uint32_t *published;  /* shared: where the peer finds it */
    const uint32_t *peer; /* shared: the peer's */
};

/*
 * An end whose own index is at `published`, and starts where that says. `size` is a power of two.
 */
static inline struct byte_ring byte_ring_attach(char *bytes, uint32_t size, uint32_t *published,
                                                const uint32_t *peer)
{
    return (struct byte_ring){bytes, size, __atomic_load_n(published, __ATOMIC_ACQUIRE), published,
                              peer};
}

/*
 * Lets the peer see our index, after all that was read or written before. The barrier keeps the
 * next look at the peer's index behind that: a peer that sends an event only where we seem to wait
 * for it has then seen our index, or we see what it did. Where the peer has no such barrier we may
 * both miss it, and the owner has to look again a little later.
 */
static inline void byte_ring_publish(struct byte_ring *r)
{
    __atomic_store_n(r->published, r->own, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Bytes to read, for a reader; -1 if the peer's index cannot be true. */
static inline int byte_ring_filled(const struct byte_ring *r)
{
    uint32_t n = __atomic_load_n(r->peer, __ATOMIC_ACQUIRE) - r->own;

    return n > r->size ? -1 : (int)n;
}

/* Bytes that can be written, for a writer; -1 if the peer's index cannot be true. */
static inline int byte_ring_room(const struct byte_ring *r)
{
    uint32_t used = r->own - __atomic_load_n(r->peer, __ATOMIC_ACQUIRE);

    return used > r->size ? -1 : (int)(r->size - used);
}

/* Moves bytes out of the ring, and our index, without publishing it. As byte_ring_read(). */
static inline int byte_ring_peek(struct byte_ring *r, void *buf, size_t max)
{
    int there = byte_ring_filled(r);
    uint32_t n, at, first;

    if (there <= 0)
        return there;
    n = (size_t)there < max ? (uint32_t)there : (uint32_t)max;
    at = r->own & (r->size - 1);
    first = n < r->size - at ? n : r->size - at;
    memcpy(buf, r->bytes + at, first);
    memcpy((char *)buf + first, r->bytes, n - first);
    __asm__ volatile("" : : "r"(buf) : "memory"); /* what is looked at is the copy */
    r->own += n;
    return (int)n;
}

/* Moves bytes into the ring, and our index, without publishing it. As byte_ring_write(). */
static inline int byte_ring_poke(struct byte_ring *r, const void *buf, size_t len)
{
    int room = byte_ring_room(r);
    uint32_t n, at, first;

    if (room <= 0)
        return room;
    n = (size_t)room < len ? (uint32_t)room : (uint32_t)len;
    at = r->own & (r->size - 1);
    first = n < r->size - at ? n : r->size - at;
    memcpy(r->bytes + at, buf, first);
    memcpy(r->bytes, (const char *)buf + first, n - first);
    r->own += n;
    return (int)n;
}

/* Reads up to `max` bytes: how many there were, or -1 if the peer's index cannot be true. */
static inline int byte_ring_read(struct byte_ring *r, void *buf, size_t max)
{
    int n = byte_ring_peek(r, buf, max);

    if (n > 0)
        byte_ring_publish(r);
    return n;
}

/* Writes up to `len` bytes: how many found room, or -1 if the peer's index cannot be true. */
static inline int byte_ring_write(struct byte_ring *r, const void *buf, size_t len)
{
    int n = byte_ring_poke(r, buf, len);

    if (n > 0)
        byte_ring_publish(r);
    return n;
}

#endif
