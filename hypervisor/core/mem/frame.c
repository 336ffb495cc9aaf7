/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine frames: who owns one, and who holds it.
 *
 * The invariant behind everything else: a frame whose count is above zero belongs to exactly the
 * domain in frame.owner, and that domain's structure exists. Taking a reference is one
 * compare-and-swap of a word that names the owner as well: so a stranger's frame is left alone, and
 * the answer holds from then on. The last frame_put() takes the frame off its owner's list and
 * frees it.
 *
 * The count of a frame can be raised for a moment by anyone who names it on behalf of its owner,
 * with a wild number, too; ownership cannot. So what has to be alone with a frame swaps the whole
 * word from "only the owner's" to zero, and either waits (frame_seize()) or gives up.
 *
 * Lock order: the owner's page_lock, then the heap's lock.
 */
#include <core/domain.h>
#include <core/mem/frame_internal.h>
#include <core/preempt.h>
#include <lib/bug.h>
#include <x86/cpu.h>
#include <x86/page.h>

bool mfn_valid(mfn_t m)
{
    return m.m < max_mfn && READ_ONCE(frame_of(m)->owner) != DOMID_IO;
}

/* ---- the owner's list ---- */

/* False also for a frame that somebody has seized or isolated: its count is zero as well. */
static bool frame_ref_unless_free(struct frame *f)
{
    uint64_t old = READ_ONCE(f->refs);

    do {
        if ((old & FRAME_COUNT_MASK) == 0)
            return false;
    } while (!__atomic_compare_exchange_n(&f->refs, &old, old + 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return true;
}

void frame_list_append(struct domain *d, struct frame *f)
{
    uint32_t m = (uint32_t)frame_mfn(f).m;

    f->next = FRAME_NONE;
    f->prev = d->page_list_tail;
    if (f->prev != FRAME_NONE)
        FRAMES[f->prev].next = m;
    else
        d->page_list_head = m;
    d->page_list_tail = m;
}

/* page_lock held. */
static void frame_list_remove(struct domain *d, struct frame *f)
{
    if (f->prev != FRAME_NONE)
        FRAMES[f->prev].next = f->next;
    else
        d->page_list_head = f->next;
    if (f->next != FRAME_NONE)
        FRAMES[f->next].prev = f->prev;
    else
        d->page_list_tail = f->prev;
    f->next = f->prev = FRAME_NONE;
}

bool frame_list_rotate(struct domain *d)
{
    struct frame *f = frame_of(MFN(d->page_list_head));

    frame_list_remove(d, f);
    frame_list_append(d, f);
    return frame_ref_unless_free(f);
}

/* ---- references ---- */

bool frame_get(struct frame *f, const struct domain *d)
{
    uint64_t old = READ_ONCE(f->refs);

    while (old >> FRAME_OWNER_SHIFT == frame_key(d->id)) {
        if (likely(__atomic_compare_exchange_n(&f->refs, &old, old + 1, false, __ATOMIC_ACQ_REL,
                                               __ATOMIC_RELAXED)))
            return true;
    }
    return false;
}

/* The last reference is gone: nobody can find the frame any more but through its owner's list. */
static void frame_release(struct frame *f, bool shared)
{
    struct domain *d = domain_of_id(f->owner);
    uint64_t mfn = frame_mfn(f).m;
    bool last;

    BUG_ON(d == NULL || d == dom_xen || d == dom_io);
    (void)work_charge(WORK_FREE);
    M2P[mfn] = M2P_INVALID; /* before another can get it and enter its own number */
    spin_lock(&d->page_lock);
    if (shared) {
        d->shared_pages--;
    } else {
        frame_list_remove(d, f);
        d->tot_pages--;
    }
    last = d->tot_pages + d->shared_pages == 0;
    spin_unlock(&d->page_lock);
    frame_heap_give(mfn, 0);
    if (last)
        domain_put(d);
}

void frame_put(struct frame *f)
{
    uint64_t now;
    uint64_t old = READ_ONCE(f->refs);

    do {
        BUG_ON((old & FRAME_COUNT_MASK) == 0);
        now = old - 1;
        if ((now & FRAME_COUNT_MASK) == 0)
            now = 0; /* what it says of flags and owner goes as well */
    } while (!__atomic_compare_exchange_n(&f->refs, &old, now, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    if (unlikely(now == 0))
        frame_release(f, old & FRAME_SHARED);
}

/* The flag goes first, by compare-and-swap: of two that ask at once one drops the reference. */
bool frame_put_alloc_ref(struct frame *f)
{
    uint64_t old = READ_ONCE(f->refs);

    do {
        if (!(old & FRAME_ALLOCATED) || (old & FRAME_SHARED))
            return false;
    } while (!__atomic_compare_exchange_n(&f->refs, &old, old & ~FRAME_ALLOCATED, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    frame_put(f);
    return true;
}

bool frame_give_back(struct frame *f, const struct domain *d)
{
    bool ok;

    if (!frame_get(f, d))
        return false;
    ok = frame_put_alloc_ref(f);
    frame_put(f);
    return ok;
}

/* ---- hypervisor pages that a guest may map ---- */

/*
 * The one reference that there is, our own, becomes none. Others, which are held for a few
 * instructions, are waited for.
 */
void frame_seize(struct frame *f)
{
    uint64_t alone = frame_refs(DOMID_XEN, FRAME_ALLOCATED, 1), want = alone;

    while (!__atomic_compare_exchange_n(&f->refs, &want, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
        BUG_ON((want & FRAME_COUNT_MASK) == 0 || !(want & FRAME_ALLOCATED));
        want = alone;
        cpu_relax_poll();
    }
}

void frame_share_with_guest(void *page, struct domain *d, bool writable)
{
    struct frame *f = frame_of(virt_to_mfn(page));

    BUG_ON(f->owner != DOMID_XEN);
    spin_lock(&d->page_lock);
    if (d->tot_pages + d->shared_pages == 0)
        domain_ref(d);
    d->shared_pages++;
    spin_unlock(&d->page_lock);
    frame_seize(f); /* from here to the last line nobody can get it, so the owner may change */
    f->type = writable ? 0 : FRAME_TYPE_READONLY;
    WRITE_ONCE(f->owner, d->id);
    __atomic_store_n(&f->refs, frame_refs(d->id, FRAME_ALLOCATED | FRAME_SHARED, 1),
                     __ATOMIC_RELEASE);
}

/* A domain's mappings have references of their own, and keep the page until they are gone. */
void frame_unshare(void *page)
{
    struct frame *f = frame_of(virt_to_mfn(page));
    uint64_t old = __atomic_fetch_and(&f->refs, ~FRAME_ALLOCATED, __ATOMIC_ACQ_REL);

    BUG_ON(!(old & FRAME_ALLOCATED) || !(old & FRAME_SHARED));
    frame_put(f);
}

/* ---- exchange ---- */

/*
 * If nobody but its owner holds the frame, it has no type and no mapping, and from here on nobody
 * can get it. Only for frames of the current domain, which cannot be destroyed meanwhile. A
 * reference is taken first: without one the frame may have become another's by the time that its
 * count is none, and the one who frees it would find it so.
 */
bool frame_isolate(struct frame *f, const struct domain *d)
{
    uint64_t want = frame_refs(d->id, FRAME_ALLOCATED, 2); /* the owner's and ours */

    if (!frame_get(f, d))
        return false;
    if (likely(__atomic_compare_exchange_n(&f->refs, &want, 0, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED)))
        return true;
    frame_put(f);
    return false;
}

void frame_unisolate(struct frame *f)
{
    __atomic_store_n(&f->refs, frame_refs(f->owner, FRAME_ALLOCATED, 1), __ATOMIC_RELEASE);
}

/* In one step under the owner's lock: so the list and the count never show one too many. */
void frame_replace(struct frame *old, struct frame *spare)
{
    struct domain *d = domain_of_id(old->owner);
    uint32_t m = (uint32_t)frame_mfn(spare).m;

    M2P[frame_mfn(old).m] = M2P_INVALID;
    spin_lock(&d->page_lock);
    spare->owner = d->id;
    spare->type = 0;
    spare->order = 0;
    spare->prev = old->prev;
    spare->next = old->next;
    *(old->prev != FRAME_NONE ? &FRAMES[old->prev].next : &d->page_list_head) = m;
    *(old->next != FRAME_NONE ? &FRAMES[old->next].prev : &d->page_list_tail) = m;
    old->next = old->prev = FRAME_NONE;
    __atomic_store_n(&spare->refs, frame_refs(d->id, FRAME_ALLOCATED, 1), __ATOMIC_RELEASE);
    spin_unlock(&d->page_lock);
    frame_heap_give(frame_mfn(old).m, 0);
}
