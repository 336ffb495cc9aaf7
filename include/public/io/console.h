/* SPDX-License-Identifier: MIT */
/*
 * The console page: two byte rings between a guest and the console daemon.
 *
 * `out` carries what the guest prints, `in` what is typed. Each ring has a producer and a consumer
 * index that count bytes and never wrap back to the ring's size: the place of a byte is its index
 * modulo that size (a power of two), and the difference of the indices is how much is in the ring.
 * The writer of a ring stores bytes, then, after a write barrier, its producer index, then sends an
 * event; the reader takes bytes, then, after a full barrier, moves its consumer index, then sends
 * an event. Neither index can be trusted by the other side: a difference greater than the ring's
 * size is a broken or hostile peer.
 *
 * The page and the port are in start_info, and grant entry GNTTAB_RESERVED_CONSOLE is for the page.
 */
#ifndef LODGE_PUBLIC_IO_CONSOLE_H
#define LODGE_PUBLIC_IO_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t XENCONS_RING_IDX;

#define MASK_XENCONS_IDX(idx, ring) ((idx) & (sizeof(ring) - 1))

struct xencons_interface {
    char in[1024];  /* to the guest */
    char out[2048]; /* from the guest */
    XENCONS_RING_IDX in_cons, in_prod;
    XENCONS_RING_IDX out_cons, out_prod;
};
_Static_assert(sizeof(struct xencons_interface) == 3088, "xencons_interface");
_Static_assert(offsetof(struct xencons_interface, in_cons) == 3072, "xencons_interface.in_cons");

#endif
