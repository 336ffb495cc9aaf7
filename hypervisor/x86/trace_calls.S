/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of hypercalls for traced vcpus (core/trace.h): each entry adds its number, as C's fifth
 * argument, to the four that the handler gets, and goes on in C.
 */
#include <asm-offsets.h>

    .text
trace_call_entries:
    .set number, 0
    .rept NR_HYPERCALLS
    .balign 16
    movl $number, %r8d
    jmp trace_hypercall
    .set number, number + 1
    .endr

    .section .rodata
    .globl trace_hypercalls
    .balign 8
trace_hypercalls:
    .set number, 0
    .rept NR_HYPERCALLS
    .quad trace_call_entries + 16 * number
    .set number, number + 1
    .endr
