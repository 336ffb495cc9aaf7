/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB flushes, here and on other CPUs. A flush clock orders them against changes of a frame's type:
 * a frame that loses its last mapping records the clock; before it takes a new type, only the CPUs
 * that have not flushed since then have to. So a guest that unmaps a page and does not flush gains
 * nothing: its stale translation ends before the frame can become a page table, or another's.
 */
#ifndef X86_TLB_H
#define X86_TLB_H

#include <lib/types.h>
#include <x86/cpu.h>

#define TLB_CATCH_UP ((1u << 28) - 1)
extern uint32_t tlb_now; /* the clock, for the functions below */
/* Asks all CPUs to flush. It keeps all registers, for the call below. */
__attribute__((no_caller_saved_registers)) void tlb_catch_up(void);

/* Before the flush: its number. The locked instruction is a barrier for what was written before. */
static inline uint32_t tlb_tick(void)
{
    return __atomic_add_fetch(&tlb_now, 1, __ATOMIC_SEQ_CST);
}

/* After the flush that took tick t. */
static inline void tlb_tock(struct cpu *c, uint32_t t)
{
    WRITE_ONCE(c->tlb_stamp, t);
    /* So rare that nobody else shall keep registers for it, as the compiler would for a call. */
    if (unlikely((t & TLB_CATCH_UP) == 0))
        __asm__ volatile("call tlb_catch_up" : : : "memory", "cc");
}

/*
 * Loads, and records the flush. On the way of every change between guest kernel and guest user
 * mode: in line, ten instructions.
 */
static inline void tlb_write_cr3(uint64_t cr3)
{
    struct cpu *c = this_cpu();
    uint32_t t = tlb_tick();

    write_cr3(cr3);
    tlb_tock(c, t);
}

uint32_t tlb_clock(void);   /* the value to stamp a frame with, once it is unmapped */
void tlb_flush_local(void); /* all guest translations of this CPU */

static inline void tlb_flush_page_local(vaddr_t va)
{
    stack_top()->stats[LODGE_STAT_FLUSH_PAGE]++;
    invlpg(va);
}

/* On every CPU of the mask (this one too); returns when done. Polls, so locks may be held. */
void tlb_flush_mask(cpumask_t mask);
void tlb_flush_page_mask(cpumask_t mask, vaddr_t va); /* one page, also global ones */
/* What other CPUs have asked of this one: from the kick interrupt, and while polling. */
void tlb_serve(void);
/*
 * The CPUs of mask that have not flushed since the stamp, and may have a translation to a frame of
 * that owner. One that flushes while this looks may be named needlessly, never the other way round.
 */
cpumask_t tlb_filter(cpumask_t mask, uint32_t stamp, domid_t owner);
/*
 * This CPU is about to load the tables of another domain, and has loaded them (DOMID_IDLE: the
 * hypervisor's own). A CPU that has other tables loaded than a frame's owner's has no translation
 * to the frame, as these went with the load of CR3; unless they map frames of others:
 */
void tlb_enter(struct cpu *c);
void tlb_entered(struct cpu *c, domid_t id);
/* Before a mapping of another domain's frame is made by that domain; and at the domain's end. */
void tlb_maps_foreign(domid_t id);
void tlb_forget_domain(domid_t id);

#endif
