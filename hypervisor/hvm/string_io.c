/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * INS and OUTS of a fully virtualized guest. The exit says the port and the next instruction; which
 * segment and how wide the addresses are is in its bytes. Each element is found in memory, with the
 * rights that the guest's own tables give, before its port is touched: so a page fault loses
 * nothing, and the instruction goes on from its registers behind it. Limits of segments are not
 * looked at.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/preempt.h>
#include <hvm/hvm.h>
#include <lib/insn.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/svm.h>

#define WORK_ELEMENT 600 /* two walks of the tables, and the devices twice */

/* What the registers and the instruction come to. */
struct string_io {
    struct insn in;
    uint16_t port;
    uint64_t base, mask; /* of the segment; of the bits of an address */
    uint64_t *at;        /* RSI or RDI */
    bool code64;
};

static const struct svm_segment *segment(const struct vmcb *b, enum insn_segment s)
{
    const struct svm_segment *const segments[] = {&b->es, &b->cs, &b->ss, &b->ds, &b->fs, &b->gs};

    return segments[s];
}

static bool prepare(struct vcpu *v, struct string_io *s)
{
    const struct vmcb *b = v->hvm.vmcb;
    enum insn_segment used = INSN_ES; /* INS knows no other */

    if (!hvm_decode(v, &s->in) || (s->in.kind != INSN_INS && s->in.kind != INSN_OUTS))
        return false;
    if (s->in.kind == INSN_OUTS)
        used = s->in.segment == INSN_NO_SEGMENT ? INSN_DS : s->in.segment;
    s->port = (uint16_t)(b->exit_info1 >> 16);
    s->code64 = hvm_code64(v);
    s->base = s->code64 && used < INSN_FS ? 0 : segment(b, used)->base;
    s->mask = s->in.address_size == 8 ? UINT64_MAX : BIT(8 * s->in.address_size) - 1;
    s->at = s->in.kind == INSN_INS ? &hvm_regs(v)->rdi : &hvm_regs(v)->rsi;
    return true;
}

/* A register that counts: 32 bits clear the upper half, as everywhere; 16 leave the rest. */
static void advance(uint64_t *reg, const struct string_io *s, uint64_t by)
{
    uint64_t next = (*reg + by) & s->mask;

    *reg = s->in.address_size == 2 ? (*reg & ~s->mask) | next : next;
}

/* False: the guest has been told of a fault, or its domain has ended. */
static bool element(struct vcpu *v, const struct string_io *s)
{
    bool in = s->in.kind == INSN_INS;
    unsigned size = s->in.operand_size;
    vaddr_t va = s->base + (*s->at & s->mask);
    struct guest_span span;
    uint32_t value = 0;

    if (s->code64 && (!va_canonical(va) || !va_canonical(va + size - 1))) {
        hvm_inject(v, X86_GP, 0);
        return false;
    }
    if (!hvm_span(v, s->code64 ? va : (uint32_t)va, size, in, &span))
        return false;
    if (in) {
        value = hvm_port_read(v, s->port, size);
        return hvm_span_copy(v, &span, &value, true);
    }
    if (!hvm_span_copy(v, &span, &value, false))
        return false;
    hvm_port_write(v, s->port, size, value);
    return true;
}

void hvm_string_port(struct vcpu *v)
{
    struct vmcb *b = v->hvm.vmcb;
    uint64_t *count = &hvm_regs(v)->rcx;
    struct string_io s;

    if (!prepare(v, &s))
        return; /* not what is there any more: again */
    while (!s.in.rep || (*count & s.mask) != 0) {
        if (!element(v, &s))
            return;
        advance(s.at, &s, b->rflags & RFLAGS_DF ? -(uint64_t)s.in.operand_size : s.in.operand_size);
        if (!s.in.rep)
            break;
        advance(count, &s, UINT64_MAX);
        /* The rest after the next entry, between which interrupts are taken, the guest's as well.
         */
        if ((*count & s.mask) != 0 && (work_charge(WORK_ELEMENT) || (b->rflags & RFLAGS_TF))) {
            (void)preempt_wanted();
            return;
        }
    }
    b->rip = b->exit_info2;
    b->int_shadow = 0;
}
