/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of hypercalls: number, handler, who may call it. It is the whole list of what a guest
 * can ask for. There are two of it, so that nobody has to look at the privilege when one is called:
 * a vcpu has one of them from its beginning. x86/entry.S and hc_multicall() check the number and
 * call through it; each handler judges its arguments, which are what the guest had in its
 * registers, all 64 bits of them.
 */
#include <core/console.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <public/hypercalls.h>
#include <public/lodge.h>
#include <pv/calls.h>
#include <pv/type.h>

_Static_assert(__HYPERVISOR_lodge_op == __HYPERVISOR_arch_7 &&
                   __HYPERVISOR_lodge_sysret == __HYPERVISOR_arch_6 &&
                   __HYPERVISOR_lodge_iret == __HYPERVISOR_arch_5,
               "numbers that the ABI leaves to the architecture");

/* In every slot without a call of its own, so that no pointer in the table is NULL. */
static int64_t hc_none(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    (void)a1, (void)a2, (void)a3, (void)a4;
    return -XEN_ENOSYS;
}

/* Where others than the control domain come to a call of its. */
static int64_t hc_privileged(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    (void)a1, (void)a2, (void)a3, (void)a4;
    guest_refused("a hypercall that is for the control domain");
    return -XEN_EPERM;
}

/* ANY: everybody's; CONTROL: the control domain's. */
#define HYPERCALLS(ANY, CONTROL)                                                   \
    ANY(__HYPERVISOR_set_trap_table, set_trap_table)                               \
    ANY(__HYPERVISOR_mmu_update, mmu_update)                                       \
    ANY(__HYPERVISOR_set_gdt, set_gdt)                                             \
    ANY(__HYPERVISOR_stack_switch, stack_switch)                                   \
    ANY(__HYPERVISOR_set_callbacks, set_callbacks)                                 \
    ANY(__HYPERVISOR_fpu_taskswitch, fpu_taskswitch)                               \
    ANY(__HYPERVISOR_sched_op_compat, sched_op_compat)                             \
    CONTROL(__HYPERVISOR_platform_op, platform_op)                                 \
    ANY(__HYPERVISOR_set_debugreg, set_debugreg)                                   \
    ANY(__HYPERVISOR_get_debugreg, get_debugreg)                                   \
    ANY(__HYPERVISOR_update_descriptor, update_descriptor)                         \
    ANY(__HYPERVISOR_memory_op, memory_op)                                         \
    ANY(__HYPERVISOR_multicall, multicall)                                         \
    ANY(__HYPERVISOR_update_va_mapping, update_va_mapping)                         \
    ANY(__HYPERVISOR_set_timer_op, set_timer_op)                                   \
    ANY(__HYPERVISOR_event_channel_op_compat, event_channel_op_compat)             \
    ANY(__HYPERVISOR_xen_version, xen_version)                                     \
    ANY(__HYPERVISOR_console_io, console_io)                                       \
    ANY(__HYPERVISOR_physdev_op_compat, physdev_op_compat)                         \
    ANY(__HYPERVISOR_grant_table_op, grant_table_op)                               \
    ANY(__HYPERVISOR_vm_assist, vm_assist)                                         \
    ANY(__HYPERVISOR_update_va_mapping_otherdomain, update_va_mapping_otherdomain) \
    ANY(__HYPERVISOR_iret, iret)                                                   \
    ANY(__HYPERVISOR_vcpu_op, vcpu_op)                                             \
    ANY(__HYPERVISOR_set_segment_base, set_segment_base)                           \
    ANY(__HYPERVISOR_mmuext_op, mmuext_op)                                         \
    ANY(__HYPERVISOR_nmi_op, nmi_op)                                               \
    ANY(__HYPERVISOR_sched_op, sched_op)                                           \
    ANY(__HYPERVISOR_callback_op, callback_op)                                     \
    ANY(__HYPERVISOR_event_channel_op, event_channel_op)                           \
    ANY(__HYPERVISOR_physdev_op, physdev_op)                                       \
    ANY(__HYPERVISOR_hvm_op, hvm_op)                                               \
    CONTROL(__HYPERVISOR_sysctl, sysctl)                                           \
    CONTROL(__HYPERVISOR_domctl, domctl)                                           \
    CONTROL(__HYPERVISOR_mca, mca)                                                 \
    ANY(__HYPERVISOR_lodge_op, lodge_op)                                           \
    ANY(__HYPERVISOR_lodge_sysret, lodge_sysret)                                   \
    ANY(__HYPERVISOR_lodge_iret, lodge_iret)

#define CALL(number, name)   [number] = hc_##name,
#define REFUSE(number, name) [number] = hc_privileged,

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static hypercall_fn *const calls_of_control[NR_HYPERCALLS] = {[0 ... NR_HYPERCALLS - 1] = hc_none,
                                                              HYPERCALLS(CALL, CALL)};
static hypercall_fn *const calls_of_all[NR_HYPERCALLS] = {[0 ... NR_HYPERCALLS - 1] = hc_none,
                                                          HYPERCALLS(CALL, REFUSE)};
#pragma GCC diagnostic pop

hypercall_fn *const *pv_hypercalls(bool privileged)
{
    return privileged ? calls_of_control : calls_of_all;
}

/*
 * 32 bytes an entry: save what SYSCALL destroys, load the number, call. iret does not come back,
 * and its frame begins with the guest's rax, r11 and rcx, which the entry pushes.
 */
void pv_hypercall_page(void *page)
{
    static const uint8_t call[] = {0x51, 0x41, 0x53, 0xb8, 0,    0,    0,
                                   0,    0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
    static const uint8_t iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret,
                                   0,    0,    0,    0x0f, 0x05};
    uint8_t *p = page;

    memset(p, 0xcc, PAGE_SIZE);
    for (unsigned nr = 0; nr < PAGE_SIZE / 32; nr++, p += 32) {
        if (nr == __HYPERVISOR_iret) {
            memcpy(p, iret, sizeof(iret));
        } else {
            memcpy(p, call, sizeof(call));
            memcpy(p + 4, &nr, sizeof(nr));
        }
    }
}
