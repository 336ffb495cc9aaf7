/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB flushes, here and on other CPUs. A flush clock orders them against changes of a frame's type:
 * a frame that loses its last mapping records the clock; before it takes a new type, only the CPUs
 * that have not flushed since then have to.
 */
#ifndef X86_TLB_H
#define X86_TLB_H

#include <lib/types.h>

uint32_t tlb_clock(void);         /* the value to stamp a frame with */
void tlb_write_cr3(uint64_t cr3); /* loads, and records the flush */
void tlb_flush_local(void);       /* all guest translations of this CPU */
/* On every CPU of the mask (this one too); returns when done. Polls, so locks may be held. */
void tlb_flush_mask(cpumask_t mask);
void tlb_flush_page_mask(cpumask_t mask, vaddr_t va); /* one page, also global ones */
/* The CPUs of mask that have not flushed since the stamp. */
void tlb_serve(void); /* what other CPUs have asked of this one */
cpumask_t tlb_filter(cpumask_t mask, uint32_t stamp);

#endif
