/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processors that there are, and calls from one to another; their start is in smp_start.c.
 *
 * A kick (VEC_KICK) has no message: it makes a CPU leave guest mode or HLT, and smp_serve() looks
 * at every flag that others may have set. Kicks that meet become one, which is as good as two.
 */
#include <core/timer.h>
#include <lib/bitops.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/smp.h>
#include <x86/tlb.h>

struct cpu *cpus[NR_CPUS];
unsigned nr_cpus;
cpumask_t cpu_online, cpu_active;

/*
 * Function calls. One at a time: the caller's mask is taken bit by bit by the CPUs it names. They
 * run it where they hold no lock: in the kick interrupt, or while waiting for a call of their own.
 * For that wait the interrupt is no help, as interrupts are off: two callers would wait for each
 * other if the second did not serve the first. The store of `pending` publishes fn and arg; a CPU
 * clears its bit when it is done, and then `busy` is given up.
 */
static struct {
    cpumask_t pending; /* atomic */
    void (*fn)(void *);
    void *arg;
    uint32_t busy; /* 1: someone's call is in progress; atomic */
} smp_request;

static void serve_call(void)
{
    cpumask_t me = BIT(this_cpu()->id);

    if (!(__atomic_load_n(&smp_request.pending, __ATOMIC_ACQUIRE) & me))
        return;
    smp_request.fn(smp_request.arg);
    __atomic_and_fetch(&smp_request.pending, ~me, __ATOMIC_RELEASE);
}

void smp_serve(void)
{
    if (READ_ONCE(this_cpu()->flush_pending))
        tlb_serve();
    serve_call();
    timer_check_kick();
}

void smp_call(cpumask_t mask, void (*fn)(void *), void *arg)
{
    cpumask_t self = BIT(this_cpu()->id), others = mask & cpu_online & ~self;
    unsigned cpu;

    if (others != 0) {
        while (__atomic_exchange_n(&smp_request.busy, 1, __ATOMIC_ACQUIRE) != 0) {
            cpu_relax_poll();
            serve_call();
        }
        smp_request.fn = fn;
        smp_request.arg = arg;
        __atomic_store_n(&smp_request.pending, others, __ATOMIC_RELEASE);
        for_each_cpu (cpu, others)
            apic_send_ipi(cpu, VEC_KICK);
    }
    if (mask & self)
        fn(arg);
    if (others != 0) {
        while (__atomic_load_n(&smp_request.pending, __ATOMIC_ACQUIRE) != 0)
            cpu_relax_poll();
        __atomic_store_n(&smp_request.busy, 0, __ATOMIC_RELEASE);
    }
}

void smp_kick(unsigned cpu)
{
    if (cpu != this_cpu()->id)
        apic_send_ipi(cpu, VEC_KICK);
}
