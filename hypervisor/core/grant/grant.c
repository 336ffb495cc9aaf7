/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grant tables: the tables themselves, and taking a grant into use.
 *
 * A grant goes through these steps, with the user's reference on the granter held throughout:
 *
 *   grant_pin        the entry is judged and marked as in use; the active entry counts a user
 *   grant_frame_get  the frame, which the granter only named, must be its own; a reference
 *   (a mapping or a copy)
 *   (TLB flush, if it was a mapping)
 *   grant_frame_put, grant_unpin
 *
 * The guest owns the shared pages and may change them at any moment, from another CPU as well. So
 * an entry is judged and marked as in use (GTF_reading, GTF_writing) in one atomic step; what the
 * mark was put on is then valid, and what the guest writes there afterwards no longer matters: from
 * then on the active entry, which only we can write, says which frame it is.
 *
 * What a hostile granter can try, and what comes of it: change the frame between mark and read (it
 * grants the new one; both have to be its own); wipe out the marks (it no longer sees that the
 * grant is in use; the frame's reference keeps the frame its own all the same); change the entry
 * without end while we compare and swap (MARK_TRIES, then an error). A hostile user can ask for
 * references of others (the entry names the one domain that may use it), write by a grant to read
 * (judged again when the first writer comes), and never let go (the ABI has no remedy but to end
 * that domain, upon which grant_release_mappings() lets go for it).
 *
 * `lock` is never held over a copy from or to a guest's addresses, or a change of page tables.
 */
#include <core/console.h>
#include <core/grant/grant_internal.h>
#include <core/hypercall.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define WORK_LIGHT           300 /* of a page that is made, without its clearing */
#define MARK_TRIES           16  /* changes of the entry under our hands before we give up */
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
    /* The status words first: an entry that can be used has its word. What a failure leaves stays.
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

/* ---- marking an entry as in use ---- */

/*
 * The first 32 bits of an entry of either version: flags, then the domain. Together in one word, so
 * that one compare-and-swap can make sure of both. ref is within nr_frames.
 */
static uint32_t *grant_word(const struct grant_table *g, uint32_t ref)
{
    if (g->version == 2)
        return (uint32_t *)((union grant_entry_v2 *)g->shared[ref / V2_PER_PAGE] +
                            ref % V2_PER_PAGE);
    return (uint32_t *)((struct grant_entry_v1 *)g->shared[ref / V1_PER_PAGE] + ref % V1_PER_PAGE);
}

static grant_status_t *grant_status_word(const struct grant_table *g, uint32_t ref)
{
    return g->status[ref / STATUS_PER_PAGE] + ref % STATUS_PER_PAGE;
}

/*
 * Does the word, which the guest can no longer change as it is our copy, allow this? Anything but
 * GTF_permit_access is refused: transfers and transitive grants are not served.
 */
static int grant_judge(uint32_t word, domid_t user, bool write, bool copy)
{
    uint16_t flags = (uint16_t)word;

    if ((flags & GTF_type_mask) != GTF_permit_access || word >> 16 != user)
        return GNTST_general_error;
    if ((flags & GTF_sub_page) && !copy)
        return GNTST_general_error;
    if (write && (flags & GTF_readonly))
        return GNTST_general_error;
    return GNTST_okay;
}

/*
 * Version 1: flags and marks share a word. The granter takes a grant back by compare-and-swap of
 * flags without marks to 0, we mark by compare-and-swap of the word that was judged: one of the two
 * fails. GTF_sub_page means nothing, so it is judged as if for a copy, which may have it.
 */
static int grant_mark_v1(const struct grant_table *g, uint32_t ref, domid_t user, bool write,
                         uint32_t mark)
{
    uint32_t *word = grant_word(g, ref);
    uint32_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

    for (unsigned i = 0; i < MARK_TRIES; i++) {
        int rc = grant_judge(old, user, write, true);

        if (rc != GNTST_okay)
            return rc;
        if (__atomic_compare_exchange_n(word, &old, old | mark, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            return GNTST_okay;
    }
    return GNTST_general_error; /* the granter keeps on changing it */
}

/*
 * Version 2 has the marks in a word of their own: mark first, then see if the grant still stands.
 * The granter does it the other way round: it clears the flags, then looks at the status word. With
 * a full barrier between the two steps on either side, one of us sees what the other did.
 *
 * A refusal takes back only the marks that were not there before: those are other users'.
 */
static int grant_mark_v2(const struct grant_table *g, uint32_t ref, domid_t user, bool write,
                         bool copy, uint16_t mark, uint32_t *seen)
{
    grant_status_t *status = grant_status_word(g, ref);
    uint16_t before = __atomic_fetch_or(status, mark, __ATOMIC_SEQ_CST);
    int rc;

    *seen = __atomic_load_n(grant_word(g, ref), __ATOMIC_SEQ_CST);
    rc = grant_judge(*seen, user, write, copy);
    if (rc != GNTST_okay)
        __atomic_fetch_and(status, (uint16_t) ~(mark & ~before), __ATOMIC_SEQ_CST);
    return rc;
}

/* An atomic AND, as the guest may be changing other bits of the same word. */
static void grant_unmark(const struct grant_table *g, uint32_t ref, uint16_t mark)
{
    uint16_t *where = g->version == 2 ? grant_status_word(g, ref) : (uint16_t *)grant_word(g, ref);

    __atomic_fetch_and(where, (uint16_t)~mark, __ATOMIC_SEQ_CST);
}

/*
 * What the entry grants, read once, after it has been marked. seen: the word as judged (version 2),
 * so that an entry whose kind changes now is still read as the kind that was allowed. The range is
 * not checked here: a copy compares it with the ends of the page.
 */
static void grant_read_entry(const struct grant_table *g, uint32_t ref, uint32_t seen,
                             struct grant_active *a)
{
    a->start = 0;
    a->length = PAGE_SIZE;
    if (g->version == 1) {
        const struct grant_entry_v1 *e = (const struct grant_entry_v1 *)grant_word(g, ref);

        a->mfn = READ_ONCE(e->frame);
    } else {
        const union grant_entry_v2 *e = (const union grant_entry_v2 *)grant_word(g, ref);

        a->mfn = READ_ONCE(e->full_page.frame); /* at the same place in both forms */
        if (seen & GTF_sub_page) {
            a->start = READ_ONCE(e->sub_page.page_off);
            a->length = READ_ONCE(e->sub_page.length);
        }
    }
}

/* Of an entry in use: may it be mapped? Part of a frame, wherever it begins, may be copied only. */
static bool grant_is_whole(const struct grant_active *a)
{
    return a->start == 0 && a->length == PAGE_SIZE;
}

/*
 * Lock held. The shared entry is looked at when it comes into use, and again when the first writer
 * comes; other users are let in on what is known of it.
 */
static int grant_pin_locked(struct grant_table *g, uint32_t ref, domid_t user, bool write,
                            bool copy, struct grant_active *out)
{
    uint16_t mark = GTF_reading | (write ? GTF_writing : 0);
    struct grant_active *a;
    uint32_t seen = 0; /* of version 2 only */
    bool in_use;
    int rc;

    if (unlikely(g->changing)) /* not eagain: whoever repeats it would wait for the granter */
        return GNTST_general_error;
    if (ref >= g->nr_frames * grant_per_page(g))
        return GNTST_bad_gntref;
    a = grant_active_of(g, ref);
    in_use = a->readers + a->writers != 0;
    if (in_use && (a->user != user || (!copy && !grant_is_whole(a))))
        return GNTST_general_error;
    if (a->readers == UINT32_MAX || a->writers == UINT32_MAX)
        return GNTST_general_error;
    if (!in_use || (write && a->writers == 0)) {
        if (g->version == 2)
            rc = grant_mark_v2(g, ref, user, write, copy, mark, &seen);
        else
            rc = grant_mark_v1(g, ref, user, write, mark);
        if (rc != GNTST_okay)
            return rc;
        /* For a first writer among readers the frame stays what it was, whatever is there now. */
        if (!in_use) {
            grant_read_entry(g, ref, seen, a);
            a->user = user;
            g->nr_in_use++;
        }
    }
    if (write)
        a->writers++;
    else
        a->readers++;
    *out = *a;
    return GNTST_okay;
}

int grant_pin(struct domain *rd, uint32_t ref, domid_t user, bool write, bool copy,
              struct grant_active *out)
{
    struct grant_table *g = rd->grants;
    int rc;

    spin_lock(&g->lock);
    rc = grant_pin_locked(g, ref, user, write, copy, out);
    spin_unlock(&g->lock);
    if (rc != GNTST_okay)
        guest_refused("grant %u of d%u, %s: %d", ref, rd->id, write ? "write" : "read", rc);
    return rc;
}

void grant_unpin(struct domain *rd, uint32_t ref, bool write)
{
    struct grant_table *g = rd->grants;
    struct grant_active *a;
    uint16_t unmark = 0;

    spin_lock(&g->lock);
    a = grant_active_of(g, ref); /* there, even when the shared pages are gone */
    BUG_ON(a == NULL || (write ? a->writers : a->readers) == 0);
    if (write)
        a->writers--;
    else
        a->readers--;
    if (write && a->writers == 0)
        unmark |= GTF_writing;
    if (a->readers + a->writers == 0) {
        unmark |= GTF_reading;
        g->nr_in_use--;
    }
    if (unmark != 0 && ref < g->nr_frames * grant_per_page(g)) /* not of a dead domain */
        grant_unmark(g, ref, unmark);
    spin_unlock(&g->lock);
}

bool grant_frame_get(struct domain *rd, uint64_t mfn, bool write)
{
    if (!mfn_valid(MFN(mfn))) /* mfn is any 64 bits of the guest's */
        return false;
    return write ? arch_frame_get_writable(frame_of(MFN(mfn)), rd)
                 : frame_get(frame_of(MFN(mfn)), rd);
}

void grant_frame_put(uint64_t mfn, bool write)
{
    if (write)
        arch_frame_put_writable(frame_of(MFN(mfn)));
    else
        frame_put(frame_of(MFN(mfn)));
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
