/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways to end: restart, power off, halt. None returns, whatever the machine lacks, except a
 * power-off that did not happen: then dom0 is told. Restart tries one way after the other, the
 * firmware's own first, and a triple fault at last, which every processor answers with a reset.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <lib/cmdline.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/dump.h>
#include <x86/irqs_off.h>

#define DEBUG_EXIT_PORT 0xf4 /* QEMU's isa-debug-exit: status is value * 2 + 1 */
#define SLEEP_ENABLE    0x2000u

static void pause_ms(unsigned ms)
{
    for (unsigned i = 0; i < ms * 1000; i++)
        (void)inb(0x80); /* a port access takes about a microsecond */
}

static void NORETURN stop_cpu(void *unused)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void NORETURN reset(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } PACKED no_idt = {0, 0};

    if (acpi_info.reset_port != 0) {
        outb(acpi_info.reset_port, acpi_info.reset_value);
        pause_ms(50);
    }
    for (unsigned i = 0; i < 10; i++) { /* the keyboard controller's reset line */
        for (unsigned n = 0; n < 10000 && (inb(0x64) & 2); n++)
            cpu_relax();
        outb(0x64, 0xfe);
        pause_ms(5);
    }
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
    pause_ms(50);
    __asm__ volatile("lidt %0; int3" : : "m"(no_idt)); /* triple fault */
    stop_cpu(NULL);
}

void machine_restart(void)
{
    __asm__ volatile("cli");
    console_flush();
    if (boot_options.debug_exit)
        outb(DEBUG_EXIT_PORT, 1);
    if (boot_options.noreboot) {
        log_info("restart wanted; halted instead (noreboot)");
        machine_halt();
    }
    log_info("restarting the machine");
    console_flush();
    dump_halt_others();
    reset();
}

void machine_crash(void)
{
    if (boot_options.debug_exit)
        outb(DEBUG_EXIT_PORT, 2);
    reset();
}

void machine_halt(void)
{
    log_info("halted");
    __asm__ volatile("cli");
    console_flush();
    if (boot_options.debug_exit)
        outb(DEBUG_EXIT_PORT, 0);
    dump_halt_others();
    stop_cpu(NULL);
}

/*
 * The sleep type is dom0's, which reads it from AML; SLP_EN makes it happen (ACPI specification,
 * section 4.8.3.2).
 */
int machine_power_off_s5(uint32_t a, uint32_t b)
{
    irqs_off_report();
    console_flush();
    if (boot_options.debug_exit)
        outb(DEBUG_EXIT_PORT, 0);
    if (acpi_info.pm1a_cnt == 0)
        return -XEN_ENODEV;
    outw(acpi_info.pm1a_cnt, (uint16_t)(a | SLEEP_ENABLE));
    if (acpi_info.pm1b_cnt != 0)
        outw(acpi_info.pm1b_cnt, (uint16_t)(b | SLEEP_ENABLE));
    pause_ms(1000);
    return -XEN_EIO;
}
