/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boot options: their defaults, and what the loader's command line makes of them. The list of
 * options with their meaning is the table in lib/cmdline.c.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <lib/cmdline.h>

struct boot_options boot_options = {
    .console = "com1",
    .loglvl = LOG_INFO,
    .guest_loglvl = LOG_WARN,
    .sched = "share",
    .smap = true,
    .smep = true,
    .x2apic = true,
    .xsave = true,
    .conring_kib = 64,
    .max_gnttab_frames = 64,
    .max_maptrack_frames = 1024,
    .clocksource = "",
};

static INIT_TEXT void warn_nowhere(const char *option, const char *reason) {}

static bool cmdline_warned INIT_DATA;

static INIT_TEXT void warn_log(const char *option, const char *reason)
{
    log_warn("boot option %s %s; ignored", option, reason);
    cmdline_warned = true;
}

/* Before there is a console: the options decide where it is. */
INIT_TEXT void cmdline_init(const char *text)
{
    cmdline_parse(&boot_options, text, warn_nowhere);
}

/* Parses once more, for the warnings alone; any of them brings the list of options. */
INIT_TEXT void cmdline_report(const char *text)
{
    static struct boot_options scratch INIT_DATA;

    const char *name, *help;

    cmdline_parse(&scratch, text, warn_log);
    for (unsigned i = 0; cmdline_warned && (help = cmdline_help(i, &name)) != NULL; i++)
        log_info("    %-26s %s", name, help);
}
