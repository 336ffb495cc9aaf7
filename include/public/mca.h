/* SPDX-License-Identifier: MIT */
/*
 * Machine checks, for the control domain's log of them: hypercall mca with a pointer to struct
 * xen_mc.
 *
 *   physcpuinfo  the processors; with `info` null only their number. IN ncpus: room in `info`.
 *   fetch        an error that has been reported and not been seen yet: flags OUT are NODATA where
 *                there is none. A machine check that the processor cannot recover from ends the
 *                machine, so Lodge has none to give.
 *
 * -EACCES: the interface version differs; -ENOSYS: another operation. Privileged.
 */
#ifndef LODGE_PUBLIC_MCA_H
#define LODGE_PUBLIC_MCA_H

#include "handles.h"

#define XEN_MCA_INTERFACE_VERSION 0x01ecc003

#define XEN_MC_fetch       1
#define XEN_MC_physcpuinfo 3

#define XEN_MC_NODATA 0x2 /* fetch, flags OUT */

#ifndef __ASSEMBLER__
struct mcinfo_msr {
    uint64_t reg;
    uint64_t value;
};

struct mcinfo_logical_cpu {
    uint32_t mc_cpunr;                 /* the hypervisor's number of it */
    uint32_t mc_chipid;                /* socket */
    uint16_t mc_coreid;                /* in it */
    uint16_t mc_threadid;              /* in that */
    uint32_t mc_apicid;                /* by which an error names it */
    uint32_t mc_clusterid;             /* initial APIC id, by CPUID */
    uint32_t mc_ncores;                /* of the chip */
    uint32_t mc_ncores_active;         /* in use */
    uint32_t mc_nthreads;              /* of a core */
    int32_t mc_cpuid_level;            /* highest basic leaf */
    uint32_t mc_family;                /* as CPUID has them, extended ones added */
    uint32_t mc_vendor;                /* 0: Intel, 2: AMD */
    uint32_t mc_model;                 /* likewise */
    uint32_t mc_step;                  /* stepping */
    char mc_vendorid[16];              /* CPUID's name of it, zero bytes behind */
    char mc_brandid[64];               /* processor name, likewise */
    uint32_t mc_cpu_caps[7];           /* feature words; zero where not told */
    uint32_t mc_cache_size;            /* KiB, 0: not told */
    uint32_t mc_cache_alignment;       /* bytes, 0: not told */
    int32_t mc_nmsrvals;               /* entries used of: */
    struct mcinfo_msr mc_msrvalues[8]; /* MCG_CAP */
};
typedef struct mcinfo_logical_cpu xen_mc_logical_cpu_t;
DEFINE_XEN_GUEST_HANDLE(xen_mc_logical_cpu_t);
_Static_assert(sizeof(xen_mc_logical_cpu_t) == 304, "mcinfo_logical_cpu");
_Static_assert(offsetof(xen_mc_logical_cpu_t, mc_msrvalues) == 176, "mc_msrvalues");

struct xen_mc_fetch {
    uint32_t flags; /* IN which queue, OUT XEN_MC_* */
    uint32_t _pad0;
    uint64_t fetch_id;
    XEN_GUEST_HANDLE(void) data; /* OUT */
};

struct xen_mc_physcpuinfo {
    uint32_t ncpus; /* IN, OUT */
    uint32_t _pad0;
    XEN_GUEST_HANDLE(xen_mc_logical_cpu_t) info; /* OUT */
};

/* Not served: what a test of the operating system's handler would have an MSR say. */
struct xen_mc_msrinject {
    uint32_t mcinj_cpunr;
    uint32_t mcinj_flags;
    uint32_t mcinj_count; /* entries used of mcinj_msr */
    domid_t mcinj_domid;
    uint16_t _pad0;
    struct mcinfo_msr mcinj_msr[8];
};

struct xen_mc {
    uint32_t cmd;               /* IN, XEN_MC_* */
    uint32_t interface_version; /* IN, XEN_MCA_INTERFACE_VERSION */
    union {
        struct xen_mc_fetch mc_fetch;
        struct xen_mc_physcpuinfo mc_physcpuinfo;
        struct xen_mc_msrinject mc_msrinject;
    } u;
};
_Static_assert(sizeof(struct xen_mc) == 152, "xen_mc");
_Static_assert(offsetof(struct xen_mc, u) == 8, "xen_mc.u");
#endif /* !__ASSEMBLER__ */
#endif
