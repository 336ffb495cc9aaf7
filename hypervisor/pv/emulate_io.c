/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port I/O of guests. Whether the guest's current code may touch a port is its own IOPL and I/O
 * bitmap; whether the domain may is ours. A port that the domain does not own reads as ones and
 * swallows writes, as an empty bus would. PCI's CF8/CFC pair is emulated for the hardware domain,
 * so that the hypervisor and it can both use the one address register.
 *
 * Ports are checked one by one, as an access of two or four bytes touches as many. No lock is
 * taken: the vcpus of dom0 race for its pci_cf8 as they would for the real register. What keeps the
 * pair on the bus together is the lock inside pci_conf_read() and pci_conf_write().
 */
#include <core/domain.h>
#include <public/errno.h>
#include <public/hypercalls.h>
#include <public/physdev.h>
#include <pv/entry.h>
#include <pv/type.h>
#include <x86/irq.h>
#include <x86/uaccess.h>

#define PORT_SPEAKER     0x61
#define PORT_PCI_ADDRESS 0xcf8
#define PORT_PCI_DATA    0xcfc

/* A guest kernel runs at level 1 in its own view, or at 0, as it would without us, if it asks. */
bool emulate_iopl_allows(const struct vcpu *v)
{
    unsigned level = !v->arch.kernel_mode ? 3 : v->pv.iopl_shown ? 0 : 1;

    return v->pv.iopl >= level;
}

/* A copy in each vcpu, as frames are made by it. The lock makes the last one to come here right. */
void pv_assists_changed(struct domain *d)
{
    struct vcpu *v;

    spin_lock(&d->lock);
    for_each_vcpu (d, v)
        WRITE_ONCE(v->pv.iopl_shown,
                   (READ_ONCE(d->arch.vm_assist) & BIT(VMASST_TYPE_architectural_iopl)) != 0);
    spin_unlock(&d->lock);
}

/* The guest's own rules: IOPL, else its bitmap, where a clear bit allows. */
bool emulate_io_allowed(struct vcpu *v, uint16_t port, unsigned size)
{
    if (emulate_iopl_allows(v))
        return true;
    if (port + size > v->pv.iobmp_limit)
        return false;
    for (unsigned p = port; p < port + size; p++) {
        uint8_t byte;

        if (copy_from_guest(&byte, v->pv.iobmp + p / 8, 1) != 0 || (byte & (1u << (p % 8))))
            return false;
    }
    return true;
}

/* All of them; ours is the bitmap where a set bit allows. */
static bool domain_owns_ports(const struct domain *d, uint16_t port, unsigned size)
{
    if (d->arch.ioport_bitmap == NULL || port + size > 0x10000)
        return false;
    for (unsigned p = port; p < port + size; p++)
        if (!(d->arch.ioport_bitmap[p / 8] & (1u << (p % 8))))
            return false;
    return true;
}

static uint32_t raw_in(uint16_t port, unsigned size)
{
    return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static void raw_out(uint16_t port, unsigned size, uint32_t v)
{
    if (size == 1)
        outb(port, (uint8_t)v);
    else if (size == 2)
        outw(port, (uint16_t)v);
    else
        outl(port, v);
}

static uint32_t ones(unsigned size)
{
    return size == 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
}

/* The speaker port is dom0's to read, not to write: one of its bits is a gate of the timer's. */
uint32_t emulate_io_read(struct domain *d, uint16_t port, unsigned size)
{
    if (domain_owns_ports(d, port, size))
        return raw_in(port, size);
    if (!d->hardware)
        return ones(size);
    if (port == PORT_PCI_ADDRESS && size == 4)
        return d->arch.pci_cf8;
    if ((port & ~3u) == PORT_PCI_DATA && (port & 3u) + size <= 4 && (d->arch.pci_cf8 & 0x80000000u))
        return pci_conf_read(d->arch.pci_cf8, port & 3u, size);
    if (port == PORT_SPEAKER && size == 1)
        return inb(PORT_SPEAKER);
    return ones(size);
}

void emulate_io_write(struct domain *d, uint16_t port, unsigned size, uint32_t v)
{
    if (domain_owns_ports(d, port, size)) {
        raw_out(port, size, v);
        return;
    }
    if (!d->hardware)
        return;
    if (port == PORT_PCI_ADDRESS && size == 4)
        d->arch.pci_cf8 = v;
    else if ((port & ~3u) == PORT_PCI_DATA && (port & 3u) + size <= 4 &&
             (d->arch.pci_cf8 & 0x80000000u))
        pci_conf_write(d->arch.pci_cf8, port & 3u, size, v);
}

/* What a guest allows its user mode: its own affair, and harmless. */
int64_t pv_physdev_op(uint32_t cmd, uint64_t arg)
{
    struct pv_vcpu *v = &current->pv;
    struct physdev_set_iopl iopl;
    struct physdev_set_iobitmap map;

    switch (cmd) {
    case PHYSDEVOP_set_iopl:
        if (copy_from_guest(&iopl, arg, sizeof(iopl)) != 0)
            return -XEN_EFAULT;
        if (iopl.iopl > 3)
            return -XEN_EINVAL;
        v->iopl = iopl.iopl;
        return 0;
    case PHYSDEVOP_set_iobitmap:
        if (copy_from_guest(&map, arg, sizeof(map)) != 0)
            return -XEN_EFAULT;
        if (map.nr_ports > 65536 || !guest_range_ok((vaddr_t)map.bitmap.p, (map.nr_ports + 7) / 8))
            return -XEN_EINVAL;
        v->iobmp = (uint64_t)map.bitmap.p;
        v->iobmp_limit = map.nr_ports;
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}
