/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers of guests. Breakpoints may lie only in guest addresses: one on the hypervisor's
 * own would trap inside it. They are in the processor only while such a vcpu runs. One on guest
 * memory may still fire while the hypervisor copies there: x86/traps.c passes over it.
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

#define DR6_FIXED     0xffff0ff0ull
#define DR6_SETTABLE  0x0000e00full
#define DR7_FIXED     0x400ull
#define DR7_ENABLES   0xffull
#define DR7_FORBIDDEN 0x0000d800ull /* GD, RTM and the bits that must be zero */

#define WRITE_DR(n, v) __asm__ volatile("mov %0, %%dr" #n : : "r"((uint64_t)(v)))

/* DR7 last, which turns the others on. */
void debugreg_load(const struct vcpu *v)
{
    WRITE_DR(0, v->arch.dr[0]);
    WRITE_DR(1, v->arch.dr[1]);
    WRITE_DR(2, v->arch.dr[2]);
    WRITE_DR(3, v->arch.dr[3]);
    WRITE_DR(6, v->arch.dr[6]);
    WRITE_DR(7, v->arch.dr[7]);
}

void debugreg_clear(void)
{
    WRITE_DR(7, DR7_FIXED);
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
    if (value >> 32)
        return -XEN_EPERM;
    value = (value & ~DR7_FORBIDDEN) | DR7_FIXED;
    /* I/O breakpoints (type 2) need CR4.DE, which guests do not have. */
    for (unsigned i = 0; i < 4; i++)
        if (((value >> (16 + 4 * i)) & 3) == 2)
            return -XEN_EPERM;
    v->arch.dr[7] = value;
    v->arch.debug_active = (value & DR7_ENABLES) != 0;
    return 0;
}

int64_t debugreg_set(struct vcpu *v, unsigned reg, uint64_t value)
{
    switch (reg) {
    case 0 ... 3:
        return set_address(v, reg, value);
    case 4:
    case 6:
        v->arch.dr[6] = DR6_FIXED | (value & DR6_SETTABLE);
        return 0;
    case 5:
    case 7:
        return set_dr7(v, value);
    default:
        return -XEN_EINVAL;
    }
}

int64_t hc_set_debugreg(uint64_t reg, uint64_t value, uint64_t a3, uint64_t a4)
{
    struct vcpu *v = current;
    bool was_active = v->arch.debug_active;
    int64_t rc;

    (void)a3, (void)a4;
    if (reg > 7)
        return -XEN_EINVAL;
    rc = debugreg_set(v, (unsigned)reg, value);
    if (rc == 0 && (was_active || v->arch.debug_active))
        debugreg_load(v);
    return rc;
}

int64_t hc_get_debugreg(uint64_t reg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    (void)a2, (void)a3, (void)a4;
    if (reg > 7)
        return -XEN_EINVAL;
    if (reg == 4 || reg == 5)
        reg += 2;
    return (int64_t)current->arch.dr[reg];
}
