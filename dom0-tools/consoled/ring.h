// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.h: the daemon's end of a guest's console page.
 *
 * The page belongs to the guest, which may write anything there at any time. So the indices that
 * this end advances live here and are only published in the page, the guest's are read once per
 * operation and checked, and what fails the check is never used.
 */
#ifndef LODGE_CONSOLED_RING_H
#define LODGE_CONSOLED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <public/io/console.h>

struct ring {
    volatile struct xencons_interface *page;
    uint32_t out_cons, in_prod; /* ours; the page holds copies for the guest */
};

/* False if the guest's indices make no sense. */
bool ring_attach(struct ring *r, volatile struct xencons_interface *page);

/* Bytes that the guest has written, up to room; -1 if its index makes no sense. */
int ring_take(struct ring *r, char *buf, size_t room);

/* Bytes that found room in the ring to the guest; -1 if its index makes no sense. */
int ring_put(struct ring *r, const char *buf, size_t len);

#endif
