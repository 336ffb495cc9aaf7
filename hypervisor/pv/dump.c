/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's vcpu for the log: registers, and the words on its stack where they can be read. */
#include <core/console.h>
#include <core/domain.h>
#include <core/preempt.h>
#include <core/stats.h>
#include <pv/pte.h>
#include <pv/pv.h>
#include <pv/type.h>
#include <x86/dump.h>
#include <x86/page.h>
#include <x86/uaccess.h>

#define STACK_WORDS 32

/*
 * By the guest kernel's tables and the direct map, so that it works for any vcpu at any time. The
 * frame is not held and may be another's by now: good enough for a log that only dom0 reads.
 */
static bool read_guest_word(struct vcpu *v, vaddr_t va, uint64_t *word)
{
    pte_t e;

    if (!guest_range_ok(va, sizeof(*word)) || (va & 7))
        return false;
    e = pte_lookup(v, va);
    if (!(e & PTE_P) || !mfn_valid(pte_mfn(e)))
        return false;
    *word = READ_ONCE(*(uint64_t *)((char *)mfn_to_virt(pte_mfn(e)) + (va & ~PAGE_MASK)));
    return true;
}

/* Text takes long to make. */
#define LINE(...)                       \
    do {                                \
        log_info(__VA_ARGS__);          \
        if (preempt)                    \
            preempt_after(WORK_BUDGET); \
    } while (0)

static void dump_guest_stack(struct vcpu *v, vaddr_t sp, bool preempt)
{
    uint64_t w[4];

    for (unsigned i = 0; i < STACK_WORDS; i += 4) {
        for (unsigned j = 0; j < 4; j++)
            if (!read_guest_word(v, sp + (i + j) * 8, &w[j]))
                return;
        LINE("  stack %016lx: %016lx %016lx %016lx %016lx\n", (unsigned long)sp + i * 8,
             (unsigned long)w[0], (unsigned long)w[1], (unsigned long)w[2], (unsigned long)w[3]);
    }
}

void pv_dump_vcpu(struct vcpu *v, bool preempt)
{
    const struct cpu_regs *r = pv_vcpu_regs(v);

#define L(x) ((unsigned long)(x))
    LINE("%pv in guest %s mode, vector %x error %x\n", v, v->arch.kernel_mode ? "kernel" : "user",
         r->vector, r->error_code);
    LINE("  rip %04lx:%016lx rflags %08lx rsp %04lx:%016lx\n", L(r->cs), L(r->rip), L(r->rflags),
         L(r->ss), L(r->rsp));
    LINE("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", L(r->rax), L(r->rbx), L(r->rcx),
         L(r->rdx));
    LINE("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", L(r->rsi), L(r->rdi), L(r->rbp),
         L(r->r8));
    LINE("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", L(r->r9), L(r->r10), L(r->r11),
         L(r->r12));
    LINE("  r13 %016lx r14 %016lx r15 %016lx cr2 %016lx\n", L(r->r13), L(r->r14), L(r->r15),
         L(v->info->arch.cr2));
    LINE("  cr3 %016lx kernel stack %016lx events %s%s\n", L(pv_cr3(v)), L(v->pv.kernel_sp),
         v->info->evtchn_upcall_pending ? "pending" : "none",
         v->info->evtchn_upcall_mask ? ", masked" : "");
    if (stats_of(v)[LODGE_STAT_FRAME_TRAP] != 0)
        LINE("  last trap: %s (%u), error %x, at %016lx\n", traps_name(v->pv.last_trap),
             v->pv.last_trap, v->pv.last_trap_error, L(v->pv.last_trap_rip));
#undef L
    if (v->arch.kernel_mode)
        dump_guest_stack(v, r->rsp & ~7ull, preempt);
}
