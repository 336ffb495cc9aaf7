/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking a grant into use, and letting go of it.
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
 * The marks tell the granter that it cannot have its page back yet. The active entry counts, and
 * the first and the last of each kind change the marks; a writer counts as a writer only:
 *
 *   who comes or goes               readers  writers   GTF_reading  GTF_writing   entry
 *   the first user, to read         0 -> 1   0         set                        judged, read
 *   the first user, to write        0        0 -> 1    set          set           judged, read
 *   the first writer, among readers n        0 -> 1    is set       set           judged again
 *   any other                       counted  counted   stays        stays         not looked at
 *   the last writer goes            n        1 -> 0    stays        cleared
 *   the last user goes              1 -> 0 of all      cleared      cleared
 *
 * The race is with the granter, who takes the grant back while we begin to use it. One of us must
 * notice. In version 1 flags and marks are one word, which both change by compare-and-swap from
 * what they have seen: one of the two fails, and looks again. In version 2 the marks are in a word
 * of their own, and each side writes its word, has a full barrier, and reads the other's:
 *
 *   we               mark the status word; then see whether the flags still grant
 *   the granter      clears the flags; then sees whether there is a mark
 *
 *   first was        we find                         the granter finds
 *   the mark         a grant, and use it             the mark, and waits
 *   the clearing     none: the mark is taken back    no mark; or ours, for a moment: it asks again
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
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant/grant_internal.h>
#include <core/guest_type.h>
#include <lib/bug.h>

#define MARK_TRIES 16 /* changes of the entry under our hands before we give up */

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

/* Version 1. GTF_sub_page means nothing there: it is judged as for a copy, which may have it. */
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

/* Version 2. A refusal takes back only marks that were not there before: those are other users'. */
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

/* By the granter's own physical map. The frame may be gone again: grant_frame_get() judges it. */
static uint64_t grant_translate(struct domain *rd, uint64_t gfn)
{
    struct frame *f = guest_frame_get(rd, gfn);

    if (f == NULL)
        return UINT64_MAX;
    frame_put(f);
    return frame_mfn(f).m;
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
static int grant_pin_locked(struct domain *rd, uint32_t ref, domid_t user, bool write, bool copy,
                            struct grant_active *out)
{
    struct grant_table *g = rd->grants;
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
            if (unlikely(rd->translated))
                a->mfn = grant_translate(rd, a->mfn);
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
    rc = grant_pin_locked(rd, ref, user, write, copy, out);
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
    return write ? frame_get_writable(frame_of(MFN(mfn)), rd) : frame_get(frame_of(MFN(mfn)), rd);
}

void grant_frame_put(uint64_t mfn, bool write)
{
    if (write)
        frame_put_writable(frame_of(MFN(mfn)));
    else
        frame_put(frame_of(MFN(mfn)));
}
