/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers of guests. Breakpoints may lie only in guest addresses: one on the hypervisor's
 * own would trap inside it. They are in the processor only while such a vcpu runs. One on guest
 * memory may still fire while the hypervisor copies there: x86/traps.c passes over it.
 *
 * DR6 is never a guest's while it runs: the processor's is empty but in the moment of a #DB, so
 * that what is found there then has been caused by the vcpu that runs. A guest sees its own, where
 * causes add up until it clears them, as the processor does it.
 *
 * Breakpoints on ports (type 2, with CR4.DE) stay here, too: guests' port accesses are emulated,
 * and so is what traps behind them (debugreg_emulated()).
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/uaccess.h>

#define DR6_FIXED    0xffff0ff0ull
#define DR6_SETTABLE 0x0000e00full /* B0 to B3, BD, BS, BT */
#define DR7_FIXED    0x400ull
#define DR7_ENABLES  0xffull
#define DR7_GD       0x2000ull
#define DR7_ZERO     0xd800ull /* reserved, and RTM */

#define TYPE_IO 2u

static unsigned type_of(uint64_t dr7, unsigned i)
{
    return (dr7 >> (16 + 4 * i)) & 3;
}

/* The enable bits of those on ports. */
static uint64_t io_enables(uint64_t dr7)
{
    uint64_t enables = 0;

    for (unsigned i = 0; i < 4; i++)
        if (type_of(dr7, i) == TYPE_IO)
            enables |= dr7 & (3ull << (2 * i));
    return enables;
}

/* DR7 last, which turns the others on. */
void debugreg_load(const struct vcpu *v)
{
    WRITE_DR(0, v->arch.dr[0]);
    WRITE_DR(1, v->arch.dr[1]);
    WRITE_DR(2, v->arch.dr[2]);
    WRITE_DR(3, v->arch.dr[3]);
    WRITE_DR(7, v->arch.dr[7] & ~io_enables(v->arch.dr[7]));
}

void debugreg_clear(void)
{
    WRITE_DR(7, DR7_FIXED);
}

void debugreg_reset(struct vcpu *v)
{
    v->arch.dr[0] = v->arch.dr[1] = v->arch.dr[2] = v->arch.dr[3] = 0;
    v->arch.dr[6] = DR6_FIXED;
    v->arch.dr[7] = DR7_FIXED;
    v->arch.debug_active = v->arch.debug_ports = false;
}

/* With the seven bytes behind it, as a breakpoint may be eight bytes long. */
static int64_t set_address(struct vcpu *v, unsigned reg, uint64_t value)
{
    if (!va_canonical(value) || !guest_range_ok(value, 8))
        return -XEN_EPERM;
    v->arch.dr[reg] = value;
    return 0;
}

static int64_t set_dr7(struct vcpu *v, uint64_t value)
{
    uint64_t enables = value & DR7_ENABLES, ports = io_enables(value);

    if (value >> 32)
        return -XEN_EINVAL;
    if (value & DR7_GD)
        return -XEN_EPERM;
    if (enables != 0 && !(v->pv.cr4 & CR4_DE))
        for (unsigned i = 0; i < 4; i++)
            if (type_of(value, i) == TYPE_IO)
                return -XEN_EPERM;
    v->arch.dr[7] = (value & ~DR7_ZERO) | DR7_FIXED;
    v->arch.debug_active = (enables & ~ports) != 0;
    v->arch.debug_ports = ports != 0;
    return 0;
}

/* 4 and 5 are other names of 6 and 7, without CR4.DE. */
static bool reg_exists(const struct vcpu *v, uint64_t reg)
{
    return reg < 8 && !((reg == 4 || reg == 5) && (v->pv.cr4 & CR4_DE));
}

int64_t debugreg_set(struct vcpu *v, uint64_t reg, uint64_t value)
{
    if (!reg_exists(v, reg))
        return -XEN_ENODEV;
    switch (reg) {
    case 0 ... 3:
        return set_address(v, (unsigned)reg, value);
    case 4:
    case 6:
        if (value >> 32)
            return -XEN_EINVAL;
        v->arch.dr[6] = DR6_FIXED | (value & DR6_SETTABLE);
        return 0;
    default:
        return set_dr7(v, value);
    }
}

int64_t hc_set_debugreg(uint64_t reg, uint64_t value, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;
    bool was_active = v->arch.debug_active;
    int64_t rc = debugreg_set(v, reg, value);

    (void)a3, (void)a4;
    if (rc == 0 && (was_active || v->arch.debug_active))
        debugreg_load(v);
    return rc;
}

int64_t hc_get_debugreg(uint64_t reg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;

    (void)a2, (void)a3, (void)a4;
    if (!reg_exists(v, reg))
        return -XEN_ENODEV;
    return (int64_t)v->arch.dr[reg == 4 || reg == 5 ? reg + 2 : reg];
}

/* Length 2 of a breakpoint is eight bytes, by the processor's encoding. */
uint64_t debugreg_port_match(const struct vcpu *v, uint16_t port, unsigned size)
{
    static const uint8_t lengths[4] = {1, 2, 8, 4};
    uint64_t dr7 = v->arch.dr[7], match = 0;

    if (likely(!v->arch.debug_ports))
        return 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t length = lengths[(dr7 >> (18 + 4 * i)) & 3];
        uint64_t start = v->arch.dr[i] & ~(length - 1);

        if (type_of(dr7, i) == TYPE_IO && (dr7 & (3ull << (2 * i))) && start < port + size &&
            port < start + length)
            match |= 1ull << i;
    }
    return match;
}

void debugreg_trap(struct cpu_regs *regs, uint64_t causes)
{
    current->arch.dr[6] |= causes & DR6_SETTABLE;
    bounce_trap(regs, X86_DB, 0);
}
