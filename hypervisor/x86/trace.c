/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a trace (core/trace.h) puts between the entry paths and what they call, and between the
 * scheduler and the change of stacks. Each makes its records around the call that was meant. While
 * there is no trace the pointers lead straight there.
 *
 * In a wrapper of an exception nothing may fault before the call: CR2 is read in there.
 */
#include <core/domain.h>
#include <core/machine.h>
#include <core/stats.h>
#include <core/trace.h>
#include <public/lodge_trace.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/irq.h>
#include <x86/stack.h>
#include <x86/uaccess.h>

#define VEC_NM 7
#define VEC_PF 14

struct entry_calls entry_calls = {
    .trap = pv_trap,
    .device_not_available = pv_device_not_available,
    .syscall_bounce = pv_syscall_bounce,
    .return_work = pv_return_work,
    .irq = irq_handle,
};
void (*machine_switch)(uint64_t *prev_rsp, uint64_t next_rsp) = machine_switch_stack;

/* The instruction's bytes, as far as its page; 0: it cannot be read from here. */
static uint64_t trace_instruction(uint64_t rip)
{
    uint64_t insn = 0;
    size_t n = MIN(sizeof(insn), PAGE_SIZE - (rip & (PAGE_SIZE - 1)));

    return copy_from_guest(&insn, rip, n) == 0 ? insn : 0;
}

static uint64_t emulated_by(const struct vcpu *v)
{
    return stats_sum(stats_of(v), LODGE_STAT_EMULATED, LODGE_NR_EMULATED);
}

/*
 * What is counted as emulated tells whether the instruction was carried out for the guest; one that
 * went on is where it was (or behind the instruction, which must have been emulated), and else a
 * handler is next.
 */
static void trace_exception(struct cpu_regs *regs, void (*handle)(struct cpu_regs *regs))
{
    struct vcpu *v = current;
    unsigned vector = regs->vector;
    uint64_t rip = regs->rip, emulated = emulated_by(v);
    unsigned outcome;

    trace_put(LODGE_TRACED_EXCEPTION, vector, NULL, regs->error_code, rip,
              vector == VEC_PF ? read_cr2() : 0, v->arch.kernel_mode);
    handle(regs);
    if (emulated_by(v) != emulated)
        outcome = LODGE_TRACED_BY_US;
    else
        outcome = regs->rip != rip ? LODGE_TRACED_TO_GUEST : LODGE_TRACED_RESOLVED;
    if (outcome == LODGE_TRACED_BY_US)
        trace_put(LODGE_TRACED_EMULATED, vector, NULL, rip, trace_instruction(rip), 0, 0);
    trace_put(LODGE_TRACED_EXCEPTION_DONE, vector, NULL, outcome, regs->rip, 0, 0);
}

static void trace_trap(struct cpu_regs *regs)
{
    trace_exception(regs, pv_trap);
}

static void trace_device_not_available(struct cpu_regs *regs)
{
    trace_exception(regs, pv_device_not_available);
}

static void trace_syscall(struct cpu_regs *regs)
{
    trace_put(LODGE_TRACED_SYSCALL, 0, NULL, regs->rip, regs->rax, 0, 0);
    pv_syscall_bounce(regs);
}

/* From entry_area.S: the registers are the program's, and stay so. */
void trace_area_syscall(const struct cpu_regs *regs)
{
    trace_put(LODGE_TRACED_SYSCALL, 0, NULL, regs->rip, regs->rax, 0, 0);
}

/* It may lead to other vcpus and back; what it leaves in the frame tells whether there was an
 * event. */
static void trace_return_work(struct cpu_regs *regs)
{
    uint64_t rip = regs->rip;

    pv_return_work(regs);
    if (regs->rip != rip)
        trace_put(LODGE_TRACED_UPCALL, 0, NULL, rip, 0, 0, 0);
}

static void trace_irq(unsigned vector)
{
    trace_put(LODGE_TRACED_INTERRUPT, vector, NULL, 0, 0, 0, 0);
    irq_handle(vector);
    trace_put(LODGE_TRACED_INTERRUPT_DONE, vector, NULL, 0, 0, 0, 0);
}

/* On prev's stack, still; the CPU is the next one's already. */
static void trace_switch(uint64_t *prev_rsp, uint64_t next_rsp)
{
    const struct vcpu *prev = current;

    trace_put(LODGE_TRACED_SWITCH, (unsigned)prev->sched.runstate.state, prev->domain,
              prev->domain->id, prev->id, 0, 0);
    machine_switch_stack(prev_rsp, next_rsp);
}

void machine_trace(bool on)
{
    WRITE_ONCE(entry_calls.trap, on ? trace_trap : pv_trap);
    WRITE_ONCE(entry_calls.device_not_available,
               on ? trace_device_not_available : pv_device_not_available);
    WRITE_ONCE(entry_calls.syscall_bounce, on ? trace_syscall : pv_syscall_bounce);
    WRITE_ONCE(entry_calls.return_work, on ? trace_return_work : pv_return_work);
    WRITE_ONCE(entry_calls.irq, on ? trace_irq : irq_handle);
    WRITE_ONCE(machine_switch, on ? trace_switch : machine_switch_stack);
}
