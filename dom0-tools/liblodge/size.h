/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * size.h: sizes as people write them: 512, 512m, 512mb, 1.5g, 1t, 65536k, 1GiB.
 */
#ifndef LODGE_SIZE_H
#define LODGE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#define SIZE_LOOKS "it looks like 512m, 1.5g or 1t, or is a number of MiB"

/*
 * In KiB, rounded down; a bare number is MiB. The suffixes k, m, g and t, in either case and with b
 * or ib behind them, are powers of 1024. False if the text is no size, is less than 1 KiB, or more
 * than 2^52 KiB.
 */
bool lodge_size_parse(const char *text, uint64_t *kib);

#endif
