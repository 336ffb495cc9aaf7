// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace_calls.c: hypercalls and their sub-operations by name, and what is known of their arguments.
 *
 * The names are the ABI's, without what all of one family begin with. Where the operation, or what
 * it is about, is in a structure, the record has the structure's first 16 bytes.
 */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <public/callback.h>
#include <public/domctl.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/lodge.h>
#include <public/lodge_control.h>
#include <public/lodge_trace.h>
#include <public/memory.h>
#include <public/mmu.h>
#include <public/nmi.h>
#include <public/physdev.h>
#include <public/platform.h>
#include <public/sched.h>
#include <public/sysctl.h>
#include <public/vcpu.h>
#include <public/version.h>
#include <public/xen.h>

#define N(name) [SCHEDOP_##name] = #name
static const char *const sched_ops[] = {N(yield),    N(block),           N(shutdown),
                                        N(poll),     N(remote_shutdown), N(shutdown_code),
                                        N(watchdog), N(pin_override)};
#undef N
#define N(name) [VCPUOP_##name] = #name
static const char *const vcpu_ops[] = {N(initialise),
                                       N(up),
                                       N(down),
                                       N(is_up),
                                       N(get_runstate_info),
                                       N(register_runstate_memory_area),
                                       N(set_periodic_timer),
                                       N(stop_periodic_timer),
                                       N(set_singleshot_timer),
                                       N(stop_singleshot_timer),
                                       N(register_vcpu_info),
                                       N(send_nmi),
                                       N(get_physid),
                                       N(register_vcpu_time_memory_area)};
#undef N
#define N(name) [EVTCHNOP_##name] = #name
static const char *const event_ops[] = {
    N(bind_interdomain), N(bind_virq),   N(bind_pirq), N(close),  N(send),  N(status),
    N(alloc_unbound),    N(bind_ipi),    N(bind_vcpu), N(unmask), N(reset), N(init_control),
    N(expand_array),     N(set_priority)};
#undef N
#define N(name) [GNTTABOP_##name] = #name
static const char *const grant_ops[] = {
    N(map_grant_ref),     N(unmap_grant_ref),   N(setup_table),
    N(dump_table),        N(transfer),          N(copy),
    N(query_size),        N(unmap_and_replace), N(set_version),
    N(get_status_frames), N(get_version),       N(swap_grant_ref),
    N(cache_flush)};
#undef N
#define N(name) [XENMEM_##name] = #name
static const char *const memory_ops[] = {N(increase_reservation),
                                         N(decrease_reservation),
                                         N(maximum_ram_page),
                                         N(current_reservation),
                                         N(maximum_reservation),
                                         N(machphys_mfn_list),
                                         N(populate_physmap),
                                         N(add_to_physmap),
                                         N(memory_map),
                                         N(machine_memory_map),
                                         N(exchange),
                                         N(machphys_mapping),
                                         N(set_memory_map),
                                         N(maximum_gpfn),
                                         N(remove_from_physmap),
                                         N(set_pod_target),
                                         N(get_pod_target),
                                         N(get_sharing_freed_pages),
                                         N(get_sharing_shared_pages),
                                         N(paging_op),
                                         N(access_op),
                                         N(sharing_op),
                                         N(add_to_physmap_batch),
                                         N(claim_pages),
                                         N(machphys_compat_mfn_list),
                                         N(get_vnumainfo),
                                         N(reserved_device_memory_map),
                                         N(acquire_resource)};
#undef N
#define N(name) [PHYSDEVOP_##name] = #name
static const char *const physdev_ops[] = {N(irq_status_query),
                                          N(set_iopl),
                                          N(set_iobitmap),
                                          N(apic_read),
                                          N(apic_write),
                                          N(alloc_irq_vector),
                                          N(free_irq_vector),
                                          N(eoi),
                                          N(map_pirq),
                                          N(unmap_pirq),
                                          N(manage_pci_add),
                                          N(manage_pci_remove),
                                          N(pirq_eoi_gmfn_v1),
                                          N(restore_msi),
                                          N(manage_pci_add_ext),
                                          N(setup_gsi),
                                          N(get_free_pirq),
                                          N(pci_mmcfg_reserved),
                                          N(pci_device_add),
                                          N(pci_device_remove),
                                          N(restore_msi_ext),
                                          N(pirq_eoi_gmfn_v2),
                                          N(dbgp_op),
                                          N(prepare_msix),
                                          N(release_msix)};
#undef N
#define N(name) [XENVER_##name] = #name
static const char *const version_ops[] = {N(version),      N(extraversion), N(compile_info),
                                          N(capabilities), N(changeset),    N(platform_parameters),
                                          N(get_features), N(pagesize),     N(guest_handle),
                                          N(commandline),  N(build_id)};
#undef N
#define N(name) [CALLBACKOP_##name] = #name
static const char *const callback_ops[] = {N(register), N(unregister)};
#undef N
#define N(name) [XENNMI_##name] = #name
static const char *const nmi_ops[] = {N(register_callback), N(unregister_callback)};
#undef N
#define N(name) [CONSOLEIO_##name] = #name
static const char *const console_ops[] = {N(write), N(read)};
#undef N
#define N(name) [LODGE_##name] = #name
static const char *const lodge_ops[] = {N(negotiate), N(mmu_run), N(table_new), N(switch_to),
                                        N(vcpu_area)};
#undef N
#define N(name) [XEN_DOMCTL_##name] = #name
static const char *const domctls[] = {N(createdomain),
                                      N(destroydomain),
                                      N(pausedomain),
                                      N(unpausedomain),
                                      N(getdomaininfo),
                                      N(setvcpuaffinity),
                                      N(shadow_op),
                                      N(max_mem),
                                      N(setvcpucontext),
                                      N(getvcpucontext),
                                      N(getvcpuinfo),
                                      N(max_vcpus),
                                      N(scheduler_op),
                                      N(setdomainhandle),
                                      N(setdebugging),
                                      N(irq_permission),
                                      N(iomem_permission),
                                      N(ioport_permission),
                                      N(hypercall_init),
                                      N(settimeoffset),
                                      N(getvcpuaffinity),
                                      N(real_mode_area),
                                      N(resumedomain),
                                      N(sendtrigger),
                                      N(subscribe),
                                      N(gethvmcontext),
                                      N(sethvmcontext),
                                      N(set_address_size),
                                      N(get_address_size),
                                      N(assign_device),
                                      N(bind_pt_irq),
                                      N(memory_mapping),
                                      N(ioport_mapping),
                                      N(set_ext_vcpucontext),
                                      N(get_ext_vcpucontext),
                                      N(set_opt_feature),
                                      N(test_assign_device),
                                      N(set_target),
                                      N(deassign_device),
                                      N(unbind_pt_irq),
                                      N(get_device_group),
                                      N(debug_op),
                                      N(gethvmcontext_partial),
                                      N(vm_event_op),
                                      N(mem_sharing_op),
                                      N(gettscinfo),
                                      N(settscinfo),
                                      N(getpageframeinfo3),
                                      N(setvcpuextstate),
                                      N(getvcpuextstate),
                                      N(set_access_required),
                                      N(audit_p2m),
                                      N(set_virq_handler),
                                      N(set_broken_page_p2m),
                                      N(setnodeaffinity),
                                      N(getnodeaffinity),
                                      N(cacheflush),
                                      N(get_vcpu_msrs),
                                      N(set_vcpu_msrs),
                                      N(setvnumainfo),
                                      N(psr_cmt_op),
                                      N(monitor_op),
                                      N(psr_alloc),
                                      N(soft_reset),
                                      N(vuart_op),
                                      N(get_cpu_policy),
                                      N(set_cpu_policy),
                                      N(vmtrace_op),
                                      N(get_paging_mempool_size),
                                      N(set_paging_mempool_size)};
#undef N
#define N(name)   [XEN_SYSCTL_##name] = #name
#define OWN(name) [LODGE_SYSCTL_##name] = #name
static const char *const sysctls[] = {N(readconsole),
                                      N(tbuf_op),
                                      N(physinfo),
                                      N(sched_id),
                                      N(perfc_op),
                                      N(getdomaininfolist),
                                      N(debug_keys),
                                      N(getcpuinfo),
                                      N(availheap),
                                      N(get_pmstat),
                                      N(cpu_hotplug),
                                      N(pm_op),
                                      N(page_offline_op),
                                      N(lockprof_op),
                                      N(cputopoinfo),
                                      N(numainfo),
                                      N(cpupool_op),
                                      N(scheduler_op),
                                      N(coverage_op),
                                      N(psr_cmt_op),
                                      N(pcitopoinfo),
                                      N(psr_alloc),
                                      N(get_cpu_levelling_caps),
                                      N(get_cpu_featureset),
                                      N(livepatch_op),
                                      N(get_cpu_policy),
                                      OWN(stats),
                                      OWN(trace)};
#undef OWN
#undef N
#define N(name) [XENPF_##name] = #name
static const char *const platform_ops[] = {N(settime32),
                                           N(add_memtype),
                                           N(del_memtype),
                                           N(read_memtype),
                                           N(microcode_update),
                                           N(platform_quirk),
                                           N(get_cpu_version),
                                           N(efi_runtime_call),
                                           N(firmware_info),
                                           N(enter_acpi_sleep),
                                           N(change_freq),
                                           N(getidletime),
                                           N(set_processor_pminfo),
                                           N(get_cpuinfo),
                                           N(cpu_online),
                                           N(cpu_offline),
                                           N(cpu_hotadd),
                                           N(mem_hotadd),
                                           N(core_parking),
                                           N(resource_op),
                                           N(settime64),
                                           N(get_symbol)};
#undef N
#define N(name) [MMUEXT_##name] = #name
static const char *const mmuext_ops[] = {
    N(PIN_L1_TABLE),    N(PIN_L2_TABLE),  N(PIN_L3_TABLE),
    N(PIN_L4_TABLE),    N(UNPIN_TABLE),   N(NEW_BASEPTR),
    N(TLB_FLUSH_LOCAL), N(INVLPG_LOCAL),  N(TLB_FLUSH_MULTI),
    N(INVLPG_MULTI),    N(TLB_FLUSH_ALL), N(INVLPG_ALL),
    N(FLUSH_CACHE),     N(SET_LDT),       N(NEW_USER_BASEPTR),
    N(CLEAR_PAGE),      N(COPY_PAGE),     N(FLUSH_CACHE_GLOBAL),
    N(MARK_SUPER),      N(UNMARK_SUPER)};
#undef N

#define MEMORY_OP_MASK 63 /* in the bits above, a continued call says how far it has come */

/* Where the number of the sub-operation is. */
enum where { NONE, ARG1, WORD1 /* the structure's first 32 bits */ };

static const struct call {
    const char *name;
    const char *const *ops;
    uint8_t nr_ops, where, nr_args;
} calls[] = {
#define CALL(name, args) [__HYPERVISOR_##name] = {#name, NULL, 0, NONE, args}
#define OPS(name, args, ops, where) \
    [__HYPERVISOR_##name] = {#name, ops, sizeof(ops) / sizeof(*(ops)), where, args}
    CALL(set_trap_table, 1),
    CALL(mmu_update, 4),
    CALL(set_gdt, 2),
    CALL(stack_switch, 2),
    CALL(set_callbacks, 3),
    CALL(fpu_taskswitch, 1),
    CALL(sched_op_compat, 2),
    OPS(platform_op, 1, platform_ops, WORD1),
    CALL(set_debugreg, 2),
    CALL(get_debugreg, 1),
    CALL(update_descriptor, 2),
    OPS(memory_op, 2, memory_ops, ARG1),
    CALL(multicall, 2),
    CALL(update_va_mapping, 3),
    CALL(set_timer_op, 1),
    CALL(event_channel_op_compat, 1),
    OPS(xen_version, 2, version_ops, ARG1),
    OPS(console_io, 3, console_ops, ARG1),
    CALL(physdev_op_compat, 1),
    OPS(grant_table_op, 3, grant_ops, ARG1),
    CALL(vm_assist, 2),
    CALL(update_va_mapping_otherdomain, 4),
    CALL(iret, 0),
    OPS(vcpu_op, 3, vcpu_ops, ARG1),
    CALL(set_segment_base, 2),
    OPS(mmuext_op, 4, mmuext_ops, WORD1),
    CALL(xsm_op, 1),
    OPS(nmi_op, 2, nmi_ops, ARG1),
    OPS(sched_op, 2, sched_ops, ARG1),
    OPS(callback_op, 2, callback_ops, ARG1),
    OPS(event_channel_op, 2, event_ops, ARG1),
    OPS(physdev_op, 2, physdev_ops, ARG1),
    CALL(hvm_op, 2),
    OPS(sysctl, 1, sysctls, WORD1),
    OPS(domctl, 1, domctls, WORD1),
    CALL(mca, 1),
    CALL(lodge_iret, 0),
    CALL(lodge_sysret, 0),
    OPS(lodge_op, 3, lodge_ops, ARG1),
#undef CALL
#undef OPS
};

static const struct call *call_of(unsigned nr)
{
    static const struct call unknown = {.nr_args = 4};

    return nr < sizeof(calls) / sizeof(calls[0]) && calls[nr].name ? &calls[nr] : &unknown;
}

/* False: the call has no sub-operations, or the structure could not be read. */
static bool sub_op(const struct lodge_trace_record *r, uint64_t *op)
{
    const struct call *call = call_of(r->code);

    if (call->where == NONE || (call->where == WORD1 && !r->data[4] && !r->data[5]))
        return false;
    *op = call->where == ARG1 ? r->data[0] : (uint32_t)r->data[4];
    if (r->code == __HYPERVISOR_memory_op)
        *op &= MEMORY_OP_MASK;
    return true;
}

void trace_call_name(const struct lodge_trace_record *r, char *buf, size_t len)
{
    const struct call *call = call_of(r->code);
    char name[24], op_name[24] = "";
    uint64_t op;

    snprintf(name, sizeof(name), "hypercall_%u", r->code);
    if (r->type == LODGE_TRACED_HYPERCALL && sub_op(r, &op)) {
        if (op < call->nr_ops && call->ops[op])
            snprintf(buf, len, "%s %s", call->name, call->ops[op]);
        else
            snprintf(op_name, sizeof(op_name), " %" PRIu64, op);
        if (!op_name[0])
            return;
    }
    snprintf(buf, len, "%s%s", call->name ? call->name : name, op_name);
}

static void field(struct trace_fields *f, const char *name, const char *fmt, uint64_t value)
{
    struct trace_field *n = &f->list[f->nr];

    if (f->nr == TRACE_FIELDS)
        return;
    f->nr++;
    n->name = name;
    snprintf(n->text, sizeof(n->text), fmt, value);
}

#define DECIMAL "%" PRIu64
#define HEX     "%#" PRIx64

/* What the call is about, by its structure. */
static void subject(const struct lodge_trace_record *r, struct trace_fields *f)
{
    uint64_t w0 = r->data[4], w1 = r->data[5], op = r->data[0];

    switch (r->code) {
    case __HYPERVISOR_mmu_update:
        field(f, "count", DECIMAL, r->data[1] & ~(1ull << 31));
        field(f, "first_ptr", HEX, w0);
        field(f, "first_val", HEX, w1);
        break;
    case __HYPERVISOR_mmuext_op:
        field(f, "count", DECIMAL, r->data[1] & ~(1ull << 31));
        field(f, "first_arg", HEX, w1);
        break;
    case __HYPERVISOR_multicall:
        field(f, "count", DECIMAL, r->data[1]);
        break;
    case __HYPERVISOR_grant_table_op:
        field(f, "count", DECIMAL, r->data[2]);
        break;
    case __HYPERVISOR_domctl:
        if ((uint32_t)w0 != XEN_DOMCTL_createdomain)
            field(f, "domain", DECIMAL, (uint16_t)w1);
        break;
    case __HYPERVISOR_event_channel_op:
        if (op == EVTCHNOP_send || op == EVTCHNOP_close || op == EVTCHNOP_unmask)
            field(f, "port", DECIMAL, (uint32_t)w0);
        break;
    case __HYPERVISOR_vcpu_op:
        field(f, "vcpu", DECIMAL, r->data[1]);
        break;
    case __HYPERVISOR_sched_op:
        if (op == SCHEDOP_shutdown)
            field(f, "reason", DECIMAL, (uint32_t)w0);
        break;
    case __HYPERVISOR_update_va_mapping:
        field(f, "address", HEX, r->data[0]);
        field(f, "entry", HEX, r->data[1]);
        break;
    }
}

void trace_call_fields(const struct lodge_trace_record *r, struct trace_fields *f)
{
    static const char *const names[] = {"arg1", "arg2", "arg3", "arg4"};

    subject(r, f);
    for (unsigned i = 0; i < call_of(r->code)->nr_args; i++)
        field(f, names[i], HEX, r->data[i]);
}
