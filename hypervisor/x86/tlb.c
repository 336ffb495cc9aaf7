/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB flushes. The clock counts flushes of all CPUs: a CPU takes a new value before it flushes and
 * publishes it as its stamp afterwards, so a stamp above t proves a flush begun after the clock
 * read t. A remote flush needs no acknowledgement of its own: set the target's flag, kick it, wait
 * for its stamp to pass.
 *
 * The clock is 32 bits wide and compared by difference, which holds while no CPU stays more than
 * 2^31 flushes behind: every 2^28th flush makes all CPUs flush.
 */
#include <lib/bitops.h>
#include <lib/bug.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/page.h>
#include <x86/paging.h>
#include <x86/tlb.h>

#define TLB_CATCH_UP ((1u << 28) - 1)

static uint32_t tlb_now = 1;
static uint32_t tlb_hv_wanted;        /* generation of the newest request to flush global pages */
static uint32_t tlb_hv_done[NR_CPUS]; /* generation that each CPU has flushed */

static bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

uint32_t tlb_clock(void)
{
    return __atomic_load_n(&tlb_now, __ATOMIC_SEQ_CST);
}

static void post(unsigned cpu)
{
    WRITE_ONCE(cpus[cpu]->flush_pending, true);
    smp_mb();
    apic_send_ipi(cpu, VEC_KICK);
}

static __attribute__((noinline)) void catch_up(void)
{
    unsigned cpu;

    for_each_cpu (cpu, cpu_online & ~BIT(this_cpu()->id))
        post(cpu);
}

static inline uint32_t tick(void)
{
    return __atomic_add_fetch(&tlb_now, 1, __ATOMIC_SEQ_CST);
}

/* After the flush that took tick t. */
static inline void tock(struct cpu *c, uint32_t t)
{
    WRITE_ONCE(c->tlb_stamp, t);
    if (unlikely((t & TLB_CATCH_UP) == 0))
        catch_up();
}

/* On the way of every change between guest kernel and guest user mode: a dozen instructions. */
void tlb_write_cr3(uint64_t cr3)
{
    struct cpu *c = this_cpu();
    uint32_t t = tick();

    write_cr3(cr3);
    c->cr3 = cr3;
    tock(c, t);
}

void tlb_flush_local(void)
{
    tlb_write_cr3(this_cpu()->cr3);
}

/* Everything, also global pages. */
static void flush_hv_local(void)
{
    struct cpu *c = this_cpu();
    uint32_t wanted = READ_ONCE(tlb_hv_wanted);
    uint32_t t = tick();

    write_cr4(c->cr4 & ~CR4_PGE);
    write_cr4(c->cr4);
    WRITE_ONCE(tlb_hv_done[c->id], wanted);
    tock(c, t);
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
        tlb_flush_local();
}

void cpu_relax_poll(void)
{
    cpu_relax();
    if (unlikely(READ_ONCE(this_cpu()->flush_pending)))
        tlb_serve();
}

static void wait_for(cpumask_t mask, uint32_t stamp)
{
    unsigned cpu;

    for_each_cpu (cpu, mask)
        while (!after(READ_ONCE(cpus[cpu]->tlb_stamp), stamp))
            cpu_relax_poll();
}

void tlb_flush_mask(cpumask_t mask)
{
    cpumask_t self = BIT(this_cpu()->id), others = mask & cpu_online & ~self;
    uint32_t stamp = tlb_clock();
    unsigned cpu;

    for_each_cpu (cpu, others)
        post(cpu);
    if (mask & self)
        tlb_flush_local();
    wait_for(others, stamp);
}

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
        invlpg(va);
    if (mask & ~self)
        tlb_flush_mask(mask & ~self);
}

cpumask_t tlb_filter(cpumask_t mask, uint32_t stamp)
{
    cpumask_t stale = 0;
    unsigned cpu;

    for_each_cpu (cpu, mask & cpu_online)
        if (!after(READ_ONCE(cpus[cpu]->tlb_stamp), stamp))
            stale |= BIT(cpu);
    return stale;
}
