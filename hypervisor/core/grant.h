/* SPDX-License-Identifier: GPL-2.0-only */
/* Grant tables: a domain's permission for another to map or copy its frames. v1 and v2. */
#ifndef CORE_GRANT_H
#define CORE_GRANT_H

#include <lib/types.h>

struct domain;
struct frame;
struct grant_table; /* core/grant/grant_internal.h */

/*
 * Makes d->grants, with an empty version 1 table. max_frames and max_maptrack count pages and are
 * cut to what the arrays can hold; max_version 1 forbids version 2. Returns 0 or -XEN_ENOMEM; after
 * an error grant_domain_free() still has to be called.
 */
int grant_domain_init(struct domain *d, unsigned max_frames, unsigned max_maptrack,
                      unsigned max_version);
/*
 * The end of a domain, in this order. The first ends what d mapped of others, a slice at a time:
 * -XEN_ERESTART until done; all vcpus of d are parked. The second takes away the shared frames, so
 * that no more grants of d can be taken into use. Those in use stay so, and their users hold d's
 * structure: when the third runs there are none.
 */
int grant_release_mappings(struct domain *d);
void grant_domain_destroy(struct domain *d);
void grant_domain_free(struct domain *d);

/* The limit in frames of d's table, or of the status table that would belong to it. */
unsigned grant_max_frames(const struct domain *d, bool status);
/*
 * Frame idx of d's grant table (status: of its status table); the table grows up to there if it is
 * shorter. 0, or -XEN_EINVAL: no status table (version 1), or it cannot grow so far (the limit, no
 * memory, d is dying). No lock held: growing may be preempted. The caller gets a number, not a
 * reference: mapping the frame takes one.
 */
int grant_get_frame(struct domain *d, unsigned idx, bool status, mfn_t *mfn);
void grant_dump(struct domain *d); /* what is in use, to the log */

/*
 * For a type's grant_map, grant_unmap and grant_done (core/guest_type.h): put a mapping of mfn at a
 * host address of the current domain, or into the PTE at machine address `addr`
 * (GNTMAP_contains_pte), and take it out again. Return GNTST_*. No lock is held, as finding the
 * table may be preempted.
 *
 * The references behind a mapping (of the frame, with the writable type unless GNTMAP_readonly)
 * are the caller's before grant_map succeeds, then the entry's, and the caller's again when
 * grant_unmap has succeeded; where one fails they stay where they were. Unmapping does not
 * flush TLBs: the caller does, before it drops the references. new_addr, if not 0: the entry that
 * maps it is moved to where the grant was.
 *
 * The addresses of a list mostly lie side by side: the table that the last one was in is kept for
 * the next one, with a reference, until grant_done.
 */
struct grant_cursor {
    struct frame *table; /* NULL: none is kept; then the rest means nothing */
    uint64_t region;     /* what it maps */
    uint64_t *entries;
};

#endif
