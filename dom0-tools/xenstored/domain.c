// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: connecting, disconnecting, and noticing that they have ended. A domain's page and port
 * come from the guest and the tools, so each can fail to be had at any time; then nothing of the
 * introduction stays.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "domain.h"
#include "domain_ctl.h"
#include "log.h"
#include "quota.h"
#include "slots.h"
#include "state.h"
#include "watch.h"
#include "xendev.h"

#define RESTORE_TRIES 100
#define RESTORE_PAUSE 20000 /* microseconds */

struct list_link domain_all;
static struct domain *by_domid[QUOTA_DOMIDS];

void domain_init(void)
{
    list_init(&domain_all);
}

struct domain *domain_find(uint16_t domid)
{
    return domid < QUOTA_DOMIDS ? by_domid[domid] : NULL;
}

void domain_notify(struct domain *d)
{
    xendev_notify(d->local_port);
}

void domain_event(uint32_t local_port)
{
    struct list_link *l;

    list_for_each (l, &domain_all) {
        struct domain *d = list_entry(l, struct domain, link);

        if (d->local_port == (int)local_port) {
            conn_wake(d->conn);
            return;
        }
    }
}

/* Everything but the connection itself: page, port, a slot that the caller chose. */
static struct domain *attach(uint16_t domid, uint64_t mfn, uint32_t port, void *page)
{
    int local = xendev_bind(domid, port);
    struct domain *d;

    if (local < 0) {
        log_warn("domain %u: cannot bind to its event channel %u: error %d", domid, port, -local);
        return NULL;
    }
    d = alloc_zero(sizeof(*d));
    *d = (struct domain){.domid = domid,
                         .target = STORE_NO_TARGET,
                         .mfn = mfn,
                         .port = port,
                         .local_port = local,
                         .page = page};
    list_append(&domain_all, &d->link);
    by_domid[domid] = d;
    d->conn = conn_new_ring(d);
    return d;
}

/* The connection goes first: nothing may look at the ring when page and slot are given back. */
static void detach(struct domain *d)
{
    conn_free(d->conn);
    xendev_unbind(d->local_port);
    if (d->domid)
        xendev_unmap_guest(d->page);
    slots_free(d->slot);
    by_domid[d->domid] = NULL;
    list_remove(&d->link);
    free(d);
}

/* A fresh connection on a page that is mapped. Takes the page over only on success. */
static int connect_fresh(uint16_t domid, uint64_t mfn, uint32_t port, void *page)
{
    /*
     * The order: slot and port can fail and are easily given back; what others can see (the
     * record, the event) comes when nothing can fail any more.
     */
    uint32_t slot;
    struct ring_slot *mem = slots_new(&slot);
    struct domain *d;

    if (!mem)
        return -ENOSPC;
    d = attach(domid, mfn, port, page);
    if (!d) {
        slots_free(slot);
        return -EINVAL;
    }
    d->slot = slot;
    ring_attach(&d->conn->ring, page, mem);
    state_introduce(d);
    conn_wake(d->conn);
    log_info("domain %u: introduced, port %u", domid, port);
    watch_fire_special(PATH_INTRODUCE);
    return 0;
}

int domain_introduce(uint16_t domid, uint64_t mfn, uint32_t port)
{
    struct domain *d = domain_find(domid);
    void *page;
    int rc, local;

    if (!d) {
        page = xendev_map_guest(domid, mfn);
        if (!page) {
            log_warn("domain %u: cannot map its store page (frame %#llx)", domid,
                     (unsigned long long)mfn);
            return -EINVAL;
        }
        rc = connect_fresh(domid, mfn, port, page);
        if (rc)
            xendev_unmap_guest(page);
        return rc;
    }
    /* Introduced again: the tools have made a new event channel, the page stays. */
    local = xendev_bind(domid, port);
    if (local < 0)
        return -EINVAL; /* the old channel goes on */
    xendev_unbind(d->local_port);
    d->local_port = local;
    d->port = port;
    d->shutdown = false;
    state_introduce(d);
    conn_wake(d->conn);
    return 0;
}

int domain_introduce_dom0(void)
{
    uint32_t port;
    void *page = xendev_map_dom0(&port);

    if (!page)
        return -ENODEV;
    return connect_fresh(0, 0, port, page);
}

void domain_set_target(struct domain *d, uint16_t target)
{
    d->target = target;
    d->conn->cred.target = target;
}

/* Maps and binds anew. dom0's port is asked for: its kernel may have another since. */
static struct domain *reattach(uint16_t domid, uint64_t mfn, uint32_t port)
{
    void *page = domid ? xendev_map_guest(domid, mfn) : xendev_map_dom0(&port);
    struct domain *d = page ? attach(domid, mfn, port, page) : NULL;

    if (page && !d && domid)
        xendev_unmap_guest(page);
    return d;
}

/*
 * The kernel may still be busy taking the dead daemon's mapping and event channel apart, so a
 * domain that lives gets a few seconds until these can be had again.
 */
int domain_restore(uint16_t domid, uint64_t mfn, uint32_t port, uint32_t slot)
{
    struct ring_slot *mem = slots_at(slot);
    struct domain *d = NULL;

    if (!mem) {
        log_error("domain %u: the saved state names no usable slot", domid);
        return -EINVAL;
    }
    for (int tries = 0; tries < RESTORE_TRIES; tries++) {
        if (domid && domain_ctl_state(domid) == DOMAIN_CTL_GONE) {
            log_info("domain %u: gone while no xenstored was running", domid);
            return -ESRCH;
        }
        d = reattach(domid, mfn, port);
        if (d)
            break;
        usleep(RESTORE_PAUSE);
    }
    if (!d) {
        log_error("domain %u: cannot be reconnected, although it lives", domid);
        slots_free(slot);
        return -EIO;
    }
    d->slot = slot;
    ring_resume(&d->conn->ring, d->page, mem);
    return 0;
}

int domain_release(uint16_t domid)
{
    struct domain *d = domain_find(domid);
    struct list_link *l;

    if (!d)
        return -ENOENT;
    log_info("domain %u: released", domid);
    detach(d);
    /* An id is used again some day: nobody may keep the rights of the one who had it. */
    list_for_each (l, &domain_all) {
        struct domain *other = list_entry(l, struct domain, link);

        if (other->target == domid)
            other->target = other->conn->cred.target = STORE_NO_TARGET;
    }
    store_purge(domid);
    state_release(domid);
    watch_fire_special(PATH_RELEASE);
    return 0;
}

void domain_reap(void)
{
    struct list_link *l, *next;

    for (l = domain_all.next; l != &domain_all; l = next) {
        struct domain *d = list_entry(l, struct domain, link);
        enum domain_ctl_state state;

        next = l->next; /* d may be gone after this */
        if (!d->domid)
            continue;
        state = domain_ctl_state(d->domid);
        if (state == DOMAIN_CTL_GONE) {
            domain_release(d->domid);
        } else if (state == DOMAIN_CTL_SHUTDOWN && !d->shutdown) {
            d->shutdown = true;
            log_info("domain %u: has shut down", d->domid);
            state_shutdown(d->domid, true);
            watch_fire_special(PATH_RELEASE);
        }
    }
    store_save();
    state_commit();
    store_announce();
}
