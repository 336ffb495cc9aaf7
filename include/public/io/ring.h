/* SPDX-License-Identifier: MIT */
/*
 * A request/response ring: the memory that a front-end and a back-end share.
 *
 * One or more pages (a power of two) that the front-end owns and grants: a header of 64 bytes, then
 * slots, as many as fit, rounded down to a power of two. A slot holds a request or, in the place of
 * one that the back-end has taken, a response. Indices count slots from the ring's beginning of
 * life and wrap at 2^32 only; the slot of an index is its remainder by the number of slots.
 *
 *   req_prod    the front-end has written all requests below this index
 *   req_event   the back-end wants an event when req_prod reaches this index
 *   rsp_prod    the back-end has written all responses below this index
 *   rsp_event   the front-end wants an event when rsp_prod reaches this index
 *
 * How far each side has read is not in the page. At any time, with modular arithmetic,
 *
 *   rsp_prod <= requests taken <= req_prod <= rsp_prod + slots
 *
 * The front-end initializes the header: both prods 0, both events 1, all else zero.
 *
 * Producer: write slots; write barrier; move prod from `old` to `new`; full barrier; read the other
 * side's event index, and send an event if it is in (old, new]. Consumer: take all there is; set
 * its event index to one more than it has taken; full barrier; look at prod again, and only sleep
 * if there is nothing new. The two full barriers make it impossible that both look too early, so
 * that no notification is lost.
 *
 * Both sides can write anything into all of the memory at any time. rings/ring.h is code for either
 * side that trusts nothing.
 */
#ifndef LODGE_PUBLIC_IO_RING_H
#define LODGE_PUBLIC_IO_RING_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t RING_IDX;

/* What all rings begin with. */
struct ring_header {
    RING_IDX req_prod, req_event;
    RING_IDX rsp_prod, rsp_event;
    uint8_t unused[48];
};
_Static_assert(sizeof(struct ring_header) == 64, "ring_header");

/*
 * The types of a ring: union NAME_sring_entry is a slot, struct NAME_sring the ring (of which the
 * first slot is shown only). `pvt` and `__pad` are not used.
 */
#define DEFINE_RING_TYPES(name, request, response) \
    union name##_sring_entry {                     \
        request req;                               \
        response rsp;                              \
    };                                             \
    struct name##_sring {                          \
        RING_IDX req_prod, req_event;              \
        RING_IDX rsp_prod, rsp_event;              \
        union {                                    \
            uint8_t pvt_pad[4];                    \
        } pvt;                                     \
        uint8_t __pad[44];                         \
        union name##_sring_entry ring[1];          \
    };                                             \
    typedef struct name##_sring name##_sring_t;    \
    _Static_assert(offsetof(struct name##_sring, ring) == sizeof(struct ring_header), #name)

#endif
