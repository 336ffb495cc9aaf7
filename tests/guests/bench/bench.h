/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this guest share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* Prints what fn costs in instructions (or cycles), divided. */
void bench(const char *name, void (*fn)(void), unsigned divisor);
void bench_lodge(void);

#endif
