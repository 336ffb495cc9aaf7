/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dom0 may reach of the machine: every port and every device, but not those that the
 * hypervisor drives itself: interrupt controllers, timers, the reset port, PCI configuration ports
 * (emulated), and the serial port of the hypervisor's console. RAM needs no entry here: whose frame
 * it is decides (pv/pte.c). A device that reaches memory by itself is not held back by any of this:
 * dom0 drives the devices, so it is trusted with what they can do.
 */
#include <boot/boot.h>
#include <core/domain.h>
#include <guest/permissions.h>
#include <lib/bug.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <pv/dom0.h>
#include <x86/cpu.h>

static const struct {
    uint16_t first, count;
} kept_ports[] = {
    {0x20, 2},                        /* interrupt controllers */
    {0xa0, 2}, {0x4d0, 2}, {0x40, 4}, /* interval timer */
    {0x61, 1}, {0x92, 1},             /* fast reset and A20 */
    {0xf0, 1}, {0xcf8, 8},            /* PCI configuration, reset control */
};

/* Taking away cannot fail: the bitmap is there, and the list has room for a few splits. */
static INIT_TEXT void deny_ports(struct domain *d, unsigned first, unsigned count)
{
    int rc = permissions_ioport_set(d, first, count, false);

    BUG_ON(rc != 0);
}

static INIT_TEXT void deny_frames(struct domain *d, paddr_t first, paddr_t last)
{
    int rc = permissions_iomem_set(d, first >> PAGE_SHIFT, last >> PAGE_SHIFT, false);

    BUG_ON(rc != 0);
}

INIT_TEXT void dom0_access_grant(struct domain *d)
{
    if (permissions_ioport_set(d, 0, 65536, true) != 0 ||
        permissions_iomem_set(d, 0, BIT(cpu_features.phys_bits - PAGE_SHIFT) - 1, true) != 0)
        panic("no memory for dom0's permissions");
    for (unsigned i = 0; i < ARRAY_SIZE(kept_ports); i++)
        deny_ports(d, kept_ports[i].first, kept_ports[i].count);
    if (acpi_info.pm_timer_port != 0)
        deny_ports(d, acpi_info.pm_timer_port, 4);
    if (strncmp(boot_options.console, "com2", 4) == 0)
        deny_ports(d, 0x2f8, 8);
    else if (strncmp(boot_options.console, "none", 4) != 0)
        deny_ports(d, 0x3f8, 8);

    deny_frames(d, 0xfee00000, 0xfeefffff); /* local APIC, and where interrupt messages go */
    if (acpi_info.lapic_base != 0)
        deny_frames(d, acpi_info.lapic_base, acpi_info.lapic_base);
    for (unsigned i = 0; i < acpi_info.nr_ioapics; i++)
        deny_frames(d, acpi_info.ioapics[i].base, acpi_info.ioapics[i].base);
}
