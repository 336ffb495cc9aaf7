/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domctl: what the control domain does to one domain (interface 0x15). One operation at a time: a
 * second caller is sent back to the guest, to come again, and gives its CPU away meanwhile. So the
 * operations may be preempted in place without holding a lock.
 *
 * What is served, and what each operation may be done to, is in the table near the end; what is not
 * core's is in guest_domctls, or in the table of the domain's type. domctl_run() does what the
 * entry says, around its function.
 *
 * Only the control domain gets here (CONTROL in the table of hypercalls). It is trusted with
 * every other domain, but not to know what it does to the hypervisor: numbers are checked, and an
 * operation that would wait for the caller itself is refused. That a domain ends while it is worked
 * on is the rule, not the exception. A reference is held meanwhile. A dying domain is found by
 * those operations alone whose entry says so.
 */
#include <core/console.h>
#include <core/control.h>
#include <core/control/bitmap_copy.h>
#include <core/control/domctl.h>
#include <core/domain.h>
#include <core/evtchn.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/hypercalls.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/time.h>
#include <x86/uaccess.h>

static uint32_t domctl_busy; /* atomic: 1 while an operation is at work */

/*
 * XEN_DOMINF_* of d; adds up what its vcpus have, too. Blocked: all that are up wait for an event.
 */
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
    if (d->translated)
        flags |= XEN_DOMINF_hvm_guest | XEN_DOMINF_hap;
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

/* The first domain at or above the number asked for; the caller compares. */
static int64_t domctl_getdomaininfo(struct domain *none, struct xen_domctl *op)
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

/* There is one node. */
static int64_t domctl_getnodeaffinity(struct domain *d, struct xen_domctl *op)
{
    return cpumask_to_guest(&op->u.nodeaffinity.nodemap, 1);
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

static const struct domctl_entry domctls[NR_DOMCTLS] = {
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

/* NULL: not one of the table's. */
static const struct domctl_entry *domctl_of(const struct domctl_entry *table, uint32_t cmd)
{
    return cmd < NR_DOMCTLS && table[cmd].name != NULL ? &table[cmd] : NULL;
}

/* Changes nothing. e: NULL, not served. *v is set where the operation is one on a vcpu. */
static int64_t domctl_check(const struct domctl_entry *e, struct domain *d,
                            const struct xen_domctl *op, struct vcpu **v)
{
    uint32_t id;

    *v = NULL;
    if (READ_ONCE(d->state) != DOM_ALIVE && (e == NULL || !(e->flags & DOMCTL_DYING)))
        return -XEN_ESRCH;
    if (e == NULL)
        return -XEN_ENOSYS;
    if (e->vcpu_fn != NULL) {
        memcpy(&id, (const uint8_t *)op + e->vcpu_at, sizeof(id));
        *v = domain_vcpu(d, id);
        if (*v == NULL)
            return -XEN_ESRCH;
    }
    if (((e->flags & DOMCTL_NOT_SELF) && d == current->domain) ||
        ((e->flags & DOMCTL_NOT_CALLER) && *v == current))
        return -XEN_EINVAL;
    return 0;
}

/*
 * A dying domain is still there for the one who has to finish it, and for nobody else: what was
 * added to it would not be taken away again, and no pause stops its vcpus, so nobody may wait for
 * one. While this operation is at work no other can make it a dying one. *entry: NULL, it is in no
 * table but that of the domain's type, perhaps. *done: the function was called.
 */
static int64_t domctl_run(const struct domctl_entry **entry, struct xen_domctl *op, bool *done)
{
    const struct domctl_entry *e = *entry;
    unsigned flags = e != NULL ? e->flags : 0;
    struct domain *d;
    struct vcpu *v;
    int64_t rc;

    *done = (flags & DOMCTL_NO_DOMAIN) != 0;
    if (*done)
        return e->fn(NULL, op);
    d = flags & DOMCTL_DYING ? domain_get_any(op->domain) : domain_get(op->domain);
    if (d == NULL)
        return -XEN_ESRCH;
    if (e == NULL)
        *entry = e = domctl_of(d->type->domctls, op->cmd);
    rc = domctl_check(e, d, op, &v);
    *done = rc == 0;
    if (rc == 0)
        rc = v != NULL ? e->vcpu_fn(v, op) : e->fn(d, op);
    domain_put(d);
    return rc;
}

int64_t hc_domctl(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    const struct domctl_entry *e;
    struct xen_domctl op;
    unsigned answers;
    int64_t rc;
    bool done;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -XEN_EACCES;
    if (__atomic_exchange_n(&domctl_busy, 1, __ATOMIC_ACQUIRE)) {
        vcpu_yield(); /* the one at work may be waiting for this CPU */
        return hypercall_restart(arg, 0, 0, 0);
    }
    e = domctl_of(domctls, op.cmd);
    if (e == NULL)
        e = domctl_of(guest_domctls, op.cmd);
    rc = domctl_run(&e, &op, &done);
    __atomic_store_n(&domctl_busy, 0, __ATOMIC_RELEASE);
    domain_reap(); /* it may have been the end of one, and no lock is held here */

    if (rc == -XEN_ERESTART) {
        /* The vcpu that has to get on, to its end or out of a call, may need the CPU. */
        vcpu_yield();
        return hypercall_restart(arg, 0, 0, 0);
    }
    answers = DOMCTL_ANSWERS_ALWAYS | (rc >= 0 ? DOMCTL_ANSWERS : 0);
    if (done && (e->flags & answers) && copy_to_guest(arg, &op, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (rc < 0)
        guest_refused("domctl %u (%s) on d%u: error %ld", op.cmd,
                      e != NULL ? e->name : "not served", op.domain, (long)-rc);
    return rc;
}
