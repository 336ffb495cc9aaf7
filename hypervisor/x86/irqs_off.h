/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug builds: how long each CPU keeps interrupts off, between which two places, and what is told
 * of it. A stretch begins where the guest or an interrupt window is left and ends where one is
 * entered: at the SYSCALL, trap or interrupt, at each preemption point, at the return to the guest
 * and where the idle loop halts. In between nothing else runs on the CPU, whoever waits for it.
 *
 * Time is the TSC's: instructions where the machine counts them (QEMU's -icount with one CPU),
 * otherwise time that passed, in which a machine below us may have stood still. In a release build
 * there is nothing of all this.
 */
#ifndef X86_IRQS_OFF_H
#define X86_IRQS_OFF_H

#ifndef NDEBUG
void irqs_off_start(void); /* from here on: what comes before, at boot, keeps nobody waiting */
void irqs_off_begin(void);
void irqs_off_end(void);
/* What came before is not counted: for what nobody but the control domain asks for, a dump say. */
void irqs_off_forget(void);
/* The worst of each CPU, as log lines: for the debug key, and before the machine goes down. */
void irqs_off_report(void);
#else
static inline void irqs_off_start(void) {}
static inline void irqs_off_begin(void) {}
static inline void irqs_off_end(void) {}
static inline void irqs_off_forget(void) {}
static inline void irqs_off_report(void) {}
#endif

/* ---- where C lets interrupts in ---- */

/*
 * Opens the interrupt window for one instruction; handlers run nested on this stack. STI takes
 * effect behind the next instruction, hence the NOP. No lock may be held: handlers take some.
 */
static inline void irq_window(void)
{
    irqs_off_end();
    __asm__ volatile("sti; nop; cli" : : : "memory");
    irqs_off_begin();
}

/* Until the next interrupt. One that comes after the caller's last look still ends the HLT. */
static inline void irq_halt(void)
{
    irqs_off_end();
    __asm__ volatile("sti; hlt; cli" : : : "memory");
    irqs_off_begin();
}

#endif
