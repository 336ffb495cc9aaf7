/* SPDX-License-Identifier: MIT */
/*
 * Physical devices: interrupts, I/O ports and PCI functions, as a domain with hardware sees them.
 *
 * physdev_op(cmd, arg): `arg` points to the structure of that name. Most of this is for the control
 * domain, or for a domain that was given a device (domctl_device.h): -EPERM for others.
 *
 * Interrupts have three numbers. A GSI is a pin of an IO-APIC, numbered through all IO-APICs. An
 * irq is the hypervisor's number for a source, be it a GSI or a message. A pirq is a domain's
 * number for an irq that it may use; for GSIs of the control domain the three are usually the same.
 * The order of use is: setup_gsi, map_pirq, EVTCHNOP_bind_pirq, irq_status_query, then after each
 * interrupt eoi if that said so.
 */
#ifndef LODGE_PUBLIC_PHYSDEV_H
#define LODGE_PUBLIC_PHYSDEV_H

#include "handles.h"

/* PHYSDEVOP_IRQ_UNMASK_NOTIFY has no argument and does nothing any more. */
#define PHYSDEVOP_IRQ_UNMASK_NOTIFY  4
#define PHYSDEVOP_irq_status_query   5
#define PHYSDEVOP_set_iopl           6
#define PHYSDEVOP_set_iobitmap       7
#define PHYSDEVOP_apic_read          8
#define PHYSDEVOP_apic_write         9
#define PHYSDEVOP_alloc_irq_vector   10
#define PHYSDEVOP_free_irq_vector    11
#define PHYSDEVOP_eoi                12
#define PHYSDEVOP_map_pirq           13
#define PHYSDEVOP_unmap_pirq         14
#define PHYSDEVOP_manage_pci_add     15
#define PHYSDEVOP_manage_pci_remove  16
#define PHYSDEVOP_pirq_eoi_gmfn_v1   17
#define PHYSDEVOP_restore_msi        19
#define PHYSDEVOP_manage_pci_add_ext 20
#define PHYSDEVOP_setup_gsi          21
#define PHYSDEVOP_get_free_pirq      23
#define PHYSDEVOP_pci_mmcfg_reserved 24
#define PHYSDEVOP_pci_device_add     25
#define PHYSDEVOP_pci_device_remove  26
#define PHYSDEVOP_restore_msi_ext    27
#define PHYSDEVOP_pirq_eoi_gmfn_v2   28
#define PHYSDEVOP_dbgp_op            29
#define PHYSDEVOP_prepare_msix       30
#define PHYSDEVOP_release_msix       31
#define PHYSDEVOP_pirq_eoi_gmfn      PHYSDEVOP_pirq_eoi_gmfn_v2

/*
 * PHYSDEVOP_eoi: the domain has dealt with an interrupt whose line stays masked until it says so.
 * -EINVAL if the pirq is not bound.
 */
struct physdev_eoi {
    uint32_t irq; /* IN, a pirq */
};
typedef struct physdev_eoi physdev_eoi_t;
DEFINE_XEN_GUEST_HANDLE(physdev_eoi_t);
_Static_assert(sizeof(physdev_eoi_t) == 4, "physdev_eoi");

/*
 * PHYSDEVOP_pirq_eoi_gmfn: a frame of the domain in which the hypervisor keeps a bit per pirq: set
 * where PHYSDEVOP_eoi is needed, so that no hypercall has to ask. -EBUSY if there is one already,
 * -EINVAL if the frame cannot be mapped writable. With the first form eoi would also clear the
 * port's mask bit; it is refused with -ENOSYS, and a kernel then asks irq_status_query.
 */
struct physdev_pirq_eoi_gmfn {
    xen_pfn_t gmfn; /* IN */
};
typedef struct physdev_pirq_eoi_gmfn physdev_pirq_eoi_gmfn_t;
DEFINE_XEN_GUEST_HANDLE(physdev_pirq_eoi_gmfn_t);
_Static_assert(sizeof(physdev_pirq_eoi_gmfn_t) == 8, "physdev_pirq_eoi_gmfn");

/*
 * PHYSDEVOP_irq_status_query: whether PHYSDEVOP_eoi is needed after each interrupt (level-triggered
 * lines), and whether other domains use the line too.
 */
#define _XENIRQSTAT_needs_eoi 0
#define XENIRQSTAT_needs_eoi  (1U << _XENIRQSTAT_needs_eoi)
#define _XENIRQSTAT_shared    1
#define XENIRQSTAT_shared     (1U << _XENIRQSTAT_shared)
struct physdev_irq_status_query {
    uint32_t irq;   /* IN, a pirq */
    uint32_t flags; /* OUT, XENIRQSTAT_* */
};
typedef struct physdev_irq_status_query physdev_irq_status_query_t;
DEFINE_XEN_GUEST_HANDLE(physdev_irq_status_query_t);
_Static_assert(sizeof(physdev_irq_status_query_t) == 8, "physdev_irq_status_query");

/*
 * PHYSDEVOP_set_iopl: the level at which the vcpu may use I/O ports: 0 or 1 for nobody but the
 * kernel, 3 for user programs too. The hypervisor never gives real I/O privilege: port instructions
 * trap, and are done for the guest if the domain has the port. -EINVAL above 3.
 */
struct physdev_set_iopl {
    uint32_t iopl; /* IN */
};
typedef struct physdev_set_iopl physdev_set_iopl_t;
DEFINE_XEN_GUEST_HANDLE(physdev_set_iopl_t);
_Static_assert(sizeof(physdev_set_iopl_t) == 4, "physdev_set_iopl");

/*
 * PHYSDEVOP_set_iobitmap: ports that user programs may use whatever the level: bit clear, allowed.
 * Ports from nr_ports on are not. -EINVAL above 65536.
 */
struct physdev_set_iobitmap {
    XEN_GUEST_HANDLE(uint8) bitmap; /* IN, read when needed */
    uint32_t nr_ports;              /* IN */
};
typedef struct physdev_set_iobitmap physdev_set_iobitmap_t;
DEFINE_XEN_GUEST_HANDLE(physdev_set_iobitmap_t);
_Static_assert(sizeof(physdev_set_iobitmap_t) == 16, "physdev_set_iobitmap");

/*
 * PHYSDEVOP_apic_read, PHYSDEVOP_apic_write: a register of the IO-APIC at that physical address.
 * Writing a redirection entry keeps the hypervisor's vector, destination and mask, and takes
 * trigger mode and polarity.
 */
struct physdev_apic {
    unsigned long apic_physbase; /* IN */
    uint32_t reg;                /* IN */
    uint32_t value;              /* OUT of a read, IN of a write */
};
typedef struct physdev_apic physdev_apic_t;
DEFINE_XEN_GUEST_HANDLE(physdev_apic_t);
_Static_assert(sizeof(physdev_apic_t) == 16, "physdev_apic");

/*
 * PHYSDEVOP_alloc_irq_vector: a vector for a GSI that the domain will put into an IO-APIC entry;
 * any other number than the hypervisor's is ignored, so this is a formality.
 * PHYSDEVOP_free_irq_vector does nothing.
 */
struct physdev_irq {
    uint32_t irq;    /* IN */
    uint32_t vector; /* OUT of alloc, IN of free */
};
typedef struct physdev_irq physdev_irq_t;
DEFINE_XEN_GUEST_HANDLE(physdev_irq_t);
_Static_assert(sizeof(physdev_irq_t) == 8, "physdev_irq");

/*
 * PHYSDEVOP_map_pirq: make a pirq of `domid` for an interrupt source.
 *
 *   MAP_PIRQ_TYPE_GSI        `index` is the GSI
 *   MAP_PIRQ_TYPE_MSI        PCI function bus, devfn; table_base 0 for MSI, else the physical
 *                            address of the MSI-X table, with entry_nr the entry; `index` an irq or
 *                            -1
 *   MAP_PIRQ_TYPE_MSI_SEG    the same with a PCI segment in bits 31:16 of `bus`
 *   MAP_PIRQ_TYPE_MULTI_MSI  the same for entry_nr MSI vectors at once. Fewer may be possible:
 *                            -EBUSY or a positive return, and entry_nr OUT says how many.
 *
 * `pirq` is the number wanted, or -1. For MSI the hypervisor writes the device's capability.
 * A line has one pirq: with -1 it is the one it has, if any. -ENODEV for a function that was not
 * added; -EINVAL for a GSI that is not there; -EEXIST for a number in use otherwise, and for a line
 * that has another.
 */
#define MAP_PIRQ_TYPE_MSI       0x0
#define MAP_PIRQ_TYPE_GSI       0x1
#define MAP_PIRQ_TYPE_UNKNOWN   0x2
#define MAP_PIRQ_TYPE_MSI_SEG   0x3
#define MAP_PIRQ_TYPE_MULTI_MSI 0x4
struct physdev_map_pirq {
    domid_t domid;       /* IN */
    int type;            /* IN, MAP_PIRQ_TYPE_* */
    int index;           /* IN, the GSI */
    int pirq;            /* IN or -1, OUT */
    int bus;             /* IN, segment in the upper half */
    int devfn;           /* IN */
    int entry_nr;        /* IN, vector count with MULTI_MSI (then also OUT) */
    uint64_t table_base; /* IN, MSI-X table, 0 for MSI */
};
typedef struct physdev_map_pirq physdev_map_pirq_t;
DEFINE_XEN_GUEST_HANDLE(physdev_map_pirq_t);
_Static_assert(sizeof(physdev_map_pirq_t) == 40, "physdev_map_pirq");
_Static_assert(offsetof(physdev_map_pirq_t, table_base) == 32, "physdev_map_pirq.table_base");

/* PHYSDEVOP_unmap_pirq: undo it. A binding is broken: its port stays and hears nothing more. */
struct physdev_unmap_pirq {
    domid_t domid; /* IN */
    int pirq;      /* IN */
};
typedef struct physdev_unmap_pirq physdev_unmap_pirq_t;
DEFINE_XEN_GUEST_HANDLE(physdev_unmap_pirq_t);
_Static_assert(sizeof(physdev_unmap_pirq_t) == 8, "physdev_unmap_pirq");

/* PHYSDEVOP_manage_pci_add, _remove: older forms of pci_device_add and _remove. */
struct physdev_manage_pci {
    uint8_t bus, devfn; /* IN */
};
typedef struct physdev_manage_pci physdev_manage_pci_t;
DEFINE_XEN_GUEST_HANDLE(physdev_manage_pci_t);
_Static_assert(sizeof(physdev_manage_pci_t) == 2, "physdev_manage_pci");

/* PHYSDEVOP_restore_msi: older form of restore_msi_ext. */
struct physdev_restore_msi {
    uint8_t bus, devfn; /* IN */
};
typedef struct physdev_restore_msi physdev_restore_msi_t;
DEFINE_XEN_GUEST_HANDLE(physdev_restore_msi_t);
_Static_assert(sizeof(physdev_restore_msi_t) == 2, "physdev_restore_msi");

/* PHYSDEVOP_manage_pci_add_ext: older form of pci_device_add. */
struct physdev_manage_pci_ext {
    uint8_t bus, devfn; /* IN */
    uint32_t is_extfn;  /* IN */
    uint32_t is_virtfn; /* IN */
    struct {
        uint8_t bus, devfn;
    } physfn; /* IN, with is_virtfn */
};
typedef struct physdev_manage_pci_ext physdev_manage_pci_ext_t;
DEFINE_XEN_GUEST_HANDLE(physdev_manage_pci_ext_t);
_Static_assert(sizeof(physdev_manage_pci_ext_t) == 16, "physdev_manage_pci_ext");

/* Argument of the old physdev_op_compat. */
struct physdev_op {
    uint32_t cmd; /* PHYSDEVOP_* */
    union {
        physdev_irq_status_query_t irq_status_query;
        physdev_set_iopl_t set_iopl;
        physdev_set_iobitmap_t set_iobitmap;
        physdev_apic_t apic_op;
        physdev_irq_t irq_op;
    } u;
};
typedef struct physdev_op physdev_op_t;
DEFINE_XEN_GUEST_HANDLE(physdev_op_t);
_Static_assert(sizeof(physdev_op_t) == 24, "physdev_op");

/*
 * PHYSDEVOP_setup_gsi: the trigger mode and polarity of a pin, from ACPI. The first time decides; a
 * second one that says the same succeeds. -EINVAL for a GSI that is not there.
 */
struct physdev_setup_gsi {
    int gsi;            /* IN */
    uint8_t triggering; /* IN, 0 edge, 1 level */
    uint8_t polarity;   /* IN, 0 high, 1 low */
};
typedef struct physdev_setup_gsi physdev_setup_gsi_t;
DEFINE_XEN_GUEST_HANDLE(physdev_setup_gsi_t);
_Static_assert(sizeof(physdev_setup_gsi_t) == 8, "physdev_setup_gsi");

/* PHYSDEVOP_get_free_pirq: reserve a pirq for a later map_pirq. -ENOSPC. */
struct physdev_get_free_pirq {
    int type;      /* IN, MAP_PIRQ_TYPE_GSI or _MSI */
    uint32_t pirq; /* OUT */
};
typedef struct physdev_get_free_pirq physdev_get_free_pirq_t;
DEFINE_XEN_GUEST_HANDLE(physdev_get_free_pirq_t);
_Static_assert(sizeof(physdev_get_free_pirq_t) == 8, "physdev_get_free_pirq");

/*
 * PHYSDEVOP_pci_mmcfg_reserved: whether ACPI reserves this window of PCI configuration space, and
 * the hypervisor may rely on it.
 */
#define XEN_PCI_MMCFG_RESERVED 0x1
struct physdev_pci_mmcfg_reserved {
    uint64_t address;           /* IN, of bus 0 */
    uint16_t segment;           /* IN */
    uint8_t start_bus, end_bus; /* IN */
    uint32_t flags;             /* IN, XEN_PCI_MMCFG_RESERVED */
};
typedef struct physdev_pci_mmcfg_reserved physdev_pci_mmcfg_reserved_t;
DEFINE_XEN_GUEST_HANDLE(physdev_pci_mmcfg_reserved_t);
_Static_assert(sizeof(physdev_pci_mmcfg_reserved_t) == 16, "physdev_pci_mmcfg_reserved");

/*
 * PHYSDEVOP_pci_device_add: the control domain has found a PCI function. EXTFN: it is an additional
 * function of an ARI device; VIRTFN: it is virtual, and physfn is its physical one; PXM: optarr[0]
 * is there. Adding twice succeeds. -ENODEV if there is no such function.
 */
#define XEN_PCI_DEV_EXTFN  0x1
#define XEN_PCI_DEV_VIRTFN 0x2
#define XEN_PCI_DEV_PXM    0x4
struct physdev_pci_device_add {
    uint16_t seg;       /* IN */
    uint8_t bus, devfn; /* IN */
    uint32_t flags;     /* IN, XEN_PCI_DEV_* */
    struct {
        uint8_t bus, devfn;
    } physfn;                            /* IN, with XEN_PCI_DEV_VIRTFN */
    uint32_t optarr[XEN_FLEX_ARRAY_DIM]; /* IN, [0] the ACPI proximity domain */
};
typedef struct physdev_pci_device_add physdev_pci_device_add_t;
DEFINE_XEN_GUEST_HANDLE(physdev_pci_device_add_t);
_Static_assert(sizeof(physdev_pci_device_add_t) == 12, "physdev_pci_device_add");

/*
 * Operations on one PCI function that was added, named by a struct physdev_pci_device (handles.h),
 * all of it IN: -ENODEV otherwise.
 *
 *   PHYSDEVOP_pci_device_remove  it is gone
 *   PHYSDEVOP_restore_msi_ext    write its MSI or MSI-X registers again, after it was reset
 *   PHYSDEVOP_prepare_msix       its MSI-X table will stay where it is: keep it from other writers
 *   PHYSDEVOP_release_msix       it may move again
 */

/*
 * PHYSDEVOP_dbgp_op: the control domain is about to reset the USB controller with the debug port
 * that the hypervisor's console may be on, or has done so.
 */
#define PHYSDEVOP_DBGP_RESET_PREPARE 1
#define PHYSDEVOP_DBGP_RESET_DONE    2
#define PHYSDEVOP_DBGP_BUS_UNKNOWN   0
#define PHYSDEVOP_DBGP_BUS_PCI       1
struct physdev_dbgp_op {
    uint8_t op;  /* IN, PHYSDEVOP_DBGP_RESET_* */
    uint8_t bus; /* IN, PHYSDEVOP_DBGP_BUS_* */
    union {
        physdev_pci_device_t pci;
    } u; /* IN */
};
typedef struct physdev_dbgp_op physdev_dbgp_op_t;
DEFINE_XEN_GUEST_HANDLE(physdev_dbgp_op_t);
_Static_assert(sizeof(physdev_dbgp_op_t) == 6, "physdev_dbgp_op");

#endif
