// SPDX-License-Identifier: GPL-2.0-only
/*
 * persist.c: pages that a guest keeps granted, mapped once and found again by their reference.
 *
 * A front-end with persistent grants uses the same few pages for all of its data. The table is of
 * fixed size and never gives a mapping back before the disk is detached: a guest that uses ever new
 * references fills it, and from then on its data are copied.
 *
 * A reference is at one place at most. No place is freed before persist_free(): so a search needs
 * no marks for deleted places, and pages that were found stay mapped as long as there are requests.
 * At least half of the places are free (PERSIST_PAGES of PERSIST_HASH are taken at most): so each
 * search ends, soon. A mapping holds the page that was granted when it was made. A guest that
 * grants another page under the same reference gets its data in the old page: that harms itself
 * alone.
 */
#include "blkback.h"

#include <errno.h>
#include <stdlib.h>

#define PERSIST_PAGES 4096u /* mapped at most: 16 MiB */
#define PERSIST_HASH  8192u /* places; a power of two */

struct persist {
    unsigned nr, nr_runs;
    struct {
        uint32_t ref;
        void *page; /* NULL: free */
    } place[PERSIST_HASH];
    /* What was mapped together is unmapped together. */
    struct {
        void *start;
        unsigned nr;
    } run[PERSIST_PAGES];
};

struct persist *persist_new(void)
{
    return calloc(1, sizeof(struct persist));
}

/* The place that has the reference, or the free one where it belongs. */
static unsigned find_place(const struct persist *t, uint32_t ref)
{
    unsigned at = (ref * 2654435761U >> 13) % PERSIST_HASH;

    /* Half of the places are always free. */
    while (t->place[at].page && t->place[at].ref != ref)
        at = (at + 1) % PERSIST_HASH;
    return at;
}

static int map_missing(struct persist *t, const uint32_t *refs, unsigned nr)
{
    uint8_t *start;

    if (t->nr + nr > PERSIST_PAGES)
        return -ENOSPC;
    start = grant_map(refs, nr, false);
    if (!start)
        return errno == ENOMEM || errno == ENOSPC ? -ENOSPC : -EFAULT;
    t->run[t->nr_runs].start = start;
    t->run[t->nr_runs++].nr = nr;
    for (unsigned i = 0; i < nr; i++) {
        unsigned at = find_place(t, refs[i]);

        t->place[at].ref = refs[i];
        t->place[at].page = start + (size_t)i * RING_PAGE_SIZE;
    }
    t->nr += nr;
    return 0;
}

int persist_find(struct persist *t, const uint32_t *refs, unsigned nr, void **pages)
{
    uint32_t missing[BLK_MAX_SEGMENTS];
    unsigned nr_missing = 0;
    int rc = 0;

    for (unsigned i = 0; i < nr; i++) {
        bool twice = false;

        pages[i] = t->place[find_place(t, refs[i])].page;
        if (pages[i])
            continue;
        /* A request may name a page twice. */
        for (unsigned m = 0; m < nr_missing && !twice; m++)
            twice = missing[m] == refs[i];
        if (!twice)
            missing[nr_missing++] = refs[i];
    }
    if (nr_missing)
        rc = map_missing(t, missing, nr_missing);
    for (unsigned i = 0; i < nr && nr_missing && !rc; i++)
        pages[i] = t->place[find_place(t, refs[i])].page;
    return rc;
}

void persist_free(struct persist *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < t->nr_runs; i++)
        grant_unmap(t->run[i].start, t->run[i].nr);
    free(t);
}
