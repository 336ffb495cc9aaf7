/* SPDX-License-Identifier: MIT */
/*
 * Processor power states: the argument of XENPF_set_processor_pminfo.
 * Included by platform.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_PLATFORM_POWER_H
#define LODGE_PUBLIC_PLATFORM_POWER_H

#include "handles.h"

/*
 * XENPF_set_processor_pminfo: what the control domain's ACPI found about processor `id` (the ACPI
 * number, not the hypervisor's), since only it can run ACPI's code.
 *
 *   PM_CX   idle states: u.power
 *   PM_PX   performance states: u.perf, in parts, as its flags XEN_PX_* tell
 *   PM_TX   throttling states; not used
 *   PM_PDC  bits that ACPI should be told the operating system can do: u.pdc, three words or more,
 *           OUT
 *
 * XEN_PROCESSOR_PM_* are the bits of SIF_PM_MASK in start_info.flags, by which the control domain
 * learns what the hypervisor wants to know. A hypervisor without power management accepts and
 * ignores all of this, or says -ENOSYS.
 */
#define XEN_PROCESSOR_PM_CX 1
#define XEN_PROCESSOR_PM_PX 2
#define XEN_PROCESSOR_PM_TX 4

#define XEN_PM_CX  0
#define XEN_PM_PX  1
#define XEN_PM_TX  2
#define XEN_PM_PDC 3

#define XEN_PX_PCT 1
#define XEN_PX_PSS 2
#define XEN_PX_PPC 4
#define XEN_PX_PSD 8

#define XEN_CPUPERF_SHARED_TYPE_HW  1
#define XEN_CPUPERF_SHARED_TYPE_ALL 2
#define XEN_CPUPERF_SHARED_TYPE_ANY 3

struct xen_power_register {
    uint32_t space_id;
    uint32_t bit_width;
    uint32_t bit_offset;
    uint32_t access_size;
    uint64_t address;
};
struct xen_processor_csd {
    uint32_t domain;
    uint32_t coord_type;
    uint32_t num;
};
typedef struct xen_processor_csd xen_processor_csd_t;
DEFINE_XEN_GUEST_HANDLE(xen_processor_csd_t);
struct xen_processor_cx {
    struct xen_power_register reg;
    uint8_t type;     /* n of Cn */
    uint32_t latency; /* microseconds */
    uint32_t power;   /* milliwatts */
    uint32_t dpcnt;
    XEN_GUEST_HANDLE(xen_processor_csd_t) dp;
};
typedef struct xen_processor_cx xen_processor_cx_t;
DEFINE_XEN_GUEST_HANDLE(xen_processor_cx_t);
_Static_assert(sizeof(xen_processor_cx_t) == 48, "xen_processor_cx");
struct xen_processor_flags {
    uint32_t bm_control : 1;
    uint32_t bm_check : 1;
    uint32_t has_cst : 1;
    uint32_t power_setup_done : 1;
    uint32_t bm_rld_set : 1;
};
struct xen_processor_power {
    uint32_t count;
    struct xen_processor_flags flags;
    XEN_GUEST_HANDLE(xen_processor_cx_t) states;
};
_Static_assert(sizeof(struct xen_processor_power) == 16, "xen_processor_power");
struct xen_pct_register {
    uint8_t descriptor;
    uint16_t length;
    uint8_t space_id;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t reserved;
    uint64_t address;
};
_Static_assert(sizeof(struct xen_pct_register) == 16, "xen_pct_register");
struct xen_processor_px {
    uint64_t core_frequency;     /* MHz */
    uint64_t power;              /* milliwatts */
    uint64_t transition_latency; /* microseconds */
    uint64_t bus_master_latency; /* microseconds */
    uint64_t control;
    uint64_t status;
};
typedef struct xen_processor_px xen_processor_px_t;
DEFINE_XEN_GUEST_HANDLE(xen_processor_px_t);
struct xen_psd_package {
    uint64_t num_entries;
    uint64_t revision;
    uint64_t domain;
    uint64_t coord_type;
    uint64_t num_processors;
};
struct xen_processor_performance {
    uint32_t flags;          /* XEN_PX_*: which parts are given */
    uint32_t platform_limit; /* _PPC */
    struct xen_pct_register control_register;
    struct xen_pct_register status_register;
    uint32_t state_count;
    XEN_GUEST_HANDLE(xen_processor_px_t) states;
    struct xen_psd_package domain_info;
    uint32_t shared_type; /* XEN_CPUPERF_SHARED_TYPE_* */
};
typedef struct xen_processor_performance xen_processor_performance_t;
DEFINE_XEN_GUEST_HANDLE(xen_processor_performance_t);
_Static_assert(sizeof(xen_processor_performance_t) == 104, "xen_processor_performance");
struct xenpf_set_processor_pminfo {
    uint32_t id;   /* IN, ACPI processor */
    uint32_t type; /* IN, XEN_PM_* */
    union {        /* IN, by type */
        struct xen_processor_power power;
        struct xen_processor_performance perf;
        XEN_GUEST_HANDLE(uint32) pdc; /* and OUT */
    } u;
};
typedef struct xenpf_set_processor_pminfo xenpf_set_processor_pminfo_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_set_processor_pminfo_t);
_Static_assert(sizeof(xenpf_set_processor_pminfo_t) == 112, "xenpf_set_processor_pminfo");

#endif
