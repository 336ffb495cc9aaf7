/* SPDX-License-Identifier: GPL-2.0-only */
/* Between x86/smp.c, x86/smp_start.c and the rest of x86/. */
#ifndef X86_SMP_H
#define X86_SMP_H

#include <lib/types.h>

void smp_init_boot_cpu(void); /* first of all: this_cpu() works from here */
/* The boot CPU is its idle vcpu from here on; its caller goes over to the stack of that one. */
void smp_boot_stack(void);
void smp_serve(void);   /* the kick interrupt, no lock held: what others want of this CPU */
void smp_ap_main(void); /* from boot/head.S, on the new CPU's idle stack */

#endif
