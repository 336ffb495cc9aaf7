/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine frames: who owns each, how many hold it, and the allocator.
 *
 * References: refs counts holders: one for being allocated to its owner (FRAME_ALLOCATED), one for
 * each type reference, each grant or foreign mapping and each temporary hold. When the count falls
 * to zero the frame leaves its owner's list and is freed: it is scrubbed before anyone else gets
 * it. The owner of a frame never changes while refs > 0, so a reference also keeps the owner's
 * structure: a domain is held for as long as it owns a frame.
 *
 * A free frame keeps its last owner's name, which tells whose tables may have translated to it.
 * That domain may be gone, and another may have its name.
 *
 * A count of zero means free, or that one CPU is changing what the frame is (frame_isolate(),
 * frame_share_with_guest()). No flag is set then.
 *
 * Types (PV): meaning and transitions are in pv/page_types.c. Here is only where they are stored.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include <lib/types.h>
#include <x86/layout.h>

struct domain;

/*
 * next and prev have three uses. A domain's own frame is on its owner's list, under that one's
 * page_lock. The head of a free block is on a free list, under the heap's lock. A frame of the
 * hypervisor, a shared one included, uses neither.
 */
struct frame {
    uint64_t refs;       /* count, flags and owner, see frame_refs(); atomic */
    uint64_t type;       /* see pv/page_types.h; atomic */
    uint32_t next, prev; /* mfns: owner's page list, or the allocator's free list */
    union {
        uint32_t tlb_stamp;  /* flush clock when the last type reference went (or when freed) */
        uint32_t table_runs; /* of a table of levels 2 to 4 in use: see pv/page_types.h; atomic */
    };
    domid_t owner; /* of a free one the last; DOMID_XEN: ours, DOMID_IO: no RAM */
    uint8_t order; /* of a free block, in the allocator */
    uint8_t flags; /* FRAME_FREE: the allocator's, LOCK_HEAP */
};

/*
 * The word of references. It is 0 when the count is, and else names the owner as well: so one
 * compare-and-swap raises the count of a frame of that domain, and of no other.
 *
 *   63 HELD   62..47 owner   46 ALLOCATED   45 SHARED   39..0 count
 *
 * A count cannot overflow: each reference is an entry in some page, or a structure of ours, and the
 * direct map has no room for 2^40 of them.
 */
#define FRAME_COUNT_BITS  40
#define FRAME_COUNT_MASK  (BIT(FRAME_COUNT_BITS) - 1)
#define FRAME_SHARED      BIT(45) /* shared-info, grants, ...: hypervisor frame mapped by guest */
#define FRAME_ALLOCATED   BIT(46) /* the owner's own reference is in the count; dropped once */
#define FRAME_OWNER_SHIFT 47
#define FRAME_HELD        BIT(63)
#define FRAME_NONE        UINT32_MAX

static inline uint64_t frame_refs(domid_t owner, uint64_t flags, uint64_t count)
{
    return FRAME_HELD | (uint64_t)owner << FRAME_OWNER_SHIFT | flags | count;
}

/* refs >> FRAME_OWNER_SHIFT of a frame that is held and that domain's. */
static inline uint64_t frame_key(domid_t owner)
{
    return FRAME_HELD >> FRAME_OWNER_SHIFT | owner;
}

#define FRAMES ((struct frame *)FRAMES_START)

extern uint64_t max_mfn; /* frames have a struct frame below this */

/* Any m below max_mfn: the caller has compared a guest's number (mfn_valid()). */
static inline struct frame *frame_of(mfn_t m)
{
    return &FRAMES[m.m];
}

static inline mfn_t frame_mfn(const struct frame *f)
{
    return MFN((uint64_t)(f - FRAMES));
}

/* Is it RAM that the allocator manages (or managed: a guest's)? False for MMIO and holes. */
bool mfn_valid(mfn_t m);

/*
 * Boot: hand over a range of usable memory; then the heap works. Ranges that come before
 * frame_heap_init() are kept, and boot_alloc() takes from them; it gives the heap what is left of
 * them below bootmem_end. Later ones go to the heap at once. The first MiB never does.
 */
void frame_heap_add(paddr_t start, paddr_t end);
void frame_heap_init(paddr_t bootmem_end);
/* Early allocation before the heap (boot CPU only): zeroed, contiguous pages. */
void *boot_alloc(unsigned pages);

/* Allocation flags. */
#define ALLOC_BELOW_4G 0x1u
#define ALLOC_NO_SCRUB 0x2u       /* the caller overwrites all of it at once */
#define ALLOC_BITS(n)  ((n) << 8) /* address width limit, XENMEMF_address_bits */

/*
 * A block of 2^order frames for a domain: refs = 1 | FRAME_ALLOCATED each, on d's page list and in
 * d->tot_pages. INVALID_MFN when d would exceed max_pages, is dying, or memory is short. Scrubbed.
 * Each frame is freed on its own. No lock is held: it may be preempted, and waits for TLB flushes.
 */
mfn_t frame_alloc(struct domain *d, unsigned order, unsigned flags);
/*
 * Frames for the hypervisor itself, zeroed, as direct-map addresses; NULL when short. A block is
 * freed as it was allocated; NULL may be freed. Fine under any lock below LOCK_HEAP; but not
 * hpages_alloc(), which may be preempted: where memory is nearly full it may have to make a block
 * of many single frames first. Who needs one under a lock does that before, by hpages_settle().
 */
void *hpage_alloc(void);
void hpage_free(void *page);
void *hpages_alloc(unsigned order);
void *hpages_alloc_locked(unsigned order);
void hpages_settle(unsigned order); /* no lock is held; what is there then others may take */
void hpages_free(void *pages, unsigned order);
uint64_t frame_free_count(void);
uint64_t frame_total_count(void);
uint64_t frame_claimed_count(void);
/*
 * Claim of memory for a domain being built (XENMEM_claim_pages): so many frames in all, counting
 * what it has, are set aside for it and nobody else can allocate them. Its allocations use the
 * claim up; 0 gives back what is left. -XEN_EINVAL: it has a claim, has as much already, may not
 * have as much, or is dying; -XEN_ENOMEM: too little is free and unclaimed.
 */
int frame_claim(struct domain *d, uint64_t pages);

/* Takes a reference if the frame is d's and not free. No lock. Another's frame is not touched. */
bool frame_get(struct frame *f, const struct domain *d) MUST_CHECK;
/* May free the frame and be the end of its owner, so page_lock and the heap's are not held. */
void frame_put(struct frame *f);
/*
 * Drops the owner's own reference, at most once per allocation. False: it has gone before, or the
 * hypervisor shares the page. The owner is not looked at, so the caller needs a reference of its
 * own: else the owner may give the frame back at the same time, and what is dropped is the next
 * owner's.
 */
bool frame_put_alloc_ref(struct frame *f);
/*
 * The same for a caller without a reference (decrease_reservation). False, too, where the frame is
 * not d's, or not any more: a guest may give back any frame of its own at any time, by a guess at
 * its number even one that it has not been told of.
 */
bool frame_give_back(struct frame *f, const struct domain *d);

/* Owner's page list, in allocation order until it is rotated; LOCK_PAGE_LIST of the owner. */
#define frame_list_next(f) ((f)->next == FRAME_NONE ? NULL : &FRAMES[(f)->next])

/*
 * Head to tail, page_lock held, the list not empty. True: with a reference on it. False: its last
 * reference has just gone, and whoever dropped it waits for the lock to take it off the list.
 */
bool frame_list_rotate(struct domain *d);

/*
 * Make a hypervisor page mappable by a guest (shared info, grant frames): type stays none/writable.
 */
void frame_share_with_guest(void *page, struct domain *d, bool writable);
void frame_unshare(void *page); /* gives the page up: it is freed with its last guest mapping */
/*
 * Exchange. A frame that nobody but d, the current domain, holds is put out of everybody's reach,
 * and back. While it is isolated, it stays on d's list and in its count. False: it is not d's, or
 * somebody holds it (a mapping, a type, a grant in use).
 */
bool frame_isolate(struct frame *f, const struct domain *d) MUST_CHECK;
void frame_unisolate(struct frame *f);
/*
 * A scrubbed block of 2^order frames that is nobody's. No reference to one of them can be had,
 * until frame_replace() gives it to the owner of an isolated frame, which is freed. So a domain at
 * its limit gets new frames. They are in no domain's account: the caller sees to it that there are
 * few. Only for the current domain, which cannot be destroyed meanwhile. What is not used in the
 * end is freed as it came.
 */
mfn_t frame_spare_alloc(unsigned order, unsigned flags);
void frame_spare_free(mfn_t m, unsigned order);
void frame_replace(struct frame *old, struct frame *spare);

/*
 * Machine-to-physical table: what the guest told us, or the invalid mark. Guests read all of it; we
 * never take it for the truth. m is below max_mfn.
 */
#define M2P_INVALID 0x5555555555555555ull
void m2p_set(mfn_t m, uint64_t pfn);
/* The frame is held meanwhile, so that the note cannot land on the next owner's. False: not d's. */
bool m2p_set_of(mfn_t m, const struct domain *d, uint64_t pfn);
uint64_t m2p_get(mfn_t m);

/* frame.type of a page that no guest may map writable: no type, with a count that never falls. */
#define FRAME_TYPE_READONLY (BIT(60) | 1)
/*
 * Implemented by pv/page_types.c, for frames of all domains: a PV guest may map what another type's
 * guest owns, so there is one truth about what may be written. A writable type reference (with its
 * frame reference). False: not d's frame, or in use as something that must not be written. Not
 * under a lock: it may flush TLBs and wait for a vcpu that is changing the type.
 */
bool frame_get_writable(struct frame *f, struct domain *d) MUST_CHECK;
void frame_put_writable(struct frame *f);
void frame_types_audit(void); /* debug builds, by debug key: are frames what their types say? */

#endif
