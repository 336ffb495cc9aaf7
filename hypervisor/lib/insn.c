/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decoder (AMD APM vol. 3, appendix A): prefixes, opcode, ModRM, SIB, displacement, immediate.
 * Two tables say what an opcode is and what follows it. Bytes are only ever taken by take(), which
 * stops at their end.
 */
#include <lib/insn.h>

struct code {
    const uint8_t *bytes;
    unsigned n, at; /* how many there are, which one is next */
    bool short_of;  /* one more was asked for */
};

static uint8_t take(struct code *c)
{
    if (c->at >= c->n) {
        c->short_of = true;
        return 0;
    }
    return c->bytes[c->at++];
}

static int32_t take_signed(struct code *c, unsigned size)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)take(c) << (8 * i);
    return size == 1 ? (int8_t)v : size == 2 ? (int16_t)v : (int32_t)v;
}

/* What follows an opcode, and of what size its operand is. */
#define MODRM  0x01 /* an operand in a register or in memory; `kind` is a group of them */
#define REGS   0x02 /* ModRM, but registers whatever it says, of the mode's full size */
#define IMM8   0x04 /* a port */
#define BYTE   0x08 /* the operand is one byte */
#define IO     0x10 /* never of eight bytes */
#define REP_F3 0x20 /* it is this instruction only with F3 */
/* Of a prefix, whose kind is PREFIX; and a set of those that were seen. */
#define OPERAND     0x01u
#define ADDRESS     0x02u
#define LOCK        0x04u
#define REP         0x08u
#define F3          0x10u
#define SEGMENT     0x20u
#define REX         0x40u
#define PREFIX_BITS 0x7fu
#define PREFIX      0xff

struct form {
    uint8_t kind, what;
};

static const struct form one_byte[256] = {
    [0x26] = {PREFIX, SEGMENT},       [0x2e] = {PREFIX, SEGMENT},
    [0x36] = {PREFIX, SEGMENT},       [0x3e] = {PREFIX, SEGMENT},
    [0x40 ... 0x4f] = {PREFIX, REX},  [0x64] = {PREFIX, SEGMENT},
    [0x65] = {PREFIX, SEGMENT},       [0x66] = {PREFIX, OPERAND},
    [0x67] = {PREFIX, ADDRESS},       [0x6c] = {INSN_INS, BYTE},
    [0x6d] = {INSN_INS, IO},          [0x6e] = {INSN_OUTS, BYTE},
    [0x6f] = {INSN_OUTS, IO},         [0x90] = {INSN_PAUSE, REP_F3},
    [0xe4] = {INSN_IN, BYTE | IMM8},  [0xe5] = {INSN_IN, IO | IMM8},
    [0xe6] = {INSN_OUT, BYTE | IMM8}, [0xe7] = {INSN_OUT, IO | IMM8},
    [0xec] = {INSN_IN, BYTE},         [0xed] = {INSN_IN, IO},
    [0xee] = {INSN_OUT, BYTE},        [0xef] = {INSN_OUT, IO},
    [0xf0] = {PREFIX, LOCK},          [0xf1] = {INSN_ICEBP, 0},
    [0xf2] = {PREFIX, REP},           [0xf3] = {PREFIX, REP | F3},
    [0xf4] = {INSN_HLT, 0},           [0xfa] = {INSN_CLI, 0},
    [0xfb] = {INSN_STI, 0},
};

enum group { GROUP_6 = 1, GROUP_7 };

static const struct form two_byte[256] = {
    [0x00] = {GROUP_6, MODRM},
    [0x01] = {GROUP_7, MODRM},
    [0x06] = {INSN_CLTS, 0},
    [0x08] = {INSN_INVD, 0},
    [0x09] = {INSN_WBINVD, 0},
    [0x20] = {INSN_MOV_FROM_CR, REGS},
    [0x21] = {INSN_MOV_FROM_DR, REGS},
    [0x22] = {INSN_MOV_TO_CR, REGS},
    [0x23] = {INSN_MOV_TO_DR, REGS},
    [0x30] = {INSN_WRMSR, 0},
    [0x31] = {INSN_RDTSC, 0},
    [0x32] = {INSN_RDMSR, 0},
    [0x33] = {INSN_RDPMC, 0},
    [0xa2] = {INSN_CPUID, 0},
    [0xaa] = {INSN_RSM, 0},
};

/* By ModRM.reg. In group 7 all but two of these are for memory alone, */
static const uint8_t group_6[8] = {INSN_SLDT, INSN_STR, INSN_LLDT, INSN_LTR};
static const uint8_t group_7[8] = {INSN_SGDT, INSN_SIDT, INSN_LGDT, INSN_LIDT,
                                   INSN_SMSW, 0,         INSN_LMSW, INSN_INVLPG};
/* as with registers the whole ModRM byte is the instruction, from 0xc0. */
static const uint8_t group_7_registers[64] = {
    [0x01] = INSN_VMCALL,  [0x08] = INSN_MONITOR, [0x09] = INSN_MWAIT,   [0x10] = INSN_XGETBV,
    [0x11] = INSN_XSETBV,  [0x18] = INSN_VMRUN,   [0x19] = INSN_VMMCALL, [0x1a] = INSN_VMLOAD,
    [0x1b] = INSN_VMSAVE,  [0x1c] = INSN_STGI,    [0x1d] = INSN_CLGI,    [0x1e] = INSN_SKINIT,
    [0x1f] = INSN_INVLPGA, [0x39] = INSN_RDTSCP,
};

static uint8_t group_kind(enum group group, uint8_t modrm)
{
    unsigned reg = modrm >> 3 & 7;

    if (group == GROUP_6)
        return group_6[reg];
    if (modrm < 0xc0 || group_7[reg] == INSN_SMSW || group_7[reg] == INSN_LMSW)
        return group_7[reg];
    return group_7_registers[modrm & 0x3f];
}

/*
 * One prefix: false where it is none in this mode. In 64-bit code only FS and GS mean anything, and
 * a REX only right before the opcode.
 */
static bool prefix(struct insn *in, uint8_t b, unsigned *seen, enum insn_mode mode)
{
    unsigned what = one_byte[b].what & PREFIX_BITS;

    if (what == REX) {
        if (mode == INSN_64)
            in->rex = b;
        return mode == INSN_64;
    }
    in->rex = 0;
    *seen |= what;
    if (what == SEGMENT && b >= 0x64)
        in->segment = b == 0x64 ? INSN_FS : INSN_GS;
    else if (what == SEGMENT && mode != INSN_64)
        in->segment = b >> 3 & 3; /* the order of enum insn_segment */
    if (b == 0xf2)
        *seen &= ~F3;
    return true;
}

/* Two registers, or one, and their displacement: ModRM of 16-bit addresses. */
static void memory_16(struct code *c, struct insn *in, uint8_t modrm)
{
    enum { BX = 3, BP = 5, SI = 6, DI = 7, NO = INSN_NO_REG };
    static const uint8_t bases[] = {BX, BX, BP, BP, SI, DI, BP, BX};
    static const uint8_t indices[] = {SI, DI, SI, DI, NO, NO, NO, NO};
    unsigned mod = modrm >> 6, rm = modrm & 7;

    in->base = bases[rm];
    in->index = indices[rm];
    if (mod == 0 && rm == 6)
        in->base = INSN_NO_REG;
    if (mod != 0 || rm == 6)
        in->displacement = take_signed(c, mod == 1 ? 1 : 2);
}

static void memory(struct code *c, struct insn *in, uint8_t modrm, enum insn_mode mode)
{
    unsigned mod = modrm >> 6, base = modrm & 7;

    in->memory = true;
    in->base = in->index = INSN_NO_REG;
    if (in->address_size == 2) {
        memory_16(c, in, modrm);
        return;
    }
    if (base == 4) {
        uint8_t sib = take(c), index = (sib >> 3 & 7) | (in->rex & 2) << 2;

        base = sib & 7;
        if (index != 4) {
            in->index = index;
            in->scale = sib >> 6;
        }
    }
    if (mod == 0 && base == 5) {
        in->rip_relative = mode == INSN_64 && (modrm & 7) == 5;
        mod = 2;
    } else {
        in->base = (uint8_t)(base | (in->rex & 1) << 3);
    }
    if (mod != 0)
        in->displacement = take_signed(c, mod == 1 ? 1 : 4);
}

static inline void sizes(struct insn *in, unsigned seen, unsigned what, enum insn_mode mode)
{
    in->address_size = (uint8_t)mode;
    if (unlikely(seen & ADDRESS))
        in->address_size = mode == INSN_32 ? 2 : 4;
    if (what & BYTE)
        in->operand_size = 1;
    else if (what & REGS)
        in->operand_size = mode == INSN_64 ? 8 : 4;
    else if ((in->rex & 8) && !(what & IO))
        in->operand_size = 8;
    else
        in->operand_size = !(seen & OPERAND) == (mode != INSN_16) ? 4 : 2;
}

/* ModRM, and what is behind it. */
static inline void modrm_operands(struct code *c, struct insn *in, struct form f, unsigned seen,
                                  enum insn_mode mode)
{
    uint8_t modrm = take(c);

    in->reg = (modrm >> 3 & 7) | (in->rex & 4) << 1;
    in->rm = (modrm & 7) | (in->rex & 1) << 3;
    if (f.what & REGS) {
        /* AMD: CR8 for those who have no REX prefix. */
        if (unlikely(seen & LOCK) && in->reg == 0 && f.kind <= INSN_MOV_TO_CR)
            in->reg = 8;
        return;
    }
    in->kind = group_kind(f.kind, modrm);
    if (modrm < 0xc0)
        memory(c, in, modrm, mode);
}

bool insn_decode(struct insn *in, const uint8_t *bytes, unsigned n, enum insn_mode mode)
{
    struct code c = {.bytes = bytes, .n = MIN(n, (unsigned)INSN_MAX)};
    unsigned seen = 0;
    struct form f;
    uint8_t b;

    *in = (struct insn){.segment = INSN_NO_SEGMENT};
    while (b = take(&c), f = one_byte[b], f.kind == PREFIX)
        if (!prefix(in, b, &seen, mode))
            return false;
    if (b == 0x0f)
        f = two_byte[take(&c)];
    if (f.kind == INSN_OTHER || ((f.what & REP_F3) && !(seen & F3)))
        return false;
    in->kind = f.kind;
    in->rep = seen & REP;
    sizes(in, seen, f.what, mode);
    if (f.what & (MODRM | REGS)) {
        modrm_operands(&c, in, f, seen, mode);
    } else if (f.what & IMM8) {
        in->immediate_port = true;
        in->port = take(&c);
    }
    in->length = (uint8_t)c.at;
    return !c.short_of && in->kind != INSN_OTHER;
}

uint64_t insn_offset(const struct insn *in, const uint64_t *regs, uint64_t rip)
{
    uint64_t at = (uint64_t)(int64_t)in->displacement;

    if (in->base != INSN_NO_REG)
        at += regs[in->base];
    if (in->index != INSN_NO_REG)
        at += regs[in->index] << in->scale;
    if (in->rip_relative)
        at += rip + in->length;
    return in->address_size == 8 ? at : in->address_size == 4 ? (uint32_t)at : (uint16_t)at;
}

/* By default that of the stack where the stack's registers are the base. */
enum insn_segment insn_operand_segment(const struct insn *in)
{
    if (in->segment != INSN_NO_SEGMENT)
        return in->segment;
    return in->base == 4 || in->base == 5 ? INSN_SS : INSN_DS;
}
