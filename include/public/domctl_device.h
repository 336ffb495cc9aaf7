/* SPDX-License-Identifier: MIT */
/*
 * The arguments of domctl that give a domain hardware: interrupts, I/O memory, ports, PCI
 * functions. Included by domctl.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_DOMCTL_DEVICE_H
#define LODGE_PUBLIC_DOMCTL_DEVICE_H

#include "handles.h"

/*
 * XEN_DOMCTL_irq_permission: allow or forbid `domain` to map an interrupt, named by the caller's
 * pirq (PHYSDEVOP_map_pirq). -EPERM if the caller may not use it itself. What is bound already
 * stays bound.
 */
struct xen_domctl_irq_permission {
    uint32_t pirq;        /* IN */
    uint8_t allow_access; /* IN */
    uint8_t pad[3];
};
_Static_assert(sizeof(struct xen_domctl_irq_permission) == 8, "irq_permission");

/*
 * XEN_DOMCTL_iomem_permission: allow or forbid `domain` to map a range of device memory. The caller
 * has to have it: -EPERM. Existing mappings stay.
 */
struct xen_domctl_iomem_permission {
    uint64_aligned_t first_mfn; /* IN */
    uint64_aligned_t nr_mfns;   /* IN */
    uint8_t allow_access;       /* IN */
};
_Static_assert(sizeof(struct xen_domctl_iomem_permission) == 24, "iomem_permission");

/* XEN_DOMCTL_ioport_permission: the same for a range of I/O ports; -EINVAL beyond 65535. */
struct xen_domctl_ioport_permission {
    uint32_t first_port;  /* IN */
    uint32_t nr_ports;    /* IN */
    uint8_t allow_access; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_ioport_permission) == 12, "ioport_permission");

/*
 * XEN_DOMCTL_assign_device: let the IOMMU open `domain`'s memory to a PCI function.
 * _test_assign_device asks whether it is free (with `domain` DOMID_IO) or would be accepted,
 * _deassign_device gives it back. -ENOSYS without an IOMMU; -ENODEV for a function that is not
 * there or belongs to another.
 */
#define XEN_DOMCTL_DEV_PCI         0
#define XEN_DOMCTL_DEV_DT          1
#define XEN_DOMCTL_DEV_RDM_RELAXED 1
struct xen_domctl_assign_device {
    uint32_t dev;   /* IN, XEN_DOMCTL_DEV_PCI */
    uint32_t flags; /* IN, XEN_DOMCTL_DEV_RDM_RELAXED */
    union {
        struct {
            uint32_t machine_sbdf; /* IN, segment 31:16, bus 15:8, devfn 7:0 */
        } pci;
        struct {
            uint32_t size;
            XEN_GUEST_HANDLE_64(char) path;
        } dt;
    } u;
};
_Static_assert(sizeof(struct xen_domctl_assign_device) == 24, "assign_device");

/*
 * XEN_DOMCTL_get_device_group: functions that the IOMMU cannot tell from this one, as numbers like
 * machine_sbdf. -ENOSYS without an IOMMU.
 */
struct xen_domctl_get_device_group {
    uint32_t machine_sbdf;                  /* IN */
    uint32_t max_sdevs;                     /* IN */
    uint32_t num_sdevs;                     /* OUT */
    XEN_GUEST_HANDLE_64(uint32) sdev_array; /* OUT */
};
_Static_assert(sizeof(struct xen_domctl_get_device_group) == 24, "get_device_group");

/*
 * XEN_DOMCTL_memory_mapping: put device memory into a translated domain's map, or take it out. For
 * a paravirtual one, which maps it itself, permission is all there is, and this succeeds without
 * doing anything more. -EPERM without permission, -E2BIG for too many frames at once.
 */
#define DPCI_ADD_MAPPING    1
#define DPCI_REMOVE_MAPPING 0
struct xen_domctl_memory_mapping {
    uint64_aligned_t first_gfn; /* IN */
    uint64_aligned_t first_mfn; /* IN */
    uint64_aligned_t nr_mfns;   /* IN */
    uint32_t add_mapping;       /* IN, DPCI_* */
    uint32_t padding;
};
_Static_assert(sizeof(struct xen_domctl_memory_mapping) == 32, "memory_mapping");

/*
 * XEN_DOMCTL_ioport_mapping: ports of a fully virtualized domain to the machine's. -EINVAL for
 * others.
 */
struct xen_domctl_ioport_mapping {
    uint32_t first_gport; /* IN */
    uint32_t first_mport; /* IN */
    uint32_t nr_ports;    /* IN */
    uint32_t add_mapping; /* IN, DPCI_* */
};
_Static_assert(sizeof(struct xen_domctl_ioport_mapping) == 16, "ioport_mapping");

#endif
