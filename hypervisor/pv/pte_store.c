/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any store of the guest kernel to a page table of its own: decoded, judged, carried out. The way
 * for those that are not as plain as pv/pte_emulate.c has it, which comes first.
 *
 * Only the forms that compilers make for such code are decoded, with the operand inside one entry.
 * The operand's address needs no decoding: it is the address that faulted. Whatever is not decoded,
 * or is refused, stays the page fault that it was.
 */
#include <core/domain.h>
#include <public/errno.h>
#include <pv/emulate.h>
#include <pv/pte.h>
#include <pv/pv.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

enum store_op { OP_MOV, OP_XCHG, OP_CMPXCHG, OP_OR, OP_AND, OP_XOR, OP_BTS, OP_BTR, OP_BTC };

struct store {
    enum store_op op;
    unsigned size;   /* of the operand, bytes */
    uint64_t src;    /* value, or number of a bit */
    unsigned reg;    /* ModRM.reg with REX.R */
    bool rex;        /* byte registers 4-7 are SPL.. with REX, AH.. without */
    unsigned length; /* of the instruction */
};

static uint64_t size_mask(unsigned size)
{
    return size == 8 ? UINT64_MAX : BIT(size * 8) - 1;
}

/* ModRM.reg as an operand of the instruction's size. Without REX, byte registers 4 to 7 are AH.. */
static uint64_t reg_read(struct cpu_regs *r, const struct store *s)
{
    if (s->size == 1 && !s->rex && s->reg >= 4)
        return (*emulate_gpr(r, s->reg - 4) >> 8) & 0xff;
    return *emulate_gpr(r, s->reg) & size_mask(s->size);
}

/* As the processor does: 32-bit results clear the upper half, smaller ones leave the rest. */
static void reg_write(struct cpu_regs *r, unsigned n, unsigned size, bool high, uint64_t v)
{
    uint64_t *reg = emulate_gpr(r, high ? n - 4 : n);
    unsigned shift = high ? 8 : 0;

    if (size >= 4)
        *reg = v & size_mask(size);
    else
        *reg = (*reg & ~(size_mask(size) << shift)) | ((v & size_mask(size)) << shift);
}

/* ---- decoding ---- */

/* The code at rip, copied once: 15 bytes is the longest that an instruction may be. */
struct bytes {
    uint8_t b[15];
    unsigned n, at; /* how many there are, which one is next */
    bool bad;       /* read beyond them, or an operand that is no memory: checked at the end */
};

static uint8_t next_byte(struct bytes *c)
{
    if (c->at >= c->n) {
        c->bad = true;
        return 0;
    }
    return c->b[c->at++];
}

/* Sign-extended to 64 bits, as all immediates here are. */
static uint64_t next_immediate(struct bytes *c, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)next_byte(c) << (8 * i);
    return (uint64_t)((int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size));
}

/* ModRM, SIB and displacement: only where they end matters. Returns ModRM. */
static uint8_t skip_modrm(struct bytes *c)
{
    uint8_t modrm = next_byte(c), mod = modrm >> 6, rm = modrm & 7, base = rm;
    unsigned disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;

    if (mod == 3) {
        c->bad = true; /* a register: that cannot have faulted */
        return modrm;
    }
    if (rm == 4) /* a SIB byte follows */
        base = next_byte(c) & 7;
    if (mod == 0 && base == 5) /* no base, or RIP: 32 bits of displacement instead */
        disp = 4;
    while (disp-- > 0)
        (void)next_byte(c);
    return modrm;
}

/*
 * CMPXCHG (b0, b1) and the bit operations (ab, b3, bb; ba with an immediate number). Of a bit
 * number in a register only the part within the operand counts: the processor has added the rest to
 * the address that faulted (Intel SDM vol. 2, BT).
 */
static bool decode_0f(struct bytes *c, struct cpu_regs *r, struct store *s, unsigned rex_r)
{
    uint8_t op = next_byte(c), modrm;
    static const enum store_op bit_ops[] = {OP_BTS, OP_BTR, OP_BTC};

    if (op == 0xb0)
        s->size = 1;
    modrm = skip_modrm(c);
    s->reg = ((modrm >> 3) & 7) | rex_r;
    switch (op) {
    case 0xb0:
    case 0xb1:
        s->op = OP_CMPXCHG;
        s->src = reg_read(r, s);
        return true;
    case 0xab:
    case 0xb3:
    case 0xbb:
        s->op = bit_ops[(op - 0xab) / 8];
        s->src = *emulate_gpr(r, s->reg) & (s->size * 8 - 1);
        return true;
    case 0xba:
        if ((s->reg & 7) < 5) /* 4 is BT, which does not write */
            return false;
        s->op = bit_ops[(s->reg & 7) - 5];
        s->src = next_byte(c) & (s->size * 8 - 1);
        return true;
    }
    return false;
}

/* 80, 81, 83 and C6, C7: an immediate operand, the operation is in ModRM.reg. */
static bool decode_immediate(struct bytes *c, struct store *s, uint8_t op)
{
    unsigned which = (skip_modrm(c) >> 3) & 7;

    s->src = next_immediate(c, op == 0x83 ? 1 : MIN(s->size, 4u)) & size_mask(s->size);
    if (op == 0xc6 || op == 0xc7) {
        s->op = OP_MOV;
        return which == 0;
    }
    s->op = which == 1 ? OP_OR : which == 4 ? OP_AND : OP_XOR;
    return which == 1 || which == 4 || which == 6;
}

/* s->size is that of the prefixes; even opcodes of the list are the byte forms. */
static bool decode_opcode(struct bytes *c, struct cpu_regs *r, struct store *s, unsigned rex_r)
{
    uint8_t op = next_byte(c);

    if (op == 0x0f)
        return decode_0f(c, r, s, rex_r);
    if (!(op & 1))
        s->size = 1;
    switch (op) {
    case 0x80:
    case 0x81:
    case 0x83:
    case 0xc6:
    case 0xc7:
        return decode_immediate(c, s, op);
    case 0x88:
    case 0x89:
        s->op = OP_MOV;
        break;
    case 0x86:
    case 0x87:
        s->op = OP_XCHG;
        break;
    case 0x08:
    case 0x09:
        s->op = OP_OR;
        break;
    case 0x20:
    case 0x21:
        s->op = OP_AND;
        break;
    case 0x30:
    case 0x31:
        s->op = OP_XOR;
        break;
    default:
        return false;
    }
    s->reg = ((skip_modrm(c) >> 3) & 7) | rex_r;
    s->src = reg_read(r, s);
    return true;
}

/* In 64-bit mode. False: not one of the forms, or the code cannot be read. */
static bool decode(struct cpu_regs *r, struct store *s)
{
    struct bytes c = {.n = sizeof(c.b)};
    uint8_t rex = 0, b;
    bool word = false, more = true;

    if (unlikely(copy_from_guest(c.b, r->rip, sizeof(c.b)) != 0)) {
        c.n = PAGE_SIZE - r->rip % PAGE_SIZE; /* what there is before the page ends */
        if (c.n >= sizeof(c.b) || copy_from_guest(c.b, r->rip, c.n) != 0)
            return false;
    }
    while (more) {
        b = c.b[c.at];
        switch (b) {
        case 0x66:
            word = true;
            break;
        case 0xf0: /* all updates are atomic here */
        case 0xf2: /* hints without meaning for these instructions */
        case 0xf3:
        case 0x26: /* segments: the address is known already */
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
            break;
        default:
            more = false;
            break;
        }
        if (more && ++c.at >= c.n)
            return false;
    }
    if ((b & 0xf0) == 0x40) { /* REX counts only right before the opcode */
        rex = b;
        c.at++;
    }
    s->rex = rex != 0;
    s->size = (rex & 8) ? 8 : word ? 2 : 4;
    if (!decode_opcode(&c, r, s, (rex & 4) << 1) || c.bad)
        return false;
    s->length = c.at;
    return true;
}

/* ---- carrying out: old and new are the operand alone, shifted down to bit 0 ---- */

/* The operand's new value; false: cmpxchg did not match and nothing is stored. */
static bool store_result(const struct store *s, const struct cpu_regs *r, uint64_t old,
                         uint64_t *new)
{
    switch (s->op) {
    case OP_MOV:
    case OP_XCHG:
        *new = s->src;
        return true;
    case OP_CMPXCHG:
        *new = s->src;
        return ((r->rax ^ old) & size_mask(s->size)) == 0;
    case OP_OR:
        *new = old | s->src;
        return true;
    case OP_AND:
        *new = old & s->src;
        return true;
    case OP_XOR:
        *new = old ^ s->src;
        return true;
    case OP_BTS:
        *new = old | BIT(s->src);
        return true;
    case OP_BTR:
        *new = old & ~BIT(s->src);
        return true;
    case OP_BTC:
        *new = old ^ BIT(s->src);
        return true;
    }
    return false;
}

#define RFLAGS_PF 0x4ull
#define RFLAGS_AF 0x10ull
#define RFLAGS_ZF 0x40ull
#define RFLAGS_SF 0x80ull
#define RFLAGS_OF 0x800ull

/* As OR, AND and XOR leave the flags. AF is undefined after them and stays. */
static void flags_logic(struct cpu_regs *r, uint64_t result, unsigned size)
{
    uint64_t f = 0;

    result &= size_mask(size);
    if (result == 0)
        f |= RFLAGS_ZF;
    if (result >> (size * 8 - 1))
        f |= RFLAGS_SF;
    if (!__builtin_parity((unsigned)result & 0xff))
        f |= RFLAGS_PF;
    r->rflags &= ~(RFLAGS_CF | RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF);
    r->rflags |= f;
}

/* CMP of the accumulator with what was in memory. */
static void flags_compare(struct cpu_regs *r, uint64_t acc, uint64_t old, unsigned size)
{
    uint64_t m = size_mask(size), diff, top = BIT(size * 8 - 1);

    acc &= m;
    old &= m;
    diff = (acc - old) & m;
    flags_logic(r, diff, size);
    r->rflags &= ~RFLAGS_AF;
    if (acc < old)
        r->rflags |= RFLAGS_CF;
    if ((acc ^ old) & (acc ^ diff) & top)
        r->rflags |= RFLAGS_OF;
    if ((acc ^ old ^ diff) & 0x10)
        r->rflags |= RFLAGS_AF;
}

/*
 * What else the instruction does, once the store is done (or was not to be done). Only now, as a
 * store that is refused must leave the registers as they were.
 */
static void store_finish(const struct store *s, struct cpu_regs *r, uint64_t old, uint64_t new,
                         bool stored)
{
    switch (s->op) {
    case OP_MOV:
        break;
    case OP_XCHG:
        reg_write(r, s->reg, s->size, s->size == 1 && !s->rex && s->reg >= 4, old);
        break;
    case OP_CMPXCHG:
        flags_compare(r, r->rax, old, s->size);
        if (!stored)
            reg_write(r, 0, s->size, false, old);
        break;
    case OP_OR:
    case OP_AND:
    case OP_XOR:
        flags_logic(r, new, s->size);
        break;
    case OP_BTS:
    case OP_BTR:
    case OP_BTC:
        r->rflags &= ~RFLAGS_CF;
        if ((old >> s->src) & 1)
            r->rflags |= RFLAGS_CF;
        break;
    }
}

/*
 * Reads the entry, computes what the instruction would make of it, and stores that if the entry is
 * still the same. It may not be: the processor sets A and D, and other vcpus update it. A guest
 * that keeps changing it gets its page fault after some tries. `shift`: bits below the operand.
 */
static bool store_run(const struct store *s, struct cpu_regs *r, pte_t *p, unsigned shift,
                      unsigned level, struct domain *d)
{
    uint64_t mask = size_mask(s->size) << shift;

    for (unsigned tries = 0; tries < 64; tries++) {
        pte_t word = READ_ONCE(*p);
        uint64_t old = (word & mask) >> shift, new = old;
        int rc = 0;
        bool stored = store_result(s, r, old, &new);

        if (stored)
            rc = pte_compare_write(p, level, word, (word & ~mask) | ((new << shift) & mask), d);
        /* A comparison that failed stores nothing, and is done as well. */
        if (rc == 0) {
            store_finish(s, r, old, new, stored);
            r->rip += s->length;
            return true;
        }
        if (rc != -XEN_EAGAIN)
            return false;
    }
    return false;
}

/* Any store that is decoded, to a table of any level. False: it stays a page fault. */
bool pv_pte_store(struct cpu_regs *regs, vaddr_t addr)
{
    struct domain *d = current->domain;
    pte_t mapping = pte_lookup(current, addr);
    uint64_t m = pte_mfn(mapping).m;
    unsigned shift = (addr & 7) * 8;
    enum page_type type;
    struct store s = {0};
    pte_t *p;
    bool done;

    if (unlikely((mapping & (PTE_P | PTE_W)) != PTE_P || m >= max_mfn))
        return false;
    p = (pte_t *)mfn_to_virt(MFN(m)) + (addr % PAGE_SIZE) / sizeof(pte_t);
    /* Only a frame that is a table now: an idle one must not be validated for a stray store. */
    type = page_type_of(READ_ONCE(FRAMES[m].type));
    if (!page_type_is_table(type) || !(READ_ONCE(FRAMES[m].type) & PAGE_TYPE_VALID) ||
        !decode(regs, &s) || shift + s.size * 8 > 64 || page_type_get(&FRAMES[m], type, d) != 0)
        return false;
    done = store_run(&s, regs, p, shift, type, d);
    page_type_put(&FRAMES[m], d);
    return done;
}
