/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the boot loader handed over, and what ACPI says; filled once on the boot CPU, before others
 * run, and only read from then on.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <lib/types.h>

#define E820_MAX      128
#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4
#define E820_UNUSABLE 5 /* also RAM above the limit of mem= */

/* [addr, addr + size) does not wrap and is not empty; entries need not be page aligned. */
struct e820_entry {
    uint64_t addr, size;
    uint32_t type;
};

/* Its memory is kept from the heap until dom0 has been built from it. */
struct boot_module {
    paddr_t start; /* below 4 GiB */
    uint64_t size; /* bytes */
    char cmdline[1024];
};

struct boot_info {
    char cmdline[1024];
    char loader[64];                  /* its name */
    struct e820_entry e820[E820_MAX]; /* by address; entries may overlap */
    unsigned nr_e820;
    struct boot_module modules[4]; /* 0: dom0's kernel, 1: its initrd */
    unsigned nr_modules;
    paddr_t rsdp;       /* our copy of the one in the loader's information, in the image; 0: none */
    paddr_t efi_system; /* EFI's system table; 0: none */
    uint8_t vga_text;   /* 1: a VGA text console is there */
    struct {            /* a linear frame buffer of direct colours; base 0: none */
        paddr_t base;
        uint32_t bytes_per_line, width, height;
        uint8_t bits_per_pixel;
        uint8_t colours[6]; /* position and size of red, green and blue */
    } screen;
};
extern struct boot_info boot_info;

/* From ACPI (x86/acpi.c). */
struct acpi_info {
    paddr_t rsdp; /* where the firmware keeps it; 0: not found */
    paddr_t lapic_base;
    struct {
        uint32_t apic_id, acpi_id;
        bool enabled; /* false: may be added while the machine runs, which is not supported */
    } cpus[256];
    unsigned nr_cpus;
    struct {
        uint8_t id;
        paddr_t base;
        uint32_t gsi_base; /* of its first pin */
    } ioapics[8];
    unsigned nr_ioapics;
    struct {
        uint8_t irq;
        uint32_t gsi;
        bool level, active_low;
    } overrides[16]; /* ISA interrupts of which the firmware says how they are wired */
    unsigned nr_overrides;
    uint16_t pm_timer_port;      /* 0: none */
    paddr_t hpet_base;           /* 0: none */
    uint16_t pm1a_cnt, pm1b_cnt; /* ports; 0: none */
    uint16_t reset_port;         /* 0: none; else reset_value goes there */
    uint8_t reset_value;
};
extern struct acpi_info acpi_info;
void acpi_init(void);

/* boot/multiboot2.c: what head.S was given; the second is the part that tests call. */
void multiboot2_parse(uint32_t magic, paddr_t info);
void multiboot2_take(const uint8_t *info);
/* boot/cmdline.c: defaults, then what the loader passed; warnings go to the log. */
void cmdline_init(const char *text);

/*
 * Ends the start for a reason that is the user's to put right (a wrong module, too little memory):
 * prints it, without the dump that panic() makes, and restarts the machine (x86/dump.c).
 */
void boot_fail(const char *fmt, ...) NORETURN PRINTF_LIKE(1, 2);

extern const char boot_version[], boot_date[], boot_compiler[]; /* date: of the commit */

#endif
