/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of Lodge's own extension (public/lodge.h), by file, for the hypercall in
 * pv/lodge.c. The feature has been checked; d and v are current's. Each returns what the guest
 * gets: 0, -XEN_E*, or what hypercall_restart() returned.
 */
#ifndef PV_LODGE_H
#define PV_LODGE_H

#include <lib/types.h>

struct domain;
struct vcpu;

int64_t lodge_mmu_run(struct domain *d, vaddr_t list, uint64_t progress); /* mmu_run.c */
int64_t lodge_table_new(struct domain *d, uint64_t ptr, uint64_t val);    /* table_new.c */
int64_t lodge_switch_to(struct vcpu *v, vaddr_t arg);                     /* switch_to.c */
int64_t lodge_vcpu_area(struct vcpu *v, vaddr_t arg);                     /* area.c */
void area_drop(struct vcpu *v); /* of current, or one that does not run: it has no area any more */

#endif
