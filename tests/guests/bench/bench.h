/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this guest share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <kit/kit.h>

/* Prints what fn costs in instructions (or cycles), divided. */
void bench(const char *name, void (*fn)(void), unsigned divisor);
uint64_t bench_tsc(void);
extern uint64_t bench_syscalls_took;          /* by the last call of the next one */
uint64_t bench_syscalls_then_ud2(uint64_t n); /* for user mode */
void bench_end_run(struct kit_frame *f);      /* of a trap in user mode */
void bench_lodge(void);

#endif
