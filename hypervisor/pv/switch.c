/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The switch from one vcpu to the next, as far as a PV vcpu is left or entered.
 *
 * A guest's page tables are loaded only while one of its vcpus runs: idling CPUs use the
 * hypervisor's own. So tlb_mask, the CPUs that may hold translations of a domain, is exact, and a
 * table may be freed as soon as no vcpu has it loaded.
 *
 * While a vcpu runs, the truth about its selectors, bases and FPU state is in the processor; while
 * it does not, in struct pv_vcpu. pv_switch_out() and pv_switch_in() carry it over, with
 * interrupts off, on the way from one stack to the next. Debug registers are only copied in: what
 * the guest wrote to them is in struct arch_vcpu at any time.
 */
#include <core/domain.h>
#include <pv/descriptors.h>
#include <pv/entry.h>
#include <pv/pv.h>
#include <pv/type.h>
#include <x86/cpu.h>
#include <x86/switch.h>
#include <x86/tlb.h>

void pv_load_tables(struct vcpu *v)
{
    if (v == current)
        tlb_write_cr3(pv_cr3(v));
}

void pv_switch_out(struct vcpu *prev)
{
    segments_save(prev);
    fpu_switch_out(prev);
    if (unlikely(prev->arch.debug_active))
        debugreg_clear();
}

void pv_switch_in(struct vcpu *next, struct cpu *c)
{
    switch_stack_to(c, next); /* sets c->curr, which pv_ldt_fault() goes by */
    switch_tables_to(c, next->domain);
    descriptors_switch_in(next, c);
    switch_load_tables(c, next->domain, pv_cr3(next));
    segments_load(next); /* last: nothing that was cached of another domain's windows is left */
    /*
     * At once, not on first use: some processors let speculation see the registers of whoever ran
     * before in spite of TS, and emulators run XSAVE and XRSTOR in spite of it.
     */
    fpu_switch_in(next);
    if (unlikely((next->pv.area != NULL) != c->area_stub))
        descriptors_set_area_stub(c, next->pv.area != NULL);
    if (unlikely(next->arch.debug_active))
        debugreg_load(next);
}

void pv_kernel_tables(struct vcpu *v, bool enter)
{
    tlb_write_cr3(enter ? v->pv.guest_table.m << PAGE_SHIFT : pv_cr3(v));
}
