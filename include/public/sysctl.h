/* SPDX-License-Identifier: MIT */
/*
 * sysctl: the control domain's operations on the whole hypervisor, interface version 0x15.
 *
 * sysctl(op): `op` points to a struct xen_sysctl, whose `u` has the member that belongs to `cmd`.
 * As with domctl another interface_version is refused with -EACCES, an unprivileged caller with
 * -EPERM, and an operation that is not there with -ENOSYS or -EOPNOTSUPP. Where a structure has an
 * array with room for some number of elements, the number comes back as what there is or what was
 * written, as said; with the handle null it is only asked for.
 *
 * Numbers without a structure here are known and not implemented: trace buffers (lodge_trace.h has
 * our own), processor power management, page offlining, lock profiles, coverage, cache allocation
 * and live patches.
 */
#ifndef LODGE_PUBLIC_SYSCTL_H
#define LODGE_PUBLIC_SYSCTL_H

#include "handles.h"
#include "arch.h"
#include "domctl_domain.h"

#define XEN_SYSCTL_INTERFACE_VERSION 0x00000015

#define XEN_SYSCTL_readconsole            1
#define XEN_SYSCTL_tbuf_op                2
#define XEN_SYSCTL_physinfo               3
#define XEN_SYSCTL_sched_id               4
#define XEN_SYSCTL_perfc_op               5
#define XEN_SYSCTL_getdomaininfolist      6
#define XEN_SYSCTL_debug_keys             7
#define XEN_SYSCTL_getcpuinfo             8
#define XEN_SYSCTL_availheap              9
#define XEN_SYSCTL_get_pmstat             10
#define XEN_SYSCTL_cpu_hotplug            11
#define XEN_SYSCTL_pm_op                  12
#define XEN_SYSCTL_page_offline_op        14
#define XEN_SYSCTL_lockprof_op            15
#define XEN_SYSCTL_cputopoinfo            16
#define XEN_SYSCTL_numainfo               17
#define XEN_SYSCTL_cpupool_op             18
#define XEN_SYSCTL_scheduler_op           19
#define XEN_SYSCTL_coverage_op            20
#define XEN_SYSCTL_psr_cmt_op             21
#define XEN_SYSCTL_pcitopoinfo            22
#define XEN_SYSCTL_psr_alloc              23
#define XEN_SYSCTL_get_cpu_levelling_caps 25
#define XEN_SYSCTL_get_cpu_featureset     26
#define XEN_SYSCTL_livepatch_op           27
#define XEN_SYSCTL_get_cpu_policy         29

/*
 * XEN_SYSCTL_readconsole: text that the hypervisor has printed, from a ring of which the oldest
 * part may be gone.
 *
 *   clear        forget the text once it is read
 *   incremental  from `index` on, instead of from the oldest; OUT `index` is where to go on
 *   count        IN bytes of room, OUT bytes written
 */
struct xen_sysctl_readconsole {
    uint8_t clear;       /* IN */
    uint8_t incremental; /* IN */
    uint8_t pad0, pad1;
    uint32_t index;                   /* IN start, OUT end */
    XEN_GUEST_HANDLE_64(char) buffer; /* OUT */
    uint32_t count;                   /* IN room, OUT bytes */
};
typedef struct xen_sysctl_readconsole xen_sysctl_readconsole_t;
_Static_assert(sizeof(struct xen_sysctl_readconsole) == 24, "readconsole");

/*
 * XEN_SYSCTL_physinfo: processors, memory, abilities. Pages are of 4 KiB. free_pages includes those
 * that scrub_pages counts as not yet cleared, and those claimed by domains.
 */
#define _XEN_SYSCTL_PHYSCAP_hvm                0
#define XEN_SYSCTL_PHYSCAP_hvm                 (1u << _XEN_SYSCTL_PHYSCAP_hvm)
#define _XEN_SYSCTL_PHYSCAP_pv                 1
#define XEN_SYSCTL_PHYSCAP_pv                  (1u << _XEN_SYSCTL_PHYSCAP_pv)
#define _XEN_SYSCTL_PHYSCAP_directio           2
#define XEN_SYSCTL_PHYSCAP_directio            (1u << _XEN_SYSCTL_PHYSCAP_directio)
#define _XEN_SYSCTL_PHYSCAP_hap                3
#define XEN_SYSCTL_PHYSCAP_hap                 (1u << _XEN_SYSCTL_PHYSCAP_hap)
#define _XEN_SYSCTL_PHYSCAP_shadow             4
#define XEN_SYSCTL_PHYSCAP_shadow              (1u << _XEN_SYSCTL_PHYSCAP_shadow)
#define _XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share 5
#define XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share  (1u << _XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share)
#define XEN_SYSCTL_PHYSCAP_vmtrace             (1u << 6)
#define XEN_SYSCTL_PHYSCAP_vpmu                (1u << 7)
#define XEN_SYSCTL_PHYSCAP_gnttab_v1           (1u << 8)
#define XEN_SYSCTL_PHYSCAP_gnttab_v2           (1u << 9)
#define XEN_SYSCTL_PHYSCAP_MAX                 XEN_SYSCTL_PHYSCAP_gnttab_v2

struct xen_sysctl_physinfo { /* all OUT */
    uint32_t threads_per_core;
    uint32_t cores_per_socket;
    uint32_t nr_cpus;    /* online */
    uint32_t max_cpu_id; /* highest possible */
    uint32_t nr_nodes;   /* online */
    uint32_t max_node_id;
    uint32_t cpu_khz;
    uint32_t capabilities; /* XEN_SYSCTL_PHYSCAP_* */
    uint32_t arch_capabilities;
    uint32_t pad;
    uint64_aligned_t total_pages;
    uint64_aligned_t free_pages;
    uint64_aligned_t scrub_pages;
    uint64_aligned_t outstanding_pages; /* claimed */
    uint64_aligned_t max_mfn;
    uint32_t hw_cap[8]; /* first words of the host's feature set */
};
typedef struct xen_sysctl_physinfo xen_sysctl_physinfo_t;
_Static_assert(sizeof(struct xen_sysctl_physinfo) == 112, "physinfo");
_Static_assert(offsetof(struct xen_sysctl_physinfo, total_pages) == 40, "physinfo.total_pages");

/* XEN_SYSCTL_sched_id: which scheduler is in use. */
struct xen_sysctl_sched_id {
    uint32_t sched_id; /* OUT, XEN_SCHEDULER_* */
};

/*
 * XEN_SYSCTL_perfc_op: counters of the hypervisor's own events, such as entries by reason. QUERY
 * gives the number of counters and of values (a counter may have one per processor or per reason),
 * and fills the arrays if they are not null; RESET sets all to 0.
 */
#define XEN_SYSCTL_PERFCOP_reset 1
#define XEN_SYSCTL_PERFCOP_query 2
struct xen_sysctl_perfc_desc {
    char name[80];
    uint32_t nr_vals;
};
typedef struct xen_sysctl_perfc_desc xen_sysctl_perfc_desc_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_perfc_desc_t);
_Static_assert(sizeof(xen_sysctl_perfc_desc_t) == 84, "perfc_desc");
typedef uint32_t xen_sysctl_perfc_val_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_perfc_val_t);
struct xen_sysctl_perfc_op {
    uint32_t cmd;                                      /* IN, XEN_SYSCTL_PERFCOP_* */
    uint32_t nr_counters;                              /* OUT */
    uint32_t nr_vals;                                  /* OUT */
    XEN_GUEST_HANDLE_64(xen_sysctl_perfc_desc_t) desc; /* OUT */
    XEN_GUEST_HANDLE_64(xen_sysctl_perfc_val_t) val;   /* OUT */
};
_Static_assert(sizeof(struct xen_sysctl_perfc_op) == 32, "perfc_op");

/*
 * XEN_SYSCTL_getdomaininfolist: as XEN_DOMCTL_getdomaininfo, for up to max_domains domains from
 * first_domain on, in order of their numbers.
 */
struct xen_sysctl_getdomaininfolist {
    domid_t first_domain;                                   /* IN */
    uint32_t max_domains;                                   /* IN */
    XEN_GUEST_HANDLE_64(xen_domctl_getdomaininfo_t) buffer; /* OUT */
    uint32_t num_domains;                                   /* OUT */
};
_Static_assert(sizeof(struct xen_sysctl_getdomaininfolist) == 24, "getdomaininfolist");

/* XEN_SYSCTL_debug_keys: as if these keys had been pressed on the hypervisor's console. */
struct xen_sysctl_debug_keys {
    XEN_GUEST_HANDLE_64(const_char) keys; /* IN */
    uint32_t nr_keys;                     /* IN */
};
_Static_assert(sizeof(struct xen_sysctl_debug_keys) == 16, "debug_keys");

/* XEN_SYSCTL_getcpuinfo: how long each processor has been idle; 0 for one that is not there. */
struct xen_sysctl_cpuinfo {
    uint64_aligned_t idletime; /* nanoseconds */
};
typedef struct xen_sysctl_cpuinfo xen_sysctl_cpuinfo_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_cpuinfo_t);
struct xen_sysctl_getcpuinfo {
    uint32_t max_cpus;                              /* IN */
    XEN_GUEST_HANDLE_64(xen_sysctl_cpuinfo_t) info; /* OUT */
    uint32_t nr_cpus;                               /* OUT */
};
_Static_assert(sizeof(struct xen_sysctl_getcpuinfo) == 24, "getcpuinfo");

/*
 * XEN_SYSCTL_availheap: free memory with addresses of at least min_bitwidth and at most
 * max_bitwidth bits, 0 for no limit.
 */
struct xen_sysctl_availheap {
    uint32_t min_bitwidth;        /* IN */
    uint32_t max_bitwidth;        /* IN */
    int32_t node;                 /* IN, -1 for all */
    uint64_aligned_t avail_bytes; /* OUT */
};
_Static_assert(sizeof(struct xen_sysctl_availheap) == 24, "availheap");

/*
 * XEN_SYSCTL_cpu_hotplug: take a processor in or out of use; with SMT_* all secondary threads
 * (-EOPNOTSUPP where they are not told apart). A vcpu that may run nowhere else may run everywhere
 * from then on. The control domain is told by VIRQ_PCPU_STATE. -EINVAL for the boot processor and
 * those that there are not; -EEXIST if it is so already; -EBUSY while another call is at it;
 * -EADDRINUSE if a vcpu is there by SCHEDOP_pin_override.
 */
#define XEN_SYSCTL_CPU_HOTPLUG_ONLINE      0
#define XEN_SYSCTL_CPU_HOTPLUG_OFFLINE     1
#define XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE  2
#define XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE 3
struct xen_sysctl_cpu_hotplug {
    uint32_t cpu; /* IN */
    uint32_t op;  /* IN, XEN_SYSCTL_CPU_HOTPLUG_* */
};
_Static_assert(sizeof(struct xen_sysctl_cpu_hotplug) == 8, "cpu_hotplug");

/*
 * XEN_SYSCTL_cputopoinfo: core, socket and node of each processor, XEN_INVALID_* for those that are
 * not there.
 */
#define XEN_INVALID_CORE_ID   (~0U)
#define XEN_INVALID_SOCKET_ID (~0U)
#define XEN_INVALID_NODE_ID   (~0U)
struct xen_sysctl_cputopo {
    uint32_t core;
    uint32_t socket;
    uint32_t node;
};
typedef struct xen_sysctl_cputopo xen_sysctl_cputopo_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_cputopo_t);
_Static_assert(sizeof(xen_sysctl_cputopo_t) == 12, "cputopo");
struct xen_sysctl_cputopoinfo {
    uint32_t num_cpus;                                 /* IN room, OUT entries */
    XEN_GUEST_HANDLE_64(xen_sysctl_cputopo_t) cputopo; /* OUT */
};
_Static_assert(sizeof(struct xen_sysctl_cputopoinfo) == 16, "cputopoinfo");

/*
 * XEN_SYSCTL_numainfo: memory of each node and distances between them, row by row; 10 is "the
 * same".
 */
#define XEN_INVALID_MEM_SZ    (~0U)
#define XEN_INVALID_NODE_DIST (~0U)
struct xen_sysctl_meminfo {
    uint64_t memsize; /* bytes */
    uint64_t memfree; /* bytes */
};
typedef struct xen_sysctl_meminfo xen_sysctl_meminfo_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_meminfo_t);
struct xen_sysctl_numainfo {
    uint32_t num_nodes;                                /* IN room, OUT entries */
    XEN_GUEST_HANDLE_64(xen_sysctl_meminfo_t) meminfo; /* OUT */
    XEN_GUEST_HANDLE_64(uint32) distance;              /* OUT, num_nodes squared */
};
_Static_assert(sizeof(struct xen_sysctl_numainfo) == 24, "numainfo");

/*
 * XEN_SYSCTL_cpupool_op: sets of processors, each with its scheduler and its domains.
 *
 *   CREATE      a pool without processors; cpupool_id may be PAR_ANY
 *   DESTROY     -EBUSY while it has domains
 *   INFO        the pool cpupool_id or the next after it; -ENOENT beyond the last
 *   ADDCPU      a free processor; PAR_ANY for any
 *   RMCPU       take one out; -EBUSY for the last while there are domains
 *   MOVEDOMAIN  a domain to another pool
 *   FREEINFO    processors in no pool
 *
 * There is always pool 0 with all processors, and a hypervisor may have no other: -EOPNOTSUPP then
 * for whatever would change the pools.
 */
#define XEN_SYSCTL_CPUPOOL_OP_CREATE     1
#define XEN_SYSCTL_CPUPOOL_OP_DESTROY    2
#define XEN_SYSCTL_CPUPOOL_OP_INFO       3
#define XEN_SYSCTL_CPUPOOL_OP_ADDCPU     4
#define XEN_SYSCTL_CPUPOOL_OP_RMCPU      5
#define XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN 6
#define XEN_SYSCTL_CPUPOOL_OP_FREEINFO   7
#define XEN_SYSCTL_CPUPOOL_PAR_ANY       0xFFFFFFFF
struct xen_sysctl_cpupool_op {
    uint32_t op;                 /* IN, XEN_SYSCTL_CPUPOOL_OP_* */
    uint32_t cpupool_id;         /* IN, OUT of create and info */
    uint32_t sched_id;           /* IN of create, OUT of info */
    uint32_t domid;              /* IN of movedomain */
    uint32_t cpu;                /* IN of addcpu and rmcpu */
    uint32_t n_dom;              /* OUT of info */
    struct xenctl_bitmap cpumap; /* OUT of info and freeinfo */
};
_Static_assert(sizeof(struct xen_sysctl_cpupool_op) == 40, "cpupool_op");

/*
 * XEN_SYSCTL_scheduler_op: parameters of the scheduler itself.
 *
 *   tslice_ms           how long a vcpu runs before others get their turn
 *   ratelimit_us        how long it runs at least before another may displace it; 0 for no limit,
 *                       else within SCHED_RATELIMIT_MIN and _MAX
 *   vcpu_migr_delay_us  how long it counts as having its data in a processor's cache
 */
#define XEN_SYSCTL_SCHEDOP_putinfo 0
#define XEN_SYSCTL_SCHEDOP_getinfo 1

#define ARINC653_MAX_DOMAINS_PER_SCHEDULE 64
#define XEN_SYSCTL_SCHED_RATELIMIT_MAX    500000
#define XEN_SYSCTL_SCHED_RATELIMIT_MIN    100
#define XEN_SYSCTL_CSCHED_TSLICE_MAX      1000
#define XEN_SYSCTL_CSCHED_TSLICE_MIN      1
#define XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US  (100 * 1000)
struct xen_sysctl_credit_schedule {
    uint32_t tslice_ms;
    uint32_t ratelimit_us;
    uint32_t vcpu_migr_delay_us;
};
struct xen_sysctl_credit2_schedule {
    uint32_t ratelimit_us;
};
struct xen_sysctl_scheduler_op {
    uint32_t cpupool_id; /* IN */
    uint32_t sched_id;   /* IN, XEN_SCHEDULER_* */
    uint32_t cmd;        /* IN, XEN_SYSCTL_SCHEDOP_* */
    union {              /* IN of put, OUT of get */
        struct xen_sysctl_sched_arinc653 {
            XEN_GUEST_HANDLE_64(void) schedule;
        } sched_arinc653;
        struct xen_sysctl_credit_schedule sched_credit;
        struct xen_sysctl_credit2_schedule sched_credit2;
    } u;
};
_Static_assert(sizeof(struct xen_sysctl_scheduler_op) == 32, "sysctl scheduler_op");

/*
 * XEN_SYSCTL_pcitopoinfo: node of each function in `devs`; XEN_INVALID_DEV for one that is not
 * known.
 */
#define XEN_INVALID_DEV (XEN_INVALID_NODE_ID - 1)
struct xen_sysctl_pcitopoinfo {
    uint32_t num_devs;                              /* IN, OUT entries done */
    XEN_GUEST_HANDLE_64(physdev_pci_device_t) devs; /* IN */
    XEN_GUEST_HANDLE_64(uint32) nodes;              /* OUT */
};
_Static_assert(sizeof(struct xen_sysctl_pcitopoinfo) == 24, "pcitopoinfo");

/*
 * XEN_SYSCTL_get_cpu_levelling_caps: by which means the processor lets CPUID be faked for programs
 * that use it raw: a fault, or masks for the named leaves.
 */
#define XEN_SYSCTL_CPU_LEVELCAP_faulting    (1ul << 0)
#define XEN_SYSCTL_CPU_LEVELCAP_ecx         (1ul << 1)
#define XEN_SYSCTL_CPU_LEVELCAP_edx         (1ul << 2)
#define XEN_SYSCTL_CPU_LEVELCAP_extd_ecx    (1ul << 3)
#define XEN_SYSCTL_CPU_LEVELCAP_extd_edx    (1ul << 4)
#define XEN_SYSCTL_CPU_LEVELCAP_xsave_eax   (1ul << 5)
#define XEN_SYSCTL_CPU_LEVELCAP_thermal_ecx (1ul << 6)
#define XEN_SYSCTL_CPU_LEVELCAP_l7s0_eax    (1ul << 7)
#define XEN_SYSCTL_CPU_LEVELCAP_l7s0_ebx    (1ul << 8)
struct xen_sysctl_cpu_levelling_caps {
    uint32_t caps; /* OUT, XEN_SYSCTL_CPU_LEVELCAP_* */
};

/*
 * XEN_SYSCTL_get_cpu_featureset: one of these sets, in the layout of cpuid.h: what the processor
 * says (raw), what the hypervisor uses (host), what guests get and what they could get at most
 * (max). -ENOBUFS if not all words have room; those that have are written.
 */
#define XEN_SYSCTL_cpu_featureset_raw     0
#define XEN_SYSCTL_cpu_featureset_host    1
#define XEN_SYSCTL_cpu_featureset_pv      2
#define XEN_SYSCTL_cpu_featureset_hvm     3
#define XEN_SYSCTL_cpu_featureset_pv_max  4
#define XEN_SYSCTL_cpu_featureset_hvm_max 5
struct xen_sysctl_cpu_featureset {
    uint32_t index;                       /* IN, XEN_SYSCTL_cpu_featureset_* */
    uint32_t nr_features;                 /* IN room, OUT words */
    XEN_GUEST_HANDLE_64(uint32) features; /* OUT */
};
_Static_assert(sizeof(struct xen_sysctl_cpu_featureset) == 16, "cpu_featureset");

/* XEN_SYSCTL_get_cpu_policy: the same as complete policies (arch.h). */
#define XEN_SYSCTL_cpu_policy_raw         0
#define XEN_SYSCTL_cpu_policy_host        1
#define XEN_SYSCTL_cpu_policy_pv_max      2
#define XEN_SYSCTL_cpu_policy_hvm_max     3
#define XEN_SYSCTL_cpu_policy_pv_default  4
#define XEN_SYSCTL_cpu_policy_hvm_default 5
struct xen_sysctl_cpu_policy {
    uint32_t index;                               /* IN, XEN_SYSCTL_cpu_policy_* */
    uint32_t nr_leaves;                           /* IN room, OUT entries */
    uint32_t nr_msrs;                             /* IN room, OUT entries */
    uint32_t _rsvd;                               /* zero */
    XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) leaves; /* OUT */
    XEN_GUEST_HANDLE_64(xen_msr_entry_t) msrs;    /* OUT */
};
typedef struct xen_sysctl_cpu_policy xen_sysctl_cpu_policy_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_cpu_policy_t);
_Static_assert(sizeof(xen_sysctl_cpu_policy_t) == 32, "sysctl cpu_policy");

/* The argument of sysctl. The union has 128 bytes for every operation there is or will be. */
struct xen_sysctl {
    uint32_t cmd;               /* IN, XEN_SYSCTL_* */
    uint32_t interface_version; /* IN, XEN_SYSCTL_INTERFACE_VERSION */
    union {
        struct xen_sysctl_readconsole readconsole;
        struct xen_sysctl_physinfo physinfo;
        struct xen_sysctl_cputopoinfo cputopoinfo;
        struct xen_sysctl_pcitopoinfo pcitopoinfo;
        struct xen_sysctl_numainfo numainfo;
        struct xen_sysctl_sched_id sched_id;
        struct xen_sysctl_perfc_op perfc_op;
        struct xen_sysctl_getdomaininfolist getdomaininfolist;
        struct xen_sysctl_debug_keys debug_keys;
        struct xen_sysctl_getcpuinfo getcpuinfo;
        struct xen_sysctl_availheap availheap;
        struct xen_sysctl_cpu_hotplug cpu_hotplug;
        struct xen_sysctl_cpupool_op cpupool_op;
        struct xen_sysctl_scheduler_op scheduler_op;
        struct xen_sysctl_cpu_levelling_caps cpu_levelling_caps;
        struct xen_sysctl_cpu_featureset cpu_featureset;
        struct xen_sysctl_cpu_policy cpu_policy;
        uint8_t pad[128];
    } u;
};
typedef struct xen_sysctl xen_sysctl_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_t);
_Static_assert(sizeof(xen_sysctl_t) == 136, "xen_sysctl");
_Static_assert(offsetof(xen_sysctl_t, u) == 8, "xen_sysctl.u");

#endif
