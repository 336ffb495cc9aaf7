/* SPDX-License-Identifier: MIT */
/*
 * Hypercall numbers, the calling convention, and the constants that belong to no structure:
 * domain identifiers, virtual interrupts, assists. Constants only, so assembly may include it.
 *
 * Calling convention: number in RAX, arguments in RDI, RSI, RDX, R10, R8, result in RAX. A guest
 * reaches the hypervisor with `syscall` from its kernel (which also destroys RCX and R11), either
 * directly or through entry `number` (32 bytes each) of a hypercall page.
 */
#ifndef LODGE_PUBLIC_HYPERCALLS_H
#define LODGE_PUBLIC_HYPERCALLS_H

#include "handles.h"

#define __HYPERVISOR_set_trap_table                0
#define __HYPERVISOR_mmu_update                    1
#define __HYPERVISOR_set_gdt                       2
#define __HYPERVISOR_stack_switch                  3
#define __HYPERVISOR_set_callbacks                 4
#define __HYPERVISOR_fpu_taskswitch                5
#define __HYPERVISOR_sched_op_compat               6
#define __HYPERVISOR_platform_op                   7
#define __HYPERVISOR_set_debugreg                  8
#define __HYPERVISOR_get_debugreg                  9
#define __HYPERVISOR_update_descriptor             10
#define __HYPERVISOR_memory_op                     12
#define __HYPERVISOR_multicall                     13
#define __HYPERVISOR_update_va_mapping             14
#define __HYPERVISOR_set_timer_op                  15
#define __HYPERVISOR_event_channel_op_compat       16
#define __HYPERVISOR_xen_version                   17
#define __HYPERVISOR_console_io                    18
#define __HYPERVISOR_physdev_op_compat             19
#define __HYPERVISOR_grant_table_op                20
#define __HYPERVISOR_vm_assist                     21
#define __HYPERVISOR_update_va_mapping_otherdomain 22
#define __HYPERVISOR_iret                          23
#define __HYPERVISOR_vcpu_op                       24
#define __HYPERVISOR_set_segment_base              25
#define __HYPERVISOR_mmuext_op                     26
#define __HYPERVISOR_xsm_op                        27
#define __HYPERVISOR_nmi_op                        28
#define __HYPERVISOR_sched_op                      29
#define __HYPERVISOR_callback_op                   30
#define __HYPERVISOR_xenoprof_op                   31
#define __HYPERVISOR_event_channel_op              32
#define __HYPERVISOR_physdev_op                    33
#define __HYPERVISOR_hvm_op                        34
#define __HYPERVISOR_sysctl                        35
#define __HYPERVISOR_domctl                        36
#define __HYPERVISOR_kexec_op                      37
#define __HYPERVISOR_tmem_op                       38
#define __HYPERVISOR_argo_op                       39
#define __HYPERVISOR_xenpmu_op                     40
#define __HYPERVISOR_dm_op                         41
#define __HYPERVISOR_hypfs_op                      42

#define __HYPERVISOR_arch_0 48
#define __HYPERVISOR_arch_1 49
#define __HYPERVISOR_arch_2 50
#define __HYPERVISOR_arch_3 51
#define __HYPERVISOR_arch_4 52
#define __HYPERVISOR_arch_5 53
#define __HYPERVISOR_arch_6 54
#define __HYPERVISOR_arch_7 55

/* Machine-check interface; Lodge answers -ENOSYS. */
#define __HYPERVISOR_mca __HYPERVISOR_arch_0

/* console_io(cmd, count, buffer). */
#define CONSOLEIO_write 0
#define CONSOLEIO_read  1

/* vm_assist(cmd, type). */
#define VMASST_CMD_enable  0
#define VMASST_CMD_disable 1

#define VMASST_TYPE_4gb_segments         0
#define VMASST_TYPE_4gb_segments_notify  1
#define VMASST_TYPE_writable_pagetables  2
#define VMASST_TYPE_pae_extended_cr3     3
#define VMASST_TYPE_architectural_iopl   4
#define VMASST_TYPE_runstate_update_flag 5
#define VMASST_TYPE_m2p_strict           32

/* Virtual interrupts. V: one per vcpu. G: one per domain. D: the control domain's only. */
#define VIRQ_TIMER      0  /* V  a timer of this vcpu has expired */
#define VIRQ_DEBUG      1  /* V  please print your state */
#define VIRQ_CONSOLE    2  /* GD input is waiting on the hypervisor's console */
#define VIRQ_DOM_EXC    3  /* GD some domain shut down, crashed or went away */
#define VIRQ_TBUF       4  /* GD trace records are waiting */
#define VIRQ_DEBUGGER   6  /* GD a domain stopped for its debugger */
#define VIRQ_XENOPROF   7  /* V  a profile sample is waiting */
#define VIRQ_CON_RING   8  /* GD the hypervisor's log has grown */
#define VIRQ_PCPU_STATE 9  /* GD a processor went online or offline */
#define VIRQ_MEM_EVENT  10 /* GD a memory event is waiting */
#define VIRQ_ARGO       11 /* G  an Argo message is waiting */
#define VIRQ_ENOMEM     12 /* GD free memory is low */
#define VIRQ_XENPMU     13 /* V  a performance counter interrupted */

#define VIRQ_ARCH_0 16
#define VIRQ_ARCH_1 17
#define VIRQ_ARCH_2 18
#define VIRQ_ARCH_3 19
#define VIRQ_ARCH_4 20
#define VIRQ_ARCH_5 21
#define VIRQ_ARCH_6 22
#define VIRQ_ARCH_7 23
#define NR_VIRQS    24

/* Architecture's names for them. */
#define VIRQ_MCA VIRQ_ARCH_0 /* GD machine-check telemetry is waiting */

/* Domain identifiers. Real domains are 0 .. DOMID_FIRST_RESERVED - 1. */
#define DOMID_FIRST_RESERVED xen_mk_uint(0x7FF0)
#define DOMID_SELF           xen_mk_uint(0x7FF0) /* the caller */
#define DOMID_IO             xen_mk_uint(0x7FF1) /* owner of device memory */
#define DOMID_XEN            xen_mk_uint(0x7FF2) /* owner of hypervisor frames shared with guests */
#define DOMID_COW            xen_mk_uint(0x7FF3) /* owner of deduplicated frames */
#define DOMID_INVALID        xen_mk_uint(0x7FF4) /* nobody */
#define DOMID_IDLE           xen_mk_uint(0x7FFF) /* the idle vcpus */
#define DOMID_MASK           xen_mk_uint(0x7FFF) /* bits that a domain identifier may have */

#endif
