/* SPDX-License-Identifier: GPL-2.0-only */
/* The IOAPICs: interrupt lines (GSIs) to vectors. Callers hold the lock of x86/irq.c. */
#include <boot/boot.h>
#include <core/console.h>
#include <lib/bug.h>
#include <x86/apic.h>
#include <x86/page.h>

/* Registers and bits of a redirection entry (two words): the 82093AA data sheet. */
#define IOAPIC_VERSION 1
#define IOAPIC_ENTRY   0x10
#define ENTRY_MASKED   0x10000u
#define ENTRY_LEVEL    0x8000u
#define ENTRY_LOW      0x2000u

static struct {
    volatile uint32_t *regs; /* [0]: which register, [4]: its value */
    unsigned first, count;   /* GSIs [first, first + count) */
} ioapics[8];
static unsigned nr_ioapics;

/* Two accesses, index then data: irq_lock keeps others from coming between. */
static uint32_t ioapic_read(unsigned i, unsigned reg)
{
    ioapics[i].regs[0] = reg;
    return ioapics[i].regs[4];
}

static void ioapic_write(unsigned i, unsigned reg, uint32_t v)
{
    ioapics[i].regs[0] = reg;
    ioapics[i].regs[4] = v;
}

/* What dom0 may look at; whose registers change nothing by being read. */
bool ioapic_read_at(paddr_t base, unsigned reg, uint32_t *v)
{
    for (unsigned i = 0, n = 0; n < acpi_info.nr_ioapics && i < nr_ioapics; n++) {
        if (acpi_info.ioapics[n].gsi_base != ioapics[i].first)
            continue; /* one that did not answer */
        if (acpi_info.ioapics[n].base == base && reg <= 0xff) {
            *v = ioapic_read(i, reg);
            return true;
        }
        i++;
    }
    return false;
}

/* False: no IOAPIC has that GSI. */
static bool find(unsigned gsi, unsigned *i, unsigned *pin)
{
    for (*i = 0; *i < nr_ioapics; (*i)++)
        if (gsi >= ioapics[*i].first && gsi - ioapics[*i].first < ioapics[*i].count) {
            *pin = gsi - ioapics[*i].first;
            return true;
        }
    return false;
}

INIT_TEXT void ioapic_init(void)
{
    for (unsigned n = 0; n < acpi_info.nr_ioapics; n++) {
        unsigned i = nr_ioapics;

        ioapics[i].regs = ioremap(acpi_info.ioapics[n].base, 0x20);
        if (ioapics[i].regs == NULL)
            panic("no address space for IOAPIC %u", acpi_info.ioapics[n].id);
        ioapics[i].first = acpi_info.ioapics[n].gsi_base;
        ioapics[i].count = ((ioapic_read(i, IOAPIC_VERSION) >> 16) & 0xff) + 1;
        if (ioapics[i].count > 240) {
            log_warn("IOAPIC %u does not answer; left alone", acpi_info.ioapics[n].id);
            continue;
        }
        nr_ioapics++;
        for (unsigned pin = 0; pin < ioapics[i].count; pin++)
            ioapic_write(i, IOAPIC_ENTRY + 2 * pin, ENTRY_MASKED);
    }
}

unsigned ioapic_nr_gsis(void)
{
    unsigned n = 16;

    for (unsigned i = 0; i < nr_ioapics; i++)
        n = MAX(n, ioapics[i].first + ioapics[i].count);
    return n;
}

bool ioapic_has(unsigned gsi)
{
    unsigned i, pin;

    return find(gsi, &i, &pin);
}

/* Masked while the two words disagree. A GSI that does not exist is ignored. */
void ioapic_route(unsigned gsi, unsigned vector, uint32_t apic, bool level, bool active_low,
                  bool masked)
{
    unsigned i, pin;
    uint32_t low = vector | (level ? ENTRY_LEVEL : 0) | (active_low ? ENTRY_LOW : 0);

    if (!find(gsi, &i, &pin))
        return;
    ioapic_write(i, IOAPIC_ENTRY + 2 * pin, low | ENTRY_MASKED);
    ioapic_write(i, IOAPIC_ENTRY + 2 * pin + 1, apic << 24);
    if (!masked)
        ioapic_write(i, IOAPIC_ENTRY + 2 * pin, low);
}

void ioapic_mask(unsigned gsi, bool masked)
{
    unsigned i, pin;

    if (!find(gsi, &i, &pin))
        return;

    uint32_t low = ioapic_read(i, IOAPIC_ENTRY + 2 * pin) & ~ENTRY_MASKED;

    ioapic_write(i, IOAPIC_ENTRY + 2 * pin, low | (masked ? ENTRY_MASKED : 0));
}
