/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a domain is, as the tools see it: one answer for domctl getdomaininfo, which asks for one
 * domain, and for sysctl getdomaininfolist, which asks for many. Nothing here changes anything.
 */
#include <core/control/domctl.h>
#include <core/control/sysctl.h>
#include <core/domain.h>
#include <core/preempt.h>
#include <lib/string.h>
#include <public/domctl.h>
#include <public/domctl_domain.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/uaccess.h>

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
        info->cpu_time += vcpu_run_time(v);
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

/*
 * What the tools see of d; it is held by the caller. Fields are read without locks while they
 * change (also by sysctl, beside a domctl): each is right at some moment, not all at the same one.
 */
static void info_fill(struct domain *d, struct xen_domctl_getdomaininfo *info)
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

/* The first domain at or above the number asked for; the caller compares. */
int64_t domctl_getdomaininfo(struct domain *none, struct xen_domctl *op)
{
    struct domain *d = domain_next(op->domain);

    if (d == NULL)
        return -XEN_ESRCH;
    info_fill(d, &op->u.getdomaininfo);
    op->domain = d->id;
    domain_put(d);
    return 0;
}

/*
 * One domain per pass, so that a thousand of them do not hold the CPU. The reference that
 * domain_next() gives lasts for the pass; going on by number needs none, whatever has gone since.
 */
int64_t sysctl_getdomaininfolist(struct xen_sysctl *sysctl)
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
        info_fill(d, &info);
        domain_put(d);
        if (copy_to_guest_at(op->buffer.p, n, &info) != 0)
            return -XEN_EFAULT;
        n++;
        preempt_point();
    }
    op->num_domains = n;
    return 0;
}
