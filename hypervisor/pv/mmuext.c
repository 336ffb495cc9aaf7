/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmuext_op: whole tables and address spaces. Pinning, the two root tables of a vcpu, flushes, the
 * LDT; the operations on memory itself are in mmuext_memory.c.
 *
 * The rule for root tables: a vcpu holds a type reference on each of its two, and one is dropped
 * only when no CPU can have it in CR3 any more. Flushes are asked for by guests for their own good;
 * what the hypervisor needs flushed it flushes itself (pv/page_types.c), so a wrong mask here harms
 * only the guest.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <public/mmu.h>
#include <pv/descriptors.h>
#include <pv/mmu.h>
#include <pv/page_types.h>
#include <pv/pv.h>
#include <x86/guest_words.h>
#include <x86/tlb.h>
#include <x86/uaccess.h>

#define WORK_LIGHT 200 /* of an operation that charges nothing */

/* The four pin operations are numbered by level, and the unpin comes behind them. */
static int ext_pin(struct domain *d, const struct mmuext_op *op)
{
    uint64_t m = op->arg1.mfn;

    if (m >= max_mfn)
        return -XEN_EINVAL;
    if (op->cmd == MMUEXT_UNPIN_TABLE) {
        int rc;

        /* The pin itself may be the last thing that keeps the frame: hold it meanwhile. */
        if (!frame_get(&FRAMES[m], d))
            return -XEN_EINVAL;
        rc = page_type_unpin(&FRAMES[m], d);
        frame_put(&FRAMES[m]);
        return rc;
    }
    return page_type_pin(&FRAMES[m], PAGE_TYPE_L1 + (op->cmd - MMUEXT_PIN_L1_TABLE), d);
}

void pv_set_guest_table(struct vcpu *v, mfn_t new)
{
    mfn_t old = v->pv.guest_table;

    pv_invalidate_ldt(v); /* its address may mean other pages in the new table */
    v->pv.guest_table = new;
    pv_load_tables(v);
    page_type_put(frame_of(old), v->domain);
}

void pv_set_guest_table_user(struct vcpu *v, mfn_t new)
{
    mfn_t old = v->pv.guest_table_user;

    v->pv.guest_table_user = new;
    if (old.m != 0)
        page_type_put(frame_of(old), v->domain);
}

/*
 * The guest kernel's root table: taken, loaded, and only then is the old one let go. Which one that
 * is shows after the taking: it may be preempted, and the tools may give v a context meanwhile.
 */
int pv_new_guest_table(struct vcpu *v, mfn_t new)
{
    uint64_t m = new.m;
    int rc;

    if (likely(m != v->pv.guest_table.m)) {
        if (m >= max_mfn)
            return -XEN_EINVAL;
        rc = page_type_get(&FRAMES[m], PAGE_TYPE_L4, v->domain);
        if (likely(rc == 0))
            pv_set_guest_table(v, new);
        return rc;
    }
    pv_load_tables(v); /* the one it has: the guest wants the flush that comes with a load of CR3 */
    return 0;
}

/*
 * The guest user's root table; mfn 0: none. Hypercalls come from guest kernel mode, so the old one
 * is not in CR3 and may be let go at once. It is looked up after the new one has been taken, too.
 */
static int ext_new_user_base(struct vcpu *v, uint64_t m)
{
    int rc;

    if (m == v->pv.guest_table_user.m)
        return 0;
    if (m >= max_mfn)
        return -XEN_EINVAL;
    if (m != 0) {
        rc = page_type_get(&FRAMES[m], PAGE_TYPE_L4, v->domain);
        if (unlikely(rc != 0))
            return rc;
    }
    pv_set_guest_table_user(v, MFN(m));
    return 0;
}

/* On the vcpus of the guest's bitmap. */
static int ext_flush_multi(struct domain *d, const struct mmuext_op *op)
{
    vaddr_t va = op->arg1.linear_addr;
    cpumask_t mask;
    int rc = mmu_vcpumask(d, (vaddr_t)op->arg2.vcpumask.p, &mask);

    if (rc != 0)
        return rc;
    if (op->cmd == MMUEXT_TLB_FLUSH_MULTI)
        tlb_flush_mask(mask);
    else if (guest_range_ok(va, 1)) /* an address of ours would flush our global pages everywhere */
        tlb_flush_page_mask(mask, va);
    return 0;
}

/* What may be asked for another domain: what builders of domains need. */
static int ext_of_other(struct domain *owner, const struct mmuext_op *op)
{
    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
    case MMUEXT_UNPIN_TABLE:
        return ext_pin(owner, op);
    case MMUEXT_CLEAR_PAGE:
    case MMUEXT_COPY_PAGE:
        return mmuext_fill(owner, op);
    default:
        return -XEN_EPERM; /* the rest concerns the vcpu that calls */
    }
}

/* v is current. 0 or -XEN_E*, with nothing changed. */
static int ext_own(struct vcpu *v, const struct mmuext_op *op)
{
    struct domain *d = v->domain;
    vaddr_t va = op->arg1.linear_addr;

    switch (op->cmd) {
    case MMUEXT_NEW_BASEPTR:
        return pv_new_guest_table(v, MFN(op->arg1.mfn));
    case MMUEXT_NEW_USER_BASEPTR:
        return ext_new_user_base(v, op->arg1.mfn);
    case MMUEXT_TLB_FLUSH_LOCAL:
        tlb_flush_local();
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        if (guest_range_ok(va, 1))
            tlb_flush_page_local(va);
        return 0;
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
        return ext_flush_multi(d, op);
    case MMUEXT_TLB_FLUSH_ALL: /* CPUs outside the mask have no translations of d: pv/switch.c */
        tlb_flush_mask(READ_ONCE(d->arch.tlb_mask));
        return 0;
    case MMUEXT_INVLPG_ALL:
        if (guest_range_ok(va, 1))
            tlb_flush_page_mask(READ_ONCE(d->arch.tlb_mask), va);
        return 0;
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        return mmuext_flush_cache(d, op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL);
    case MMUEXT_SET_LDT:
        return pv_set_ldt(v, va, op->arg2.nr_ents);
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
    case MMUEXT_UNPIN_TABLE:
    case MMUEXT_CLEAR_PAGE:
    case MMUEXT_COPY_PAGE:
        return ext_of_other(d, op);
    case MMUEXT_MARK_SUPER: /* large pages are refused in entries, so there is nothing to mark */
    case MMUEXT_UNMARK_SUPER:
        return -XEN_EOPNOTSUPP;
    default:
        return -XEN_ENOSYS;
    }
}

/* The structure as three words: the command is the low half of the first. */
static inline bool ext_read(vaddr_t at, struct mmuext_op *op)
{
    uint64_t cmd, arg1, arg2;

    if (!guest_read_3(at, &cmd, &arg1, &arg2))
        return false;
    op->cmd = (unsigned)cmd;
    op->arg1.mfn = arg1;
    op->arg2.src_mfn = arg2;
    return true;
}

/* Operations [0, count); *done counts those carried out. -XEN_ERESTART: an event comes first. */
static int ext_all(struct domain *owner, vaddr_t ops, uint32_t count, uint32_t *done)
{
    struct vcpu *v = current;
    struct mmuext_op op;
    int rc;

    for (*done = 0; *done < count;) {
        if (unlikely(!ext_read(ops + *done * sizeof(op), &op)))
            return -XEN_EFAULT;
        rc = likely(owner == v->domain) ? ext_own(v, &op) : ext_of_other(owner, &op);
        if (unlikely(rc != 0)) {
            guest_refused("op %u on %lx: %d", op.cmd, op.arg1.mfn, rc);
            return rc;
        }
        ++*done;
        if (work_charge(WORK_LIGHT) && preempt_for_event() && *done < count)
            return -XEN_ERESTART;
    }
    return 0;
}

/*
 * The list ends at the first operation that fails; *pdone says how many were done before it. It may
 * take hours: so it is restarted for events, and for whoever waits until the vcpu is between calls.
 */
static __attribute__((noinline)) int64_t ext_many(uint64_t ops, uint64_t count, uint64_t pdone,
                                                  uint64_t foreign)
{
    struct domain *owner = current->domain;
    uint32_t before = 0, done, all;
    int rc;

    if (unlikely(count & MMU_COUNT_GOES_ON) && pdone != 0 &&
        copy_from_guest(&before, pdone, sizeof(before)) != 0)
        return -XEN_EFAULT;
    count = (uint32_t)(count & ~MMU_COUNT_GOES_ON);
    if (unlikely((domid_t)foreign != DOMID_SELF)) {
        rc = mmu_owner_get((domid_t)foreign, &owner);
        if (rc == 0 && (owner == dom_io || owner == dom_xen || owner->translated)) {
            mmu_owner_put(owner);
            rc = -XEN_EPERM;
        }
        if (rc != 0)
            return rc;
    }
    rc = ext_all(owner, ops, (uint32_t)count, &done);
    mmu_owner_put(owner);
    all = before + done;
    if (pdone != 0 && copy_to_guest(pdone, &all, sizeof(all)) != 0 &&
        (rc == 0 || rc == -XEN_ERESTART))
        return -XEN_EFAULT;
    if (unlikely(rc == -XEN_ERESTART))
        return hypercall_restart(ops + done * sizeof(struct mmuext_op),
                                 (count - done) | MMU_COUNT_GOES_ON, pdone, foreign);
    return rc;
}

/* What was the last reference to one of them, or to both. */
static __attribute__((noinline)) void roots_put(struct frame *a, struct frame *b, struct domain *d)
{
    if (a != NULL)
        page_type_put(a, d);
    if (b != NULL)
        page_type_put(b, d);
}

/*
 * Both root tables, as they are when a stock kernel switches processes: valid already, so that a
 * reference to each is all it takes. It is done with both references in hand, and the old ones go
 * after that. False: it is another list, or not that simple, and nothing has been done.
 */
static inline __attribute__((always_inline)) bool roots_simple(struct vcpu *v, vaddr_t ops)
{
    const struct mmuext_op *op = (const struct mmuext_op *)ops;
    uint64_t cmd, kernel, cmd_user, user, key = page_type_key(PAGE_TYPE_L4, v->domain);
    struct frame *old, *old_user;

    if (unlikely(!guest_words_ok(ops, 2 * sizeof(*op))))
        return false;
    guest_open();
    guest_get(cmd, (const uint64_t *)&op[0].cmd, fault);
    guest_get(kernel, &op[0].arg1.mfn, fault);
    guest_get(cmd_user, (const uint64_t *)&op[1].cmd, fault);
    guest_get(user, &op[1].arg1.mfn, fault);
    guest_close();
    if (unlikely((unsigned)cmd != MMUEXT_NEW_BASEPTR ||
                 (unsigned)cmd_user != MMUEXT_NEW_USER_BASEPTR || kernel >= max_mfn ||
                 user >= max_mfn || v->pv.ldt_mapped != 0 || v->pv.guest_table_user.m == 0 ||
                 !page_type_get_key(&FRAMES[kernel], key)))
        return false;
    if (unlikely(!page_type_get_key(&FRAMES[user], key))) {
        page_type_put(&FRAMES[kernel], v->domain);
        return false;
    }
    old = frame_of(v->pv.guest_table);
    old_user = frame_of(v->pv.guest_table_user);
    v->pv.guest_table = MFN(kernel);
    v->pv.guest_table_user = MFN(user);
    tlb_write_cr3(kernel << PAGE_SHIFT); /* only guest kernel mode makes hypercalls */
    if (unlikely(!page_type_put_shared(old)))
        roots_put(old, old_user, v->domain);
    else if (unlikely(!page_type_put_shared(old_user)))
        roots_put(NULL, old_user, v->domain);
    return true;
fault:
    guest_close();
    return false;
}

/* Flushes here, of one page or of all; false: another operation. */
static inline bool flush_simple(vaddr_t ops)
{
    uint64_t cmd, va;

    if (unlikely(!guest_read_2(ops, &cmd, &va)))
        return false;
    if ((unsigned)cmd == MMUEXT_TLB_FLUSH_LOCAL) {
        tlb_flush_local();
        return true;
    }
    if ((unsigned)cmd != MMUEXT_INVLPG_LOCAL)
        return false;
    if (guest_range_ok(va, 1))
        tlb_flush_page_local(va);
    return true;
}

/* What nearly all calls of a stock kernel are is done without the list. */
int64_t hc_mmuext_op(uint64_t ops, uint64_t count, uint64_t pdone, uint64_t foreign)
{
    if (likely(pdone == 0 && (domid_t)foreign == DOMID_SELF)) {
        if (count == 2 && roots_simple(current, ops))
            return 0;
        if (count == 1 && flush_simple(ops))
            return 0;
    }
    return ext_many(ops, count, pdone, foreign);
}
