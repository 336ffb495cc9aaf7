// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c: moves bytes between a guest's console page and the daemon.
 *
 * Pure memory operations without system calls, so that the unit test and the fuzzer can play a
 * hostile guest against them.
 */
#include "ring.h"

#include <stdatomic.h>
#include <string.h>

bool ring_attach(struct ring *r, volatile struct xencons_interface *page)
{
    r->page = page;
    r->out_cons = page->out_cons;
    r->in_prod = page->in_prod;
    return page->out_prod - r->out_cons <= sizeof(page->out) &&
           r->in_prod - page->in_cons <= sizeof(page->in);
}

int ring_take(struct ring *r, char *buf, size_t room)
{
    uint32_t prod = r->page->out_prod;
    size_t n = prod - r->out_cons, at, first;

    if (n > sizeof(r->page->out))
        return -1;
    if (n > room)
        n = room;
    atomic_thread_fence(memory_order_acquire); /* the bytes after the index that covers them */
    at = MASK_XENCONS_IDX(r->out_cons, r->page->out);
    first = n < sizeof(r->page->out) - at ? n : sizeof(r->page->out) - at;
    memcpy(buf, (const char *)r->page->out + at, first);
    memcpy(buf + first, (const char *)r->page->out, n - first);
    r->out_cons += (uint32_t)n;
    atomic_thread_fence(memory_order_seq_cst); /* all read before the guest may overwrite */
    r->page->out_cons = r->out_cons;
    return (int)n;
}

int ring_put(struct ring *r, const char *buf, size_t len)
{
    uint32_t used = r->in_prod - r->page->in_cons;
    size_t n;

    if (used > sizeof(r->page->in))
        return -1;
    n = sizeof(r->page->in) - used;
    if (n > len)
        n = len;
    for (size_t i = 0; i < n; i++)
        r->page->in[MASK_XENCONS_IDX(r->in_prod + i, r->page->in)] = buf[i];
    r->in_prod += (uint32_t)n;
    atomic_thread_fence(memory_order_seq_cst); /* the bytes before the index that covers them */
    r->page->in_prod = r->in_prod;
    return (int)n;
}
