/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message-signalled interrupts: the hypervisor writes the messages, as it alone knows the vectors.
 * dom0 finds the capability and enables it; here the entry it names gets its address and data.
 * Everything is read from the device itself, not taken from the request: capability offset, kind of
 * capability, place and size of the MSI-X table. That guards against mistakes, not against malice:
 * who owns a device can program its registers, and its DMA, himself. Only the hardware domain gets
 * here.
 *
 * irq_lock guards the slots. From find_free() until bind_lines() has given it a line, a slot
 * belongs to the one who binds; then to the holder of the handle, who is alone with it
 * (guest/pirq.c).
 */
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <lib/bug.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/irq_line.h>
#include <x86/page.h>

#define PCI_STATUS      0x06
#define PCI_BAR0        0x10
#define PCI_CAP_POINTER 0x34
#define PCI_CAP_MSI     0x05
#define PCI_CAP_MSIX    0x11
/* Offsets from the capability and bits of its control word: PCI Local Bus 3.0, section 6.8. */
#define MSI_CONTROL         2
#define MSI_CONTROL_ENABLE  1u
#define MSI_CONTROL_64      0x80u
#define MSIX_CONTROL_ENABLE 0x8000u

#define NR_MSIS 128

struct msi_message {
    struct irq_line *line;    /* NULL: not bound (yet); count lines follow one another */
    uint32_t cf8;             /* device, as an address for CF8; 0: the slot is free */
    uint8_t cap, count;       /* offset of the capability; vectors */
    bool msix, wide;          /* wide: the message's address has 64 bits */
    volatile uint32_t *entry; /* MSI-X: the table entry, mapped */
    uint16_t index;           /* of that entry */
};

static struct msi_message msi_messages[NR_MSIS]; /* irq_lock */

static uint32_t conf_read(uint32_t dev, unsigned off, unsigned size)
{
    return pci_conf_read(dev | (off & 0xfc), off, size);
}

static void conf_write(uint32_t dev, unsigned off, unsigned size, uint32_t v)
{
    pci_conf_write(dev | (off & 0xfc), off, size, v);
}

/* The capability's offset; 0: none. A device with a looped list does not loop us. */
static unsigned find_capability(uint32_t dev, unsigned id)
{
    unsigned at;

    if (!(conf_read(dev, PCI_STATUS, 2) & 0x10))
        return 0;
    at = conf_read(dev, PCI_CAP_POINTER, 1) & 0xfc;
    for (unsigned n = 0; n < 48 && at >= 0x40; n++) {
        if (conf_read(dev, at, 1) == id)
            return at;
        at = conf_read(dev, at + 1, 1) & 0xfc;
    }
    return 0;
}

/* The address says which local APIC, the data which vector: Intel SDM volume 3, chapter 10. */
static void write_message(struct msi_message *m)
{
    uint32_t address = 0xfee00000u | (cpus[m->line->cpu]->apic_id << 12);
    uint32_t data = m->line->vector;

    if (m->msix) {
        m->entry[3] |= 1; /* masked while it changes */
        m->entry[0] = address;
        m->entry[1] = 0;
        m->entry[2] = data;
        m->entry[3] &= ~1u;
        (void)m->entry[3]; /* a read pushes the writes out to the device */
        return;
    }
    conf_write(m->cf8, m->cap + 4, 4, address);
    if (m->wide) {
        conf_write(m->cf8, m->cap + 8, 4, 0);
        conf_write(m->cf8, m->cap + 12, 2, data);
    } else {
        conf_write(m->cf8, m->cap + 8, 2, data);
    }
}

static void enable(struct msi_message *m)
{
    uint32_t control = conf_read(m->cf8, m->cap + MSI_CONTROL, 2);

    if (m->msix) {
        control |= MSIX_CONTROL_ENABLE;
    } else {
        unsigned log2 = (unsigned)__builtin_ctz(m->count);

        control = (control & ~0x70u) | (log2 << 4) | MSI_CONTROL_ENABLE;
    }
    conf_write(m->cf8, m->cap + MSI_CONTROL, 2, control);
}

static bool device_memory_of(const struct domain *d, paddr_t at)
{
    uint64_t m = at >> PAGE_SHIFT;

    return !mfn_valid(MFN(m)) && permissions_iomem_allowed(d, m, m);
}

/*
 * Where the device says its MSI-X table is. A BAR says what was written to it last, and ring 0 is
 * to write there: only to device memory that the domain may write itself.
 */
static int map_entry(struct msi_message *m, const struct domain *d)
{
    uint32_t table = conf_read(m->cf8, m->cap + 4, 4);
    unsigned bar = table & 7, size = (conf_read(m->cf8, m->cap + MSI_CONTROL, 2) & 0x7ff) + 1;
    paddr_t base, at;

    if (bar > 5 || m->index >= size)
        return -XEN_EINVAL;
    base = conf_read(m->cf8, PCI_BAR0 + 4 * bar, 4); /* bits 1 and 2 = 4: of 64 bits, in two BARs */
    if (base & 1)
        return -XEN_EINVAL; /* ports */
    if ((base & 6) == 4 && bar < 5)
        base |= (paddr_t)conf_read(m->cf8, PCI_BAR0 + 4 * bar + 4, 4) << 32;
    base &= ~0xfull;
    if (base == 0)
        return -XEN_ENODEV;
    at = base + (table & ~7u) + 16u * m->index;
    if (!device_memory_of(d, at) || !device_memory_of(d, at + 15))
        return -XEN_EPERM;
    m->entry = ioremap(at, 16);
    return m->entry != NULL ? 0 : -XEN_ENOMEM;
}

/* With irq_lock. */
static struct msi_message *find_free(void)
{
    for (unsigned i = 0; i < NR_MSIS; i++)
        if (msi_messages[i].cf8 == 0)
            return &msi_messages[i];
    return NULL;
}

/* The lines are complete before the device has the message, so the first interrupt finds them. */
static int bind_lines(struct msi_message *m, struct domain *d, unsigned pirq)
{
    spin_lock(&irq_lock);
    m->line = irq_line_alloc(m->count);
    for (unsigned i = 0; m->line != NULL && i < m->count; i++) {
        m->line[i].is_msi = true;
        m->line[i].domain = d;
        m->line[i].pirq = pirq + i;
        m->line[i].msi = m;
    }
    if (m->line != NULL)
        write_message(m);
    spin_unlock(&irq_lock);
    return m->line != NULL ? 0 : -XEN_ENOSPC;
}

int irq_msi_bind(const struct msi_request *req, struct domain *d, unsigned pirq)
{
    uint32_t dev = 0x80000000u | ((uint32_t)req->bus << 16) | ((uint32_t)req->devfn << 8);
    struct msi_message *m;
    int rc;

    if (req->seg != 0)
        return -XEN_ENODEV;
    if (!req->msix && (req->count == 0 || req->count > 32 || (req->count & (req->count - 1)) != 0))
        return -XEN_EINVAL;
    spin_lock(&irq_lock);
    m = find_free();
    if (m != NULL)
        *m = (struct msi_message){.cf8 = dev,
                                  .msix = req->msix,
                                  .index = req->entry,
                                  .count = req->msix ? 1 : req->count};
    spin_unlock(&irq_lock);
    if (m == NULL)
        return -XEN_ENOSPC;
    m->cap = (uint8_t)find_capability(dev, req->msix ? PCI_CAP_MSIX : PCI_CAP_MSI);
    rc = m->cap != 0 ? 0 : -XEN_ENODEV;
    if (rc == 0 && req->msix)
        rc = map_entry(m, d);
    if (rc == 0) {
        m->wide = (conf_read(dev, m->cap + MSI_CONTROL, 2) & MSI_CONTROL_64) != 0;
        rc = bind_lines(m, d, pirq);
    }
    if (rc != 0) {
        if (m->entry != NULL)
            iounmap((void *)m->entry, 16);
        *m = (struct msi_message){0};
        return rc;
    }
    enable(m);
    return (int)(m - msi_messages);
}

/* The device is silenced, then no handler runs, then vectors and slot may be used again. */
void irq_msi_unbind(int handle)
{
    struct msi_message *m = &msi_messages[handle];

    BUG_ON((unsigned)handle >= NR_MSIS || m->line == NULL);
    if (m->msix) {
        m->entry[3] |= 1;
    } else {
        uint32_t control = conf_read(m->cf8, m->cap + MSI_CONTROL, 2);

        conf_write(m->cf8, m->cap + MSI_CONTROL, 2, control & ~MSI_CONTROL_ENABLE);
    }
    for (unsigned i = 0; i < m->count; i++)
        irq_line_unbind(&m->line[i]);
    if (m->entry != NULL)
        iounmap((void *)m->entry, 16);
    spin_lock(&irq_lock);
    for (unsigned i = 0; i < m->count; i++)
        irq_line_free(&m->line[i]);
    *m = (struct msi_message){0};
    spin_unlock(&irq_lock);
}

int irq_msi_restore(uint16_t seg, uint8_t bus, uint8_t devfn)
{
    uint32_t dev = 0x80000000u | ((uint32_t)bus << 16) | ((uint32_t)devfn << 8);
    int rc = -XEN_ENODEV;

    if (seg != 0)
        return rc;
    spin_lock(&irq_lock);
    for (unsigned i = 0; i < NR_MSIS; i++)
        if (msi_messages[i].cf8 == dev && msi_messages[i].line != NULL) {
            write_message(&msi_messages[i]);
            enable(&msi_messages[i]);
            rc = 0;
        }
    spin_unlock(&irq_lock);
    return rc;
}

/* With irq_lock. One message serves all vectors of a device, so they move together. */
void msi_set_cpu(struct irq_line *line, unsigned cpu)
{
    struct msi_message *m = line->msi;

    for (unsigned i = 0; i < m->count; i++)
        m->line[i].cpu = cpu;
    write_message(m);
}
