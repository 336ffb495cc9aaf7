/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the RSDP, the way into the ACPI tables. On a machine with BIOS it is on a 16-byte boundary
 * of the area at 0xe0000 or of the first KiB of the extended data area (ACPI specification, section
 * 5.2.5.1); on one with UEFI the system table leads to it (UEFI specification, sections 4.3 and
 * 4.6); else the loader has passed a copy. dom0, which looks by itself on a BIOS machine alone, has
 * to be told (dom0_build.c).
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

#define EFI_SYSTEM_SIZE 120 /* bytes of the system table, of which the last two fields count: */
#define EFI_NR_TABLES   104 /* 8 bytes: how many configuration tables there are, */
#define EFI_TABLES      112 /* and where they are described */
#define EFI_ENTRY       24  /* a GUID and an address */
#define EFI_MAX_TABLES  256 /* more are taken for damage */

/* By EFI's configuration tables, among which the one of ACPI 2.0 or later has this GUID. */
static INIT_TEXT const uint8_t *find_rsdp_by_efi(void)
{
    static const uint8_t acpi_guid[16] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                          0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
    const uint8_t *system, *tables, *rsdp;
    uint64_t n, at;
    paddr_t pa;

    if (boot_info.efi_system == 0)
        return NULL;
    system = ioremap(boot_info.efi_system, EFI_SYSTEM_SIZE);
    if (system == NULL || memcmp(system, "IBI SYST", 8) != 0)
        return NULL;
    memcpy(&n, system + EFI_NR_TABLES, sizeof(n));
    memcpy(&at, system + EFI_TABLES, sizeof(at));
    if (n == 0 || n > EFI_MAX_TABLES)
        return NULL;
    tables = ioremap(at, n * EFI_ENTRY);
    for (uint64_t i = 0; tables != NULL && i < n; i++) {
        const uint8_t *entry = tables + i * EFI_ENTRY;

        if (memcmp(entry, acpi_guid, sizeof(acpi_guid)) != 0)
            continue;
        memcpy(&pa, entry + sizeof(acpi_guid), sizeof(pa));
        rsdp = ioremap(pa, 36);
        if (rsdp == NULL || !rsdp_ok(rsdp))
            return NULL;
        acpi_info.rsdp = pa;
        return rsdp;
    }
    return NULL;
}

/* The firmware's own place first. */
static INIT_TEXT const uint8_t *find_rsdp(void)
{
    const uint8_t *rsdp;
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
    rsdp = find_rsdp_by_efi();
    if (rsdp != NULL || boot_info.rsdp == 0)
        return rsdp;

    const uint8_t *copy = (const uint8_t *)IMAGE_START + boot_info.rsdp;

    return rsdp_ok(copy) ? copy : NULL;
}

INIT_TEXT void acpi_init(void)
{
    acpi_parse(find_rsdp());
}
