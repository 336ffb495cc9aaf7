/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grant tables, inside. A domain's table has two halves: the entries, in frames that the guest
 * writes as it likes, and the active entries, which are the hypervisor's record of what is in use.
 * Guest entries are read once, checked, and copied into the active entry.
 *
 * maptrack is the other direction: what this domain has mapped of others, by handle.
 *
 * One lock per table guards all of it (LOCK_GRANT); a mapping takes the granter's and the mapper's
 * one after the other, never both.
 */
#ifndef CORE_GRANT_INTERNAL_H
#define CORE_GRANT_INTERNAL_H

#include <core/domain.h>
#include <core/frame.h>
#include <core/grant.h>
#include <core/spinlock.h>

#define V1_PER_FRAME        (PAGE_SIZE / sizeof(grant_entry_v1_t))
#define V2_PER_FRAME        (PAGE_SIZE / sizeof(grant_entry_v2_t))
#define STATUS_PER_FRAME    (PAGE_SIZE / sizeof(grant_status_t))
#define ACTIVE_PER_PAGE     (PAGE_SIZE / sizeof(struct grant_active))
#define MAPTRACK_PER_PAGE   (PAGE_SIZE / sizeof(struct maptrack))
#define GRANT_MAX_FRAMES    512u
#define MAPTRACK_MAX_FRAMES 4096u

/* A grant in use. readers + writers mappings and copies hold it; mfn and domid are valid then. */
struct grant_active {
    uint32_t readers, writers;
    uint32_t mfn;
    domid_t domid;
    uint16_t unused;
};

/* A mapping of this domain's. flags: GNTMAP_host_map, _device_map, _readonly, _contains_pte;
 * 0: free. */
struct maptrack {
    grant_ref_t ref; /* free: the next free handle */
    domid_t domid;   /* granter; a domain reference is held */
    uint16_t flags;
};
#define MAPTRACK_NONE UINT32_MAX

struct grant_table {
    struct spinlock lock;
    unsigned version, max_version; /* of the entries: 1 or 2 */
    unsigned max_frames, nr_frames, nr_status;
    bool gone; /* the domain is dying: no frames any more */
    void *frames[GRANT_MAX_FRAMES];
    grant_status_t *status[GRANT_MAX_FRAMES / 8];
    struct grant_active *active[GRANT_MAX_FRAMES * 2];

    struct maptrack **maptrack;
    unsigned maptrack_max, maptrack_frames;
    uint32_t maptrack_free; /* head of the free list */
    uint32_t maptrack_used;
    uint32_t release_cursor;
};

/* What an acquired grant gives: the frame with a reference (and a writable type reference unless
 * readonly), and the part of it that may be used. */
struct grant_use {
    struct domain *granter;
    grant_ref_t ref;
    bool readonly;
    struct frame *frame;
    uint16_t offset, length; /* length PAGE_SIZE: all */
};

/* grant_entry.c */
unsigned grant_nr_entries(const struct grant_table *gt);
struct grant_active *grant_active_of(struct grant_table *gt, grant_ref_t ref);
grant_entry_v1_t *grant_entry_1(struct grant_table *gt, grant_ref_t ref);
grant_entry_v2_t *grant_entry_2(struct grant_table *gt, grant_ref_t ref);
grant_status_t *grant_status_of(struct grant_table *gt, grant_ref_t ref);
/* GNTST_*. On success u is held until grant_release(). */
int grant_acquire(struct domain *granter, grant_ref_t ref, domid_t user, bool readonly,
                  bool whole_page, struct grant_use *u);
/* The use is over: counts and guest-visible bits. The frame's references are the caller's. */
void grant_release_use(struct domain *granter, grant_ref_t ref, bool readonly);
void grant_put_frame(struct frame *f, bool readonly);

/* grant.c */
int grant_grow(struct domain *d, unsigned nr_frames);
/* A domain whose table the caller may operate on: DOMID_SELF, or any for the privileged. */
int grant_target(domid_t id, struct domain **d); /* GNTST_* */

/* Operations, each on an array in guest memory; 0 or -XEN_E*. */
int64_t grant_op_map(uint64_t arg, uint64_t count);
int64_t grant_op_unmap(uint64_t arg, uint64_t count);
int64_t grant_op_unmap_and_replace(uint64_t arg, uint64_t count);
int64_t grant_op_copy(uint64_t arg, uint64_t count);

#endif
