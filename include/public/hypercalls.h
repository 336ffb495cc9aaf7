/* SPDX-License-Identifier: MIT */
/*
 * Hypercall numbers, the calling convention, and the constants that belong to no structure: virtual
 * interrupts, assists. Constants only, so assembly may include it.
 *
 * Calling convention: number in RAX, arguments in RDI, RSI, RDX, R10, R8, result in RAX. A guest
 * kernel enters with `syscall`, which destroys RCX and R11, either directly or through its
 * hypercall page: entry n, 32 bytes from the last one, makes hypercall n. The page's entry for iret
 * does not return and expects the frame on the stack as it is. The argument registers that a
 * hypercall uses have no defined value afterwards; all other registers are kept.
 *
 * The result is zero or a positive value, or the negative of a number in errno.h. Where nothing
 * else is said:
 *
 *   -ENOSYS  the number, or the operation inside it, is not one of these
 *   -EFAULT  a handle points to memory that the caller may not read or write
 *   -EINVAL  an argument makes no sense; nothing has been done
 *   -EPERM   the caller may not do this, or not to that domain
 *   -ESRCH   there is no such domain
 *
 * Only a guest's kernel makes hypercalls: a `syscall` from user mode goes to the guest's syscall
 * callback instead. An operation that would take long stops midway, records how far it got in the
 * argument registers (and in the IN/OUT fields of its structure), and is started again at the same
 * instruction, so that events and other vcpus get their turn. A guest does not see this happen, but
 * it must not rely on the IN/OUT fields between call and return.
 */
#ifndef LODGE_PUBLIC_HYPERCALLS_H
#define LODGE_PUBLIC_HYPERCALLS_H

#include "handles.h"

/*
 * One line each; the structures and the details are in the header named in brackets.
 *
 *   set_trap_table(traps): install the vcpu's exception handlers [arch.h]
 *   mmu_update(reqs, count, done, foreigndom): change page tables or the M2P [mmu.h]
 *   set_gdt(frames, entries): install a descriptor table [arch.h]
 *   stack_switch(ss, sp): the kernel stack for the next entry from user mode [arch.h]
 *   set_callbacks(event, failsafe, syscall): the old form of callback_op [callback.h]
 *   fpu_taskswitch(set): set or clear CR0.TS, so that the next FPU instruction traps or does not
 *   sched_op_compat(cmd, arg): the old form of sched_op: yield and block as now, shutdown with the
 *         reason itself in arg [sched.h]
 *   platform_op(op): operate the machine; control domain only [platform.h]
 *   set_debugreg(reg, value), get_debugreg(reg): DR0-DR7 of the caller's vcpu; -ENODEV where there
 *         is none of that number (4 and 5 with CR4.DE). Setting refuses addresses inside the
 *         hypervisor, GD, and enabled breakpoints on ports without CR4.DE (-EPERM), and bits 63:32
 *         of DR6 and DR7 (-EINVAL). Getting returns the value itself, so an error cannot be told
 *         from a register that holds the same bits.
 *   update_descriptor(address, value): write one GDT or LDT entry [arch.h]
 *   memory_op(cmd, arg): give frames to domains and take them back [memory.h]
 *   multicall(calls, count): several hypercalls in one entry [xen.h]
 *   update_va_mapping(va, value, flags): change the PTE behind an address [mmu.h]
 *   update_va_mapping_otherdomain(va, value, flags, domid): the same, mapping a foreign frame
 *   set_timer_op(deadline): the caller's single-shot timer, as in VCPUOP_set_singleshot_timer; zero
 *         stops it, a deadline in the past fires at once
 *   event_channel_op_compat(op): the old form of event_channel_op [event_channel.h]
 *   xen_version(cmd, arg): who the hypervisor is [version.h]
 *   console_io(cmd, count, buffer): the hypervisor's own console, see below
 *   physdev_op_compat(op): the old form of physdev_op [physdev.h]
 *   grant_table_op(cmd, array, count): share frames [grant_table.h]
 *   vm_assist(cmd, type): turn a behaviour on or off, see below
 *   iret(): return from an exception; arguments on the stack [arch.h]
 *   vcpu_op(cmd, vcpu, arg): operate a vcpu of the caller [vcpu.h]
 *   set_segment_base(which, base): FS and GS bases [arch.h]
 *   mmuext_op(ops, count, done, foreigndom): everything else about page tables [mmu.h]
 *   nmi_op(cmd, arg): the control domain's NMI handler [nmi.h]
 *   sched_op(cmd, arg): wait, yield, end [sched.h]
 *   callback_op(cmd, arg): entry points [callback.h]
 *   event_channel_op(cmd, arg): interrupts [event_channel.h]
 *   physdev_op(cmd, arg): devices [physdev.h]
 *   sysctl(op): operate the hypervisor; control domain only [sysctl.h]
 *   domctl(op): operate a domain; control domain only [domctl.h]
 *   mca(op): machine checks; control domain only [mca.h]
 *
 * Known to the ABI, and always -ENOSYS for a paravirtual guest of Lodge: xsm_op, xenoprof_op,
 * hvm_op, kexec_op, tmem_op, argo_op, xenpmu_op, dm_op, hypfs_op, and the numbers from 49 on; but
 * 53 to 55 are Lodge's own for a guest that asks for them [lodge.h].
 */
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

#define __HYPERVISOR_mca __HYPERVISOR_arch_0

/*
 * console_io(cmd, count, buffer): the hypervisor's console, for a domain that has no other yet.
 *
 *   CONSOLEIO_write  print `count` bytes. Returns 0. What the control domain writes appears as it
 *                    is; other domains' output is cut into lines that carry their number, and only
 *                    where the command line asks for guests' output.
 *   CONSOLEIO_read   take up to `count` bytes of pending input. Returns how many. Control domain
 *                    only: -EPERM for others. VIRQ_CONSOLE says when to ask.
 */
#define CONSOLEIO_write 0
#define CONSOLEIO_read  1

/*
 * vm_assist(cmd, type): `type` is a number below, not a mask. -EINVAL for a type that is unknown.
 * Enabling what is on already, or disabling what is off, succeeds.
 *
 *   4gb_segments, 4gb_segments_notify, pae_extended_cr3: matter to 32-bit guests; accepted and
 *         without effect
 *   writable_pagetables: a write into a page table that is mapped read-only is emulated as an
 *         mmu_update instead of becoming a page fault. Kernels rely on it while they boot, whether
 *         they ask for it or not.
 *   architectural_iopl: IOPL is in the guest's flags image, instead of being set by
 *         PHYSDEVOP_set_iopl
 *   runstate_update_flag: see XEN_RUNSTATE_UPDATE in vcpu.h
 *   m2p_strict: the M2P is absent from the guest's user page tables
 */
#define VMASST_CMD_enable  0
#define VMASST_CMD_disable 1

#define VMASST_TYPE_4gb_segments         0
#define VMASST_TYPE_4gb_segments_notify  1
#define VMASST_TYPE_writable_pagetables  2
#define VMASST_TYPE_pae_extended_cr3     3
#define VMASST_TYPE_architectural_iopl   4
#define VMASST_TYPE_runstate_update_flag 5
#define VMASST_TYPE_m2p_strict           32

/*
 * Virtual interrupts, bound to ports by EVTCHNOP_bind_virq.
 *
 * V: each vcpu binds its own; the binding stays with that vcpu. G: one binding per domain, made on
 * vcpu 0, and movable with EVTCHNOP_bind_vcpu. D: raised only in the control domain, or in the
 * domain that XEN_DOMCTL_set_virq_handler names.
 */
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

#endif
