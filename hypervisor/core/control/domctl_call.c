/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercall domctl: from its argument to an entry of a table, and back. One operation at a
 * time: a second caller is sent back to the guest, to come again, and gives its CPU away meanwhile.
 * So the operations may be preempted in place without holding a lock.
 *
 * What core serves is in the table of domctl.c; the rest is in guest_domctls, or in the table of
 * the domain's type. domctl_run() does what the entry says, around its function.
 *
 * Only the control domain gets here (CONTROL in the table of hypercalls). It is trusted with
 * every other domain, but not to know what it does to the hypervisor: numbers are checked, and an
 * operation that would wait for the caller itself is refused. That a domain ends while it is worked
 * on is the rule, not the exception. A reference is held meanwhile. A dying domain is found by
 * those operations alone whose entry says so.
 */
#include <core/console.h>
#include <core/control/domctl.h>
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <public/domctl.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

static uint32_t domctl_busy; /* atomic: 1 while an operation is at work */

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
    e = domctl_of(core_domctls, op.cmd);
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
