/* SPDX-License-Identifier: GPL-2.0-only */
/* What pv_type (domain.c) has from other files: core/guest_type.h says what each does. */
#ifndef PV_TYPE_H
#define PV_TYPE_H

#include <lib/types.h>

struct cpu;
struct domain;
struct grant_cursor;
struct vcpu;
struct vcpu_guest_context;

void pv_switch_out(struct vcpu *prev); /* switch.c */
void pv_switch_in(struct vcpu *next, struct cpu *c);
void pv_kernel_tables(struct vcpu *v, bool enter);
int pv_set_context(struct vcpu *v, const struct vcpu_guest_context *c); /* context.c */
void pv_get_context(struct vcpu *v, struct vcpu_guest_context *c);
void pv_assists_changed(struct domain *d); /* emulate_io.c */
void pv_inject_nmi(struct vcpu *v);        /* bounce.c */
int pv_grant_map(struct grant_cursor *at, uint64_t addr, mfn_t mfn,
                 uint32_t flags); /* grant_map.c */
int pv_grant_unmap(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t flags,
                   uint64_t new_addr);
void pv_grant_done(struct grant_cursor *at);
void pv_dump_vcpu(struct vcpu *v, bool preempt);   /* dump.c */
int64_t pv_physdev_op(uint32_t cmd, uint64_t arg); /* emulate_io.c */
void pv_hypercall_page(void *page);                /* hypercall.c */

#endif
