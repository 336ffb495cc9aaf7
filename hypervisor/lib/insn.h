/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction is: the decoder for all that the hypervisor carries out in a guest's place,
 * in 16, 32 and 64-bit code. It is given a copy of the bytes, and looks at nothing else; so another
 * processor may change the guest's code meanwhile, and it compiles on the host.
 *
 * Only the instructions of enum insn_kind are known. Where the processor would refuse one for its
 * prefixes (LOCK), nobody asks: it has been executed, or has faulted, by then.
 */
#ifndef LIB_INSN_H
#define LIB_INSN_H

#include <lib/types.h>

#define INSN_MAX 15 /* bytes; a longer one faults */

/* The code segment's size, which is also that of addresses without a prefix. */
enum insn_mode { INSN_16 = 2, INSN_32 = 4, INSN_64 = 8 };

enum insn_kind {
    INSN_OTHER, /* not one of these */
    INSN_CLI,
    INSN_STI,
    INSN_HLT,
    INSN_PAUSE,
    INSN_ICEBP,
    INSN_IN,  /* port: the immediate or, if there is none, DX */
    INSN_OUT, /* the same */
    INSN_INS,
    INSN_OUTS,
    INSN_CLTS,
    INSN_INVD,
    INSN_WBINVD,
    INSN_CPUID,
    INSN_RDMSR,
    INSN_WRMSR,
    INSN_RDTSC,
    INSN_RDPMC,
    INSN_RSM,
    INSN_MOV_FROM_CR, /* reg: the control or debug register, rm: the general one */
    INSN_MOV_TO_CR,
    INSN_MOV_FROM_DR,
    INSN_MOV_TO_DR,
    INSN_SLDT, /* these six and SMSW, LMSW, INVLPG, LGDT, LIDT: the operand is rm, or memory */
    INSN_STR,
    INSN_LLDT,
    INSN_LTR,
    INSN_SGDT,
    INSN_SIDT,
    INSN_LGDT,
    INSN_LIDT,
    INSN_SMSW,
    INSN_LMSW,
    INSN_INVLPG,
    INSN_VMCALL,
    INSN_MONITOR,
    INSN_MWAIT,
    INSN_XGETBV,
    INSN_XSETBV,
    INSN_VMRUN,
    INSN_VMMCALL,
    INSN_VMLOAD,
    INSN_VMSAVE,
    INSN_STGI,
    INSN_CLGI,
    INSN_SKINIT,
    INSN_INVLPGA,
    INSN_RDTSCP,
};

/* As instructions number them. */
enum insn_segment { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_NO_SEGMENT };
#define INSN_NO_REG 16

struct insn {
    uint8_t kind; /* enum insn_kind */
    uint8_t length;
    uint8_t operand_size, address_size; /* 1, 2, 4 or 8 */
    bool rep;                           /* F2 or F3 */
    uint8_t segment; /* the last prefix that counts in this mode, enum insn_segment */
    uint8_t rex;     /* 0: none, or one that does not count */
    uint8_t reg, rm; /* of ModRM, with REX; rm is a register unless memory is set */
    bool memory;
    bool immediate_port;
    uint8_t port;
    /* Of a memory operand: registers, INSN_NO_REG where there is none. */
    uint8_t base, index, scale; /* scale: 0 to 3, of the index */
    bool rip_relative;          /* to the end of the instruction */
    int32_t displacement;
};

/* n: how many bytes there are, at most INSN_MAX are looked at. False: no such instruction. */
bool insn_decode(struct insn *in, const uint8_t *bytes, unsigned n, enum insn_mode mode);

/*
 * The offset of a memory operand in its segment. regs: the sixteen registers, as instructions
 * number them; rip: of the instruction.
 */
uint64_t insn_offset(const struct insn *in, const uint64_t *regs, uint64_t rip);
/* The segment that it is in: the prefix's, or the base register's. Of no use in 64-bit code. */
enum insn_segment insn_operand_segment(const struct insn *in);

#endif
