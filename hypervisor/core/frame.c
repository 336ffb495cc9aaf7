/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine frames: ownership, references, and allocation for domains and for the hypervisor.
 *
 * The invariant behind everything else: a frame whose count is above zero belongs to exactly the
 * domain in frame.owner, and that domain's structure exists. Taking a reference is one
 * compare-and-swap; the owner is compared before (so that a stranger's frame is left alone) and
 * after (so that the answer holds from then on). The last frame_put() takes the frame off its
 * owner's list and frees it. A frame that changes hands is scrubbed, and every CPU that may still
 * have a translation to it is flushed first.
 *
 * Flushing is put off until the frame is allocated again: freeing only notes the flush clock in
 * tlb_stamp, and by then most CPUs have flushed for reasons of their own. This is why a guest may
 * drop its mappings without a flush: a stale translation shows it a frame that nobody has yet.
 *
 * The count of a frame can be raised for a moment by anyone who names it at the wrong time, a guest
 * with a wild number included; ownership cannot. So what has to be alone with a frame swaps the
 * whole word from "only the owner's" to zero, and either waits (frame_seize()) or gives up.
 *
 * Lock order: the owner's page_lock, then the heap's lock.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/heap.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/tlb.h>

#define M2P         ((volatile uint64_t *)M2P_RW_START)
#define BOOT_RANGES 64

static struct heap frame_heap;
static uint64_t frame_total;  /* frames ever given to the heap */
static bool frame_heap_ready; /* before: ranges are kept in frame_boot_ranges */

static struct {
    paddr_t start, end;
} frame_boot_ranges[BOOT_RANGES];
static unsigned frame_nr_boot_ranges;

/* ---- boot ---- */

void frame_heap_add(paddr_t start, paddr_t end)
{
    start = MAX(ROUND_UP(start, PAGE_SIZE), MIB(1));
    end = ROUND_DOWN(end, PAGE_SIZE);
    if (start >= end)
        return;
    if (!frame_heap_ready) {
        BUG_ON(frame_nr_boot_ranges == BOOT_RANGES);
        frame_boot_ranges[frame_nr_boot_ranges].start = start;
        frame_boot_ranges[frame_nr_boot_ranges++].end = end;
        return;
    }
    for (uint64_t m = start >> PAGE_SHIFT; m < end >> PAGE_SHIFT; m++) {
        struct frame *f = frame_of(MFN(m));

        f->refs = 0;
        f->type = 0;
        f->owner = DOMID_XEN;
        f->tlb_stamp = tlb_clock();
    }
    spin_lock(&frame_heap.lock);
    heap_free_range(&frame_heap, start >> PAGE_SHIFT, end >> PAGE_SHIFT);
    spin_unlock(&frame_heap.lock);
    frame_total += (end - start) >> PAGE_SHIFT;
}

void *boot_alloc(unsigned pages)
{
    uint64_t size = (uint64_t)pages << PAGE_SHIFT;
    unsigned best = BOOT_RANGES;
    void *p;

    for (unsigned i = 0; i < frame_nr_boot_ranges; i++) {
        if (frame_boot_ranges[i].end - frame_boot_ranges[i].start >= size &&
            (best == BOOT_RANGES || frame_boot_ranges[i].start < frame_boot_ranges[best].start))
            best = i;
    }
    if (best == BOOT_RANGES)
        panic("no memory for %u pages of the hypervisor's own tables", pages);
    p = phys_to_virt(frame_boot_ranges[best].start);
    frame_boot_ranges[best].start += size;
    memset(p, 0, size);
    return p;
}

/* Every frame gets an owner: DOMID_IO where there is no RAM, the hypervisor where there is. */
static void frame_table_init(void)
{
    for (uint64_t m = 0; m < max_mfn; m++)
        FRAMES[m] =
            (struct frame){.refs = 1, .next = FRAME_NONE, .prev = FRAME_NONE, .owner = DOMID_IO};
    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        uint64_t end = MIN((e->addr + e->size) >> PAGE_SHIFT, max_mfn);

        if (e->type != E820_RAM)
            continue;
        for (uint64_t m = DIV_UP(e->addr, PAGE_SIZE); m < end; m++)
            FRAMES[m].owner = DOMID_XEN;
    }
    for (uint64_t m = 0; m < max_mfn; m++)
        M2P[m] = M2P_INVALID;
}

void frame_heap_init(paddr_t bootmem_end)
{
    frame_table_init();
    heap_init(&frame_heap, FRAMES, max_mfn);
    frame_heap_ready = true;
    for (unsigned i = 0; i < frame_nr_boot_ranges; i++)
        frame_heap_add(frame_boot_ranges[i].start,
                       MIN(MIN(frame_boot_ranges[i].end, bootmem_end), max_mfn << PAGE_SHIFT));
}

bool mfn_valid(mfn_t m)
{
    return m.m < max_mfn && READ_ONCE(frame_of(m)->owner) != DOMID_IO;
}

uint64_t frame_free_count(void)
{
    return READ_ONCE(frame_heap.low.free) + READ_ONCE(frame_heap.high.free);
}

uint64_t frame_total_count(void)
{
    return frame_total;
}

/* ---- allocation ---- */

/*
 * The CPUs that may still see what a block was before are flushed, then it is cleared. In that
 * order: a write through a stale translation must not come after the clearing.
 */
static void frame_block_clean(uint64_t mfn, unsigned order, bool scrub)
{
    cpumask_t stale = 0;

    for (uint64_t m = mfn; m < mfn + (1ull << order); m++)
        stale |= tlb_filter(cpu_online & ~stale, frame_of(MFN(m))->tlb_stamp);
    if (stale != 0)
        tlb_flush_mask(stale);
    if (scrub) {
        for (uint64_t m = mfn; m < mfn + (1ull << order); m++)
            page_clear(mfn_to_virt(MFN(m)));
    }
}

/*
 * claim: how many frames of the block may come out of what was promised to the caller's domain. It
 * is changed under the heap's lock, as frame_claim() does. Always: claimed <= free.
 */
static uint32_t frame_heap_take(unsigned order, unsigned flags, uint64_t *claim)
{
    unsigned bits = (flags >> 8) & 0xff;
    uint64_t limit = UINT64_MAX, want = 1ull << order, spare, from_claim = 0;
    uint32_t mfn;

    if (bits != 0 && bits < 52)
        limit = bits <= PAGE_SHIFT ? 0 : 1ull << (bits - PAGE_SHIFT);
    if (flags & ALLOC_BELOW_4G)
        limit = MIN(limit, HEAP_LOW_LIMIT);
    spin_lock(&frame_heap.lock);
    if (claim != NULL)
        from_claim = MIN(*claim, want);
    spare = frame_heap.low.free + frame_heap.high.free - frame_heap.claimed;
    if (want - from_claim > spare) {
        spin_unlock(&frame_heap.lock);
        return FRAME_NONE;
    }
    mfn = heap_alloc_block(&frame_heap, order, limit);
    if (mfn != FRAME_NONE && from_claim != 0) {
        *claim -= from_claim;
        frame_heap.claimed -= from_claim;
    }
    spin_unlock(&frame_heap.lock);
    return mfn;
}

/* Their counts are zero and they are on no list: nobody but us knows them. */
static void frame_heap_give(uint64_t mfn, unsigned order)
{
    uint32_t stamp = tlb_clock();

    for (uint64_t m = mfn; m < mfn + (1ull << order); m++) {
        struct frame *f = frame_of(MFN(m));

        f->type = 0;
        f->owner = DOMID_XEN;
        f->tlb_stamp = stamp;
    }
    spin_lock(&frame_heap.lock);
    heap_free_block(&frame_heap, mfn, order);
    spin_unlock(&frame_heap.lock);
}

/*
 * Count of frames that hold the domain; the first takes a reference, the last drops it. Charged
 * before there is a frame, so that two CPUs cannot exceed max_pages together.
 */
static bool frame_owner_charge(struct domain *d, uint64_t n, bool beyond)
{
    bool ok = false;

    spin_lock(&d->page_lock);
    if (d->state == DOM_ALIVE &&
        (beyond || (n <= d->max_pages && d->tot_pages <= d->max_pages - n))) {
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

/* page_lock held. */
static void frame_list_append(struct domain *d, struct frame *f)
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

/*
 * The block becomes d's. False: d began to die while the block was cleaned, and its destruction,
 * which goes by the list, may be past the frames.
 */
static bool frame_block_list(struct domain *d, uint64_t mfn, uint64_t n)
{
    bool alive;

    spin_lock(&d->page_lock);
    alive = d->state == DOM_ALIVE;
    for (uint64_t m = mfn; alive && m < mfn + n; m++) {
        struct frame *f = frame_of(MFN(m));

        /* The count comes last: it is what makes the frame one that can be got. */
        f->owner = d->id;
        f->type = 0;
        f->order = 0;
        frame_list_append(d, f);
        __atomic_store_n(&f->refs, FRAME_ALLOCATED | 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&d->page_lock);
    return alive;
}

mfn_t frame_alloc(struct domain *d, unsigned order, unsigned flags)
{
    uint64_t n = 1ull << order;
    uint32_t mfn;

    if (order >= HEAP_ORDERS || !frame_owner_charge(d, n, flags & ALLOC_BEYOND_MAX))
        return INVALID_MFN;
    mfn = frame_heap_take(order, flags, &d->claimed_pages);
    if (mfn == FRAME_NONE) {
        frame_owner_uncharge(d, n);
        return INVALID_MFN;
    }
    frame_block_clean(mfn, order, !(flags & ALLOC_NO_SCRUB));
    if (!frame_block_list(d, mfn, n)) {
        frame_heap_give(mfn, order);
        frame_owner_uncharge(d, n);
        return INVALID_MFN;
    }
    return MFN(mfn);
}

void *hpages_alloc(unsigned order)
{
    uint32_t mfn = frame_heap_take(order, 0, NULL);

    if (mfn == FRAME_NONE)
        return NULL;
    frame_block_clean(mfn, order, true);
    for (uint64_t m = mfn; m < mfn + (1ull << order); m++) {
        struct frame *f = frame_of(MFN(m));

        f->owner = DOMID_XEN;
        f->type = 0;
        f->order = 0;
        __atomic_store_n(&f->refs, FRAME_ALLOCATED | 1, __ATOMIC_RELEASE);
    }
    return mfn_to_virt(MFN(mfn));
}

/*
 * Our own only reference becomes none. frame_get() on a guest's wild guess may hold one for a few
 * instructions, if the frame belonged to that domain when it looked first: wait for it.
 */
static void frame_seize(struct frame *f)
{
    uint64_t want = FRAME_ALLOCATED | 1;

    while (!__atomic_compare_exchange_n(&f->refs, &want, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
        BUG_ON((want & FRAME_COUNT_MASK) == 0 || !(want & FRAME_ALLOCATED));
        want = FRAME_ALLOCATED | 1;
        cpu_relax_poll();
    }
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
    return hpages_alloc(0);
}

void hpage_free(void *page)
{
    hpages_free(page, 0);
}

/*
 * Both locks: tot_pages and the free count must not move between looking and claiming. Under the
 * first one `state` says whether destruction, which gives the claim up once, is still to come.
 */
int frame_claim(struct domain *d, uint64_t pages)
{
    int rc = 0;

    spin_lock(&d->page_lock);
    spin_lock(&frame_heap.lock);
    if (pages == 0) {
        frame_heap.claimed -= d->claimed_pages;
        d->claimed_pages = 0;
    } else if (d->state != DOM_ALIVE || d->claimed_pages != 0 || pages <= d->tot_pages ||
               pages > d->max_pages) {
        rc = -XEN_EINVAL;
    } else if (pages - d->tot_pages >
               frame_heap.low.free + frame_heap.high.free - frame_heap.claimed) {
        rc = -XEN_ENOMEM;
    } else {
        d->claimed_pages = pages - d->tot_pages;
        frame_heap.claimed += d->claimed_pages;
    }
    spin_unlock(&frame_heap.lock);
    spin_unlock(&d->page_lock);
    return rc;
}

uint64_t frame_claimed_count(void)
{
    return READ_ONCE(frame_heap.claimed);
}

/* Free memory in an address range, for sysctl: the low zone, the high one, or both. */
uint64_t frame_free_between(unsigned min_bits, unsigned max_bits)
{
    uint64_t n = 0;

    if (min_bits < 32)
        n += READ_ONCE(frame_heap.low.free);
    if (max_bits == 0 || max_bits > 32)
        n += READ_ONCE(frame_heap.high.free);
    return n;
}

/* ---- references ---- */

/* The first look keeps us off the count of a stranger's frame; the second one is the answer. */
bool frame_get(struct frame *f, const struct domain *d)
{
    if (READ_ONCE(f->owner) != d->id || !frame_ref_unless_free(f))
        return false;
    if (likely(READ_ONCE(f->owner) == d->id))
        return true;
    frame_put(f); /* it was freed and given to another in between */
    return false;
}

/* The last reference is gone: nobody can find the frame any more but through its owner's list. */
static void frame_release(struct frame *f, bool shared)
{
    struct domain *d = domain_of_id(f->owner);
    uint64_t mfn = frame_mfn(f).m;
    bool last;

    BUG_ON(d == NULL || d == dom_xen || d == dom_io);
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
            now = 0; /* FRAME_SHARED goes as well */
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
    f->type = writable ? 0 : ARCH_FRAME_TYPE_READONLY;
    WRITE_ONCE(f->owner, d->id);
    __atomic_store_n(&f->refs, FRAME_ALLOCATED | FRAME_SHARED | 1, __ATOMIC_RELEASE);
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
 * Nobody but its owner holds it, so it has no type and no mapping; and from here on nobody can get
 * it. Only for frames of the current domain, which cannot be destroyed meanwhile.
 */
bool frame_isolate(struct frame *f, const struct domain *d)
{
    uint64_t want = FRAME_ALLOCATED | 1;

    if (READ_ONCE(f->owner) != d->id ||
        !__atomic_compare_exchange_n(&f->refs, &want, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    if (likely(READ_ONCE(f->owner) == d->id))
        return true;
    frame_unisolate(f);
    return false;
}

void frame_unisolate(struct frame *f)
{
    __atomic_store_n(&f->refs, FRAME_ALLOCATED | 1, __ATOMIC_RELEASE);
}

void frame_free_isolated(struct frame *f)
{
    frame_release(f, false);
}

/* ---- machine to physical ---- */

void m2p_set(mfn_t m, uint64_t pfn)
{
    M2P[m.m] = pfn;
}

bool m2p_set_of(mfn_t m, const struct domain *d, uint64_t pfn)
{
    struct frame *f = frame_of(m);

    if (!frame_get(f, d))
        return false;
    m2p_set(m, pfn);
    frame_put(f);
    return true;
}

uint64_t m2p_get(mfn_t m)
{
    return M2P[m.m];
}
