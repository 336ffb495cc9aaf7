/* SPDX-License-Identifier: GPL-2.0-only */
/* Between x86/paging.c, x86/vmap.c and x86/tlb.c; page.h is what the others see. */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#include <core/spinlock.h>
#include <lib/types.h>

extern struct spinlock paging_lock; /* the vmap area's tables and its map of free addresses */

void vmap_init(void); /* boot: tables for the part of the vmap area that is used most */
/* Makes the L1 tables of a range at boot, from memory that is never given back. */
void paging_make_tables(vaddr_t start, vaddr_t end);
/*
 * Flushes hypervisor (global) translations too, on the CPUs of the mask and on this one; returns
 * when done. Polls, so locks may be held.
 */
void tlb_flush_hv(cpumask_t mask);

#endif
