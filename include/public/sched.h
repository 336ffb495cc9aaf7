/* SPDX-License-Identifier: MIT */
/*
 * sched_op: giving up the processor, waiting, and ending a domain.
 *
 * sched_op(cmd, arg): `arg` points to the structure below, or is null where none is named.
 *
 *   SCHEDOP_yield            let others run first; the vcpu stays ready to run
 *   SCHEDOP_block            wait for an event, with events unmasked from the moment the hypervisor
 *                            has looked, so that one which comes in between is not lost. Returns 0,
 *                            after the event callback ran.
 *   SCHEDOP_shutdown         end the domain for a reason
 *   SCHEDOP_poll             wait for certain ports without entering the event callback
 *   SCHEDOP_remote_shutdown  end another domain
 *   SCHEDOP_shutdown_code    record the reason of a shutdown that will follow
 *   SCHEDOP_watchdog         end the domain unless told otherwise in time
 *   SCHEDOP_pin_override     run on one processor for a while
 */
#ifndef LODGE_PUBLIC_SCHED_H
#define LODGE_PUBLIC_SCHED_H

#include "handles.h"

#define SCHEDOP_yield           0
#define SCHEDOP_block           1
#define SCHEDOP_shutdown        2
#define SCHEDOP_poll            3
#define SCHEDOP_remote_shutdown 4
#define SCHEDOP_shutdown_code   5
#define SCHEDOP_watchdog        6
#define SCHEDOP_pin_override    7

/*
 * Reasons of a shutdown, for the toolstack, which decides what follows.
 *
 *   SHUTDOWN_poweroff    the guest is done
 *   SHUTDOWN_reboot      it wants to be started again
 *   SHUTDOWN_suspend     it has put itself away for being saved, and will go on after
 *                        XEN_DOMCTL_resumedomain or from a copy
 *   SHUTDOWN_crash       it found itself broken, or the hypervisor did
 *   SHUTDOWN_watchdog    it did not answer its watchdog
 *   SHUTDOWN_soft_reset  it wants to be as new, with its memory kept
 */
#define SHUTDOWN_poweroff   0
#define SHUTDOWN_reboot     1
#define SHUTDOWN_suspend    2
#define SHUTDOWN_crash      3
#define SHUTDOWN_watchdog   4
#define SHUTDOWN_soft_reset 5
#define SHUTDOWN_MAX        5

/*
 * SCHEDOP_shutdown: stop all vcpus of the caller's domain and raise VIRQ_DOM_EXC in the control
 * domain. The domain's memory and its ports stay until it is destroyed. Does not return, with one
 * exception: SHUTDOWN_suspend returns 0 in a new or resumed domain, and 1 where the suspension was
 * cancelled. The control domain's own shutdown is the machine's: it reboots or powers off.
 *
 * SCHEDOP_shutdown_code only records the reason. A later shutdown reports this one, whatever its
 * own is: a kernel that crashes says so first, and then does what it likes.
 */
struct sched_shutdown {
    unsigned int reason; /* IN, SHUTDOWN_* */
};
typedef struct sched_shutdown sched_shutdown_t;
DEFINE_XEN_GUEST_HANDLE(sched_shutdown_t);
_Static_assert(sizeof(sched_shutdown_t) == 4, "sched_shutdown");

/*
 * SCHEDOP_poll: wait until one of the ports is pending, or until `timeout`. Callers set their event
 * mask first: any event that is not masked ends the wait too. Returns 0 in all of these cases: the
 * guest looks at the ports. -EINVAL for more than 128 ports or one that does not exist.
 */
struct sched_poll {
    XEN_GUEST_HANDLE(evtchn_port_t) ports; /* IN array */
    unsigned int nr_ports;                 /* IN, at most 128 */
    uint64_t timeout;                      /* IN, absolute system time, 0 for none */
};
typedef struct sched_poll sched_poll_t;
DEFINE_XEN_GUEST_HANDLE(sched_poll_t);
_Static_assert(sizeof(sched_poll_t) == 24, "sched_poll");

/*
 * SCHEDOP_remote_shutdown: as SCHEDOP_shutdown, for another domain, which stops at once. Privileged
 * callers only. -ESRCH; -EPERM for the caller's own domain.
 */
struct sched_remote_shutdown {
    domid_t domain_id;   /* IN */
    unsigned int reason; /* IN, SHUTDOWN_* */
};
typedef struct sched_remote_shutdown sched_remote_shutdown_t;
DEFINE_XEN_GUEST_HANDLE(sched_remote_shutdown_t);
_Static_assert(sizeof(sched_remote_shutdown_t) == 8, "sched_remote_shutdown");

/*
 * SCHEDOP_watchdog: a timer that ends the domain with SHUTDOWN_watchdog. There are two, 1 and 2.
 * `id` 0 starts a free one and returns its number (-ENOSPC if none is free); with a number
 * `timeout` starts it afresh, or stops it when 0.
 */
struct sched_watchdog {
    uint32_t id;      /* IN, 0 for a new one */
    uint32_t timeout; /* IN, seconds, 0 to stop */
};
typedef struct sched_watchdog sched_watchdog_t;
DEFINE_XEN_GUEST_HANDLE(sched_watchdog_t);
_Static_assert(sizeof(sched_watchdog_t) == 8, "sched_watchdog");

/*
 * SCHEDOP_pin_override: run the calling vcpu on one processor, whatever its affinity, until called
 * with a negative number. For firmware calls that work on processor 0 alone. Hardware domain only:
 * -EPERM. -EBUSY if it is pinned so already.
 */
struct sched_pin_override {
    int32_t pcpu; /* IN, negative to end it */
};
typedef struct sched_pin_override sched_pin_override_t;
DEFINE_XEN_GUEST_HANDLE(sched_pin_override_t);
_Static_assert(sizeof(sched_pin_override_t) == 4, "sched_pin_override");

#endif
