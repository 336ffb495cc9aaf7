/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that stand between a trap and the guest share: bounce frames, emulation of
 * privileged instructions, processor identification, descriptors, segments. Unless said otherwise
 * regs is guest_regs(), v is current, and no lock is held. x86/guest_entry.h says what a frame must
 * be like when the guest is resumed from it.
 */
#ifndef PV_ENTRY_H
#define PV_ENTRY_H

#include <core/domain.h>
#include <lib/bug.h>
#include <lib/types.h>
#include <x86/cpu.h>
#include <x86/regs.h>

/* bounce.c */
/*
 * Arrange that regs enter the guest kernel at the handler of the vector; rip is what the frame will
 * show. The error code counts only where the vector has one. A guest without a handler is crashed.
 */
void bounce_trap(struct cpu_regs *regs, unsigned vector, uint32_t error_code);
/* The same for current's own frame, a page fault with its address. */
void pv_inject_trap(unsigned vector, uint32_t error_code);
void pv_inject_page_fault(vaddr_t addr, uint32_t error_code);
/* Has the guest registered one? vector < 256. */
bool bounce_has_handler(const struct vcpu *v, unsigned vector);

/* segments.c; the change between guest kernel and guest user mode is in pv/segments.h. */
void segments_save(struct vcpu *v); /* selectors and bases from the processor, at switch-out */
/* Of current, in guest kernel mode; bases are canonical. */
void segments_set_fs(uint64_t base);
uint64_t segments_gs_user(void);
void segments_set_gs_user(uint64_t base);
void segments_load(struct vcpu *v); /* and to it, at switch-in; GDT and LDT are loaded already */

/* emulate.c: a #GP of the guest. True: emulated, and the guest goes on (or was sent elsewhere). */
bool emulate_privileged(struct cpu_regs *regs);
/*
 * The same, in front of the decoder, for one instruction without prefixes: RDMSR of a base. A
 * kernel asks for its user's GS base at each switch of tasks, and has no other way. False: it is
 * something else, or the code ends with its page.
 */
bool emulate_read_base(struct cpu_regs *regs);
/* #UD on the forced-emulation prefix: ud2, "xen", cpuid. False: the #UD is the guest's. */
bool emulate_forced_cpuid(struct cpu_regs *regs);
/* emulate_iret.c: a supervisor access that faulted in ring 3, by an emulator's IRET. */
bool emulate_iret(struct cpu_regs *regs);
/*
 * emulate_io.c: port access of 1, 2 or 4 bytes. The first asks whether the guest's code may, by the
 * guest's own rules; the others obey the domain's permissions, and cannot fail: what the domain
 * does not own reads as ones.
 */
bool emulate_iopl_allows(const struct vcpu *v); /* CLI, STI, and all ports */
bool emulate_io_allowed(struct vcpu *v, uint16_t port, unsigned size);
uint32_t emulate_io_read(struct domain *d, uint16_t port, unsigned size);
void emulate_io_write(struct domain *d, uint16_t port, unsigned size, uint32_t value);

/* msr.c: true when the register is known (and takes the value); else the guest gets #GP. */
bool pv_msr_read(struct vcpu *v, uint32_t msr, uint64_t *val);
bool pv_msr_write(struct vcpu *v, uint32_t msr, uint64_t val);
/* debugreg.c: checked and remembered, not loaded; v is current or does not run. 0 or -XEN_E*. */
int64_t debugreg_set(struct vcpu *v, uint64_t reg, uint64_t value);
void debugreg_reset(struct vcpu *v);      /* to what a new vcpu has; not loaded either */
void debugreg_load(const struct vcpu *v); /* at switch-in, when v->arch.debug_active */
void debugreg_clear(void);                /* at switch-out, likewise */
/* The guest's breakpoints on ports that an access hits, as bits of DR6. */
uint64_t debugreg_port_match(const struct vcpu *v, uint16_t port, unsigned size);
#define DR6_BS 0x4000ull /* a single step */
/* Sends current a #DB for these causes, bits of DR6. */
void debugreg_trap(struct cpu_regs *regs, uint64_t causes);
/*
 * An instruction has been emulated, rip is behind it: a single step ends there, or the above. Its
 * result may be in a register that is not reloaded for a handler: x86/guest_entry.h.
 */
static inline void debugreg_emulated(struct cpu_regs *regs, uint64_t ports)
{
    if (unlikely((ports | (regs->rflags & RFLAGS_TF)) != 0)) {
        debugreg_trap(regs, ports | (regs->rflags & RFLAGS_TF ? DR6_BS : 0));
        __atomic_fetch_or(&current->arch.pending_work, WORK_FRAME, __ATOMIC_SEQ_CST);
    }
}

/* stats_count() without a search for the stack: regs is guest_regs(). */
static inline void pv_count_at(struct cpu_regs *regs, size_t place)
{
    ASSERT(regs == guest_regs());
    ((struct stack_top *)((char *)regs - offsetof(struct stack_top, regs)))->stats[place]++;
}

/* kind: LODGE_EMULATED_*. */
static inline void pv_emulated(struct cpu_regs *regs, unsigned kind)
{
    pv_count_at(regs, LODGE_STAT_EMULATED + kind);
    debugreg_emulated(regs, 0);
}

#endif
