/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_op: how domains get frames and give them back. A call works on a list of extents; when
 * something waits it ends early, and the guest comes again with the number of extents that are done
 * in the upper bits of the command. A list that fails half-way returns how many were done.
 *
 * That number comes back from the guest, which may have made it up: it decides where in the guest's
 * own list to go on, and nothing else. The list is read extent by extent, each once, when its turn
 * comes.
 *
 * A new frame belongs to the domain from frame_alloc() on, before the guest has been told of it: by
 * a guess it may be given back at once, so it is nothing to rely on without a reference. Where the
 * guest cannot be told (its list is not writable) it keeps the frame, and it counts against
 * max_pages: what a guest loses so is its own. What it gives back goes at once if nobody else holds
 * it, else with the last mapping, grant or page-table type (core/frame.h).
 */
#include <core/console.h>
#include <core/control.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/mem/memory.h>
#include <core/preempt.h>
#include <lib/string.h>
#include <public/memory.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define EXTENT_SHIFT 6 /* of the command: below it the operation, above it the extents done */
#define OP_MASK      ((1u << EXTENT_SHIFT) - 1)
#define ORDER_MAX    9   /* of one extent: a large page */
#define WORK_LIGHT   200 /* of an extent, without what its frames cost */

/* Allocation flags for a reservation's; false: an address width that no frame can have. */
static bool memory_flags(unsigned mem_flags, unsigned *flags)
{
    unsigned bits = XENMEMF_get_address_bits(mem_flags);

    *flags = 0;
    if (bits == 0)
        return true;
    if (bits <= PAGE_SHIFT)
        return false;
    *flags = ALLOC_BITS(MIN(bits, 63u));
    return true;
}

/* ---- increase_reservation, populate_physmap ---- */

/* Frames that have found no place in the domain's physical map. */
static void memory_give_back(struct domain *d, mfn_t m, unsigned order)
{
    for (uint64_t k = 0; k < 1ull << order; k++) {
        (void)frame_give_back(frame_of(MFN(m.m + k)), d);
        preempt_after(WORK_ENTRY);
    }
}

/*
 * Extent i of the list: 2^order frames in one piece for d. populate: the list says at which
 * pseudo-physical number they are to appear in the machine-to-physical table, and gets the machine
 * frame in its place. The number is not looked at: the table only tells guests what they have told.
 * Where the domain has a physical map of its own, the frames appear in that, and the list stays.
 */
static bool memory_give_extent(struct domain *d, const struct xen_memory_reservation *r, uint64_t i,
                               unsigned flags, bool populate)
{
    uint64_t gpfn = M2P_INVALID;
    mfn_t m;

    if (populate && copy_from_guest_at(&gpfn, r->extent_start.p, i) != 0)
        return false;
    m = frame_alloc(d, r->extent_order, flags);
    if (mfn_eq(m, INVALID_MFN))
        return false;
    if (d->translated) {
        if (populate && d->type->physmap->add(d, gpfn, m, r->extent_order) == 0)
            return true;
        memory_give_back(d, m, r->extent_order);
        return false;
    }
    if (populate) {
        for (uint64_t k = 0; k < 1ull << r->extent_order; k++) {
            (void)m2p_set_of(MFN(m.m + k), d, gpfn + k);
            preempt_after(WORK_ENTRY);
        }
    }
    return r->extent_start.p == NULL || copy_to_guest_at(r->extent_start.p, i, &m.m) == 0;
}

/* ---- decrease_reservation ---- */

static bool memory_take_translated(struct domain *d, uint64_t gfn)
{
    struct frame *f = d->type->physmap->remove(d, gfn);
    bool ok;

    if (f == NULL)
        return false;
    ok = frame_put_alloc_ref(f);
    frame_put(f);
    return ok;
}

static bool memory_take_extent(struct domain *d, const struct xen_memory_reservation *r, uint64_t i)
{
    uint64_t mfn;

    if (copy_from_guest_at(&mfn, r->extent_start.p, i) != 0)
        return false;
    for (uint64_t k = 0; k < 1ull << r->extent_order; k++) {
        if (d->translated
                ? !memory_take_translated(d, mfn + k)
                : !mfn_valid(MFN(mfn + k)) || !frame_give_back(frame_of(MFN(mfn + k)), d)) {
            guest_refused("frame %lx is not d%u's to give back", mfn + k, d->id);
            return false;
        }
        if (r->extent_order != 0)
            preempt_after(WORK_ENTRY);
    }
    return true;
}

/* To most mistakes the ABI's answer is not an error but the number of extents done: `start`. */
static int64_t memory_reservation(uint64_t cmd, uint64_t arg)
{
    uint64_t op = cmd & OP_MASK, start = cmd >> EXTENT_SHIFT;
    struct xen_memory_reservation r;
    struct domain *d;
    unsigned flags;
    uint64_t i;
    int rc;

    if (copy_from_guest(&r, arg, sizeof(r)) != 0)
        return (int64_t)start;
    /* The first limit: i << EXTENT_SHIFT has to fit into the command of a restart. */
    if (r.nr_extents > UINT64_MAX >> (EXTENT_SHIFT + 1) || start >= r.nr_extents ||
        r.extent_order > ORDER_MAX || !memory_flags(r.mem_flags, &flags) ||
        (r.mem_flags & (XENMEMF_populate_on_demand | XENMEMF_vnode)) ||
        (op != XENMEM_increase_reservation && r.extent_start.p == NULL))
        return (int64_t)start;
    rc = domain_get_target(r.domid, &d);
    if (rc != 0)
        return rc == -XEN_EPERM ? rc : (int64_t)start;
    for (i = start; i < r.nr_extents; i++) {
        bool ok;

        /* Not before the first: each pass gets on by one. */
        if (work_charge(WORK_LIGHT) && i != start && preempt_wanted()) {
            domain_put(d);
            return hypercall_restart(op | i << EXTENT_SHIFT, arg, 0, 0);
        }
        if (op == XENMEM_decrease_reservation)
            ok = memory_take_extent(d, &r, i);
        else
            ok = memory_give_extent(d, &r, i, flags, op == XENMEM_populate_physmap);
        if (!ok)
            break;
    }
    domain_put(d);
    return (int64_t)i;
}

/* ---- simple questions ---- */

/* PV guests keep the number of their frames in shared_info, once they have set it. */
static int64_t memory_maximum_gpfn(const struct domain *d)
{
    const struct shared_info *s = READ_ONCE(d->shared_info);
    uint64_t n = s != NULL ? READ_ONCE(s->arch.max_pfn) : 0;

    return n == 0 || n > INT64_MAX ? 0 : (int64_t)n - 1;
}

int64_t memory_op_begin(uint64_t arg, void *op, size_t size, size_t domid_at, struct domain **d)
{
    domid_t id;

    if (copy_from_guest(op, arg, size) != 0)
        return -XEN_EFAULT;
    memcpy(&id, (const uint8_t *)op + domid_at, sizeof(id));
    return domain_get_target(id, d);
}

static int64_t memory_of_domain(uint64_t cmd, uint64_t arg)
{
    uint64_t op = cmd & OP_MASK;
    struct xen_memory_domain q;
    struct domain *d;
    int64_t rc;

    rc = MEMORY_OP_BEGIN(arg, &q, &d);
    if (rc != 0)
        return rc;
    if (op == XENMEM_current_reservation)
        rc = (int64_t)READ_ONCE(d->tot_pages);
    else if (op == XENMEM_maximum_reservation)
        rc = (int64_t)READ_ONCE(d->max_pages);
    else
        rc = memory_maximum_gpfn(d);
    domain_put(d);
    return rc;
}

static int64_t memory_claim(uint64_t cmd, uint64_t arg)
{
    struct xen_memory_reservation r;
    struct domain *d;
    int64_t rc;

    if (!current->domain->privileged)
        return -XEN_EPERM;
    if (copy_from_guest(&r, arg, sizeof(r)) != 0)
        return -XEN_EFAULT;
    if (r.extent_start.p != NULL || r.extent_order != 0 || r.mem_flags != 0)
        return -XEN_EINVAL;
    rc = domain_get_target(r.domid, &d);
    if (rc != 0)
        return rc;
    rc = frame_claim(d, r.nr_extents);
    domain_put(d);
    return rc;
}

/*
 * ---- acquire_resource: frames of the hypervisor's that belong to a domain ----
 *
 * A PV caller gets machine frame numbers and maps them with mmu_update, which takes the references:
 * so a number that is out of date by then is refused there like any other.
 */

static int64_t memory_acquire_frames(struct domain *d, const struct xen_mem_acquire_resource *r)
{
    bool status = r->id == XENMEM_resource_grant_table_id_status;
    mfn_t m;
    int rc;

    for (uint32_t i = 0; i < r->nr_frames; i++) {
        if (r->frame + i > UINT32_MAX)
            return -XEN_EINVAL;
        rc = grant_get_frame(d, (unsigned)(r->frame + i), status, &m);
        if (rc != 0)
            return rc;
        if (copy_to_guest_at(r->frame_list.p, i, &m.m) != 0)
            return -XEN_EFAULT;
        preempt_point();
    }
    return 0;
}

static int64_t memory_acquire(uint64_t cmd, uint64_t arg)
{
    struct xen_mem_acquire_resource r;
    struct domain *d;
    int64_t rc;

    if (copy_from_guest(&r, arg, sizeof(r)) != 0)
        return -XEN_EFAULT;
    if (r.pad != 0)
        return -XEN_EINVAL;
    if (r.domid == DOMID_SELF || r.domid == current->domain->id)
        return -XEN_EINVAL; /* one's own table is what setup_table is for */
    rc = domain_get_target(r.domid, &d);
    if (rc != 0)
        return rc;
    if (r.type != XENMEM_resource_grant_table) {
        rc = -XEN_EOPNOTSUPP;
    } else if (r.id > XENMEM_resource_grant_table_id_status) {
        rc = -XEN_EINVAL;
    } else if (r.frame_list.p == NULL) {
        r.nr_frames = grant_max_frames(d, r.id == XENMEM_resource_grant_table_id_status);
        rc = copy_to_guest(arg, &r, sizeof(r)) != 0 ? -XEN_EFAULT : 0;
    } else {
        rc = memory_acquire_frames(d, &r);
    }
    domain_put(d);
    return rc;
}

/* No domain has nodes: NUMA is not modelled. */
static int64_t memory_vnuma(uint64_t cmd, uint64_t arg)
{
    struct xen_vnuma_topology_info v;
    struct domain *d;
    int64_t rc;

    rc = MEMORY_OP_BEGIN(arg, &v, &d);
    if (rc != 0)
        return rc;
    domain_put(d);
    return -XEN_EOPNOTSUPP;
}

static int64_t memory_ram_page(uint64_t cmd, uint64_t arg)
{
    return (int64_t)max_mfn;
}

/* Nothing is ever shared in the way that these count. */
static int64_t memory_sharing(uint64_t cmd, uint64_t arg)
{
    return 0;
}

static memory_op_fn *const memory_ops[NR_MEMORY_OPS] = {
    [XENMEM_increase_reservation] = memory_reservation,
    [XENMEM_decrease_reservation] = memory_reservation,
    [XENMEM_maximum_ram_page] = memory_ram_page,
    [XENMEM_current_reservation] = memory_of_domain,
    [XENMEM_maximum_reservation] = memory_of_domain,
    [XENMEM_populate_physmap] = memory_reservation,
    [XENMEM_exchange] = memory_exchange,
    [XENMEM_maximum_gpfn] = memory_of_domain,
    [XENMEM_get_sharing_freed_pages] = memory_sharing,
    [XENMEM_get_sharing_shared_pages] = memory_sharing,
    [XENMEM_claim_pages] = memory_claim,
    [XENMEM_get_vnumainfo] = memory_vnuma,
    [XENMEM_acquire_resource] = memory_acquire,
};
_Static_assert(NR_MEMORY_OPS == OP_MASK + 1, "an operation's number is an index");

int64_t hc_memory_op(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    memory_op_fn *fn = memory_ops[cmd & OP_MASK];

    if (fn == NULL && cmd < NR_MEMORY_OPS)
        fn = guest_memory_ops[cmd];
    return fn != NULL ? fn(cmd, arg) : -XEN_ENOSYS;
}
