/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page types: why a paravirtual guest can be given its own page tables.
 *
 * The guest's page tables are the ones the processor walks. What keeps it in its own memory is one
 * rule: a frame that is used as a page table, or as a GDT or LDT page, is not mapped writable by
 * anybody; and its contents have been checked, and are only changed by us. So each frame has one
 * type at a time. A type is taken by counting a reference:
 *
 *   writable   each writable L1 entry, each grant or foreign mapping that may write, and the
 *              hypervisor while it holds a guest's page for writing
 *   L1..L3     each entry of the level above that points to it
 *   L4         each vcpu that has it as one of its two root tables
 *   any L      the guest's pin (at most one)
 *   desc       each vcpu whose GDT or LDT window shows it
 *
 * When the count is zero the next user may choose another type. Becoming a table means validation:
 * every entry is looked at and the references it stands for are taken, which validates the tables
 * below in turn; when one entry is refused, what was taken is dropped again and the frame has no
 * type, or its old one if no flush was needed. When the last reference goes, the same references
 * are dropped. There are no half validated tables: a vcpu has a stack of its own and is preempted
 * in the middle (preempt_point()), with the frame marked BUSY. Others who want the same type of it
 * wait, and those who want another are refused. A waiter holds BUSY marks only on frames of higher
 * levels than the one that it waits for, so there is no cycle.
 *
 * A table of level n refers to tables of level n-1 only: linear page tables cannot be built, and
 * validation recurses at most four deep.
 *
 * The order of an update is the same everywhere: take the references of the new entry, exchange the
 * entry, drop those of the old one. So at each moment a frame has at least as many references as
 * there are entries through which a processor can find it, and a count of zero means that only
 * stale translations can be left. A count cannot overflow: each reference is an entry in some page,
 * a vcpu, or a tracked mapping, and there is no memory for 2^40 of them.
 *
 * Translations linger in TLBs after their entry has gone. The guest flushes for its own good; for
 * ours, a frame records the flush clock when its type ends, and before it takes a different one the
 * CPUs that have not flushed since then are made to. The same holds for the processor's caches of
 * upper levels (Intel SDM vol. 3, "Caching Translation Information"), as they are flushed with
 * everything else. A frame that becomes the same kind of table again needs no flush: nobody could
 * write to it meanwhile, so who still walks it finds only entries that were checked, and each frame
 * that those lead to is flushed before its own change. If it is refused that time it stays what it
 * was, for its translations linger still.
 *
 * What a guest may try, and what meets it:
 *
 *   change a page while it is checked     it is BUSY, which no writable mapping survives: the count
 *                                         was zero, and the flush comes before the first look
 *   write through a mapping just removed  the flush at the change of type
 *   one frame as two things               one type field, changed by compare-and-swap
 *   take a stranger's frame, or hold up   the owner is part of the words that are compared and
 *   its change of type                    swapped
 *   a graph that takes long to walk       preemption points, also amid a table; slices when the
 *                                         domain is dying
 *   write past the caches, so that memory differs from what is checked there
 *                                         UNCACHED: they are written back at the change of type
 *   pin twice, unpin twice                one PINNED bit, whoever flips it has the reference
 *
 * No lock is held here. The state word changes by compare-and-swap; BUSY gives one vcpu the frame
 * for the slow transitions. A type reference pins the owner: frames change hands only when nothing
 * but the owner's own reference is left. Functions that deal with table types are called with no
 * lock held, since they are preempted; the writable type, which needs no validation, may be taken
 * and dropped under any lock.
 *
 * When a domain dies its tables form a graph of any size; they are taken apart one by one from a
 * list (linked through tlb_stamp, which a table does not need), so that each step is short.
 */
#include <core/domain.h>
#include <core/preempt.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/errno.h>
#include <pv/alias.h>
#include <pv/descriptors.h>
#include <pv/page_types.h>
#include <pv/pte.h>
#include <pv/table_refs.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/tlb.h>

/* On failure nothing of what was taken is left, and the stamp is as it was. */
static int frame_validate(struct frame *f, enum page_type type, struct domain *d)
{
    uint32_t runs = 0;
    int rc;

    if (type == PAGE_TYPE_DESC)
        return pv_validate_desc_page(f) ? 0 : -XEN_EINVAL;
    if (!page_type_is_table(type))
        return 0;
    rc = table_refs_take(mfn_to_virt(frame_mfn(f)), type, &runs, d);
    if (rc == 0)
        f->table_runs = runs;
    return rc;
}

/*
 * The end of a type: f is BUSY and ours. The frame reference behind the type goes as well. runs: of
 * a table of levels 2 to 4, those that may have entries.
 */
static __attribute__((noinline)) void type_end(struct frame *f, uint32_t runs, struct domain *d)
{
    enum page_type type = page_type_of(f->type);
    pte_t *t = mfn_to_virt(frame_mfn(f));

    if (page_type_is_table(type)) {
        if (type != PAGE_TYPE_L1)
            pte_path_changed(d);
        table_refs_drop(t, type, runs, d);
        /* The owner may read it from now on as it likes: our entries are none of its business. */
        if (type == PAGE_TYPE_L4)
            memset(&t[HV_L4_FIRST], 0, HV_L4_COUNT * sizeof(pte_t));
    }
    /* The stamp first: who sees the frame idle sees it. Then the put, which may free the frame. */
    f->tlb_stamp = tlb_clock();
    __atomic_store_n(&f->type, PAGE_TYPE(type) | (f->type & PAGE_TYPE_KEPT), __ATOMIC_RELEASE);
    if (unlikely(page_type_is_table(type) && alias_kept(d)))
        alias_queue(f);
    else
        frame_put(f);
}

/*
 * Tables of a dying domain that nothing refers to any more, waiting to be taken apart: a stack that
 * whoever drops a last reference may push to, and only its destroyer pops from. With one popper the
 * top cannot go and come back between its look and its swap. The frames on it stay BUSY and keep
 * the frame reference of their type.
 *
 * The popper that finds it empty closes it: the control domain's vcpus may hold references of their
 * own until later, and take apart themselves what they come to hold last.
 */
#define ORPHANS_CLOSED UINT64_MAX /* in place of the top; frame 0, no guest's, ends the list */

/* False: closed. */
static bool orphan_push(struct frame *f, struct domain *d)
{
    uint64_t *head = &d->pv.orphans.m, top = READ_ONCE(*head);

    do {
        if (top == ORPHANS_CLOSED)
            return false;
        f->tlb_stamp = (uint32_t)top;
    } while (!__atomic_compare_exchange_n(head, &top, frame_mfn(f).m, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return true;
}

static struct frame *orphan_pop(struct domain *d)
{
    uint64_t *head = &d->pv.orphans.m, top = READ_ONCE(*head), next;

    do {
        if (top == ORPHANS_CLOSED)
            return NULL;
        next = top == 0 ? ORPHANS_CLOSED : FRAMES[top].tlb_stamp;
    } while (
        !__atomic_compare_exchange_n(head, &top, next, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return top == 0 ? NULL : &FRAMES[top];
}

/*
 * The count seems to be one. Most often this is a page that loses its last writable mapping: it has
 * nothing to take apart, and its BUSY moment is the one instruction between stamp and store.
 */
void page_type_put_last(struct frame *f, struct domain *d)
{
    uint64_t t = READ_ONCE(f->type), n;
    uint32_t runs;

    do {
        BUG_ON(!(t & PAGE_TYPE_VALID)); /* more puts than gets */
        n = t - 1;                      /* somebody else has taken one meanwhile */
        if (likely(page_type_count_below_2(t)))
            n = (t & (PAGE_TYPE_MASK | PAGE_TYPE_KEPT)) | PAGE_TYPE_BUSY;
    } while (!page_type_swap(f, &t, n));

    if (unlikely(!(n & PAGE_TYPE_BUSY)))
        return;
    if (likely(page_type_of(n) == PAGE_TYPE_WRITABLE)) {
        f->tlb_stamp = tlb_clock();
        __atomic_store_n(&f->type, n & ~PAGE_TYPE_BUSY, __ATOMIC_RELEASE);
        page_frame_put(f);
        return;
    }
    runs = f->table_runs; /* the queue of orphans puts its link there */
    if (page_type_is_table(page_type_of(n)) && d->state != DOM_ALIVE && orphan_push(f, d))
        return;
    type_end(f, runs, d);
}

/*
 * Before a frame takes another type: no CPU may still translate by the old one. f is BUSY. The mask
 * is read after that: a CPU that enters it later loads CR3 then, and so has nothing stale.
 */
static void type_change_flush(struct frame *f, uint64_t old, struct domain *d)
{
    cpumask_t mask = (old & PAGE_TYPE_FOREIGN) ? cpu_online : READ_ONCE(d->arch.tlb_mask);

    mask = tlb_filter(mask, f->tlb_stamp, d->id);
    if (mask != 0)
        tlb_flush_mask(mask);
    /* Now that nobody can write past the caches any more: what is checked is what is in memory. */
    if (unlikely(old & PAGE_TYPE_UNCACHED))
        cache_flush(mfn_to_virt(frame_mfn(f)), PAGE_SIZE);
}

/*
 * A page that becomes writable again, or for the first time: there is nothing to check and nothing
 * to flush, so it is one step, without BUSY. The frame is held. False: the word has changed.
 */
static inline bool writable_begin(struct frame *f, uint64_t old, struct domain *d)
{
    uint64_t n = page_type_valid(PAGE_TYPE_WRITABLE, d->id) | (old & PAGE_TYPE_KEPT) | 1;

    return page_type_swap(f, &old, n);
}

/* Of an idle frame, as the word says: writable_begin() will do. */
static inline bool writable_is_simple(uint64_t word)
{
    return (word & ~(PAGE_TYPE_MASK | PAGE_TYPE_KEPT)) == 0 &&
           !page_type_change_flushes(word, PAGE_TYPE_WRITABLE);
}

/*
 * From a count of zero; `old` is the word as seen, and the frame reference has been taken: it is
 * the type's from then on, or, after an error, still the caller's. empty: a table of level 1 to 3
 * is cleared instead of looked at. -XEN_EAGAIN: the word has changed, look again.
 */
static int type_begin(struct frame *f, enum page_type type, uint64_t old, struct domain *d,
                      bool empty)
{
    int rc = 0;

    if (!page_type_swap(f, &old, PAGE_TYPE(type) | PAGE_TYPE_BUSY))
        return -XEN_EAGAIN;
    if (page_type_is_table(type)) /* BUSY says it from here on */
        alias_frame_at(NULL, 0);
    if (page_type_change_flushes(old, type))
        type_change_flush(f, old, d);
    if (empty) {
        page_clear(mfn_to_virt(frame_mfn(f)));
        f->table_runs = 0;
        (void)work_charge(WORK_PAGE);
    } else {
        rc = frame_validate(f, type, d);
    }
    if (rc != 0)
        __atomic_store_n(&f->type, page_type_after_refusal(old, type), __ATOMIC_RELEASE);
    else
        __atomic_store_n(&f->type, page_type_valid(type, d->id) | 1, __ATOMIC_RELEASE);
    return rc;
}

#define FOREIGN_WAITS 10000 /* passes of another domain's vcpu, before it is told to come again */

/* How page_type_get_slow() goes about it. */
struct getting {
    bool empty;     /* the frame is to become a table, and an empty one */
    bool protected; /* its alias has been made read-only for it */
    unsigned waits; /* passes so far, for what is not waited for without end */
};

/* Another vcpu changes the type. 0: look again. */
static int wait_for_busy(uint64_t word, enum page_type type, struct domain *d, struct getting *g)
{
    cpu_relax_poll();
    if (!page_type_is_table(page_type_of(word)))
        return 0; /* over in a moment: that vcpu is not preempted meanwhile */
    if (page_type_of(word) != type || g->empty || d->state != DOM_ALIVE)
        return -XEN_EINVAL;
    /* The vcpu at work may have been paused by our own domain: come again later then. */
    if (current->domain != d && ++g->waits > FOREIGN_WAITS)
        return -XEN_EAGAIN;
    work_used_up(); /* who is at work may need this CPU */
    preempt_after(1);
    return 0;
}

static int get_slow(struct frame *f, enum page_type type, struct domain *d, struct getting *g)
{
    for (;;) {
        uint64_t t = READ_ONCE(f->type);
        int rc;

        if (READ_ONCE(f->owner) != d->id)
            return -XEN_EPERM;
        if (t & PAGE_TYPE_VALID) {
            if (page_type_of(t) != type) {
                if (unlikely(alias_kept(d)) &&
                    alias_gives_way(f, t, type, d, &g->protected, &g->waits))
                    continue;
                return -XEN_EINVAL;
            }
            if (g->empty)
                return -XEN_EINVAL;
            if (page_type_get_valid(f, type, d))
                return 0;
            continue;
        }
        if (t & PAGE_TYPE_BUSY) {
            rc = wait_for_busy(t, type, d, g);
            if (rc != 0)
                return rc;
            continue;
        }
        if (t & PAGE_TYPE_COUNT) /* never without VALID, where a count was dealt with */
            return -XEN_EINVAL;
        /* Nobody would take apart what is validated after the walk of page_type_relinquish(). */
        if (page_type_is_table(type) && d->state != DOM_ALIVE)
            return -XEN_EINVAL;
        if (!page_frame_get(f, d))
            return -XEN_EPERM;
        /*
         * Frames of the hypervisor that a guest may map (grant frames) never become tables. Only
         * now that we hold it a frame cannot become one of them any more.
         */
        rc = -XEN_EINVAL;
        if (type == PAGE_TYPE_WRITABLE && writable_is_simple(t))
            rc = writable_begin(f, t, d) ? 0 : -XEN_EAGAIN;
        else if (type == PAGE_TYPE_WRITABLE || !(READ_ONCE(f->refs) & FRAME_SHARED))
            rc = type_begin(f, type, t, d, g->empty);
        if (rc == 0)
            return 0;
        frame_put(f);
        if (rc != -XEN_EAGAIN)
            return rc;
    }
}

static __attribute__((noinline)) int get(struct frame *f, enum page_type type, struct domain *d,
                                         bool empty)
{
    struct getting g = {.empty = empty};
    int rc = get_slow(f, type, d, &g);

    if (unlikely(g.protected && rc != 0)) /* refused after all: it is to be as it was */
        alias_release(f, d);
    if (page_type_is_table(type))
        alias_frame_at(NULL, 0);
    return rc;
}

/* In front: what the slow way is needed for most, a page's first writable mapping of several. */
int page_type_get_slow(struct frame *f, enum page_type type, struct domain *d)
{
    uint64_t t = READ_ONCE(f->type);

    if (likely(type == PAGE_TYPE_WRITABLE && writable_is_simple(t)) && page_frame_get(f, d)) {
        if (likely(writable_begin(f, t, d)))
            return 0;
        frame_put(f);
    }
    return get(f, type, d, false);
}

int page_type_get_empty(struct frame *f, enum page_type type, struct domain *d)
{
    return get(f, type, d, true);
}

/* The reference comes before the bit: PINNED never stands for a count that is not there. */
int page_type_pin(struct frame *f, enum page_type type, struct domain *d)
{
    int rc = page_type_get(f, type, d);

    if (rc != 0)
        return rc;
    if (__atomic_fetch_or(&f->type, PAGE_TYPE_PINNED, __ATOMIC_SEQ_CST) & PAGE_TYPE_PINNED) {
        page_type_put(f, d); /* pinned already: the pin counts once */
        return -XEN_EINVAL;
    }
    /*
     * The walk of page_type_relinquish() may have passed f. Or it comes to f only now, and what it
     * undoes may be all that held f: so f is d's still, or is left alone.
     */
    if (unlikely(d->state != DOM_ALIVE)) {
        if (page_frame_get(f, d)) {
            page_type_unpin(f, d);
            page_frame_put(f);
        }
        return -XEN_EINVAL;
    }
    return 0;
}

/* Who clears the bit owns the reference behind it: of two at once, one finds the bit gone. */
int page_type_unpin(struct frame *f, struct domain *d)
{
    uint64_t t = READ_ONCE(f->type);

    do {
        if (!(t & PAGE_TYPE_PINNED))
            return -XEN_EINVAL;
    } while (!page_type_swap(f, &t, t & ~PAGE_TYPE_PINNED));
    page_type_put(f, d);
    return 0;
}

/*
 * First the pins go, which is one walk over the domain's frames; roots fall off and are queued.
 * Then the queue is worked off: each table drops its entries, and tables that nothing holds any
 * more join the queue. teardown_cursor: 0 before the walk, then the frame to go on with, FRAME_NONE
 * after it.
 *
 * Between two slices the frame to go on with is held, so that it stays on the list: others may let
 * go of frames that the domain has given back. One that is just going is passed over.
 */
#define RELINQUISH_SLICE 16  /* tables */
#define UNPIN_STRETCH    512 /* frames, under the lock */
#define UNPIN_SLICE      8   /* stretches */

/* Part of the walk. 0: the pins are all gone. */
static int relinquish_unpin(struct domain *d)
{
    uint32_t from = d->pv.teardown_cursor, m;

    spin_lock(&d->page_lock);
    m = from == 0 ? d->page_list_head : from;
    for (unsigned n = 0; m != FRAME_NONE; n++) {
        struct frame *f = &FRAMES[m];

        if (n >= UNPIN_STRETCH && frame_get(f, d))
            break;
        m = f->next;
        /* No table is taken apart under this lock: until the walk is over they are only queued. */
        if (READ_ONCE(f->type) & PAGE_TYPE_PINNED)
            page_type_unpin(f, d);
    }
    d->pv.teardown_cursor = m;
    spin_unlock(&d->page_lock);
    if (from != 0)
        frame_put(&FRAMES[from]);
    return m == FRAME_NONE ? 0 : -XEN_ERESTART;
}

int page_type_relinquish(struct domain *d)
{
    struct frame *f;

    for (unsigned n = 0; d->pv.teardown_cursor != FRAME_NONE; n++) {
        if (relinquish_unpin(d) != 0 && n + 1 == UNPIN_SLICE)
            return -XEN_ERESTART;
        if (work_charge(UNPIN_STRETCH * 10) && preempt_wanted())
            return -XEN_ERESTART;
    }
    for (unsigned n = 0; n < RELINQUISH_SLICE; n++) {
        f = orphan_pop(d);
        if (f == NULL)
            return 0;
        type_end(f, TABLE_REFS_UNKNOWN, d); /* they gave way to the link */
        if (work_charge(1) && preempt_wanted())
            break;
    }
    return -XEN_ERESTART;
}

/*
 * Core's view: a frame that the hypervisor or a grant writes to on behalf of someone. Callable with
 * locks held, as a writable type is never validated: the wait for a change of type to finish and
 * its flush only poll. Marked foreign, since core does not say who will map it.
 */
bool frame_get_writable(struct frame *f, struct domain *d)
{
    if (page_type_get(f, PAGE_TYPE_WRITABLE, d) != 0)
        return false;
    page_type_mark(f, PAGE_TYPE_FOREIGN);
    return true;
}

void frame_put_writable(struct frame *f)
{
    page_type_put(f, NULL);
}
