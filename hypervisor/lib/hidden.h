/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included ahead of every hypervisor file by the compiler's command line. The image is linked
 * statically at an address outside the top 2 GiB, so code is position independent; saying that all
 * symbols are hidden lets the compiler reach each with one RIP-relative access, without a GOT.
 */
#ifndef LIB_HIDDEN_H
#define LIB_HIDDEN_H
#ifndef __ASSEMBLER__
#pragma GCC visibility push(hidden)
#endif
#endif
