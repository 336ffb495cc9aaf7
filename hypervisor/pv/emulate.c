/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Privileged instructions of guest kernels, which fault in ring 3: control registers, model
 * specific registers, port I/O with a virtual IOPL, CPUID where it faults, and the few that have no
 * effect on a virtual machine. The instruction is fetched once into a buffer and decoded from
 * there. Whatever is not in the lists below goes to the guest as the #GP that it is.
 *
 * Guest user mode ends here as well, as both modes run in ring 3. It gets port I/O (by the guest's
 * own IOPL and bitmap), CPUID, and CLI and STI with IOPL 3; everything else asks for kernel_mode.
 * Another vcpu may change the code between the fault and the fetch. That gains nothing: what is
 * done is decided by the bytes of the one copy, and is what this mode of the guest might do anyway.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <guest/cpuid.h>
#include <lib/string.h>
#include <public/sched.h>
#include <pv/emulate.h>
#include <pv/entry.h>
#include <pv/pv.h>
#include <x86/cpu.h>
#include <x86/guest_words.h>
#include <x86/uaccess.h>

#define WORK_STEP 100 /* of string I/O */

/* As many bytes as can be read: an instruction may end just before an unmapped page. */
static void fetch(struct emulated *in, vaddr_t rip)
{
    unsigned to_page_end = PAGE_SIZE - (rip & (PAGE_SIZE - 1));

    in->len = INSN_MAX;
    if (copy_from_guest(in->bytes, rip, INSN_MAX) == 0)
        return;
    in->len = to_page_end < INSN_MAX ? to_page_end : 0;
    if (in->len != 0 && copy_from_guest(in->bytes, rip, in->len) != 0)
        in->len = 0;
}

static bool next_byte(struct emulated *in, uint8_t *b)
{
    if (in->pos >= in->len)
        return false;
    *b = in->bytes[in->pos++];
    return true;
}

static bool decode_prefixes(struct emulated *in, uint8_t *opcode)
{
    while (next_byte(in, opcode)) {
        switch (*opcode) {
        case 0x66:
            in->p.operand16 = true;
            break;
        case 0xf2:
            in->p.repne = true;
            break;
        case 0xf3:
            in->p.rep = true;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            break;
        case 0x64:
        case 0x65:
            in->p.segment = *opcode;
            break;
        case 0x67:
            in->p.address_size = true;
            break;
        case 0x40 ... 0x4f:
            in->p.rex = *opcode;
            return next_byte(in, opcode);
        default:
            return true;
        }
    }
    return false;
}

/* in and out with an immediate port or DX. */
static enum emulation emulate_in_out(struct emulated *in, uint8_t op)
{
    struct vcpu *v = current;
    unsigned size = !(op & 1) ? 1 : in->p.operand16 ? 2 : 4;
    uint16_t port = (uint16_t)in->regs->rdx;
    uint8_t imm;

    if (!(op & 8)) {
        if (!next_byte(in, &imm))
            return EMU_REFUSED;
        port = imm;
    }
    if (!emulate_io_allowed(v, port, size))
        return EMU_REFUSED;
    if (op & 2)
        emulate_io_write(v->domain, port, size, (uint32_t)in->regs->rax);
    else
        emulate_set_low(&in->regs->rax, size, emulate_io_read(v->domain, port, size));
    in->ports = debugreg_port_match(v, port, size);
    return EMU_DONE;
}

/*
 * One element of ins or outs; false: the guest's buffer faulted, and it has been told. For ins the
 * port has been read by then: a device may lose a value to a buffer that is not there.
 */
static bool string_io_step(struct emulated *in, bool out, uint16_t port, unsigned size)
{
    struct cpu_regs *r = in->regs;
    uint64_t *ptr = out ? &r->rsi : &r->rdi;
    uint32_t value = 0;
    int rc;

    if (out) {
        rc = copy_from_guest(&value, *ptr, size);
        if (rc == 0)
            emulate_io_write(current->domain, port, size, value);
    } else {
        value = emulate_io_read(current->domain, port, size);
        rc = copy_to_guest(*ptr, &value, size);
    }
    if (rc != 0) {
        pv_inject_page_fault(*ptr, out ? 0 : PF_WRITE);
        return false;
    }
    *ptr += (r->rflags & RFLAGS_DF) ? -(uint64_t)size : size;
    in->ports = debugreg_port_match(current, port, size);
    return true;
}

/*
 * ins and outs, repeated or not; the count is in the registers, so that it can be interrupted. The
 * permission is asked once: the port does not change, and a bitmap that does is the guest's own.
 */
static enum emulation emulate_string_io(struct emulated *in, uint8_t op)
{
    struct cpu_regs *r = in->regs;
    unsigned size = !(op & 1) ? 1 : in->p.operand16 ? 2 : 4;
    uint16_t port = (uint16_t)r->rdx;
    bool repeat = in->p.rep || in->p.repne;

    /* Not with another segment, or the lower half of the registers: that is no code of today. */
    if (in->p.segment != 0 || in->p.address_size || !emulate_io_allowed(current, port, size))
        return EMU_REFUSED;
    while (!repeat || r->rcx != 0) {
        if (!string_io_step(in, op & 2, port, size))
            return EMU_FAULTED;
        if (!repeat)
            break;
        r->rcx--;
        if (r->rcx == 0)
            break;
        if (in->ports != 0 || (r->rflags & RFLAGS_TF)) { /* rip stays, and each step traps */
            debugreg_emulated(r, in->ports);
            return EMU_FAULTED;
        }
        if (work_charge(WORK_STEP)) {
            (void)preempt_wanted(); /* the account starts anew */
            return EMU_FAULTED;     /* rip stays: the guest takes its events and goes on */
        }
    }
    return EMU_DONE;
}

static enum emulation emulate_mov_from_cr(struct vcpu *v, unsigned cr, uint64_t *reg)
{
    switch (cr) {
    case 0:
        *reg = v->pv.cr0;
        return EMU_DONE;
    case 2: /* where pv_inject_page_fault() left it, and where the guest may read it itself */
        *reg = v->info->arch.cr2;
        return EMU_DONE;
    case 3: /* machine addresses: a guest translates by the machine-to-physical table */
        *reg = v->pv.guest_table.m << PAGE_SHIFT;
        return EMU_DONE;
    case 4:
        *reg = v->pv.cr4;
        return EMU_DONE;
    case 8: /* task priority: nothing is ever held back by it */
        *reg = 0;
        return EMU_DONE;
    default:
        return EMU_REFUSED;
    }
}

/* CR0: only TS has an effect. CR3: with the checks of MMUEXT_NEW_BASEPTR. */
static enum emulation emulate_mov_to_cr(struct vcpu *v, unsigned cr, uint64_t value)
{
    switch (cr) {
    case 0:
        if ((value ^ v->pv.cr0) & ~(CR0_TS | CR0_MP)) {
            guest_refused("cr0 %lx for %lx", (unsigned long)value, (unsigned long)v->pv.cr0);
            return EMU_REFUSED;
        }
        hc_fpu_taskswitch(value & CR0_TS, 0, 0, 0);
        return EMU_DONE;
    case 2:
        v->info->arch.cr2 = value;
        return EMU_DONE;
    case 3:
        return pv_new_guest_table(v, MFN(value >> PAGE_SHIFT)) == 0 ? EMU_DONE : EMU_REFUSED;
    case 4:
        if ((value ^ v->pv.cr4) & ~(CR4_GUEST | (cpu_features.fsgsbase ? CR4_FSGSBASE : 0))) {
            guest_refused("cr4 %lx for %lx", (unsigned long)value, (unsigned long)v->pv.cr4);
            return EMU_REFUSED;
        }
        v->pv.cr4 = value;
        return EMU_DONE;
    case 8:
        return EMU_DONE;
    default:
        return EMU_REFUSED;
    }
}

/* Operands are always registers here; a ModRM that says memory is refused all the same. */
static enum emulation emulate_cr_dr(struct emulated *in, uint8_t op)
{
    struct vcpu *v = current;
    uint64_t *reg;
    uint8_t modrm;
    unsigned n;

    if (!next_byte(in, &modrm) || modrm < 0xc0)
        return EMU_REFUSED;
    n = ((modrm >> 3) & 7) | ((in->p.rex & 4) << 1);
    reg = emulate_gpr(in->regs, (modrm & 7) | ((in->p.rex & 1) << 3));
    if ((op & 1) && (n > 7 || ((n == 4 || n == 5) && (v->pv.cr4 & CR4_DE)))) {
        in->kind = LODGE_EMULATED_DR;
        pv_inject_trap(X86_UD, 0); /* debug registers that are not there */
        return EMU_FAULTED;
    }
    switch (op) {
    case 0x20:
        in->kind = LODGE_EMULATED_CR;
        return emulate_mov_from_cr(v, n, reg);
    case 0x22:
        in->kind = LODGE_EMULATED_CR;
        return emulate_mov_to_cr(v, n, *reg);
    case 0x21:
        in->kind = LODGE_EMULATED_DR;
        *reg = (uint64_t)hc_get_debugreg(n, 0, 0, 0);
        return EMU_DONE;
    default: /* 0x23 */
        in->kind = LODGE_EMULATED_DR;
        return hc_set_debugreg(n, *reg, 0, 0) == 0 ? EMU_DONE : EMU_REFUSED;
    }
}

/* RDMSR and WRMSR: the register in ECX, the value in EDX:EAX. Guest kernel mode only. */
static enum emulation emulate_msr(struct emulated *in, bool write)
{
    struct vcpu *v = current;
    struct cpu_regs *r = in->regs;
    uint64_t val = (uint32_t)r->rax | (r->rdx << 32);

    in->kind = write ? LODGE_EMULATED_WRMSR : LODGE_EMULATED_RDMSR;
    if (write) {
        if (!pv_msr_write(v, (uint32_t)r->rcx, val)) {
            guest_refused("wrmsr %#x = %#lx", (uint32_t)r->rcx, (unsigned long)val);
            /* Before the guest can take a #GP, an unknown register swallows the value. */
            return bounce_has_handler(v, X86_GP) ? EMU_REFUSED : EMU_DONE;
        }
        return EMU_DONE;
    }
    if (!pv_msr_read(v, (uint32_t)r->rcx, &val)) {
        guest_refused("rdmsr %#x", (uint32_t)r->rcx);
        if (bounce_has_handler(v, X86_GP))
            return EMU_REFUSED;
        val = 0; /* early boot probes registers before it has a handler */
    }
    r->rax = (uint32_t)val;
    r->rdx = val >> 32;
    return EMU_DONE;
}

static void emulate_cpuid(struct cpu_regs *r)
{
    uint32_t out[4];

    cpuid_guest(current, (uint32_t)r->rax, (uint32_t)r->rcx, out);
    r->rax = out[0];
    r->rbx = out[1];
    r->rcx = out[2];
    r->rdx = out[3];
}

static enum emulation emulate_xsetbv(struct vcpu *v, const struct cpu_regs *r)
{
    uint64_t val = (uint32_t)r->rax | (r->rdx << 32);

    if (!v->arch.kernel_mode || (uint32_t)r->rcx != 0 || !fpu_xcr0_valid(val))
        return EMU_REFUSED;
    fpu_set_guest_xcr0(v, val);
    return EMU_DONE;
}

/* Groups 6 and 7 (0f 00, 0f 01): XSETBV, and what UMIP forbids. */
static enum emulation emulate_groups(struct emulated *in, uint8_t op)
{
    uint8_t modrm;

    if (!next_byte(in, &modrm))
        return EMU_REFUSED;
    in->kind = LODGE_EMULATED_DESCRIPTOR;
    if (op != 0x01 || modrm != 0xd1)
        return emulate_umip(in);
    in->kind = LODGE_EMULATED_XSETBV;
    return emulate_xsetbv(current, in->regs);
}

/*
 * CPUID (which faults only where the processor was told so) and what asks about tables are for both
 * modes, the rest for one.
 */
static enum emulation emulate_two_byte(struct emulated *in)
{
    uint8_t op;

    if (!next_byte(in, &op))
        return EMU_REFUSED;
    if (op == 0xa2) {
        in->kind = LODGE_EMULATED_CPUID;
        emulate_cpuid(in->regs);
        return EMU_DONE;
    }
    if (op < 2)
        return emulate_groups(in, op);
    if (!current->arch.kernel_mode)
        return EMU_REFUSED;
    switch (op) {
    case 0x06: /* clts */
        in->kind = LODGE_EMULATED_CR;
        hc_fpu_taskswitch(0, 0, 0, 0);
        return EMU_DONE;
    case 0x08: /* invd, wbinvd: only a domain with devices has caches that matter */
    case 0x09:
        in->kind = LODGE_EMULATED_CACHE;
        if (current->domain->hardware)
            __asm__ volatile("wbinvd" ::: "memory");
        return EMU_DONE;
    case 0x20 ... 0x23:
        return emulate_cr_dr(in, op);
    case 0x30:
        return emulate_msr(in, true);
    case 0x32:
        return emulate_msr(in, false);
    default:
        return EMU_REFUSED;
    }
}

/* Ports, CLI, STI, HLT: all that is privileged in the one-byte map and does not need ring 0. */
static enum emulation emulate_one_byte(struct emulated *in, uint8_t op)
{
    switch (op) {
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        in->kind = LODGE_EMULATED_PORT;
        return emulate_in_out(in, op);
    case 0x6c ... 0x6f:
        in->kind = LODGE_EMULATED_PORT;
        return emulate_string_io(in, op);
    case 0xfa: /* cli and sti: events are masked in vcpu_info, not by IF */
    case 0xfb:
        in->kind = LODGE_EMULATED_FLAG;
        return emulate_iopl_allows(current) ? EMU_DONE : EMU_REFUSED;
    case 0xf4: /* hlt: as SCHEDOP_block */
        in->kind = LODGE_EMULATED_HLT;
        if (!current->arch.kernel_mode)
            return EMU_REFUSED;
        hc_sched_op_compat(SCHEDOP_block, 0, 0, 0);
        return EMU_DONE;
    default:
        return EMU_REFUSED;
    }
}

/*
 * Is the code 64-bit? The flat segment is known to be; of the guest's own the processor tells: LAR
 * loads the descriptor's second word, where bit 21 is L (Intel SDM vol. 2, LAR; vol. 3, segment
 * descriptors). For a selector that it cannot read it leaves 0.
 */
static bool code_is_64bit(uint16_t cs)
{
    uint32_t rights = 0;

    if (likely(cs == SEL_USER_CS64))
        return true;
    __asm__("larl %1, %0" : "+r"(rights) : "r"((uint32_t)cs) : "cc");
    return (rights & (1u << 21)) != 0;
}

/*
 * 32-bit code is decoded for guest user mode only. What are REX prefixes in 64-bit code are INC and
 * DEC there, which do not fault.
 */
bool emulate_privileged(struct cpu_regs *regs)
{
    struct emulated in;
    enum emulation done;
    uint8_t op;

    in.regs = regs;
    in.p = (struct emulated_prefixes){.code64 = code_is_64bit((uint16_t)regs->cs)};
    in.ports = 0;
    in.pos = 0;
    if (!in.p.code64 && current->arch.kernel_mode)
        return false;
    fetch(&in, regs->rip);
    if (!decode_prefixes(&in, &op))
        return false;
    done = op == 0x0f ? emulate_two_byte(&in) : emulate_one_byte(&in, op);
    if (done == EMU_REFUSED)
        return false;
    pv_count_at(regs, LODGE_STAT_EMULATED + in.kind);
    if (done == EMU_DONE) {
        regs->rip += in.pos;
        debugreg_emulated(regs, in.ports);
    }
    return true;
}

bool emulate_read_base(struct cpu_regs *regs)
{
    struct vcpu *v = current;
    uint32_t msr = (uint32_t)regs->rcx;
    uint64_t insn, val;

    _Static_assert(MSR_GS_BASE - MSR_FS_BASE == 1 && MSR_KERNEL_GS_BASE - MSR_FS_BASE == 2, "");
    if (msr - MSR_FS_BASE > 2 || (uint16_t)regs->cs != SEL_USER_CS64 || !v->arch.kernel_mode ||
        unlikely(!guest_read_1(regs->rip, &insn)) || (uint16_t)insn != 0x320f)
        return false;
    val = rdmsr(msr); /* the guest's own: pv/msr.c */
    regs->rax = (uint32_t)val;
    regs->rdx = val >> 32;
    regs->rip += 2;
    pv_emulated(regs, LODGE_EMULATED_RDMSR);
    return true;
}

bool emulate_forced_cpuid(struct cpu_regs *regs)
{
    static const uint8_t forced[] = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2};
    uint8_t insn[sizeof(forced)];

    if (copy_from_guest(insn, regs->rip, sizeof(insn)) != 0 ||
        memcmp(insn, forced, sizeof(forced)) != 0)
        return false;
    emulate_cpuid(regs);
    regs->rip += sizeof(forced);
    pv_emulated(regs, LODGE_EMULATED_CPUID);
    return true;
}
