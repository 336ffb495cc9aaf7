/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a fully virtualized vcpu to another one, and back. While such a vcpu is switched in, the
 * hypervisor's own page tables are loaded. The FPU and debug registers 0 to 3 hold the guest's
 * values all that time, as the hypervisor uses neither; the processor turns breakpoints off when
 * the guest is left (DR7). All else of the guest's comes and goes with each entry and exit
 * (x86/svm_enter.S).
 */
#include <core/domain.h>
#include <hvm/hvm.h>
#include <x86/cpu.h>
#include <x86/svm.h>
#include <x86/switch.h>

void hvm_switch_out(struct vcpu *prev)
{
    uint64_t *dr = prev->arch.dr;

    fpu_switch_out(prev);
    READ_DR(0, dr[0]);
    READ_DR(1, dr[1]);
    READ_DR(2, dr[2]);
    READ_DR(3, dr[3]);
}

void hvm_switch_in(struct vcpu *next, struct cpu *c)
{
    const uint64_t *dr = next->arch.dr;

    switch_stack_to(c, next);
    switch_to_own_tables(c);
    svm_keep_host(c);
    fpu_switch_in(next);
    WRITE_DR(0, dr[0]);
    WRITE_DR(1, dr[1]);
    WRITE_DR(2, dr[2]);
    WRITE_DR(3, dr[3]);
}
