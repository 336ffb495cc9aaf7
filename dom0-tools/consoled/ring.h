// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.h: the daemon's end of a guest's console page.
 *
 * The page belongs to the guest, which may write anything there at any time; rings/byte_ring.h says
 * what keeps this end safe from it. Without system calls, so that the unit test can play the guest.
 */
#ifndef LODGE_CONSOLED_RING_H
#define LODGE_CONSOLED_RING_H

#include <stdbool.h>
#include <public/io/console.h>
#include <rings/byte_ring.h>

struct ring {
    struct xencons_interface *page;
    struct byte_ring out, in; /* from the guest, and to it */
};

/* False if the guest's indices make no sense. */
static inline bool ring_attach(struct ring *r, struct xencons_interface *page)
{
    r->page = page;
    r->out = byte_ring_attach(page->out, sizeof(page->out), &page->out_cons, &page->out_prod);
    r->in = byte_ring_attach(page->in, sizeof(page->in), &page->in_prod, &page->in_cons);
    return byte_ring_filled(&r->out) >= 0 && byte_ring_room(&r->in) >= 0;
}

/* Bytes that the guest has written, up to room; -1 if its index makes no sense. */
static inline int ring_take(struct ring *r, char *buf, size_t room)
{
    return byte_ring_read(&r->out, buf, room);
}

/* Bytes that found room in the ring to the guest; -1 if its index makes no sense. */
static inline int ring_put(struct ring *r, const char *buf, size_t len)
{
    return byte_ring_write(&r->in, buf, len);
}

#endif
