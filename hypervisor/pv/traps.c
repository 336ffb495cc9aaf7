/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions in guest mode: a few are ours to deal with (page-table writes, descriptor windows,
 * privileged instructions), all others go on to the guest kernel.
 *
 * For most of these the guest decides when and how often they happen, with any registers it likes.
 * So nothing here believes more than what the processor says (vector, error code, CR2), and each
 * ends in one of three ways: the guest goes on behind the instruction, executes it again, or enters
 * a handler that it registered (and is crashed where it has none).
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/stats.h>
#include <lib/bug.h>
#include <public/arch.h>
#include <pv/descriptors.h>
#include <pv/entry.h>
#include <pv/pv.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/uaccess.h>

#define GP_EXTERNAL 1u
#define GP_IDT      2u

#define DR6_DEFAULT 0xffff0ff0ull

/*
 * A fault at the hypervisor's addresses is the guest's own mistake, unless the processor was
 * reading a descriptor for it. A supervisor access out of ring 3 is either an implicit one (a
 * descriptor), or an emulator's IRET.
 */
static __attribute__((noinline)) void page_fault_unusual(struct cpu_regs *regs, vaddr_t addr)
{
    struct vcpu *v = current;

    if (addr >= HV_START && addr < HV_END) {
        uint64_t offset;

        if (pv_ldt_fault(addr))
            return;
        /* A hole in the guest's own LDT: it sees the fault at the address it gave us. */
        if (descriptors_ldt_offset(v, addr, &offset))
            addr = v->pv.ldt_base + offset;
    }
    if (!(regs->error_code & PF_USER) && emulate_iret(regs)) {
        stats_count(LODGE_STAT_EMULATED + LODGE_EMULATED_IRET);
        return;
    }
    pv_inject_page_fault(addr, regs->error_code);
}

void pv_page_fault(struct cpu_regs *regs, vaddr_t addr)
{
    if (unlikely((addr >= HV_START && addr < HV_END) || !(regs->error_code & PF_USER)))
        page_fault_unusual(regs, addr);
    else
        pv_inject_page_fault(addr, regs->error_code);
}

/* A write to a present page by guest kernel mode is perhaps one to a page table. */
static inline bool perhaps_table_write(const struct cpu_regs *regs)
{
    return (regs->error_code & (PF_PRESENT | PF_WRITE | PF_RSVD)) == (PF_PRESENT | PF_WRITE) &&
           current->arch.kernel_mode;
}

/*
 * `int n` with a gate of ring 0 ends here; the guest's own table says whether its code may use the
 * vector. The instruction is the truth: some processors (and emulators) disagree on the error code.
 * In the trap table a DPL of 1 stands for the guest kernel, 3 for its user mode as well.
 */
static bool trap_software_interrupt(struct cpu_regs *regs)
{
    struct vcpu *v = current;
    const struct trap_info *ti;
    uint8_t insn[2];

    if (!(regs->error_code & GP_IDT) || (regs->error_code & GP_EXTERNAL))
        return false;
    if (copy_from_guest(insn, regs->rip, sizeof(insn)) != 0 || insn[0] != 0xcd)
        return false;
    ti = &v->pv.traps[insn[1]];
    if (ti->address == 0 || TI_GET_DPL(ti) < (v->arch.kernel_mode ? 1 : 3))
        return false;
    regs->rip += 2;
    bounce_trap(regs, insn[1], 0);
    return true;
}

static void trap_general_protection(struct cpu_regs *regs)
{
    if (trap_software_interrupt(regs))
        return;
    if (regs->error_code == 0 && emulate_privileged(regs))
        return;
    bounce_trap(regs, X86_GP, regs->error_code);
}

/*
 * DR6 is emptied in the processor and kept for the guest, which reads it by get_debugreg: bits 0-3
 * (which breakpoint) and 13-15 (BD, BS, BT). Intel SDM volume 3, debug status register.
 */
static void trap_debug(struct cpu_regs *regs)
{
    uint64_t dr6;

    READ_DR(6, dr6);
    WRITE_DR(6, DR6_DEFAULT);
    debugreg_trap(regs, dr6);
}

/*
 * Only a guest that set TS itself gets here; its state is loaded all the time. TS is clear when its
 * handler runs, so that the handler may load the state of another task at once.
 */
void pv_device_not_available(struct cpu_regs *regs)
{
    struct vcpu *v = current;

    pv_count_at(regs, LODGE_STAT_EXCEPTION + X86_NM);
    hc_fpu_taskswitch(0, 0, 0, 0);
    v->arch.fpu_ts = false;
    bounce_trap(regs, X86_NM, 0);
}

static __attribute__((noinline)) void trap_other(struct cpu_regs *regs)
{
    switch (regs->vector) {
    case X86_GP:
        trap_general_protection(regs);
        return;
    case X86_UD:
        if (emulate_forced_cpuid(regs))
            return;
        break;
    case X86_DB:
        trap_debug(regs);
        return;
    }
    if (regs->vector < NR_EXCEPTIONS)
        bounce_trap(regs, regs->vector, regs->error_code);
}

/* CR2 first: anything below may fault itself. Page faults are most of what there is: in line. */
void pv_trap(struct cpu_regs *regs)
{
    vaddr_t addr;

    ASSERT(regs->vector < NR_EXCEPTIONS);
    if (unlikely(regs->vector != X86_PF)) {
        pv_count_at(regs, LODGE_STAT_EXCEPTION + regs->vector);
        if (regs->vector != X86_GP || regs->error_code != 0 || !emulate_read_base(regs))
            trap_other(regs);
        return;
    }
    addr = read_cr2();
    pv_count_at(regs, LODGE_STAT_EXCEPTION + X86_PF);
    if (perhaps_table_write(regs))
        pv_pte_write_fault(regs, addr);
    else
        pv_page_fault(regs, addr);
}

/*
 * The guest executes its SYSCALL again, 2 bytes back: rax in the frame is still the number, as a
 * restarted call stores no result.
 */
void pv_hypercall_restart(struct cpu_regs *regs)
{
    const int64_t *a = current->restart_args;

    hypercall_restart_taken(current);
    regs->rdi = (uint64_t)a[0];
    regs->rsi = (uint64_t)a[1];
    regs->rdx = (uint64_t)a[2];
    regs->r10 = (uint64_t)a[3];
    regs->rip -= 2;
}
