/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The direct map of a guest, kept in step with the types of its frames.
 *
 * A frame becomes a page table only when nothing maps it writable, and a kernel has all its memory
 * mapped writable in its direct map. So a stock kernel takes the right away before, and gives it
 * back afterwards, one call for each table. Here both happen where the type changes: page_types.c
 * asks for the alias to give way when that is all there is in the way of a table, and queues a
 * frame that is no table any more.
 *
 * Nothing here can break the rule of types. An alias is changed as any entry is
 * (pte_compare_write), by the references that it stands for: a release that comes too late or too
 * early, of a frame that is a table again, or somebody else's by now, is refused there. Which entry
 * it is is found by what the guest has told: where its direct map is, and the M2P table. An entry
 * that does not map the frame is left alone.
 *
 * Waiting: a table that maps the alias is taken only if it is valid, without waiting for it or
 * validating it, since the caller may hold BUSY marks of tables of all levels. For the same reason
 * the last reference on such a table, if it happens to be dropped here, is the end of that table
 * only: what it was the alias of is queued and dealt with by the loop that is at work.
 */
#include <core/domain.h>
#include <core/preempt.h>
#include <public/errno.h>
#include <pv/alias.h>
#include <pv/entry.h>
#include <pv/page_types.h>
#include <pv/pte.h>
#include <pv/pv.h>
#include <x86/cpu.h>

#define TRIES         4    /* for an entry that the processor or others change meanwhile */
#define WAITS         200  /* passes for writers of a moment */
#define FAULT_REFUSED 100  /* passes that a refused store counts for */
#define FAULT_PASSES  2000 /* until a fault is the guest's own: others take a moment */
#define WORK_ALIAS_1  300  /* one alias changed */
#define WORK_PASS     150  /* of a wait */
#define WORK_FAULT    450  /* what a pass of a write that waits takes beyond that */
#define WORK_VCPU     20   /* of others_at(), each */

static inline vaddr_t alias_of(const struct frame *f, const struct domain *d)
{
    uint64_t gfn = m2p_get(frame_mfn(f));

    if (gfn >= READ_ONCE(d->pv.direct_map_frames))
        return 0;
    return READ_ONCE(d->pv.direct_map) + (gfn << PAGE_SHIFT);
}

/* Is another vcpu of d at work on f? To be asked after a look at what it has changed. */
static bool others_at(const struct frame *f, unsigned as, const struct domain *d)
{
    const struct vcpu *v;

    for_each_vcpu (d, v)
        if (v != current && READ_ONCE(v->pv.frame_at) == ((uint64_t)f | as))
            return true;
    return false;
}

/* After one pass of a wait that has taken so much more than WORK_PASS. True: the vcpu is to die. */
static bool wait_pass(const struct domain *d, unsigned more)
{
    cpu_relax_poll();
    return preempt_after(WORK_PASS + more + d->max_vcpus * WORK_VCPU);
}

/* Changes the alias of f by that bit if it is as `from` says. *va: where it was. */
static bool alias_change(struct frame *f, struct domain *d, pte_t from, vaddr_t *va)
{
    uint64_t mfn = frame_mfn(f).m;
    struct frame *table;
    bool done = false;
    pte_t *p;

    *va = alias_of(f, d);
    p = pte_walk_valid(current, *va, &table);
    if (unlikely(p == NULL))
        return false;
    for (unsigned i = 0; i < TRIES && !done; i++) {
        pte_t old = READ_ONCE(*p);
        int rc;

        if (pte_mfn(old).m != mfn || (old & (PTE_P | PTE_W)) != from)
            break;
        rc = pte_compare_write(p, 1, old, old ^ PTE_W, d);
        done = rc == 0;
        if (rc != 0 && rc != -XEN_EAGAIN)
            break;
    }
    page_type_put(table, d);
    (void)work_charge(WORK_ALIAS_1);
    return done;
}

/*
 * The alias gives way. What writable references are left then may be those of a moment: of another
 * vcpu's update of what is no table yet, or of its own call for the same table. It may be stopped
 * there for long, where we run in a machine that is virtual itself; so as long as a vcpu says that
 * it is at work on the frame it is waited for. Others stay, and the frame is refused in the end; so
 * it is where other vcpus make the alias writable again as fast as it gives way.
 */
bool alias_gives_way(struct frame *f, uint64_t word, enum page_type type, struct domain *d,
                     bool *protected, unsigned *waits)
{
    vaddr_t va;

    if (!page_type_is_table(type) || page_type_of(word) != PAGE_TYPE_WRITABLE)
        return false;
    alias_frame_at(f, ALIAS_TAKES); /* until the frame is BUSY, or refused */
    if (alias_change(f, d, PTE_P | PTE_W, &va)) {
        if (likely(!*protected)) {
            *protected = true;
            return true;
        }
        ++*waits;
    } else if (others_at(f, ALIAS_WRITES, d)) { /* not who wants what we want, and waits likewise */
        work_used_up();
    } else {
        ++*waits;
    }
    return !wait_pass(d, 0) && *waits < WAITS;
}

/* Another CPU may keep the read-only translation: see alias_write_fault(). */
void alias_release(struct frame *f, struct domain *d)
{
    vaddr_t va;

    alias_frame_at(f, ALIAS_WRITES);
    if (likely(alias_change(f, d, PTE_P, &va)))
        invlpg(va);
    alias_frame_at(NULL, 0);
}

void alias_queue(struct frame *f)
{
    struct pv_vcpu *a = &current->pv;

    if (unlikely(a->alias_queued == ALIAS_QUEUE))
        alias_drain(current);
    a->alias_queue[a->alias_queued++] = f;
    if (a->alias_queued == 1)
        __atomic_fetch_or(&current->arch.pending_work, WORK_ALIAS, __ATOMIC_SEQ_CST);
}

/*
 * Each is off the queue before it is dealt with: that may queue the table that has mapped it, for
 * which there is room then. The queue is the vcpu's own.
 */
void alias_drain(struct vcpu *v)
{
    struct pv_vcpu *a = &v->pv;

    while (a->alias_queued != 0) {
        struct frame *f = a->alias_queue[--a->alias_queued];

        if (likely(alias_kept(v->domain)))
            alias_release(f, v->domain);
        frame_put(f);
    }
}

/*
 * What a write may meet, in the order in which a frame goes through it: an alias that has just been
 * made read-only, a frame that is being validated, a table, one that is being taken apart, and one
 * whose alias waits to be released, by us or on another vcpu. Or a page that the guest itself has
 * made read-only: nothing of this changes there, and after some passes the fault is its own.
 */
bool alias_write_fault(struct cpu_regs *regs, vaddr_t addr)
{
    struct vcpu *v = current;
    struct domain *d = v->domain;

    if ((regs->error_code & ~(PF_PRESENT | PF_WRITE | PF_USER)) ||
        addr - READ_ONCE(d->pv.direct_map) >= READ_ONCE(d->pv.direct_map_frames) << PAGE_SHIFT)
        return false;
    for (unsigned pass = 0; pass < FAULT_PASSES;) {
        pte_t e = pte_lookup_rights(v, addr);
        struct frame *f = &FRAMES[pte_mfn(e).m];
        uint64_t t;

        if (!(e & PTE_P) || pte_mfn(e).m >= max_mfn || READ_ONCE(f->owner) != d->id)
            return false;
        if (e & PTE_W) { /* a stale translation: it allows that now */
            invlpg(addr);
            return true;
        }
        t = READ_ONCE(f->type);
        if (page_type_is_table(page_type_of(t)) && (t & PAGE_TYPE_VALID)) {
            if (pv_pte_store(regs, addr)) {
                debugreg_emulated(regs, 0);
                return true;
            }
            pass += FAULT_REFUSED; /* or it is no table any more */
        }
        if (page_type_is_table(page_type_of(t)) && !(t & PAGE_TYPE_BUSY))
            alias_release(f, d);
        if ((t & PAGE_TYPE_BUSY) || others_at(f, ALIAS_WRITES, d) ||
            others_at(f, ALIAS_TAKES, d)) /* that comes to an end */
            work_used_up();
        else
            pass++;
        if (wait_pass(d, WORK_FAULT))
            return true; /* the vcpu is to die, and does so on its way back */
    }
    return false;
}
