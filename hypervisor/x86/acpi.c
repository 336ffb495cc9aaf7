/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the ACPI tables that the hypervisor itself needs: MADT (processors, IOAPICs, overrides),
 * FADT (PM timer, power and reset registers), HPET. Tables are firmware's and may be wrong:
 * each is mapped by its own length, its checksum verified, and every entry stays inside it.
 * A machine without tables still boots, with one processor and the standard addresses.
 * Compiles on the host, where it is fuzzed.
 *
 * Offsets and types are those of the ACPI specification, section 5.2. A table is read where it
 * lies, with field(), which never goes beyond the table's length. Names of objects (AML) are for
 * dom0.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <lib/string.h>
#include <x86/acpi.h>
#include <x86/page.h>

struct acpi_info acpi_info;

struct table_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} PACKED;

#define MAX_TABLE MIB(1) /* a longer one is taken for damaged */

INIT_TEXT bool acpi_checksum_ok(const uint8_t *p, uint64_t n)
{
    uint8_t sum = 0;

    while (n-- > 0)
        sum += *p++;
    return sum == 0;
}

/* A field at an offset of a table; 0 when the table is too short to have it. */
static INIT_TEXT uint64_t field(const struct table_header *t, unsigned offset, unsigned size)
{
    uint64_t v = 0;

    if (offset + size <= t->length)
        memcpy(&v, (const uint8_t *)t + offset, size);
    return v;
}

/* Mapped for good: a few pages, once. NULL: not there, too long or damaged. */
static INIT_TEXT const struct table_header *map_table(paddr_t pa)
{
    const struct table_header *t;
    uint32_t length;

    if (pa == 0)
        return NULL;
    t = ioremap(pa, sizeof(*t));
    if (t == NULL)
        return NULL;
    length = t->length;
    iounmap((void *)t, sizeof(*t));
    if (length < sizeof(*t) || length > MAX_TABLE)
        return NULL;
    t = ioremap(pa, length);
    if (t == NULL)
        return NULL;
    if (!acpi_checksum_ok((const uint8_t *)t, length)) {
        log_warn("ACPI table %.4s at %#lx has a wrong checksum; ignored", t->signature, pa);
        return NULL;
    }
    return t;
}

/* flags: bit 0, usable now; bit 1, may become so. One with neither is not there. */
static INIT_TEXT void madt_processor(uint32_t id, uint32_t acpi_id, uint32_t flags)
{
    if (acpi_info.nr_cpus == ARRAY_SIZE(acpi_info.cpus) || !(flags & 3))
        return;

    unsigned i = acpi_info.nr_cpus++;

    acpi_info.cpus[i].apic_id = id;
    acpi_info.cpus[i].acpi_id = acpi_id;
    acpi_info.cpus[i].enabled = flags & 1;
}

/* flags: polarity, then trigger, two bits each; 3 means low and level, 0 as the bus has it. */
static INIT_TEXT void madt_override(uint8_t irq, uint32_t gsi, uint16_t flags)
{
    unsigned i = acpi_info.nr_overrides;

    if (i == ARRAY_SIZE(acpi_info.overrides))
        return;
    acpi_info.overrides[i].irq = irq;
    acpi_info.overrides[i].gsi = gsi;
    acpi_info.overrides[i].active_low = (flags & 3) == 3;
    acpi_info.overrides[i].level = ((flags >> 2) & 3) == 3;
    acpi_info.nr_overrides++;
}

static INIT_TEXT void madt_ioapic(const struct table_header *t, unsigned at)
{
    unsigned i = acpi_info.nr_ioapics;

    if (i == ARRAY_SIZE(acpi_info.ioapics))
        return;
    acpi_info.ioapics[i].id = (uint8_t)field(t, at + 2, 1);
    acpi_info.ioapics[i].base = field(t, at + 4, 4);
    acpi_info.ioapics[i].gsi_base = (uint32_t)field(t, at + 8, 4);
    acpi_info.nr_ioapics++;
}

/* A list of entries, type and length first; one of no length, or beyond the end, ends it. */
static INIT_TEXT void take_madt(const struct table_header *t)
{
    unsigned at = 44;

    acpi_info.lapic_base = field(t, 36, 4);
    while (at + 2 <= t->length) {
        unsigned type = (unsigned)field(t, at, 1), length = (unsigned)field(t, at + 1, 1);

        if (length < 2 || at + length > t->length)
            break;
        switch (type) {
        case 0: /* processor with an APIC */
            madt_processor((uint32_t)field(t, at + 3, 1), (uint32_t)field(t, at + 2, 1),
                           (uint32_t)field(t, at + 4, 4));
            break;
        case 1: /* IOAPIC */
            madt_ioapic(t, at);
            break;
        case 2: /* interrupt source override */
            madt_override((uint8_t)field(t, at + 3, 1), (uint32_t)field(t, at + 4, 4),
                          (uint16_t)field(t, at + 8, 2));
            break;
        case 5: /* address of the local APICs, when it has more than 32 bits */
            acpi_info.lapic_base = field(t, at + 4, 8);
            break;
        case 9: /* processor with an x2APIC */
            madt_processor((uint32_t)field(t, at + 4, 4), (uint32_t)field(t, at + 12, 4),
                           (uint32_t)field(t, at + 8, 4));
            break;
        default:
            break;
        }
        at += length;
    }
}

static INIT_TEXT void take_fadt(const struct table_header *t)
{
    uint32_t flags = (uint32_t)field(t, 112, 4);

    acpi_info.pm1a_cnt = (uint16_t)field(t, 64, 4);
    acpi_info.pm1b_cnt = (uint16_t)field(t, 68, 4);
    acpi_info.pm_timer_port = (uint16_t)field(t, 76, 4);
    /* Reset register: a generic address whose space is 1, I/O ports. */
    if ((flags & (1u << 10)) && field(t, 116, 1) == 1) {
        acpi_info.reset_port = (uint16_t)field(t, 120, 8);
        acpi_info.reset_value = (uint8_t)field(t, 128, 1);
    }
}

static INIT_TEXT void take_table(const struct table_header *t)
{
    if (memcmp(t->signature, "APIC", 4) == 0)
        take_madt(t);
    else if (memcmp(t->signature, "FACP", 4) == 0)
        take_fadt(t);
    else if (memcmp(t->signature, "HPET", 4) == 0 && field(t, 40, 1) == 0)
        acpi_info.hpet_base = field(t, 44, 8);
}

INIT_TEXT void acpi_parse(const uint8_t *rsdp)
{
    const struct table_header *root = NULL;
    unsigned size = 4;
    uint64_t address = 0;

    acpi_info.lapic_base = 0xfee00000;
    if (rsdp != NULL && rsdp[15] >= 2) { /* revision 2: the XSDT, with 64-bit addresses */
        memcpy(&address, rsdp + 24, 8);
        root = map_table(address);
        size = 8;
    }
    if (rsdp != NULL && root == NULL) {
        address = 0;
        memcpy(&address, rsdp + 16, 4);
        root = map_table(address);
        size = 4;
    }
    if (root == NULL) {
        log_warn("no usable ACPI tables: one processor, no power-off");
        return;
    }
    for (unsigned at = sizeof(*root); at + size <= root->length; at += size) {
        const struct table_header *t = map_table(field(root, at, size));

        if (t != NULL)
            take_table(t);
    }
    log_info("ACPI: %u processors, %u IOAPICs, %u overrides, PM timer at %#x", acpi_info.nr_cpus,
             acpi_info.nr_ioapics, acpi_info.nr_overrides, acpi_info.pm_timer_port);
}
