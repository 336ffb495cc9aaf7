// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine and the hypervisor: what there is, who it is, what it logged.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <public/hypercalls.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <public/domctl.h>
#include <public/sysctl.h>
#include <public/version.h>

int ctl_host_op(struct ctl *ctl, struct xen_sysctl *op, const char *what)
{
    int rc = ctl_sysctl(ctl, op);

    if (rc < 0 && rc != -EACCES)
        ctl_fail(ctl, -rc, "%s: %s", what, ctl_reason(-rc));
    return rc;
}

int ctl_host_own_op(struct ctl *ctl, uint32_t cmd, void *arg, size_t size, const char *what, ...)
{
    struct xen_sysctl op = {.cmd = cmd};
    char text[128];
    va_list ap;
    int rc;

    if (size > sizeof(op.u))
        return ctl_fail(ctl, EINVAL, "sysctl %u has no room for %zu bytes", cmd, size);
    va_start(ap, what);
    vsnprintf(text, sizeof(text), what, ap);
    va_end(ap);
    memcpy(&op.u, arg, size);
    rc = ctl_sysctl(ctl, &op);
    memcpy(arg, &op.u, size);
    if (rc == -ENOSYS || rc == -EOPNOTSUPP)
        return ctl_fail(ctl, EOPNOTSUPP, "%s: this is not Lodge, or a Lodge of another version",
                        text);
    if (rc < 0 && rc != -EACCES)
        ctl_fail(ctl, -rc, "%s: %s", text, ctl_reason(-rc));
    return rc;
}

int ctl_host_physinfo(struct ctl *ctl, struct xen_sysctl_physinfo *info)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    int rc = ctl_host_op(ctl, &op, "the hypervisor does not describe the machine");

    if (!rc)
        *info = op.u.physinfo;
    return rc;
}

int ctl_host_sched_id(struct ctl *ctl, uint32_t *id)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_sched_id};
    int rc = ctl_host_op(ctl, &op, "the hypervisor does not name its scheduler");

    if (!rc)
        *id = op.u.sched_id.sched_id;
    return rc;
}

int ctl_host_cpus(struct ctl *ctl, struct ctl_cpumap *cpus)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cpupool_op};
    struct ctl_buf buf;
    int rc = ctl_buf_get(ctl, &buf, sizeof(*cpus));

    if (rc)
        return rc;
    memset(buf.p, 0, sizeof(*cpus));
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, (uint8_t *)buf.p);
    op.u.cpupool_op.cpumap.nr_bits = CTL_CPUMAP_CPUS;
    rc = ctl_host_op(ctl, &op, "the hypervisor does not tell which CPUs are in use");
    if (!rc)
        memcpy(cpus, buf.p, sizeof(*cpus));
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_host_set_cpu(struct ctl *ctl, uint32_t cpu, bool online)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cpu_hotplug};

    op.u.cpu_hotplug.cpu = cpu;
    op.u.cpu_hotplug.op = online ? XEN_SYSCTL_CPU_HOTPLUG_ONLINE : XEN_SYSCTL_CPU_HOTPLUG_OFFLINE;
    return ctl_host_op(ctl, &op, "the CPU cannot be taken in or out of use");
}

const char *ctl_host_sched_name(uint32_t id)
{
    switch (id) {
    case XEN_SCHEDULER_CREDIT:
        return "credit";
    case XEN_SCHEDULER_CREDIT2:
        return "credit2";
    case XEN_SCHEDULER_ARINC653:
        return "arinc653";
    case XEN_SCHEDULER_RTDS:
        return "rtds";
    case XEN_SCHEDULER_NULL:
        return "null";
    default:
        return "unknown";
    }
}

/* Ask for the knobs; with `set`, change those that are not 0. Only credit has them all. */
static int host_sched(struct ctl *ctl, struct ctl_sched_host *sched, bool set)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_scheduler_op};
    struct xen_sysctl_credit_schedule *c = &op.u.scheduler_op.u.sched_credit;
    uint32_t id;
    int rc;

    rc = ctl_host_sched_id(ctl, &id);
    if (rc)
        return rc;
    if (id != XEN_SCHEDULER_CREDIT)
        return ctl_fail(ctl, EOPNOTSUPP, "the hypervisor's scheduler (%s) has no such settings",
                        ctl_host_sched_name(id));
    op.u.scheduler_op.sched_id = id;
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    rc = ctl_host_op(ctl, &op, "the scheduler's settings cannot be read");
    if (rc)
        return rc;
    if (set) {
        if (sched->tslice_ms)
            c->tslice_ms = sched->tslice_ms;
        if (sched->ratelimit_us)
            c->ratelimit_us = sched->ratelimit_us;
        op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
        rc = ctl_host_op(ctl, &op, "the scheduler's settings cannot be changed");
    }
    sched->tslice_ms = c->tslice_ms;
    sched->ratelimit_us = c->ratelimit_us;
    return rc;
}

int ctl_host_get_sched(struct ctl *ctl, struct ctl_sched_host *sched)
{
    return host_sched(ctl, sched, false);
}

int ctl_host_set_sched(struct ctl *ctl, const struct ctl_sched_host *sched)
{
    struct ctl_sched_host copy = *sched;

    return host_sched(ctl, &copy, true);
}

/* One string or structure of XENVER_*; what the hypervisor does not tell stays zero. */
static long host_version(struct ctl *ctl, unsigned int cmd, void *to, size_t size)
{
    memset(to, 0, size);
    return ctl_hypercall_buf(ctl, __HYPERVISOR_xen_version, cmd, to, size);
}

/* Copy a field of fixed size into one with room for the terminator, or cut it. */
static void host_text(char *to, size_t room, const char *from, size_t size)
{
    size_t n = size < room - 1 ? size : room - 1;

    memcpy(to, from, n);
    to[n] = '\0';
}

int ctl_host_version(struct ctl *ctl, struct ctl_version *v)
{
    struct xen_compile_info compile;
    struct xen_platform_parameters platform;
    char text[1024];
    long rc;

    memset(v, 0, sizeof(*v));
    rc = ctl_hypercall(ctl, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "the hypervisor does not tell its version: %s",
                        ctl_reason((int)-rc));
    v->major = (uint32_t)rc >> 16;
    v->minor = (uint32_t)rc & 0xffff;
    host_version(ctl, XENVER_extraversion, text, 16);
    host_text(v->extra, sizeof(v->extra), text, 16);
    host_version(ctl, XENVER_compile_info, &compile, sizeof(compile));
    host_text(v->compiler, sizeof(v->compiler), compile.compiler, sizeof(compile.compiler));
    host_text(v->compiled_by, sizeof(v->compiled_by), compile.compile_by,
              sizeof(compile.compile_by));
    host_text(v->compile_domain, sizeof(v->compile_domain), compile.compile_domain,
              sizeof(compile.compile_domain));
    host_text(v->compile_date, sizeof(v->compile_date), compile.compile_date,
              sizeof(compile.compile_date));
    host_version(ctl, XENVER_capabilities, text, sizeof(text));
    host_text(v->capabilities, sizeof(v->capabilities), text, sizeof(text));
    /* The hypervisor puts a blank behind each of them. */
    for (size_t n = strlen(v->capabilities); n && v->capabilities[n - 1] == ' '; n--)
        v->capabilities[n - 1] = '\0';
    host_version(ctl, XENVER_changeset, text, 64);
    host_text(v->changeset, sizeof(v->changeset), text, 64);
    host_version(ctl, XENVER_commandline, text, sizeof(text));
    host_text(v->command_line, sizeof(v->command_line), text, sizeof(text));
    host_version(ctl, XENVER_platform_parameters, &platform, sizeof(platform));
    v->virt_start = platform.virt_start;
    rc = ctl_hypercall(ctl, __HYPERVISOR_xen_version, XENVER_pagesize, 0, 0, 0, 0);
    v->page_size = rc > 0 ? (uint32_t)rc : 0;
    return 0;
}

int ctl_host_topology(struct ctl *ctl, unsigned int max, struct ctl_cpu_topology *topology)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cputopoinfo};
    const xen_sysctl_cputopo_t *entries;
    struct ctl_buf buf;
    unsigned int i;
    int rc;

    rc = ctl_buf_get(ctl, &buf, max * sizeof(*entries));
    if (rc)
        return rc;
    entries = buf.p;
    op.u.cputopoinfo.num_cpus = max;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, buf.p);
    /* In: the room; out: how many CPUs there are, which may be more. */
    rc = ctl_host_op(ctl, &op, "the hypervisor does not describe the CPUs");
    if (rc >= 0) {
        rc = (int)(op.u.cputopoinfo.num_cpus < max ? op.u.cputopoinfo.num_cpus : max);
        for (i = 0; i < (unsigned int)rc; i++) {
            topology[i].core = entries[i].core;
            topology[i].socket = entries[i].socket;
            topology[i].node = entries[i].node;
        }
    }
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_host_idle_times(struct ctl *ctl, unsigned int max, uint64_t *idle_ns)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getcpuinfo};
    const xen_sysctl_cpuinfo_t *entries;
    struct ctl_buf buf;
    unsigned int i;
    int rc;

    rc = ctl_buf_get(ctl, &buf, max * sizeof(*entries));
    if (rc)
        return rc;
    entries = buf.p;
    op.u.getcpuinfo.max_cpus = max;
    set_xen_guest_handle(op.u.getcpuinfo.info, buf.p);
    rc = ctl_host_op(ctl, &op, "the hypervisor does not tell the CPUs' idle times");
    if (rc >= 0) {
        rc = (int)(op.u.getcpuinfo.nr_cpus < max ? op.u.getcpuinfo.nr_cpus : max);
        for (i = 0; i < (unsigned int)rc; i++)
            idle_ns[i] = entries[i].idletime;
    }
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_host_read_log(struct ctl *ctl, char *buffer, size_t size, bool clear, uint32_t *index)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_readconsole};
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, size);
    if (rc)
        return rc;
    op.u.readconsole.clear = clear;
    op.u.readconsole.incremental = index != NULL;
    op.u.readconsole.index = index ? *index : 0;
    op.u.readconsole.count = (uint32_t)size;
    set_xen_guest_handle(op.u.readconsole.buffer, buf.p);
    rc = ctl_host_op(ctl, &op, "the hypervisor's log cannot be read");
    if (rc >= 0) {
        rc = (int)(op.u.readconsole.count < size ? op.u.readconsole.count : size);
        memcpy(buffer, buf.p, (size_t)rc);
        if (index)
            *index = op.u.readconsole.index;
    }
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_host_debug_keys(struct ctl *ctl, const char *keys)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_debug_keys};
    size_t size = strlen(keys);
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, size);
    if (rc)
        return rc;
    memcpy(buf.p, keys, size);
    op.u.debug_keys.nr_keys = (uint32_t)size;
    set_xen_guest_handle(op.u.debug_keys.keys, buf.p);
    rc = ctl_host_op(ctl, &op, "the debug keys cannot be sent");
    ctl_buf_put(ctl, &buf);
    return rc;
}
