// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: connecting, disconnecting, and noticing that they have ended. A domain's page and port
 * come from the guest and the tools, so each can fail to be had at any time: then nothing of an
 * introduction stays, and one that was saved stays without a connection.
 */
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "domain.h"
#include "domain_ctl.h"
#include "log.h"
#include "quota.h"
#include "slots.h"
#include "state.h"
#include "watch.h"
#include "xendev.h"

#define RETRIES 100 /* of reconnecting a saved domain, 20 ms apart */

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

/* Known, and not connected yet. The slot is the caller's choice. */
static struct domain *new_domain(uint16_t domid, uint64_t mfn, uint32_t port, uint32_t slot,
                                 struct ring_slot *mem)
{
    struct domain *d = alloc_zero(sizeof(*d));

    *d = (struct domain){.domid = domid,
                         .target = NODES_NO_TARGET,
                         .mfn = mfn,
                         .port = port,
                         .local_port = -1,
                         .slot = slot};
    list_append(&domain_all, &d->link);
    by_domid[domid] = d;
    d->conn = conn_new_ring(d);
    d->conn->ring.slot = mem;
    return d;
}

/* The connection goes first: nothing may look at the ring when page and slot are given back. */
static void forget(struct domain *d)
{
    conn_free(d->conn);
    if (d->page) {
        xendev_unbind(d->local_port);
        if (d->domid)
            xendev_unmap_guest(d->page);
    }
    slots_free(d->slot);
    by_domid[d->domid] = NULL;
    list_remove(&d->link);
    free(d);
}

/*
 * Maps the page and binds to the port, or leaves the domain as it is and says what failed. dom0's
 * port is asked for: its kernel may have another since.
 */
static const char *attach(struct domain *d)
{
    void *page = d->domid ? xendev_map_guest(d->domid, d->mfn) : xendev_map_dom0(&d->port);
    int local;

    if (!page)
        return "cannot map its store page";
    local = xendev_bind(d->domid, d->port);
    if (local < 0) {
        if (d->domid)
            xendev_unmap_guest(page);
        return "cannot bind to its event channel";
    }
    d->local_port = local;
    d->page = page;
    return NULL;
}

/* A fresh connection. Nothing of the domain stays where it fails. */
static int connect_fresh(uint16_t domid, uint64_t mfn, uint32_t port)
{
    uint32_t slot;
    struct ring_slot *mem = slots_new(&slot);
    struct domain *d;
    const char *problem;

    if (!mem)
        return -ENOSPC;
    d = new_domain(domid, mfn, port, slot, mem);
    problem = attach(d);
    if (problem) {
        log_warn("domain %u: %s (frame %#llx, port %u)", domid, problem, (unsigned long long)mfn,
                 port);
        forget(d);
        return domid ? -EINVAL : -ENODEV;
    }
    ring_attach(&d->conn->ring, d->page, mem);
    /* What others can see (the record, the event) comes when nothing can fail any more. */
    state_introduce(d);
    conn_wake(d->conn);
    log_info("domain %u: introduced, port %u", domid, d->port);
    watch_fire_special(PATH_INTRODUCE);
    return 0;
}

/* One that was saved carries on where it stood. NULL, or what cannot be had. */
static const char *reconnect(struct domain *d)
{
    const char *problem = attach(d);

    if (problem)
        return problem;
    d->retries = 0;
    ring_resume(&d->conn->ring, d->page, d->conn->ring.slot);
    conn_wake(d->conn);
    log_info("domain %u: reconnected", d->domid);
    return NULL;
}

/*
 * Introduced again: the tools have made a new event channel; the page, where there is one, stays.
 */
static int introduce_again(struct domain *d, uint64_t mfn, uint32_t port)
{
    int local;

    if (d->page) {
        local = xendev_bind(d->domid, port);
        if (local < 0)
            return -EINVAL; /* the old channel goes on */
        xendev_unbind(d->local_port);
        d->local_port = local;
        d->port = port;
        conn_wake(d->conn);
    } else {
        d->mfn = mfn;
        d->port = port;
        if (reconnect(d))
            return -EINVAL;
    }
    d->shutdown = false;
    state_introduce(d);
    return 0;
}

int domain_introduce(uint16_t domid, uint64_t mfn, uint32_t port)
{
    struct domain *d = domain_find(domid);

    return d ? introduce_again(d, mfn, port) : connect_fresh(domid, mfn, port);
}

int domain_introduce_dom0(void)
{
    return connect_fresh(0, 0, 0);
}

void domain_set_target(struct domain *d, uint16_t target)
{
    d->target = target;
    d->conn->cred.target = target;
}

struct domain *domain_restore(uint16_t domid, uint64_t mfn, uint32_t port, uint32_t slot)
{
    struct ring_slot *mem = slots_at(slot);
    struct domain *d;

    if (!mem) {
        log_error("domain %u: the saved state names no usable slot", domid);
        return NULL;
    }
    d = new_domain(domid, mfn, port, slot, mem);
    d->retries = RETRIES;
    return d;
}

/*
 * The kernel may still be busy taking the dead daemon's mapping and event channel apart, so each
 * gets a few seconds until these can be had again. Nobody waits for that: a guest that has closed
 * its port has only itself without a store, and is known until its end.
 */
bool domain_reconnect_all(void)
{
    struct list_link *l;
    bool more = false;

    list_for_each (l, &domain_all) {
        struct domain *d = list_entry(l, struct domain, link);
        const char *problem;

        if (!d->retries)
            continue;
        d->retries--;
        problem = reconnect(d);
        if (problem && !d->retries)
            log_error("domain %u: %s; it has no store until it is introduced again", d->domid,
                      problem);
        more |= d->retries > 0;
    }
    return more;
}

int domain_release(uint16_t domid)
{
    struct domain *d = domain_find(domid);
    struct list_link *l;

    if (!d)
        return -ENOENT;
    log_info("domain %u: released", domid);
    forget(d);
    /* An id is used again some day: nobody may keep the rights of the one who had it. */
    list_for_each (l, &domain_all) {
        struct domain *other = list_entry(l, struct domain, link);

        if (other->target == domid)
            other->target = other->conn->cred.target = NODES_NO_TARGET;
    }
    nodes_purge(domid);
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
    nodes_save();
    state_commit();
    nodes_announce();
}
