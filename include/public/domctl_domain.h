/* SPDX-License-Identifier: MIT */
/*
 * The arguments of domctl that concern a domain as a whole: its life, its memory, its identity.
 * Included by domctl.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_DOMCTL_DOMAIN_H
#define LODGE_PUBLIC_DOMCTL_DOMAIN_H

#include "xen.h"
#include "memory.h"

/* XEN_DOMCTL_createdomain */
#define _XEN_DOMCTL_CDF_hvm          0
#define XEN_DOMCTL_CDF_hvm           (1U << _XEN_DOMCTL_CDF_hvm)
#define _XEN_DOMCTL_CDF_hap          1
#define XEN_DOMCTL_CDF_hap           (1U << _XEN_DOMCTL_CDF_hap)
#define _XEN_DOMCTL_CDF_s3_integrity 2
#define XEN_DOMCTL_CDF_s3_integrity  (1U << _XEN_DOMCTL_CDF_s3_integrity)
#define _XEN_DOMCTL_CDF_oos_off      3
#define XEN_DOMCTL_CDF_oos_off       (1U << _XEN_DOMCTL_CDF_oos_off)
#define _XEN_DOMCTL_CDF_xs_domain    4
#define XEN_DOMCTL_CDF_xs_domain     (1U << _XEN_DOMCTL_CDF_xs_domain)
#define _XEN_DOMCTL_CDF_iommu        5
#define XEN_DOMCTL_CDF_iommu         (1U << _XEN_DOMCTL_CDF_iommu)
#define _XEN_DOMCTL_CDF_nested_virt  6
#define XEN_DOMCTL_CDF_nested_virt   (1U << _XEN_DOMCTL_CDF_nested_virt)
#define XEN_DOMCTL_CDF_vpmu          (1U << 7)
#define XEN_DOMCTL_CDF_MAX           XEN_DOMCTL_CDF_vpmu

#define _XEN_DOMCTL_IOMMU_no_sharept 0
#define XEN_DOMCTL_IOMMU_no_sharept  (1U << _XEN_DOMCTL_IOMMU_no_sharept)
#define XEN_DOMCTL_IOMMU_MAX         XEN_DOMCTL_IOMMU_no_sharept

#define XEN_DOMCTL_GRANT_version_mask 0xf
#define XEN_DOMCTL_GRANT_version(v)   ((v)&XEN_DOMCTL_GRANT_version_mask)

struct xen_domctl_createdomain {
    uint32_t ssidref;            /* IN, security label */
    xen_domain_handle_t handle;  /* IN, UUID */
    uint32_t flags;              /* IN, XEN_DOMCTL_CDF_* */
    uint32_t iommu_opts;         /* IN, XEN_DOMCTL_IOMMU_* */
    uint32_t max_vcpus;          /* IN */
    uint32_t max_evtchn_port;    /* IN, highest port */
    int32_t max_grant_frames;    /* IN, negative: the default */
    int32_t max_maptrack_frames; /* IN, negative: the default */
    uint32_t grant_opts;         /* IN, XEN_DOMCTL_GRANT_version() */
    uint32_t vmtrace_size;       /* IN, bytes per vcpu */
    uint32_t cpupool_id;         /* IN */
    struct xen_arch_domainconfig arch;
};
typedef struct xen_domctl_createdomain xen_domctl_createdomain_t;
_Static_assert(sizeof(struct xen_domctl_createdomain) == 64, "createdomain");

/* XEN_DOMCTL_getdomaininfo */
#define _XEN_DOMINF_dying        0
#define XEN_DOMINF_dying         (1U << _XEN_DOMINF_dying)
#define _XEN_DOMINF_hvm_guest    1
#define XEN_DOMINF_hvm_guest     (1U << _XEN_DOMINF_hvm_guest)
#define _XEN_DOMINF_shutdown     2
#define XEN_DOMINF_shutdown      (1U << _XEN_DOMINF_shutdown)
#define _XEN_DOMINF_paused       3
#define XEN_DOMINF_paused        (1U << _XEN_DOMINF_paused)
#define _XEN_DOMINF_blocked      4
#define XEN_DOMINF_blocked       (1U << _XEN_DOMINF_blocked)
#define _XEN_DOMINF_running      5
#define XEN_DOMINF_running       (1U << _XEN_DOMINF_running)
#define _XEN_DOMINF_debugged     6
#define XEN_DOMINF_debugged      (1U << _XEN_DOMINF_debugged)
#define _XEN_DOMINF_xs_domain    7
#define XEN_DOMINF_xs_domain     (1U << _XEN_DOMINF_xs_domain)
#define _XEN_DOMINF_hap          8
#define XEN_DOMINF_hap           (1U << _XEN_DOMINF_hap)
#define XEN_DOMINF_shutdownmask  255
#define XEN_DOMINF_shutdownshift 16

#define XEN_INVALID_MAX_VCPU_ID (~0U)

struct xen_domctl_getdomaininfo {
    domid_t domain; /* OUT, as xen_domctl.domain */
    uint16_t pad1;
    uint32_t flags;                     /* XEN_DOMINF_* */
    uint64_aligned_t tot_pages;         /* frames it owns */
    uint64_aligned_t max_pages;         /* frames it may own */
    uint64_aligned_t outstanding_pages; /* frames claimed and not yet given */
    uint64_aligned_t shr_pages;
    uint64_aligned_t paged_pages;
    uint64_aligned_t shared_info_frame; /* frame of shared_info */
    uint64_aligned_t cpu_time;          /* nanoseconds, all vcpus */
    uint32_t nr_online_vcpus;
    uint32_t max_vcpu_id; /* highest vcpu, or XEN_INVALID_MAX_VCPU_ID */
    uint32_t ssidref;
    xen_domain_handle_t handle;
    uint32_t cpupool;
    uint8_t gpaddr_bits;
    uint8_t pad2[7];
    struct xen_arch_domainconfig arch_config;
};
typedef struct xen_domctl_getdomaininfo xen_domctl_getdomaininfo_t;
DEFINE_XEN_GUEST_HANDLE(xen_domctl_getdomaininfo_t);
_Static_assert(sizeof(xen_domctl_getdomaininfo_t) == 112, "getdomaininfo");
_Static_assert(offsetof(xen_domctl_getdomaininfo_t, nr_online_vcpus) == 64, "gdi.online");
_Static_assert(offsetof(xen_domctl_getdomaininfo_t, arch_config) == 104, "gdi.arch_config");

/* XEN_DOMCTL_max_mem */
struct xen_domctl_max_mem {
    uint64_aligned_t max_memkb; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_max_mem) == 8, "max_mem");

/* XEN_DOMCTL_max_vcpus */
struct xen_domctl_max_vcpus {
    uint32_t max; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_max_vcpus) == 4, "max_vcpus");

/* XEN_DOMCTL_setdomainhandle */
struct xen_domctl_setdomainhandle {
    xen_domain_handle_t handle; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_setdomainhandle) == 16, "setdomainhandle");

/* XEN_DOMCTL_setdebugging */
struct xen_domctl_setdebugging {
    uint8_t enable; /* IN */
};

/* XEN_DOMCTL_hypercall_init */
struct xen_domctl_hypercall_init {
    uint64_aligned_t gmfn; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_hypercall_init) == 8, "hypercall_init");

/* XEN_DOMCTL_settimeoffset */
struct xen_domctl_settimeoffset {
    int64_aligned_t time_offset_seconds; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_settimeoffset) == 8, "settimeoffset");

/* XEN_DOMCTL_set_address_size, XEN_DOMCTL_get_address_size */
struct xen_domctl_address_size {
    uint32_t size; /* IN of set, OUT of get, bits */
};
_Static_assert(sizeof(struct xen_domctl_address_size) == 4, "address_size");

/* XEN_DOMCTL_set_target */
struct xen_domctl_set_target {
    domid_t target; /* IN */
};

/* XEN_DOMCTL_set_virq_handler */
struct xen_domctl_set_virq_handler {
    uint32_t virq; /* IN, VIRQ_* */
};

/* XEN_DOMCTL_subscribe */
struct xen_domctl_subscribe {
    uint32_t port; /* IN */
};

/* XEN_DOMCTL_get_paging_mempool_size, XEN_DOMCTL_set_paging_mempool_size */
struct xen_domctl_paging_mempool {
    uint64_aligned_t size; /* IN of set, OUT of get, bytes */
};
_Static_assert(sizeof(struct xen_domctl_paging_mempool) == 8, "paging_mempool");

/* XEN_DOMCTL_shadow_op */
#define XEN_DOMCTL_SHADOW_OP_OFF             0
#define XEN_DOMCTL_SHADOW_OP_ENABLE_TEST     1
#define XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY 2
#define XEN_DOMCTL_SHADOW_OP_CLEAN           11
#define XEN_DOMCTL_SHADOW_OP_PEEK            12
#define XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION  30
#define XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION  31
#define XEN_DOMCTL_SHADOW_OP_ENABLE          32

#define XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT  (1 << 1)
#define XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY (1 << 2)
#define XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE (1 << 3)
#define XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL  (1 << 4)
#define XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL   (1 << 0)

struct xen_domctl_shadow_op_stats {
    uint32_t fault_count;
    uint32_t dirty_count;
};
struct xen_domctl_shadow_op {
    uint32_t op;                             /* IN, XEN_DOMCTL_SHADOW_OP_* */
    uint32_t mode;                           /* IN, XEN_DOMCTL_SHADOW_ENABLE_* or _LOGDIRTY_* */
    uint32_t mb;                             /* IN or OUT of the allocation operations, MiB */
    XEN_GUEST_HANDLE_64(uint8) dirty_bitmap; /* OUT */
    uint64_aligned_t pages;                  /* IN bits of room, OUT bits written */
    struct xen_domctl_shadow_op_stats stats; /* OUT */
};
_Static_assert(sizeof(struct xen_domctl_shadow_op) == 40, "shadow_op");

/* XEN_DOMCTL_getpageframeinfo3 */
#define XEN_DOMCTL_PFINFO_LTAB_SHIFT    28
#define XEN_DOMCTL_PFINFO_NOTAB         (0x0U << 28)
#define XEN_DOMCTL_PFINFO_L1TAB         (0x1U << 28)
#define XEN_DOMCTL_PFINFO_L2TAB         (0x2U << 28)
#define XEN_DOMCTL_PFINFO_L3TAB         (0x3U << 28)
#define XEN_DOMCTL_PFINFO_L4TAB         (0x4U << 28)
#define XEN_DOMCTL_PFINFO_LTABTYPE_MASK (0x7U << 28)
#define XEN_DOMCTL_PFINFO_LPINTAB       (0x1U << 31)
#define XEN_DOMCTL_PFINFO_XTAB          (0xfU << 28)
#define XEN_DOMCTL_PFINFO_XALLOC        (0xeU << 28)
#define XEN_DOMCTL_PFINFO_BROKEN        (0xdU << 28)
#define XEN_DOMCTL_PFINFO_LTAB_MASK     (0xfU << 28)

struct xen_domctl_getpageframeinfo3 {
    uint64_aligned_t num;                 /* IN */
    XEN_GUEST_HANDLE_64(xen_pfn_t) array; /* IN frames, OUT types */
};
_Static_assert(sizeof(struct xen_domctl_getpageframeinfo3) == 16, "getpageframeinfo3");

/* XEN_DOMCTL_setvnumainfo */
struct xen_domctl_vnuma {
    uint32_t nr_vnodes;                             /* IN */
    uint32_t nr_vmemranges;                         /* IN */
    uint32_t nr_vcpus;                              /* IN */
    uint32_t pad;                                   /* zero */
    XEN_GUEST_HANDLE_64(uint) vdistance;            /* IN, nr_vnodes squared */
    XEN_GUEST_HANDLE_64(uint) vcpu_to_vnode;        /* IN, nr_vcpus */
    XEN_GUEST_HANDLE_64(uint) vnode_to_pnode;       /* IN, nr_vnodes */
    XEN_GUEST_HANDLE_64(xen_vmemrange_t) vmemrange; /* IN, nr_vmemranges */
};
_Static_assert(sizeof(struct xen_domctl_vnuma) == 48, "vnuma");

/* XEN_DOMCTL_setnodeaffinity, XEN_DOMCTL_getnodeaffinity */
struct xen_domctl_nodeaffinity {
    struct xenctl_bitmap nodemap; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_nodeaffinity) == 16, "nodeaffinity");

/* XEN_DOMCTL_cacheflush */
struct xen_domctl_cacheflush {
    xen_pfn_t start_pfn, nr_pfns; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_cacheflush) == 16, "cacheflush");

#endif
