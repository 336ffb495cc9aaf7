/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long an instruction is that has caused an exit. Processors with next RIP say it. For others
 * its bytes are read and decoded. The guest may change them meanwhile; the worst that comes of it
 * is that the vcpu executes the place again.
 */
#include <core/domain.h>
#include <hvm/hvm.h>
#include <lib/insn.h>
#include <x86/cpu.h>
#include <x86/svm.h>

#define ATTR_LONG 0x200u /* of CS: 64-bit code */
#define ATTR_BIG  0x400u

static enum insn_mode mode_of(const struct vmcb *b)
{
    if ((b->efer & EFER_LMA) && (b->cs.attr & ATTR_LONG))
        return INSN_64;
    return b->cs.attr & ATTR_BIG ? INSN_32 : INSN_16;
}

/* As many bytes as there are: the page behind the instruction's may not be. */
static unsigned fetch(struct vcpu *v, uint8_t bytes[INSN_MAX], bool code64)
{
    const struct vmcb *b = v->hvm.vmcb;
    vaddr_t at = code64 ? b->rip : (uint32_t)(b->cs.base + b->rip);
    unsigned first = (unsigned)MIN((uint64_t)INSN_MAX, PAGE_SIZE - at % PAGE_SIZE);
    vaddr_t next = code64 ? at + first : (uint32_t)(at + first);

    if (!hvm_read(v, at, bytes, first))
        return 0;
    return hvm_read(v, next, bytes + first, INSN_MAX - first) ? INSN_MAX : first;
}

bool hvm_code64(const struct vcpu *v)
{
    return mode_of(v->hvm.vmcb) == INSN_64;
}

bool hvm_decode(struct vcpu *v, struct insn *in)
{
    enum insn_mode mode = mode_of(v->hvm.vmcb);
    uint8_t bytes[INSN_MAX];

    return insn_decode(in, bytes, fetch(v, bytes, mode == INSN_64), mode);
}

void hvm_pass(struct vcpu *v, const struct insn *in)
{
    struct vmcb *b = v->hvm.vmcb;
    enum insn_mode mode = mode_of(b);

    b->rip += in->length;
    if (mode != INSN_64)
        b->rip &= mode == INSN_32 ? 0xffffffffu : 0xffffu;
    b->int_shadow = 0;
}

bool hvm_skip_decoded(struct vcpu *v, unsigned kind)
{
    struct insn in;

    if (!hvm_decode(v, &in) || in.kind != kind)
        return false;
    hvm_pass(v, &in);
    return true;
}

bool hvm_skip(struct vcpu *v, unsigned kind)
{
    struct vmcb *b = v->hvm.vmcb;

    if (!cpu_features.svm_next_rip)
        return hvm_skip_decoded(v, kind);
    b->rip = b->next_rip;
    b->int_shadow = 0;
    return true;
}
