/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XENMEM_exchange: frames for frames, as a driver does that needs memory in one piece or at low
 * addresses. Work goes chunk by chunk, a chunk being what the larger of the two extents covers. For
 * each the old frames are put out of everybody's reach; when all of them could be, the new ones are
 * allocated; and only when all of those are there, each takes the place of an old one. So a chunk
 * is exchanged or left as it was.
 *
 * "Out of reach" is a reference count of zero in a frame that still has its owner and its place in
 * the owner's list (frame_isolate()): nobody can take a reference, so it cannot be mapped, granted
 * or given back while the rest of the chunk is looked at. It works for frames that nobody but the
 * owner's own reference holds: a guest takes down its mappings before. A frame that the list names
 * twice fails the second time, and a list that lies in the frames themselves cannot be: it is
 * mapped.
 *
 * The new frames have a count of zero as well, and no owner, until frame_replace(): a vcpu that
 * guesses their numbers gets hold of none of them before an old one has gone for it. From then on
 * it may: it can give them back, and they may be another's by the time that they are told here.
 *
 * All this may be preempted: what is out of reach meanwhile is missed by the guest alone, and a
 * vcpu that is to die gets to the end of its chunk first. Between two chunks the call may end, and
 * be gone on with from nr_exchanged: an event, a pause or the end waits for one chunk at most.
 *
 * The new frames of a chunk are in nobody's account until they replace the old ones, and the vcpu
 * that has them may be stopped for as long as its guest likes. So a domain has one exchange at work
 * at a time: what it has beyond its limit is one chunk, however many vcpus it has. The others keep
 * coming again, and give their CPU away meanwhile; while the one at work is stopped, so are they.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/hypercall.h>
#include <core/mem/memory.h>
#include <core/preempt.h>
#include <public/memory.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define CHUNK_ORDER_MAX 9 /* the numbers of a chunk's frames fill a page */

struct exchange {
    struct domain *d;                          /* current's: it cannot be destroyed meanwhile */
    const struct xen_memory_exchange *op;      /* our copy, checked */
    unsigned in_order, out_order, chunk_order; /* the third is the larger of the two */
    unsigned flags;                            /* ALLOC_* for the new frames */
    uint64_t *frames;                          /* one page: the chunk's input frames */
    uint64_t *starts;                          /* one page: the first of each new extent */
};

/* After each of the chunk's frames. */
static inline void exchange_pause(void)
{
    preempt_after(WORK_FREE);
}

/*
 * Puts the chunk's input frames out of reach and returns how many: x->frames[0] up to there. Fewer
 * than the chunk has: the list cannot be read, or the next frame is not the domain's or is in use.
 */
static unsigned exchange_isolate(struct exchange *x, uint64_t chunk)
{
    uint64_t extents = 1ull << (x->chunk_order - x->in_order), mfn;
    unsigned n = 0;

    for (uint64_t i = 0; i < extents; i++) {
        if (copy_from_guest_at(&mfn, x->op->in.extent_start.p, chunk * extents + i) != 0)
            return n;
        for (uint64_t k = 0; k < 1ull << x->in_order; k++) {
            if (!mfn_valid(MFN(mfn + k)) || !frame_isolate(frame_of(MFN(mfn + k)), x->d))
                return n;
            x->frames[n++] = mfn + k;
            exchange_pause();
        }
    }
    return n;
}

static void exchange_free_new(struct exchange *x, uint64_t n)
{
    while (n-- != 0)
        frame_spare_free(MFN(x->starts[n]), x->out_order);
}

/* Allocates all new extents of the chunk, or none. */
static bool exchange_alloc(struct exchange *x, uint64_t outs)
{
    for (uint64_t i = 0; i < outs; i++) {
        mfn_t m = frame_spare_alloc(x->out_order, x->flags);

        if (mfn_eq(m, INVALID_MFN)) {
            exchange_free_new(x, i);
            return false;
        }
        x->starts[i] = m.m;
        exchange_pause();
    }
    return true;
}

/*
 * The guest names the pseudo-physical frames, and learns the machine frames in their place. An
 * error comes too late to undo the exchange: the frames are the guest's, which does not know their
 * numbers.
 */
static int exchange_announce(struct exchange *x, uint64_t first, uint64_t n)
{
    uint64_t gpfn;

    for (uint64_t i = 0; i < n; i++) {
        if (copy_from_guest_at(&gpfn, x->op->out.extent_start.p, first + i) != 0)
            return -XEN_EFAULT;
        for (uint64_t k = 0; k < 1ull << x->out_order; k++) {
            (void)m2p_set_of(MFN(x->starts[i] + k), x->d, gpfn + k);
            exchange_pause();
        }
        if (copy_to_guest_at(x->op->out.extent_start.p, first + i, &x->starts[i]) != 0)
            return -XEN_EFAULT;
        exchange_pause();
    }
    return 0;
}

/* -XEN_ENOMEM, -XEN_EINVAL: nothing has changed. */
static int exchange_chunk(struct exchange *x, uint64_t chunk)
{
    uint64_t outs = 1ull << (x->chunk_order - x->out_order);
    unsigned want = 1u << x->chunk_order, n = exchange_isolate(x, chunk);

    if (n != want || !exchange_alloc(x, outs)) {
        for (unsigned i = 0; i < n; i++)
            frame_unisolate(frame_of(MFN(x->frames[i])));
        return n != want ? -XEN_EINVAL : -XEN_ENOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t start = x->starts[i >> x->out_order];

        frame_replace(frame_of(MFN(x->frames[i])),
                      frame_of(MFN(start + (i & ((1u << x->out_order) - 1)))));
        exchange_pause();
    }
    return exchange_announce(x, chunk * outs, outs);
}

/*
 * After this no shift below overflows: extents are less than 2^32, orders at most 9. Both lists,
 * and what is done already, are a whole number of chunks, so that both ends move on in step.
 */
static int exchange_check(const struct xen_memory_exchange *op, unsigned *flags)
{
    const struct domain *d = current->domain;
    unsigned bits = XENMEMF_get_address_bits(op->out.mem_flags);
    unsigned chunk = MAX(op->in.extent_order, op->out.extent_order);

    if (op->in.domid != op->out.domid)
        return -XEN_EINVAL;
    if (op->in.domid != DOMID_SELF && op->in.domid != d->id)
        return -XEN_EPERM;
    if (chunk > CHUNK_ORDER_MAX)
        return -XEN_EPERM;
    if (op->in.nr_extents > UINT32_MAX || op->out.nr_extents > UINT32_MAX ||
        op->in.nr_extents << op->in.extent_order != op->out.nr_extents << op->out.extent_order ||
        op->nr_exchanged > op->in.nr_extents || (bits != 0 && bits <= PAGE_SHIFT))
        return -XEN_EINVAL;
    if ((op->in.nr_extents << op->in.extent_order & ((1u << chunk) - 1)) != 0 ||
        (op->nr_exchanged << op->in.extent_order & ((1u << chunk) - 1)) != 0)
        return -XEN_EINVAL;
    *flags = bits == 0 ? 0 : ALLOC_BITS(MIN(bits, 63u));
    return 0;
}

/* nr_exchanged goes back also after an error: it says where the guest stands. */
static int64_t exchange_all(struct exchange *x, struct xen_memory_exchange *op, uint64_t arg)
{
    uint64_t per_chunk = 1ull << (x->chunk_order - x->in_order);
    int64_t rc = 0;

    while (op->nr_exchanged < op->in.nr_extents) {
        rc = exchange_chunk(x, op->nr_exchanged / per_chunk);
        if (rc != 0)
            break;
        op->nr_exchanged += per_chunk;
        if (work_charge(WORK_FREE) && preempt_for_event() && op->nr_exchanged < op->in.nr_extents) {
            rc = -XEN_ERESTART;
            break;
        }
    }
    if (put_guest_u64(arg + offsetof(struct xen_memory_exchange, nr_exchanged), op->nr_exchanged) !=
        0)
        rc = -XEN_EFAULT;
    return rc;
}

/* By the only vcpu of the domain that is here. */
static int64_t exchange_alone(struct exchange *x, struct xen_memory_exchange *op, uint64_t arg)
{
    int64_t rc = -XEN_ENOMEM;

    x->frames = hpage_alloc();
    x->starts = hpage_alloc();
    if (x->frames != NULL && x->starts != NULL)
        rc = exchange_all(x, op, arg);
    hpage_free(x->frames);
    hpage_free(x->starts);
    return rc;
}

int64_t memory_exchange(uint64_t cmd, uint64_t arg)
{
    struct domain *d = current->domain;
    struct xen_memory_exchange op;
    struct exchange x = {.d = d, .op = &op};
    int64_t rc;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    rc = exchange_check(&op, &x.flags);
    if (rc != 0)
        return rc;
    x.in_order = op.in.extent_order;
    x.out_order = op.out.extent_order;
    x.chunk_order = MAX(x.in_order, x.out_order);
    if (__atomic_exchange_n(&d->exchanging, true, __ATOMIC_ACQUIRE)) {
        WRITE_ONCE(d->exchange_wanted, true);
        vcpu_yield(); /* the one at work may be waiting for this CPU */
        rc = -XEN_ERESTART;
    } else {
        WRITE_ONCE(d->exchange_wanted, false);
        rc = exchange_alone(&x, &op, arg);
        __atomic_store_n(&d->exchanging, false, __ATOMIC_RELEASE);
        if (READ_ONCE(d->exchange_wanted))
            vcpu_yield(); /* else its next exchange would come before theirs, again and again */
    }
    return rc == -XEN_ERESTART ? hypercall_restart(XENMEM_exchange, arg, 0, 0) : rc;
}
