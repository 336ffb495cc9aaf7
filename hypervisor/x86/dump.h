/* SPDX-License-Identifier: GPL-2.0-only */
/* The end: a report that says where and why, then a reboot (or a halt with `noreboot`). */
#ifndef X86_DUMP_H
#define X86_DUMP_H

#include <lib/types.h>

struct cpu_regs;

/* For any context, any stack, with any lock held: it takes none. regs may be the guest's. */
void dump_fatal(struct cpu_regs *regs, const char *fmt, ...) NORETURN PRINTF_LIKE(2, 3);
void dump_regs(const struct cpu_regs *regs);
/* The words from sp to the end of its stack that point into hypervisor code, by name. */
void dump_stack(uint64_t sp, uint64_t rip);
/* Stops all other CPUs for good, without a word. */
void dump_halt_others(void);
/* In an NMI: true when it was sent because another CPU is going down. */
bool dump_nmi(struct cpu_regs *regs);

/* x86/traps.c */
const char *traps_name(unsigned vector); /* never NULL */
void traps_report_nmis(void);            /* from the timer interrupt: takes the console's lock */
/* x86/symbols.c: the function that an address is in, and the distance to its start; NULL: none. */
const char *symbols_find(vaddr_t addr, uint64_t *offset);

#endif
