/* SPDX-License-Identifier: GPL-2.0-only */
/* Grant tables: a domain's permission for another to map or copy its frames. v1 and v2. */
#ifndef CORE_GRANT_H
#define CORE_GRANT_H

#include <lib/types.h>
#include <public/grant_table.h>

struct domain;
struct frame;
struct grant_table;

int grant_domain_init(struct domain *d, unsigned max_frames, unsigned max_maptrack,
                      unsigned max_version);
/* Unmaps what d mapped of others; restartable: -XEN_ERESTART until done. */
int grant_release_mappings(struct domain *d);
void grant_domain_destroy(struct domain *d); /* gives up the shared frames */
void grant_domain_free(struct domain *d);    /* the rest, with the domain's structure */
/* Frame idx of d's grant table (status: of its status table), allocated on demand. */
unsigned grant_max_frames(const struct domain *d, bool status);
int grant_get_frame(struct domain *d, unsigned idx, bool status, mfn_t *mfn);
void grant_dump(struct domain *d);

/*
 * Implemented by pv/grant_map.c: put a mapping of mfn at a host address of the current domain, or
 * into the PTE at machine address `addr` (GNTMAP_contains_pte), and take it out again. The caller
 * holds the frame reference that the mapping will own. Return GNTST_*.
 *
 * The addresses of a list mostly lie side by side: the table that the last one was in is kept for
 * the next one, with a reference, until arch_grant_done().
 */
struct grant_cursor {
    struct frame *table; /* NULL: none is kept; then the rest means nothing */
    uint64_t region;     /* what it maps */
    uint64_t *entries;
};
int arch_grant_map(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t gntmap_flags);
int arch_grant_unmap(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t gntmap_flags,
                     uint64_t new_addr);
void arch_grant_done(struct grant_cursor *at);

#endif
