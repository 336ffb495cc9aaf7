/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SGDT, SIDT, SLDT, STR and SMSW. They were open to everybody once, so programs execute them, and
 * CPUID does not tell them that they may not: guests do not know of UMIP. On processors that have
 * it they fault in both modes of a guest, and are answered here, with numbers that are the same
 * everywhere and say nothing of where the hypervisor has its tables.
 *
 * The operand's address is the guest's, and only ever given to copy_to_guest(). In 32-bit code data
 * segments are taken to be flat, unless they are of the guest's LDT: then the fault stays.
 */
#include <core/domain.h>
#include <lib/string.h>
#include <pv/emulate.h>
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/layout.h>
#include <x86/uaccess.h>

#define TABLE_BASE HV_START /* of both, and no table is there */
#define GDT_LIMIT  0xefffu  /* 15 pages, as guests' selectors tell them anyway */
#define IDT_LIMIT  0xfffu

#define PREFIX_FS 0x64
#define LDT_BIT   4u /* of a selector */

static bool displacement(struct insn *in, unsigned size, int64_t *out)
{
    uint32_t v = 0;
    uint8_t b;

    for (unsigned i = 0; i < size; i++) {
        if (!insn_byte(in, &b))
            return false;
        v |= (uint32_t)b << (8 * i);
    }
    *out = size == 1 ? (int8_t)v : (int32_t)v;
    return true;
}

/* FS or GS, or the segment that the base register stands for, in 32-bit code. */
static bool segment_base(const struct insn *in, bool stack, uint64_t *base)
{
    uint16_t sel;

    *base = 0;
    if (in->p.segment != 0) {
        *base = rdmsr(in->p.segment == PREFIX_FS ? MSR_FS_BASE : MSR_GS_BASE);
        return true;
    }
    if (in->p.code64)
        return true;
    __asm__ volatile("mov %%ds, %0" : "=rm"(sel));
    return !((stack ? in->regs->ss : sel) & LDT_BIT);
}

/* False: the bytes end, or the address is of a form that is not known here (16-bit). */
static bool operand_address(struct insn *in, uint8_t modrm, vaddr_t *out)
{
    unsigned mod = modrm >> 6, rm = modrm & 7;
    unsigned base = rm | (in->p.rex & 1) << 3, size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    uint64_t at = 0, segment;
    bool has_base = true;
    int64_t disp;
    uint8_t sib;

    if (!in->p.code64 && in->p.address_size)
        return false;
    if (rm == 4) {
        unsigned index;

        if (!insn_byte(in, &sib))
            return false;
        base = (sib & 7) | (in->p.rex & 1) << 3;
        index = ((sib >> 3) & 7) | (in->p.rex & 2) << 2;
        if (index != 4)
            at = *emulate_gpr(in->regs, index) << (sib >> 6);
    }
    if (mod == 0 && (base & 7) == 5) {
        has_base = false;
        size = 4;
    }
    if (!displacement(in, size, &disp))
        return false;
    if (has_base)
        at += *emulate_gpr(in->regs, base);
    else if (in->p.code64 && rm != 4)
        at += in->regs->rip + in->pos; /* nothing comes behind the displacement */
    at += (uint64_t)disp;
    if (!in->p.code64 || in->p.address_size)
        at = (uint32_t)at;
    if (!segment_base(in, has_base && (base == 4 || base == 5), &segment))
        return false;
    at += segment;
    *out = in->p.code64 ? at : (uint32_t)at;
    return true;
}

static enum emulation store(struct insn *in, uint8_t modrm, const void *value, unsigned size)
{
    vaddr_t at;

    if (!operand_address(in, modrm, &at))
        return EMU_REFUSED;
    if (copy_to_guest(at, value, size) != 0) {
        pv_inject_page_fault(at, PF_WRITE);
        return EMU_FAULTED;
    }
    return EMU_DONE;
}

/* A base of 8 bytes behind the limit, 4 in 32-bit code. */
static enum emulation store_table(struct insn *in, uint8_t modrm, uint16_t limit)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } PACKED t = {limit, TABLE_BASE};

    return store(in, modrm, &t, in->p.code64 ? 10 : 6);
}

/* A register gets as much as its size asks for, memory 16 bits always. */
static enum emulation store_word(struct insn *in, uint8_t modrm, uint64_t value)
{
    if (modrm < 0xc0)
        return store(in, modrm, &value, 2);
    emulate_set_low(emulate_gpr(in->regs, (modrm & 7) | (in->p.rex & 1) << 3),
                    (in->p.rex & 8)   ? 8
                    : in->p.operand16 ? 2
                                      : 4,
                    value);
    return EMU_DONE;
}

enum emulation emulate_umip(struct insn *in, uint8_t op, uint8_t modrm)
{
    switch (op << 4 | ((modrm >> 3) & 7)) {
    case 0x000: /* sldt: as if there were none */
        return store_word(in, modrm, 0);
    case 0x001: /* str */
        return store_word(in, modrm, SEL_TSS);
    case 0x010: /* sgdt and sidt */
        return modrm < 0xc0 ? store_table(in, modrm, GDT_LIMIT) : EMU_REFUSED;
    case 0x011:
        return modrm < 0xc0 ? store_table(in, modrm, IDT_LIMIT) : EMU_REFUSED;
    case 0x014: /* smsw */
        return store_word(in, modrm, current->pv.cr0);
    default:
        return EMU_REFUSED;
    }
}
