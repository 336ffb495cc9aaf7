/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests' descriptor tables: their frames are checked, read-only for every guest, and seen by the
 * processor through a window of each vcpu in the vmap area (16 pages of GDT, 16 of LDT). In all of
 * these v is current or does not run; nothing is locked.
 */
#ifndef PV_DESCRIPTORS_H
#define PV_DESCRIPTORS_H

#include <lib/types.h>

struct cpu;
struct domain;
struct frame;
struct vcpu;

int descriptors_init_vcpu(struct vcpu *v);  /* the window; 0 or -XEN_ENOMEM */
void descriptors_free_vcpu(struct vcpu *v); /* also of one whose window was never made */
/* Switch-in: this CPU's own descriptors into v's window, LGDT, LLDT. */
void descriptors_switch_in(struct vcpu *v, struct cpu *c);

/*
 * Replaces the GDT: frames by machine frame number, each becoming a descriptor page; entries says
 * how many of the array there are (512 a page). -XEN_EINVAL, -XEN_EPERM: the old GDT is as it was.
 */
int pv_set_gdt(struct vcpu *v, const uint64_t *frames, unsigned entries);
void pv_destroy_gdt(struct vcpu *v); /* to an empty one; the frames are given back */
/*
 * n descriptors to a machine address, in one page that is a descriptor page of d or could be mapped
 * writable. The first checks and fixes them and takes a reference: 0, -XEN_EINVAL, -XEN_EPERM; the
 * second writes, cannot fail, and gives the reference back. May be preempted.
 */
int pv_descriptors_begin(struct domain *d, uint64_t maddr, uint64_t *desc, unsigned n);
void pv_descriptors_end(struct domain *d, uint64_t maddr, const uint64_t *desc, unsigned n);
/*
 * The LDT by guest address; its pages enter the window when they are first touched, and must be
 * mapped read-only by then. -XEN_EINVAL: not page-aligned, too long, or not the guest's addresses.
 */
int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned ents);
bool pv_ldt_ok(uint64_t base, uint64_t ents); /* pv_set_ldt() will take it */
/* Drops the LDT's pages from the window. */
void pv_invalidate_ldt(struct vcpu *v);
/*
 * Checks and fixes all descriptors of a page that is about to become a descriptor page. False: one
 * is refused. For page_types.c only: the frame is BUSY.
 */
bool pv_validate_desc_page(struct frame *f);
/* Is addr in v's LDT window, and where in the LDT? */
bool descriptors_ldt_offset(const struct vcpu *v, vaddr_t addr, uint64_t *offset);

#endif
