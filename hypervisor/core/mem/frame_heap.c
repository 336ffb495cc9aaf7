/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks of frames that are nobody's: handing memory over at boot, taking blocks from the heap and
 * giving them back, what is promised to domains, and counts of all this. Who owns a frame, and who
 * holds it, is core/mem/frame.c's.
 *
 * A block that is taken has been flushed from every CPU's translations and scrubbed; its frames
 * have a count of zero and are on no list, so nobody but the taker can name them with success.
 */
#include <boot/boot.h>
#include <core/domain.h>
#include <core/mem/frame_internal.h>
#include <core/mem/heap.h>
#include <core/preempt.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/tlb.h>

#define BOOT_RANGES  64
#define SETTLE_SLICE 128 /* frames: a short time under the heap's lock */
#define WORK_SETTLE  85  /* each of them */

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

/*
 * Every frame gets an owner: DOMID_IO where there is no RAM, the hypervisor where there is. What is
 * below 1 MiB counts as no RAM: a PC keeps tables and ROMs there, whatever the map says, and a dom0
 * looks for them by mapping all of it. The heap never gets it, and the hypervisor's own use of it
 * (x86/smp_start.c) is over before dom0 runs.
 */
static void frame_table_init(void)
{
    for (uint64_t m = 0; m < max_mfn; m++)
        FRAMES[m] = (struct frame){.refs = frame_refs(DOMID_IO, 0, 1),
                                   .next = FRAME_NONE,
                                   .prev = FRAME_NONE,
                                   .owner = DOMID_IO};
    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        uint64_t end = MIN((e->addr + e->size) >> PAGE_SHIFT, max_mfn);

        if (e->type != E820_RAM)
            continue;
        for (uint64_t m = DIV_UP(MAX(e->addr, MIB(1)), PAGE_SIZE); m < end; m++) {
            FRAMES[m].owner = DOMID_XEN;
            FRAMES[m].refs = frame_refs(DOMID_XEN, 0, 1);
        }
    }
    for (uint64_t m = 0; m < max_mfn; m++)
        m2p_set(MFN(m), M2P_INVALID);
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

uint64_t frame_free_count(void)
{
    return READ_ONCE(frame_heap.free);
}

uint64_t frame_total_count(void)
{
    return frame_total;
}

/* ---- blocks ---- */

/*
 * Flushes the CPUs that may still see what the block was before, then clears it. In this order: a
 * write through a stale translation must not come after the clearing.
 */
static void frame_block_clean(uint64_t mfn, unsigned order, unsigned flags)
{
    bool preempt = !(flags & ALLOC_LOCKED), scrub = !(flags & ALLOC_NO_SCRUB);
    cpumask_t stale = 0;

    for (uint64_t m = mfn; m < mfn + (1ull << order); m++) {
        const struct frame *f = frame_of(MFN(m));

        stale |= tlb_filter(cpu_online & ~stale, f->tlb_stamp, f->owner);
        if (work_charge(WORK_STALE * nr_cpus) && preempt)
            preempt_work();
    }
    if (stale != 0)
        tlb_flush_mask(stale);
    for (uint64_t m = mfn; scrub && m < mfn + (1ull << order); m++) {
        page_clear(mfn_to_virt(MFN(m)));
        if (work_charge(WORK_PAGE) && preempt)
            preempt_work();
    }
}

/*
 * How many of n frames come out of what was promised to the caller's domain: *from_claim. False:
 * there are too few others. Lock held. What always holds: claimed <= free.
 */
static bool frame_heap_allows(uint64_t want, const uint64_t *claim, uint64_t *from_claim)
{
    *from_claim = claim != NULL ? MIN(*claim, want) : 0;
    return want - *from_claim <= frame_heap.free - frame_heap.claimed;
}

/* *claim is changed under the heap's lock, as frame_claim() does. */
static uint32_t frame_heap_find(unsigned order, unsigned flags, uint64_t *claim)
{
    unsigned bits = (flags >> 8) & 0xff;
    uint32_t mfn = FRAME_NONE;
    uint64_t from_claim;

    if (bits == 0)
        bits = 64;
    if (flags & ALLOC_BELOW_4G)
        bits = MIN(bits, 32u);
    spin_lock(&frame_heap.lock);
    if (frame_heap_allows(1ull << order, claim, &from_claim))
        mfn = heap_alloc_block(&frame_heap, order, bits <= PAGE_SHIFT ? 0 : bits - PAGE_SHIFT);
    if (mfn != FRAME_NONE && from_claim != 0) {
        *claim -= from_claim;
        frame_heap.claimed -= from_claim;
    }
    spin_unlock(&frame_heap.lock);
    return mfn;
}

uint32_t frame_heap_take(unsigned order, unsigned flags, uint64_t *claim)
{
    uint32_t mfn = frame_heap_find(order, flags, claim);

    if (mfn != FRAME_NONE)
        frame_block_clean(mfn, order, flags);
    return mfn;
}

bool frame_heap_settle(unsigned order, const uint64_t *claim)
{
    uint64_t from_claim;
    bool any;

    spin_lock(&frame_heap.lock);
    any = frame_heap_allows(1ull << order, claim, &from_claim) &&
          heap_settle(&frame_heap, SETTLE_SLICE);
    spin_unlock(&frame_heap.lock);
    if (any)
        (void)work_charge(SETTLE_SLICE * WORK_SETTLE);
    return any;
}

bool frame_heap_has_block(unsigned order)
{
    bool has;

    spin_lock(&frame_heap.lock);
    has = heap_has_block(&frame_heap, order);
    spin_unlock(&frame_heap.lock);
    return has;
}

void frame_heap_put_back(uint64_t mfn, unsigned order)
{
    spin_lock(&frame_heap.lock);
    heap_free_block(&frame_heap, mfn, order);
    spin_unlock(&frame_heap.lock);
}

void frame_heap_give(uint64_t mfn, unsigned order)
{
    uint32_t stamp = tlb_clock();

    for (uint64_t m = mfn; m < mfn + (1ull << order); m++) {
        struct frame *f = frame_of(MFN(m));

        f->type = 0;
        f->tlb_stamp = stamp;
    }
    frame_heap_put_back(mfn, order);
}

/* ---- claims ---- */

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
    } else if (pages - d->tot_pages > frame_heap.free - frame_heap.claimed) {
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
