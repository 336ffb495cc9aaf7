/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boot command line. Options are a table: name, type, where it goes, help text; an unknown
 * option is warned about, not swallowed. Compiles on the host.
 */
#ifndef LIB_CMDLINE_H
#define LIB_CMDLINE_H

#include <lib/types.h>

/*
 * All options of the hypervisor: defaults are in boot/cmdline.c, a line about each in the table of
 * lib/cmdline.c. Set once at boot, then only read.
 */
struct boot_options {
    char console[64];  /* console=com1|com2|none[,baud] */
    uint64_t dom0_mem; /* bytes; 0: all but a reserve */
    uint64_t dom0_mem_max;
    unsigned dom0_max_vcpus; /* 0: one per CPU */
    bool dom0_vcpus_pin;
    int loglvl; /* console_log level shown */
    int guest_loglvl;
    bool noreboot;
    char sched[16];
    unsigned maxcpus;               /* 0: all */
    bool smap, smep, x2apic, xsave; /* smap=0 etc. turn them off */
    unsigned conring_kib;
    unsigned max_gnttab_frames, max_maptrack_frames;
    char clocksource[8]; /* tsc calibration: acpi|hpet|pit */
    uint64_t mem_limit;  /* mem=: use no memory above; 0: all */
    unsigned irqs_off;   /* debug builds: TSC ticks, see x86/irqs_off.h; 0: no report */
    bool debug_exit;     /* debug-exit: power off through port 0xf4 (tests under QEMU) */
};
extern struct boot_options boot_options;

/*
 * Parses text into o; calls warn(option, reason) for each it cannot take. What text does not name
 * stays as it was in o. Words are separated by blanks; of two for one option the later counts.
 */
void cmdline_parse(struct boot_options *o, const char *text,
                   void (*warn)(const char *option, const char *reason));
/*
 * "512M", "1G", "1024" (KiB without suffix, as the ABI's users expect of dom0_mem). *end is behind
 * what was read; false: no number, or too large for 64 bits.
 */
bool cmdline_size(const char *s, const char **end, uint64_t *bytes);
/* Option i's name and a line of help; NULL behind the last. */
const char *cmdline_help(unsigned i, const char **name);

#endif
