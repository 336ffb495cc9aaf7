// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats.c: what guests' vcpus have counted; see stats.h.
 */
#include "stats.h"

#include <errno.h>
#include <string.h>
#include <public/hypercalls.h>
#include <public/lodge.h>

#define COUNT(a)             (sizeof(a) / sizeof((a)[0]))
#define CALL(name)           [LODGE_STAT_HYPERCALL + __HYPERVISOR_##name] = #name
#define TRAP(n, name)        [LODGE_STAT_EXCEPTION + (n)] = (name)
#define EMULATED(kind, name) [LODGE_STAT_EMULATED + LODGE_EMULATED_##kind] = (name)
#define LENGTH(n, name)      [LODGE_STAT_BATCH + (n)] = (name), [LODGE_STAT_RUN_BATCH + (n)] = (name)

static const char *const names[LODGE_NR_STATS] = {
    CALL(set_trap_table),
    CALL(mmu_update),
    CALL(set_gdt),
    CALL(stack_switch),
    CALL(set_callbacks),
    CALL(fpu_taskswitch),
    CALL(sched_op_compat),
    CALL(platform_op),
    CALL(set_debugreg),
    CALL(get_debugreg),
    CALL(update_descriptor),
    CALL(memory_op),
    CALL(multicall),
    CALL(update_va_mapping),
    CALL(set_timer_op),
    CALL(event_channel_op_compat),
    CALL(xen_version),
    CALL(console_io),
    CALL(physdev_op_compat),
    CALL(grant_table_op),
    CALL(vm_assist),
    CALL(update_va_mapping_otherdomain),
    CALL(iret),
    CALL(vcpu_op),
    CALL(set_segment_base),
    CALL(mmuext_op),
    CALL(xsm_op),
    CALL(nmi_op),
    CALL(sched_op),
    CALL(callback_op),
    CALL(xenoprof_op),
    CALL(event_channel_op),
    CALL(physdev_op),
    CALL(hvm_op),
    CALL(sysctl),
    CALL(domctl),
    CALL(kexec_op),
    CALL(tmem_op),
    CALL(argo_op),
    CALL(xenpmu_op),
    CALL(dm_op),
    CALL(mca),
    CALL(lodge_op),
    CALL(lodge_sysret),
    CALL(lodge_iret),
    [LODGE_STAT_HYPERCALL_OTHER] = "unknown",

    TRAP(0, "divide_error"),
    TRAP(1, "debug"),
    TRAP(2, "nmi"),
    TRAP(3, "breakpoint"),
    TRAP(4, "overflow"),
    TRAP(5, "bound"),
    TRAP(6, "invalid_opcode"),
    TRAP(7, "device_not_available"),
    TRAP(9, "coprocessor_overrun"),
    TRAP(10, "invalid_tss"),
    TRAP(11, "segment_not_present"),
    TRAP(12, "stack_fault"),
    TRAP(13, "general_protection"),
    TRAP(14, "page_fault"),
    TRAP(16, "floating_point"),
    TRAP(17, "alignment_check"),
    TRAP(19, "simd"),
    TRAP(20, "virtualization"),
    TRAP(21, "control_protection"),

    EMULATED(STORE, "page_table_store"),
    EMULATED(RDMSR, "rdmsr"),
    EMULATED(WRMSR, "wrmsr"),
    EMULATED(CR, "control_register"),
    EMULATED(DR, "debug_register"),
    EMULATED(PORT, "port"),
    EMULATED(FLAG, "cli_sti"),
    EMULATED(HLT, "hlt"),
    EMULATED(CPUID, "cpuid"),
    EMULATED(XSETBV, "xsetbv"),
    EMULATED(CACHE, "wbinvd"),
    EMULATED(DESCRIPTOR, "descriptor"),
    EMULATED(IRET, "iret"),

    [LODGE_STAT_UPDATE_VA] = "by_address",
    [LODGE_STAT_UPDATE_LIST] = "by_list",
    [LODGE_STAT_UPDATE_RUN] = "by_run",
    [LODGE_STAT_UPDATE_VA_MULTICALL] = "by_address_in_multicalls",
    [LODGE_STAT_UPDATE_LIST_MULTICALL] = "by_list_in_multicalls",
    [LODGE_STAT_MULTICALL_CALLS] = "calls_in_multicalls",

    LENGTH(0, "1"),
    LENGTH(1, "2-3"),
    LENGTH(2, "4-7"),
    LENGTH(3, "8-15"),
    LENGTH(4, "16-31"),
    LENGTH(5, "32-63"),
    LENGTH(6, "64-127"),
    LENGTH(7, "128-255"),
    LENGTH(8, "256-511"),
    LENGTH(9, "512-1023"),
    LENGTH(10, "1024-2047"),
    LENGTH(11, "2048-4095"),
    LENGTH(12, "4096-8191"),
    LENGTH(13, "8192-16383"),
    LENGTH(14, "16384-32767"),
    LENGTH(15, "32768-"),

    [LODGE_STAT_FLUSH_ALL] = "own",
    [LODGE_STAT_FLUSH_PAGE] = "own_page",
    [LODGE_STAT_FLUSH_OTHER] = "others",
    [LODGE_STAT_FRAME_TRAP] = "trap",
    [LODGE_STAT_FRAME_EVENT] = "event",
    [LODGE_STAT_FRAME_SYSCALL] = "system_call",
    [LODGE_STAT_FRAME_FAILSAFE] = "failsafe",
    [LODGE_STAT_SWITCH] = "switched_to",
    [LODGE_STAT_EVENT_SENT] = "events_sent",
    [LODGE_STAT_EVENT_MERGED] = "events_merged",
};

/* Up to two ranges of places each. */
static const struct {
    const char *key, *heading;
    struct {
        unsigned first, nr;
    } range[2];
} groups[STATS_GROUPS] = {
    [STATS_OF_HYPERCALLS] = {"hypercalls",
                             "Hypercalls",
                             {{LODGE_STAT_HYPERCALL, 64}, {LODGE_STAT_HYPERCALL_OTHER, 1}}},
    [STATS_OF_EXCEPTIONS] = {"exceptions", "Exceptions", {{LODGE_STAT_EXCEPTION, 32}}},
    [STATS_OF_EMULATED] = {"emulated",
                           "Exceptions that were an instruction to emulate",
                           {{LODGE_STAT_EMULATED, LODGE_NR_EMULATED}}},
    [STATS_OF_UPDATES] = {"updates",
                          "Page-table updates by hypercall",
                          {{LODGE_STAT_UPDATE_VA, 6}}},
    [STATS_OF_LISTS] = {"lists",
                        "Lists of mmu_update, by their length",
                        {{LODGE_STAT_BATCH, LODGE_NR_BATCHES}}},
    [STATS_OF_RUNS] = {"runs",
                       "Lists of runs (LODGE_mmu_run), by their length",
                       {{LODGE_STAT_RUN_BATCH, LODGE_NR_BATCHES}}},
    [STATS_OF_FLUSHES] = {"flushes", "Flushes of TLBs", {{LODGE_STAT_FLUSH_ALL, 3}}},
    [STATS_OF_FRAMES] = {"frames", "Frames on the kernel's stack", {{LODGE_STAT_FRAME_TRAP, 4}}},
    [STATS_OF_EVENTS] = {"scheduling", "Switches and events", {{LODGE_STAT_SWITCH, 3}}},
};

const char *lodge_stats_group_key(enum lodge_stats_group group)
{
    return groups[group].key;
}

const char *lodge_stats_group_heading(enum lodge_stats_group group)
{
    return groups[group].heading;
}

int lodge_stats_place(enum lodge_stats_group group, unsigned n, const char **name)
{
    for (unsigned r = 0; r < COUNT(groups[group].range); r++) {
        unsigned first = groups[group].range[r].first;

        for (unsigned i = first; i < first + groups[group].range[r].nr; i++) {
            if (!names[i] || n--)
                continue;
            *name = names[i];
            return (int)i;
        }
    }
    return -1;
}

int lodge_stats_vcpu(struct lodge_session *l, uint16_t domid, unsigned vcpu, bool reset,
                     struct lodge_stats *s)
{
    int rc = ctl_vcpu_stats(&l->ctl, domid, vcpu, reset, s->value, LODGE_NR_STATS);

    if (rc)
        return lodge_fail_ctl(l, rc);
    /* A list of one update counts as a list here. */
    s->value[LODGE_STAT_UPDATE_LIST] += s->value[LODGE_STAT_BATCH];
    return 0;
}

/* A vcpu that has not been made has counted nothing. */
int lodge_stats_domain(struct lodge_session *l, uint16_t domid, unsigned vcpus, bool reset,
                       struct lodge_stats *s)
{
    struct lodge_stats one;

    memset(s, 0, sizeof(*s));
    for (unsigned v = 0; v < vcpus; v++) {
        int rc = lodge_stats_vcpu(l, domid, v, reset, &one);

        if (rc == -ENOENT)
            continue;
        if (rc)
            return rc;
        for (unsigned i = 0; i < LODGE_NR_STATS; i++)
            s->value[i] += one.value[i];
    }
    return 0;
}

static uint64_t sum_of(const struct lodge_stats *s, unsigned first, unsigned nr)
{
    uint64_t sum = 0;

    for (unsigned i = first; i < first + nr; i++)
        sum += s->value[i];
    return sum;
}

uint64_t lodge_stats_sum(const struct lodge_stats *s, enum lodge_stats_sum which)
{
    uint64_t sum = 0;

    switch (which) {
    case STATS_ENTRIES:
        for (unsigned i = STATS_HYPERCALLS; i <= STATS_SYSCALLS; i++)
            sum += lodge_stats_sum(s, i);
        return sum;
    case STATS_HYPERCALLS:
        return sum_of(s, LODGE_STAT_HYPERCALL, 64) + s->value[LODGE_STAT_HYPERCALL_OTHER];
    case STATS_EXCEPTIONS:
        return sum_of(s, LODGE_STAT_EXCEPTION, 32);
    case STATS_INTERRUPTS:
        return s->value[LODGE_STAT_INTERRUPT];
    case STATS_SYSCALLS:
        return s->value[LODGE_STAT_FRAME_SYSCALL] + s->value[LODGE_STAT_AREA_SYSCALL];
    case STATS_EMULATED:
        return sum_of(s, LODGE_STAT_EMULATED, LODGE_NR_EMULATED);
    case STATS_UPDATES:
        return s->value[LODGE_STAT_UPDATE_VA] + s->value[LODGE_STAT_UPDATE_LIST] +
               s->value[LODGE_STAT_UPDATE_RUN] +
               s->value[LODGE_STAT_EMULATED + LODGE_EMULATED_STORE];
    case STATS_FLUSHES:
        return sum_of(s, LODGE_STAT_FLUSH_ALL, 3);
    default:
        return 0;
    }
}
