/* SPDX-License-Identifier: MIT */
/*
 * The arguments of domctl that concern a domain as a whole: its life, its memory, its identity.
 * Included by domctl.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_DOMCTL_DOMAIN_H
#define LODGE_PUBLIC_DOMCTL_DOMAIN_H

#include "handles.h"
#include "arch.h"

/*
 * XEN_DOMCTL_createdomain: make a domain without memory and vcpus, paused. xen_domctl.domain is IN
 * the number wanted, or 0 or one from DOMID_FIRST_RESERVED on for the next that is free; OUT the
 * number given. -EEXIST for a number in use, -EINVAL for flags or limits that cannot be.
 *
 *   CDF_hvm           fully virtualized; else paravirtual
 *   CDF_hap           with nested paging; fully virtualized only
 *   CDF_s3_integrity  measure its memory across a suspension to memory; not supported
 *   CDF_oos_off       details of shadow page tables; fully virtualized only
 *   CDF_xs_domain     it runs the store; shown in getdomaininfo, and it may be told of others' ends
 *   CDF_iommu         devices may be given to it
 *   CDF_nested_virt   it may run hypervisors; fully virtualized only
 *   CDF_vpmu          it may use performance counters
 *
 * max_vcpus has to be at least 1. max_evtchn_port is the highest port the domain may use, whichever
 * form of event channels it chooses. The two grant limits are in frames of its table and of the
 * hypervisor's table of its mappings. grant_opts is the highest version of grant tables, 1 or 2.
 * vmtrace_size is 0. cpupool_id names an existing pool (sysctl.h); there is always pool 0.
 */
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

/*
 * XEN_DOMCTL_getdomaininfo: the state of `domain`, or, if there is none with that number, of the
 * one with the next higher. A tool that asks for one domain compares the number that comes back.
 * XEN_SYSCTL_getdomaininfolist gives many at once.
 *
 *   DOMINF_dying      destroyed, but not yet gone
 *   DOMINF_hvm_guest  fully virtualized
 *   DOMINF_shutdown   it has shut down; flags >> DOMINF_shutdownshift & DOMINF_shutdownmask is why
 *                     (SHUTDOWN_*)
 *   DOMINF_paused     paused by a tool
 *   DOMINF_blocked    all vcpus wait for events
 *   DOMINF_running    a vcpu is on a processor
 *   DOMINF_debugged   setdebugging is on
 *   DOMINF_xs_domain  it runs the store
 *   DOMINF_hap        it uses nested paging
 */
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

/*
 * XEN_DOMCTL_max_mem: how much memory the domain may have. Less than it has is allowed: it then
 * gets nothing more until it has given some back. KiB, rounded down to frames.
 */
struct xen_domctl_max_mem {
    uint64_aligned_t max_memkb; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_max_mem) == 8, "max_mem");

/*
 * XEN_DOMCTL_max_vcpus: make the vcpus, all of them down. `max` has to be what createdomain said:
 * -EINVAL. Doing it again does nothing.
 */
struct xen_domctl_max_vcpus {
    uint32_t max; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_max_vcpus) == 4, "max_vcpus");

/* XEN_DOMCTL_setdomainhandle: give it another UUID. */
struct xen_domctl_setdomainhandle {
    xen_domain_handle_t handle; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_setdomainhandle) == 16, "setdomainhandle");

/*
 * XEN_DOMCTL_setdebugging: with a debugger, breakpoints and single steps in the domain's kernel
 * pause it and raise VIRQ_DEBUGGER, instead of going to its own handlers.
 */
struct xen_domctl_setdebugging {
    uint8_t enable; /* IN */
};

/*
 * XEN_DOMCTL_hypercall_init: fill frame `gmfn` of the domain with the hypercall page
 * (hypercalls.h), as the builder does for kernels with XEN_ELFNOTE_HYPERCALL_PAGE. -EACCES if it is
 * not a writable frame of the domain.
 */
struct xen_domctl_hypercall_init {
    uint64_aligned_t gmfn; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_hypercall_init) == 8, "hypercall_init");

/* XEN_DOMCTL_settimeoffset: seconds to add to the wall clock in the domain's shared_info. */
struct xen_domctl_settimeoffset {
    int64_aligned_t time_offset_seconds; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_settimeoffset) == 8, "settimeoffset");

/*
 * XEN_DOMCTL_set_address_size: 64, the only size here; -EINVAL for 32. XEN_DOMCTL_get_address_size:
 * 64.
 */
struct xen_domctl_address_size {
    uint32_t size; /* IN of set, OUT of get, bits */
};
_Static_assert(sizeof(struct xen_domctl_address_size) == 4, "address_size");

/*
 * XEN_DOMCTL_set_target: `domain` gets privilege over `target`, as a device model needs it. -EINVAL
 * if it has a target already, or is the target.
 */
struct xen_domctl_set_target {
    domid_t target; /* IN */
};

/*
 * XEN_DOMCTL_set_virq_handler: raise a control domain's VIRQ in `domain` instead. -EINVAL for a
 * VIRQ that is not global. It falls back to the control domain when `domain` goes.
 */
struct xen_domctl_set_virq_handler {
    uint32_t virq; /* IN, VIRQ_* */
};

/*
 * XEN_DOMCTL_subscribe: an event on `port`, one of `domain`'s unbound ones meant for the caller,
 * when `domain` is suspended, so that the tool need not wait for VIRQ_DOM_EXC. 0 ends it.
 */
struct xen_domctl_subscribe {
    uint32_t port; /* IN */
};

/*
 * XEN_DOMCTL_set_paging_mempool_size: memory that shadow or nested page tables may take; multiple
 * of the page size. XEN_DOMCTL_get_paging_mempool_size: what it is. For a paravirtual domain it
 * matters while shadow_op logs its writes.
 */
struct xen_domctl_paging_mempool {
    uint64_aligned_t size; /* IN of set, OUT of get, bytes */
};
_Static_assert(sizeof(struct xen_domctl_paging_mempool) == 8, "paging_mempool");

/*
 * XEN_DOMCTL_shadow_op: find out which frames a running domain writes, for moving it elsewhere.
 *
 *   SHADOW_OP_ENABLE: start; `mode` SHADOW_ENABLE_LOG_DIRTY is the one that a paravirtual domain
 *         can have
 *   SHADOW_OP_ENABLE_LOGDIRTY: the same
 *   SHADOW_OP_ENABLE_TEST: start without logging, for tests
 *   SHADOW_OP_OFF: stop
 *   SHADOW_OP_CLEAN: OUT: a bit for each frame written since the last time, and forget them
 *   SHADOW_OP_PEEK: the same without forgetting
 *   SHADOW_OP_GET_ALLOCATION, SHADOW_OP_SET_ALLOCATION: memory for it, older form of the pool above
 *
 * `pages` is how many bits dirty_bitmap has room for, numbered by pseudo-physical frame. With
 * SHADOW_LOGDIRTY_FINAL frames that the hypervisor has mapped itself count as written. stats:
 * faults taken, frames found.
 */
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

/*
 * XEN_DOMCTL_getpageframeinfo3: the types of `num` frames of a domain, at most 1024 a call
 * (-E2BIG), for saving it. Each element of `array` goes in as a machine frame number and comes back
 * as one of these:
 *
 *   PFINFO_NOTAB            an ordinary frame
 *   PFINFO_L1TAB to L4TAB   a page table of that level
 *   PFINFO_LPINTAB          ored in: it is pinned
 *   PFINFO_XTAB             not a frame of this domain, or one that cannot be saved
 *   PFINFO_XALLOC, _BROKEN  for the tools' own streams
 */
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

/* XEN_DOMCTL_setvnumainfo: the NUMA layout that the domain is to see (XENMEM_get_vnumainfo). */
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

/*
 * XEN_DOMCTL_setnodeaffinity, XEN_DOMCTL_getnodeaffinity: nodes that its memory should come from.
 * An empty map is -EINVAL.
 */
struct xen_domctl_nodeaffinity {
    struct xenctl_bitmap nodemap; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_nodeaffinity) == 16, "nodeaffinity");

/*
 * XEN_DOMCTL_cacheflush: write the caches back for a range of frames. Nothing to do on x86:
 * -ENOSYS.
 */
struct xen_domctl_cacheflush {
    xen_pfn_t start_pfn, nr_pfns; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_cacheflush) == 16, "cacheflush");

#endif
