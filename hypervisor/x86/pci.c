/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI configuration space through ports CF8 and CFC. dom0 owns the devices; the hypervisor reads
 * and writes what MSI needs, and carries out dom0's own accesses, so that the two never interleave.
 * The address register is one for the whole machine: pci_lock covers both steps of an access.
 */
#include <core/spinlock.h>
#include <x86/cpu.h>
#include <x86/irq.h>

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc

static struct spinlock pci_lock = SPINLOCK_INIT(LOCK_CONSOLE); /* a leaf: nothing is taken inside */

uint32_t pci_conf_read(uint32_t cf8, unsigned off, unsigned size)
{
    uint16_t port = (uint16_t)(PCI_DATA + (off & 3));
    uint32_t v;

    spin_lock(&pci_lock);
    outl(PCI_ADDRESS, cf8);
    if (size == 1)
        v = inb(port);
    else if (size == 2)
        v = inw(port);
    else
        v = inl(PCI_DATA);
    spin_unlock(&pci_lock);
    return v;
}

void pci_conf_write(uint32_t cf8, unsigned off, unsigned size, uint32_t v)
{
    uint16_t port = (uint16_t)(PCI_DATA + (off & 3));

    spin_lock(&pci_lock);
    outl(PCI_ADDRESS, cf8);
    if (size == 1)
        outb(port, (uint8_t)v);
    else if (size == 2)
        outw(port, (uint16_t)v);
    else
        outl(PCI_DATA, v);
    spin_unlock(&pci_lock);
}
