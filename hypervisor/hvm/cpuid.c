/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a fully virtualized guest: what any guest may see (guest/cpuid.c), and beside it
 * what belongs to ring 0, which is the guest's own here. There is no sign of a hypervisor: neither
 * its bit and leaves nor SVM. Other than with PV guests the instruction itself asks, so a list is
 * what the guest finds, though what it does not name may still work.
 */
#include <core/domain.h>
#include <guest/cpuid.h>
#include <hvm/hvm.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/svm.h>

enum { EAX, EBX, ECX, EDX };

#define B(n) (1u << (n))

/* vme, pse, sep, pge, pse36 */
#define RING0_1_EDX   (B(1) | B(3) | B(11) | B(13) | B(17))
#define NO_APIC       B(9)
#define OSXSAVE       B(27)
#define HYPERVISOR    B(31)
#define RING0_7_EBX   (B(7) /* smep */ | B(20) /* smap */)
#define RING0_7_ECX   B(2) /* umip */
#define RING0_E1_EDX  (B(1) | B(3) | B(13) | B(17) | B(26) /* 1 GiB pages */)
#define LEAVES_HIDDEN 0x40000000u

/* Features that the list for all guests leaves out, of the processor's own answer. */
static void add_ring0(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    uint32_t raw[4];

    cpuid_raw(leaf, sub, raw);
    if (leaf == 1) {
        out[EDX] = (out[EDX] | (raw[EDX] & RING0_1_EDX)) & ~NO_APIC;
    } else if (leaf == 7 && sub == 0) {
        out[EBX] |= raw[EBX] & RING0_7_EBX;
        out[ECX] |= raw[ECX] & RING0_7_ECX;
    } else if (leaf == 0x80000001u) {
        out[EDX] = (out[EDX] | (raw[EDX] & RING0_E1_EDX)) & ~NO_APIC;
    }
}

void hvm_cpuid(struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    if (leaf >= LEAVES_HIDDEN && leaf < LEAVES_HIDDEN + 0x10000u) {
        memset(out, 0, 4 * sizeof(*out));
        return;
    }
    cpuid_max(v->id, leaf, sub, out);
    add_ring0(leaf, sub, out);
    policy_cut(v->domain, leaf, sub, out);
    if (leaf == 1) {
        out[ECX] &= ~(HYPERVISOR | OSXSAVE);
        if (v->hvm.vmcb->cr4 & CR4_OSXSAVE)
            out[ECX] |= OSXSAVE;
    }
}
