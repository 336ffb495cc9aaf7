/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grant table hypercall: its operations on tables, and the way to those on mappings.
 *
 * Two kinds of answer, as the ABI has it: most operations take a list, each element of which has a
 * status (GNTST_*), and return an errno only when the list itself cannot be worked through;
 * get_version, set_version and cache_flush have no status and return an errno. Each element is
 * copied in once, worked on, and copied back.
 *
 * An operation on another domain's table needs the privilege over it (domain_get_target()); the
 * reference that it gives is held while the table is used.
 */
#include <core/domain.h>
#include <core/grant.h>
#include <core/grant/grant_internal.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/uaccess.h>

#define WORK_LIGHT 300 /* of an element, without the pages that are made for it */

/* GNTST_* for a domain that the caller may ask about; on GNTST_okay *d has a reference. */
static int grant_target(domid_t id, struct domain **d)
{
    switch (domain_get_target(id, d)) {
    case 0:
        return GNTST_okay;
    case -XEN_EPERM:
        return GNTST_permission_denied;
    default:
        return GNTST_bad_domain;
    }
}

static int grant_setup(struct gnttab_setup_table *op)
{
    struct domain *d;
    uint64_t mfn;
    int rc = grant_target(op->dom, &d);

    if (rc != GNTST_okay)
        return rc;
    rc = grant_grow(d, op->nr_frames);
    /* The lock is not held over copies; the table never shrinks while a domain lives. */
    for (uint32_t i = 0; rc == GNTST_okay && i < op->nr_frames; i++) {
        mfn_t m;

        if (grant_get_frame(d, i, false, &m) != 0)
            rc = GNTST_general_error;
        mfn = m.m;
        if (rc == GNTST_okay && copy_to_guest_at(op->frame_list.p, i, &mfn) != 0)
            rc = GNTST_bad_virt_addr;
        if (preempt_after(WORK_LIGHT))
            break;
    }
    domain_put(d);
    return rc;
}

static int grant_query_size(struct gnttab_query_size *op)
{
    struct domain *d;
    int rc = grant_target(op->dom, &d);

    if (rc != GNTST_okay)
        return rc;
    op->nr_frames = READ_ONCE(d->grants->nr_frames);
    op->max_nr_frames = d->grants->max_frames;
    domain_put(d);
    return GNTST_okay;
}

/* Lists what there is: unlike grant_setup() it makes no frames. */
static int grant_get_status_frames(struct gnttab_get_status_frames *op)
{
    struct domain *d;
    uint64_t mfn;
    mfn_t m;
    int rc = grant_target(op->dom, &d);

    if (rc != GNTST_okay)
        return rc;
    if (op->nr_frames > READ_ONCE(d->grants->nr_status))
        rc = GNTST_general_error;
    for (uint32_t i = 0; rc == GNTST_okay && i < op->nr_frames; i++) {
        if (grant_get_frame(d, i, true, &m) != 0) {
            rc = GNTST_general_error;
            break;
        }
        mfn = m.m;
        if (copy_to_guest_at(op->frame_list.p, i, &mfn) != 0)
            rc = GNTST_bad_virt_addr;
        if (preempt_after(WORK_LIGHT))
            break;
    }
    domain_put(d);
    return rc;
}

static int64_t grant_get_version(uint64_t arg)
{
    struct gnttab_get_version op;
    struct domain *d;
    int rc;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    rc = domain_get_target(op.dom, &d);
    if (rc != 0)
        return rc;
    op.version = d->grants->version;
    domain_put(d);
    return copy_to_guest(arg, &op, sizeof(op)) != 0 ? -XEN_EFAULT : 0;
}

/* The version in force is told in any case. */
static int64_t grant_set_version_op(uint64_t arg)
{
    struct gnttab_set_version op;
    struct domain *d = current->domain;
    int rc;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    rc = grant_set_version(d, op.version);
    op.version = d->grants->version;
    return copy_to_guest(arg, &op, sizeof(op)) != 0 ? -XEN_EFAULT : rc;
}

/* Of all domains only the control domain may fill the log like this, its own table included. */
static int grant_dump_op(const struct gnttab_dump_table *op)
{
    struct domain *d;
    int rc = current->domain->privileged ? grant_target(op->dom, &d) : GNTST_permission_denied;

    if (rc != GNTST_okay)
        return rc;
    grant_dump(d);
    domain_put(d);
    return GNTST_okay;
}

/*
 * x86 keeps devices and caches coherent; what is left is to write lines back when asked to. Only of
 * the caller's own frames.
 */
static int64_t grant_flush_one(const struct gnttab_cache_flush *op)
{
    struct domain *d = current->domain;
    uint64_t mfn = op->a.dev_bus_addr >> PAGE_SHIFT;

    if (op->offset >= PAGE_SIZE || op->length > PAGE_SIZE || op->offset + op->length > PAGE_SIZE ||
        (op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)))
        return op->op & GNTTAB_CACHE_SOURCE_GREF ? -XEN_EOPNOTSUPP : -XEN_EINVAL;
    if (op->length == 0 || op->op == 0)
        return 0;
    if (!grant_frame_get(d, mfn, false))
        return -XEN_EPERM;
    cache_flush((char *)mfn_to_virt(MFN(mfn)) + op->offset, op->length);
    grant_frame_put(mfn, false);
    return 0;
}

static int64_t grant_flush_list(uint64_t list, uint64_t count)
{
    struct gnttab_cache_flush op;
    int64_t rc = 0;

    for (uint64_t i = 0; i < count && rc == 0; i++) {
        if (copy_from_guest_at(&op, list, i) != 0)
            return -XEN_EFAULT;
        rc = grant_flush_one(&op);
        if (work_charge(WORK_PAGE) && preempt_for_event() && rc == 0 && i + 1 < count)
            return hypercall_restart(GNTTABOP_cache_flush, list + (i + 1) * sizeof(op),
                                     count - i - 1, 0);
    }
    return rc;
}

/* The operations whose elements each have a status. */
union grant_args {
    struct gnttab_setup_table setup;
    struct gnttab_query_size query;
    struct gnttab_get_status_frames status_frames;
    struct gnttab_transfer transfer;
    struct gnttab_swap_grant_ref swap;
    struct gnttab_dump_table dump;
};

/* 0: no such operation. */
static size_t grant_arg_size(uint64_t cmd)
{
    switch (cmd) {
    case GNTTABOP_setup_table:
        return sizeof(struct gnttab_setup_table);
    case GNTTABOP_query_size:
        return sizeof(struct gnttab_query_size);
    case GNTTABOP_get_status_frames:
        return sizeof(struct gnttab_get_status_frames);
    case GNTTABOP_transfer:
        return sizeof(struct gnttab_transfer);
    case GNTTABOP_swap_grant_ref:
        return sizeof(struct gnttab_swap_grant_ref);
    case GNTTABOP_dump_table:
        return sizeof(struct gnttab_dump_table);
    default:
        return 0;
    }
}

static void grant_do(uint64_t cmd, union grant_args *a)
{
    switch (cmd) {
    case GNTTABOP_setup_table:
        a->setup.status = (int16_t)grant_setup(&a->setup);
        break;
    case GNTTABOP_query_size:
        a->query.status = (int16_t)grant_query_size(&a->query);
        break;
    case GNTTABOP_get_status_frames:
        a->status_frames.status = (int16_t)grant_get_status_frames(&a->status_frames);
        break;
    case GNTTABOP_transfer: /* frames do not change hands this way here: copy or map instead */
        a->transfer.status = GNTST_general_error;
        break;
    case GNTTABOP_swap_grant_ref:
        a->swap.status = (int16_t)grant_swap(current->domain, a->swap.ref_a, a->swap.ref_b);
        break;
    default:
        a->dump.status = (int16_t)grant_dump_op(&a->dump);
    }
}

/* Only the part of the union that belongs to cmd is read, and only that goes back. */
static int64_t grant_do_list(uint64_t cmd, uint64_t list, uint64_t count)
{
    size_t size = grant_arg_size(cmd);
    union grant_args a;

    /* Those that answer about a table take one element. */
    if (size == 0)
        return -XEN_ENOSYS;
    if (count != 1 && cmd != GNTTABOP_transfer && cmd != GNTTABOP_swap_grant_ref)
        return -XEN_EINVAL;
    for (uint64_t i = 0; i < count; i++, list += size) {
        if (copy_from_guest(&a, list, size) != 0)
            return -XEN_EFAULT;
        grant_do(cmd, &a);
        if (copy_to_guest(list, &a, size) != 0)
            return -XEN_EFAULT;
        if (work_charge(WORK_LIGHT) && preempt_for_event() && i + 1 < count)
            return hypercall_restart(cmd, list + size, count - i - 1, 0);
    }
    return 0;
}

int64_t hc_grant_table_op(uint64_t cmd, uint64_t list, uint64_t count, uint64_t a4)
{
    (void)a4;
    if (count > INT32_MAX)
        return -XEN_EINVAL;
    switch (cmd) {
    case GNTTABOP_map_grant_ref:
        return grant_map_list(list, count);
    case GNTTABOP_unmap_grant_ref:
        return grant_unmap_list(list, count, false);
    case GNTTABOP_unmap_and_replace:
        return grant_unmap_list(list, count, true);
    case GNTTABOP_copy:
        return grant_copy_list(list, count);
    case GNTTABOP_get_version:
        return grant_get_version(list);
    case GNTTABOP_set_version:
        return grant_set_version_op(list);
    case GNTTABOP_cache_flush:
        return grant_flush_list(list, count);
    default:
        return grant_do_list(cmd, list, count);
    }
}
