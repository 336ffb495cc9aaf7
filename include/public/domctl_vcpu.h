/* SPDX-License-Identifier: MIT */
/*
 * The arguments of domctl that concern vcpus: registers, processors, scheduling, CPU policy.
 * Included by domctl.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_DOMCTL_VCPU_H
#define LODGE_PUBLIC_DOMCTL_VCPU_H

#include "xen.h"

/* XEN_DOMCTL_setvcpucontext, XEN_DOMCTL_getvcpucontext */
struct xen_domctl_vcpucontext {
    uint32_t vcpu;                                  /* IN */
    XEN_GUEST_HANDLE_64(vcpu_guest_context_t) ctxt; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_vcpucontext) == 16, "vcpucontext");

/* XEN_DOMCTL_getvcpuinfo */
struct xen_domctl_getvcpuinfo {
    uint32_t vcpu;             /* IN */
    uint8_t online;            /* OUT */
    uint8_t blocked;           /* OUT */
    uint8_t running;           /* OUT */
    uint64_aligned_t cpu_time; /* OUT, nanoseconds */
    uint32_t cpu;              /* OUT, processor */
};
_Static_assert(sizeof(struct xen_domctl_getvcpuinfo) == 24, "getvcpuinfo");

/* XEN_DOMCTL_setvcpuaffinity, XEN_DOMCTL_getvcpuaffinity */
#define _XEN_VCPUAFFINITY_HARD  0
#define XEN_VCPUAFFINITY_HARD   (1U << _XEN_VCPUAFFINITY_HARD)
#define _XEN_VCPUAFFINITY_SOFT  1
#define XEN_VCPUAFFINITY_SOFT   (1U << _XEN_VCPUAFFINITY_SOFT)
#define _XEN_VCPUAFFINITY_FORCE 2
#define XEN_VCPUAFFINITY_FORCE  (1U << _XEN_VCPUAFFINITY_FORCE)
struct xen_domctl_vcpuaffinity {
    uint32_t vcpu;                    /* IN */
    uint32_t flags;                   /* IN, XEN_VCPUAFFINITY_* */
    struct xenctl_bitmap cpumap_hard; /* IN and OUT */
    struct xenctl_bitmap cpumap_soft; /* IN and OUT */
};
_Static_assert(sizeof(struct xen_domctl_vcpuaffinity) == 40, "vcpuaffinity");

/* XEN_DOMCTL_scheduler_op */
#define XEN_SCHEDULER_CREDIT   5
#define XEN_SCHEDULER_CREDIT2  6
#define XEN_SCHEDULER_ARINC653 7
#define XEN_SCHEDULER_RTDS     8
#define XEN_SCHEDULER_NULL     9

#define XEN_DOMCTL_SCHEDOP_putinfo     0
#define XEN_DOMCTL_SCHEDOP_getinfo     1
#define XEN_DOMCTL_SCHEDOP_putvcpuinfo 2
#define XEN_DOMCTL_SCHEDOP_getvcpuinfo 3

#define _XEN_DOMCTL_SCHEDRT_extra 0
#define XEN_DOMCTL_SCHEDRT_extra  (1U << _XEN_DOMCTL_SCHEDRT_extra)

struct xen_domctl_sched_credit {
    uint16_t weight;
    uint16_t cap;
};
struct xen_domctl_sched_credit2 {
    uint16_t weight;
    uint16_t cap;
};
struct xen_domctl_sched_rtds {
    uint32_t period; /* microseconds */
    uint32_t budget; /* microseconds */
    uint32_t flags;  /* XEN_DOMCTL_SCHEDRT_* */
};
typedef struct xen_domctl_schedparam_vcpu {
    union {
        struct xen_domctl_sched_credit credit;
        struct xen_domctl_sched_credit2 credit2;
        struct xen_domctl_sched_rtds rtds;
    } u;
    uint32_t vcpuid;
} xen_domctl_schedparam_vcpu_t;
DEFINE_XEN_GUEST_HANDLE(xen_domctl_schedparam_vcpu_t);
_Static_assert(sizeof(xen_domctl_schedparam_vcpu_t) == 16, "schedparam_vcpu");

struct xen_domctl_scheduler_op {
    uint32_t sched_id; /* IN, XEN_SCHEDULER_* */
    uint32_t cmd;      /* IN, XEN_DOMCTL_SCHEDOP_* */
    union {            /* IN of put, OUT of get */
        struct xen_domctl_sched_credit credit;
        struct xen_domctl_sched_credit2 credit2;
        struct xen_domctl_sched_rtds rtds;
        struct {
            XEN_GUEST_HANDLE_64(xen_domctl_schedparam_vcpu_t) vcpus;
            uint32_t nr_vcpus;
            uint32_t padding;
        } v;
    } u;
};
_Static_assert(sizeof(struct xen_domctl_scheduler_op) == 24, "scheduler_op");

/* XEN_DOMCTL_set_ext_vcpucontext, XEN_DOMCTL_get_ext_vcpucontext */
struct hvm_vmce_vcpu {
    uint64_t caps;
    uint64_t mci_ctl2_bank0;
    uint64_t mci_ctl2_bank1;
    uint64_t mcg_ext_ctl;
};
struct xen_domctl_ext_vcpucontext {
    uint32_t vcpu;                           /* IN */
    uint32_t size;                           /* IN of set, OUT of get */
    uint64_aligned_t syscall32_callback_eip; /* the rest: IN of set, OUT of get */
    uint64_aligned_t sysenter_callback_eip;
    uint16_t syscall32_callback_cs;
    uint16_t sysenter_callback_cs;
    uint8_t syscall32_disables_events;
    uint8_t sysenter_disables_events;
    union {
        uint64_aligned_t mcg_cap;
        struct hvm_vmce_vcpu vmce;
    };
};
_Static_assert(sizeof(struct xen_domctl_ext_vcpucontext) == 64, "ext_vcpucontext");
_Static_assert(offsetof(struct xen_domctl_ext_vcpucontext, vmce) == 32, "ext_vcpucontext.vmce");

/* XEN_DOMCTL_get_cpu_policy, XEN_DOMCTL_set_cpu_policy */
#define XEN_CPUID_INPUT_UNUSED 0xFFFFFFFF
struct xen_domctl_cpu_policy {
    uint32_t nr_leaves;                           /* IN, OUT of get */
    uint32_t nr_msrs;                             /* IN, OUT of get */
    XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) leaves; /* IN of set, OUT of get */
    XEN_GUEST_HANDLE_64(xen_msr_entry_t) msrs;    /* IN of set, OUT of get */
    uint32_t err_leaf, err_subleaf, err_msr;      /* OUT of set */
};
typedef struct xen_domctl_cpu_policy xen_domctl_cpu_policy_t;
DEFINE_XEN_GUEST_HANDLE(xen_domctl_cpu_policy_t);
_Static_assert(sizeof(xen_domctl_cpu_policy_t) == 40, "cpu_policy");

/* XEN_DOMCTL_debug_op */
#define XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF 0
#define XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON  1
struct xen_domctl_debug_op {
    uint32_t op;   /* IN, XEN_DOMCTL_DEBUG_OP_* */
    uint32_t vcpu; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_debug_op) == 8, "debug_op");

/* XEN_DOMCTL_gettscinfo, XEN_DOMCTL_settscinfo */
struct xen_domctl_tsc_info {
    uint32_t tsc_mode; /* IN of set, OUT of get, as all the rest */
    uint32_t gtsc_khz;
    uint32_t incarnation;
    uint32_t pad;
    uint64_aligned_t elapsed_nsec;
};
_Static_assert(sizeof(struct xen_domctl_tsc_info) == 24, "tsc_info");

/* XEN_DOMCTL_setvcpuextstate, XEN_DOMCTL_getvcpuextstate */
struct xen_domctl_vcpuextstate {
    uint32_t vcpu;                      /* IN */
    uint64_aligned_t xfeature_mask;     /* OUT of get */
    uint64_aligned_t size;              /* IN of set, IN and OUT of get */
    XEN_GUEST_HANDLE_64(uint64) buffer; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_vcpuextstate) == 32, "vcpuextstate");

/* XEN_DOMCTL_get_vcpu_msrs, XEN_DOMCTL_set_vcpu_msrs */
struct xen_domctl_vcpu_msr {
    uint32_t index;
    uint32_t reserved; /* zero */
    uint64_aligned_t value;
};
typedef struct xen_domctl_vcpu_msr xen_domctl_vcpu_msr_t;
DEFINE_XEN_GUEST_HANDLE(xen_domctl_vcpu_msr_t);
struct xen_domctl_vcpu_msrs {
    uint32_t vcpu;                                   /* IN */
    uint32_t msr_count;                              /* IN, OUT */
    XEN_GUEST_HANDLE_64(xen_domctl_vcpu_msr_t) msrs; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_vcpu_msrs) == 16, "vcpu_msrs");

/* XEN_DOMCTL_sendtrigger */
#define XEN_DOMCTL_SENDTRIGGER_NMI   0
#define XEN_DOMCTL_SENDTRIGGER_RESET 1
#define XEN_DOMCTL_SENDTRIGGER_INIT  2
#define XEN_DOMCTL_SENDTRIGGER_POWER 3
#define XEN_DOMCTL_SENDTRIGGER_SLEEP 4
struct xen_domctl_sendtrigger {
    uint32_t trigger; /* IN, XEN_DOMCTL_SENDTRIGGER_* */
    uint32_t vcpu;    /* IN */
};
_Static_assert(sizeof(struct xen_domctl_sendtrigger) == 8, "sendtrigger");

#endif
