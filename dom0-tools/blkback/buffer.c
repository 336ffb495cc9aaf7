// SPDX-License-Identifier: GPL-2.0-only
/*
 * buffer.c: pages for data on its way between a guest and an image.
 *
 * All of a guest's disks share one area of fixed size: that bounds what a guest can make dom0 use,
 * and a request that finds no room waits for one that is finished. Pages are taken side by side,
 * first fit behind the last one taken.
 */
#include "blkback.h"

#include <sys/mman.h>

static struct {
    uint8_t *area;
    uint8_t used[BUFFER_PAGES];
    unsigned hint, nr_used;
} buffer;

bool buffer_start(void)
{
    buffer.area = mmap(NULL, (size_t)BUFFER_PAGES * RING_PAGE_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return buffer.area != MAP_FAILED;
}

/* The first of `pages` free ones in [from, to), or -1. */
static int search(unsigned from, unsigned to, unsigned pages)
{
    unsigned run = 0;

    for (unsigned i = from; i < to; i++) {
        run = buffer.used[i] ? 0 : run + 1;
        if (run == pages)
            return (int)(i + 1 - pages);
    }
    return -1;
}

void *buffer_get(unsigned pages)
{
    int at;

    if (!buffer.nr_used)
        buffer.hint = 0; /* warm pages again and again, not the whole area */
    if (buffer.nr_used + pages > BUFFER_PAGES)
        return NULL;
    at = search(buffer.hint, BUFFER_PAGES, pages);
    if (at < 0)
        at = search(0, BUFFER_PAGES, pages);
    if (at < 0)
        return NULL;
    for (unsigned i = 0; i < pages; i++)
        buffer.used[(unsigned)at + i] = 1;
    buffer.nr_used += pages;
    buffer.hint = (unsigned)at + pages;
    return buffer.area + (size_t)at * RING_PAGE_SIZE;
}

void buffer_put(void *p, unsigned pages)
{
    size_t at = (size_t)((uint8_t *)p - buffer.area) / RING_PAGE_SIZE;

    for (unsigned i = 0; i < pages; i++)
        buffer.used[at + i] = 0;
    buffer.nr_used -= pages;
}
