/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of hypercalls: number, handler, name, who may call it. It is the whole list of what a
 * guest can ask for. x86/entry.S calls through it directly; multicalls come through
 * hypercall_dispatch(). Both check the number and the privilege, and nothing else: each handler
 * judges its arguments, which are what the guest had in its registers, all 64 bits of them.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <public/lodge.h>
#include <public/xen.h>
#include <pv/entry.h>
#include <x86/guest_entry.h>

/* In every slot without a call of its own, so that no pointer in the table is NULL. */
static int64_t hc_none(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    (void)a1, (void)a2, (void)a3, (void)a4;
    return -XEN_ENOSYS;
}

#define CALL(number, name)      [number] = {hc_##name, #name, 0}
#define CALL_PRIV(number, name) [number] = {hc_##name, #name, HC_PRIV}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const struct hypercall_entry hypercall_table[NR_HYPERCALLS] = {
    [0 ... NR_HYPERCALLS - 1] = {hc_none, "none", 0},
    CALL(__HYPERVISOR_set_trap_table, set_trap_table),
    CALL(__HYPERVISOR_mmu_update, mmu_update),
    CALL(__HYPERVISOR_set_gdt, set_gdt),
    CALL(__HYPERVISOR_stack_switch, stack_switch),
    CALL(__HYPERVISOR_set_callbacks, set_callbacks),
    CALL(__HYPERVISOR_fpu_taskswitch, fpu_taskswitch),
    CALL(__HYPERVISOR_sched_op_compat, sched_op_compat),
    CALL_PRIV(__HYPERVISOR_platform_op, platform_op),
    CALL(__HYPERVISOR_set_debugreg, set_debugreg),
    CALL(__HYPERVISOR_get_debugreg, get_debugreg),
    CALL(__HYPERVISOR_update_descriptor, update_descriptor),
    CALL(__HYPERVISOR_memory_op, memory_op),
    CALL(__HYPERVISOR_multicall, multicall),
    CALL(__HYPERVISOR_update_va_mapping, update_va_mapping),
    CALL(__HYPERVISOR_set_timer_op, set_timer_op),
    CALL(__HYPERVISOR_event_channel_op_compat, event_channel_op_compat),
    CALL(__HYPERVISOR_xen_version, xen_version),
    CALL(__HYPERVISOR_console_io, console_io),
    CALL(__HYPERVISOR_physdev_op_compat, physdev_op_compat),
    CALL(__HYPERVISOR_grant_table_op, grant_table_op),
    CALL(__HYPERVISOR_vm_assist, vm_assist),
    CALL(__HYPERVISOR_update_va_mapping_otherdomain, update_va_mapping_otherdomain),
    CALL(__HYPERVISOR_iret, iret),
    CALL(__HYPERVISOR_vcpu_op, vcpu_op),
    CALL(__HYPERVISOR_set_segment_base, set_segment_base),
    CALL(__HYPERVISOR_mmuext_op, mmuext_op),
    CALL(__HYPERVISOR_nmi_op, nmi_op),
    CALL(__HYPERVISOR_sched_op, sched_op),
    CALL(__HYPERVISOR_callback_op, callback_op),
    CALL(__HYPERVISOR_event_channel_op, event_channel_op),
    CALL(__HYPERVISOR_physdev_op, physdev_op),
    CALL(__HYPERVISOR_hvm_op, hvm_op),
    CALL_PRIV(__HYPERVISOR_sysctl, sysctl),
    CALL_PRIV(__HYPERVISOR_domctl, domctl),
    CALL_PRIV(__HYPERVISOR_mca, mca),
    CALL(__HYPERVISOR_lodge_op, lodge_op),
    CALL(__HYPERVISOR_lodge_sysret, lodge_sysret),
    CALL(__HYPERVISOR_lodge_iret, lodge_iret),
};
#pragma GCC diagnostic pop

int64_t hypercall_dispatch(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    const struct hypercall_entry *e;

    if (unlikely(nr >= NR_HYPERCALLS))
        return -XEN_ENOSYS;
    e = &hypercall_table[nr];
    if (unlikely((e->flags & HC_PRIV) && !current->domain->privileged)) {
        guest_refused("%s is for the control domain", e->name);
        return -XEN_EPERM;
    }
    return e->fn(a1, a2, a3, a4);
}

/*
 * 32 bytes an entry: save what SYSCALL destroys, load the number, call. iret does not come back,
 * and its frame begins with the guest's rax, r11 and rcx, which the entry pushes.
 */
void hypercall_page_fill(void *page)
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
