/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The type of a frame: its state word and the fast paths. pv/page_types.c explains the rules.
 *
 *   63..61 type   60 VALID   59..44 owner   43 PINNED   42 BUSY   41 FOREIGN   40 UNCACHED
 *   39..0 count
 *
 * VALID is set exactly while the count is above zero, and all type references together hold one
 * frame reference: so the owner cannot change, and the word names it, that a reference be taken of
 * a frame of that domain and of no other. A count cannot overflow, as that of frame references
 * (core/frame.h). BUSY: one vcpu changes the type; the count is zero and nobody else may touch the
 * word. PINNED: one of the counts is the guest's pin. FOREIGN: since the type was set, another
 * domain has mapped the frame writable, so a flush must not look at the owner's CPUs alone.
 * UNCACHED: since then it has been mapped writable with another memory type than write-back, so
 * memory and caches may differ. With the count at zero the type field tells what the frame was last
 * (its translations may linger).
 *
 * So a word is in one of four states. It leaves BUSY by a store of the vcpu that is at work, and
 * all other states by compare-and-swap:
 *
 *   0                              no type since the frame was allocated, or since a flush
 *   type | BUSY                    being validated, or being taken apart, by one vcpu
 *   type | VALID | owner | count   in use
 *   type                           idle: may be taken into use as the same type, or as another one
 *
 * FOREIGN and UNCACHED may be set in all but the first, PINNED only beside VALID.
 * FRAME_TYPE_READONLY (core/frame.h) is VALID with type NONE and a count that nobody holds:
 * since nobody ever asks for type NONE, such a frame can be mapped, but not take a type.
 */
#ifndef PV_PAGE_TYPES_H
#define PV_PAGE_TYPES_H

#include <core/domain.h>
#include <core/frame.h>
#include <lib/types.h>

enum page_type {
    PAGE_TYPE_NONE = 0,
    PAGE_TYPE_L1 = 1, /* the number is the level */
    PAGE_TYPE_L2 = 2,
    PAGE_TYPE_L3 = 3,
    PAGE_TYPE_L4 = 4,
    PAGE_TYPE_DESC = 5,     /* GDT or LDT page */
    PAGE_TYPE_WRITABLE = 6, /* mapped writable, or written by the hypervisor for somebody */
};

#define PAGE_TYPE_SHIFT    61
#define PAGE_TYPE(t)       ((uint64_t)(t) << PAGE_TYPE_SHIFT)
#define PAGE_TYPE_MASK     PAGE_TYPE(7)
#define PAGE_TYPE_VALID    BIT(60)
#define PAGE_TYPE_OWNER    44 /* lowest of its bits */
#define PAGE_TYPE_PINNED   BIT(43)
#define PAGE_TYPE_BUSY     BIT(42)
#define PAGE_TYPE_FOREIGN  BIT(41)
#define PAGE_TYPE_UNCACHED BIT(40)
#define PAGE_TYPE_KEPT     (PAGE_TYPE_FOREIGN | PAGE_TYPE_UNCACHED) /* from one use to the next */
#define PAGE_TYPE_COUNT    FRAME_COUNT_MASK

/* What the frame is while the word says VALID or BUSY, else what it was last. */
static inline enum page_type page_type_of(uint64_t word)
{
    return (enum page_type)((word & PAGE_TYPE_MASK) >> PAGE_TYPE_SHIFT);
}

static inline bool page_type_is_table(enum page_type t)
{
    return t - 1u < 4u;
}

/* In use as that type, by that domain. */
static inline uint64_t page_type_valid(enum page_type type, domid_t owner)
{
    return PAGE_TYPE(type) | PAGE_TYPE_VALID | (uint64_t)owner << PAGE_TYPE_OWNER;
}

/*
 * All of that is in the topmost bits, so that a shift tells, which is cheaper than a mask. What to
 * compare with is a key, which loops compute once.
 */
static inline uint64_t page_type_key(enum page_type type, const struct domain *d)
{
    return page_type_valid(type, d->id) >> PAGE_TYPE_OWNER;
}

/* False: the word had changed, and *expected is what it is now. */
static inline bool page_type_swap(struct frame *f, uint64_t *expected, uint64_t desired)
{
    return __atomic_compare_exchange_n(&f->type, expected, desired, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

/*
 * An idle frame may still be reached by translations of what it was: they are flushed before it
 * becomes something else. Not before it becomes the same again, as nobody could write to it since.
 */
static inline bool page_type_change_flushes(uint64_t idle, enum page_type type)
{
    return page_type_of(idle) != PAGE_TYPE_NONE && page_type_of(idle) != type;
}

/*
 * The word after `type` was refused to a frame that was `idle`. NONE promises that there is nothing
 * to flush, so only a flush may lead to it: without one the frame stays what it was.
 */
static inline uint64_t page_type_after_refusal(uint64_t idle, enum page_type type)
{
    return page_type_change_flushes(idle, type) ? PAGE_TYPE(PAGE_TYPE_NONE) : idle;
}

/*
 * Tables of levels 2 to 4 are nearly empty, and each process has a handful of them: so each has a
 * bit for every sixteen entries. It is set if one of them is present, or has been since the table
 * was validated; the others are not looked at when the table is taken apart.
 */
#define PAGE_TYPE_RUN 16u

/* Before an entry becomes present, by who holds a type reference on the table. */
static inline void page_type_mark_run(struct frame *f, unsigned slot)
{
    uint32_t bit = 1u << (slot / PAGE_TYPE_RUN);

    if (unlikely(!(READ_ONCE(f->table_runs) & bit)))
        (void)__atomic_fetch_or(&f->table_runs, bit, __ATOMIC_SEQ_CST);
}

/* The rest of page_type_get() and of page_type_put(); not to be called by others. */
int page_type_get_slow(struct frame *f, enum page_type type, struct domain *d);
void page_type_put_last(struct frame *f, struct domain *d);

/*
 * The count is zero or one, also in a word of frame references. A test with this mask is one
 * instruction where a loop has it in a register.
 */
static inline bool page_type_count_below_2(uint64_t word)
{
    return (word & (FRAME_COUNT_MASK & ~1ull)) == 0;
}

/* Drops a reference, of either kind, that is not the last one; false: it may be. Calls nothing. */
static inline bool page_word_put_shared(uint64_t *word)
{
    uint64_t t = READ_ONCE(*word);

    do {
        if (unlikely(page_type_count_below_2(t)))
            return false;
    } while (unlikely(
        !__atomic_compare_exchange_n(word, &t, t - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)));
    return true;
}

static inline bool page_type_put_shared(struct frame *f)
{
    return page_word_put_shared(&f->type);
}

static inline bool page_frame_put_shared(struct frame *f)
{
    return page_word_put_shared(&f->refs);
}

/*
 * Drops a type reference. d: the owner, when the type may be a page table.
 *
 * The last one drops a frame reference as well, which may free the frame: the caller does not touch
 * f afterwards unless something else of its own holds it. A table's last one takes the table apart,
 * with preemption points: no lock may be held then.
 */
static inline void page_type_put(struct frame *f, struct domain *d)
{
    if (!page_type_put_shared(f))
        page_type_put_last(f, d);
}

/*
 * The same for a frame that is in use as nothing, and becomes a table of level 1 to 3 without
 * entries: its contents go. -XEN_EINVAL also where it is a table already.
 */
int page_type_get_empty(struct frame *f, enum page_type type, struct domain *d);

/*
 * One more reference on a frame of d that has the type already; false: it is not that simple. A
 * stranger's frame is not counted on, not for a moment: that could keep it from taking the type
 * that its owner asks for.
 */
static inline bool page_type_get_key(struct frame *f, uint64_t key)
{
    uint64_t t = READ_ONCE(f->type);

    while (likely(t >> PAGE_TYPE_OWNER == key)) {
        if (likely(page_type_swap(f, &t, t + 1)))
            return true;
    }
    return false;
}

static inline bool page_type_get_valid(struct frame *f, enum page_type type, const struct domain *d)
{
    return page_type_get_key(f, page_type_key(type, d));
}

/*
 * Takes a type reference on a frame of d; the frame is validated first if it is not of that type
 * yet. 0, -XEN_EPERM (not d's frame), -XEN_EINVAL (in use as something else, or its contents are
 * not what the type demands; for a table also: d is dying), -XEN_EAGAIN (a vcpu of d that may be
 * paused is at work on the table; only where current is not d's). For table types the caller holds
 * no lock: it may be preempted. f is below max_mfn, and need not be held or d's: that is what is
 * found out. While the reference lasts the frame keeps its type and its owner.
 */
static inline int page_type_get(struct frame *f, enum page_type type, struct domain *d)
{
    return likely(page_type_get_valid(f, type, d)) ? 0 : page_type_get_slow(f, type, d);
}

/*
 * core's frame_get() and frame_put() in line, for the paths where each instruction counts. They do
 * not look at the type: a read-only mapping stands for a frame reference and nothing else, as any
 * frame, a page table too, may be read by its owner.
 */
static inline bool page_frame_get_key(struct frame *f, uint64_t key)
{
    uint64_t r = READ_ONCE(f->refs);

    while (likely(r >> FRAME_OWNER_SHIFT == key)) {
        if (likely(__atomic_compare_exchange_n(&f->refs, &r, r + 1, false, __ATOMIC_SEQ_CST,
                                               __ATOMIC_RELAXED)))
            return true;
    }
    return false;
}

static inline bool page_frame_get(struct frame *f, const struct domain *d)
{
    return page_frame_get_key(f, frame_key(d->id));
}

/*
 * The first writable reference on a page that is idle and needs no flush: what page_type_get_slow()
 * does for one, in a few instructions. The keys are page_type_key() of the writable type and
 * frame_key(). False: not that simple; then *held says whether a frame reference is left, for the
 * caller to drop. Calls nothing.
 */
static inline bool page_type_get_idle(struct frame *f, uint64_t writable, uint64_t held_key,
                                      bool *held)
{
    uint64_t t = READ_ONCE(f->type), kept = t & PAGE_TYPE_KEPT;

    *held = false;
    if ((t != kept && t != (PAGE_TYPE(PAGE_TYPE_WRITABLE) | kept)) ||
        unlikely(!page_frame_get_key(f, held_key)))
        return false;
    *held = true; /* it becomes the type's */
    return likely(page_type_swap(f, &t, writable << PAGE_TYPE_OWNER | kept | 1));
}

static inline void page_frame_put(struct frame *f)
{
    if (unlikely(!page_frame_put_shared(f)))
        frame_put(f);
}

/*
 * What will be mapped by a writable reference that has just been taken: FOREIGN, by a domain other
 * than the owner; UNCACHED, with another memory type than write-back. To be called between taking
 * it and making the mapping: the reference keeps the word from becoming BUSY, and the bits are
 * there before the first translation is.
 */
static inline void page_type_mark(struct frame *f, uint64_t bits)
{
    if (bits & ~READ_ONCE(f->type))
        __atomic_fetch_or(&f->type, bits, __ATOMIC_SEQ_CST);
}

/*
 * MMUEXT_PIN_*, MMUEXT_UNPIN_TABLE. Pin: as page_type_get(), and -XEN_EINVAL when pinned already.
 * Unpin: -XEN_EINVAL when it is not pinned. The caller of unpin holds f by something else than the
 * pin, and knows that d owns it.
 */
int page_type_pin(struct frame *f, enum page_type type, struct domain *d);
int page_type_unpin(struct frame *f, struct domain *d);
/*
 * A dying domain's tables: unpins all, then takes the tables apart one at a time. -XEN_ERESTART
 * when the slice is over, 0 when no table is left. Its vcpus are parked and have given up their
 * root tables; domain_destroy() lets in one caller at a time.
 */
int page_type_relinquish(struct domain *d);

#endif
