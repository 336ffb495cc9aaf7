/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model specific registers as PV guests see them, beyond those of guest/msr.c. The three bases are
 * the only real ones. They hold a guest's values whenever it runs, as the hypervisor uses neither
 * FS nor GS; and in guest kernel mode, the only one that gets here, GS_BASE is the kernel's and
 * KERNEL_GS_BASE the user's, which is how a kernel knows them.
 */
#include <core/domain.h>
#include <guest/guest.h>
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define GUEST_PAT           0x050100070406ull
#define EFER_LMA_LME_SCE_NX 0xd01ull

/* v is current. pv/emulate.c decides what an unknown register means to a guest that boots. */
bool pv_msr_read(struct vcpu *v, uint32_t msr, uint64_t *val)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        *val = rdmsr(msr); /* the guest's own, see segments.c */
        return true;
    case MSR_EFER:
        *val = EFER_LMA_LME_SCE_NX;
        return true;
    case MSR_PAT:
        *val = GUEST_PAT;
        return true;
    case MSR_SYSENTER_CS:
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
        *val = 0;
        return true;
    default:
        return guest_msr_read(v, msr, val);
    }
}

bool pv_msr_write(struct vcpu *v, uint32_t msr, uint64_t val)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!va_canonical(val)) /* WRMSR would fault in ring 0 */
            return false;
        wrmsr(msr, val);
        return true;
    case MSR_EFER: /* may be written back */
        return val == EFER_LMA_LME_SCE_NX;
    case MSR_PAT:
        return val == GUEST_PAT;
    case MSR_SYSENTER_CS: /* entry points are registered by callback_op */
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
    case MSR_STAR:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_SYSCALL_MASK:
        return true;
    default:
        return guest_msr_write(v, msr, val);
    }
}
