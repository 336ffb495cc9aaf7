/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping granted frames and taking the mappings away.
 *
 * A mapping is a handle in the mapper's maptrack, a use of the granter's entry, and references on
 * the frame. The references of a host mapping belong to its page-table entry, those of a device
 * mapping to the handle. A guest that overwrites the entry itself gives up only its own references:
 * the handle and the use stay until it unmaps or dies.
 *
 * Unmapping works in batches: entries out, one TLB flush, and only then do the frames go back.
 */
#include <core/console.h>
#include <core/grant_internal.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <x86/page.h>
#include <x86/regs.h>
#include <x86/tlb.h>
#include <x86/uaccess.h>

#define MAP_KINDS   (GNTMAP_host_map | GNTMAP_device_map)
#define UNMAP_BATCH 16

static struct maptrack *maptrack_of(struct grant_table *gt, grant_handle_t h)
{
    if (h / MAPTRACK_PER_PAGE >= gt->maptrack_frames)
        return NULL;
    return &gt->maptrack[h / MAPTRACK_PER_PAGE][h % MAPTRACK_PER_PAGE];
}

/* One more page of handles, all free. */
static bool maptrack_grow(struct grant_table *gt)
{
    uint32_t first = gt->maptrack_frames * MAPTRACK_PER_PAGE;
    struct maptrack *page;

    if (gt->maptrack_frames == gt->maptrack_max)
        return false;
    page = hpage_alloc();
    if (page == NULL)
        return false;
    for (uint32_t i = 0; i < MAPTRACK_PER_PAGE; i++)
        page[i].ref = i + 1 < MAPTRACK_PER_PAGE ? first + i + 1 : gt->maptrack_free;
    gt->maptrack[gt->maptrack_frames++] = page;
    gt->maptrack_free = first;
    return true;
}

static bool maptrack_alloc(struct domain *d, grant_handle_t *handle)
{
    struct grant_table *gt = d->grants;
    bool ok;

    spin_lock(&gt->lock);
    ok = gt->maptrack_free != MAPTRACK_NONE || maptrack_grow(gt);
    if (ok) {
        *handle = gt->maptrack_free;
        gt->maptrack_free = maptrack_of(gt, *handle)->ref;
        gt->maptrack_used++;
    }
    spin_unlock(&gt->lock);
    return ok;
}

static void maptrack_put(struct domain *d, grant_handle_t handle)
{
    struct grant_table *gt = d->grants;
    struct maptrack *mt;

    spin_lock(&gt->lock);
    mt = maptrack_of(gt, handle);
    mt->flags = 0;
    mt->ref = gt->maptrack_free;
    gt->maptrack_free = handle;
    gt->maptrack_used--;
    spin_unlock(&gt->lock);
}

/* Takes the use (and frame references) once for each kind of mapping asked for. */
static int acquire_kinds(struct domain *granter, const struct gnttab_map_grant_ref *op,
                         struct grant_use *u)
{
    domid_t me = current->domain->id;
    bool readonly = op->flags & GNTMAP_readonly;
    int rc = grant_acquire(granter, op->ref, me, readonly, true, u);

    if (rc != GNTST_okay || (op->flags & MAP_KINDS) != MAP_KINDS)
        return rc;
    rc = grant_acquire(granter, op->ref, me, readonly, true, u);
    if (rc != GNTST_okay) {
        grant_put_frame(u->frame, readonly);
        grant_release_use(granter, op->ref, readonly);
    }
    return rc;
}

static void release_kinds(const struct gnttab_map_grant_ref *op, const struct grant_use *u)
{
    unsigned n = (op->flags & MAP_KINDS) == MAP_KINDS ? 2 : 1;

    while (n-- != 0) {
        grant_put_frame(u->frame, u->readonly);
        grant_release_use(u->granter, u->ref, u->readonly);
    }
}

static int map_one(struct gnttab_map_grant_ref *op)
{
    struct domain *d = current->domain, *granter;
    struct grant_use u;
    struct maptrack *mt;
    int rc;

    if (!(op->flags & MAP_KINDS))
        return GNTST_bad_gntref;
    granter = domain_get(op->dom);
    if (granter == NULL || granter->grants == NULL) {
        if (granter != NULL)
            domain_put(granter);
        return GNTST_bad_domain;
    }
    if (!maptrack_alloc(d, &op->handle)) {
        domain_put(granter);
        return GNTST_no_space;
    }
    rc = acquire_kinds(granter, op, &u);
    if (rc == GNTST_okay && (op->flags & GNTMAP_host_map)) {
        rc = arch_grant_map(op->host_addr, frame_mfn(u.frame), op->flags);
        if (rc != GNTST_okay)
            release_kinds(op, &u);
    }
    if (rc != GNTST_okay) {
        maptrack_put(d, op->handle);
        domain_put(granter);
        return rc;
    }
    op->dev_bus_addr = frame_mfn(u.frame).m << PAGE_SHIFT;
    /* The handle keeps the reference on the granter. It becomes valid with its flags. */
    mt = maptrack_of(d->grants, op->handle);
    mt->ref = op->ref;
    mt->domid = granter->id;
    smp_wmb();
    WRITE_ONCE(mt->flags, op->flags & (MAP_KINDS | GNTMAP_readonly | GNTMAP_contains_pte));
    return GNTST_okay;
}

int64_t grant_op_map(uint64_t arg, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++, arg += sizeof(struct gnttab_map_grant_ref)) {
        struct gnttab_map_grant_ref op;

        if (copy_from_guest(&op, arg, sizeof(op)) != 0)
            return -XEN_EFAULT;
        op.status = (int16_t)map_one(&op);
        if (copy_to_guest(arg, &op, sizeof(op)) != 0)
            return -XEN_EFAULT;
        if (i % 8 == 7)
            preempt_point();
    }
    return 0;
}

/* A mapping that has been taken out, to be given back after the flush. */
struct unmapped {
    struct domain *granter;
    struct frame *frame;
    grant_ref_t ref;
    uint16_t kinds; /* GNTMAP_host_map, GNTMAP_device_map: what goes */
    bool readonly, is_pte, last;
    grant_handle_t handle;
};

/*
 * Claims the kinds of the handle that are to go, so that a second vcpu cannot unmap them as well.
 * Its frame is that of the active entry: it cannot change while the handle counts there.
 */
static int unmap_claim(struct domain *d, grant_handle_t handle, uint16_t kinds, struct unmapped *u)
{
    struct grant_table *gt = d->grants;
    struct maptrack *mt;
    int rc = GNTST_bad_handle;

    spin_lock(&gt->lock);
    mt = maptrack_of(gt, handle);
    if (mt != NULL && (mt->flags & kinds & MAP_KINDS)) {
        u->kinds = mt->flags & kinds & MAP_KINDS;
        u->readonly = mt->flags & GNTMAP_readonly;
        u->is_pte = mt->flags & GNTMAP_contains_pte;
        u->ref = mt->ref;
        u->granter = domain_of_id(mt->domid);
        u->handle = handle;
        mt->flags &= ~u->kinds;
        u->last = !(mt->flags & MAP_KINDS);
        rc = GNTST_okay;
    }
    spin_unlock(&gt->lock);
    if (rc == GNTST_okay)
        u->frame = frame_of(MFN(grant_active_of(u->granter->grants, u->ref)->mfn));
    return rc;
}

static void unmap_unclaim(struct domain *d, const struct unmapped *u)
{
    spin_lock(&d->grants->lock);
    maptrack_of(d->grants, u->handle)->flags |= u->kinds;
    spin_unlock(&d->grants->lock);
}

static int unmap_one(uint64_t host_addr, uint64_t dev_addr, grant_handle_t handle,
                     uint64_t new_addr, struct unmapped *u)
{
    struct domain *d = current->domain;
    uint16_t kinds =
        (host_addr != 0 ? GNTMAP_host_map : 0) | (dev_addr != 0 ? GNTMAP_device_map : 0);
    int rc = unmap_claim(d, handle, kinds, u);
    uint32_t flags;

    if (rc != GNTST_okay)
        return rc;
    if ((u->kinds & GNTMAP_device_map) && dev_addr >> PAGE_SHIFT != frame_mfn(u->frame).m) {
        unmap_unclaim(d, u);
        return GNTST_bad_dev_addr;
    }
    if (u->kinds & GNTMAP_host_map) {
        flags = GNTMAP_host_map | (u->readonly ? GNTMAP_readonly : 0) |
                (u->is_pte ? GNTMAP_contains_pte : 0);
        rc = arch_grant_unmap(host_addr, frame_mfn(u->frame), flags, new_addr);
        if (rc != GNTST_okay)
            unmap_unclaim(d, u);
    }
    return rc;
}

static void unmap_finish(struct domain *d, struct unmapped *u)
{
    for (unsigned kind = GNTMAP_device_map; kind <= GNTMAP_host_map; kind <<= 1) {
        if (!(u->kinds & kind))
            continue;
        grant_put_frame(u->frame, u->readonly);
        grant_release_use(u->granter, u->ref, u->readonly);
    }
    if (u->last) {
        maptrack_put(d, u->handle);
        domain_put(u->granter);
    }
}

struct batch {
    struct unmapped u[UNMAP_BATCH];
    unsigned n;
};

static void batch_finish(struct batch *b)
{
    struct domain *d = current->domain;

    if (b->n == 0)
        return;
    tlb_flush_mask(READ_ONCE(d->arch.tlb_mask));
    for (unsigned i = 0; i < b->n; i++)
        unmap_finish(d, &b->u[i]);
    b->n = 0;
    preempt_point();
}

int64_t grant_op_unmap(uint64_t arg, uint64_t count)
{
    struct batch b = {.n = 0};
    int64_t rc = 0;

    for (uint64_t i = 0; i < count && rc == 0; i++, arg += sizeof(struct gnttab_unmap_grant_ref)) {
        struct gnttab_unmap_grant_ref op;

        rc = -XEN_EFAULT;
        if (copy_from_guest(&op, arg, sizeof(op)) != 0)
            break;
        op.status = (int16_t)unmap_one(op.host_addr, op.dev_bus_addr, op.handle, 0, &b.u[b.n]);
        if (op.status == GNTST_okay)
            b.n++;
        if (copy_to_guest(arg, &op, sizeof(op)) == 0)
            rc = 0;
        if (b.n == UNMAP_BATCH || i % UNMAP_BATCH == UNMAP_BATCH - 1)
            batch_finish(&b);
    }
    batch_finish(&b);
    return rc;
}

int64_t grant_op_unmap_and_replace(uint64_t arg, uint64_t count)
{
    struct batch b = {.n = 0};
    int64_t rc = 0;

    for (uint64_t i = 0; i < count && rc == 0;
         i++, arg += sizeof(struct gnttab_unmap_and_replace)) {
        struct gnttab_unmap_and_replace op;

        rc = -XEN_EFAULT;
        if (copy_from_guest(&op, arg, sizeof(op)) != 0)
            break;
        op.status = op.new_addr == 0
                        ? GNTST_bad_virt_addr
                        : (int16_t)unmap_one(op.host_addr, 0, op.handle, op.new_addr, &b.u[b.n]);
        if (op.status == GNTST_okay)
            b.n++;
        if (copy_to_guest(arg, &op, sizeof(op)) == 0)
            rc = 0;
        if (b.n == UNMAP_BATCH || i % UNMAP_BATCH == UNMAP_BATCH - 1)
            batch_finish(&b);
    }
    batch_finish(&b);
    return rc;
}

/*
 * The domain is dying and its page tables are gone, and with them the references of its host
 * mappings; what is left are the uses, the device mappings' references and the handles.
 */
static void release_handle(struct domain *d, grant_handle_t handle)
{
    struct unmapped u;

    if (unmap_claim(d, handle, MAP_KINDS, &u) != GNTST_okay)
        return;
    if (u.kinds & GNTMAP_device_map) {
        grant_put_frame(u.frame, u.readonly);
        grant_release_use(u.granter, u.ref, u.readonly);
    }
    if (u.kinds & GNTMAP_host_map)
        grant_release_use(u.granter, u.ref, u.readonly);
    maptrack_put(d, handle);
    domain_put(u.granter);
}

int grant_release_mappings(struct domain *d)
{
    struct grant_table *gt = d->grants;

    if (gt == NULL)
        return 0;
    while (gt->maptrack_used != 0 && gt->release_cursor < gt->maptrack_frames * MAPTRACK_PER_PAGE) {
        release_handle(d, gt->release_cursor++);
        if (gt->release_cursor % 64 == 0 && preempt_wanted())
            return -XEN_ERESTART;
    }
    return 0;
}
