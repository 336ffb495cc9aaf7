/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preemption points, and the account that says when one is due.
 *
 * Interrupts are off in the hypervisor, so whoever waits for this CPU (its timers, a vcpu of higher
 * right, another CPU whose TLB flush we are to answer) waits until the next point. Calls are nested
 * and lists have lists in them: a place that looks at every so many-th pass of its own loop does
 * not know what came before and what comes after. So all of them draw on one budget: each heavy
 * step charges what it costs, under a lock too, and the next place where no lock is held looks when
 * the budget is used up. What is light charges nothing, or its whole block at once.
 *
 * The unit is an instruction, roughly. The account is the vcpu's, on its stack: it starts anew with
 * each look, and what a call has left of it the next one finds, so that the only fault is a look
 * too early. While the vcpu has an event to take it stays used up. Debug builds measure what comes
 * of all this (x86/irqs_off.h).
 */
#ifndef CORE_PREEMPT_H
#define CORE_PREEMPT_H

#include <lib/types.h>
#include <x86/regs.h>

#define WORK_BUDGET 10000

/* What things cost. */
#define WORK_PAGE  600 /* a page is cleared or copied */
#define WORK_LIST  20  /* a frame is entered in its new owner's list */
#define WORK_STALE 8   /* per CPU and frame: may its TLB be stale? */
#define WORK_FREE  300 /* a frame goes back to the allocator */
#define WORK_ENTRY 60  /* a page-table entry is validated or dropped */

/* True: the budget is used up. Callable anywhere. One instruction on memory: lists pay for it. */
static inline bool work_charge(unsigned units)
{
    bool used_up;

    __asm__ volatile("subq %2, %0"
                     : "+m"(stack_top()->work_left), "=@ccs"(used_up)
                     : "er"((uint64_t)units));
    return unlikely(used_up);
}

/* The budget is used up: after what takes no instructions of ours, but time. */
static inline void work_used_up(void)
{
    stack_top()->work_left = 0;
}

/*
 * To be called with no lock held from every loop whose length the guest chooses (each pass, or each
 * few dozen cheap passes). Takes interrupts, and gives the CPU away when another vcpu should run.
 * Afterwards the CPU may be another one and much time may have passed: what was read from a shared
 * structure is stale, this_cpu() has to be read anew, and the domain may be paused or dying. It
 * still exists, as does everything that a reference is held on.
 *
 * True: the vcpu is to die. Nobody reads the result of its call any more, and whoever destroys the
 * domain waits for the call to end: a long list ends here.
 */
bool preempt_point(void);
/*
 * True: something waits, and it is the moment for hypercall_restart(). It may be another vcpu, an
 * event for this one, or this one's end. Takes interrupts, so no lock is held, but does not give
 * the CPU away: that happens on the way back to the guest. Cheap.
 */
bool preempt_wanted(void);
/*
 * As preempt_point(), for a list that a restart can go on with. True: the vcpu has an event of its
 * own to take first, is to stop between hypercalls, or is to die.
 */
bool preempt_for_event(void);

/*
 * Charges what has just been done, and is a preempt_point() when the budget is used up. The idle
 * vcpu, which builds dom0 and frees what is left of domains, only takes interrupts: it would come
 * back when there is nothing else to do, if ever.
 */
bool preempt_work(void);
static inline bool preempt_after(unsigned units)
{
    return work_charge(units) && preempt_work();
}

#endif
