/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt lines of the machine: a vector for each, routed through IOAPIC or MSI, delivered to a
 * domain as a PIRQ or kept by the hypervisor (timer, serial, IPIs).
 */
#ifndef X86_IRQ_H
#define X86_IRQ_H

#include <lib/types.h>

struct domain;
struct cpu_regs;

#define VEC_FIRST_DYNAMIC 0x30
#define VEC_LAST_DYNAMIC  0xdf
#define VEC_TIMER         0xf0
#define VEC_KICK          0xf1 /* reschedule, TLB flush, function call */
#define VEC_ERROR         0xfe
#define VEC_SPURIOUS      0xff

void irq_init(void);              /* PIC off, IOAPICs masked */
void irq_init_cpu(void);          /* LAPIC or x2APIC of this CPU */
void irq_handle(unsigned vector); /* from entry, interrupts off */
int irq_request_serial(unsigned gsi, void (*fn)(void));

/* GSIs: trigger and polarity as dom0 learned from ACPI. Idempotent. Errors: -EINVAL, -ENOSPC. */
int irq_gsi_setup(unsigned gsi, bool level, bool active_low);
unsigned irq_nr_gsis(void);
/* Bind a GSI to a domain's pirq: the line is unmasked, each interrupt calls evtchn_pirq(). */
int irq_gsi_bind(unsigned gsi, struct domain *d, unsigned pirq);
void irq_gsi_unbind(unsigned gsi);
void irq_gsi_eoi(unsigned gsi); /* level-triggered: unmask after the guest's EOI */
/* A register of the IOAPIC at a machine address; -EINVAL: there is none. */
int irq_ioapic_read(uint64_t base, unsigned reg, uint32_t *v);
/* MSI and MSI-X: allocate a vector for entry of the device and write its message. */
struct msi_request {
    uint16_t seg;
    uint8_t bus, devfn;
    bool msix;
    uint16_t entry;      /* MSI-X: index */
    uint64_t table_base; /* MSI-X: machine address of the table, from the guest */
    uint8_t count;       /* MSI: vectors, power of two */
};
int irq_msi_bind(const struct msi_request *req, struct domain *d, unsigned pirq); /* >=0: handle */
void irq_msi_unbind(int handle);
int irq_msi_restore(uint16_t seg, uint8_t bus, uint8_t devfn); /* after reset */
void irq_set_cpu(struct domain *d, unsigned pirq, unsigned cpu);

/* PCI configuration space (ports CF8/CFC), for MSI set-up and dom0's emulated CF8. */
uint32_t pci_conf_read(uint32_t cf8, unsigned off, unsigned size);
void pci_conf_write(uint32_t cf8, unsigned off, unsigned size, uint32_t v);

void apic_send_ipi(unsigned cpu, unsigned vector);
void apic_eoi(void);

#endif
