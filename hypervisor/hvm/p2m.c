/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The physical map of a fully virtualized guest: four levels of tables in the form of long mode,
 * which the processor walks for every address that the guest's own tables yield. All entries are
 * open to user mode, as such walks count as that.
 *
 * An entry for memory holds a writable type reference on its frame (2 MiB: on each of the 512), and
 * with it a reference: the frame stays the domain's while the guest can reach it. What is taken out
 * is given to the caller only when no CPU can have a translation to it any more: whoever removes
 * counts d->hvm.flush_count up and then makes the CPUs leave guest mode that are in it; a vcpu says
 * that it enters (in_guest) before it reads the count, and flushes where that has changed.
 *
 * Tables are frames of the domain's, charged to it like its memory: so a map that is as scattered
 * as can be costs nobody else. Their type is one that nobody can have them writable with, and they
 * are in no entry. No table is freed before the domain ends.
 */
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <hvm/hvm.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define P2M_FLAGS   (PTE_P | PTE_W | PTE_U)
#define LARGE_ORDER 9

/* ---- tables ---- */

static pte_t *table_alloc(struct domain *d)
{
    mfn_t m = frame_alloc(d, 0, 0);
    uint64_t none = 0;

    if (mfn_eq(m, INVALID_MFN))
        return NULL;
    /* It has been d's for a moment already, and may have been taken for memory. */
    if (!__atomic_compare_exchange_n(&frame_of(m)->type, &none, FRAME_TYPE_READONLY, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        (void)frame_give_back(frame_of(m), d);
        return NULL;
    }
    memset(mfn_to_virt(m), 0, PAGE_SIZE);
    preempt_after(WORK_PAGE);
    return mfn_to_virt(m);
}

static void table_free(struct domain *d, pte_t *table)
{
    if (table != NULL)
        (void)frame_give_back(frame_of(virt_to_mfn(table)), d);
}

/*
 * The entry of that level for gfn, or the one above it where the way ends: no table, or a large
 * page. *at: its level. Lock held, root not NULL.
 */
static pte_t *p2m_walk(const struct domain *d, uint64_t gfn, unsigned level, unsigned *at)
{
    pte_t *table = d->hvm.root;

    for (unsigned l = 4;; l--) {
        pte_t *e = &table[pt_index(gfn << PAGE_SHIFT, l)];

        *at = l;
        if (l == level || !(*e & PTE_P) || (*e & PTE_PS))
            return e;
        table = mfn_to_virt(pte_mfn(*e));
    }
}

/* Lock held. A large page becomes 512 small ones; what A and D say of it does not matter. */
static void p2m_link(pte_t *e, pte_t *table)
{
    for (unsigned i = 0; (*e & PTE_P) && i < PTES; i++)
        table[i] = pte_make(MFN(pte_mfn(*e).m + i), P2M_FLAGS);
    smp_wmb();
    WRITE_ONCE(*e, pte_make(virt_to_mfn(table), P2M_FLAGS));
}

/*
 * The lock is held after it, unless it failed: the entry of that level for gfn, with all tables
 * above it; or a present one of 2 MiB, where that is what is there and `split` is not asked for.
 * -XEN_ENOMEM, -XEN_ESRCH: the map has been taken apart.
 */
static int p2m_reach(struct domain *d, uint64_t gfn, unsigned level, bool split, pte_t **e)
{
    pte_t *spare = NULL;
    unsigned at;

    for (;;) {
        spin_lock(&d->hvm.lock);
        if (d->hvm.root == NULL)
            break;
        *e = p2m_walk(d, gfn, level, &at);
        if (at == level || ((**e & PTE_P) && !split)) {
            table_free(d, spare); /* another has made the table meanwhile */
            return 0;
        }
        if (spare != NULL) {
            p2m_link(*e, spare);
            spare = NULL;
            spin_unlock(&d->hvm.lock);
            continue;
        }
        spin_unlock(&d->hvm.lock);
        spare = table_alloc(d);
        if (spare == NULL)
            return -XEN_ENOMEM;
    }
    spin_unlock(&d->hvm.lock);
    table_free(d, spare);
    return -XEN_ESRCH;
}

/* ---- references ---- */

static void frames_drop(uint64_t mfn, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        frame_put_writable(frame_of(MFN(mfn + i)));
        preempt_after(WORK_ENTRY);
    }
}

static bool frames_take(struct domain *d, uint64_t mfn, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (!mfn_valid(MFN(mfn + i)) || !frame_get_writable(frame_of(MFN(mfn + i)), d)) {
            frames_drop(mfn, i);
            return false;
        }
        preempt_after(WORK_ENTRY);
    }
    return true;
}

/* ---- the map ---- */

static void nothing(void *unused)
{
    (void)unused;
}

/* What has been removed is unknown to all CPUs afterwards. No lock is held. */
static void p2m_flush(struct domain *d)
{
    cpumask_t mask = 0;
    struct vcpu *v;

    __atomic_add_fetch(&d->hvm.flush_count, 1, __ATOMIC_SEQ_CST);
    for_each_vcpu (d, v) {
        unsigned cpu = __atomic_load_n(&v->hvm.in_guest, __ATOMIC_SEQ_CST);

        if (cpu != 0)
            mask |= BIT(cpu - 1);
    }
    if (mask != 0)
        smp_call(mask, nothing, NULL);
}

static bool gfn_valid(uint64_t gfn)
{
    return gfn < BIT(MIN(cpu_features.phys_bits, 48) - PAGE_SHIFT);
}

/* References are the entry's from here on, if it is made. */
static int p2m_enter(struct domain *d, uint64_t gfn, mfn_t m, unsigned level)
{
    pte_t *e;
    int rc = p2m_reach(d, gfn, level, false, &e);

    if (rc != 0)
        return rc;
    if (*e & PTE_P)
        rc = -XEN_EEXIST;
    else
        WRITE_ONCE(*e, pte_make(m, P2M_FLAGS | (level == 2 ? PTE_PS : 0)));
    spin_unlock(&d->hvm.lock);
    return rc;
}

/* Frees the entry; INVALID_MFN: there was none. The reference is the caller's. */
static int p2m_clear(struct domain *d, uint64_t gfn, mfn_t *m)
{
    pte_t *e, old;
    int rc = p2m_reach(d, gfn, 1, true, &e);

    if (rc != 0)
        return rc;
    old = __atomic_exchange_n(e, 0, __ATOMIC_SEQ_CST);
    spin_unlock(&d->hvm.lock);
    *m = old & PTE_P ? pte_mfn(old) : INVALID_MFN;
    return 0;
}

static int p2m_add_small(struct domain *d, uint64_t gfn, mfn_t m, uint64_t n)
{
    uint64_t i;
    mfn_t out;
    int rc = 0;

    for (i = 0; i < n && rc == 0; i++) {
        rc = p2m_enter(d, gfn + i, MFN(m.m + i), 1);
        preempt_after(WORK_ENTRY);
    }
    if (rc == 0)
        return 0;
    for (i--; i-- > 0;) { /* i was counted for the one that failed */
        (void)p2m_clear(d, gfn + i, &out);
        preempt_after(WORK_ENTRY);
    }
    p2m_flush(d);
    return rc;
}

static int p2m_add(struct domain *d, uint64_t gfn, mfn_t m, unsigned order)
{
    uint64_t n = 1ull << order;
    int rc = -XEN_EEXIST;

    if (!gfn_valid(gfn) || !gfn_valid(gfn + n - 1) || !frames_take(d, m.m, n))
        return -XEN_EINVAL;
    if (order == LARGE_ORDER && gfn % n == 0 && m.m % n == 0)
        rc = p2m_enter(d, gfn, m, 2);
    if (rc == -XEN_EEXIST) /* perhaps a table that has become empty, or smaller pages */
        rc = p2m_add_small(d, gfn, m, n);
    if (rc != 0)
        frames_drop(m.m, n);
    return rc;
}

/* The frame at gfn; the lock is held. */
static mfn_t p2m_lookup(const struct domain *d, uint64_t gfn)
{
    unsigned at;
    pte_t e;

    if (d->hvm.root == NULL)
        return INVALID_MFN;
    e = *p2m_walk(d, gfn, 1, &at);
    if (!(e & PTE_P))
        return INVALID_MFN;
    return MFN(pte_mfn(e).m + (at == 2 ? gfn % PTES : 0));
}

static struct frame *p2m_get(struct domain *d, uint64_t gfn)
{
    struct frame *f = NULL;
    mfn_t m;

    if (!gfn_valid(gfn))
        return NULL;
    spin_lock(&d->hvm.lock);
    m = p2m_lookup(d, gfn);
    if (!mfn_eq(m, INVALID_MFN) && frame_get(frame_of(m), d))
        f = frame_of(m);
    spin_unlock(&d->hvm.lock);
    return f;
}

static struct frame *p2m_remove(struct domain *d, uint64_t gfn)
{
    struct frame *f = p2m_get(d, gfn);
    mfn_t m;

    if (f == NULL)
        return NULL;
    frame_put(f);
    if (p2m_clear(d, gfn, &m) != 0 || mfn_eq(m, INVALID_MFN))
        return NULL;
    p2m_flush(d);
    f = frame_of(m);
    BUG_ON(!frame_get(f, d)); /* the entry's reference has kept it d's */
    frame_put_writable(f);
    return f;
}

const struct guest_physmap p2m_physmap = {.get = p2m_get, .add = p2m_add, .remove = p2m_remove};

/* ---- beginning and end ---- */

paddr_t p2m_root(const struct domain *d)
{
    return virt_to_phys(d->hvm.root);
}

/*
 * The root is a page of the hypervisor's, since the domain may have no frame yet as it is created.
 */
int p2m_init(struct domain *d)
{
    spin_lock_init(&d->hvm.lock, LOCK_P2M);
    d->hvm.root = hpage_alloc();
    return d->hvm.root != NULL ? 0 : -XEN_ENOMEM;
}

/* A table's entries and then itself; the slice ends in the middle of a table where it has to. */
static bool p2m_drop(struct domain *d, pte_t *table, unsigned level)
{
    if (work_charge(WORK_PAGE) && preempt_wanted())
        return false;
    for (unsigned i = 0; i < PTES; i++) {
        pte_t e = table[i];

        if (!(e & PTE_P))
            continue;
        if (level > 1 && !(e & PTE_PS)) {
            if (!p2m_drop(d, mfn_to_virt(pte_mfn(e)), level - 1))
                return false;
            table[i] = 0;
            table_free(d, mfn_to_virt(pte_mfn(e)));
        } else {
            table[i] = 0;
            frames_drop(pte_mfn(e).m, level == 2 ? PTES : 1);
        }
        if (work_charge(WORK_ENTRY) && preempt_wanted())
            return false;
    }
    return true;
}

/* All vcpus are parked. From the first slice on nobody else finds the tables. */
int p2m_relinquish(struct domain *d)
{
    if (d->hvm.root != NULL) {
        spin_lock(&d->hvm.lock);
        d->hvm.end = d->hvm.root;
        d->hvm.root = NULL;
        spin_unlock(&d->hvm.lock);
    }
    if (d->hvm.end == NULL)
        return 0;
    if (!p2m_drop(d, d->hvm.end, 4))
        return -XEN_ERESTART;
    hpage_free(d->hvm.end);
    d->hvm.end = NULL;
    return 0;
}
