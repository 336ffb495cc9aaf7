/* SPDX-License-Identifier: GPL-2.0-only */
/* Who runs here: not found by the stack, as in the hypervisor, but a variable. */
#ifndef HOST_X86_REGS_H
#define HOST_X86_REGS_H

#include <x86/cpu.h>

#endif
