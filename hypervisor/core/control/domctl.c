/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domctl: what the control domain does to one domain (interface 0x15). The table at the end has
 * what core serves, and what each operation may be done to; how an operation comes to be called,
 * and what it may rely on, is in domctl_call.c. Operations on one vcpu are in domctl_vcpu.c, those
 * that only answer in domain_info.c.
 */
#include <core/console.h>
#include <core/control.h>
#include <core/control/domctl.h>
#include <core/domain.h>
#include <core/evtchn.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/arch.h>
#include <public/domctl.h>
#include <public/domctl_domain.h>
#include <public/errno.h>
#include <x86/time.h>

/*
 * What a PV guest has no use for must be 0: a tool that asks for it should not be told it got it.
 */
static int64_t domctl_createdomain(struct domain *none, struct xen_domctl *op)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    struct domain_config cfg = {
        .id = op->domain == 0 || op->domain >= NR_DOMIDS ? DOMID_INVALID : op->domain,
        .max_vcpus = c->max_vcpus,
        .max_evtchns = c->max_evtchn_port,
        .max_grant_frames = c->max_grant_frames < 0 ? boot_options.max_gnttab_frames
                                                    : (unsigned)c->max_grant_frames,
        .max_maptrack_frames = c->max_maptrack_frames < 0 ? boot_options.max_maptrack_frames
                                                          : (unsigned)c->max_maptrack_frames,
        .grant_version = c->grant_opts & 0xf,
        .ssidref = c->ssidref,
        .domctl_flags = c->flags,
        .type = guest_type_find(c->flags),
    };
    struct domain *d;
    int rc;

    if (cfg.type == NULL || (c->flags & ~(XEN_DOMCTL_CDF_xs_domain | XEN_DOMCTL_CDF_s3_integrity |
                                          cfg.type->create_flags)) != 0) {
        guest_refused("create flags %#x: paravirtual, or hvm with hap", c->flags);
        return -XEN_EOPNOTSUPP;
    }
    if (c->max_vcpus == 0 || c->max_vcpus > MAX_VCPUS || c->cpupool_id != 0 || c->iommu_opts != 0 ||
        (c->grant_opts & ~0xfu) != 0 || cfg.grant_version > 2 || c->arch.emulation_flags != 0 ||
        (c->arch.misc_flags & ~XEN_X86_MISC_FLAGS_MAX) != 0)
        return -XEN_EINVAL;
    memcpy(cfg.handle, c->handle, sizeof(cfg.handle));
    rc = domain_create(&cfg, &d);
    if (rc != 0)
        return rc;
    op->domain = d->id;
    return 0;
}

/*
 * Counted apart from other pauses (shutdown has one, too): the control domain can undo its own
 * only. Bounded, so that it cannot wrap the common count. Waits until no vcpu is on a CPU.
 */
static int64_t domctl_pausedomain(struct domain *d, struct xen_domctl *op)
{
    if (__atomic_fetch_add(&d->controller_pause_count, 1, __ATOMIC_SEQ_CST) > 65535) {
        __atomic_fetch_sub(&d->controller_pause_count, 1, __ATOMIC_SEQ_CST);
        return -XEN_EBUSY;
    }
    domain_pause(d);
    return 0;
}

/* The first one ends the pause that every domain is made with: the builder is done. */
static int64_t domctl_unpausedomain(struct domain *d, struct xen_domctl *op)
{
    if (d->controller_pause_count == 0)
        return -XEN_EINVAL;
    __atomic_fetch_sub(&d->controller_pause_count, 1, __ATOMIC_SEQ_CST);
    d->creation_finished = true;
    domain_unpause(d);
    return 0;
}

static int64_t domctl_max_mem(struct domain *d, struct xen_domctl *op)
{
    uint64_t kib = op->u.max_mem.max_memkb, pages = kib >> (PAGE_SHIFT - 10);

    if (pages > max_mfn && kib != UINT64_MAX)
        pages = MIN(pages, (uint64_t)INT64_MAX);
    spin_lock(&d->page_lock);
    d->max_pages = pages; /* may be below what it has: it gets no more then */
    spin_unlock(&d->page_lock);
    return 0;
}

/* Makes the vcpus that createdomain promised. */
static int64_t domctl_max_vcpus(struct domain *d, struct xen_domctl *op)
{
    unsigned max = op->u.max_vcpus.max;

    if (max == 0 || max != d->max_vcpus)
        return -XEN_EINVAL;
    for (unsigned i = 0; i < max; i++) {
        if (d->vcpus[i] == NULL && vcpu_create(d, i) == NULL)
            return -XEN_ENOMEM;
        preempt_point();
    }
    return 0;
}

/*
 * The id is kept, not a reference: domain_get_target() looks the domain up each time. It is set
 * while there is a reference, so that the end of the target, which takes it away, comes after it.
 */
static int64_t domctl_set_target(struct domain *d, struct xen_domctl *op)
{
    struct domain *target = domain_get(op->u.set_target.target);
    int64_t rc = -XEN_EINVAL;

    if (target == NULL)
        return -XEN_ESRCH;
    if (target != d) {
        WRITE_ONCE(d->target, target->id);
        rc = 0;
    }
    domain_put(target);
    return rc;
}

static int64_t domctl_settimeoffset(struct domain *d, struct xen_domctl *op)
{
    int64_t seconds = op->u.settimeoffset.time_offset_seconds;

    if (seconds != (int32_t)seconds)
        return -XEN_EINVAL;
    d->time_offset_seconds = (int32_t)seconds;
    time_update_domain_wallclock(d);
    return 0;
}

static int64_t domctl_destroydomain(struct domain *d, struct xen_domctl *op)
{
    return d->hardware ? -XEN_EINVAL : domain_destroy(d);
}

static int64_t domctl_resumedomain(struct domain *d, struct xen_domctl *op)
{
    domain_resume(d);
    return 0;
}

static int64_t domctl_setdomainhandle(struct domain *d, struct xen_domctl *op)
{
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    return 0;
}

static int64_t domctl_subscribe(struct domain *d, struct xen_domctl *op)
{
    d->suspend_evtchn = op->u.subscribe.port;
    return 0;
}

static int64_t domctl_set_virq_handler(struct domain *d, struct xen_domctl *op)
{
    return evtchn_set_virq_handler(d, op->u.set_virq_handler.virq);
}

static int64_t domctl_scheduler_op(struct domain *d, struct xen_domctl *op)
{
    return sched_domctl(d, &op->u.scheduler_op);
}

/* Taken, and nothing follows from it: any setting is as good as how things are. */
static int64_t domctl_accepted(struct domain *d, struct xen_domctl *op)
{
    return 0;
}

const struct domctl_entry core_domctls[NR_DOMCTLS] = {
    DOMCTL(XEN_DOMCTL_createdomain, domctl_createdomain, DOMCTL_NO_DOMAIN | DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_destroydomain, domctl_destroydomain, DOMCTL_NOT_SELF | DOMCTL_DYING),
    DOMCTL(XEN_DOMCTL_pausedomain, domctl_pausedomain, DOMCTL_NOT_SELF),
    DOMCTL(XEN_DOMCTL_unpausedomain, domctl_unpausedomain, 0),
    DOMCTL(XEN_DOMCTL_getdomaininfo, domctl_getdomaininfo, DOMCTL_NO_DOMAIN | DOMCTL_ANSWERS),
    DOMCTL_VCPU(XEN_DOMCTL_setvcpuaffinity, domctl_setvcpuaffinity, vcpuaffinity, 0),
    DOMCTL(XEN_DOMCTL_max_mem, domctl_max_mem, 0),
    DOMCTL_VCPU(XEN_DOMCTL_setvcpucontext, domctl_setvcpucontext, vcpucontext, DOMCTL_NOT_SELF),
    DOMCTL_VCPU(XEN_DOMCTL_getvcpucontext, domctl_getvcpucontext, vcpucontext, DOMCTL_NOT_CALLER),
    DOMCTL_VCPU(XEN_DOMCTL_getvcpuinfo, domctl_getvcpuinfo, getvcpuinfo, DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_max_vcpus, domctl_max_vcpus, 0),
    DOMCTL(XEN_DOMCTL_scheduler_op, domctl_scheduler_op, DOMCTL_ANSWERS),
    DOMCTL(XEN_DOMCTL_setdomainhandle, domctl_setdomainhandle, 0),
    DOMCTL(XEN_DOMCTL_setdebugging, domctl_accepted, DOMCTL_NOT_SELF),
    DOMCTL(XEN_DOMCTL_settimeoffset, domctl_settimeoffset, 0),
    DOMCTL_VCPU(XEN_DOMCTL_getvcpuaffinity, domctl_getvcpuaffinity, vcpuaffinity, 0),
    DOMCTL(XEN_DOMCTL_resumedomain, domctl_resumedomain, DOMCTL_NOT_SELF),
    DOMCTL_VCPU(XEN_DOMCTL_sendtrigger, domctl_sendtrigger, sendtrigger, 0),
    DOMCTL(XEN_DOMCTL_subscribe, domctl_subscribe, 0),
    DOMCTL(XEN_DOMCTL_set_target, domctl_set_target, 0),
    DOMCTL(XEN_DOMCTL_set_virq_handler, domctl_set_virq_handler, 0),
    DOMCTL(XEN_DOMCTL_setnodeaffinity, domctl_accepted, 0),
    DOMCTL(XEN_DOMCTL_getnodeaffinity, domctl_getnodeaffinity, DOMCTL_ANSWERS),
};
