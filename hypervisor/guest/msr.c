/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model specific registers that are alike in guests of all types: a short list, and none of them is
 * real. What is not here is the type's own, or does not exist and gives #GP, which is what guests
 * probe for. No guest reads or writes a real register that has an effect beyond its own vcpu.
 */
#include <core/domain.h>
#include <guest/guest.h>
#include <x86/cpu.h>

#define MSR_MISC_ENABLE      0x1a0
#define MSR_BIOS_SIGN        0x8b
#define MSR_AMD_HWCR         0xc0010015
#define MSR_AMD_SYSCFG       0xc0010010
#define MSR_AMD_NB_CFG       0xc001001f
#define MSR_AMD_PSTATE_LIMIT 0xc0010061
#define MSR_AMD_LS_CFG       0xc0011020
#define MSR_AMD_DE_CFG       0xc0011029
#define MSR_XEN_HYPERCALL    0x40000000
#define APIC_BASE_ENABLED    0x800ull
#define APIC_BASE_BSP        0x100ull

bool guest_msr_read(struct vcpu *v, uint32_t msr, uint64_t *val)
{
    switch (msr) {
    case MSR_APIC_BASE:
        *val = 0xfee00000ull | APIC_BASE_ENABLED | (v->id == 0 ? APIC_BASE_BSP : 0);
        return true;
    case MSR_TSC:
        *val = rdtsc();
        return true;
    case MSR_BIOS_SIGN: /* microcode revision: unknown */
    case MSR_MISC_ENABLE:
    case MSR_PLATFORM_INFO:
        *val = 0;
        return true;
    case MSR_AMD_HWCR:
    case MSR_AMD_SYSCFG:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_LS_CFG:
    case MSR_AMD_DE_CFG:
    case MSR_AMD_PSTATE_LIMIT:
        *val = 0;
        return cpu_features.amd;
    default:
        return false;
    }
}

/* Writing back what was read is harmless, and kernels do so. */
bool guest_msr_write(struct vcpu *v, uint32_t msr, uint64_t val)
{
    uint64_t now;

    switch (msr) {
    case MSR_XEN_HYPERCALL: /* the low bits would be the number of the page, and there is one */
        return (val & ~PAGE_MASK) == 0 && guest_hypercall_page(v->domain, val >> PAGE_SHIFT) == 0;
    case MSR_BIOS_SIGN:
        return true;
    default:
        return guest_msr_read(v, msr, &now) && now == val;
    }
}
