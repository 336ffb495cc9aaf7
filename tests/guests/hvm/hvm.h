/* SPDX-License-Identifier: GPL-2.0-only */
/* What the test's other files use of main.c. */
#ifndef HVM_TEST_H
#define HVM_TEST_H

#include <public/domctl.h>
#include <stdint.h>

unsigned hvm_make(unsigned program); /* memory, programs, a vcpu that executes one: not started */
int hvm_wait(unsigned domid);        /* the reason why it has shut down; -1: it came to its end */
void hvm_end(unsigned domid);
extern volatile uint64_t *answers; /* the page that the programs write to */
void hvm_serial(void);             /* serial.c */
void hvm_look_ports(void);         /* ports.c */
void hvm_look_strings(void);

#endif
