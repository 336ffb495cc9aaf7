/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every guest type's switch_in (core/guest_type.h) does for the machine, in line: whose stack
 * it is that entries use, and whose page tables are loaded.
 */
#ifndef X86_SWITCH_H
#define X86_SWITCH_H

#include <core/domain.h>
#include <lib/bitops.h>
#include <public/handles.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/tlb.h>

/*
 * First: v runs on c from now on; interrupts and SYSCALL find its stack. c is this
 * CPU, or one that has not been started. Until machine_switch_stack() the code is still on the
 * previous vcpu's stack, so `current` is that one while c->curr is v.
 */
static inline void switch_stack_to(struct cpu *c, struct vcpu *v)
{
    struct stack_top *top = (struct stack_top *)v->stack - 1;
    uint64_t end = (uint64_t)(&top->regs + 1);

    top->cpu = c;
    top->vcpu = v;
    c->curr = v;
    c->tss.rsp[0] = end;
    c->stub->stack = end;
}

/*
 * Then: c is to have tables of that domain loaded, NULL: the hypervisor's own. Its bit goes
 * into the new domain's mask before the first translation can be cached, and out of the old
 * domain's after the last has been dropped: what is found by GDTR and LDTR are such translations,
 * too, so these are loaded in between, before CR3.
 */
static inline void switch_tables_to(struct cpu *c, struct domain *to)
{
    if (c->tables_of == to)
        return;
    tlb_enter(c);
    bit_set(&to->arch.tlb_mask, c->id);
}

static inline void switch_load_tables(struct cpu *c, struct domain *to, uint64_t cr3)
{
    struct domain *from = c->tables_of;

    tlb_write_cr3(cr3);
    if (from == to)
        return;
    tlb_entered(c, to != NULL ? to->id : DOMID_IDLE);
    if (from != NULL)
        bit_clear(&from->arch.tlb_mask, c->id);
    c->tables_of = to;
}

/* Both for a vcpu that has no page tables of its own: the hypervisor's, and no LDT. */
static inline void switch_to_own_tables(struct cpu *c)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } PACKED gdtr = {0xefff, (uint64_t)c->gdt - 0xe000};

    __asm__ volatile("lgdt %0; lldt %1" : : "m"(gdtr), "r"((uint16_t)0));
    switch_load_tables(c, NULL, hv_root_mfn.m << PAGE_SHIFT);
}

#endif
