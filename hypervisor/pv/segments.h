/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The change between guest kernel and guest user mode, in line: each system call and each fault of
 * a guest's program makes it twice. The active GS base is in the processor's GS base, the other one
 * in KERNEL_GS_BASE, so it is one SWAPGS and one load of CR3. pv/segments.c has the rest.
 */
#ifndef PV_SEGMENTS_H
#define PV_SEGMENTS_H

#include <core/domain.h>
#include <lib/bug.h>
#include <x86/tlb.h>

/* Changes bases only; selectors stay. Harmless to the hypervisor, which uses neither base. */
static inline void swapgs(void)
{
    __asm__ volatile("swapgs" ::: "memory");
}

/*
 * Each is called in the other mode only. The vcpu holds both roots by type references, and their
 * upper slots are ours: no code moves.
 */
static inline void segments_enter_kernel(struct vcpu *v)
{
    ASSERT(!v->arch.kernel_mode);
    v->arch.kernel_mode = true;
    swapgs();
    tlb_write_cr3(v->pv.guest_table.m << PAGE_SHIFT);
}

/* There is a user root table. */
static inline void segments_enter_user(struct vcpu *v)
{
    ASSERT(v->arch.kernel_mode && v->pv.guest_table_user.m != 0);
    v->arch.kernel_mode = false;
    swapgs();
    tlb_write_cr3(v->pv.guest_table_user.m << PAGE_SHIFT);
}

#endif
