/* SPDX-License-Identifier: GPL-2.0-only */
/* What the test's other files use of main.c. */
#ifndef HVM_TEST_H
#define HVM_TEST_H

#include <public/domctl.h>

unsigned hvm_make(unsigned program); /* memory, programs, a vcpu that executes one: not started */
int hvm_wait(unsigned domid);        /* the reason why it has shut down; -1: it came to its end */
void hvm_end(unsigned domid);
void hvm_serial(void); /* serial.c */

#endif
