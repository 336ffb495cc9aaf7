/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions of the hypervisor itself. A fault at an instruction listed in the exception table goes
 * on at its fix-up; a page fault may be the LDT's lazy mapping or a stale translation; anything
 * else is a bug, reported in full. Exceptions of guests go to pv/ straight from entry.S, except
 * those that arrive on stacks of their own.
 *
 * Ring 0 has few reasons to fault: a guest address (x86/uaccess.S), a register that may not exist,
 * a selector or a frame that the processor refuses at the way out, a guest's LDT page that is not
 * in its window yet. All but the last have an entry in the exception table, so a fault anywhere
 * else is a broken invariant of ours, and the machine stops: no guest may be able to cause one.
 *
 * NMIs can come between any two instructions, also where a lock is held or the console is in the
 * middle of a line. So their handlers here take no lock and print nothing, except as part of the
 * report of a CPU that has failed (x86/dump.c).
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/stats.h>
#include <x86/cpu.h>
#include <x86/dump.h>
#include <x86/guest_entry.h>
#include <x86/page.h>
#include <x86/uaccess.h>

#define VEC_DB  1
#define VEC_NMI 2
#define VEC_DF  8
#define VEC_PF  14
#define VEC_MC  18

/* Error code of a page fault: Intel SDM volume 3, chapter 6. */
#define PF_PRESENT 0x1u
#define PF_WRITE   0x2u
#define PF_USER    0x4u
#define PF_RSVD    0x8u
#define PF_FETCH   0x10u

/* Two words, as the EXTABLE macros of x86/macros.inc and x86/uaccess.h write them. */
struct extable_entry {
    vaddr_t fault, fixup;
};
extern const struct extable_entry extable_start[], extable_end[];

/* A couple of dozen entries, looked at only when something went wrong: no need to sort them. */
vaddr_t extable_find(vaddr_t fault)
{
    for (const struct extable_entry *e = extable_start; e < extable_end; e++)
        if (e->fault == fault)
            return e->fixup;
    return 0;
}

static const char *const traps_names[32] = {
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection",
    "page fault",
    "15",
    "floating point",
    "alignment check",
    "machine check",
    "SIMD floating point",
    "virtualization",
    "control protection",
};

const char *traps_name(unsigned vector)
{
    return vector < 32 && traps_names[vector] != NULL ? traps_names[vector] : "interrupt";
}

/*
 * Would the access succeed by the tables as they are now? Then a permission was raised without a
 * flush, which the ABI allows, and the TLB entry that caused the fault is gone by now: a fault
 * drops the translations of its address (Intel SDM volume 3, chapter 4, on invalidation).
 *
 * The tables are the guest's and are walked without a lock. That is safe as this CPU polls for no
 * flush requests meanwhile: a table that is unlinked now takes no other type before this CPU has
 * flushed (pv/page_types.c), so what is read as an entry is one. A present page that is the guest's
 * and not open to us faults for good (SMAP outside a copy): that is no spurious fault.
 */
static bool page_fault_is_spurious(const struct cpu_regs *regs, vaddr_t addr)
{
    bool user = true;
    pte_t *table = phys_to_virt(read_cr3() & PTE_ADDR);

    if (regs->error_code & (PF_RSVD | PF_FETCH))
        return false;
    for (unsigned level = 4; level > 0; level--) {
        pte_t e = READ_ONCE(table[pt_index(addr, level)]);

        if (!(e & PTE_P) || ((regs->error_code & PF_WRITE) && !(e & PTE_W)))
            return false;
        user &= (e & PTE_U) != 0;
        if (level == 1 || (e & PTE_PS))
            break;
        table = mfn_to_virt(pte_mfn(e));
    }
    return !user || !cpu_features.smap || (regs->rflags & RFLAGS_AC) != 0;
}

/*
 * Should the processor refuse what the walk above allows, it would fault without end. So a spurious
 * fault at one place is believed a hundred times in one hypercall, during which another vcpu may
 * raise and lower the permission; a vcpu alone does not even fault twice. All copies share an
 * instruction and a caller may repeat the address, so only faults that were retried are counted.
 */
static bool page_fault_persists(const struct cpu_regs *regs, vaddr_t addr)
{
    static struct retried {
        const struct vcpu *vcpu;
        uint64_t hypercall;
        vaddr_t addr, rip;
        unsigned count;
    } retried[NR_CPUS]; /* own CPU's only */
    struct retried *r = &retried[this_cpu()->id];
    const struct vcpu *v = this_cpu()->curr;
    uint64_t hypercall = stats_sum(stats_of(v), LODGE_STAT_HYPERCALL, NR_HYPERCALLS);

    if (r->vcpu != v || r->hypercall != hypercall || r->addr != addr || r->rip != regs->rip)
        *r = (struct retried){v, hypercall, addr, regs->rip, 0};
    return r->count++ >= 100;
}

/* True: try again. In the vmap area only windows of LDTs may fault. */
static bool page_fault_in_ring0(struct cpu_regs *regs, vaddr_t addr)
{
    if (addr >= VMAP_START && addr < VMAP_END)
        return pv_ldt_fault(addr);
    return page_fault_is_spurious(regs, addr) && !page_fault_persists(regs, addr);
}

/*
 * From entry.S: an exception in ring 0, on whatever stack was in use. CR2 is read first: a page
 * fault on the way would replace it.
 */
void traps_ring0(struct cpu_regs *regs)
{
    vaddr_t fixup, addr = regs->vector == VEC_PF ? read_cr2() : 0;

    if (regs->vector == VEC_PF && page_fault_in_ring0(regs, addr))
        return;
    fixup = extable_find(regs->rip);
    if (fixup != 0) {
        regs->rip = fixup;
        return;
    }
    dump_fatal(regs, "%s in the hypervisor, error code %#x, address %#lx", traps_name(regs->vector),
               regs->error_code, addr);
}

static unsigned traps_nmis; /* seen and not yet reported; atomic */

/* May have interrupted the holder of any lock: it is only counted here. */
static void unknown_nmi(struct cpu_regs *regs)
{
    if (!dump_nmi(regs)) /* else another CPU has panicked */
        __atomic_add_fetch(&traps_nmis, 1, __ATOMIC_RELAXED);
}

/* From the timer interrupt. */
void traps_report_nmis(void)
{
    if (unlikely(READ_ONCE(traps_nmis) != 0))
        log_warn("%u NMIs that nobody asked for, reason %#x",
                 __atomic_exchange_n(&traps_nmis, 0, __ATOMIC_RELAXED), inb(0x61));
}

/*
 * Until its next IRET the processor takes no other NMI, and the way back to the guest may be
 * SYSRETQ, also after a switch to another vcpu. So the IRET is executed here, to the next
 * instruction: the frame has been moved off the NMI's stack, which the next one may use.
 */
static void unblock_nmis(void)
{
    uint64_t scratch;

    __asm__ volatile("mov %%ss, %k0\n\t"
                     "push %0\n\t"
                     "lea 8(%%rsp), %0\n\t"
                     "push %0\n\t"
                     "pushfq\n\t"
                     "mov %%cs, %k0\n\t"
                     "push %0\n\t"
                     "lea 1f(%%rip), %0\n\t"
                     "push %0\n\t"
                     "iretq\n"
                     "1:"
                     : "=&r"(scratch)
                     :
                     : "memory");
}

/*
 * From entry.S: NMI, machine check, #DB or double fault in guest mode, on the vcpu's stack. A
 * machine check ends everything: what the processor reports may be anybody's memory.
 */
void traps_ist_guest(struct cpu_regs *regs)
{
    switch (regs->vector) {
    case VEC_DB:
        entry_calls.trap(regs);
        break;
    case VEC_NMI:
        stats_count(LODGE_STAT_EXCEPTION + VEC_NMI);
        unblock_nmis();
        unknown_nmi(regs);
        break;
    default:
        dump_fatal(regs, "%s in guest mode", traps_name(regs->vector));
    }
}

/* The same in ring 0, on the exception's own stack: `current` is not valid (x86/regs.h). */
void traps_ist_ring0(struct cpu_regs *regs)
{
    switch (regs->vector) {
    case VEC_DB:
        /*
         * A guest's watchpoint on memory that we copied for it, or a MOV SS before SYSCALL, which
         * delays the trap past it. The guest is not told. Its breakpoints cannot lie in addresses
         * of ours (pv/debugreg.c), so this does not repeat itself here.
         */
        __asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
        regs->rflags &= ~RFLAGS_TF;
        break;
    case VEC_NMI:
        unknown_nmi(regs);
        break;
    case VEC_DF:
        dump_fatal(regs,
                   "double fault, last page fault at %#lx (a stack overflow if that is near "
                   "rsp)",
                   read_cr2());
    default:
        dump_fatal(regs, "%s", traps_name(regs->vector));
    }
}
