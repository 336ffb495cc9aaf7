/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The crash report: reason, registers, stack with symbol names, of the CPU that failed and then of
 * the others, which an NMI stops. No lock is taken and nothing is allocated; a fault on the way
 * ends in the short report of a second panic.
 *
 * One CPU reports (dump_claim()); others that fail meanwhile halt. dump_turn goes to one CPU after
 * the other and back: it is written by the reporting CPU with a number and by the named CPU with 0,
 * so that their lines do not mix. What is printed of a guest is where it was, not its memory.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/domain.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/dump.h>
#include <x86/page.h>

#define STACK_NAMES 24 /* return addresses shown per stack */

static unsigned dump_cpu_plus_1; /* the CPU that went down first; 0: none */
static bool dump_stop_others, dump_halt;
static unsigned dump_turn; /* 1 + the CPU that may report now, 0: done */

void dump_regs(const struct cpu_regs *r)
{
    log_err("rip %04lx:%016lx %ps", r->cs & 0xffff, r->rip, (void *)r->rip);
    log_err("rsp %04lx:%016lx rflags %08lx vector %#x error %#x", r->ss & 0xffff, r->rsp, r->rflags,
            r->vector, r->error_code);
    log_err("rax %016lx rbx %016lx rcx %016lx", r->rax, r->rbx, r->rcx);
    log_err("rdx %016lx rsi %016lx rdi %016lx", r->rdx, r->rsi, r->rdi);
    log_err("rbp %016lx r8  %016lx r9  %016lx", r->rbp, r->r8, r->r9);
    log_err("r10 %016lx r11 %016lx r12 %016lx", r->r10, r->r11, r->r12);
    log_err("r13 %016lx r14 %016lx r15 %016lx", r->r13, r->r14, r->r15);
    log_err("cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx", read_cr0(), read_cr2(), read_cr3(),
            read_cr4());
}

/* Is the word's page there? Asked of the tables, so that a wild RSP does not fault again. */
static bool readable(uint64_t va)
{
    return va >= HV_START && va < HV_END && (va & 7) == 0 &&
           (hv_root == NULL || !mfn_eq(hv_lookup(va), INVALID_MFN));
}

/*
 * Not a walk along frames: every word that looks like a return address, so some may be left over
 * from calls that have ended. It needs no valid RBP.
 */
void dump_stack(uint64_t sp, uint64_t rip)
{
    uint64_t end = ROUND_UP(sp + 1, STACK_SIZE) - STACK_TOP_SIZE;
    unsigned shown = 0;

    log_err("stack at %016lx:", sp);
    if (!readable(ROUND_DOWN(sp, 8))) /* overflown: what is above the guard page tells by whom */
        sp = ROUND_UP(sp + 1, PAGE_SIZE);
    sp = ROUND_UP(sp, 8);
    for (; sp < end && shown < STACK_NAMES && readable(sp); sp += 8) {
        uint64_t offset, word = *(const uint64_t *)sp;

        if (symbols_find(word, &offset) != NULL && offset != 0) {
            log_err("    %016lx %ps", word, (void *)word);
            shown++;
        }
    }
}

/* By c->curr, as the stack may be an exception's own. */
static void dump_where(void)
{
    struct cpu *c = this_cpu();
    struct vcpu *v = c->curr;

    if (v != NULL && v->domain != NULL)
        log_err("CPU%u, running %pv", c->id, v);
    else
        log_err("CPU%u, during start-up", c->id);
}

static void dump_one_cpu(const struct cpu_regs *regs)
{
    dump_where();
    dump_regs(regs);
    if (!regs_from_guest(regs))
        dump_stack(regs->rsp, regs->rip);
}

/* A few lines each, in turn: where they were, and for whom. Returns only when nobody has failed. */
bool dump_nmi(struct cpu_regs *regs)
{
    unsigned me = this_cpu()->id + 1;

    while (READ_ONCE(dump_halt))
        __asm__ volatile("cli; hlt");
    if (!READ_ONCE(dump_stop_others))
        return false;
    while (READ_ONCE(dump_turn) != me)
        cpu_relax();
    dump_where();
    log_err("rip %04lx:%016lx %ps", regs->cs & 0xffff, regs->rip, (void *)regs->rip);
    if (!regs_from_guest(regs))
        dump_stack(regs->rsp, regs->rip);
    WRITE_ONCE(dump_turn, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void dump_halt_others(void)
{
    WRITE_ONCE(dump_halt, true);
    apic_send_nmi_others();
}

/* One that does not answer for a tenth of a second is not waited for. */
static void dump_others(void)
{
    unsigned cpu;

    WRITE_ONCE(dump_stop_others, true);
    apic_send_nmi_others();
    for_each_cpu (cpu, cpu_online & ~BIT(this_cpu()->id)) {
        WRITE_ONCE(dump_turn, cpu + 1);
        for (unsigned i = 0; i < 100000 && READ_ONCE(dump_turn) != 0; i++)
            (void)inb(0x80);
    }
}

/* First come, first reported; a CPU that fails while reporting gives up quickly. */
static bool dump_claim(void)
{
    unsigned me = this_cpu()->id + 1, none = 0;

    if (__atomic_compare_exchange_n(&dump_cpu_plus_1, &none, me, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return true;
    if (none == me)
        return false;
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void NORETURN dump_end(void)
{
    if (boot_options.noreboot && !boot_options.debug_exit) {
        log_err("halted; reset the machine by hand (noreboot)");
        for (;;)
            __asm__ volatile("cli; hlt");
    }
    log_err("restarting the machine in 5 seconds");
    for (unsigned ms = 0; ms < 5000 && !boot_options.debug_exit; ms++)
        for (unsigned i = 0; i < 1000; i++)
            (void)inb(0x80); /* about a microsecond each */
    machine_crash();
}

static void dump_report(struct cpu_regs *regs, const char *fmt, va_list ap)
{
    char reason[256];

    vsnprintf_(reason, sizeof(reason), fmt, ap);
    console_panic_mode();
    log_err("****************************************");
    log_err("Lodge %s has failed: %s", boot_version, reason);
    if (regs != NULL) {
        dump_one_cpu(regs);
    } else {
        dump_where();
        dump_stack((uint64_t)__builtin_frame_address(0), 0);
    }
    dump_others();
    log_err("****************************************");
}

void dump_fatal(struct cpu_regs *regs, const char *fmt, ...)
{
    va_list ap;

    __asm__ volatile("cli");
    if (dump_claim()) {
        va_start(ap, fmt);
        dump_report(regs, fmt, ap);
        va_end(ap);
    } else {
        log_err("failed again while reporting: %s at %016lx %ps", traps_name(regs->vector),
                regs->rip, (void *)regs->rip);
    }
    dump_end();
}

/* What the user can put right: the reason alone, for a stack would hide it. */
void boot_fail(const char *fmt, ...)
{
    char reason[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf_(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    console_panic_mode();
    log_err("Lodge cannot start: %s", reason);
    dump_halt_others();
    dump_end();
}

void panic(const char *fmt, ...)
{
    va_list ap;

    __asm__ volatile("cli");
    if (dump_claim()) {
        va_start(ap, fmt);
        dump_report(NULL, fmt, ap);
        va_end(ap);
    }
    dump_end();
}
