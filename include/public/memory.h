/* SPDX-License-Identifier: MIT */
/*
 * memory_op: giving frames to domains and taking them back, and asking about memory.
 */
#ifndef LODGE_PUBLIC_MEMORY_H
#define LODGE_PUBLIC_MEMORY_H

#include "xen.h"
#include "physdev.h"

#define XENMEM_increase_reservation       0
#define XENMEM_decrease_reservation       1
#define XENMEM_maximum_ram_page           2
#define XENMEM_current_reservation        3
#define XENMEM_maximum_reservation        4
#define XENMEM_machphys_mfn_list          5
#define XENMEM_populate_physmap           6
#define XENMEM_add_to_physmap             7
#define XENMEM_memory_map                 9
#define XENMEM_machine_memory_map         10
#define XENMEM_exchange                   11
#define XENMEM_machphys_mapping           12
#define XENMEM_set_memory_map             13
#define XENMEM_maximum_gpfn               14
#define XENMEM_remove_from_physmap        15
#define XENMEM_set_pod_target             16
#define XENMEM_get_pod_target             17
#define XENMEM_get_sharing_freed_pages    18
#define XENMEM_get_sharing_shared_pages   19
#define XENMEM_paging_op                  20
#define XENMEM_access_op                  21
#define XENMEM_sharing_op                 22
#define XENMEM_add_to_physmap_batch       23
#define XENMEM_claim_pages                24
#define XENMEM_machphys_compat_mfn_list   25
#define XENMEM_get_vnumainfo              26
#define XENMEM_reserved_device_memory_map 27
#define XENMEM_acquire_resource           28

/* Allocation flags of a reservation. */
#define XENMEMF_address_bits(x)     (x)
#define XENMEMF_get_address_bits(x) ((x)&0xffu)
#define XENMEMF_node(x)             (((x) + 1) << 8)
#define XENMEMF_get_node(x)         ((((x) >> 8) - 1) & 0xffu)
#define XENMEMF_populate_on_demand  (1 << 16)
#define XENMEMF_exact_node_request  (1 << 17)
#define XENMEMF_exact_node(n)       (XENMEMF_node(n) | XENMEMF_exact_node_request)
#define XENMEMF_vnode               (1 << 18)

/* XENMEM_increase_reservation, _decrease_reservation, _populate_physmap, _claim_pages */
struct xen_memory_reservation {
    XEN_GUEST_HANDLE(xen_pfn_t) extent_start;
    xen_ulong_t nr_extents;
    unsigned int extent_order;
    unsigned int mem_flags; /* XENMEMF_* */
    domid_t domid;
};
typedef struct xen_memory_reservation xen_memory_reservation_t;
DEFINE_XEN_GUEST_HANDLE(xen_memory_reservation_t);
_Static_assert(sizeof(xen_memory_reservation_t) == 32, "xen_memory_reservation");
_Static_assert(offsetof(xen_memory_reservation_t, domid) == 24, "xen_memory_reservation.domid");

/* XENMEM_exchange */
struct xen_memory_exchange {
    struct xen_memory_reservation in;
    struct xen_memory_reservation out;
    xen_ulong_t nr_exchanged; /* IN 0, OUT */
};
typedef struct xen_memory_exchange xen_memory_exchange_t;
DEFINE_XEN_GUEST_HANDLE(xen_memory_exchange_t);
_Static_assert(sizeof(xen_memory_exchange_t) == 72, "xen_memory_exchange");

/* XENMEM_current_reservation, _maximum_reservation, _maximum_gpfn */
struct xen_memory_domain {
    domid_t domid; /* IN */
};
typedef struct xen_memory_domain xen_memory_domain_t;
DEFINE_XEN_GUEST_HANDLE(xen_memory_domain_t);
_Static_assert(sizeof(struct xen_memory_domain) == 2, "xen_memory_domain");

/* XENMEM_machphys_mfn_list, XENMEM_machphys_compat_mfn_list */
struct xen_machphys_mfn_list {
    unsigned int max_extents;                 /* IN */
    XEN_GUEST_HANDLE(xen_pfn_t) extent_start; /* OUT array */
    unsigned int nr_extents;                  /* OUT */
};
typedef struct xen_machphys_mfn_list xen_machphys_mfn_list_t;
DEFINE_XEN_GUEST_HANDLE(xen_machphys_mfn_list_t);
_Static_assert(sizeof(xen_machphys_mfn_list_t) == 24, "xen_machphys_mfn_list");

/* XENMEM_machphys_mapping */
struct xen_machphys_mapping {
    xen_ulong_t v_start, v_end; /* OUT */
    xen_ulong_t max_mfn;        /* OUT */
};
typedef struct xen_machphys_mapping xen_machphys_mapping_t;
DEFINE_XEN_GUEST_HANDLE(xen_machphys_mapping_t);
_Static_assert(sizeof(xen_machphys_mapping_t) == 24, "xen_machphys_mapping");

/* XENMEM_add_to_physmap */
#define XENMAPSPACE_shared_info  0
#define XENMAPSPACE_grant_table  1
#define XENMAPSPACE_gmfn         2
#define XENMAPSPACE_gmfn_range   3
#define XENMAPSPACE_gmfn_foreign 4
#define XENMAPSPACE_dev_mmio     5

#define XENMAPIDX_grant_table_status 0x80000000

struct xen_add_to_physmap {
    domid_t domid;      /* IN */
    uint16_t size;      /* IN, with XENMAPSPACE_gmfn_range */
    unsigned int space; /* IN, XENMAPSPACE_* */
    xen_ulong_t idx;    /* IN */
    xen_pfn_t gpfn;     /* IN */
};
typedef struct xen_add_to_physmap xen_add_to_physmap_t;
DEFINE_XEN_GUEST_HANDLE(xen_add_to_physmap_t);
_Static_assert(sizeof(xen_add_to_physmap_t) == 24, "xen_add_to_physmap");

/* XENMEM_add_to_physmap_batch */
struct xen_add_to_physmap_batch {
    domid_t domid;  /* IN */
    uint16_t space; /* IN, XENMAPSPACE_* */
    uint16_t size;  /* IN */
    union xen_add_to_physmap_batch_extra {
        domid_t foreign_domid; /* with XENMAPSPACE_gmfn_foreign */
        uint16_t res0;         /* otherwise: zero */
    } u;
    XEN_GUEST_HANDLE(xen_ulong_t) idxs; /* IN array */
    XEN_GUEST_HANDLE(xen_pfn_t) gpfns;  /* IN array */
    XEN_GUEST_HANDLE(int) errs;         /* OUT array */
};
typedef struct xen_add_to_physmap_batch xen_add_to_physmap_batch_t;
DEFINE_XEN_GUEST_HANDLE(xen_add_to_physmap_batch_t);
_Static_assert(sizeof(xen_add_to_physmap_batch_t) == 32, "xen_add_to_physmap_batch");

/* XENMEM_remove_from_physmap */
struct xen_remove_from_physmap {
    domid_t domid;  /* IN */
    xen_pfn_t gpfn; /* IN */
};
typedef struct xen_remove_from_physmap xen_remove_from_physmap_t;
DEFINE_XEN_GUEST_HANDLE(xen_remove_from_physmap_t);
_Static_assert(sizeof(xen_remove_from_physmap_t) == 16, "xen_remove_from_physmap");

/* XENMEM_memory_map, XENMEM_machine_memory_map */
struct xen_memory_map {
    unsigned int nr_entries;       /* IN room, OUT entries */
    XEN_GUEST_HANDLE(void) buffer; /* OUT, e820 entries of 20 bytes */
};
typedef struct xen_memory_map xen_memory_map_t;
DEFINE_XEN_GUEST_HANDLE(xen_memory_map_t);
_Static_assert(sizeof(xen_memory_map_t) == 16, "xen_memory_map");

/* XENMEM_set_memory_map */
struct xen_foreign_memory_map {
    domid_t domid; /* IN */
    struct xen_memory_map map;
};
typedef struct xen_foreign_memory_map xen_foreign_memory_map_t;
DEFINE_XEN_GUEST_HANDLE(xen_foreign_memory_map_t);
_Static_assert(sizeof(xen_foreign_memory_map_t) == 24, "xen_foreign_memory_map");

/* XENMEM_set_pod_target, XENMEM_get_pod_target */
struct xen_pod_target {
    uint64_t target_pages;    /* IN of set */
    uint64_t tot_pages;       /* OUT */
    uint64_t pod_cache_pages; /* OUT */
    uint64_t pod_entries;     /* OUT */
    domid_t domid;            /* IN */
};
typedef struct xen_pod_target xen_pod_target_t;
DEFINE_XEN_GUEST_HANDLE(xen_pod_target_t);
_Static_assert(sizeof(xen_pod_target_t) == 40, "xen_pod_target");

/* XENMEM_reserved_device_memory_map */
struct xen_reserved_device_memory {
    xen_pfn_t start_pfn;
    xen_ulong_t nr_pages;
};
typedef struct xen_reserved_device_memory xen_reserved_device_memory_t;
DEFINE_XEN_GUEST_HANDLE(xen_reserved_device_memory_t);
_Static_assert(sizeof(xen_reserved_device_memory_t) == 16, "xen_reserved_device_memory");

#define XENMEM_RDM_ALL 1
struct xen_reserved_device_memory_map {
    uint32_t flags;                                        /* IN, XENMEM_RDM_ALL */
    unsigned int nr_entries;                               /* IN room, OUT entries */
    XEN_GUEST_HANDLE(xen_reserved_device_memory_t) buffer; /* OUT array */
    union {
        physdev_pci_device_t pci;
    } dev; /* IN, without XENMEM_RDM_ALL */
};
typedef struct xen_reserved_device_memory_map xen_reserved_device_memory_map_t;
DEFINE_XEN_GUEST_HANDLE(xen_reserved_device_memory_map_t);
_Static_assert(sizeof(xen_reserved_device_memory_map_t) == 24, "xen_reserved_device_memory_map");

/* XENMEM_acquire_resource */
#define XENMEM_resource_ioreq_server 0
#define XENMEM_resource_grant_table  1
#define XENMEM_resource_vmtrace_buf  2

#define XENMEM_resource_grant_table_id_shared 0
#define XENMEM_resource_grant_table_id_status 1

#define XENMEM_resource_ioreq_server_frame_bufioreq 0
#define XENMEM_resource_ioreq_server_frame_ioreq(n) (1 + (n))

struct xen_mem_acquire_resource {
    domid_t domid;                          /* IN */
    uint16_t type;                          /* IN, XENMEM_resource_* */
    uint32_t id;                            /* IN, by type */
    uint32_t nr_frames;                     /* IN, OUT when asking for the size */
    uint32_t pad;                           /* zero */
    uint64_t frame;                         /* IN, first frame of the resource */
    XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* OUT array of machine frames */
};
typedef struct xen_mem_acquire_resource xen_mem_acquire_resource_t;
DEFINE_XEN_GUEST_HANDLE(xen_mem_acquire_resource_t);
_Static_assert(sizeof(xen_mem_acquire_resource_t) == 32, "xen_mem_acquire_resource");

/* XENMEM_get_vnumainfo */
struct xen_vmemrange {
    uint64_t start, end;
    unsigned int flags;
    unsigned int nid;
};
typedef struct xen_vmemrange xen_vmemrange_t;
DEFINE_XEN_GUEST_HANDLE(xen_vmemrange_t);
_Static_assert(sizeof(xen_vmemrange_t) == 24, "xen_vmemrange");

struct xen_vnuma_topology_info {
    domid_t domid;              /* IN */
    uint16_t pad;               /* zero */
    unsigned int nr_vnodes;     /* IN room, OUT */
    unsigned int nr_vcpus;      /* IN room, OUT */
    unsigned int nr_vmemranges; /* IN room, OUT */
    union {
        XEN_GUEST_HANDLE(uint) h;
        uint64_t pad;
    } vdistance; /* OUT array */
    union {
        XEN_GUEST_HANDLE(uint) h;
        uint64_t pad;
    } vcpu_to_vnode; /* OUT array */
    union {
        XEN_GUEST_HANDLE(xen_vmemrange_t) h;
        uint64_t pad;
    } vmemrange; /* OUT array */
};
typedef struct xen_vnuma_topology_info xen_vnuma_topology_info_t;
DEFINE_XEN_GUEST_HANDLE(xen_vnuma_topology_info_t);
_Static_assert(sizeof(xen_vnuma_topology_info_t) == 40, "xen_vnuma_topology_info");

#endif
