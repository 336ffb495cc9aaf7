/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain's grant table: the pages that it shares with us, what we know to be in use, and its
 * mappings of others' grants. Included by grant*.c only.
 *
 * grant_table.lock (LOCK_GRANT) guards `shared`, `status` and `active`; track_lock (LOCK_GRANT too,
 * never held together with it) guards the tracking of mappings.
 */
#ifndef CORE_GRANT_INTERNAL_H
#define CORE_GRANT_INTERNAL_H

#include <core/domain.h>
#include <core/frame.h>
#include <core/grant.h>
#include <public/grant_table.h>

/* A grant in use: by mappings, and by copies while they run. */
struct grant_active {
    uint64_t mfn;
    uint32_t readers, writers;
    domid_t user;           /* the only domain that uses it */
    uint16_t start, length; /* the part that may be copied */
    uint16_t spare;
};

#define ACTIVE_ORDER    2 /* pages for the active entries of one shared page */
#define V1_PER_PAGE     (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define V2_PER_PAGE     (PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_PER_PAGE (PAGE_SIZE / sizeof(grant_status_t))

_Static_assert(V1_PER_PAGE * sizeof(struct grant_active) <= PAGE_SIZE << ACTIVE_ORDER, "active");

/* One mapping by this domain. flags 0: free, then ref is the next free handle. */
struct grant_track {
    struct domain *granter; /* with a reference */
    uint32_t ref;
    uint16_t flags; /* GNTMAP_*; the kinds of mapping as far as they are still there */
    bool busy;      /* somebody unmaps it at this moment */
};

#define TRACK_PER_PAGE (PAGE_SIZE / sizeof(struct grant_track))
#define TRACK_NONE     UINT32_MAX

struct grant_table {
    struct spinlock lock, track_lock;
    unsigned version, max_version;
    unsigned nr_frames, max_frames; /* shared pages */
    unsigned nr_active;             /* pages' worth of active entries; stays when shared go */
    void **shared;                  /* [max_frames] */
    grant_status_t **status;        /* [max_frames / 8], version 2 only */
    unsigned nr_status;
    struct grant_active **active; /* [max_frames] */
    unsigned pointers_order;

    struct grant_track **track; /* [max_track] */
    unsigned nr_track, max_track, track_order;
    uint32_t track_free;
    uint32_t release_cursor;
};

static inline uint32_t grant_per_page(const struct grant_table *g)
{
    return g->version == 2 ? V2_PER_PAGE : V1_PER_PAGE;
}

/* NULL beyond the table. lock held. */
static inline struct grant_active *grant_active_of(const struct grant_table *g, uint32_t ref)
{
    uint32_t page = ref / grant_per_page(g);

    return page < g->nr_active ? &g->active[page][ref % grant_per_page(g)] : NULL;
}

/*
 * Uses rd's grant `ref` on behalf of `user`: checks it, marks it in the shared table, and counts.
 * copy: parts of pages are allowed as well. On GNTST_okay the frame and its range are in *out.
 * grant_unpin() is the reverse. The frame itself is not held by this.
 */
int grant_pin(struct domain *rd, uint32_t ref, domid_t user, bool write, bool copy,
              struct grant_active *out);
void grant_unpin(struct domain *rd, uint32_t ref, bool write);
bool grant_in_use(const struct grant_table *g); /* lock held */

/* References of the frame for a user of a grant; write: with the writable type. */
bool grant_frame_get(struct domain *rd, uint64_t mfn, bool write);
void grant_frame_put(uint64_t mfn, bool write);

int grant_grow(struct domain *d,
               unsigned frames); /* lock held; GNTST_okay or GNTST_general_error */

bool grant_track_reserve(struct grant_table *g, unsigned pages); /* before the domain runs */

/* The operations on lists; each element's status is in the element. */
int64_t grant_map_list(uint64_t list, uint64_t count);
int64_t grant_unmap_list(uint64_t list, uint64_t count, bool replace);
int64_t grant_copy_list(uint64_t list, uint64_t count);
int grant_set_version(struct domain *d, uint32_t version);
int grant_swap(struct domain *d, uint32_t a, uint32_t b);

#endif
