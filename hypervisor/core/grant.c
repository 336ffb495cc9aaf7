/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grant tables: life cycle, size, version, and the table of operations. grant_internal.h has the
 * model; grant_entry.c takes grants into use, grant_map.c maps and unmaps, grant_copy.c copies.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant_internal.h>
#include <core/hypercall.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <x86/page.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define TABLE_ORDER 3
_Static_assert(sizeof(struct grant_table) <= (PAGE_SIZE << TABLE_ORDER), "grant table structure");
_Static_assert(sizeof(struct grant_active) == 16, "two pages of them for a frame of version 1");

static unsigned maptrack_order(const struct grant_table *gt)
{
    uint64_t pages = DIV_UP(gt->maptrack_max * sizeof(*gt->maptrack), PAGE_SIZE);

    return pages <= 1 ? 0 : bit_highest(pages - 1) + 1;
}

int grant_domain_init(struct domain *d, unsigned max_frames, unsigned max_maptrack,
                      unsigned max_version)
{
    struct grant_table *gt;

    if (max_frames == 0 || max_version > 2)
        return -XEN_EINVAL;
    gt = hpages_alloc(TABLE_ORDER);
    if (gt == NULL)
        return -XEN_ENOMEM;
    spin_lock_init(&gt->lock, LOCK_GRANT);
    gt->version = 1;
    gt->max_version = max_version == 0 ? 2 : max_version;
    gt->max_frames = MIN(max_frames, GRANT_MAX_FRAMES);
    gt->maptrack_max = MIN(MAX(max_maptrack, 1u), MAPTRACK_MAX_FRAMES);
    gt->maptrack_free = MAPTRACK_NONE;
    gt->maptrack = hpages_alloc(maptrack_order(gt));
    if (gt->maptrack == NULL) {
        hpages_free(gt, TABLE_ORDER);
        return -XEN_ENOMEM;
    }
    d->grants = gt;
    return 0;
}

/* Page i of an array of pages, there or made now. */
static bool ensure_page(void **slot)
{
    if (*slot == NULL)
        *slot = hpage_alloc();
    return *slot != NULL;
}

static bool add_status_frames(struct domain *d, struct grant_table *gt, unsigned nr_frames)
{
    unsigned want = DIV_UP(nr_frames * V2_PER_FRAME, STATUS_PER_FRAME);

    for (; gt->nr_status < want; gt->nr_status++) {
        void *page = hpage_alloc();

        if (page == NULL)
            return false;
        gt->status[gt->nr_status] = page;
        frame_share_with_guest(page, d, true);
    }
    return true;
}

static bool grow_locked(struct domain *d, struct grant_table *gt, unsigned nr)
{
    if (gt->gone || nr > gt->max_frames)
        return false;
    if (gt->version == 2 && !add_status_frames(d, gt, nr))
        return false;
    for (; gt->nr_frames < nr; gt->nr_frames++) {
        unsigned i = gt->nr_frames;

        if (!ensure_page((void **)&gt->active[2 * i]) ||
            !ensure_page((void **)&gt->active[2 * i + 1]))
            return false;
        gt->frames[i] = hpage_alloc();
        if (gt->frames[i] == NULL)
            return false;
        frame_share_with_guest(gt->frames[i], d, true);
    }
    return true;
}

int grant_grow(struct domain *d, unsigned nr_frames)
{
    struct grant_table *gt = d->grants;
    bool ok;

    spin_lock(&gt->lock);
    ok = grow_locked(d, gt, nr_frames);
    spin_unlock(&gt->lock);
    return ok ? 0 : -XEN_ENOMEM;
}

int grant_get_frame(struct domain *d, unsigned idx, bool status, mfn_t *mfn)
{
    struct grant_table *gt = d->grants;
    int rc = -XEN_EINVAL;

    if (gt == NULL || idx >= gt->max_frames)
        return -XEN_EINVAL;
    spin_lock(&gt->lock);
    if (status) {
        if (gt->version == 2 && idx < gt->nr_status) {
            *mfn = virt_to_mfn(gt->status[idx]);
            rc = 0;
        }
    } else if (idx < gt->nr_frames || grow_locked(d, gt, idx + 1)) {
        *mfn = virt_to_mfn(gt->frames[idx]);
        rc = 0;
    }
    spin_unlock(&gt->lock);
    return rc;
}

/* The guest-visible frames go; what others still hold of the grants is in the active entries. */
void grant_domain_destroy(struct domain *d)
{
    struct grant_table *gt = d->grants;

    if (gt == NULL || gt->gone)
        return;
    spin_lock(&gt->lock);
    gt->gone = true;
    spin_unlock(&gt->lock);
    for (unsigned i = 0; i < gt->nr_frames; i++)
        frame_unshare(gt->frames[i]);
    for (unsigned i = 0; i < gt->nr_status; i++)
        frame_unshare(gt->status[i]);
}

void grant_domain_free(struct domain *d)
{
    struct grant_table *gt = d->grants;

    if (gt == NULL)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(gt->active) && gt->active[i] != NULL; i++)
        hpage_free(gt->active[i]);
    for (unsigned i = 0; i < gt->maptrack_frames; i++)
        hpage_free(gt->maptrack[i]);
    hpages_free(gt->maptrack, maptrack_order(gt));
    hpages_free(gt, TABLE_ORDER);
    d->grants = NULL;
}

int grant_target(domid_t id, struct domain **d)
{
    switch (domain_get_target(id, d)) {
    case 0:
        if ((*d)->grants != NULL)
            return GNTST_okay;
        domain_put(*d);
        return GNTST_bad_domain;
    case -XEN_EPERM:
        return GNTST_permission_denied;
    default:
        return GNTST_bad_domain;
    }
}

static int setup_table(struct domain *d, const struct gnttab_setup_table *op)
{
    if (op->nr_frames > d->grants->max_frames || grant_grow(d, op->nr_frames) != 0)
        return GNTST_general_error;
    for (uint32_t i = 0; i < op->nr_frames; i++) {
        uint64_t m = virt_to_mfn(d->grants->frames[i]).m;

        if (copy_to_guest_at(op->frame_list.p, i, &m) != 0)
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

static int64_t op_setup_table(uint64_t arg, uint64_t count)
{
    struct gnttab_setup_table op;
    struct domain *d;

    if (count != 1)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    op.status = (int16_t)grant_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        op.status = (int16_t)setup_table(d, &op);
        domain_put(d);
    }
    return copy_to_guest(arg, &op, sizeof(op)) ? -XEN_EFAULT : 0;
}

static int64_t op_query_size(uint64_t arg, uint64_t count)
{
    struct gnttab_query_size op;
    struct domain *d;

    if (count != 1)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    op.status = (int16_t)grant_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        op.nr_frames = d->grants->nr_frames;
        op.max_nr_frames = d->grants->max_frames;
        domain_put(d);
    }
    return copy_to_guest(arg, &op, sizeof(op)) ? -XEN_EFAULT : 0;
}

static int64_t op_get_status_frames(uint64_t arg, uint64_t count)
{
    struct gnttab_get_status_frames op;
    struct domain *d;

    if (count != 1)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    op.status = (int16_t)grant_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        if (d->grants->version != 2 || op.nr_frames > d->grants->nr_status)
            op.status = GNTST_general_error;
        for (uint32_t i = 0; op.status == GNTST_okay && i < op.nr_frames; i++) {
            uint64_t m = virt_to_mfn(d->grants->status[i]).m;

            if (copy_to_guest_at(op.frame_list.p, i, &m) != 0)
                op.status = GNTST_bad_virt_addr;
        }
        domain_put(d);
    }
    return copy_to_guest(arg, &op, sizeof(op)) ? -XEN_EFAULT : 0;
}

static bool any_in_use(struct grant_table *gt)
{
    for (grant_ref_t ref = 0; ref < grant_nr_entries(gt); ref++) {
        const struct grant_active *a = grant_active_of(gt, ref);

        if (a->readers + a->writers != 0)
            return true;
    }
    return false;
}

/*
 * The reserved entries (console, store) keep their meaning; all others are cleared. They were set
 * by the tools before the guest ran, so a plain access is all that they can be.
 */
static void convert_entries(struct grant_table *gt, unsigned to)
{
    grant_entry_v1_t kept[GNTTAB_NR_RESERVED_ENTRIES];

    for (unsigned i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        if (gt->version == 1) {
            kept[i] = *grant_entry_1(gt, i);
        } else {
            const grant_entry_v2_t *e = grant_entry_2(gt, i);

            kept[i] = (grant_entry_v1_t){e->hdr.flags, e->hdr.domid, (uint32_t)e->full_page.frame};
        }
        kept[i].flags &= GTF_type_mask | GTF_readonly;
    }
    for (unsigned i = 0; i < gt->nr_frames; i++)
        page_clear(gt->frames[i]);
    gt->version = to;
    for (unsigned i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        if ((kept[i].flags & GTF_type_mask) != GTF_permit_access)
            continue;
        if (to == 1)
            *grant_entry_1(gt, i) = kept[i];
        else
            *grant_entry_2(gt, i) = (grant_entry_v2_t){
                .full_page = {.hdr = {kept[i].flags, kept[i].domid}, .frame = kept[i].frame}};
    }
}

static int64_t set_version_locked(struct domain *d, struct grant_table *gt, uint32_t version)
{
    if (version == gt->version)
        return 0;
    if (version == 2 && gt->max_version < 2)
        return -XEN_ENOSYS;
    if (any_in_use(gt))
        return -XEN_EBUSY;
    if (gt->nr_frames == 0 && !grow_locked(d, gt, 1))
        return -XEN_ENOMEM;
    if (version == 2 && !add_status_frames(d, gt, gt->nr_frames))
        return -XEN_ENOMEM;
    convert_entries(gt, version);
    return 0;
}

static int64_t op_set_version(uint64_t arg, uint64_t count)
{
    struct gnttab_set_version op;
    struct domain *d = current->domain;
    int64_t rc = -XEN_EINVAL;

    if (count != 1)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    spin_lock(&d->grants->lock);
    if (op.version == 1 || op.version == 2)
        rc = set_version_locked(d, d->grants, op.version);
    op.version = d->grants->version;
    spin_unlock(&d->grants->lock);
    if (copy_to_guest(arg, &op, sizeof(op)) != 0)
        return -XEN_EFAULT;
    return rc;
}

static int64_t op_get_version(uint64_t arg, uint64_t count)
{
    struct gnttab_get_version op;
    struct domain *d;
    int rc;

    if (count != 1)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    rc = domain_get_target(op.dom, &d);
    if (rc != 0)
        return rc;
    op.version = d->grants != NULL ? d->grants->version : 0;
    domain_put(d);
    return copy_to_guest(arg, &op, sizeof(op)) ? -XEN_EFAULT : 0;
}

static int swap_refs(struct grant_table *gt, grant_ref_t a, grant_ref_t b)
{
    const struct grant_active *x, *y;

    if (a >= grant_nr_entries(gt) || b >= grant_nr_entries(gt))
        return GNTST_bad_gntref;
    if (a == b)
        return GNTST_okay;
    x = grant_active_of(gt, a);
    y = grant_active_of(gt, b);
    if (x->readers + x->writers + y->readers + y->writers != 0)
        return GNTST_eagain;
    if (gt->version == 1) {
        grant_entry_v1_t t = *grant_entry_1(gt, a);

        *grant_entry_1(gt, a) = *grant_entry_1(gt, b);
        *grant_entry_1(gt, b) = t;
    } else {
        grant_entry_v2_t t = *grant_entry_2(gt, a);

        *grant_entry_2(gt, a) = *grant_entry_2(gt, b);
        *grant_entry_2(gt, b) = t;
    }
    return GNTST_okay;
}

static int64_t op_swap(uint64_t arg, uint64_t count)
{
    struct grant_table *gt = current->domain->grants;

    for (uint64_t i = 0; i < count; i++, arg += sizeof(struct gnttab_swap_grant_ref)) {
        struct gnttab_swap_grant_ref op;

        if (copy_from_guest(&op, arg, sizeof(op)) != 0)
            return -XEN_EFAULT;
        spin_lock(&gt->lock);
        op.status = (int16_t)swap_refs(gt, op.ref_a, op.ref_b);
        spin_unlock(&gt->lock);
        if (copy_to_guest(arg, &op, sizeof(op)) != 0)
            return -XEN_EFAULT;
        preempt_point();
    }
    return 0;
}

/* Moving a frame to another domain: nothing that is alive uses it, and it is refused. */
static int64_t op_transfer(uint64_t arg, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++, arg += sizeof(struct gnttab_transfer)) {
        struct gnttab_transfer op;

        if (copy_from_guest(&op, arg, sizeof(op)) != 0)
            return -XEN_EFAULT;
        op.status = GNTST_general_error;
        if (copy_to_guest(arg, &op, sizeof(op)) != 0)
            return -XEN_EFAULT;
        preempt_point();
    }
    return 0;
}

static int64_t op_dump_table(uint64_t arg, uint64_t count)
{
    struct gnttab_dump_table op;
    struct domain *d;

    if (count != 1)
        return -XEN_EINVAL;
    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (!current->domain->privileged)
        return -XEN_EPERM;
    op.status = (int16_t)grant_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        grant_dump(d);
        domain_put(d);
    }
    return copy_to_guest(arg, &op, sizeof(op)) ? -XEN_EFAULT : 0;
}

int64_t hc_grant_table_op(uint64_t cmd, uint64_t arg, uint64_t count, uint64_t a4)
{
    switch (cmd) {
    case GNTTABOP_map_grant_ref:
        return grant_op_map(arg, count);
    case GNTTABOP_unmap_grant_ref:
        return grant_op_unmap(arg, count);
    case GNTTABOP_unmap_and_replace:
        return grant_op_unmap_and_replace(arg, count);
    case GNTTABOP_copy:
        return grant_op_copy(arg, count);
    case GNTTABOP_setup_table:
        return op_setup_table(arg, count);
    case GNTTABOP_query_size:
        return op_query_size(arg, count);
    case GNTTABOP_set_version:
        return op_set_version(arg, count);
    case GNTTABOP_get_version:
        return op_get_version(arg, count);
    case GNTTABOP_get_status_frames:
        return op_get_status_frames(arg, count);
    case GNTTABOP_swap_grant_ref:
        return op_swap(arg, count);
    case GNTTABOP_transfer:
        return op_transfer(arg, count);
    case GNTTABOP_dump_table:
        return op_dump_table(arg, count);
    case GNTTABOP_cache_flush:
        return -XEN_ENOSYS; /* caches are coherent on this architecture */
    default:
        return -XEN_ENOSYS;
    }
}

void grant_dump(struct domain *d)
{
    struct grant_table *gt = d->grants;
    unsigned used = 0;

    if (gt == NULL)
        return;
    spin_lock(&gt->lock);
    log_info("%pd: grant table v%u, %u of %u frames, %u mappings of others\n", d, gt->version,
             gt->nr_frames, gt->max_frames, gt->maptrack_used);
    for (grant_ref_t ref = 0; !gt->gone && ref < grant_nr_entries(gt); ref++) {
        const struct grant_active *a = grant_active_of(gt, ref);

        if (a->readers + a->writers != 0 && used++ < 32)
            log_info("  ref %u: frame %x, d%u, %u readers, %u writers\n", ref, a->mfn, a->domid,
                     a->readers, a->writers);
    }
    if (used > 32)
        log_info("  and %u more in use\n", used - 32);
    spin_unlock(&gt->lock);
}
