/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain's grant table: the pages that it shares with us, what we know to be in use, and its
 * mappings of others' grants. Included by grant*.c only.
 *
 * A domain is two things here. As a granter it has entries in `shared`, which it writes, and behind
 * each an active entry, which only we write. As a user of others' grants it has tracking entries,
 * one for each mapping; the index of one is the handle that the guest is given. A tracking entry
 * names its granter and the reference; the active entry does not know who maps it, it counts.
 *
 * What always holds while an active entry has readers or writers:
 *   - its mfn, user, start and length stay as they were when the first of them came;
 *   - the guest has been shown GTF_reading, and GTF_writing while there are writers (it can wipe
 * the marks out; that misleads nobody but itself);
 *   - the version of the table stays, and the entry is not swapped with another.
 * The frame is not held by this: each user takes a reference of it as well (grant_frame_get()).
 *
 * Locks. grant_table.lock (LOCK_GRANT) of the granter guards `shared`, `status`, `active`, their
 * lengths and the version. track_lock (LOCK_GRANT too, never held together with a `lock`) of the
 * user guards the free list of handles, and who may work on an entry: one that has just been
 * allocated (its flags are still 0), and one marked busy, is its vcpu's alone.
 *
 * Pages of active and of tracking entries are never moved or freed before the domain's structure
 * is. So whoever keeps a grant in use may read its active entry's mfn without the lock.
 */
#ifndef CORE_GRANT_INTERNAL_H
#define CORE_GRANT_INTERNAL_H

#include <core/spinlock.h>
#include <lib/types.h>
#include <public/grant_table.h>

/*
 * A grant in use: by mappings, and by copies while they run. With no readers and no writers the
 * other fields are leftovers and mean nothing. A user that may write counts as a writer only.
 */
struct grant_active {
    uint64_t mfn;              /* as the guest wrote it: any number, until a frame is got with it */
    uint32_t readers, writers; /* users, see grant_pin() */
    domid_t user;              /* the only domain that uses it */
    uint16_t start, length;    /* the part that may be copied; to map it has to be the whole page */
    uint16_t spare;            /* unused */
};

#define ACTIVE_ORDER    2 /* pages for the active entries of one shared page */
#define V1_PER_PAGE     (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define V2_PER_PAGE     (PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_PER_PAGE (PAGE_SIZE / sizeof(grant_status_t))

/* Version 1 has more entries to the page, so what is enough for it is enough for both. */
_Static_assert(V1_PER_PAGE * sizeof(struct grant_active) <= PAGE_SIZE << ACTIVE_ORDER, "active");

/*
 * One mapping by this domain: up to two kinds, for the processor and for devices, which can be
 * undone one by one. flags 0: free or just allocated; when free, ref is the next free handle.
 *
 * While flags are not 0 the entry stands for one use of the granter's entry `ref` (as a reader with
 * GNTMAP_readonly, else as a writer), for the reference on the granter, and with GNTMAP_device_map
 * for one on the frame. A host mapping's frame reference belongs to its page-table entry.
 */
struct grant_track {
    struct domain *granter; /* with a reference */
    uint32_t ref;
    uint16_t flags; /* GNTMAP_*; the kinds of mapping as far as they are still there */
    bool busy;      /* somebody unmaps it at this moment; track_lock */
};

#define TRACK_PER_PAGE (PAGE_SIZE / sizeof(struct grant_track))
#define TRACK_NONE     UINT32_MAX

struct grant_table {
    struct spinlock lock, track_lock;

    /* As granter. All of it under `lock`, but for the limits, which never change. */
    unsigned version, max_version;  /* 1 or 2 */
    unsigned nr_frames, max_frames; /* shared pages */
    unsigned nr_active;             /* pages' worth of active entries; stays when shared go */
    unsigned nr_in_use;             /* active entries with readers or writers */
    bool changing; /* to another version: no use begins, and no page is made or cleared by others */
    void **shared; /* [max_frames]: pages the guest maps, of entries by version */
    grant_status_t **status;      /* [max_frames / 8, rounded up], version 2 only */
    unsigned nr_status;           /* status pages; in version 2 they cover all of nr_frames */
    struct grant_active **active; /* [max_frames], each 1 << ACTIVE_ORDER pages */
    unsigned pointers_order;      /* of the one block that these three arrays are in */

    /* As user. */
    struct grant_track **track;                /* [max_track] pages */
    unsigned nr_track, max_track, track_order; /* pages there are, may be; size of `track` */
    uint32_t track_free;     /* first free handle, TRACK_NONE: make a page; track_lock */
    uint32_t release_cursor; /* handles below are released (grant_release_mappings()) */
};

static inline uint32_t grant_per_page(const struct grant_table *g)
{
    return g->version == 2 ? V2_PER_PAGE : V1_PER_PAGE;
}

/*
 * NULL beyond the table. Lock held, or the grant is in use by the caller: then neither the version,
 * by which this is indexed, nor the page can change.
 */
static inline struct grant_active *grant_active_of(const struct grant_table *g, uint32_t ref)
{
    uint32_t page = ref / grant_per_page(g);

    return page < g->nr_active ? &g->active[page][ref % grant_per_page(g)] : NULL;
}

/*
 * Uses rd's grant `ref` on behalf of `user`: checks it, marks it in the shared table, and counts.
 * copy: parts of pages are allowed as well. On GNTST_okay the frame and its range are in *out; else
 * nothing has changed. grant_unpin() is the reverse, with the same `write`; it comes after the last
 * access, for a mapping after the TLB flush, as the guest may use its page anew when the mark goes.
 *
 * The frame itself is not held by this, nor is it known to be rd's: grant_frame_get() is next. Both
 * take rd's lock; the caller holds a reference on rd until it has unpinned.
 */
int grant_pin(struct domain *rd, uint32_t ref, domid_t user, bool write, bool copy,
              struct grant_active *out);
void grant_unpin(struct domain *rd, uint32_t ref, bool write);

/*
 * References of the frame for a user of a grant; write: with the writable type. False when mfn is
 * no RAM, is not rd's, or is in use as what may not be written (a page table, say). This is what
 * keeps a domain from granting what it does not own.
 */
bool grant_frame_get(struct domain *rd, uint64_t mfn, bool write);
void grant_frame_put(uint64_t mfn, bool write);

/*
 * Grows the table to at least that many shared pages, with status pages in version 2. GNTST_okay or
 * GNTST_general_error. The one that is called without the lock works in batches, between which it
 * may be preempted. What a failure leaves stays.
 */
int grant_grow(struct domain *d, unsigned frames);
int grant_grow_locked(struct domain *d, unsigned frames);
/* Makes status words for all entries of that many shared pages; false: no memory. Lock held. */
bool grant_grow_status(struct domain *d, unsigned frames);

/* Makes pages of tracking entries ahead of time; false: no memory. */
bool grant_track_reserve(struct grant_table *g, unsigned pages); /* before the domain runs */

/*
 * The operations on lists of `count` elements at guest address `list`; each element's status is in
 * the element. They return 0, -XEN_EFAULT, or what hypercall_restart() returned.
 */
int64_t grant_map_list(uint64_t list, uint64_t count);
int64_t grant_unmap_list(uint64_t list, uint64_t count, bool replace);
int64_t grant_copy_list(uint64_t list, uint64_t count);
int grant_set_version(struct domain *d, uint32_t version); /* -XEN_E* */
int grant_swap(struct domain *d, uint32_t a, uint32_t b);  /* GNTST_* */

#endif
