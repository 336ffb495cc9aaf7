/* SPDX-License-Identifier: MIT */
/*
 * memory_op: giving frames to domains and taking them back, and asking about memory.
 *
 * Three kinds of number are called frames here. A machine frame (mfn) is one of the machine's. A
 * pseudo-physical frame (pfn, gpfn) is what a paravirtual guest numbers from 0 as if it were alone;
 * the guest keeps the table from pfn to mfn itself, and the M2P holds the way back. "gmfn" and
 * "gfn" mean the number by which a domain names its own memory to others, which for a paravirtual
 * domain is the mfn.
 *
 * memory_op(cmd, arg): `arg` points to the structure named beside each command below. Where a
 * command has a `domid` it is DOMID_SELF, or any domain if the caller is privileged: -EPERM. Some
 * commands return a number instead of 0, and say so. Commands that work through a list return how
 * many extents were done, and the hypervisor restarts them where it left off.
 */
#ifndef LODGE_PUBLIC_MEMORY_H
#define LODGE_PUBLIC_MEMORY_H

#include "handles.h"

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

/*
 * Flags of xen_memory_reservation.mem_flags.
 *
 *   XENMEMF_address_bits(n)     frames whose addresses have at most n bits, for devices; 0: any
 *   XENMEMF_node(n)             prefer NUMA node n
 *   XENMEMF_exact_node_request  and take no other
 *   XENMEMF_populate_on_demand  translated domains only: -EINVAL here
 *   XENMEMF_vnode               the node number is the domain's virtual one
 */
#define XENMEMF_address_bits(x)     (x)
#define XENMEMF_get_address_bits(x) ((x)&0xffu)
#define XENMEMF_node(x)             (((x) + 1) << 8)
#define XENMEMF_get_node(x)         ((((x) >> 8) - 1) & 0xffu)
#define XENMEMF_populate_on_demand  (1 << 16)
#define XENMEMF_exact_node_request  (1 << 17)
#define XENMEMF_exact_node(n)       (XENMEMF_node(n) | XENMEMF_exact_node_request)
#define XENMEMF_vnode               (1 << 18)

/*
 * An extent is 2^extent_order frames in a row, aligned to their size; extent_start is an array of
 * nr_extents numbers. A domain without devices may ask for orders up to 9 (2 MiB), others for more.
 *
 *   XENMEM_increase_reservation  OUT mfns. Give the domain frames that it does not have a pfn for
 *                                yet; extent_start may be null if nobody wants to know which.
 *   XENMEM_decrease_reservation  IN mfns (its gmfns). Take frames away; those still mapped, pinned
 *                                or granted stay the domain's until the last use ends.
 *   XENMEM_populate_physmap      IN pfns, OUT mfns. Give the domain frames for these pfns, and set
 *                                their M2P entries.
 *   XENMEM_claim_pages           nr_extents frames are set aside for the domain until it has that
 *                                many; 0 gives the claim up. extent_start null, order 0. Returns 0
 *                                or -ENOMEM. Control domain only.
 *
 * The first three return the number of extents done: fewer than nr_extents when memory or the
 * domain's limit (XEN_DOMCTL_max_mem) ran out, or at the first extent that was not good. Frames are
 * zeroed before a domain gets them.
 */
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

/*
 * XENMEM_exchange: give frames back and get others for them, keeping the amount. For memory that a
 * device needs in one piece.
 *
 *   in            extents to give back, IN mfns
 *   out           extents to get; IN pfns to enter into the M2P, OUT mfns
 *   nr_exchanged  IN where to go on, 0 in a first call; OUT how many input extents have gone
 *
 * Both lists are for the same domain and the same number of frames: -EINVAL. Frames in use
 * (-EINVAL) or memory that is not to be had (-ENOMEM) stop it midway, and nr_exchanged tells where:
 * a further call goes on from there. It is in whole pieces of the larger of the two orders, or it
 * is refused: -EINVAL. A list is read piece by piece, so where the two overlap in memory an answer
 * may be read as what is to be exchanged next.
 */
struct xen_memory_exchange {
    struct xen_memory_reservation in;
    struct xen_memory_reservation out;
    xen_ulong_t nr_exchanged; /* IN, OUT */
};
typedef struct xen_memory_exchange xen_memory_exchange_t;
DEFINE_XEN_GUEST_HANDLE(xen_memory_exchange_t);
_Static_assert(sizeof(xen_memory_exchange_t) == 72, "xen_memory_exchange");

/*
 * XENMEM_current_reservation returns how many frames the domain has, XENMEM_maximum_reservation how
 * many it may have, XENMEM_maximum_gpfn the highest number it uses.
 *
 * XENMEM_maximum_ram_page has no structure: it returns the highest machine frame with memory.
 */
struct xen_memory_domain {
    domid_t domid; /* IN */
};
typedef struct xen_memory_domain xen_memory_domain_t;
DEFINE_XEN_GUEST_HANDLE(xen_memory_domain_t);
_Static_assert(sizeof(struct xen_memory_domain) == 2, "xen_memory_domain");

/*
 * XENMEM_machphys_mfn_list: the machine frames of the M2P itself, one per 2 MiB, 0 where there is a
 * hole, so that a tool can map it (with DOMID_XEN). Privileged callers only. The compat form is for
 * 32-bit guests and has an empty answer here.
 */
struct xen_machphys_mfn_list {
    unsigned int max_extents;                 /* IN */
    XEN_GUEST_HANDLE(xen_pfn_t) extent_start; /* OUT array */
    unsigned int nr_extents;                  /* OUT */
};
typedef struct xen_machphys_mfn_list xen_machphys_mfn_list_t;
DEFINE_XEN_GUEST_HANDLE(xen_machphys_mfn_list_t);
_Static_assert(sizeof(xen_machphys_mfn_list_t) == 24, "xen_machphys_mfn_list");

/* XENMEM_machphys_mapping: where the M2P is in the caller's address space, and for which frames. */
struct xen_machphys_mapping {
    xen_ulong_t v_start, v_end; /* OUT */
    xen_ulong_t max_mfn;        /* OUT */
};
typedef struct xen_machphys_mapping xen_machphys_mapping_t;
DEFINE_XEN_GUEST_HANDLE(xen_machphys_mapping_t);
_Static_assert(sizeof(xen_machphys_mapping_t) == 24, "xen_machphys_mapping");

/* XENMEM_add_to_physmap */
/*
 * XENMEM_add_to_physmap and the three after it enter a frame into a domain's pseudo-physical
 * memory. That is the hypervisor's business for translated domains only: -EACCES for a paravirtual
 * one, which keeps its p2m itself.
 *
 *   XENMAPSPACE_shared_info   the shared-info page; idx 0
 *   XENMAPSPACE_grant_table   frame idx of the grant table, of its status frames with the bit
 *                             XENMAPIDX_grant_table_status
 *   XENMAPSPACE_gmfn          a frame of the domain, moved
 *   XENMAPSPACE_gmfn_range    `size` of them
 *   XENMAPSPACE_gmfn_foreign  another domain's frame, batch form only
 *   XENMAPSPACE_dev_mmio      not on x86
 */
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

/* XENMEM_add_to_physmap_batch: `size` times the same, each with its own error in `errs`. */
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

/* XENMEM_remove_from_physmap: take one frame out again; the domain keeps it. */
struct xen_remove_from_physmap {
    domid_t domid;  /* IN */
    xen_pfn_t gpfn; /* IN */
};
typedef struct xen_remove_from_physmap xen_remove_from_physmap_t;
DEFINE_XEN_GUEST_HANDLE(xen_remove_from_physmap_t);
_Static_assert(sizeof(xen_remove_from_physmap_t) == 16, "xen_remove_from_physmap");

/*
 * XENMEM_memory_map: the caller's own memory map, as XENMEM_set_memory_map left it; -ENOSYS if
 * nobody set one, and a kernel then takes all of its pages to be memory from 0 on.
 * XENMEM_machine_memory_map: the machine's, control domain only.
 *
 * An entry is 20 bytes: 64-bit start, 64-bit length, 32-bit type (1 memory, 2 reserved, 3 ACPI
 * data, 4 ACPI NVS, 5 unusable), without padding. More entries than room: as many as fit, and no
 * error.
 */
struct xen_memory_map {
    unsigned int nr_entries;       /* IN room, OUT entries */
    XEN_GUEST_HANDLE(void) buffer; /* OUT, e820 entries of 20 bytes */
};
typedef struct xen_memory_map xen_memory_map_t;
DEFINE_XEN_GUEST_HANDLE(xen_memory_map_t);
_Static_assert(sizeof(xen_memory_map_t) == 16, "xen_memory_map");

/*
 * XENMEM_set_memory_map: what XENMEM_memory_map is to answer in `domid`. At most 128 entries:
 * -EINVAL. Privileged callers only.
 */
struct xen_foreign_memory_map {
    domid_t domid; /* IN */
    struct xen_memory_map map;
};
typedef struct xen_foreign_memory_map xen_foreign_memory_map_t;
DEFINE_XEN_GUEST_HANDLE(xen_foreign_memory_map_t);
_Static_assert(sizeof(xen_foreign_memory_map_t) == 24, "xen_foreign_memory_map");

/*
 * XENMEM_set_pod_target, XENMEM_get_pod_target: populate-on-demand, for translated domains. -ENOSYS
 * for a paravirtual one.
 */
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

/*
 * XENMEM_reserved_device_memory_map: ranges that firmware keeps for devices (of one, or of all with
 * XENMEM_RDM_ALL), which a guest with such a device must not use. -ENOBUFS, with the number needed
 * in nr_entries, when there is too little room. Without an IOMMU there are none.
 */
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

/*
 * XENMEM_acquire_resource: machine frames of something the hypervisor keeps for a domain, for a
 * tool that wants to map them. Privileged callers only.
 *
 *   XENMEM_resource_grant_table   id: shared or status frames of the grant table. Frames that do
 *                                 not exist yet are made, up to the domain's limit.
 *   XENMEM_resource_ioreq_server  device models of fully virtualized domains: -EOPNOTSUPP
 *   XENMEM_resource_vmtrace_buf   processor traces: -EOPNOTSUPP
 *
 * With frame_list null and nr_frames 0 it answers how many frames the resource can have. -EINVAL
 * when the range is beyond that.
 */
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

/*
 * XENMEM_get_vnumainfo: the caller's virtual NUMA layout, as XEN_DOMCTL_setvnumainfo gave it. The
 * three numbers are room in the arrays; -ENOBUFS, with the numbers needed, if one is too small;
 * -EOPNOTSUPP for a domain without a layout.
 */
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
