/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies between frames, each of them the caller's own or named by a grant. Nothing is mapped: the
 * hypervisor copies through its direct map. What one operation has taken hold of is kept for the
 * next one in the list, as a driver's copies mostly come in runs on the same frame.
 *
 * A side that is held is so by the same two references as a mapping: the grant is in use, and the
 * frame has a reference, of the writable type for the destination. So a copy can no more write into
 * a page table or into somebody else's frame than a mapping can. Either guest may change the bytes
 * while they are copied: they are never looked at.
 *
 * A granter that waits for its grant to be free waits for us; so both sides let go at each
 * preemption point, before the CPU is given away.
 */
#include <core/domain.h>
#include <core/grant/grant_internal.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <lib/string.h>
#include <x86/page.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define WORK_COPY 400 /* without the bytes */

/* One side of a copy: a frame held for reading or writing, and its domain beyond that. */
struct copy_end {
    /*
     * held: the frame is held and, if by_ref, the grant; else d may be, and nothing more. write:
     * this is the destination; it never changes. by_ref: named by a grant of d's, not by its
     * number.
     */
    bool held, write, by_ref;
    domid_t domid;       /* as the guest gave it: of d */
    uint64_t name;       /* grant reference or frame number, as the guest gave it */
    struct domain *d;    /* with a reference; NULL: none */
    uint64_t mfn;        /* with held */
    unsigned start, end; /* what of the frame may be touched, in bytes; end is behind the last */
};

static void copy_end_release(struct copy_end *e)
{
    if (!e->held)
        return;
    grant_frame_put(e->mfn, e->write);
    if (e->by_ref)
        grant_unpin(e->d, (uint32_t)e->name, e->write);
    e->held = false;
}

/* Lets go of everything. */
static void copy_end_done(struct copy_end *e)
{
    copy_end_release(e);
    if (e->d != NULL)
        domain_put(e->d);
    e->d = NULL;
}

/* Makes d the domain of that id; nothing of the former one is held (copy_end_release()). */
static bool copy_end_domain(struct copy_end *e, domid_t id)
{
    if (likely(e->d != NULL && e->domid == id))
        return true;
    if (e->d != NULL)
        domain_put(e->d);
    e->d = domain_get(id);
    e->domid = id;
    return e->d != NULL;
}

static int copy_end_by_ref(struct copy_end *e, struct domain *d, uint32_t ref)
{
    struct grant_active a;
    int rc = grant_pin(d, ref, current->domain->id, e->write, true, &a);

    if (rc != GNTST_okay)
        return rc;
    if (!grant_frame_get(d, a.mfn, e->write)) {
        grant_unpin(d, ref, e->write);
        return GNTST_general_error;
    }
    e->mfn = a.mfn;
    e->start = a.start; /* the granter's numbers: they may name a range beyond the page */
    e->end = MIN((unsigned)a.start + a.length, (unsigned)PAGE_SIZE);
    return GNTST_okay;
}

static int copy_end_by_frame(struct copy_end *e, struct domain *d, uint64_t gmfn)
{
    if (!grant_frame_get(d, gmfn, e->write))
        return GNTST_bad_page;
    e->mfn = gmfn;
    e->start = 0;
    e->end = PAGE_SIZE;
    return GNTST_okay;
}

/*
 * Takes hold of what p names, which may be held already. By number only the caller's own frames can
 * be named. On an error nothing is held.
 */
static int copy_end_claim(struct copy_end *e, const struct gnttab_copy_ptr *p, bool by_ref)
{
    uint64_t name = by_ref ? p->u.ref : p->u.gmfn;
    int rc;

    if (e->held && e->domid == p->domid && e->by_ref == by_ref && e->name == name)
        return GNTST_okay;
    copy_end_release(e);
    if (!by_ref && p->domid != DOMID_SELF && p->domid != current->domain->id)
        return GNTST_permission_denied;
    if (!copy_end_domain(e, p->domid))
        return GNTST_bad_domain;
    rc = by_ref ? copy_end_by_ref(e, e->d, p->u.ref) : copy_end_by_frame(e, e->d, p->u.gmfn);
    if (rc != GNTST_okay)
        return rc;
    e->held = true;
    e->by_ref = by_ref;
    e->name = name;
    return GNTST_okay;
}

static bool copy_end_covers(const struct copy_end *e, unsigned offset, unsigned len)
{
    return offset >= e->start && offset + len <= e->end;
}

/* op is our copy of the element. All its numbers are 16 bits wide: no sum here can wrap. */
static int copy_one(const struct gnttab_copy *op, struct copy_end *src, struct copy_end *dst)
{
    unsigned len = op->len;
    int rc;

    if (op->source.offset + len > PAGE_SIZE || op->dest.offset + len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    rc = copy_end_claim(src, &op->source, op->flags & GNTCOPY_source_gref);
    if (rc == GNTST_okay)
        rc = copy_end_claim(dst, &op->dest, op->flags & GNTCOPY_dest_gref);
    if (rc != GNTST_okay)
        return rc;
    if (!copy_end_covers(src, op->source.offset, len) ||
        !copy_end_covers(dst, op->dest.offset, len))
        return GNTST_general_error;
    /* The two may be the same frame, or overlap in it. */
    memmove((char *)mfn_to_virt(MFN(dst->mfn)) + op->dest.offset,
            (const char *)mfn_to_virt(MFN(src->mfn)) + op->source.offset, len);
    return GNTST_okay;
}

int64_t grant_copy_list(uint64_t list, uint64_t count)
{
    struct copy_end src = {.write = false}, dst = {.write = true};
    struct gnttab_copy op;
    int64_t rc = 0;

    for (uint64_t i = 0; i < count && rc == 0; i++) {
        if (copy_from_guest_at(&op, list, i) != 0) {
            rc = -XEN_EFAULT;
            break;
        }
        op.status = (int16_t)copy_one(&op, &src, &dst);
        if (op.status != GNTST_okay) {
            copy_end_release(&src);
            copy_end_release(&dst);
        }
        if (copy_to_guest(list + i * sizeof(op) + offsetof(struct gnttab_copy, status), &op.status,
                          sizeof(op.status)) != 0)
            rc = -XEN_EFAULT;
        if (work_charge(WORK_COPY + op.len / 8)) {
            copy_end_done(&src);
            copy_end_done(&dst);
            if (preempt_for_event() && rc == 0 && i + 1 < count)
                return hypercall_restart(GNTTABOP_copy, list + (i + 1) * sizeof(op), count - i - 1,
                                         0);
        }
    }
    copy_end_done(&src);
    copy_end_done(&dst);
    return rc;
}
