/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a guest: the processor's own answer, cut to a list of features that a PV guest
 * can use, and then to what the tools have left of it for that domain (policy.c). The list names
 * what is allowed, so that a feature of a newer processor stays hidden until someone has thought
 * about it. Hidden on purpose: what belongs to ring 0 (SMEP, SMAP, PGE,
 * PCID, UMIP, MTRR, machine check), what needs registers that are not switched (PKU, RDTSCP's
 * TSC_AUX), large pages, and virtualization.
 *
 * Leaves 0x40000000 and up say who we are; a Linux guest that does not find them there turns its
 * own page-table isolation on.
 *
 * Nothing enforces the lists: the hypervisor does not have CPUID fault, so code that executes it
 * without the forced-emulation prefix sees the processor's own answer, and an instruction that is
 * hidden may still work. A list is a promise of what works, not a guard; what a guest must not use
 * is kept from it by CR4 and XCR0.
 *
 * Bits are those of Intel SDM volume 2 (CPUID) and AMD APM volume 3, appendix E.
 */
#include <core/domain.h>
#include <guest/cpuid.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <public/cpuid.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/time.h>

enum { EAX, EBX, ECX, EDX };

#define B(n) (1u << (n))

/* Leaf 1. */
#define ALLOW_1_ECX                                                                   \
    (B(0) /* sse3 */ | B(1) /* pclmulqdq */ | B(9) /* ssse3 */ | B(12) /* fma */ |    \
     B(13) /* cx16 */ | B(19) /* sse4.1 */ | B(20) /* sse4.2 */ | B(22) /* movbe */ | \
     B(23) /* popcnt */ | B(25) /* aes */ | B(26) /* xsave */ | B(27) /* osxsave */ | \
     B(28) /* avx */ | B(29) /* f16c */ | B(30) /* rdrand */)
/* What is nothing without a component of XSAVE that the hypervisor switches. */
#define NEED_XSAVE_1_ECX (B(12) | B(26) | B(27) | B(28) | B(29))
#define HYPERVISOR_1_ECX B(31)
#define ALLOW_1_EDX                                                                                \
    (B(0) /* fpu */ | B(2) /* de */ | B(4) /* tsc */ | B(5) /* msr */ | B(6) /* pae */ |           \
     B(8) /* cx8 */ | B(9) /* apic */ | B(15) /* cmov */ | B(16) /* pat */ | B(19) /* clflush */ | \
     B(23) /* mmx */ | B(24) /* fxsr */ | B(25) /* sse */ | B(26) /* sse2 */)

/* Leaf 7. */
#define ALLOW_7_EBX                                                                                \
    (B(0) /* fsgsbase */ | B(3) /* bmi1 */ | B(5) /* avx2 */ | B(8) /* bmi2 */ | B(9) /* erms */ | \
     B(18) /* rdseed */ | B(19) /* adx */ | B(23) /* clflushopt */ | B(24) /* clwb */ |            \
     B(29) /* sha */)
#define AVX512_7_EBX                                                                       \
    (B(16) /* f */ | B(17) /* dq */ | B(21) /* ifma */ | B(28) /* cd */ | B(30) /* bw */ | \
     B(31) /* vl */)
#define ALLOW_7_ECX (B(8) /* gfni */ | B(9) /* vaes */ | B(10) /* vpclmulqdq */)
#define AVX512_7_ECX                                                              \
    (B(1) /* vbmi */ | B(6) /* vbmi2 */ | B(11) /* vnni */ | B(12) /* bitalg */ | \
     B(14) /* vpopcntdq */)
#define ALLOW_7_EDX    (B(4) /* fsrm */)
#define NEED_AVX_7_EBX B(5)
#define NEED_AVX_7_ECX (B(9) | B(10))

/* Leaves 0x8000000x. */
#define ALLOW_E1_ECX                                                                \
    (B(0) /* lahf */ | B(5) /* abm */ | B(6) /* sse4a */ | B(7) /* misalignsse */ | \
     B(8) /* 3dnowprefetch */)
#define ALLOW_E1_EDX                                                                           \
    ((ALLOW_1_EDX & 0x0183f3ffu) | B(11) /* syscall */ | B(20) /* nx */ | B(22) /* mmxext */ | \
     B(29) /* lm */ | B(30) /* 3dnowext */ | B(31) /* 3dnow */)
#define ALLOW_E7_EDX B(8) /* invariant tsc */
#define ALLOW_E8_EBX B(0) /* clzero */
#define MAX_EXT_LEAF 0x80000008u
#define LEAF_E21     0x80000021u
#define E21_EAX_NSCB B(6) /* loading a null selector clears the segment's base */
#define MAX_LEAF     0xdu

/* XCR0 as the hypervisor allows it: bits 1, 2 are SSE and AVX, 5 to 7 those of AVX-512. */
static bool avx_on(void)
{
    return (cpu_features.xcr0 & 6) == 6;
}

static bool avx512_on(void)
{
    return (cpu_features.xcr0 & 0xe6) == 0xe6;
}

/* EBX: the APIC id is twice the vcpu's number, one logical processor each; CLFLUSH size is real. */
static void leaf_1(unsigned vcpu, uint32_t out[4])
{
    out[EBX] = (out[EBX] & 0x0000ff00u) | (vcpu * 2) << 24 | 1u << 16;
    out[ECX] = (out[ECX] & ALLOW_1_ECX) | HYPERVISOR_1_ECX;
    out[EDX] &= ALLOW_1_EDX;
    if (!cpu_features.xsave)
        out[ECX] &= ~NEED_XSAVE_1_ECX;
    if (!avx_on())
        out[ECX] &= ~(B(12) | B(28) | B(29));
}

static void leaf_7(uint32_t sub, uint32_t out[4])
{
    if (sub != 0) {
        memset(out, 0, 4 * sizeof(*out));
        return;
    }
    out[EAX] = 0;
    out[EBX] &= ALLOW_7_EBX | (avx512_on() ? AVX512_7_EBX : 0);
    out[ECX] &= ALLOW_7_ECX | (avx512_on() ? AVX512_7_ECX : 0);
    out[EDX] &= ALLOW_7_EDX;
    if (!avx_on()) {
        out[EBX] &= ~NEED_AVX_7_EBX;
        out[ECX] &= ~NEED_AVX_7_ECX;
    }
}

/* XSAVE: components that are on. Component n's size and offset are the processor's own. */
static void leaf_d(uint32_t sub, uint32_t out[4])
{
    if (!cpu_features.xsave || (sub > 1 && (sub > 62 || !(cpu_features.xcr0 & BIT(sub))))) {
        memset(out, 0, 4 * sizeof(*out));
        return;
    }
    if (sub == 0) {
        out[EAX] = (uint32_t)cpu_features.xcr0;
        out[EDX] = (uint32_t)(cpu_features.xcr0 >> 32);
        out[ECX] = cpu_features.xsave_size;
    } else if (sub == 1) {
        out[EAX] &= B(0) | B(1) | B(2); /* xsaveopt, xsavec, xgetbv(1); not xsaves */
        out[ECX] = out[EDX] = 0;
    }
}

static void leaf_extended(uint32_t leaf, uint32_t out[4])
{
    switch (leaf) {
    case 0x80000000u:
        /* Kernels whose processor is too old to say so load selectors twice to be sure. */
        out[EAX] = cpu_features.null_clears_base ? LEAF_E21 : MIN(out[EAX], MAX_EXT_LEAF);
        break;
    case LEAF_E21:
        memset(out, 0, 4 * sizeof(*out));
        out[EAX] = cpu_features.null_clears_base ? E21_EAX_NSCB : 0;
        break;
    case 0x80000001u:
        out[ECX] &= ALLOW_E1_ECX;
        out[EDX] &= ALLOW_E1_EDX;
        break;
    case 0x80000002u ... 0x80000006u:
        break;
    case 0x80000007u:
        out[EAX] = out[EBX] = out[ECX] = 0;
        out[EDX] &= ALLOW_E7_EDX;
        break;
    case 0x80000008u:
        out[EAX] &= 0xffff;
        out[EBX] &= ALLOW_E8_EBX;
        out[ECX] = out[EDX] = 0;
        break;
    default:
        memset(out, 0, 4 * sizeof(*out));
        break;
    }
}

static void leaf_standard(unsigned vcpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    switch (leaf) {
    case 0:
        out[EAX] = MIN(out[EAX], MAX_LEAF);
        break;
    case 1:
        leaf_1(vcpu, out);
        break;
    case 2: /* cache descriptors */
        break;
    case 4:
        out[EAX] &= 0x3fff; /* one core per package: the rest is the guest's own topology */
        break;
    case 7:
        leaf_7(sub, out);
        break;
    case 0xd:
        leaf_d(sub, out);
        break;
    default:
        memset(out, 0, 4 * sizeof(*out));
        break;
    }
}

/* Bits of a machine address, as far as memory goes: above 44 a guest wants grant tables v2. */
static uint32_t memory_address_bits(void)
{
    return max_mfn == 0 ? PAGE_SHIFT : PAGE_SHIFT + bit_highest(max_mfn) + 1;
}

static void leaf_hypervisor(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(*out));
    switch (leaf - XEN_CPUID_FIRST_LEAF) {
    case 0:
        out[EAX] = XEN_CPUID_FIRST_LEAF + 5;
        out[EBX] = XEN_CPUID_SIGNATURE_EBX;
        out[ECX] = XEN_CPUID_SIGNATURE_ECX;
        out[EDX] = XEN_CPUID_SIGNATURE_EDX;
        break;
    case 1:
        out[EAX] = (4u << 16) | 17; /* the version of the ABI */
        break;
    case 2:
        out[EAX] = 1;           /* hypercall pages */
        out[EBX] = 0x40000000u; /* the register that asks for one */
        out[ECX] = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case 3:
        if (sub == 0) {
            out[EBX] = 2; /* the TSC is never emulated */
            out[ECX] = (uint32_t)time_tsc_khz();
        } else if (sub == 2) {
            out[EAX] = (uint32_t)time_tsc_khz();
        }
        break;
    case 5:
        if (sub == 0)
            out[EBX] = memory_address_bits();
        break;
    }
}

/* The processor's answer cut down, but for the hypervisor's own leaves, which it does not know. */
void cpuid_max(unsigned vcpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    if (leaf >= XEN_CPUID_FIRST_LEAF && leaf < XEN_CPUID_FIRST_LEAF + 0x100) {
        leaf_hypervisor(leaf, sub, out);
        return;
    }
    cpuid_raw(leaf, sub, out);
    if (leaf & 0x80000000u)
        leaf_extended(leaf, out);
    else
        leaf_standard(vcpu, leaf, sub, out);
}

void cpuid_guest(const struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    cpuid_max(v->id, leaf, sub, out);
    policy_cut(v->domain, leaf, sub, out);
}
