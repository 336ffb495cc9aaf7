/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping and unmapping of grants, and the tracking of a domain's mappings.
 *
 * A mapping holds: the grant (grant_pin), a reference on the granter's structure, and for each of
 * its two kinds a reference of the frame: a host mapping's belongs to the page-table entry, a
 * device mapping's to the tracking entry. Unmapping first takes all entries of a batch out of the
 * page tables, then flushes the TLBs once, and only then lets go of frames and grants: the granter
 * must not find its frame free while somebody can still write to it.
 *
 * The user's page tables are its own: it can overwrite the entry of a grant by an ordinary update,
 * which drops the frame's reference. The tracking entry does not notice, and the grant stays in use
 * for the granter. So unmapping does not take its own notes for the truth: the type's grant_unmap
 * takes an entry out only if it maps that frame with that right, and then it has the references to
 * give back, whoever put it there. Else the handle stays, until the domain ends.
 *
 * Two vcpus that unmap one handle at a time are kept apart by `busy`. But its two kinds may go in
 * two batches, and the second may overtake the flush of the first: so whoever takes out the last
 * kind flushes, whichever it is. Nothing here holds a lock over page-table work, which may be
 * preempted.
 */
#include <core/frame.h>
#include <core/grant.h>
#include <core/grant/grant_internal.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <x86/cpu.h>
#include <x86/tlb.h>
#include <x86/uaccess.h>

#define BATCH    12  /* unmapped with one flush; their state is on the stack */
#define WORK_MAP 500 /* of a grant that is mapped, unmapped or let go */

/* ---- tracking ---- */

/* NULL beyond what there is. A pointer that was good stays good: pages are only ever added. */
static struct grant_track *track_of(const struct grant_table *g, uint32_t handle)
{
    if (handle / TRACK_PER_PAGE >= g->nr_track)
        return NULL;
    return &g->track[handle / TRACK_PER_PAGE][handle % TRACK_PER_PAGE];
}

/* One more page, all of it onto the free list. track_lock held, or the domain does not run yet. */
static bool track_grow(struct grant_table *g)
{
    struct grant_track *page;
    uint32_t first = g->nr_track * (uint32_t)TRACK_PER_PAGE;

    if (g->nr_track >= g->max_track)
        return false;
    page = hpage_alloc();
    if (page == NULL)
        return false;
    for (uint32_t i = 0; i < TRACK_PER_PAGE; i++)
        page[i].ref = i + 1 < TRACK_PER_PAGE ? first + i + 1 : g->track_free;
    g->track[g->nr_track++] = page;
    g->track_free = first;
    return true;
}

bool grant_track_reserve(struct grant_table *g, unsigned pages)
{
    while (g->nr_track < MIN(pages, g->max_track)) {
        if (!track_grow(g))
            return false;
    }
    return true;
}

/* A handle whose flags are 0 still: nobody can unmap it before map_pinned() has filled it in. */
static uint32_t track_alloc(struct grant_table *g)
{
    uint32_t handle = TRACK_NONE;

    spin_lock(&g->track_lock);
    if (g->track_free != TRACK_NONE || track_grow(g)) {
        handle = g->track_free;
        g->track_free = track_of(g, handle)->ref;
    }
    spin_unlock(&g->track_lock);
    return handle;
}

static void track_free(struct grant_table *g, uint32_t handle)
{
    struct grant_track *t = track_of(g, handle);

    spin_lock(&g->track_lock);
    t->flags = 0;
    t->busy = false;
    t->granter = NULL;
    t->ref = g->track_free;
    g->track_free = handle;
    spin_unlock(&g->track_lock);
}

/* ---- map ---- */

/* Takes the references for both kinds of mapping, or none. */
static bool map_hold(struct domain *rd, uint64_t mfn, uint32_t flags, bool write)
{
    if ((flags & GNTMAP_host_map) && !grant_frame_get(rd, mfn, write))
        return false;
    if ((flags & GNTMAP_device_map) && !grant_frame_get(rd, mfn, write)) {
        if (flags & GNTMAP_host_map)
            grant_frame_put(mfn, write);
        return false;
    }
    return true;
}

static void map_unhold(uint64_t mfn, uint32_t flags, bool write)
{
    if (flags & GNTMAP_host_map)
        grant_frame_put(mfn, write);
    if (flags & GNTMAP_device_map)
        grant_frame_put(mfn, write);
}

/* What the elements of a list mostly share: kept from one to the next, for a batch at most. */
struct mapper {
    struct domain *granter; /* with a reference; NULL: none yet */
    struct grant_cursor at;
};

static void mapper_done(struct mapper *m)
{
    current->domain->type->grant_done(&m->at);
    if (m->granter != NULL)
        domain_put(m->granter);
    m->granter = NULL;
}

/* Finds the granter, and holds it until another is asked for. NULL: there is none of that id. */
static struct domain *mapper_granter(struct mapper *m, domid_t id)
{
    if (m->granter != NULL && m->granter->id != id) {
        domain_put(m->granter);
        m->granter = NULL;
    }
    if (m->granter == NULL)
        m->granter = domain_get(id);
    return m->granter;
}

/*
 * Maps a grant that is in use by us; mfn is what it names. On success the mapping is there and
 * tracked, and the tracking entry has a reference on the granter. Else nothing has changed but the
 * pin.
 */
static int map_pinned(struct mapper *m, struct gnttab_map_grant_ref *op, uint32_t handle,
                      uint64_t mfn, bool write)
{
    struct domain *ld = current->domain, *rd = m->granter;
    struct grant_track *t;
    int rc = GNTST_okay;

    if (!map_hold(rd, mfn, op->flags, write))
        return GNTST_general_error;
    if (op->flags & GNTMAP_host_map)
        rc = ld->type->grant_map(&m->at, op->host_addr, MFN(mfn), op->flags);
    if (rc != GNTST_okay) {
        map_unhold(mfn, op->flags, write);
        return rc;
    }
    domain_ref(rd);
    t = track_of(ld->grants, handle);
    t->granter = rd;
    t->ref = op->ref;
    /* Flags make the handle one that can be unmapped, also by another vcpu that guessed it. */
    smp_wmb();
    WRITE_ONCE(t->flags, (uint16_t)(op->flags & (GNTMAP_host_map | GNTMAP_device_map |
                                                 GNTMAP_readonly | GNTMAP_contains_pte)));
    op->dev_bus_addr = mfn << PAGE_SHIFT;
    op->handle = handle;
    return GNTST_okay;
}

static int map_one(struct mapper *m, struct gnttab_map_grant_ref *op)
{
    struct domain *ld = current->domain, *rd;
    bool write = !(op->flags & GNTMAP_readonly);
    struct grant_active a;
    uint32_t handle;
    int rc;

    if (!(op->flags & (GNTMAP_host_map | GNTMAP_device_map)))
        return GNTST_bad_gntref;
    rd = mapper_granter(m, op->dom);
    if (rd == NULL)
        return GNTST_bad_domain;
    handle = track_alloc(ld->grants);
    if (handle == TRACK_NONE)
        return GNTST_no_space;
    rc = grant_pin(rd, op->ref, ld->id, write, false, &a);
    if (rc == GNTST_okay) {
        rc = map_pinned(m, op, handle, a.mfn, write);
        if (rc != GNTST_okay)
            grant_unpin(rd, op->ref, write);
    }
    if (rc != GNTST_okay)
        track_free(ld->grants, handle);
    return rc;
}

int64_t grant_map_list(uint64_t list, uint64_t count)
{
    struct gnttab_map_grant_ref op;
    struct mapper m = {.granter = NULL};
    int64_t rc = 0;

    for (uint64_t i = 0; i < count && rc == 0; i++) {
        if (copy_from_guest_at(&op, list, i) != 0) {
            rc = -XEN_EFAULT;
            break;
        }
        op.status = (int16_t)map_one(&m, &op);
        /* The mapping stays when the guest cannot be told of it: it gave a bad address. */
        if (copy_to_guest_at(list, i, &op) != 0)
            rc = -XEN_EFAULT;
        if (work_charge(WORK_MAP)) {
            mapper_done(&m);
            if (preempt_for_event() && rc == 0 && i + 1 < count)
                return hypercall_restart(GNTTABOP_map_grant_ref, list + (i + 1) * sizeof(op),
                                         count - i - 1, 0);
        }
    }
    mapper_done(&m);
    return rc;
}

/* ---- unmap ---- */

/* One element of an unmap list, between its two halves: before and after the flush. */
struct unmap {
    uint64_t host_addr, dev_bus_addr, new_addr; /* 0: not this kind; no replacement */
    uint32_t handle;
    int16_t status;
    /* Filled by the first half for the second. */
    struct domain *granter; /* the tracking entry's reference */
    uint32_t ref;
    uint16_t done; /* GNTMAP_*: the kinds that were taken out */
    /* A writer's use; no kind is left, so grant and handle go, and the entry is busy until then. */
    bool write, last;
    uint64_t mfn;
};

/* Takes the tracking entry for us alone; what it says is copied. False: no such mapping. */
static bool unmap_begin(struct grant_table *g, struct unmap *u)
{
    struct grant_track *t;
    bool ok = false;

    spin_lock(&g->track_lock);
    t = track_of(g, u->handle);
    if (t != NULL && t->flags != 0 && !t->busy) {
        t->busy = true;
        u->granter = t->granter;
        u->ref = t->ref;
        u->write = !(t->flags & GNTMAP_readonly);
        ok = true;
    }
    spin_unlock(&g->track_lock);
    return ok;
}

/*
 * The half before the flush: page-table entries go, references stay. While the handle is not free
 * the grant is in use, so its active entry may be read without the granter's lock.
 */
static void unmap_entry(struct grant_table *g, struct unmap *u, struct grant_cursor *at)
{
    struct grant_track *t;
    uint16_t flags;
    int rc = GNTST_okay;

    u->done = 0;
    u->granter = NULL;
    if (!unmap_begin(g, u)) {
        u->status = GNTST_bad_handle;
        return;
    }
    t = track_of(g, u->handle);
    flags = t->flags;
    u->mfn = grant_active_of(u->granter->grants, u->ref)->mfn; /* stays while it is in use */
    if (u->host_addr != 0 && (flags & GNTMAP_host_map)) {
        rc = current->domain->type->grant_unmap(at, u->host_addr, MFN(u->mfn), flags, u->new_addr);
        if (rc == GNTST_okay)
            u->done |= GNTMAP_host_map;
    }
    if (rc == GNTST_okay && u->dev_bus_addr != 0 && (flags & GNTMAP_device_map)) {
        if (u->dev_bus_addr >> PAGE_SHIFT != u->mfn)
            rc = GNTST_bad_dev_addr;
        else
            u->done |= GNTMAP_device_map;
    }
    flags &= (uint16_t)~u->done;
    u->last = !(flags & (GNTMAP_host_map | GNTMAP_device_map));
    u->status = (int16_t)rc;
    if (!u->last) {
        t->flags = flags;
        spin_lock(&g->track_lock);
        t->busy = false;
        spin_unlock(&g->track_lock);
    }
}

/*
 * The half after the flush. The frame goes before the grant: once the mark is gone the granter may
 * make a page table of the page, say, which our writable reference would forbid.
 */
static void unmap_complete(struct grant_table *g, struct unmap *u)
{
    if (u->done & GNTMAP_host_map)
        grant_frame_put(u->mfn, u->write);
    if (u->done & GNTMAP_device_map)
        grant_frame_put(u->mfn, u->write);
    if (u->done == 0 || !u->last)
        return;
    grant_unpin(u->granter, u->ref, u->write);
    track_free(g, u->handle);
    domain_put(u->granter);
}

/* Reads the element as a struct unmap. False: it cannot be read, and *u is not to be used. */
static bool unmap_read(uint64_t list, uint64_t i, bool replace, struct unmap *u)
{
    struct gnttab_unmap_grant_ref a;
    struct gnttab_unmap_and_replace b;

    if (replace) {
        if (copy_from_guest_at(&b, list, i) != 0)
            return false;
        *u = (struct unmap){.host_addr = b.host_addr, .new_addr = b.new_addr, .handle = b.handle};
        return true;
    }
    if (copy_from_guest_at(&a, list, i) != 0)
        return false;
    *u = (struct unmap){
        .host_addr = a.host_addr, .dev_bus_addr = a.dev_bus_addr, .handle = a.handle};
    return true;
}

static int unmap_write_status(uint64_t list, uint64_t i, int16_t status)
{
    /* Both structures are of one size, with the status at the same place. */
    _Static_assert(sizeof(struct gnttab_unmap_grant_ref) == sizeof(struct gnttab_unmap_and_replace),
                   "size");
    _Static_assert(offsetof(struct gnttab_unmap_grant_ref, status) ==
                       offsetof(struct gnttab_unmap_and_replace, status),
                   "status");
    return copy_to_guest(list + i * sizeof(struct gnttab_unmap_grant_ref) +
                             offsetof(struct gnttab_unmap_grant_ref, status),
                         &status, sizeof(status));
}

/* Batch by batch: take out, flush, let go, tell the guest. Statuses are written after the flush. */
int64_t grant_unmap_list(uint64_t list, uint64_t count, bool replace)
{
    struct domain *d = current->domain;
    struct unmap batch[BATCH];
    int64_t rc = 0;

    for (uint64_t i = 0; i < count && rc == 0; i += BATCH) {
        unsigned n = (unsigned)MIN(count - i, (uint64_t)BATCH), got = 0;
        struct grant_cursor at = {.table = NULL};
        bool flush = false;

        for (; got < n; got++) {
            if (!unmap_read(list, i + got, replace, &batch[got])) {
                rc = -XEN_EFAULT;
                break;
            }
            unmap_entry(d->grants, &batch[got], &at);
            flush |= (batch[got].done & GNTMAP_host_map) || batch[got].last;
        }
        d->type->grant_done(&at);
        /* Only CPUs that have our tables loaded can have cached what they say. */
        if (flush)
            tlb_flush_mask(READ_ONCE(d->arch.tlb_mask) & cpu_online);
        for (unsigned k = 0; k < got; k++) {
            unmap_complete(d->grants, &batch[k]);
            if (unmap_write_status(list, i + k, batch[k].status) != 0)
                rc = -XEN_EFAULT;
        }
        if (work_charge(got * WORK_MAP) && preempt_for_event() && rc == 0 && i + n < count)
            return hypercall_restart(
                replace ? GNTTABOP_unmap_and_replace : GNTTABOP_unmap_grant_ref,
                list + (i + n) * sizeof(struct gnttab_unmap_grant_ref), count - i - n, 0);
    }
    return rc;
}

/* ---- the end of a domain that has mappings ---- */

/*
 * Host mappings go with the page tables, which follow; here go grants and device mappings. All
 * vcpus of the domain are parked for good, so no access comes any more by what the tables still
 * say, and no entry is busy.
 */
static void release_one(struct grant_table *g, uint32_t handle)
{
    struct grant_track *t = track_of(g, handle);
    struct domain *rd = t->granter;
    bool write = !(t->flags & GNTMAP_readonly);
    uint64_t mfn;

    if (t->flags == 0)
        return;
    if (t->flags & GNTMAP_device_map) {
        spin_lock(&rd->grants->lock);
        mfn = grant_active_of(rd->grants, t->ref)->mfn;
        spin_unlock(&rd->grants->lock);
        grant_frame_put(mfn, write);
    }
    grant_unpin(rd, t->ref, write);
    track_free(g, handle);
    domain_put(rd);
}

/* A page of handles per call, whether they are in use or not. */
int grant_release_mappings(struct domain *d)
{
    struct grant_table *g = d->grants;
    uint32_t all = g->nr_track * (uint32_t)TRACK_PER_PAGE;
    uint32_t end = MIN(g->release_cursor + (uint32_t)TRACK_PER_PAGE, all);

    while (g->release_cursor < end) {
        release_one(g, g->release_cursor++);
        if (work_charge(WORK_MAP) && preempt_wanted())
            break;
    }
    return g->release_cursor < all ? -XEN_ERESTART : 0;
}
