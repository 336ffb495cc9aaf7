/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's writes to debug registers. DR6 and DR7 are in the VMCB, and the processor loads and
 * saves them with each entry and exit; DR0 to DR3 are in the processor while the vcpu is switched
 * in.
 *
 * All writes are ours, as QEMU's emulation keeps a list of breakpoints that only MOV to a debug
 * register changes, and goes by that list wherever the guest's DR7 is in force or not: a breakpoint
 * that a guest had set itself would stop the hypervisor at that address, and dom0. Of one that
 * comes by the VMCB it knows nothing, so under emulation no breakpoint of such a guest is ever met.
 */
#include <core/domain.h>
#include <hvm/hvm.h>
#include <lib/insn.h>
#include <x86/cpu.h>
#include <x86/svm.h>

#define DR6_ONES  0xffff0ff0ull
#define DR6_STATE 0xe00full /* what may be cleared and set: causes, BD, BS, BT */
#define DR7_ONES  0x400ull
#define DR7_STATE 0xffff23ffull

static uint64_t general(const struct vcpu *v, unsigned n)
{
    const struct cpu_regs *r = hvm_regs(v);
    const struct vmcb *b = v->hvm.vmcb;
    const uint64_t regs[16] = {b->rax, r->rcx, r->rdx, r->rbx, b->rsp, r->rbp, r->rsi, r->rdi,
                               r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};

    return regs[n & 15];
}

/* The exit's instruction is MOV to a debug register, at CPL 0. */
void hvm_debug_write(struct vcpu *v)
{
    struct vmcb *b = v->hvm.vmcb;
    struct insn in;
    uint64_t val;
    unsigned n;

    if (!hvm_decode(v, &in) || in.kind != INSN_MOV_TO_DR)
        return; /* other code is there now: that comes next */
    n = in.reg & 7;
    val = general(v, in.rm);
    if (!hvm_code64(v))
        val = (uint32_t)val;
    if (in.reg > 7 || ((n == 4 || n == 5) && (b->cr4 & CR4_DE))) {
        hvm_inject(v, X86_UD, 0);
        return;
    }
    if (n >= 4 && val >> 32) {
        hvm_inject(v, X86_GP, 0);
        return;
    }
    hvm_pass(v, &in);
    switch (n) {
    case 0:
        WRITE_DR(0, val);
        break;
    case 1:
        WRITE_DR(1, val);
        break;
    case 2:
        WRITE_DR(2, val);
        break;
    case 3:
        WRITE_DR(3, val);
        break;
    case 4:
    case 6:
        b->dr6 = DR6_ONES | (val & DR6_STATE);
        break;
    default:
        b->dr7 = DR7_ONES | (val & DR7_STATE);
    }
}
