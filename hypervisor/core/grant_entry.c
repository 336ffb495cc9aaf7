/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking a grant into use and giving it back. The guest may rewrite its entry at any moment:
 * version 1 entries are claimed by compare-and-exchange of flags and domain together, version 2
 * entries by setting the status word and looking at the header once more. The frame number is taken
 * when the grant goes from unused to used, and is the active entry's from then on.
 */
#include <core/console.h>
#include <core/grant_internal.h>
#include <lib/bug.h>
#include <x86/page.h>

unsigned grant_nr_entries(const struct grant_table *gt)
{
    return gt->nr_frames * (gt->version == 2 ? V2_PER_FRAME : V1_PER_FRAME);
}

struct grant_active *grant_active_of(struct grant_table *gt, grant_ref_t ref)
{
    return &gt->active[ref / ACTIVE_PER_PAGE][ref % ACTIVE_PER_PAGE];
}

grant_entry_v1_t *grant_entry_1(struct grant_table *gt, grant_ref_t ref)
{
    return (grant_entry_v1_t *)gt->frames[ref / V1_PER_FRAME] + ref % V1_PER_FRAME;
}

grant_entry_v2_t *grant_entry_2(struct grant_table *gt, grant_ref_t ref)
{
    return (grant_entry_v2_t *)gt->frames[ref / V2_PER_FRAME] + ref % V2_PER_FRAME;
}

grant_status_t *grant_status_of(struct grant_table *gt, grant_ref_t ref)
{
    return &gt->status[ref / STATUS_PER_FRAME][ref % STATUS_PER_FRAME];
}

static bool header_permits(uint16_t flags, domid_t domid, domid_t user, bool readonly)
{
    return (flags & GTF_type_mask) == GTF_permit_access && domid == user &&
           (readonly || !(flags & GTF_readonly));
}

static int claim_v1(struct grant_table *gt, grant_ref_t ref, domid_t user, bool readonly)
{
    uint32_t *word = (uint32_t *)grant_entry_1(gt, ref); /* flags, then domid */
    uint32_t old = READ_ONCE(*word), new;

    do {
        if (!header_permits((uint16_t)old, (domid_t)(old >> 16), user, readonly))
            return GNTST_general_error;
        new = old | GTF_reading | (readonly ? 0 : GTF_writing);
    } while (
        !__atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return GNTST_okay;
}

/* The bits that say "in use" to the guest, as far as the counts do not hold them any more. */
static void unclaim(struct grant_table *gt, grant_ref_t ref, const struct grant_active *act)
{
    uint16_t gone = 0;
    uint16_t *word;

    if (act->writers == 0)
        gone |= GTF_writing;
    if (act->readers + act->writers == 0)
        gone |= GTF_reading;
    if (gone == 0 || gt->gone)
        return;
    word = gt->version == 2 ? grant_status_of(gt, ref) : &grant_entry_1(gt, ref)->flags;
    __atomic_fetch_and(word, (uint16_t)~gone, __ATOMIC_SEQ_CST);
}

static int claim_v2(struct grant_table *gt, grant_ref_t ref, domid_t user, bool readonly,
                    const struct grant_active *act)
{
    uint32_t *word = (uint32_t *)grant_entry_2(gt, ref);
    uint32_t before = READ_ONCE(*word);

    if (!header_permits((uint16_t)before, (domid_t)(before >> 16), user, readonly))
        return GNTST_general_error;
    __atomic_fetch_or(grant_status_of(gt, ref), GTF_reading | (readonly ? 0 : GTF_writing),
                      __ATOMIC_SEQ_CST);
    /* A guest that takes a grant back clears the header, then looks at the status. */
    if (READ_ONCE(*word) == before)
        return GNTST_okay;
    unclaim(gt, ref, act);
    return GNTST_general_error;
}

/* The frame and the part of it, from the guest's entry: read once. */
static uint64_t entry_frame(struct grant_table *gt, grant_ref_t ref, struct grant_use *u)
{
    grant_entry_v2_t e;

    u->offset = 0;
    u->length = PAGE_SIZE;
    if (gt->version == 1)
        return READ_ONCE(grant_entry_1(gt, ref)->frame);
    for (unsigned i = 0; i < 4; i++)
        e.__spacer[i] = READ_ONCE(grant_entry_2(gt, ref)->__spacer[i]);
    if (!(e.hdr.flags & GTF_sub_page))
        return e.full_page.frame;
    u->offset = e.sub_page.page_off;
    u->length = e.sub_page.length;
    return e.sub_page.frame;
}

/* Table not locked: a writable reference may have to wait for the frame to change its type. */
static bool hold_frame(struct domain *granter, uint64_t mfn, struct grant_use *u)
{
    if (!mfn_valid(MFN(mfn)))
        return false;
    u->frame = frame_of(MFN(mfn));
    return u->readonly ? frame_get(u->frame, granter) : arch_frame_get_writable(u->frame, granter);
}

void grant_put_frame(struct frame *f, bool readonly)
{
    if (readonly)
        frame_put(f);
    else
        arch_frame_put_writable(f);
}

/* Table locked, ref in range: claim and count the use; *mfn is the frame to hold. */
static int acquire_locked(struct grant_table *gt, domid_t user, bool whole_page,
                          struct grant_use *u, uint64_t *mfn)
{
    struct grant_active *act = grant_active_of(gt, u->ref);
    bool unused = act->readers + act->writers == 0;
    int rc;

    if (!unused && act->domid != user)
        return GNTST_general_error;
    rc = gt->version == 1 ? claim_v1(gt, u->ref, user, u->readonly)
                          : claim_v2(gt, u->ref, user, u->readonly, act);
    if (rc != GNTST_okay)
        return rc;
    *mfn = entry_frame(gt, u->ref, u);
    if (!unused)
        *mfn = act->mfn;
    if ((whole_page && u->length != PAGE_SIZE) || u->offset + u->length > PAGE_SIZE ||
        *mfn > UINT32_MAX) {
        unclaim(gt, u->ref, act);
        return GNTST_general_error;
    }
    act->mfn = (uint32_t)*mfn;
    act->domid = user;
    if (u->readonly)
        act->readers++;
    else
        act->writers++;
    return GNTST_okay;
}

int grant_acquire(struct domain *granter, grant_ref_t ref, domid_t user, bool readonly,
                  bool whole_page, struct grant_use *u)
{
    struct grant_table *gt = granter->grants;
    int rc = GNTST_bad_gntref;
    uint64_t mfn;

    u->granter = granter;
    u->ref = ref;
    u->readonly = readonly;
    spin_lock(&gt->lock);
    if (!gt->gone && ref < grant_nr_entries(gt))
        rc = acquire_locked(gt, user, whole_page, u, &mfn);
    spin_unlock(&gt->lock);
    if (rc == GNTST_okay && !hold_frame(granter, mfn, u)) {
        grant_release_use(granter, ref, readonly);
        rc = GNTST_general_error;
    }
    if (rc != GNTST_okay)
        guest_refused("grant %u of d%u: status %d", ref, granter->id, rc);
    return rc;
}

void grant_release_use(struct domain *granter, grant_ref_t ref, bool readonly)
{
    struct grant_table *gt = granter->grants;
    struct grant_active *act;
    uint32_t *count;

    spin_lock(&gt->lock);
    act = grant_active_of(gt, ref);
    count = readonly ? &act->readers : &act->writers;
    BUG_ON(*count == 0);
    (*count)--;
    unclaim(gt, ref, act);
    spin_unlock(&gt->lock);
}
