/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_op on a domain's physical map: pages that it shares with the hypervisor go in, frames come
 * out. A PV guest's frame numbers are the machine's, so there is no map to change.
 *
 * A page is at one place at a time: to add it once more moves it. The machine-to-physical table
 * says where it was; guests may be mistaken about that, so what is found there is compared.
 */
#include <core/control.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <guest/guest.h>
#include <public/memory.h>
#include <x86/page.h>
#include <x86/uaccess.h>

/* The page that is to be added. 0 or -XEN_E*. */
static int page_of(struct domain *d, unsigned space, uint64_t idx, mfn_t *m)
{
    const struct shared_info *shared = READ_ONCE(d->shared_info);
    bool status = idx & XENMAPIDX_grant_table_status;

    switch (space) {
    case XENMAPSPACE_shared_info:
        if (idx != 0 || shared == NULL)
            return -XEN_EINVAL;
        *m = virt_to_mfn(shared);
        return 0;
    case XENMAPSPACE_grant_table:
        idx &= ~(uint64_t)XENMAPIDX_grant_table_status;
        return idx <= UINT32_MAX ? grant_get_frame(d, (unsigned)idx, status, m) : -XEN_EINVAL;
    default:
        return -XEN_EOPNOTSUPP;
    }
}

/* Memory that was there goes back, as nobody could name it any more; a shared page stays ours. */
static void drop(struct domain *d, uint64_t gfn)
{
    struct frame *f = d->type->physmap->remove(d, gfn);

    if (f == NULL)
        return;
    (void)frame_put_alloc_ref(f);
    frame_put(f);
}

static int add(struct domain *d, unsigned space, uint64_t idx, uint64_t gfn)
{
    struct frame *f;
    mfn_t m;
    int rc;

    if (!d->translated)
        return -XEN_EACCES;
    rc = page_of(d, space, idx, &m);
    if (rc != 0)
        return rc;
    f = guest_frame_get(d, m2p_get(m));
    if (f != NULL) {
        if (f == frame_of(m))
            drop(d, m2p_get(m));
        frame_put(f);
    }
    drop(d, gfn);
    rc = d->type->physmap->add(d, gfn, m, 0);
    if (rc == 0)
        (void)m2p_set_of(m, d, gfn);
    return rc;
}

int64_t physmap_add(uint64_t cmd, uint64_t arg)
{
    struct xen_add_to_physmap a;
    struct domain *d;
    int64_t rc;

    rc = MEMORY_OP_BEGIN(arg, &a, &d);
    if (rc != 0)
        return rc;
    rc = add(d, a.space, a.idx, a.gpfn);
    domain_put(d);
    return rc;
}

/* Each has its own result; what is wrong with the lists themselves ends the call. */
int64_t physmap_add_batch(uint64_t cmd, uint64_t arg)
{
    struct xen_add_to_physmap_batch b;
    struct domain *d;
    int64_t rc;

    rc = MEMORY_OP_BEGIN(arg, &b, &d);
    if (rc != 0)
        return rc;
    if (!d->translated)
        rc = -XEN_EACCES;
    for (unsigned i = 0; rc == 0 && i < b.size; i++) {
        uint64_t idx, gfn;
        int one;

        if (copy_from_guest_at(&idx, b.idxs.p, i) != 0 ||
            copy_from_guest_at(&gfn, b.gpfns.p, i) != 0) {
            rc = -XEN_EFAULT;
            break;
        }
        one = add(d, b.space, idx, gfn);
        if (copy_to_guest_at(b.errs.p, i, &one) != 0)
            rc = -XEN_EFAULT;
        preempt_point();
    }
    domain_put(d);
    return rc;
}

/* The frame stays the domain's. */
int64_t physmap_remove(uint64_t cmd, uint64_t arg)
{
    struct xen_remove_from_physmap r;
    struct domain *d;
    int64_t rc;

    rc = MEMORY_OP_BEGIN(arg, &r, &d);
    if (rc != 0)
        return rc;
    if (d->translated) {
        struct frame *f = d->type->physmap->remove(d, r.gpfn);

        rc = f != NULL ? 0 : -XEN_ENOENT;
        if (f != NULL)
            frame_put(f);
    } else {
        rc = r.gpfn < max_mfn && frame_of(MFN(r.gpfn))->owner == d->id ? 0 : -XEN_ENOENT;
    }
    domain_put(d);
    return rc;
}
