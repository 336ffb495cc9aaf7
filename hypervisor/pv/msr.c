/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model specific registers as guests see them: a short list. Everything else does not exist and
 * gives #GP, which is what guests probe for. No guest reads or writes a real register that has an
 * effect beyond its own vcpu.
 *
 * The three bases are the only real ones. They hold a guest's values whenever it runs, as the
 * hypervisor uses neither FS nor GS; and in guest kernel mode, the only one that gets here, GS_BASE
 * is the kernel's and KERNEL_GS_BASE the user's, which is how a kernel knows them.
 */
#include <core/guest_type.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <pv/entry.h>
#include <pv/pv.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define MSR_MISC_ENABLE      0x1a0
#define MSR_BIOS_SIGN        0x8b
#define MSR_AMD_HWCR         0xc0010015
#define MSR_AMD_SYSCFG       0xc0010010
#define MSR_AMD_NB_CFG       0xc001001f
#define MSR_AMD_PSTATE_LIMIT 0xc0010061
#define MSR_AMD_LS_CFG       0xc0011020
#define MSR_AMD_DE_CFG       0xc0011029
#define MSR_XEN_HYPERCALL    0x40000000
#define GUEST_PAT            0x050100070406ull
#define APIC_BASE_ENABLED    0x800ull
#define APIC_BASE_BSP        0x100ull
#define EFER_LMA_LME_SCE_NX  0xd01ull

/* v is current. pv/emulate.c decides what an unknown register means to a guest that boots. */
bool msr_guest_read(struct vcpu *v, uint32_t msr, uint64_t *val)
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
    case MSR_APIC_BASE:
        *val = 0xfee00000ull | APIC_BASE_ENABLED | (v->id == 0 ? APIC_BASE_BSP : 0);
        return true;
    case MSR_TSC:
        *val = rdtsc();
        return true;
    case MSR_BIOS_SIGN: /* microcode revision: unknown */
    case MSR_MISC_ENABLE:
    case MSR_PLATFORM_INFO:
    case MSR_SYSENTER_CS:
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
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

/* The low bits would be the number of the page, and there is one; the rest is a frame number. */
static bool write_hypercall_page(struct vcpu *v, uint64_t val)
{
    struct frame *f = guest_frame_writable(v->domain, val >> PAGE_SHIFT);

    if ((val & ~PAGE_MASK) != 0 || f == NULL) {
        if (f != NULL)
            frame_put_writable(f);
        return false;
    }
    hypercall_page_fill(mfn_to_virt(frame_mfn(f)));
    frame_put_writable(f);
    return true;
}

bool msr_guest_write(struct vcpu *v, uint32_t msr, uint64_t val)
{
    uint64_t now;

    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!va_canonical(val)) /* WRMSR would fault in ring 0 */
            return false;
        wrmsr(msr, val);
        return true;
    case MSR_XEN_HYPERCALL:
        return write_hypercall_page(v, val);
    case MSR_SYSENTER_CS: /* entry points are registered by callback_op */
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
    case MSR_STAR:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_SYSCALL_MASK:
    case MSR_BIOS_SIGN:
        return true;
    default:
        /* Writing back what was read is harmless, and kernels do so. */
        return msr_guest_read(v, msr, &now) && now == val;
    }
}
