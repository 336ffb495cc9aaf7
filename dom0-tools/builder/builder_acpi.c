// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables of a PVH guest: which vcpus there can be, and that there is nothing else of a PC.
 *
 * RSDP, XSDT, FADT, MADT and DSDT follow each other. The FADT says that the hardware is reduced: no
 * PIC, no timer chip, no power management registers, so that the kernel looks for none. A vcpu that
 * does not exist from the start is listed as one that can be enabled. The DSDT describes nothing.
 */
#include "builder_acpi.h"

#include <string.h>

#define LAPIC_ADDRESS 0xfee00000U
#define MADT_ENABLED  1U

/* Of the FADT. */
#define BOOT_NO_VGA          0x0004U
#define BOOT_NO_MSI          0x0008U
#define BOOT_NO_CMOS         0x0020U
#define FADT_WBINVD          (1U << 0)
#define FADT_NO_POWER_BUTTON (1U << 4) /* of the fixed hardware */
#define FADT_NO_SLEEP_BUTTON (1U << 5)
#define FADT_HW_REDUCED      (1U << 20)

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum; /* of what version 1 had */
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem[6];
    char oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
} __attribute__((packed));

struct acpi_xsdt {
    struct acpi_header header;
    uint64_t table[2];
} __attribute__((packed));

/* Revision 5. All fields that are left out here are 0: registers of hardware that is not there. */
struct acpi_fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t registers[65];
    uint16_t boot_arch;
    uint8_t reserved;
    uint32_t flags;
    uint8_t reset[16];
    uint64_t x_facs, x_dsdt;
    uint8_t x_registers[120];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_fadt) == 268, "FADT");
_Static_assert(offsetof(struct acpi_fadt, boot_arch) == 109, "FADT boot flags");
_Static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "FADT X_DSDT");

struct acpi_lapic {
    uint8_t type, length; /* 0, 8 */
    uint8_t uid, id;
    uint32_t flags;
} __attribute__((packed));

struct acpi_x2apic {
    uint8_t type, length; /* 9, 16 */
    uint16_t reserved;
    uint32_t id;
    uint32_t flags;
    uint32_t uid;
} __attribute__((packed));

struct acpi_madt {
    struct acpi_header header;
    uint32_t lapic;
    uint32_t flags;
} __attribute__((packed));

/* Where each lies. */
struct acpi_layout {
    struct acpi_rsdp rsdp;
    uint8_t pad[4];
    struct acpi_xsdt xsdt;
    struct acpi_header dsdt;
    struct acpi_fadt fadt;
    struct acpi_madt madt; /* its entries follow */
} __attribute__((packed));

/* The ids that fit into 8 bits have the older form, which every kernel knows. 255 means all. */
static uint32_t apic_id(uint32_t vcpu)
{
    return vcpu * 2;
}

static bool is_x2apic(uint32_t vcpu)
{
    return apic_id(vcpu) >= 255;
}

size_t acpi_size(uint32_t vcpus)
{
    size_t size = sizeof(struct acpi_layout);
    uint32_t v;

    for (v = 0; v < vcpus; v++)
        size += is_x2apic(v) ? sizeof(struct acpi_x2apic) : sizeof(struct acpi_lapic);
    return size;
}

/* What makes the sum of all bytes 0, the checksum being 0 so far. */
static uint8_t checksum(const void *table, size_t size)
{
    const uint8_t *p = table;
    uint8_t sum = 0;

    while (size--)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

/* The last step: the table is complete. */
static void finish(struct acpi_header *h, const char *signature, uint8_t revision, size_t size)
{
    memcpy(h->signature, signature, sizeof(h->signature));
    h->length = (uint32_t)size;
    h->revision = revision;
    memcpy(h->oem, "Lodge ", sizeof(h->oem));
    memcpy(h->oem_table, "PVH     ", sizeof(h->oem_table));
    h->oem_revision = 1;
    memcpy(h->creator, "LODG", sizeof(h->creator));
    h->creator_revision = 1;
    h->checksum = checksum(h, size);
}

/* Returns the end of the entries. */
static uint8_t *processors(uint8_t *p, uint32_t vcpus, uint32_t online)
{
    uint32_t v;

    for (v = 0; v < vcpus; v++) {
        uint32_t flags = v < online ? MADT_ENABLED : 0;

        if (is_x2apic(v)) {
            struct acpi_x2apic e = {9, sizeof(e), 0, apic_id(v), flags, v};

            memcpy(p, &e, sizeof(e));
            p += sizeof(e);
        } else {
            struct acpi_lapic e = {0, sizeof(e), (uint8_t)v, (uint8_t)apic_id(v), flags};

            memcpy(p, &e, sizeof(e));
            p += sizeof(e);
        }
    }
    return p;
}

void acpi_build(void *to, uint64_t address, uint32_t vcpus, uint32_t online)
{
    struct acpi_layout *a = to;
    uint8_t *end;

#define AT(field) (address + offsetof(struct acpi_layout, field))
    memset(a, 0, sizeof(*a));
    memcpy(a->rsdp.signature, "RSD PTR ", sizeof(a->rsdp.signature));
    memcpy(a->rsdp.oem, "Lodge ", sizeof(a->rsdp.oem));
    a->rsdp.revision = 2;
    a->rsdp.length = sizeof(a->rsdp);
    a->rsdp.xsdt = AT(xsdt);
    a->rsdp.checksum = checksum(&a->rsdp, offsetof(struct acpi_rsdp, length));
    a->rsdp.extended_checksum = checksum(&a->rsdp, sizeof(a->rsdp));
    a->xsdt.table[0] = AT(fadt);
    a->xsdt.table[1] = AT(madt);
    finish(&a->xsdt.header, "XSDT", 1, sizeof(a->xsdt));
    finish(&a->dsdt, "DSDT", 2, sizeof(a->dsdt));
    a->fadt.dsdt = (uint32_t)AT(dsdt);
    a->fadt.x_dsdt = AT(dsdt);
    a->fadt.boot_arch = BOOT_NO_VGA | BOOT_NO_MSI | BOOT_NO_CMOS;
    a->fadt.flags = FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_HW_REDUCED;
    finish(&a->fadt.header, "FACP", 5, sizeof(a->fadt));
    a->madt.lapic = LAPIC_ADDRESS;
    end = processors((uint8_t *)(&a->madt + 1), vcpus, online);
    finish(&a->madt.header, "APIC", 3, (size_t)(end - (uint8_t *)&a->madt));
#undef AT
}
