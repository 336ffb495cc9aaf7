/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions, and who calls them: see calls.c. */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum place { HYPERVISOR, KERNEL, PROGRAM, PLACES };

/* Functions by address, read from a file of lines "address name" in the order of addresses. */
bool calls_read_symbols(const char *path);
uint32_t calls_symbol(uint64_t address);
uint64_t calls_start(uint32_t symbol);
const char *calls_name(uint32_t symbol);
bool calls_is_handler(uint32_t symbol); /* of a hypercall, by its name */

/* What the machine does, in order; instructions go to the function and the chain of its callers. A
 * call leaves the address behind it at an address of the stack. */
void calls_count(enum place place, uint32_t symbol, uint64_t address, uint32_t instructions);
void calls_call(enum place place, uint64_t stack, uint64_t after);
void calls_return(uint64_t to);

/* The call that left this address was none of a function: it went on in the function itself. */
void calls_undo(uint64_t after);

/* From one place to another; `back`: to where an exception had interrupted the kernel. */
void calls_cross(enum place from, enum place to, bool back);

/* In a program, with nothing counted and nobody called; and, in the end, a line
 * "stack COUNT name;name;..." for each chain that executed something. */
void calls_begin(void);
void calls_write(FILE *out);

#endif
