/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What core asks of the machine and of the guest type; implemented in pv/ (and hvm/ one day), so
 * that core includes neither. What belongs to certain types is declared where they are:
 * arch_frame_*() in core/frame.h, arch_grant_*() in core/grant.h, the tables of control operations
 * in core/control.h.
 */
#ifndef CORE_ARCH_H
#define CORE_ARCH_H

#include <lib/types.h>

struct domain;
struct vcpu;
struct vcpu_guest_context;
struct frame;

/*
 * d->arch, v->arch. 0 or -XEN_E*. After a failure arch_domain_free() is still called, and has to
 * cope with what is not there; arch_vcpu_init() cleans up by itself.
 */
int arch_domain_init(struct domain *d);
/*
 * Slices of destruction: drop page tables, descriptor frames, pirqs; -XEN_ERESTART until done. All
 * vcpus of d are parked.
 */
int arch_domain_relinquish(struct domain *d);
void arch_domain_free(struct domain *d);
int arch_vcpu_init(struct vcpu *v);
void arch_vcpu_free(struct vcpu *v);

/*
 * Leave prev, enter next: segments, tables, debug registers, FPU; then the stack (x86/entry.S). Of
 * the scheduler alone, on the CPU that switches. Either may be an idle vcpu.
 */
void arch_switch_out(struct vcpu *prev);
void arch_switch_in(struct vcpu *next);
/* x86/entry.S: saves callee-saved registers and RSP of prev, continues next. */
void arch_switch_stack(uint64_t *prev_rsp, uint64_t next_rsp);
/* Makes a new vcpu's stack such that switching to it enters the guest with guest_regs(). */
void arch_stack_prepare(struct vcpu *v);
/* The idle vcpu's stack such that switching to it calls fn. */
void arch_stack_prepare_idle(struct vcpu *v, void (*fn)(void));

/*
 * All registers, descriptor tables and callbacks of a vcpu that is on no CPU and cannot get on one
 * meanwhile. Setting checks all that the guest could do harm with: 0 or -XEN_E*. May be preempted,
 * as it validates page tables.
 */
int arch_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
void arch_get_context(struct vcpu *v, struct vcpu_guest_context *c);
/*
 * A frame that d gives us to write to: vcpu_info, event words. With a writable reference, which
 * arch_frame_put_writable() drops; until then it can become no page table and nobody else's frame.
 * NULL: not a frame of d's that it might write to itself. For a PV guest gfn is the mfn.
 */
struct frame *arch_get_guest_frame_writable(struct domain *d, uint64_t gfn);

/* A physical irq of d is to raise events (bind: unmask the line), or no longer. -XEN_E*. */
int arch_pirq_bind(struct domain *d, unsigned pirq, bool will_share);
void arch_pirq_unbind(struct domain *d, unsigned pirq);

/* d->arch.vm_assist has been changed, perhaps by several vcpus at the same time. */
void arch_vm_assist_changed(struct domain *d);

/* Traps to the current guest (pv/bounce.c). Error code where the vector has one. */
void arch_inject_trap(unsigned vector, uint32_t error_code);
void arch_inject_page_fault(vaddr_t addr, uint32_t error_code);
void arch_inject_nmi(struct vcpu *v); /* any vcpu: noted, and v is made to notice */
/*
 * A vcpu's registers and stack, for the log; of one that runs, as it came in last. preempt: between
 * two lines it may be preempted, as the caller holds no lock and is no interrupt's.
 */
void arch_dump_vcpu(struct vcpu *v, bool preempt);
void arch_audit(void); /* debug builds, by debug key: are frames what their types say? */

#endif
