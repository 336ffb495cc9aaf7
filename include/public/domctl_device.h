/* SPDX-License-Identifier: MIT */
/*
 * The arguments of domctl that give a domain hardware: interrupts, I/O memory, ports, PCI
 * functions. Included by domctl.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_DOMCTL_DEVICE_H
#define LODGE_PUBLIC_DOMCTL_DEVICE_H

#include "xen.h"

/* XEN_DOMCTL_irq_permission */
struct xen_domctl_irq_permission {
    uint32_t pirq;        /* IN */
    uint8_t allow_access; /* IN */
    uint8_t pad[3];
};
_Static_assert(sizeof(struct xen_domctl_irq_permission) == 8, "irq_permission");

/* XEN_DOMCTL_iomem_permission */
struct xen_domctl_iomem_permission {
    uint64_aligned_t first_mfn; /* IN */
    uint64_aligned_t nr_mfns;   /* IN */
    uint8_t allow_access;       /* IN */
};
_Static_assert(sizeof(struct xen_domctl_iomem_permission) == 24, "iomem_permission");

/* XEN_DOMCTL_ioport_permission */
struct xen_domctl_ioport_permission {
    uint32_t first_port;  /* IN */
    uint32_t nr_ports;    /* IN */
    uint8_t allow_access; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_ioport_permission) == 12, "ioport_permission");

/* XEN_DOMCTL_assign_device, _test_assign_device, _deassign_device */
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

/* XEN_DOMCTL_get_device_group */
struct xen_domctl_get_device_group {
    uint32_t machine_sbdf;                  /* IN */
    uint32_t max_sdevs;                     /* IN */
    uint32_t num_sdevs;                     /* OUT */
    XEN_GUEST_HANDLE_64(uint32) sdev_array; /* OUT */
};
_Static_assert(sizeof(struct xen_domctl_get_device_group) == 24, "get_device_group");

/* XEN_DOMCTL_memory_mapping */
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

/* XEN_DOMCTL_ioport_mapping */
struct xen_domctl_ioport_mapping {
    uint32_t first_gport; /* IN */
    uint32_t first_mport; /* IN */
    uint32_t nr_ports;    /* IN */
    uint32_t add_mapping; /* IN, DPCI_* */
};
_Static_assert(sizeof(struct xen_domctl_ioport_mapping) == 16, "ioport_mapping");

#endif
