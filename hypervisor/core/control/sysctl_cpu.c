/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sysctls about the processors: what each is like, what it has done, whether it is in use. CPUs
 * come and go meanwhile, as no lock is held: an answer about several of them is no snapshot.
 */
#include <core/control/bitmap_copy.h>
#include <core/control/sysctl.h>
#include <core/cpu_hotplug.h>
#include <core/domain.h>
#include <core/preempt.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

int64_t sysctl_getcpuinfo(struct xen_sysctl *sysctl)
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

int64_t sysctl_cputopoinfo(struct xen_sysctl *sysctl)
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
int64_t sysctl_cpupool(struct xen_sysctl *sysctl)
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
int64_t sysctl_cpu_hotplug(struct xen_sysctl *sysctl)
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
