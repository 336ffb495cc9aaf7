/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the RSDP, the way into the ACPI tables. On a machine with BIOS it is on a 16-byte boundary
 * of the area at 0xe0000 or of the first KiB of the extended data area (ACPI
 * specification, section 5.2.5.1); else the loader has passed a copy.
 */
#include <boot/boot.h>
#include <lib/string.h>
#include <x86/acpi.h>
#include <x86/page.h>

/* The first 20 bytes, which all revisions have. */
static INIT_TEXT bool rsdp_ok(const uint8_t *p)
{
    return memcmp(p, "RSD PTR ", 8) == 0 && acpi_checksum_ok(p, 20);
}

/* The firmware's own place first: dom0 will look there as well. */
static INIT_TEXT const uint8_t *find_rsdp(void)
{
    uint16_t ebda;

    memcpy(&ebda, phys_to_virt(0x40e), sizeof(ebda));

    paddr_t areas[2][2] = {{0xe0000, 0x100000}, {(paddr_t)ebda << 4, ((paddr_t)ebda << 4) + 1024}};

    for (unsigned a = 0; a < 2; a++) {
        if (areas[a][0] < 0x400 || areas[a][1] > MIB(1))
            continue;
        for (paddr_t pa = areas[a][0]; pa < areas[a][1]; pa += 16)
            if (rsdp_ok(phys_to_virt(pa))) {
                acpi_info.rsdp = pa;
                return phys_to_virt(pa);
            }
    }
    if (boot_info.rsdp == 0)
        return NULL;

    const uint8_t *copy = (const uint8_t *)IMAGE_START + boot_info.rsdp;

    return rsdp_ok(copy) ? copy : NULL;
}

INIT_TEXT void acpi_init(void)
{
    acpi_parse(find_rsdp());
}
