/* SPDX-License-Identifier: GPL-2.0-only */
/* Ends of x86/entry.S that C refers to. */
#ifndef X86_STACK_H
#define X86_STACK_H

#include <lib/types.h>

struct cpu_regs;

extern const char entry_stub[], entry_stub_jump[], entry_stub_end[]; /* one CPU's LSTAR code */
extern const char entry_stub_area[], entry_stub_area_jump[]; /* the same for a vcpu with an area */
extern const char entry_stub_area_traced[], entry_stub_area_traced_jump[];
extern const char entry_stub32[], entry_stub32_jump[]; /* and its CSTAR code */
extern const char entry_vectors[];                     /* 256 stubs of 16 bytes */
void entry_syscall(void);
void entry_syscall_area(void);
void entry_syscall_area_traced(void);
void entry_syscall32(void);
void trace_area_syscall(
    const struct cpu_regs *regs); /* entry_syscall_area_traced, of x86/trace.c */
/* Where the first switch to a vcpu goes: what machine_stack_prepare() writes there. */
void entry_new_guest(void);
void entry_new_loop(void);
/* Leaves the present stack for good; top is what stack_alloc() returned. */
void entry_call_on_stack(void *top, void (*fn)(void)) NORETURN;

#endif
