/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SGDT, SIDT, SLDT, STR and SMSW. They were open to everybody once, so programs execute them, and
 * CPUID does not tell them that they may not: guests do not know of UMIP. On processors that have
 * it they fault in both modes of a guest, and are answered here, with numbers that are the same
 * everywhere and say nothing of where the hypervisor has its tables.
 *
 * The operand's address is the guest's, and only ever given to copy_to_guest(). In 32-bit code
 * segments are taken to be flat, unless they are of the guest's LDT: then the fault stays.
 */
#include <core/domain.h>
#include <pv/emulate.h>
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/layout.h>
#include <x86/uaccess.h>

#define TABLE_BASE HV_START /* of both, and no table is there */
#define GDT_LIMIT  0xefffu  /* 15 pages, as guests' selectors tell them anyway */
#define IDT_LIMIT  0xfffu

#define LDT_BIT 4u /* of a selector */

/* What the instruction is, and who executes it. */
struct table_access {
    struct insn in;
    struct cpu_regs *regs;
    bool code64;
};

/* FS and GS have a base; what the others have, in 32-bit code, is known if it is not the LDT's. */
static bool segment_base(const struct table_access *t, uint64_t *base)
{
    enum insn_segment segment = insn_operand_segment(&t->in);
    uint16_t sel;

    *base = 0;
    if (segment == INSN_FS || segment == INSN_GS) {
        *base = rdmsr(segment == INSN_FS ? MSR_FS_BASE : MSR_GS_BASE);
        return true;
    }
    if (t->code64)
        return true;
    if (segment == INSN_ES)
        __asm__ volatile("mov %%es, %0" : "=rm"(sel));
    else if (segment == INSN_DS)
        __asm__ volatile("mov %%ds, %0" : "=rm"(sel));
    else
        sel = (uint16_t)(segment == INSN_SS ? t->regs->ss : t->regs->cs);
    return !(sel & LDT_BIT);
}

static bool operand_address(const struct table_access *t, vaddr_t *out)
{
    uint64_t regs[16], base;

    if (!segment_base(t, &base))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++)
        regs[i] = *emulate_gpr(t->regs, i);
    *out = base + insn_offset(&t->in, regs, t->regs->rip);
    if (!t->code64)
        *out = (uint32_t)*out;
    return true;
}

static enum emulation store(const struct table_access *t, const void *value, unsigned size)
{
    vaddr_t at;

    if (!operand_address(t, &at))
        return EMU_REFUSED;
    if (copy_to_guest(at, value, size) != 0) {
        pv_inject_page_fault(at, PF_WRITE);
        return EMU_FAULTED;
    }
    return EMU_DONE;
}

/* A base of 8 bytes behind the limit, 4 in 32-bit code. */
static enum emulation store_table(const struct table_access *t, uint16_t limit)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } PACKED table = {limit, TABLE_BASE};

    return store(t, &table, t->code64 ? 10 : 6);
}

/* A register gets as much as its size asks for, memory 16 bits always. */
static enum emulation store_word(const struct table_access *t, uint64_t value)
{
    if (t->in.memory)
        return store(t, &value, 2);
    emulate_set_low(emulate_gpr(t->regs, t->in.rm), t->in.operand_size, value);
    return EMU_DONE;
}

enum emulation emulate_umip(struct emulated *e)
{
    struct table_access t = {.regs = e->regs, .code64 = e->p.code64};

    if (!insn_decode(&t.in, e->bytes, e->len, t.code64 ? INSN_64 : INSN_32))
        return EMU_REFUSED;
    e->pos = t.in.length;
    switch (t.in.kind) {
    case INSN_SLDT: /* as if there were none */
        return store_word(&t, 0);
    case INSN_STR:
        return store_word(&t, SEL_TSS);
    case INSN_SGDT:
        return store_table(&t, GDT_LIMIT);
    case INSN_SIDT:
        return store_table(&t, IDT_LIMIT);
    case INSN_SMSW:
        return store_word(&t, current->pv.cr0);
    default:
        return EMU_REFUSED;
    }
}
