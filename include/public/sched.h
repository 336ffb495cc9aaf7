/* SPDX-License-Identifier: MIT */
/*
 * sched_op: giving up the processor, waiting, and ending a domain.
 */
#ifndef LODGE_PUBLIC_SCHED_H
#define LODGE_PUBLIC_SCHED_H

#include "event_channel.h"

#define SCHEDOP_yield           0
#define SCHEDOP_block           1
#define SCHEDOP_shutdown        2
#define SCHEDOP_poll            3
#define SCHEDOP_remote_shutdown 4
#define SCHEDOP_shutdown_code   5
#define SCHEDOP_watchdog        6
#define SCHEDOP_pin_override    7

/* Reasons of a shutdown. */
#define SHUTDOWN_poweroff   0
#define SHUTDOWN_reboot     1
#define SHUTDOWN_suspend    2
#define SHUTDOWN_crash      3
#define SHUTDOWN_watchdog   4
#define SHUTDOWN_soft_reset 5
#define SHUTDOWN_MAX        5

/* SCHEDOP_shutdown, SCHEDOP_shutdown_code */
struct sched_shutdown {
    unsigned int reason; /* IN, SHUTDOWN_* */
};
typedef struct sched_shutdown sched_shutdown_t;
DEFINE_XEN_GUEST_HANDLE(sched_shutdown_t);
_Static_assert(sizeof(sched_shutdown_t) == 4, "sched_shutdown");

/* SCHEDOP_poll */
struct sched_poll {
    XEN_GUEST_HANDLE(evtchn_port_t) ports; /* IN array */
    unsigned int nr_ports;                 /* IN, at most 128 */
    uint64_t timeout;                      /* IN, absolute system time, 0 for none */
};
typedef struct sched_poll sched_poll_t;
DEFINE_XEN_GUEST_HANDLE(sched_poll_t);
_Static_assert(sizeof(sched_poll_t) == 24, "sched_poll");

/* SCHEDOP_remote_shutdown */
struct sched_remote_shutdown {
    domid_t domain_id;   /* IN */
    unsigned int reason; /* IN, SHUTDOWN_* */
};
typedef struct sched_remote_shutdown sched_remote_shutdown_t;
DEFINE_XEN_GUEST_HANDLE(sched_remote_shutdown_t);
_Static_assert(sizeof(sched_remote_shutdown_t) == 8, "sched_remote_shutdown");

/* SCHEDOP_watchdog */
struct sched_watchdog {
    uint32_t id;      /* IN, 0 for a new one */
    uint32_t timeout; /* IN, seconds, 0 to stop */
};
typedef struct sched_watchdog sched_watchdog_t;
DEFINE_XEN_GUEST_HANDLE(sched_watchdog_t);
_Static_assert(sizeof(sched_watchdog_t) == 8, "sched_watchdog");

/* SCHEDOP_pin_override */
struct sched_pin_override {
    int32_t pcpu; /* IN, negative to end it */
};
typedef struct sched_pin_override sched_pin_override_t;
DEFINE_XEN_GUEST_HANDLE(sched_pin_override_t);
_Static_assert(sizeof(sched_pin_override_t) == 4, "sched_pin_override");

#endif
