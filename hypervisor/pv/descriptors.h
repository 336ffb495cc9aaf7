/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests' descriptor tables: their frames are checked, read-only for every guest, and seen by the
 * processor through a window of each vcpu in the vmap area (16 pages of GDT, 16 of LDT).
 */
#ifndef PV_DESCRIPTORS_H
#define PV_DESCRIPTORS_H

#include <lib/types.h>

struct cpu;
struct frame;
struct vcpu;

int descriptors_init_vcpu(struct vcpu *v); /* the window; 0 or -XEN_ENOMEM */
void descriptors_free_vcpu(struct vcpu *v);
/* Switch-in: this CPU's own descriptors into v's window, LGDT, LLDT. */
void descriptors_switch_in(struct vcpu *v, struct cpu *c);

/* Replaces the GDT: frames by machine frame number, each becoming a descriptor page. */
int pv_set_gdt(struct vcpu *v, const uint64_t *frames, unsigned entries);
void pv_destroy_gdt(struct vcpu *v);
/* The LDT by guest address; its pages enter the window when they are first touched. */
int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned ents);
/* Drops the LDT's pages from the window; returns whether any was there. */
bool pv_invalidate_ldt(struct vcpu *v);
/* Checks and fixes all descriptors of a page that is about to become a descriptor page. */
bool pv_validate_desc_page(struct frame *f);
/* Is addr in v's LDT window, and where in the LDT? */
bool descriptors_ldt_offset(const struct vcpu *v, vaddr_t addr, uint64_t *offset);

#endif
