// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains that the store knows: introduced by the tools (or by the daemon, for dom0), with a ring
 * page and an event channel, until they are released or the hypervisor says that they are gone.
 */
#ifndef XENSTORED_DOMAIN_H
#define XENSTORED_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"

/*
 * It is connected where it has a page: then local_port is bound as well, and its ring is served.
 * Only one that was saved can be without, after a restart. What of it the journal keeps is domid,
 * mfn, port, slot, target and shutdown.
 */
struct domain {
    struct list_link link; /* in domain_all */
    uint16_t domid;
    bool shutdown;        /* its shutdown has been announced */
    int32_t target;       /* as conn->cred.target: the domain that it serves, or NODES_NO_TARGET */
    uint64_t mfn;         /* of the ring page, as the tools said; 0 for dom0 */
    uint32_t port;        /* the domain's end of the event channel */
    int local_port;       /* ours, or -1 without a page */
    uint32_t slot;        /* its place in the file of ring slots */
    void *page;           /* the ring page; of dom0 it is mapped for as long as the daemon lives */
    unsigned int retries; /* how often connecting it is still to be tried */
    struct conn *conn;    /* owned; its ring has the slot from the start */
};

extern struct list_link domain_all;

void domain_init(void);
/* NULL where the domain is not introduced. Good until the domain is released. */
struct domain *domain_find(uint16_t domid);

/*
 * Connects the domain. 0, -EINVAL where page or port cannot be had, -ENOSPC without a slot. One
 * that is known gets the new port, and keeps stream and watches, and its page where it has one.
 */
int domain_introduce(uint16_t domid, uint64_t mfn, uint32_t port);

/*
 * Disconnects it and removes what it owned: its nodes with all below them, and its name in the
 * permissions of others. Frees its connection, so not for the one that is being served. 0 or
 * -ENOENT.
 */
int domain_release(uint16_t domid);

/* Connects dom0's own kernel. 0, or -errno where there is no hypervisor to be dom0 of. */
int domain_introduce_dom0(void);

/* The domain starts to serve the target, with the target's rights. Not saved here. */
void domain_set_target(struct domain *d, uint16_t target);

/*
 * A domain found in the saved state, not connected yet: its rights, watches and transactions are
 * to be restored first. NULL where the slot cannot be, which only a damaged state names.
 */
struct domain *domain_restore(uint16_t domid, uint64_t mfn, uint32_t port, uint32_t slot);

/* Tries to connect those restored. True: some are left, to be tried again a moment later. */
bool domain_reconnect_all(void);

/* Looks which domains have shut down or died, and tells the watchers. */
void domain_reap(void);

/* An event has come in on our end of a channel. */
void domain_event(uint32_t local_port);
void domain_notify(struct domain *d);

#endif
