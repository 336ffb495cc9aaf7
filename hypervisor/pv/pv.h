/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of pv/ that manage memory and machine state offer to those that handle entries
 * (pv/entry.h is the other direction), and what boot/ calls to start dom0.
 */
#ifndef PV_PV_H
#define PV_PV_H

#include <core/domain.h>
#include <lib/types.h>

struct cpu_regs;

/* dom0_build.c: domain 0 from the boot loader's modules; panics with a reason when it cannot. */
void dom0_build(void);

/*
 * pte_emulate.c: the guest kernel's write fault on a present page that it may not write. A store to
 * one of its page tables is carried out where it may be, and the guest goes on behind it; all else
 * stays a fault and goes on to pv_page_fault() (traps.c).
 */
void pv_pte_write_fault(struct cpu_regs *regs, vaddr_t addr);
void pv_page_fault(struct cpu_regs *regs, vaddr_t addr);
/* Only the store: false where it is none, or may not be carried out. */
bool pv_pte_store(struct cpu_regs *regs, vaddr_t addr);

/* What CR3 has, or is to have, while v runs: the root table of its present mode. */
static inline uint64_t pv_cr3(const struct vcpu *v)
{
    return (v->arch.kernel_mode ? v->pv.guest_table : v->pv.guest_table_user).m << PAGE_SHIFT;
}

/* domain.c: the register frame of a vcpu that is not running (or is current). */
struct cpu_regs *pv_vcpu_regs(const struct vcpu *v);
/*
 * Load the tables of the vcpu's present mode (after guest_table or guest_table_user changed): at
 * once if v is current, else with its next switch-in. The caller lets go of the old table after it.
 */
void pv_load_tables(struct vcpu *v);
/* mmuext.c: another root table of guest kernel mode for current, loaded at once. 0 or -XEN_E*. */
int pv_new_guest_table(struct vcpu *v, mfn_t mfn);
/*
 * The two root tables of current, with a reference on the new one that becomes the vcpu's; the old
 * one is let go. The first one is loaded at once. User mode's may be none (MFN(0)).
 */
void pv_set_guest_table(struct vcpu *v, mfn_t new);
void pv_set_guest_table_user(struct vcpu *v, mfn_t new);

#endif
