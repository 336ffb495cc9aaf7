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
/* fn runs in the interrupt, with no lock held. 0, or -XEN_EBUSY: no such line, or a domain's. */
int irq_request_serial(unsigned gsi, void (*fn)(void));

/* GSIs: trigger and polarity as dom0 learned from ACPI. Idempotent. Errors: -EINVAL, -ENOSPC. */
int irq_gsi_setup(unsigned gsi, bool level, bool active_low);
unsigned irq_nr_gsis(void); /* GSIs are below this; not each of them need exist */
/*
 * Bind a GSI to a domain's pirq: the line is unmasked, each interrupt calls evtchn_pirq(). No
 * reference on d is taken: whoever binds unbinds before d goes. 0, -XEN_EINVAL (no such line, or no
 * vector left), -XEN_EBUSY (the hypervisor's, or another domain's).
 */
int irq_gsi_bind(unsigned gsi, struct domain *d, unsigned pirq);
/* When it returns, d is not told any more. Waits for a handler: not with event locks held. */
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
/*
 * Vector i of the request raises pirq + i of d. A handle >= 0, or -XEN_ENODEV (no such device or
 * capability), -XEN_EINVAL (count or index), -XEN_EPERM (its table lies where d may not write),
 * -XEN_ENOSPC (no vector or slot), -XEN_ENOMEM. As for GSIs, d is not referenced.
 */
int irq_msi_bind(const struct msi_request *req, struct domain *d, unsigned pirq);
void irq_msi_unbind(int handle); /* a handle that irq_msi_bind() gave and that is still bound */
/* After the device was reset: writes its messages again. -XEN_ENODEV: it has none. */
int irq_msi_restore(uint16_t seg, uint8_t bus, uint8_t devfn);
/*
 * The CPU where interrupts of that pirq arrive from now on; one that does not exist, or that
 * devices cannot address, is ignored.
 */
void irq_set_cpu(struct domain *d, unsigned pirq, unsigned cpu);
/* The lines of a CPU that is not active any more go to another. */
void irq_leave_cpu(unsigned cpu, unsigned to);

/*
 * PCI configuration space (ports CF8/CFC), for MSI set-up and dom0's emulated CF8. cf8: the address
 * word, enable bit included; off: of its low two bits the place in the data port; size: 1, 2 or 4.
 */
uint32_t pci_conf_read(uint32_t cf8, unsigned off, unsigned size);
void pci_conf_write(uint32_t cf8, unsigned off, unsigned size, uint32_t v);

void apic_send_ipi(unsigned cpu, unsigned vector); /* what was stored before is seen by it */
void apic_eoi(void); /* the interrupt in service on this CPU is done with */

#endif
