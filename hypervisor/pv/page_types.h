/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The type of a frame: its state word and the fast paths. pv/page_types.c explains the rules.
 *
 *   62..60 type   59 VALID   58 PINNED   57 BUSY   56 FOREIGN   55 UNCACHED   47..0 count
 *
 * VALID is set exactly while the count is above zero, and all type references together hold one
 * frame reference. BUSY: one vcpu changes the type; the count is zero and nobody else may touch the
 * word. PINNED: one of the counts is the guest's pin. FOREIGN: since the type was set, another
 * domain has mapped the frame writable, so a flush must not look at the owner's CPUs alone.
 * UNCACHED: since then it has been mapped writable with another memory type than write-back, so
 * memory and caches may differ. With the count at zero the type field tells what the frame was last
 * (its translations may linger).
 *
 * So a word is in one of four states. It leaves BUSY by a store of the vcpu that is at work, and
 * all other states by compare-and-swap:
 *
 *   0                          no type since the frame was allocated, or since a flush
 *   type | BUSY                being validated, or being taken apart, by one vcpu
 *   type | VALID | count       in use
 *   type                       idle: may be taken into use as the same type, or as another one
 *
 * FOREIGN and UNCACHED may be set in all but the first, PINNED only beside VALID.
 * ARCH_FRAME_TYPE_READONLY (core/frame.h) is VALID with type NONE and a count that nobody holds:
 * since nobody ever asks for type NONE, such a frame can be mapped, but not take a type.
 */
#ifndef PV_PAGE_TYPES_H
#define PV_PAGE_TYPES_H

#include <core/domain.h>
#include <core/frame.h>
#include <lib/bug.h>
#include <lib/types.h>
#include <public/errno.h>

enum page_type {
    PAGE_TYPE_NONE = 0,
    PAGE_TYPE_L1 = 1, /* the number is the level */
    PAGE_TYPE_L2 = 2,
    PAGE_TYPE_L3 = 3,
    PAGE_TYPE_L4 = 4,
    PAGE_TYPE_DESC = 5,     /* GDT or LDT page */
    PAGE_TYPE_WRITABLE = 6, /* mapped writable, or written by the hypervisor for somebody */
};

#define PAGE_TYPE_SHIFT    60
#define PAGE_TYPE(t)       ((uint64_t)(t) << PAGE_TYPE_SHIFT)
#define PAGE_TYPE_MASK     PAGE_TYPE(7)
#define PAGE_TYPE_VALID    BIT(59)
#define PAGE_TYPE_PINNED   BIT(58)
#define PAGE_TYPE_BUSY     BIT(57)
#define PAGE_TYPE_FOREIGN  BIT(56)
#define PAGE_TYPE_UNCACHED BIT(55)
#define PAGE_TYPE_KEPT     (PAGE_TYPE_FOREIGN | PAGE_TYPE_UNCACHED) /* from one use to the next */
#define PAGE_TYPE_COUNT    (BIT(48) - 1)

/* What the frame is while the word says VALID or BUSY, else what it was last. */
static inline enum page_type page_type_of(uint64_t word)
{
    return (enum page_type)((word & PAGE_TYPE_MASK) >> PAGE_TYPE_SHIFT);
}

static inline bool page_type_is_table(enum page_type t)
{
    return t - 1u < 4u;
}

/* Valid as that type: the topmost bits, so that a shift tells, which is cheaper than a mask. */
static inline bool page_type_in_use(uint64_t word, enum page_type type)
{
    return word >> (PAGE_TYPE_SHIFT - 1) == (((uint64_t)type << 1) | 1);
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

/* The rest of page_type_get() and of page_type_put(); not to be called by others. */
int page_type_get_slow(struct frame *f, enum page_type type, struct domain *d);
void page_type_put_last(struct frame *f, struct domain *d);
void page_type_put_strangers(struct frame *f);

/* The count is zero or one: the flags are shifted out, which is cheaper than a 48-bit mask. */
static inline bool page_type_count_below_2(uint64_t word)
{
    return (word << 16) <= (1ull << 16);
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
    uint64_t t = READ_ONCE(f->type);

    do {
        if (page_type_count_below_2(t)) {
            page_type_put_last(f, d);
            return;
        }
    } while (unlikely(!page_type_swap(f, &t, t - 1)));
}

/*
 * The same for a frame that is in use as nothing, and becomes a table of level 1 to 3 without
 * entries: its contents go. -XEN_EINVAL also where it is a table already.
 */
int page_type_get_empty(struct frame *f, enum page_type type, struct domain *d);

/*
 * One more reference on a frame of d that has the type already; false: it is not that simple. The
 * owner is compared before, too: whoever could count on a stranger's frame, if only for a moment,
 * could keep it from taking the type that its owner asks for.
 */
static inline bool page_type_get_valid(struct frame *f, enum page_type type, struct domain *d)
{
    uint64_t t = READ_ONCE(f->type);

    if (unlikely(f->owner != d->id))
        return false;
    while (likely(page_type_in_use(t, type))) {
        if (likely(page_type_swap(f, &t, t + 1))) {
            /* Stable from here on: our reference keeps the frame with its owner. */
            if (likely(f->owner == d->id))
                return true;
            page_type_put_strangers(f);
            return false;
        }
    }
    return false;
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
static inline bool page_frame_get(struct frame *f, const struct domain *d)
{
    uint64_t r = READ_ONCE(f->refs);

    if (unlikely(f->owner != d->id))
        return false;
    do {
        if (unlikely((r << 16) == 0))
            return false;
    } while (unlikely(!__atomic_compare_exchange_n(&f->refs, &r, r + 1, false, __ATOMIC_SEQ_CST,
                                                   __ATOMIC_RELAXED)));
    if (likely(READ_ONCE(f->owner) == d->id))
        return true;
    frame_put(f); /* it changed hands in between */
    return false;
}

static inline void page_frame_put(struct frame *f)
{
    uint64_t r = READ_ONCE(f->refs);

    do {
        if (unlikely(page_type_count_below_2(r))) { /* the same layout: flags above 48 bits */
            frame_put(f);
            return;
        }
    } while (unlikely(!__atomic_compare_exchange_n(&f->refs, &r, r - 1, false, __ATOMIC_SEQ_CST,
                                                   __ATOMIC_RELAXED)));
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
