/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copying between granted frames and one's own, without a mapping: each end is a grant reference or
 * a frame of the caller's. Both ends are held while the bytes move.
 */
#include <core/console.h>
#include <core/grant_internal.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <x86/page.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

struct copy_end {
    bool is_grant;
    struct grant_use use; /* frame and readonly are valid for both kinds */
};

static int end_acquire_grant(const struct gnttab_copy_ptr *p, bool readonly, struct copy_end *e)
{
    domid_t me = current->domain->id;
    struct domain *granter = domain_get(p->domid);
    int rc;

    if (granter == NULL)
        return GNTST_bad_domain;
    rc = granter->grants == NULL ? GNTST_bad_domain
                                 : grant_acquire(granter, p->u.ref, me, readonly, false, &e->use);
    if (rc != GNTST_okay)
        domain_put(granter);
    return rc;
}

static int end_acquire_own(const struct gnttab_copy_ptr *p, bool readonly, struct copy_end *e)
{
    struct domain *d = current->domain;
    struct frame *f;

    if (p->domid != DOMID_SELF && p->domid != d->id)
        return GNTST_permission_denied;
    if (!mfn_valid(MFN(p->u.gmfn)))
        return GNTST_bad_page;
    f = frame_of(MFN(p->u.gmfn));
    if (!(readonly ? frame_get(f, d) : arch_frame_get_writable(f, d)))
        return GNTST_bad_page;
    e->use = (struct grant_use){.frame = f, .readonly = readonly, .length = PAGE_SIZE};
    return GNTST_okay;
}

static int end_acquire(const struct gnttab_copy_ptr *p, bool is_grant, bool readonly,
                       struct copy_end *e)
{
    e->is_grant = is_grant;
    return is_grant ? end_acquire_grant(p, readonly, e) : end_acquire_own(p, readonly, e);
}

static void end_release(struct copy_end *e)
{
    grant_put_frame(e->use.frame, e->use.readonly);
    if (e->is_grant) {
        grant_release_use(e->use.granter, e->use.ref, e->use.readonly);
        domain_put(e->use.granter);
    }
}

/* Offsets are from the start of the frame; a sub-page grant allows only its part. */
static bool end_covers(const struct copy_end *e, unsigned offset, unsigned len)
{
    return offset >= e->use.offset && offset + len <= e->use.offset + e->use.length;
}

static int copy_one(const struct gnttab_copy *op)
{
    struct copy_end src, dst;
    int rc;

    if ((op->flags & ~(GNTCOPY_source_gref | GNTCOPY_dest_gref)) ||
        op->source.offset + op->len > PAGE_SIZE || op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    rc = end_acquire(&op->source, op->flags & GNTCOPY_source_gref, true, &src);
    if (rc != GNTST_okay)
        return rc;
    rc = end_acquire(&op->dest, op->flags & GNTCOPY_dest_gref, false, &dst);
    if (rc == GNTST_okay) {
        if (end_covers(&src, op->source.offset, op->len) &&
            end_covers(&dst, op->dest.offset, op->len))
            memmove((char *)mfn_to_virt(frame_mfn(dst.use.frame)) + op->dest.offset,
                    (const char *)mfn_to_virt(frame_mfn(src.use.frame)) + op->source.offset,
                    op->len);
        else
            rc = GNTST_bad_copy_arg;
        end_release(&dst);
    }
    end_release(&src);
    return rc;
}

int64_t grant_op_copy(uint64_t arg, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++, arg += sizeof(struct gnttab_copy)) {
        struct gnttab_copy op;

        if (copy_from_guest(&op, arg, sizeof(op)) != 0)
            return -XEN_EFAULT;
        op.status = (int16_t)copy_one(&op);
        if (copy_to_guest(arg + offsetof(struct gnttab_copy, status), &op.status,
                          sizeof(op.status)) != 0)
            return -XEN_EFAULT;
        if (i % 8 == 7)
            preempt_point();
    }
    return 0;
}
