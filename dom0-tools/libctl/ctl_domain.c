// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains as wholes: their life, their limits, their rights. Each function is one domctl or sysctl;
 * ctl_domain_op() is where their errors get words.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <public/hypercalls.h>
#include <string.h>

#include <public/domctl.h>
#include <public/hvm_op.h>
#include <public/sched.h>
#include <public/sysctl.h>

int ctl_domain_op(struct ctl *ctl, uint16_t domid, struct xen_domctl *op, const char *what)
{
    int rc;

    op->domain = domid;
    rc = ctl_domctl(ctl, op);
    if (rc < 0 && rc != -EACCES) /* for EACCES ctl_domctl() has found words */
        ctl_fail(ctl, -rc, "domain %u cannot be %s: %s", domid, what, ctl_reason(-rc));
    return rc;
}

int ctl_domain_create(struct ctl *ctl, const struct xen_domctl_createdomain *cfg, uint16_t *domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain, .domain = *domid};
    int rc;

    op.u.createdomain = *cfg;
    rc = ctl_domctl(ctl, &op);
    if (rc == -EEXIST)
        return ctl_fail(ctl, EEXIST, "a domain with the id %u exists already", *domid);
    if (rc < 0)
        return rc == -EACCES ? rc
                             : ctl_fail(ctl, -rc, "no domain can be created: %s", ctl_reason(-rc));
    *domid = op.domain;
    return 0;
}

int ctl_domain_destroy(struct ctl *ctl, uint16_t domid)
{
    struct xen_domctl op;
    int rc;

    /* A large domain is torn down piece by piece: the hypervisor asks to be called again. */
    do {
        op = (struct xen_domctl){.cmd = XEN_DOMCTL_destroydomain, .domain = domid};
        rc = ctl_domctl(ctl, &op);
    } while (rc == -EAGAIN || rc == -EINTR);
    if (rc < 0 && rc != -EACCES)
        ctl_fail(ctl, -rc, "domain %u cannot be destroyed: %s", domid, ctl_reason(-rc));
    return rc;
}

int ctl_domain_pause(struct ctl *ctl, uint16_t domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_pausedomain};

    return ctl_domain_op(ctl, domid, &op, "paused");
}

int ctl_domain_unpause(struct ctl *ctl, uint16_t domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_unpausedomain};

    return ctl_domain_op(ctl, domid, &op, "unpaused");
}

int ctl_domain_shutdown(struct ctl *ctl, uint16_t domid, unsigned int reason)
{
    struct sched_remote_shutdown arg = {.domain_id = domid, .reason = reason};
    long rc =
        ctl_hypercall_buf(ctl, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &arg, sizeof(arg));

    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "domain %u cannot be shut down: %s", domid,
                        ctl_reason((int)-rc));
    return 0;
}

int ctl_domain_info(struct ctl *ctl, uint16_t domid, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo};
    int rc = ctl_domain_op(ctl, domid, &op, "examined");

    if (rc)
        return rc;
    /* Older hypervisors answer with the next higher domain when there is none with this id. */
    if (op.u.getdomaininfo.domain != domid)
        return ctl_fail(ctl, ESRCH, "domain %u cannot be examined: %s", domid, ctl_reason(ESRCH));
    *info = op.u.getdomaininfo;
    return 0;
}

int ctl_domain_list(struct ctl *ctl, uint16_t first, unsigned int max,
                    struct xen_domctl_getdomaininfo *info)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist};
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, max * sizeof(*info));
    if (rc)
        return rc;
    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = max;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, buf.p);
    rc = ctl_sysctl(ctl, &op);
    if (rc >= 0) {
        unsigned int n = op.u.getdomaininfolist.num_domains;

        rc = (int)(n < max ? n : max);
        memcpy(info, buf.p, (size_t)rc * sizeof(*info));
    } else if (rc != -EACCES) {
        ctl_fail(ctl, -rc, "the domains cannot be listed: %s", ctl_reason(-rc));
    }
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_domain_max_mem(struct ctl *ctl, uint16_t domid, uint64_t kib)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_mem};

    op.u.max_mem.max_memkb = kib;
    return ctl_domain_op(ctl, domid, &op, "given that much memory");
}

int ctl_domain_max_vcpus(struct ctl *ctl, uint16_t domid, unsigned int max)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_vcpus};

    op.u.max_vcpus.max = max;
    return ctl_domain_op(ctl, domid, &op, "given its vcpus");
}

int ctl_domain_set_uuid(struct ctl *ctl, uint16_t domid, const uint8_t uuid[16])
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setdomainhandle};

    memcpy(op.u.setdomainhandle.handle, uuid, 16);
    return ctl_domain_op(ctl, domid, &op, "given its UUID");
}

int ctl_domain_hypercall_page(struct ctl *ctl, uint16_t domid, uint64_t mfn)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_hypercall_init};

    op.u.hypercall_init.gmfn = mfn;
    return ctl_domain_op(ctl, domid, &op, "given its hypercall page");
}

int ctl_domain_set_param(struct ctl *ctl, uint16_t domid, uint32_t index, uint64_t value)
{
    struct xen_hvm_param arg = {.domid = domid, .index = index, .value = value};
    long rc = ctl_hypercall_buf(ctl, __HYPERVISOR_hvm_op, HVMOP_set_param, &arg, sizeof(arg));

    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "domain %u cannot be given its parameter %u: %s", domid,
                        index, ctl_reason((int)-rc));
    return 0;
}

int ctl_domain_set_tsc_mode(struct ctl *ctl, uint16_t domid, uint32_t mode)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_settscinfo};

    op.u.tsc_info.tsc_mode = mode;
    return ctl_domain_op(ctl, domid, &op, "given its TSC mode");
}

int ctl_domain_set_time_offset(struct ctl *ctl, uint16_t domid, int64_t seconds)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_settimeoffset};

    op.u.settimeoffset.time_offset_seconds = seconds;
    return ctl_domain_op(ctl, domid, &op, "given its clock's offset");
}

int ctl_domain_ioports(struct ctl *ctl, uint16_t domid, uint32_t first, uint32_t nr, bool allow)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_ioport_permission};

    op.u.ioport_permission.first_port = first;
    op.u.ioport_permission.nr_ports = nr;
    op.u.ioport_permission.allow_access = allow;
    return ctl_domain_op(ctl, domid, &op, allow ? "given I/O ports" : "deprived of I/O ports");
}

int ctl_domain_iomem(struct ctl *ctl, uint16_t domid, uint64_t mfn, uint64_t nr, bool allow)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_iomem_permission};

    op.u.iomem_permission.first_mfn = mfn;
    op.u.iomem_permission.nr_mfns = nr;
    op.u.iomem_permission.allow_access = allow;
    return ctl_domain_op(ctl, domid, &op,
                         allow ? "given device memory" : "deprived of device memory");
}

int ctl_domain_irq(struct ctl *ctl, uint16_t domid, uint32_t pirq, bool allow)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_irq_permission};

    op.u.irq_permission.pirq = pirq;
    op.u.irq_permission.allow_access = allow;
    return ctl_domain_op(ctl, domid, &op,
                         allow ? "given an interrupt" : "deprived of an interrupt");
}

int ctl_domain_trigger(struct ctl *ctl, uint16_t domid, uint32_t trigger, uint32_t vcpu)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_sendtrigger};

    op.u.sendtrigger.trigger = trigger;
    op.u.sendtrigger.vcpu = vcpu;
    return ctl_domain_op(ctl, domid, &op, "sent that trigger");
}

int ctl_domain_get_cpu_policy(struct ctl *ctl, uint16_t domid, void *leaves, uint32_t *nr_leaves,
                              void *msrs, uint32_t *nr_msrs)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_cpu_policy};
    size_t leaves_size = *nr_leaves * sizeof(xen_cpuid_leaf_t);
    size_t msrs_size = *nr_msrs * sizeof(xen_msr_entry_t);
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, leaves_size + msrs_size);
    if (rc)
        return rc;
    op.u.cpu_policy.nr_leaves = *nr_leaves;
    op.u.cpu_policy.nr_msrs = *nr_msrs;
    set_xen_guest_handle(op.u.cpu_policy.leaves, buf.p);
    set_xen_guest_handle(op.u.cpu_policy.msrs, (void *)((uint8_t *)buf.p + leaves_size));
    rc = ctl_domain_op(ctl, domid, &op, "asked for its CPU policy");
    if (!rc) {
        *nr_leaves = op.u.cpu_policy.nr_leaves;
        *nr_msrs = op.u.cpu_policy.nr_msrs;
        memcpy(leaves, buf.p, *nr_leaves * sizeof(xen_cpuid_leaf_t));
        memcpy(msrs, (uint8_t *)buf.p + leaves_size, *nr_msrs * sizeof(xen_msr_entry_t));
    }
    ctl_buf_put(ctl, &buf);
    return rc;
}

int ctl_domain_set_cpu_policy(struct ctl *ctl, uint16_t domid, const void *leaves,
                              uint32_t nr_leaves, const void *msrs, uint32_t nr_msrs)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_set_cpu_policy};
    size_t leaves_size = nr_leaves * sizeof(xen_cpuid_leaf_t);
    size_t msrs_size = nr_msrs * sizeof(xen_msr_entry_t);
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, leaves_size + msrs_size);
    if (rc)
        return rc;
    memcpy(buf.p, leaves, leaves_size);
    memcpy((uint8_t *)buf.p + leaves_size, msrs, msrs_size);
    op.u.cpu_policy.nr_leaves = nr_leaves;
    op.u.cpu_policy.nr_msrs = nr_msrs;
    set_xen_guest_handle(op.u.cpu_policy.leaves, buf.p);
    set_xen_guest_handle(op.u.cpu_policy.msrs, (void *)((uint8_t *)buf.p + leaves_size));
    rc = ctl_domain_op(ctl, domid, &op, "given that CPU policy");
    ctl_buf_put(ctl, &buf);
    if (rc == -EINVAL)
        ctl_fail(ctl, EINVAL,
                 "domain %u cannot be given that CPU policy: refused at leaf %#x.%#x or MSR %#x",
                 domid, op.u.cpu_policy.err_leaf, op.u.cpu_policy.err_subleaf,
                 op.u.cpu_policy.err_msr);
    return rc;
}
