/* SPDX-License-Identifier: MIT */
/*
 * The arguments of domctl that concern vcpus: registers, processors, scheduling, CPU policy.
 * Included by domctl.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_DOMCTL_VCPU_H
#define LODGE_PUBLIC_DOMCTL_VCPU_H

#include "handles.h"
#include "arch.h"

/*
 * XEN_DOMCTL_setvcpucontext: the complete state of a vcpu (arch.h). The domain has to be paused.
 * The first time makes the vcpu initialised, and up if VGCF_online is set; ctxt null resets the
 * vcpu to being down and not initialised. -EINVAL for a context that is not allowed; long, and
 * restarted.
 *
 * XEN_DOMCTL_getvcpucontext: read it. The vcpu is paused for that time; -ENODATA if it was never
 * initialised, -EINVAL if there is none.
 *
 * Both find the vcpu between two instructions of its guest: one that is inside a hypercall finishes
 * it first, although it is paused, and the operation is restarted until it has.
 */
struct xen_domctl_vcpucontext {
    uint32_t vcpu;                                  /* IN */
    XEN_GUEST_HANDLE_64(vcpu_guest_context_t) ctxt; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_vcpucontext) == 16, "vcpucontext");

/*
 * XEN_DOMCTL_sethvmcontext: registers of the vcpus of a fully virtualized domain, as records
 * (hvm_save.h). A vcpu that is named becomes initialised and goes up. Records of types that are not
 * listed there are passed over. -EINVAL: a record or a register is not what it could be, what comes
 * before it is done; -ENOENT: there is no end.
 *
 * XEN_DOMCTL_gethvmcontext: read them; those that were never set are left out. A null buffer asks
 * for the size, -ENOSPC for one that is too small.
 */
struct xen_domctl_hvmcontext {
    uint32_t size;                     /* IN and OUT of get, bytes */
    XEN_GUEST_HANDLE_64(uint8) buffer; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_hvmcontext) == 16, "hvmcontext");

/* XEN_DOMCTL_getvcpuinfo: what a vcpu is doing. -ESRCH if there is none. */
struct xen_domctl_getvcpuinfo {
    uint32_t vcpu;             /* IN */
    uint8_t online;            /* OUT */
    uint8_t blocked;           /* OUT */
    uint8_t running;           /* OUT */
    uint64_aligned_t cpu_time; /* OUT, nanoseconds */
    uint32_t cpu;              /* OUT, processor */
};
_Static_assert(sizeof(struct xen_domctl_getvcpuinfo) == 24, "getvcpuinfo");

/*
 * XEN_DOMCTL_setvcpuaffinity: the processors on which a vcpu may run (hard) and should run (soft).
 * The maps come back as what is in force: those of the pool's processors that are online. -EINVAL
 * for a hard map without any such processor. VCPUAFFINITY_FORCE ends a SCHEDOP_pin_override first;
 * without it a vcpu under one is -EBUSY.
 *
 * XEN_DOMCTL_getvcpuaffinity: the maps as they were set.
 */
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

/*
 * XEN_DOMCTL_scheduler_op: parameters of the domain, or of single vcpus, under the scheduler named
 * by sched_id. -EINVAL if that is not the one in use.
 *
 *   SCHEDOP_putinfo, SCHEDOP_getinfo: the domain
 *   SCHEDOP_putvcpuinfo, SCHEDOP_getvcpuinfo: vcpus listed in u.v; -EINVAL for schedulers that
 *         treat all vcpus of a domain alike
 *
 * weight: share of the processor in proportion to others', 1 to 65535, usually 256. cap: upper
 * limit in percent of one processor, 0 for none. Lodge's policy takes both, and calls itself
 * credit2.
 */
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

/*
 * XEN_DOMCTL_set_ext_vcpucontext, XEN_DOMCTL_get_ext_vcpucontext: what vcpu_guest_context has no
 * room for. `size` says how much of the structure is meant: whoever sets gives at least the part up
 * to sysenter_disables_events, and missing fields are left alone. Callbacks as in callback.h; vmce
 * is the state of the virtual machine-check registers, 0 here.
 */
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

/*
 * XEN_DOMCTL_get_cpu_policy: what the domain sees of the processor, as arrays described in arch.h.
 * Null handles ask for the numbers needed; -ENOBUFS, and no number, if there is too little room.
 *
 * XEN_DOMCTL_set_cpu_policy: change it, before the domain first runs (-EEXIST). Entries that are
 * not listed stay. -E2BIG: more than 1024 leaves or 64 MSRs. Lodge takes from it the features and
 * the highest leaves: what a paravirtual domain cannot have is left out in silence, other leaves
 * change nothing, nor do the MSRs PLATFORM_INFO and ARCH_CAPABILITIES; others are refused. Where an
 * implementation refuses an entry it says so with -EINVAL and the leaf or MSR in err_leaf,
 * err_subleaf and err_msr (all bits set in those not concerned).
 */
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

/* XEN_DOMCTL_debug_op: single-step a vcpu from outside. Fully virtualized domains only: -EINVAL. */
#define XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF 0
#define XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON  1
struct xen_domctl_debug_op {
    uint32_t op;   /* IN, XEN_DOMCTL_DEBUG_OP_* */
    uint32_t vcpu; /* IN */
};
_Static_assert(sizeof(struct xen_domctl_debug_op) == 8, "debug_op");

/*
 * XEN_DOMCTL_settscinfo, XEN_DOMCTL_gettscinfo: how the domain sees the TSC. The domain has to be
 * paused.
 *
 *   tsc_mode      0 the processor's own where it is good enough, 1 always emulated at gtsc_khz, 2
 *                 never emulated
 *   gtsc_khz      the rate that it was started with
 *   incarnation   how often it has been moved
 *   elapsed_nsec  its age, so that the emulated TSC goes on where it was
 */
struct xen_domctl_tsc_info {
    uint32_t tsc_mode; /* IN of set, OUT of get, as all the rest */
    uint32_t gtsc_khz;
    uint32_t incarnation;
    uint32_t pad;
    uint64_aligned_t elapsed_nsec;
};
_Static_assert(sizeof(struct xen_domctl_tsc_info) == 24, "tsc_info");

/*
 * XEN_DOMCTL_getvcpuextstate: FPU and vector state as XSAVE has it. OUT buffer: 64-bit XCR0, 64-bit
 * set of all components ever enabled, then an XSAVE image. With buffer null it answers `size`;
 * -EINVAL if `size` is less. xfeature_mask: components that the host has.
 *
 * XEN_DOMCTL_setvcpuextstate: the same put back. -EINVAL for components that the domain cannot have
 * or an image that does not hold together.
 */
struct xen_domctl_vcpuextstate {
    uint32_t vcpu;                      /* IN */
    uint64_aligned_t xfeature_mask;     /* OUT of get */
    uint64_aligned_t size;              /* IN of set, IN and OUT of get */
    XEN_GUEST_HANDLE_64(uint64) buffer; /* IN of set, OUT of get */
};
_Static_assert(sizeof(struct xen_domctl_vcpuextstate) == 32, "vcpuextstate");

/*
 * XEN_DOMCTL_get_vcpu_msrs: MSRs of a vcpu that are neither in vcpu_guest_context nor derived from
 * the CPU policy: breakpoint address masks, TSC_AUX and such. With `msrs` null msr_count OUT is the
 * most there can be; -ENOBUFS if there is too little room. Those with value 0 are left out.
 *
 * XEN_DOMCTL_set_vcpu_msrs: put them back; msr_count OUT is the index of the first that was
 * refused.
 */
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

/*
 * XEN_DOMCTL_sendtrigger: press a button. SENDTRIGGER_NMI makes an NMI pending on a vcpu; the
 * others are for machines with ACPI: -ENOSYS for paravirtual domains, which are asked through the
 * store.
 */
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
