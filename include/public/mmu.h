/* SPDX-License-Identifier: MIT */
/*
 * Page-table operations of a paravirtual guest: mmu_update, mmuext_op, update_va_mapping.
 *
 * A paravirtual guest owns its page tables and reads them freely, but writes them through the
 * hypervisor, which checks every entry. Entries hold machine frame numbers. The check is kept cheap
 * by giving each frame a type, counted like a reference:
 *
 *   none      not used as anything in particular
 *   writable  mapped writable somewhere
 *   L1 to L4  a page table of that level, all entries of which have been checked
 *   GDT, LDT  a descriptor table, all entries of which have been checked
 *
 * A frame has one type at a time and changes it only when nothing uses it as the old one any more.
 * So a page table can never be mapped writable, a writable page can never become a page table, and
 * the guest has to make its mappings of a frame read-only before it can use it as a table. Making a
 * frame a table checks all of its entries and, recursively, the tables that they point to.
 *
 * An entry is good if the frame in it belongs to the domain (or is one that it may share: a grant,
 * the shared-info page, device memory it was given), if its type fits, and if no reserved bit is
 * set. The hypervisor adds the USER bit to kernel entries (kernel and user both run in ring 3),
 * keeps the guest's GLOBAL on user entries only, and refuses these: large pages, unless the
 * start-of-day mapping had them; page tables that map themselves (linear page tables); L4 slots 256
 * to 271, which are the hypervisor's.
 */
#ifndef LODGE_PUBLIC_MMU_H
#define LODGE_PUBLIC_MMU_H

#include "handles.h"

/*
 * mmu_update(reqs, count, done, foreigndom): apply `count` requests in order.
 *
 *   reqs        IN  array of struct mmu_update
 *   count       IN  how many
 *   done        OUT  handle to an unsigned int, may be null: how many were applied
 *   foreigndom  IN  bits 15:0 FD, the domain whose frames may be mapped (usually DOMID_SELF); bits
 *               31:16 zero for the caller's own page tables, else one more than the domain whose
 *               tables these are
 *
 * Returns 0 when all were applied, else the first error, with `done` telling which request it was.
 * Those before it stay applied. FD other than the caller needs the control domain's privilege, or a
 * target domain that was assigned to the caller; DOMID_IO as FD allows device frames alone,
 * DOMID_XEN the hypervisor's shared ones.
 *
 * Bits 1:0 of `ptr` are the command, the rest the machine address of an entry:
 *
 *   MMU_NORMAL_PT_UPDATE        write `val` into the entry, after checking it at that table's
 *                               level. The frame with the entry may also be an ordinary writable
 *                               page, then the value is stored unchecked.
 *   MMU_MACHPHYS_UPDATE         `ptr` is the machine address of a frame of FD; set its entry in the
 *                               M2P to `val`. The M2P is a hint for the guest and its tools: the
 *                               hypervisor never trusts it.
 *   MMU_PT_UPDATE_PRESERVE_AD   as NORMAL, but accessed and dirty bits that the processor has set
 *                               in the meantime survive. Offered when
 *                               XENFEAT_mmu_pt_update_preserve_ad is set.
 *   MMU_PT_UPDATE_NO_TRANSLATE  as NORMAL; the difference only matters to translated domains
 *
 * Errors: -EINVAL for an entry that is not allowed, a frame of the wrong owner or a type in use
 * otherwise; -EPERM for a foreign domain without privilege; -ESRCH.
 *
 * A translation that the processor has cached is not flushed by this call: use MMUEXT_INVLPG_* or
 * MMUEXT_TLB_FLUSH_*, before reusing what was mapped. The hypervisor itself flushes where its own
 * safety needs it, when a frame changes type or owner.
 */
#define MMU_NORMAL_PT_UPDATE       0
#define MMU_MACHPHYS_UPDATE        1
#define MMU_PT_UPDATE_PRESERVE_AD  2
#define MMU_PT_UPDATE_NO_TRANSLATE 3

struct mmu_update {
    uint64_t ptr; /* machine address of the entry, command in bits 1:0 */
    uint64_t val; /* new entry, or pseudo-physical frame number for MMU_MACHPHYS_UPDATE */
};
typedef struct mmu_update mmu_update_t;
DEFINE_XEN_GUEST_HANDLE(mmu_update_t);
_Static_assert(sizeof(struct mmu_update) == 16, "mmu_update");

/*
 * mmuext_op(ops, count, done, foreigndom): arguments and result as in mmu_update; foreigndom is a
 * plain domain identifier.
 *
 *   MMUEXT_PIN_Ln_TABLE: arg1.mfn: make the frame a table of level n, checking it and all below it,
 *         and keep it one although nothing points to it yet. -EINVAL if it is pinned already or in
 *         use as something else. Long: the hypervisor restarts it as often as needed.
 *   MMUEXT_UNPIN_TABLE: arg1.mfn: undo that. The tables below lose their type unless used
 *         otherwise. -EINVAL if it was not pinned.
 *   MMUEXT_NEW_BASEPTR: arg1.mfn: switch to this L4 table as the kernel's. It need not be pinned.
 *         Implies a local flush of non-global entries.
 *   MMUEXT_NEW_USER_BASEPTR: arg1.mfn: the L4 table for user mode, used from the next return to it.
 *         0 takes it away.
 *   MMUEXT_TLB_FLUSH_LOCAL: flush the caller's processor
 *   MMUEXT_INVLPG_LOCAL: arg1.linear_addr: flush that address there
 *   MMUEXT_TLB_FLUSH_MULTI: arg2.vcpumask: handle to a bitmap of vcpus (as many bits as the domain
 *         has vcpus); flush the processors that run them
 *   MMUEXT_INVLPG_MULTI: both arguments
 *   MMUEXT_TLB_FLUSH_ALL: flush wherever a vcpu of the domain has run
 *   MMUEXT_INVLPG_ALL: arg1.linear_addr: the same for one address
 *   MMUEXT_FLUSH_CACHE: write back and invalidate the caller's processor's caches. -EACCES unless
 *         the domain has been given device memory.
 *   MMUEXT_FLUSH_CACHE_GLOBAL: all processors' caches, under the same condition
 *   MMUEXT_SET_LDT: arg1.linear_addr, page-aligned, and arg2.nr_ents, at most 8192: the local
 *         descriptor table. Its frames become type LDT as they are touched; 0 entries take it away.
 *   MMUEXT_CLEAR_PAGE: arg1.mfn: zero a frame that the caller owns and could map writable
 *   MMUEXT_COPY_PAGE: arg1.mfn from arg2.src_mfn, the same for both
 *   MMUEXT_MARK_SUPER, MMUEXT_UNMARK_SUPER: -EOPNOTSUPP: no superpages for guests
 *
 * `done` counts completed operations, as above.
 */
#define MMUEXT_PIN_L1_TABLE       0
#define MMUEXT_PIN_L2_TABLE       1
#define MMUEXT_PIN_L3_TABLE       2
#define MMUEXT_PIN_L4_TABLE       3
#define MMUEXT_UNPIN_TABLE        4
#define MMUEXT_NEW_BASEPTR        5
#define MMUEXT_TLB_FLUSH_LOCAL    6
#define MMUEXT_INVLPG_LOCAL       7
#define MMUEXT_TLB_FLUSH_MULTI    8
#define MMUEXT_INVLPG_MULTI       9
#define MMUEXT_TLB_FLUSH_ALL      10
#define MMUEXT_INVLPG_ALL         11
#define MMUEXT_FLUSH_CACHE        12
#define MMUEXT_SET_LDT            13
#define MMUEXT_NEW_USER_BASEPTR   15
#define MMUEXT_CLEAR_PAGE         16
#define MMUEXT_COPY_PAGE          17
#define MMUEXT_FLUSH_CACHE_GLOBAL 18
#define MMUEXT_MARK_SUPER         19
#define MMUEXT_UNMARK_SUPER       20

struct mmuext_op {
    unsigned int cmd; /* MMUEXT_* */
    union {
        xen_pfn_t mfn;
        unsigned long linear_addr;
    } arg1;
    union {
        unsigned int nr_ents;
        XEN_GUEST_HANDLE(const_void) vcpumask;
        xen_pfn_t src_mfn;
    } arg2;
};
typedef struct mmuext_op mmuext_op_t;
DEFINE_XEN_GUEST_HANDLE(mmuext_op_t);
_Static_assert(sizeof(struct mmuext_op) == 24, "mmuext_op");
_Static_assert(offsetof(struct mmuext_op, arg1) == 8, "mmuext_op.arg1");
_Static_assert(offsetof(struct mmuext_op, arg2) == 16, "mmuext_op.arg2");

/*
 * update_va_mapping(va, value, flags): write `value` into the L1 entry that maps `va` in the
 * current page table, and flush. The tables above it have to exist: -EINVAL otherwise. Cheaper than
 * mmu_update for one entry, since the caller needs no machine address.
 *
 * update_va_mapping_otherdomain(va, value, flags, domid): the frame in `value` may belong to
 * `domid`, on the conditions of mmu_update's FD.
 *
 * `flags`: bits 1:0 choose what to flush (nothing, everything, or `va`), bit 2 and the bits above
 * it where. With UVMF_ALL: every processor on which the domain has run. Otherwise bits 63:3 are the
 * address of a bitmap of vcpus (UVMF_MULTI, 8-byte aligned), or, when they are all 0, the caller's
 * processor alone (UVMF_LOCAL).
 */
#define UVMF_NONE           (xen_mk_ulong(0) << 0)
#define UVMF_TLB_FLUSH      (xen_mk_ulong(1) << 0)
#define UVMF_INVLPG         (xen_mk_ulong(2) << 0)
#define UVMF_FLUSHTYPE_MASK (xen_mk_ulong(3) << 0)
#define UVMF_MULTI          (xen_mk_ulong(0) << 2)
#define UVMF_LOCAL          (xen_mk_ulong(0) << 2)
#define UVMF_ALL            (xen_mk_ulong(1) << 2)

#endif
