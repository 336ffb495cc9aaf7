/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that emulate instructions of guests share: the instruction as it was copied in,
 * and the general registers in the order in which instructions number them.
 */
#ifndef PV_EMULATE_H
#define PV_EMULATE_H

#include <lib/insn.h>
#include <lib/types.h>
#include <x86/regs.h>

/* What prefixes were seen. All zero in the beginning, in one store. */
struct emulated_prefixes {
    bool operand16, rep, repne;
    bool address_size; /* 0x67 */
    uint8_t segment;   /* the last one for FS or GS; 0: none */
    uint8_t rex;       /* 0: none */
    bool code64;       /* no prefix: else it is 32-bit code of guest user mode */
    bool unused;
};

struct emulated {
    struct cpu_regs *regs;
    struct emulated_prefixes p;
    uint64_t ports;          /* DR6: breakpoints on ports that were hit */
    unsigned len, pos;       /* bytes that are there, bytes decoded: the length in the end */
    uint8_t bytes[INSN_MAX]; /* the copy; never read again from the guest */
    uint8_t kind;            /* LODGE_EMULATED_*, once it is known */
};

/*
 * DONE: the guest goes on behind the instruction. REFUSED: it gets the #GP, and nothing has
 * changed. FAULTED: rip stays or was set elsewhere: another trap was injected, or the instruction
 * is to be executed again for its rest.
 */
enum emulation { EMU_DONE, EMU_REFUSED, EMU_FAULTED };

/* The order of the instruction encoding is not that of the frame. */
static inline uint64_t *emulate_gpr(struct cpu_regs *r, unsigned n)
{
#define AT(name) offsetof(struct cpu_regs, name)
    static const uint8_t at[16] = {AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp),
                                   AT(rsi), AT(rdi), AT(r8),  AT(r9),  AT(r10), AT(r11),
                                   AT(r12), AT(r13), AT(r14), AT(r15)};
#undef AT
    return (uint64_t *)((char *)r + at[n & 15]);
}

/* A result in a register as the processor leaves it: only 32 bits clear the upper half. */
static inline void emulate_set_low(uint64_t *reg, unsigned size, uint64_t v)
{
    if (size == 1)
        *reg = (*reg & ~0xffull) | (v & 0xff);
    else if (size == 2)
        *reg = (*reg & ~0xffffull) | (v & 0xffff);
    else
        *reg = size == 4 ? (uint32_t)v : v;
}

/* emulate_umip.c: SLDT, STR (0f 00), SGDT, SIDT, SMSW (0f 01), decoded anew by lib/insn.c. */
enum emulation emulate_umip(struct emulated *e);

#endif
