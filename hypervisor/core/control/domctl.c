/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domctl: what the control domain does to one domain (interface 0x15). One operation at a time: a
 * second caller is sent back to the guest, to come again, and gives its CPU away meanwhile. So the
 * operations may be preempted in place without holding a lock.
 *
 * Each works on a copy of the argument; the copy goes back where the operation has an answer.
 *
 * Only the control domain gets here (HC_PRIV in the table of hypercalls). It is trusted with every
 * other domain, but not to know what it does to the hypervisor: numbers are checked, an operation
 * that would wait for the caller itself is refused, and that domains end while they are worked on
 * is the rule, not the exception. A reference is held meanwhile; a domain that is dying is found,
 * one that is dead only by getdomaininfo and destroydomain.
 */
#include <core/arch.h>
#include <core/control/bitmap_copy.h>
#include <core/console.h>
#include <core/control/domctl.h>
#include <core/domain.h>
#include <core/evtchn.h>
#include <core/frame.h>
#include <core/hypercall.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <x86/uaccess.h>

static uint32_t domctl_busy; /* atomic: 1 while an operation is at work */

/* XEN_DOMINF_*; also adds up what the vcpus have. Blocked: all that are up wait for an event. */
static uint32_t info_flags(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    uint32_t flags = 0;
    bool blocked = true;
    struct vcpu *v;

    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu (d, v) {
        struct vcpu_runstate_info rs;

        vcpu_runstate_get(v, &rs);
        info->cpu_time += rs.time[RUNSTATE_running];
        info->max_vcpu_id = v->id;
        if (v->sched.blocked_by & SCHED_DOWN)
            continue;
        info->nr_online_vcpus++;
        if (!(v->sched.blocked_by & SCHED_BLOCKED))
            blocked = false;
        if (v->sched.running)
            flags |= XEN_DOMINF_running;
    }
    if (blocked)
        flags |= XEN_DOMINF_blocked;
    if (d->state != DOM_ALIVE)
        flags |= XEN_DOMINF_dying;
    if (d->shut_down)
        flags |= XEN_DOMINF_shutdown;
    if (d->controller_pause_count != 0)
        flags |= XEN_DOMINF_paused;
    if (d->create_flags & XEN_DOMCTL_CDF_xs_domain)
        flags |= XEN_DOMINF_xs_domain;
    return flags | (d->shutdown_code & XEN_DOMINF_shutdownmask) << XEN_DOMINF_shutdownshift;
}

void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    const struct shared_info *shared = READ_ONCE(d->shared_info); /* d may be dying */

    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->flags = info_flags(d, info);
    info->tot_pages = d->tot_pages;
    info->max_pages = d->max_pages;
    info->outstanding_pages = d->claimed_pages;
    info->shared_info_frame = shared != NULL ? virt_to_mfn(shared).m : UINT64_MAX;
    info->ssidref = d->ssidref;
    info->gpaddr_bits = cpu_features.phys_bits;
    memcpy(info->handle, d->handle, sizeof(d->handle));
}

/* What a PV guest has no use for must be 0: a tool that asks for it should not be told it got it.
 */
static int64_t domctl_create(struct xen_domctl *op)
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
    };
    struct domain *d;
    int rc;

    if (c->flags & ~(XEN_DOMCTL_CDF_xs_domain | XEN_DOMCTL_CDF_s3_integrity)) {
        guest_refused("create flags %#x: only paravirtual guests", c->flags);
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

/* The first domain at or above the number asked for; the caller compares. */
static int64_t domctl_getdomaininfo(struct xen_domctl *op)
{
    struct domain *d = domain_next(op->domain);

    if (d == NULL)
        return -XEN_ESRCH;
    domctl_fill_info(d, &op->u.getdomaininfo);
    op->domain = d->id;
    domain_put(d);
    return 0;
}

/*
 * Counted apart from other pauses (shutdown has one, too), so that the control domain can undo its
 * own only. Bounded, so that it cannot wrap the common count. Waits until no vcpu is on a CPU.
 */
static int64_t domctl_pause(struct domain *d)
{
    if (__atomic_fetch_add(&d->controller_pause_count, 1, __ATOMIC_SEQ_CST) > 65535) {
        __atomic_fetch_sub(&d->controller_pause_count, 1, __ATOMIC_SEQ_CST);
        return -XEN_EBUSY;
    }
    domain_pause(d);
    return 0;
}

/* The first one ends the pause that every domain is made with: the builder is done. */
static int64_t domctl_unpause(struct domain *d)
{
    if (d->controller_pause_count == 0)
        return -XEN_EINVAL;
    __atomic_fetch_sub(&d->controller_pause_count, 1, __ATOMIC_SEQ_CST);
    d->creation_finished = true;
    domain_unpause(d);
    return 0;
}

static int64_t domctl_max_mem(struct domain *d, uint64_t kib)
{
    uint64_t pages = kib >> (PAGE_SHIFT - 10);

    if (pages > max_mfn && kib != UINT64_MAX)
        pages = MIN(pages, (uint64_t)INT64_MAX);
    spin_lock(&d->page_lock);
    d->max_pages = pages; /* may be below what it has: it gets no more then */
    spin_unlock(&d->page_lock);
    return 0;
}

/* Makes the vcpus that createdomain promised. */
static int64_t domctl_max_vcpus(struct domain *d, unsigned max)
{
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
static int64_t domctl_set_target(struct domain *d, domid_t id)
{
    struct domain *target = domain_get(id);
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

static int64_t domctl_settimeoffset(struct domain *d, int64_t seconds)
{
    if (seconds != (int32_t)seconds)
        return -XEN_EINVAL;
    d->time_offset_seconds = (int32_t)seconds;
    time_update_domain_wallclock(d);
    return 0;
}

/* What core does not know is a vcpu's, and what is not that either the architecture's. */
static int64_t domctl_of_domain(struct domain *d, struct xen_domctl *op, bool *copyback,
                                uint64_t arg)
{
    int64_t rc;

    switch (op->cmd) {
    case XEN_DOMCTL_pausedomain:
        return d == current->domain ? -XEN_EINVAL : domctl_pause(d);
    case XEN_DOMCTL_unpausedomain:
        return domctl_unpause(d);
    case XEN_DOMCTL_destroydomain:
        return d == current->domain || d->hardware ? -XEN_EINVAL : domain_destroy(d);
    case XEN_DOMCTL_max_mem:
        return domctl_max_mem(d, op->u.max_mem.max_memkb);
    case XEN_DOMCTL_max_vcpus:
        return domctl_max_vcpus(d, op->u.max_vcpus.max);
    case XEN_DOMCTL_setdomainhandle:
        memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
        return 0;
    case XEN_DOMCTL_setdebugging:
        return d == current->domain ? -XEN_EINVAL : 0;
    case XEN_DOMCTL_resumedomain:
        if (d == current->domain)
            return -XEN_EINVAL;
        domain_resume(d);
        return 0;
    case XEN_DOMCTL_subscribe:
        d->suspend_evtchn = op->u.subscribe.port;
        return 0;
    case XEN_DOMCTL_set_target:
        return domctl_set_target(d, op->u.set_target.target);
    case XEN_DOMCTL_set_virq_handler:
        return evtchn_set_virq_handler(d, op->u.set_virq_handler.virq);
    case XEN_DOMCTL_settimeoffset:
        return domctl_settimeoffset(d, op->u.settimeoffset.time_offset_seconds);
    case XEN_DOMCTL_setnodeaffinity:
        return 0; /* one node */
    case XEN_DOMCTL_getnodeaffinity:
        *copyback = true;
        return cpumask_to_guest(&op->u.nodeaffinity.nodemap, 1);
    case XEN_DOMCTL_scheduler_op:
        *copyback = true;
        return sched_domctl(d, &op->u.scheduler_op);
    default:
        rc = domctl_vcpu(d, op, copyback);
        return rc == -XEN_ENOSYS ? arch_domctl(d, op, copyback, arg) : rc;
    }
}

static int64_t domctl_run(struct xen_domctl *op, bool *copyback, uint64_t arg)
{
    struct domain *d;
    int64_t rc;

    switch (op->cmd) {
    case XEN_DOMCTL_createdomain:
        *copyback = true;
        return domctl_create(op);
    case XEN_DOMCTL_getdomaininfo:
        *copyback = true;
        return domctl_getdomaininfo(op);
    }
    /*
     * A dying domain is still there for the one who has to finish it, and for nobody else: what was
     * added to it would not be taken away again, and no pause stops its vcpus, so nobody may wait
     * for one. While this operation is at work no other can make it a dying one.
     */
    d = op->cmd == XEN_DOMCTL_destroydomain ? domain_get_any(op->domain) : domain_get(op->domain);
    if (d == NULL)
        return -XEN_ESRCH;
    rc = -XEN_ESRCH;
    if (op->cmd == XEN_DOMCTL_destroydomain || READ_ONCE(d->state) == DOM_ALIVE)
        rc = domctl_of_domain(d, op, copyback, arg);
    domain_put(d);
    return rc;
}

int64_t hc_domctl(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct xen_domctl op;
    bool copyback = false;
    int64_t rc;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -XEN_EACCES;
    if (__atomic_exchange_n(&domctl_busy, 1, __ATOMIC_ACQUIRE)) {
        vcpu_yield(); /* the one at work may be waiting for this CPU */
        return hypercall_restart(arg, 0, 0, 0);
    }
    rc = domctl_run(&op, &copyback, arg);
    __atomic_store_n(&domctl_busy, 0, __ATOMIC_RELEASE);
    domain_reap(); /* it may have been the end of one, and no lock is held here */

    if (rc == -XEN_ERESTART) {
        vcpu_yield(); /* the vcpu that has to get on, to its end or out of a call, may need the CPU
                       */
        return hypercall_restart(arg, 0, 0, 0);
    }
    if (rc < 0 && op.cmd != XEN_DOMCTL_set_cpu_policy) /* which says what was wrong */
        copyback = false;
    if (copyback && copy_to_guest(arg, &op, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (rc < 0)
        guest_refused("domctl %u on d%u: error %ld", op.cmd, op.domain, (long)-rc);
    return rc;
}
