/* SPDX-License-Identifier: GPL-2.0-only */
/* What the test's other files use of main.c. */
#ifndef HVM_TEST_H
#define HVM_TEST_H

#include <public/domctl.h>
#include <public/hvm_save.h>
#include <stdint.h>

unsigned hvm_make(unsigned program); /* memory, programs, a vcpu that executes one: not started */
int hvm_wait(unsigned domid);        /* the reason why it has shut down; -1: it came to its end */
/*
 * Until a guest has got there, however slow the machine is. What never comes is ended by the limit
 * of the boot; the log says what it was.
 */
#define HVM_UNTIL(so)                                                                  \
    for (uint64_t hvm_since = kit_now(); !(so); hvm_since = hvm_still(hvm_since, #so)) \
    continue
uint64_t hvm_still(uint64_t since, const char *so);
void hvm_end(unsigned domid);
/* A paused one anew: such a program, with registers as `change` leaves them. 0 or -XEN_E*. */
int hvm_restart(unsigned domid, unsigned program, void (*change)(struct hvm_hw_cpu *c));
unsigned hvm_flags(unsigned domid); /* of getdomaininfo; 0: there is none */
int64_t hvm_reserve(unsigned cmd, unsigned domid, uint64_t gfn, unsigned order);
void *hvm_map(unsigned domid, uint64_t addr); /* a page of the guest's at hvm_window */
extern uint8_t *hvm_window;
extern volatile uint64_t *answers; /* the page that the programs write to */
void hvm_serial(void);             /* serial.c */
void hvm_memory(void);             /* memory.c */
void hvm_random(void);             /* random.c */
void hvm_look_ports(void);         /* ports.c */
void hvm_look_strings(void);

#endif
