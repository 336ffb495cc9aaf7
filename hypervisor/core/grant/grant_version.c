/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing the version of a grant table, and swapping entries. Both rewrite the shared pages, so
 * they are refused while a grant is in use. The first entries, reserved for console and store, are
 * taken along; the rest of the table starts empty.
 *
 * Why not while one is in use: the version decides where an entry, its marks and its active entry
 * are, and those who use a grant look there without asking which version it was when they began.
 * The rewriting may take long and is preempted, so it is not done under the lock: `changing` is set
 * there when nobody uses a grant, and while it is set nobody can begin to, nor make pages.
 *
 * How long that is lies with the guest, which can put the vcpu down in the middle of it. So a user
 * is refused for good, and not told to try again: kernels do so for half a minute, for one guest's
 * grant on behalf of them all. A guest changes the version before it shows its grants to anybody.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant/grant_internal.h>
#include <core/preempt.h>
#include <lib/string.h>
#include <public/errno.h>
#include <x86/page.h>

/* Clears all pages; the caller puts back what is to stay. */
static void version_clear(struct grant_table *g)
{
    for (unsigned i = 0; i < g->nr_frames; i++) {
        page_clear(g->shared[i]);
        preempt_after(WORK_PAGE);
    }
    for (unsigned i = 0; i < g->nr_status; i++) {
        page_clear(g->status[i]);
        preempt_after(WORK_PAGE);
    }
}

/*
 * `changing` is set, and there is at least one page. The guest's own vcpus may still be writing to
 * the pages: what they spoil is theirs. Marks that are found in flags are not ours: nothing is in
 * use.
 */
static void grant_to_v2(struct grant_table *g)
{
    struct grant_entry_v1 kept[GNTTAB_NR_RESERVED_ENTRIES];
    union grant_entry_v2 *e = g->shared[0];

    memcpy(kept, g->shared[0], sizeof(kept));
    version_clear(g);
    for (unsigned i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        e[i].full_page.frame = kept[i].frame;
        e[i].hdr.domid = kept[i].domid;
        e[i].hdr.flags = kept[i].flags & (uint16_t) ~(GTF_reading | GTF_writing);
    }
}

/* As grant_to_v2(). kept is a copy: what is judged is what is put back. */
static void grant_to_v1(struct grant_table *g)
{
    union grant_entry_v2 kept[GNTTAB_NR_RESERVED_ENTRIES];
    struct grant_entry_v1 *e = g->shared[0];

    memcpy(kept, g->shared[0], sizeof(kept));
    version_clear(g);
    for (unsigned i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        if ((kept[i].hdr.flags & GTF_type_mask) != GTF_permit_access ||
            (kept[i].hdr.flags & GTF_sub_page) || kept[i].full_page.frame > UINT32_MAX)
            continue; /* version 1 cannot say it */
        e[i].frame = (uint32_t)kept[i].full_page.frame;
        e[i].domid = kept[i].hdr.domid;
        e[i].flags = kept[i].hdr.flags;
    }
}

/*
 * Whoever has status words mapped still goes by them, and they mean nothing in version 1. A page
 * that is only ours has one reference; a second one may be somebody's who looks at it in passing.
 */
static bool status_mapped(const struct grant_table *g)
{
    for (unsigned i = 0; i < g->nr_status; i++)
        if ((READ_ONCE(frame_of(virt_to_mfn(g->status[i]))->refs) & FRAME_COUNT_MASK) > 1)
            return true;
    return false;
}

/* 0: there is a change to be made, and from here on `changing` keeps all others away. */
static int version_begin(struct domain *d, uint32_t version)
{
    struct grant_table *g = d->grants;
    int rc = 0;

    if (READ_ONCE(g->nr_frames) == 0)
        hpages_settle(ACTIVE_ORDER);
    spin_lock(&g->lock);
    if (version > g->max_version)
        rc = -XEN_ENOSYS;
    else if (g->changing || g->nr_in_use != 0 || (g->version == 2 && status_mapped(g)))
        rc = -XEN_EBUSY;
    else if (grant_grow_locked(d, MAX(g->nr_frames, 1u)) != GNTST_okay) /* one to convert */
        rc = -XEN_ENOMEM;
    g->changing |= rc == 0;
    spin_unlock(&g->lock);
    return rc;
}

/* Status pages for what there is, one at a time. */
static int version_grow_status(struct domain *d)
{
    struct grant_table *g = d->grants;
    bool ok = true;

    for (unsigned frames = 1; ok && frames <= g->nr_frames; frames++) {
        spin_lock(&g->lock);
        ok = grant_grow_status(d, frames);
        spin_unlock(&g->lock);
        preempt_after(WORK_ENTRY);
    }
    return ok ? 0 : -XEN_ENOMEM;
}

/* An errno: the operation has no status of its own. d is current's. */
int grant_set_version(struct domain *d, uint32_t version)
{
    struct grant_table *g = d->grants;
    int rc;

    if (version != 1 && version != 2)
        return -XEN_EINVAL;
    if (version == READ_ONCE(g->version))
        return 0;
    rc = version_begin(d, version);
    if (rc != 0)
        return rc;
    if (version == 2)
        rc = version_grow_status(d);
    if (rc == 0 && version == 2)
        grant_to_v2(g);
    else if (rc == 0)
        grant_to_v1(g);
    spin_lock(&g->lock);
    if (rc == 0)
        g->version = version;
    g->changing = false;
    spin_unlock(&g->lock);
    return rc;
}

/*
 * Exchanges what two unused entries say. The guest may write to them meanwhile: then it finds some
 * mixture, of its own making. Status words need no exchange, as no mark of ours is set in them.
 */
int grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
    struct grant_table *g = d->grants;
    uint32_t n;
    int rc = GNTST_okay;

    spin_lock(&g->lock);
    n = g->nr_frames * grant_per_page(g);
    if (g->changing) {
        rc = GNTST_eagain;
    } else if (a >= n || b >= n) {
        rc = GNTST_bad_gntref;
    } else {
        const struct grant_active *aa = grant_active_of(g, a), *ab = grant_active_of(g, b);

        if (aa->readers + aa->writers + ab->readers + ab->writers != 0)
            rc = GNTST_eagain;
    }
    if (rc == GNTST_okay && g->version == 1) {
        struct grant_entry_v1 *ea = (struct grant_entry_v1 *)g->shared[a / V1_PER_PAGE];
        struct grant_entry_v1 *eb = (struct grant_entry_v1 *)g->shared[b / V1_PER_PAGE], tmp;

        tmp = ea[a % V1_PER_PAGE];
        ea[a % V1_PER_PAGE] = eb[b % V1_PER_PAGE];
        eb[b % V1_PER_PAGE] = tmp;
    } else if (rc == GNTST_okay) {
        union grant_entry_v2 *ea = (union grant_entry_v2 *)g->shared[a / V2_PER_PAGE];
        union grant_entry_v2 *eb = (union grant_entry_v2 *)g->shared[b / V2_PER_PAGE], tmp;

        tmp = ea[a % V2_PER_PAGE];
        ea[a % V2_PER_PAGE] = eb[b % V2_PER_PAGE];
        eb[b % V2_PER_PAGE] = tmp;
    }
    spin_unlock(&g->lock);
    return rc;
}
