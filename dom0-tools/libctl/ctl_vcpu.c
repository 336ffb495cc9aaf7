// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpus: their registers, where they run, what share of the CPUs they get.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <string.h>

#include <public/domctl.h>
#include <public/hvm_save.h>
#include <public/lodge_control.h>
#include <public/lodge_stats.h>

static int vcpu_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu, void *context, bool set)
{
    struct xen_domctl op = {.cmd = set ? XEN_DOMCTL_setvcpucontext : XEN_DOMCTL_getvcpucontext};
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, sizeof(vcpu_guest_context_t));
    if (rc)
        return rc;
    if (set)
        memcpy(buf.p, context, sizeof(vcpu_guest_context_t));
    op.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, buf.p);
    rc = ctl_domain_op(ctl, domid, &op, set ? "given a vcpu's registers" : "asked for registers");
    if (!rc && !set)
        memcpy(context, buf.p, sizeof(vcpu_guest_context_t));
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_vcpu_set_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                         const struct vcpu_guest_context *context)
{
    return vcpu_context(ctl, domid, vcpu, (void *)(uintptr_t)context, true);
}

int ctl_vcpu_get_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                         struct vcpu_guest_context *context)
{
    return vcpu_context(ctl, domid, vcpu, context, false);
}

int ctl_vcpu_set_hvm_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                             const struct hvm_hw_cpu *cpu)
{
    enum { RECORD_END, RECORD_HEADER, RECORD_CPU };
    struct records {
        struct hvm_save_descriptor header_at;
        struct hvm_save_header header;
        struct hvm_save_descriptor cpu_at;
        struct hvm_hw_cpu cpu;
        struct hvm_save_descriptor end;
    } * r;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_sethvmcontext};
    struct ctl_buf buf;
    int rc = ctl_buf_get(ctl, &buf, sizeof(*r));

    if (rc)
        return rc;
    r = buf.p;
    memset(r, 0, sizeof(*r));
    r->header_at = (struct hvm_save_descriptor){RECORD_HEADER, 0, sizeof(r->header)};
    r->header.magic = HVM_FILE_MAGIC;
    r->header.version = HVM_FILE_VERSION;
    r->cpu_at = (struct hvm_save_descriptor){RECORD_CPU, (uint16_t)vcpu, sizeof(r->cpu)};
    r->cpu = *cpu;
    r->end = (struct hvm_save_descriptor){RECORD_END, 0, 0};
    op.u.hvmcontext.size = sizeof(*r);
    set_xen_guest_handle(op.u.hvmcontext.buffer, buf.p);
    rc = ctl_domain_op(ctl, domid, &op, "given a vcpu's registers");
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_vcpu_info(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                  struct xen_domctl_getvcpuinfo *info)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getvcpuinfo};
    int rc;

    op.u.getvcpuinfo.vcpu = vcpu;
    rc = ctl_domain_op(ctl, domid, &op, "examined");
    if (rc == -ESRCH || rc == -EINVAL) /* Xen: EINVAL for a vcpu beyond the domain's maximum */
        rc = ctl_fail(ctl, ESRCH, "vcpu %u of domain %u cannot be examined: there is no such vcpu",
                      vcpu, domid);
    if (!rc)
        *info = op.u.getvcpuinfo;
    return rc;
}

/* Both directions: the buffer holds the hard map, then the soft one. */
static int vcpu_affinity(struct ctl *ctl, uint16_t domid, uint32_t vcpu, struct ctl_cpumap *hard,
                         struct ctl_cpumap *soft, bool set)
{
    struct xen_domctl op = {.cmd = set ? XEN_DOMCTL_setvcpuaffinity : XEN_DOMCTL_getvcpuaffinity};
    struct xen_domctl_vcpuaffinity *a = &op.u.vcpuaffinity;
    struct ctl_cpumap *maps;
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, 2 * sizeof(*maps));
    if (rc)
        return rc;
    maps = buf.p;
    memset(maps, 0, 2 * sizeof(*maps));
    a->vcpu = vcpu;
    /* Only the maps that the flags name are read or written. */
    a->flags = (hard ? XEN_VCPUAFFINITY_HARD : 0) | (soft ? XEN_VCPUAFFINITY_SOFT : 0);
    set_xen_guest_handle(a->cpumap_hard.bitmap, (uint8_t *)&maps[0]);
    set_xen_guest_handle(a->cpumap_soft.bitmap, (uint8_t *)&maps[1]);
    a->cpumap_hard.nr_bits = a->cpumap_soft.nr_bits = CTL_CPUMAP_CPUS;
    if (set && hard)
        maps[0] = *hard;
    if (set && soft)
        maps[1] = *soft;
    rc = ctl_domain_op(ctl, domid, &op, set ? "pinned to these CPUs" : "asked for its affinity");
    if (set && rc == -EINVAL)
        ctl_fail(ctl, EINVAL, "vcpu %u of domain %u cannot be pinned: none of these CPUs is online",
                 vcpu, domid);
    if (!rc && hard)
        *hard = maps[0];
    if (!rc && soft)
        *soft = maps[1];
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_vcpu_set_affinity(struct ctl *ctl, uint16_t domid, uint32_t vcpu, struct ctl_cpumap *hard,
                          struct ctl_cpumap *soft)
{
    return vcpu_affinity(ctl, domid, vcpu, hard, soft, true);
}

int ctl_vcpu_get_affinity(struct ctl *ctl, uint16_t domid, uint32_t vcpu, struct ctl_cpumap *hard,
                          struct ctl_cpumap *soft)
{
    return vcpu_affinity(ctl, domid, vcpu, hard, soft, false);
}

static int vcpu_sched(struct ctl *ctl, uint16_t domid, struct ctl_sched *sched, bool set)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_scheduler_op};
    struct xen_domctl_scheduler_op *s = &op.u.scheduler_op;
    int rc;

    rc = ctl_host_sched_id(ctl, &s->sched_id);
    if (rc)
        return rc;
    if (s->sched_id != XEN_SCHEDULER_CREDIT && s->sched_id != XEN_SCHEDULER_CREDIT2)
        return ctl_fail(ctl, EOPNOTSUPP, "the hypervisor's scheduler (%s) knows no weights",
                        ctl_host_sched_name(s->sched_id));
    s->cmd = set ? XEN_DOMCTL_SCHEDOP_putinfo : XEN_DOMCTL_SCHEDOP_getinfo;
    /* credit and credit2 have the same two fields in the same place. */
    if (set) {
        s->u.credit.weight = sched->weight;
        s->u.credit.cap = sched->cap;
    }
    rc = ctl_domain_op(ctl, domid, &op, set ? "given that share" : "asked for its share");
    if (!rc && !set) {
        sched->weight = s->u.credit.weight;
        sched->cap = s->u.credit.cap;
    }
    return rc;
}

int ctl_vcpu_get_sched(struct ctl *ctl, uint16_t domid, struct ctl_sched *sched)
{
    return vcpu_sched(ctl, domid, sched, false);
}

int ctl_vcpu_set_sched(struct ctl *ctl, uint16_t domid, const struct ctl_sched *sched)
{
    struct ctl_sched copy = *sched;

    return vcpu_sched(ctl, domid, &copy, true);
}

int ctl_vcpu_stats(struct ctl *ctl, uint16_t domid, uint32_t vcpu, bool reset, uint64_t *values,
                   unsigned int nr)
{
    struct lodge_sysctl_stats arg = {.version = LODGE_STATS_VERSION,
                                     .flags = reset ? LODGE_STATS_RESET : 0,
                                     .domain = domid,
                                     .vcpu = vcpu,
                                     .nr = nr};
    struct ctl_buf buf;
    int rc = ctl_buf_get(ctl, &buf, nr * sizeof(*values));

    if (rc)
        return rc;
    memset(buf.p, 0, nr * sizeof(*values));
    set_xen_guest_handle(arg.values, buf.p);
    rc = ctl_host_own_op(ctl, LODGE_SYSCTL_stats, &arg, sizeof(arg),
                         "the counters of vcpu %u of domain %u cannot be read", vcpu, domid);
    if (!rc)
        memcpy(values, buf.p, nr * sizeof(*values));
    ctl_buf_put(ctl, &buf);
    return rc;
}
