/* SPDX-License-Identifier: GPL-2.0-only */
/* Exception vectors and the error code of a page fault: Intel SDM volume 3, chapter 6. */
#ifndef X86_EXCEPTIONS_H
#define X86_EXCEPTIONS_H

#define X86_DE  0
#define X86_DB  1
#define X86_NMI 2
#define X86_BP  3
#define X86_OF  4
#define X86_UD  6
#define X86_NM  7
#define X86_DF  8
#define X86_TS  10
#define X86_NP  11
#define X86_SS  12
#define X86_GP  13
#define X86_PF  14
#define X86_MF  16
#define X86_AC  17
#define X86_MC  18
#define X86_XM  19

#define PF_PRESENT 0x1u
#define PF_WRITE   0x2u
#define PF_USER    0x4u
#define PF_RSVD    0x8u
#define PF_FETCH   0x10u

#endif
