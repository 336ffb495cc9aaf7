/* SPDX-License-Identifier: MIT */
/*
 * vcpu_op: bringing vcpus up and down, their timers, and the memory areas that they share.
 *
 * vcpu_op(cmd, vcpu, arg): `vcpu` is a vcpu of the caller's domain, `arg` points to the structure
 * below or is null. -ENOENT if there is no such vcpu; the timer operations only work on the caller
 * itself: -EINVAL.
 *
 *   VCPUOP_initialise: arg: struct vcpu_guest_context. Set the registers of a vcpu that is down.
 *         Once: -EEXIST afterwards. -EINVAL for a context that is not allowed, -ENOMEM.
 *   VCPUOP_up: start it. -EINVAL if it was not initialised.
 *   VCPUOP_down: stop it; its state stays, and VCPUOP_up continues it. A vcpu that stops itself
 *         returns from here when it is brought up again. The last one that goes down ends the
 *         domain as SHUTDOWN_poweroff does.
 *   VCPUOP_is_up: returns 1 or 0; -ENOENT beyond the domain's vcpus, which is how a kernel counts
 *         them
 *   VCPUOP_send_nmi: make an NMI pending (vector 2 of the trap table)
 *   VCPUOP_stop_periodic_timer, VCPUOP_stop_singleshot_timer: no argument
 *
 * Times are nanoseconds of system time, as vcpu_time_info gives it.
 */
#ifndef LODGE_PUBLIC_VCPU_H
#define LODGE_PUBLIC_VCPU_H

#include "handles.h"
#include "shared_info.h"

#define VCPUOP_initialise                     0
#define VCPUOP_up                             1
#define VCPUOP_down                           2
#define VCPUOP_is_up                          3
#define VCPUOP_get_runstate_info              4
#define VCPUOP_register_runstate_memory_area  5
#define VCPUOP_set_periodic_timer             6
#define VCPUOP_stop_periodic_timer            7
#define VCPUOP_set_singleshot_timer           8
#define VCPUOP_stop_singleshot_timer          9
#define VCPUOP_register_vcpu_info             10
#define VCPUOP_send_nmi                       11
#define VCPUOP_get_physid                     12
#define VCPUOP_register_vcpu_time_memory_area 13

/*
 * VCPUOP_get_runstate_info: how a vcpu has spent its time. Any vcpu of the caller's domain.
 *
 *   RUNSTATE_running   on a processor
 *   RUNSTATE_runnable  ready, but another runs: time that the guest has lost
 *   RUNSTATE_blocked   waiting for an event
 *   RUNSTATE_offline   down, or the domain is paused
 */
#define RUNSTATE_running  0
#define RUNSTATE_runnable 1
#define RUNSTATE_blocked  2
#define RUNSTATE_offline  3

/*
 * With VMASST_TYPE_runstate_update_flag this bit of state_entry_time is set while the hypervisor
 * updates a registered area; read again until it is clear and the value is the same before and
 * after.
 */
#define XEN_RUNSTATE_UPDATE (xen_mk_ullong(1) << 63)

struct vcpu_runstate_info {
    int state;                 /* RUNSTATE_* */
    uint64_t state_entry_time; /* system time when that began */
    uint64_t time[4];          /* nanoseconds spent in each state */
};
typedef struct vcpu_runstate_info vcpu_runstate_info_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_runstate_info_t);
_Static_assert(sizeof(vcpu_runstate_info_t) == 48, "vcpu_runstate_info");

/*
 * VCPUOP_register_runstate_memory_area: a virtual address at which the hypervisor keeps a copy of
 * that structure, brought up to date whenever the vcpu goes back on a processor. Where the page is
 * not mapped at that moment the update is left out. 0 ends it.
 */
struct vcpu_register_runstate_memory_area {
    union {
        XEN_GUEST_HANDLE(vcpu_runstate_info_t) h;
        struct vcpu_runstate_info *v;
        uint64_t p;
    } addr; /* IN, virtual address */
};
typedef struct vcpu_register_runstate_memory_area vcpu_register_runstate_memory_area_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_register_runstate_memory_area_t);
_Static_assert(sizeof(vcpu_register_runstate_memory_area_t) == 8, "runstate_memory_area");

/*
 * VCPUOP_set_periodic_timer: VIRQ_TIMER every so often, while the vcpu runs. -EINVAL below one
 * millisecond. A vcpu may come up with one set: a kernel that wants none stops it.
 */
struct vcpu_set_periodic_timer {
    uint64_t period_ns; /* IN */
};
typedef struct vcpu_set_periodic_timer vcpu_set_periodic_timer_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_set_periodic_timer_t);
_Static_assert(sizeof(vcpu_set_periodic_timer_t) == 8, "vcpu_set_periodic_timer");

/*
 * VCPUOP_set_singleshot_timer: VIRQ_TIMER at that time. Replaces the timer that is set. A time that
 * has passed fires at once, or, with VCPU_SSHOTTMR_future, is refused: -ETIME.
 */
#define _VCPU_SSHOTTMR_future 0
#define VCPU_SSHOTTMR_future  (1U << _VCPU_SSHOTTMR_future)
struct vcpu_set_singleshot_timer {
    uint64_t timeout_abs_ns; /* IN, system time */
    uint32_t flags;          /* IN, VCPU_SSHOTTMR_* */
};
typedef struct vcpu_set_singleshot_timer vcpu_set_singleshot_timer_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_set_singleshot_timer_t);
_Static_assert(sizeof(vcpu_set_singleshot_timer_t) == 16, "vcpu_set_singleshot_timer");

/*
 * VCPUOP_register_vcpu_info: move a vcpu's vcpu_info from shared_info to `offset` bytes into a
 * frame of the guest. The contents are taken along, and all ports are made pending once so that no
 * event is lost. Once per vcpu: -EINVAL afterwards, as for a structure that would cross the end of
 * the frame, a frame that cannot be mapped writable, or a vcpu that is up and not the caller.
 */
struct vcpu_register_vcpu_info {
    uint64_t mfn;    /* IN */
    uint32_t offset; /* IN */
    uint32_t rsvd;
};
typedef struct vcpu_register_vcpu_info vcpu_register_vcpu_info_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_register_vcpu_info_t);
_Static_assert(sizeof(vcpu_register_vcpu_info_t) == 16, "vcpu_register_vcpu_info");

/*
 * VCPUOP_get_physid: the processor's APIC identifier in the lower half, its ACPI identifier in the
 * upper. Only for a hardware domain whose vcpus are pinned to processors: -EINVAL.
 */
struct vcpu_get_physid {
    uint64_t phys_id; /* OUT */
};
typedef struct vcpu_get_physid vcpu_get_physid_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_get_physid_t);
#define xen_vcpu_physid_to_x86_apicid(physid) ((uint32_t)(physid))
#define xen_vcpu_physid_to_x86_acpiid(physid) ((uint32_t)((physid) >> 32))
_Static_assert(sizeof(vcpu_get_physid_t) == 8, "vcpu_get_physid");

/*
 * VCPUOP_register_vcpu_time_memory_area: a virtual address at which the hypervisor keeps a second
 * copy of the vcpu's vcpu_time_info, for user programs. Updated together with the first and in the
 * same manner. The page has to be mapped for user mode, and may be read-only there.
 */
struct vcpu_register_time_memory_area {
    union {
        XEN_GUEST_HANDLE(vcpu_time_info_t) h;
        struct vcpu_time_info *v;
        uint64_t p;
    } addr; /* IN, virtual address */
};
typedef struct vcpu_register_time_memory_area vcpu_register_time_memory_area_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_register_time_memory_area_t);
_Static_assert(sizeof(vcpu_register_time_memory_area_t) == 8, "time_memory_area");

#endif
