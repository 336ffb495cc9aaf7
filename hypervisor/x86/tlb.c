/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB flushes. The clock counts flushes of all CPUs: a CPU takes a new value before it flushes and
 * publishes it as its stamp afterwards, so a stamp above t proves a flush begun after the clock
 * read t. A remote flush needs no acknowledgement of its own: set the target's flag, kick it, wait
 * for its stamp to pass.
 *
 * Two kinds of translation, two proofs. A guest's are not global: a load of CR3 drops them all, and
 * the stamp says that it happened. The hypervisor's are global and survive that: they need
 * CR4.PGE cleared and set again, and their own count of generations (tlb_hv_wanted, tlb_hv_done).
 * A flush of the second kind is one of the first as well.
 *
 * No wait can deadlock. The one who waits polls (cpu_relax_poll()) and so serves requests to
 * itself; the target either runs a guest or idles, where the kick reaches it, or is in the
 * hypervisor with interrupts off, where it opens the window or waits and polls, in bounded time.
 * Locks may be held on both sides, as serving takes none.
 *
 * The clock is 32 bits wide and compared by difference, which holds while no CPU stays more than
 * 2^31 flushes behind: every 2^28th flush makes all CPUs flush.
 */
#include <core/domain.h>
#include <core/preempt.h>
#include <core/stats.h>
#include <lib/bitops.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/paging.h>
#include <x86/tlb.h>

static uint64_t tlb_foreign[DIV_UP(NR_DOMIDS, 64)]; /* bit: a domain that maps others' frames */
uint32_t tlb_now = 1;                               /* the clock; atomic */
static uint32_t tlb_hv_wanted;        /* generation of the newest request to flush global pages */
static uint32_t tlb_hv_done[NR_CPUS]; /* generation that each CPU has flushed; written by itself */

/* In the order of the clock, which wraps. */
static bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/*
 * Read after an entry has been cleared, it is not below the tick of any flush that may have missed
 * the change. On x86 this is a plain load, which could pass an earlier plain store; entries of
 * guests are changed by locked instructions (pv/pte.h, pv/grant_map.c), which it cannot pass.
 */
uint32_t tlb_clock(void)
{
    return __atomic_load_n(&tlb_now, __ATOMIC_SEQ_CST);
}

/* The flag before the interrupt: its handler looks at the flag (smp_serve()). */
static void post(unsigned cpu)
{
    this_cpu()->flushes_asked++;
    stats_count(LODGE_STAT_FLUSH_OTHER);
    WRITE_ONCE(cpus[cpu]->flush_pending, true);
    smp_mb();
    apic_send_ipi(cpu, VEC_KICK);
}

/* Asks, and does not wait: 2^28 is far enough from 2^31. */
void tlb_catch_up(void)
{
    unsigned cpu;

    for_each_cpu (cpu, cpu_online & ~BIT(this_cpu()->id))
        post(cpu);
}

void tlb_flush_local(void)
{
    stats_count(LODGE_STAT_FLUSH_ALL);
    tlb_write_cr3(read_cr3());
}

/*
 * Everything, also global pages. `wanted` is read before the flush: a request that comes in between
 * may be served by it or not, and stays open.
 */
static void flush_hv_local(void)
{
    struct cpu *c = this_cpu();
    uint32_t wanted = READ_ONCE(tlb_hv_wanted);
    uint32_t t = tlb_tick();

    write_cr4(c->cr4 & ~CR4_PGE);
    write_cr4(c->cr4);
    WRITE_ONCE(tlb_hv_done[c->id], wanted);
    tlb_tock(c, t);
}

/* What others asked of this CPU. The flag goes first: a request that comes later sets it again. */
void tlb_serve(void)
{
    struct cpu *c = this_cpu();

    WRITE_ONCE(c->flush_pending, false);
    smp_mb();
    if (READ_ONCE(tlb_hv_wanted) != tlb_hv_done[c->id])
        flush_hv_local();
    else
        tlb_write_cr3(read_cr3());
}

void cpu_relax_poll(void)
{
    cpu_relax();
    if (unlikely(READ_ONCE(this_cpu()->flush_pending)))
        tlb_serve();
}

/* A CPU that has flushed for another reason since counts as well: its stamp has passed, too. */
static void wait_for(cpumask_t mask, uint32_t stamp)
{
    unsigned cpu;

    for_each_cpu (cpu, mask)
        while (!after(READ_ONCE(cpus[cpu]->tlb_stamp), stamp))
            cpu_relax_poll();
}

/*
 * The others are kicked first, so that they flush while this CPU does. Waiting for them takes as
 * long as they keep interrupts off, so the next preemption point is due.
 */
void tlb_flush_mask(cpumask_t mask)
{
    cpumask_t self = BIT(this_cpu()->id), others = mask & cpu_online & ~self;
    uint32_t stamp = tlb_clock(); /* before the requests, after the caller's change of entries */
    unsigned cpu;

    for_each_cpu (cpu, others)
        post(cpu);
    if (mask & self)
        tlb_flush_local();
    wait_for(others, stamp);
    if (others != 0)
        work_used_up();
}

/* This CPU flushes whether it is in the mask or not. */
void tlb_flush_hv(cpumask_t mask)
{
    cpumask_t self = BIT(this_cpu()->id), others = mask & cpu_online & ~self;
    uint32_t wanted = __atomic_add_fetch(&tlb_hv_wanted, 1, __ATOMIC_SEQ_CST);
    unsigned cpu;

    for_each_cpu (cpu, others)
        post(cpu);
    flush_hv_local();
    for_each_cpu (cpu, others)
        while (after(wanted, READ_ONCE(tlb_hv_done[cpu])))
            cpu_relax_poll();
    if (others != 0)
        work_used_up();
}

/* Remote CPUs flush all of the guest's translations: cheaper than a mailbox with addresses. */
void tlb_flush_page_mask(cpumask_t mask, vaddr_t va)
{
    cpumask_t self = BIT(this_cpu()->id);

    if (va >= HV_START && va < HV_END) {
        tlb_flush_hv(mask);
        return;
    }
    if (mask & self)
        tlb_flush_page_local(va);
    if (mask & ~self)
        tlb_flush_mask(mask & ~self);
}

/*
 * The store comes before CR3 is loaded, which waits for it: at no moment does a CPU have tables
 * loaded that tlb_domain does not tell.
 */
void tlb_enter(struct cpu *c)
{
    WRITE_ONCE(c->tlb_domain, DOMID_INVALID);
}

void tlb_entered(struct cpu *c, domid_t id)
{
    WRITE_ONCE(c->tlb_domain, id);
}

void tlb_maps_foreign(domid_t id)
{
    if (id < NR_DOMIDS && !bit_test(tlb_foreign, id))
        bit_set(tlb_foreign, id);
}

void tlb_forget_domain(domid_t id)
{
    bit_clear(tlb_foreign, id);
}

static bool may_map(const struct cpu *c, domid_t owner)
{
    domid_t id = READ_ONCE(c->tlb_domain);

    if (id == owner || id == DOMID_INVALID)
        return true;
    return id < NR_DOMIDS && bit_test(tlb_foreign, id);
}

/*
 * A CPU that switches guests all the time has flushed long since: most requests end there. Of the
 * others most run a guest that never maps frames but its own, or none, and are left alone.
 */
cpumask_t tlb_filter(cpumask_t mask, uint32_t stamp, domid_t owner)
{
    cpumask_t stale = 0;
    unsigned cpu;

    for_each_cpu (cpu, mask & cpu_online)
        if (!after(READ_ONCE(cpus[cpu]->tlb_stamp), stamp) && may_map(cpus[cpu], owner))
            stale |= BIT(cpu);
    return stale;
}
