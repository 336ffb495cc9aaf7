/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The type of the idle vcpus: while they run, nothing of a guest stays loaded, as the guest may be
 * gone before the next one comes. They have no other state of a guest's.
 */
#include <core/guest_type.h>
#include <public/hypercalls.h>
#include <x86/page.h>
#include <x86/paging.h>
#include <x86/switch.h>

struct table_register {
    uint16_t limit;
    uint64_t base;
} PACKED;

static void idle_switch_out(struct vcpu *prev) {}

static void idle_switch_in(struct vcpu *next, struct cpu *c)
{
    struct table_register gdtr = {0xefff, (uint64_t)c->gdt - 0xe000};

    switch_stack_to(c, next);
    __asm__ volatile("lgdt %0; lldt %1" : : "m"(gdtr), "r"((uint16_t)0));
    switch_load_tables(c, NULL, hv_root_mfn.m << PAGE_SHIFT);
}

const struct guest_type idle_type = {
    .name = "idle",
    .switch_out = idle_switch_out,
    .switch_in = idle_switch_in,
};
