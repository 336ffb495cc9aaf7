/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model specific registers of a fully virtualized guest. Those that VMLOAD and VMSAVE exchange are
 * open to it, without an exit; a few more are kept in the VMCB; then come those that are alike in
 * all types (guest/msr.c). All others do not exist and give #GP.
 */
#include <core/domain.h>
#include <guest/guest.h>
#include <hvm/hvm.h>
#include <x86/cpu.h>
#include <x86/svm.h>

#define MSR_XEN_HYPERCALL 0x40000000u
#define EFER_GUEST        (EFER_SCE | EFER_LME | EFER_LMA | EFER_NX)

/* Two bits a register: not to be read, not to be written. 0 to 1fff, and two more such ranges. */
static void map_open(uint8_t *map, uint32_t msr)
{
    uint32_t at = msr < 0x2000 ? msr : 0x2000 + (msr - 0xc0000000u);

    map[at / 4] &= (uint8_t) ~(3u << (at % 4 * 2));
}

void hvm_msr_map(uint8_t *map)
{
    static const uint32_t open[] = {
        MSR_FS_BASE, MSR_GS_BASE,      MSR_KERNEL_GS_BASE, MSR_STAR,         MSR_LSTAR,
        MSR_CSTAR,   MSR_SYSCALL_MASK, MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(open); i++)
        map_open(map, open[i]);
}

bool hvm_efer_valid(uint64_t efer)
{
    return (efer & ~EFER_GUEST) == 0;
}

/* LMA is the processor's to say, and LME does not change while paging is on. */
static bool efer_write(struct vmcb *b, uint64_t val)
{
    if (!hvm_efer_valid(val) || ((b->cr0 & CR0_PG) && ((val ^ b->efer) & EFER_LME)))
        return false;
    b->efer = (val & ~EFER_LMA) | (b->efer & EFER_LMA) | EFER_SVME;
    return true;
}

/* Eight types of memory, of which 2 and 3 do not exist. */
static bool pat_valid(uint64_t val)
{
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t type = (val >> i) & 0xff;

        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

bool hvm_msr_read(struct vcpu *v, uint32_t msr, uint64_t *val)
{
    const struct vmcb *b = v->hvm.vmcb;

    switch (msr) {
    case MSR_EFER:
        *val = b->efer & ~EFER_SVME;
        return true;
    case MSR_PAT:
        *val = b->pat;
        return true;
    case MSR_TSC:
        *val = rdtsc() + b->tsc_offset;
        return true;
    case MSR_APIC_BASE: /* there is none */
        return false;
    default:
        return guest_msr_read(v, msr, val);
    }
}

bool hvm_msr_write(struct vcpu *v, uint32_t msr, uint64_t val)
{
    struct vmcb *b = v->hvm.vmcb;

    switch (msr) {
    case MSR_EFER:
        return efer_write(b, val);
    case MSR_PAT:
        if (!pat_valid(val))
            return false;
        b->pat = val;
        return true;
    case MSR_TSC:
        b->tsc_offset = val - rdtsc();
        return true;
    case MSR_APIC_BASE:
    case MSR_XEN_HYPERCALL:
        return false;
    default:
        return guest_msr_write(v, msr, val);
    }
}
