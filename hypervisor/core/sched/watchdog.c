/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two watchdogs a domain. A guest that stops winding the one it started is shut down with reason
 * "watchdog", and its toolstack decides what happens next.
 *
 * watchdog_inuse is under d->lock, bit n for watchdogs[n], whose number in the ABI is n + 1. A
 * watchdog that has run out stays in use. The handler takes no d->lock, so it may be held where a
 * timer is stopped, which waits for the handler.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/watchdog.h>
#include <public/errno.h>
#include <public/sched.h>
#include <x86/time.h>

#define WATCHDOGS ARRAY_SIZE(((struct domain *)0)->watchdogs)

static void watchdog_fired(void *data)
{
    struct domain *d = data;

    log_warn("d%u: its watchdog has run out", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

void watchdog_domain_init(struct domain *d)
{
    for (unsigned i = 0; i < WATCHDOGS; i++)
        timer_init(&d->watchdogs[i], watchdog_fired, d, 0);
}

void watchdog_domain_destroy(struct domain *d)
{
    for (unsigned i = 0; i < WATCHDOGS; i++)
        timer_kill(&d->watchdogs[i]);
}

int64_t watchdog_set(struct domain *d, uint32_t id, uint32_t timeout)
{
    int64_t rc = 0;

    if (id > WATCHDOGS) /* the guest's number: an index only after this */
        return -XEN_EINVAL;
    spin_lock(&d->lock);
    if (id == 0) {
        if (timeout == 0)
            rc = -XEN_EINVAL;
        while (rc == 0 && (d->watchdog_inuse & (1u << id)))
            if (++id == WATCHDOGS)
                rc = -XEN_ENOSPC;
        if (rc == 0) {
            d->watchdog_inuse |= 1u << id;
            rc = ++id; /* from index to number, as in the other case */
        }
    } else if (!(d->watchdog_inuse & (1u << (id - 1)))) {
        rc = -XEN_EINVAL;
    }
    if (rc >= 0 && timeout != 0) {
        timer_set(&d->watchdogs[id - 1], time_now() + SECONDS(timeout));
    } else if (rc >= 0) {
        timer_stop(&d->watchdogs[id - 1]);
        d->watchdog_inuse &= ~(1u << (id - 1));
    }
    spin_unlock(&d->lock);
    return rc;
}
