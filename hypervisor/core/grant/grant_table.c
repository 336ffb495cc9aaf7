/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grant table of a domain: its pages, its beginning and its end.
 *
 * The pages that the guest maps are ours, shared with it (frame_share_with_guest()): it may map
 * them for as long as it likes, and when the table goes, they go with its last mapping. The active
 * and tracking entries are seen by nobody else.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant/grant_internal.h>
#include <core/preempt.h>
#include <public/errno.h>
#include <x86/page.h>

#define WORK_LIGHT           300 /* of a page that is made, without its clearing */
#define HARDWARE_TRACK_PAGES 8   /* of tracking entries that dom0 has from the start */

/* ---- pages ---- */

/* A zeroed page that d may map writable; counted in d's shared_pages until frame_unshare(). */
static void *grant_page_new(struct domain *d)
{
    void *p = hpage_alloc();

    if (p != NULL)
        frame_share_with_guest(p, d, true);
    return p;
}

bool grant_grow_status(struct domain *d, unsigned frames)
{
    struct grant_table *g = d->grants;
    unsigned want = DIV_UP(frames * (unsigned)V2_PER_PAGE, (unsigned)STATUS_PER_PAGE);

    while (g->nr_status < want) {
        grant_status_t *p = grant_page_new(d);

        if (p == NULL)
            return false;
        g->status[g->nr_status++] = p;
    }
    return true;
}

int grant_grow_locked(struct domain *d, unsigned frames)
{
    struct grant_table *g = d->grants;

    /*
     * The state is looked at under the lock: grant_domain_destroy() takes it later, and gives up
     * all pages that it finds then.
     */
    if (frames > g->max_frames || d->state != DOM_ALIVE || (g->changing && frames > g->nr_frames))
        return GNTST_general_error;
    /*
     * The status words first: an entry that can be used has its word. What a failure leaves stays.
     */
    if (g->version == 2 && !grant_grow_status(d, frames))
        return GNTST_general_error;
    while (g->nr_frames < frames) {
        /* There already when an earlier call got this far and then no shared page. */
        struct grant_active *a = g->nr_active > g->nr_frames ? g->active[g->nr_frames]
                                                             : hpages_alloc_locked(ACTIVE_ORDER);
        void *p;

        if (a == NULL)
            return GNTST_general_error;
        g->active[g->nr_frames] = a;
        g->nr_active = MAX(g->nr_active, g->nr_frames + 1);
        p = grant_page_new(d);
        if (p == NULL)
            return GNTST_general_error;
        g->shared[g->nr_frames++] = p;
    }
    return GNTST_okay;
}

int grant_grow(struct domain *d, unsigned frames)
{
    struct grant_table *g = d->grants;
    unsigned some;
    int rc;

    if (frames > g->max_frames)
        return GNTST_general_error;
    do {
        if (READ_ONCE(g->nr_frames) < frames)
            hpages_settle(ACTIVE_ORDER);
        spin_lock(&g->lock);
        some = MIN(frames, g->nr_frames + 1); /* page by page, for the sake of those who wait */
        rc = grant_grow_locked(d, some);
        spin_unlock(&g->lock);
    } while (rc == GNTST_okay && !preempt_after(WORK_LIGHT) && some < frames);
    return rc;
}

unsigned grant_max_frames(const struct domain *d, bool status)
{
    unsigned max = d->grants->max_frames;

    return status ? DIV_UP(max * (unsigned)V2_PER_PAGE, (unsigned)STATUS_PER_PAGE) : max;
}

int grant_get_frame(struct domain *d, unsigned idx, bool status, mfn_t *mfn)
{
    struct grant_table *g = d->grants;
    int rc = -XEN_EINVAL;

    if (idx >= grant_max_frames(d, status))
        return rc;
    /* One status page serves eight shared ones: grow to the last that needs this one. */
    if (status && READ_ONCE(g->version) == 2 && idx >= READ_ONCE(g->nr_status))
        (void)grant_grow(d,
                         MIN((idx + 1) * (unsigned)(STATUS_PER_PAGE / V2_PER_PAGE), g->max_frames));
    if (!status && idx >= READ_ONCE(g->nr_frames))
        (void)grant_grow(d, idx + 1);
    spin_lock(&g->lock);
    if (status ? g->version == 2 && idx < g->nr_status : idx < g->nr_frames) {
        *mfn = virt_to_mfn(status ? (void *)g->status[idx] : g->shared[idx]);
        rc = 0;
    }
    spin_unlock(&g->lock);
    return rc;
}

/* ---- with the domain ---- */

/* Of the smallest block that holds so many bytes. */
static unsigned grant_order_for(uint64_t bytes)
{
    unsigned order = 0;

    while ((PAGE_SIZE << order) < bytes)
        order++;
    return order;
}

int grant_domain_init(struct domain *d, unsigned max_frames, unsigned max_maptrack,
                      unsigned max_version)
{
    struct grant_table *g = hpage_alloc();

    if (g == NULL)
        return -XEN_ENOMEM;
    d->grants = g;
    spin_lock_init(&g->lock, LOCK_GRANT);
    spin_lock_init(&g->track_lock, LOCK_GRANT);
    g->version = 1;
    g->max_version = max_version == 1 ? 1 : 2; /* 0 allows both, too */
    g->max_frames = MAX(MIN(max_frames, 4096u), 1u);
    g->max_track = MIN(max_maptrack, 32768u);
    g->track_free = TRACK_NONE;
    g->pointers_order = grant_order_for(3ull * g->max_frames * sizeof(void *));
    g->shared = hpages_alloc(g->pointers_order);
    g->track_order = grant_order_for(MAX(g->max_track, 1u) * sizeof(void *));
    g->track = hpages_alloc(g->track_order);
    if (g->shared == NULL || g->track == NULL)
        return -XEN_ENOMEM;
    /* The domain that serves the others will map from them: not out of what they are to get. */
    if (d->hardware && !grant_track_reserve(g, HARDWARE_TRACK_PAGES))
        return -XEN_ENOMEM;
    g->status = (grant_status_t **)(g->shared + g->max_frames);
    g->active = (struct grant_active **)(g->shared + 2ull * g->max_frames);
    return 0;
}

void grant_domain_destroy(struct domain *d)
{
    struct grant_table *g = d->grants;
    unsigned frames, status;

    if (g == NULL || g->shared == NULL)
        return;
    /*
     * With no entries left nobody can take a grant into use, and grant_unpin() no longer reaches
     * for the marks; so the pages can go outside the lock. A page that some domain has mapped stays
     * until it is unmapped.
     */
    spin_lock(&g->lock);
    frames = g->nr_frames;
    status = g->nr_status;
    g->nr_frames = g->nr_status = 0;
    spin_unlock(&g->lock);
    for (unsigned i = 0; i < frames; i++) {
        frame_unshare(g->shared[i]);
        preempt_after(WORK_ENTRY);
    }
    for (unsigned i = 0; i < status; i++) {
        frame_unshare(g->status[i]);
        preempt_after(WORK_ENTRY);
    }
}

void grant_domain_free(struct domain *d)
{
    struct grant_table *g = d->grants;

    if (g == NULL)
        return;
    for (unsigned i = 0; i < g->nr_active; i++) {
        hpages_free(g->active[i], ACTIVE_ORDER);
        preempt_after(WORK_FREE);
    }
    for (unsigned i = 0; i < g->nr_track; i++) {
        hpage_free(g->track[i]);
        preempt_after(WORK_FREE);
    }
    hpages_free(g->shared, g->pointers_order);
    hpages_free(g->track, g->track_order);
    hpage_free(g);
    d->grants = NULL;
}

void grant_dump(struct domain *d)
{
    struct grant_table *g = d->grants;
    uint32_t n;

    spin_lock(&g->lock);
    n = g->nr_frames * grant_per_page(g);
    log_info("d%u: grant table version %u, %u of %u frames", d->id, g->version, g->nr_frames,
             g->max_frames);
    for (uint32_t ref = 0; ref < n; ref++) {
        const struct grant_active *a = grant_active_of(g, ref);

        if (a->readers + a->writers != 0)
            log_info("  %u: frame %lx used by d%u, %u read, %u write", ref, a->mfn, a->user,
                     a->readers, a->writers);
    }
    spin_unlock(&g->lock);
}
