/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for domains and for the hypervisor, out of the blocks of core/mem/frame_heap.c.
 *
 * A frame that changes hands is scrubbed, and every CPU that may still have a translation to it is
 * flushed first. Flushing is put off until the frame is allocated again: freeing only notes the
 * flush clock in tlb_stamp, and by then most CPUs have flushed for reasons of their own. This is
 * why a guest may drop its mappings without a flush: a stale translation shows it a frame that
 * nobody has yet.
 *
 * A block becomes its owner's in three steps: the frames are charged to the account of the domain,
 * taken from the heap, and put on its list. The domain may begin to die in between, so its state is
 * looked at in the first step and in the last.
 *
 * Lock order: the owner's page_lock, then the heap's lock.
 */
#include <core/domain.h>
#include <core/mem/frame_internal.h>
#include <core/mem/heap.h>
#include <core/preempt.h>
#include <lib/bug.h>
#include <x86/page.h>

/*
 * Charges n frames to the domain's account. Frames hold their domain: the first takes a reference,
 * the last drops it. They are charged before they are there, so that two CPUs cannot exceed
 * max_pages together.
 */
static bool frame_owner_charge(struct domain *d, uint64_t n)
{
    bool ok = false;

    spin_lock(&d->page_lock);
    if (d->state == DOM_ALIVE && n <= d->max_pages && d->tot_pages <= d->max_pages - n) {
        if (d->tot_pages + d->shared_pages == 0)
            domain_ref(d);
        d->tot_pages += n;
        ok = true;
    }
    spin_unlock(&d->page_lock);
    return ok;
}

static void frame_owner_uncharge(struct domain *d, uint64_t n)
{
    bool last;

    spin_lock(&d->page_lock);
    d->tot_pages -= n;
    last = d->tot_pages + d->shared_pages == 0;
    spin_unlock(&d->page_lock);
    if (last)
        domain_put(d);
}

/*
 * The block becomes d's. False: d began to die while the block was cleaned, and its destruction,
 * which goes by the list, may be past the frames.
 */
static bool frame_block_list(struct domain *d, uint64_t mfn, uint64_t n)
{
    bool alive;

    (void)work_charge((unsigned)n * WORK_LIST);
    spin_lock(&d->page_lock);
    alive = d->state == DOM_ALIVE;
    for (uint64_t m = mfn; alive && m < mfn + n; m++) {
        struct frame *f = frame_of(MFN(m));

        /* The count comes last: it is what makes the frame one that can be got. */
        f->owner = d->id;
        f->type = 0;
        f->order = 0;
        frame_list_append(d, f);
        __atomic_store_n(&f->refs, frame_refs(d->id, FRAME_ALLOCATED, 1), __ATOMIC_RELEASE);
    }
    spin_unlock(&d->page_lock);
    return alive;
}

/* Works in slices, as the line of frames that wait to become blocks is long. No lock is held. */
static uint32_t frame_take(unsigned order, unsigned flags, uint64_t *claim)
{
    uint32_t mfn;

    while ((mfn = frame_heap_take(order, flags, claim)) == FRAME_NONE &&
           frame_heap_settle(order, claim))
        preempt_work();
    return mfn;
}

mfn_t frame_alloc(struct domain *d, unsigned order, unsigned flags)
{
    uint64_t n = 1ull << order;
    uint32_t mfn;

    if (order >= HEAP_ORDERS || !frame_owner_charge(d, n))
        return INVALID_MFN;
    mfn = frame_take(order, flags, &d->claimed_pages);
    if (mfn == FRAME_NONE) {
        frame_owner_uncharge(d, n);
        return INVALID_MFN;
    }
    if (!frame_block_list(d, mfn, n)) {
        frame_heap_put_back(mfn, order);
        frame_owner_uncharge(d, n);
        return INVALID_MFN;
    }
    return MFN(mfn);
}

/* One slice is enough for a single page: there is one if only one frame is free. */
void *hpages_alloc_locked(unsigned order)
{
    uint32_t mfn = frame_heap_take(order, ALLOC_LOCKED, NULL);

    if (mfn == FRAME_NONE && frame_heap_settle(order, NULL))
        mfn = frame_heap_take(order, ALLOC_LOCKED, NULL);
    if (mfn == FRAME_NONE)
        return NULL;
    for (uint64_t m = mfn; m < mfn + (1ull << order); m++) {
        struct frame *f = frame_of(MFN(m));

        f->owner = DOMID_XEN;
        f->type = 0;
        f->order = 0;
        __atomic_store_n(&f->refs, frame_refs(DOMID_XEN, FRAME_ALLOCATED, 1), __ATOMIC_RELEASE);
    }
    return mfn_to_virt(MFN(mfn));
}

void hpages_settle(unsigned order)
{
    while (!frame_heap_has_block(order) && frame_heap_settle(order, NULL))
        preempt_work();
}

void *hpages_alloc(unsigned order)
{
    hpages_settle(order);
    return hpages_alloc_locked(order);
}

void hpages_free(void *pages, unsigned order)
{
    uint64_t mfn;

    if (pages == NULL)
        return;
    mfn = virt_to_mfn(pages).m;
    for (uint64_t m = mfn; m < mfn + (1ull << order); m++) {
        struct frame *f = frame_of(MFN(m));

        BUG_ON(f->owner != DOMID_XEN);
        frame_seize(f);
    }
    frame_heap_give(mfn, order);
}

void *hpage_alloc(void)
{
    return hpages_alloc_locked(0);
}

void hpage_free(void *page)
{
    hpages_free(page, 0);
}

mfn_t frame_spare_alloc(unsigned order, unsigned flags)
{
    uint32_t mfn = order < HEAP_ORDERS ? frame_take(order, flags, NULL) : FRAME_NONE;

    return mfn == FRAME_NONE ? INVALID_MFN : MFN(mfn);
}

void frame_spare_free(mfn_t m, unsigned order)
{
    frame_heap_put_back(m.m, order);
}
