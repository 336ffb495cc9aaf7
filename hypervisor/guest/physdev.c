/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * physdev_op: what the domain that owns the devices tells and asks about interrupt lines, MSI and
 * PCI functions; what a guest says of its virtual I/O privilege goes to its type.
 *
 * What is not the hardware domain's alone is harmless without a table of pirqs: EOI and status find
 * none, and IOPL and bitmap only say what a PV guest allows its own user mode (pv/emulate_io.c).
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <guest/guest.h>
#include <guest/pirq.h>
#include <public/physdev.h>
#include <x86/irq.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

/* Copies the argument in; `rc` receives -EFAULT and the enclosing function ends. */
#define ARG(type, name)                                   \
    type name;                                            \
    if (copy_from_guest(&(name), arg, sizeof(name)) != 0) \
    return -XEN_EFAULT

/* The structure goes back where it came from, with the fields that are results filled in. */
static int64_t reply(uint64_t arg, const void *op, size_t size)
{
    return copy_to_guest(arg, op, size) != 0 ? -XEN_EFAULT : 0;
}

static int64_t physdev_status_query(struct domain *d, uint64_t arg)
{
    const struct pirq *p;

    ARG(struct physdev_irq_status_query, q);
    p = pirq_get(d, q.irq);
    if (p == NULL)
        return -XEN_EINVAL;
    q.flags = p->needs_eoi ? XENIRQSTAT_needs_eoi : 0;
    return reply(arg, &q, sizeof(q));
}

/* bus: but for the oldest form (MAP_PIRQ_TYPE_MSI) the segment is in its upper half. */
static int64_t physdev_map_msi(struct domain *d, physdev_map_pirq_t *m)
{
    struct msi_request req = {
        .bus = (uint8_t)m->bus,
        .devfn = (uint8_t)m->devfn,
        .msix = m->table_base != 0,
        .entry = (uint16_t)m->entry_nr,
        .table_base = m->table_base,
        .count = 1,
    };

    if (m->type != MAP_PIRQ_TYPE_MSI)
        req.seg = (uint16_t)((uint32_t)m->bus >> 16);
    if (m->type == MAP_PIRQ_TYPE_MULTI_MSI) {
        if (m->table_base != 0 || m->entry_nr < 1 || m->entry_nr > 32)
            return -XEN_EINVAL;
        /* Powers of two only: a driver that wanted more is told how many it may have. */
        req.count = 1;
        while (req.count * 2 <= m->entry_nr)
            req.count *= 2;
        if (req.count != m->entry_nr) {
            m->entry_nr = req.count;
            return -XEN_ENOSPC;
        }
        req.entry = 0;
    }
    return pirq_map_msi(d, &req, &m->pirq);
}

static int64_t physdev_map_pirq(struct domain *d, uint64_t arg)
{
    int64_t rc;

    ARG(physdev_map_pirq_t, m);
    if (m.domid != DOMID_SELF && m.domid != d->id)
        return -XEN_EOPNOTSUPP; /* interrupts of other domains come with device pass-through */
    switch (m.type) {
    case MAP_PIRQ_TYPE_GSI:
        rc = pirq_map_gsi(d, m.index, &m.pirq);
        break;
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
    case MAP_PIRQ_TYPE_MULTI_MSI:
        rc = physdev_map_msi(d, &m);
        break;
    default:
        return -XEN_EINVAL;
    }
    if (rc != 0)
        guest_refused("pirq type %d, index %d, device %x:%x: %ld", m.type, m.index, m.bus, m.devfn,
                      (long)rc);
    if (rc == 0 || rc == -XEN_ENOSPC)
        rc = reply(arg, &m, sizeof(m)) != 0 ? -XEN_EFAULT : rc;
    return rc;
}

static int64_t physdev_setup_gsi(struct domain *d, uint64_t arg)
{
    int rc;

    ARG(struct physdev_setup_gsi, s);
    if (s.gsi < 0 || (unsigned)s.gsi >= irq_nr_gsis())
        return -XEN_EINVAL;
    rc = irq_gsi_setup((unsigned)s.gsi, s.triggering != 0, s.polarity != 0);
    if (rc == 0)
        pirq_gsi_is_level(d, s.gsi, s.triggering != 0);
    return rc;
}

static int64_t physdev_alloc_vector(uint64_t arg)
{
    ARG(struct physdev_irq, irq);
    if (irq.irq >= NR_PIRQS)
        return -XEN_EINVAL;
    irq.vector = irq.irq; /* vectors are the hypervisor's business; the field is unused by now */
    return reply(arg, &irq, sizeof(irq));
}

static int64_t physdev_get_free_pirq(struct domain *d, uint64_t arg)
{
    int n;

    ARG(struct physdev_get_free_pirq, g);
    if (g.type != MAP_PIRQ_TYPE_MSI && g.type != MAP_PIRQ_TYPE_GSI)
        return -XEN_EINVAL;
    n = pirq_reserve(d);
    if (n < 0)
        return n;
    g.pirq = (uint32_t)n;
    return reply(arg, &g, sizeof(g));
}

static int64_t physdev_restore(uint64_t arg, bool with_segment)
{
    ARG(struct physdev_restore_msi, r); /* bus and devfn; the other form has the segment in front */
    if (with_segment) {
        ARG(struct physdev_pci_device, p);
        return irq_msi_restore(p.seg, p.bus, p.devfn);
    }
    return irq_msi_restore(0, r.bus, r.devfn);
}

/* dom0 may look at an IOAPIC; its entries are ours, so what it writes is not carried out. */
static int64_t physdev_apic(uint64_t arg, bool write)
{
    uint32_t value;
    int rc;

    ARG(struct physdev_apic, a);
    rc = irq_ioapic_read(a.apic_physbase, a.reg, &value);
    if (rc != 0 || write)
        return rc;
    a.value = value;
    return reply(arg, &a, sizeof(a));
}

/* Of another segment than the first: out of reach of the ports that we look through. */
bool physdev_pci_present(const struct physdev_pci_device *p)
{
    return p->seg != 0 ||
           pci_conf_read(0x80000000u | (uint32_t)p->bus << 16 | (uint32_t)p->devfn << 8, 0, 2) !=
               0xffff;
}

/* Nothing here depends on a list of devices; but one that is not on the bus cannot be meant. */
static int64_t physdev_pci_device(uint64_t arg)
{
    ARG(struct physdev_pci_device, p);
    return physdev_pci_present(&p) ? 0 : -XEN_ENODEV;
}

/* For the domain that owns the devices. */
static int64_t physdev_hardware(struct domain *d, uint64_t cmd, uint64_t arg)
{
    switch (cmd) {
    case PHYSDEVOP_map_pirq:
        return physdev_map_pirq(d, arg);
    case PHYSDEVOP_unmap_pirq: {
        ARG(struct physdev_unmap_pirq, u);
        if (u.domid != DOMID_SELF && u.domid != d->id)
            return -XEN_EOPNOTSUPP;
        return pirq_unmap(d, u.pirq);
    }
    case PHYSDEVOP_setup_gsi:
        return physdev_setup_gsi(d, arg);
    case PHYSDEVOP_alloc_irq_vector:
        return physdev_alloc_vector(arg);
    case PHYSDEVOP_free_irq_vector:
        return 0;
    case PHYSDEVOP_get_free_pirq:
        return physdev_get_free_pirq(d, arg);
    case PHYSDEVOP_pirq_eoi_gmfn_v2: {
        ARG(struct physdev_pirq_eoi_gmfn, g);
        return pirq_set_eoi_map(d, g.gmfn);
    }
    case PHYSDEVOP_restore_msi:
        return physdev_restore(arg, false);
    case PHYSDEVOP_restore_msi_ext:
        return physdev_restore(arg, true);
    case PHYSDEVOP_pci_device_remove:
    case PHYSDEVOP_prepare_msix:
    case PHYSDEVOP_release_msix:
        return physdev_pci_device(arg);
    case PHYSDEVOP_manage_pci_add:
    case PHYSDEVOP_manage_pci_add_ext:
    case PHYSDEVOP_manage_pci_remove:
    case PHYSDEVOP_pci_device_add:
    case PHYSDEVOP_pci_mmcfg_reserved:
        return 0; /* told, and not needed */
    case PHYSDEVOP_apic_read:
    case PHYSDEVOP_apic_write:
        return physdev_apic(arg, cmd == PHYSDEVOP_apic_write);
    default:
        return -XEN_ENOSYS;
    }
}

int64_t hc_physdev_op(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    struct domain *d = current->domain;

    switch ((uint32_t)cmd) {
    case PHYSDEVOP_set_iopl:
    case PHYSDEVOP_set_iobitmap:
        return d->type->physdev_op((uint32_t)cmd, arg);
    case PHYSDEVOP_eoi: {
        ARG(struct physdev_eoi, e);
        return pirq_eoi(d, e.irq);
    }
    case PHYSDEVOP_irq_status_query:
        return physdev_status_query(d, arg);
    case PHYSDEVOP_IRQ_UNMASK_NOTIFY: {
        unsigned n;

        for (n = 0; d->arch.pirqs != NULL && n < NR_PIRQS; n++)
            pirq_eoi(d, n);
        return 0;
    }
    default:
        return d->hardware ? physdev_hardware(d, (uint32_t)cmd, arg) : -XEN_EPERM;
    }
}
