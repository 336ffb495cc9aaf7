/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sysctl: what the control domain asks of the whole hypervisor (interface 0x15). The hypercall
 * table lets only privileged domains in. Each operation works on a copy of the argument, and the
 * copy goes back if the operation succeeds. Any number of them may run at the same time: they hold
 * no lock over a loop, so an answer about several domains or CPUs is no snapshot.
 */
#include <core/console.h>
#include <core/control.h>
#include <core/control/bitmap_copy.h>
#include <core/control/domctl.h>
#include <core/cpu_hotplug.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/hypercall.h>
#include <core/trace.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <public/lodge_stats.h>
#include <public/lodge_trace.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define CONSOLE_PIECE 1024u /* characters that are copied in one go */

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

/*
 * One domain per pass, so that a thousand of them do not hold the CPU. The reference that
 * domain_next() gives lasts for the pass; going on by number needs none, whatever has gone since.
 */
static int64_t sysctl_getdomaininfolist(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_getdomaininfolist *op = &sysctl->u.getdomaininfolist;
    domid_t from = op->first_domain;
    uint32_t n = 0;

    while (n < op->max_domains) {
        struct xen_domctl_getdomaininfo info;
        struct domain *d = domain_next(from);

        if (d == NULL)
            break;
        from = d->id + 1;
        domctl_fill_info(d, &info);
        domain_put(d);
        if (copy_to_guest_at(op->buffer.p, n, &info) != 0)
            return -XEN_EFAULT;
        n++;
        preempt_point();
    }
    op->num_domains = n;
    return 0;
}

/* The limit: what a key prints goes to the serial line, and that takes its time. */
static int64_t sysctl_debug_keys(struct xen_sysctl *sysctl)
{
    const struct xen_sysctl_debug_keys *op = &sysctl->u.debug_keys;

    for (uint32_t i = 0; i < op->nr_keys && i < 32; i++) {
        char key;

        if (copy_from_guest(&key, (vaddr_t)op->keys.p + i, 1) != 0)
            return -XEN_EFAULT;
        console_handle_key(key);
    }
    return 0;
}

static int64_t sysctl_getcpuinfo(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_getcpuinfo *op = &sysctl->u.getcpuinfo;
    uint32_t n = MIN(op->max_cpus, nr_cpus);

    for (uint32_t i = 0; i < n; i++) {
        struct xen_sysctl_cpuinfo info = {.idletime = sched_idle_ns(i)};

        if (copy_to_guest_at(op->info.p, i, &info) != 0)
            return -XEN_EFAULT;
    }
    op->nr_cpus = n;
    return 0;
}

static int64_t sysctl_cputopoinfo(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cputopoinfo *op = &sysctl->u.cputopoinfo;
    uint32_t n = op->cputopo.p == NULL ? 0 : MIN(op->num_cpus, nr_cpus);

    for (uint32_t i = 0; i < n; i++) {
        struct xen_sysctl_cputopo t = {.core = i, .socket = 0, .node = 0};

        if (copy_to_guest_at(op->cputopo.p, i, &t) != 0)
            return -XEN_EFAULT;
    }
    op->num_cpus = nr_cpus; /* also without an array: that is how its size is asked for */
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

static uint32_t count_domains(void)
{
    uint32_t n = 0;
    struct domain *d;

    for (domid_t id = 0; (d = domain_next(id)) != NULL; n++) {
        id = d->id + 1;
        domain_put(d);
        preempt_point();
    }
    return n;
}

/* There is one pool, number 0, with every CPU in use; tools that look for more are told so. */
static int64_t sysctl_cpupool(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cpupool_op *op = &sysctl->u.cpupool_op;

    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        if (op->cpupool_id != 0 && op->cpupool_id != XEN_SYSCTL_CPUPOOL_PAR_ANY)
            return -XEN_ENOENT;
        op->cpupool_id = 0;
        op->sched_id = sched_id();
        op->n_dom = count_domains();
        return cpumask_to_guest(&op->cpumap, READ_ONCE(cpu_active));
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return cpumask_to_guest(&op->cpumap, 0);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return op->cpupool_id == 0 ? 0 : -XEN_ENOENT;
    default:
        return -XEN_EOPNOTSUPP;
    }
}

/* Threads are not told apart from cores, so there are none to be left idle. */
static int64_t sysctl_cpu_hotplug(struct xen_sysctl *sysctl)
{
    const struct xen_sysctl_cpu_hotplug *op = &sysctl->u.cpu_hotplug;

    switch (op->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
        return cpu_bring_online(op->cpu);
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return cpu_take_offline(op->cpu);
    default:
        return -XEN_EOPNOTSUPP;
    }
}

static int64_t sysctl_availheap(struct xen_sysctl *sysctl)
{
    sysctl->u.availheap.avail_bytes = frame_free_count() << PAGE_SHIFT;
    return 0;
}

/* A piece at a time; the last step throws away what has been read, if that is wanted. */
static int64_t sysctl_readconsole(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_readconsole *op = &sysctl->u.readconsole;
    const struct xen_sysctl_readconsole asked = *op;
    uint32_t done = 0;
    int64_t rc = 0;

    op->clear = 0;
    do {
        op->count = MIN(asked.count - done, CONSOLE_PIECE);
        rc = console_read(op);
        op->buffer.p += op->count;
        op->incremental = 1; /* from op->index on */
        done += op->count;
    } while (rc == 0 && op->count != 0 && done < asked.count && !preempt_after(WORK_BUDGET));
    op->count = 0;
    op->clear = asked.clear;
    if (rc == 0 && asked.clear)
        rc = console_read(op);
    op->buffer = asked.buffer;
    op->incremental = asked.incremental;
    op->count = done;
    return rc;
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

static int64_t sysctl_run(struct xen_sysctl *op)
{
    sysctl_fn *fn = NULL;

    if (op->cmd < NR_SYSCTLS)
        fn = sysctls[op->cmd] != NULL ? sysctls[op->cmd] : guest_sysctls[op->cmd];
    return fn != NULL ? fn(op) : -XEN_EOPNOTSUPP;
}

int64_t hc_sysctl(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct xen_sysctl op;
    int64_t rc;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -XEN_EACCES;
    rc = sysctl_run(&op);
    if (rc >= 0 && copy_to_guest(arg, &op, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (rc < 0)
        guest_refused("sysctl %u: error %ld", op.cmd, (long)-rc);
    return rc;
}
