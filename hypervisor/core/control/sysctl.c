/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sysctl: what the control domain asks of the whole hypervisor (interface 0x15). The hypercall
 * table lets only privileged domains in. Each operation works on a copy of the argument, and the
 * copy goes back if the operation succeeds. Any number of them may run at the same time: they hold
 * no lock over a loop, so an answer about several domains or CPUs is no snapshot.
 */
#include <core/control.h>
#include <core/control/control_call.h>
#include <core/control/sysctl.h>
#include <core/cpu_hotplug.h>
#include <core/frame.h>
#include <core/hypercall.h>
#include <core/sched.h>
#include <core/trace.h>
#include <lib/string.h>
#include <public/errno.h>
#include <public/lodge_control.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <x86/uaccess.h>

/* Every CPU counts as a core of its own, all in one socket and node: no more is modelled. */
static int64_t sysctl_physinfo(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_physinfo *pi = &sysctl->u.physinfo;

    memset(pi, 0, sizeof(*pi));
    pi->threads_per_core = 1;
    pi->cores_per_socket = nr_cpus;
    pi->nr_cpus = cpu_count_active();
    pi->max_cpu_id = nr_cpus - 1;
    pi->nr_nodes = 1;
    pi->cpu_khz = (uint32_t)time_tsc_khz();
    pi->capabilities =
        XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    if (cpu_features.svm_on)
        pi->capabilities |= XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
    pi->total_pages = frame_total_count();
    pi->free_pages = frame_free_count();
    pi->outstanding_pages = frame_claimed_count();
    pi->max_mfn = max_mfn - 1;
    pi->hw_cap[0] = cpu_features.leaf1_edx;
    pi->hw_cap[1] = cpu_features.leaf1_ecx;
    pi->hw_cap[2] = cpu_features.ext1_edx;
    pi->hw_cap[3] = cpu_features.ext1_ecx;
    pi->hw_cap[5] = cpu_features.leaf7_ebx;
    return 0;
}

/* One node with all the memory: NUMA is not modelled. */
static int64_t sysctl_numainfo(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_numainfo *op = &sysctl->u.numainfo;
    struct xen_sysctl_meminfo m = {.memsize = frame_total_count() << PAGE_SHIFT,
                                   .memfree = frame_free_count() << PAGE_SHIFT};
    uint32_t distance = 10; /* a node to itself, as in ACPI's SLIT */

    if (op->num_nodes >= 1 && op->meminfo.p != NULL && copy_to_guest_at(op->meminfo.p, 0, &m) != 0)
        return -XEN_EFAULT;
    if (op->num_nodes >= 1 && op->distance.p != NULL &&
        copy_to_guest_at(op->distance.p, 0, &distance) != 0)
        return -XEN_EFAULT;
    op->num_nodes = 1;
    return 0;
}

static int64_t sysctl_availheap(struct xen_sysctl *sysctl)
{
    sysctl->u.availheap.avail_bytes = frame_free_count() << PAGE_SHIFT;
    return 0;
}

static int64_t sysctl_sched_id(struct xen_sysctl *sysctl)
{
    sysctl->u.sched_id.sched_id = sched_id();
    return 0;
}

static int64_t sysctl_scheduler(struct xen_sysctl *sysctl)
{
    return sched_sysctl(&sysctl->u.scheduler_op);
}

static sysctl_fn *const sysctls[NR_SYSCTLS] = {
    [XEN_SYSCTL_readconsole] = sysctl_readconsole,
    [XEN_SYSCTL_physinfo] = sysctl_physinfo,
    [XEN_SYSCTL_sched_id] = sysctl_sched_id,
    [XEN_SYSCTL_getdomaininfolist] = sysctl_getdomaininfolist,
    [XEN_SYSCTL_debug_keys] = sysctl_debug_keys,
    [XEN_SYSCTL_getcpuinfo] = sysctl_getcpuinfo,
    [XEN_SYSCTL_availheap] = sysctl_availheap,
    [XEN_SYSCTL_cpu_hotplug] = sysctl_cpu_hotplug,
    [XEN_SYSCTL_cputopoinfo] = sysctl_cputopoinfo,
    [XEN_SYSCTL_numainfo] = sysctl_numainfo,
    [XEN_SYSCTL_cpupool_op] = sysctl_cpupool,
    [XEN_SYSCTL_scheduler_op] = sysctl_scheduler,
    [LODGE_SYSCTL_stats] = sysctl_stats,
    [LODGE_SYSCTL_trace] = trace_sysctl,
};

static int64_t sysctl_run(void *arg)
{
    struct xen_sysctl *op = arg;
    sysctl_fn *fn = NULL;

    if (op->cmd < NR_SYSCTLS)
        fn = sysctls[op->cmd] != NULL ? sysctls[op->cmd] : guest_sysctls[op->cmd];
    return fn != NULL ? fn(op) : -XEN_EOPNOTSUPP;
}

int64_t hc_sysctl(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct xen_sysctl op;

    return control_call("sysctl", arg, &op, sizeof(op), XEN_SYSCTL_INTERFACE_VERSION, sysctl_run);
}
