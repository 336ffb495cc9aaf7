/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The type of the idle vcpus: while they run, nothing of a guest stays loaded, as the guest may be
 * gone before the next one comes. They have no other state of a guest's.
 */
#include <core/guest_type.h>
#include <x86/switch.h>

static void idle_switch_out(struct vcpu *prev) {}

static void idle_switch_in(struct vcpu *next, struct cpu *c)
{
    switch_stack_to(c, next);
    switch_to_own_tables(c);
}

const struct guest_type idle_type = {
    .name = "idle",
    .switch_out = idle_switch_out,
    .switch_in = idle_switch_in,
};
