// SPDX-License-Identifier: GPL-2.0-only
/*
 * domain.h: a guest's life as the tools see it: create, find, rename, destroy.
 *
 * A guest exists in four places that the library keeps in step: the hypervisor, xenstore, the name
 * index below /lodge/names, and the saved config under the state directory.
 */
#ifndef LODGE_DOMAIN_H
#define LODGE_DOMAIN_H

#include "domcfg.h"
#include "session.h"

/* --- create.c ------------------------------------------------------------------------------- */

/*
 * Builds the guest and all of its entries; it stays paused. If anything fails nothing is left.
 * `restarts` is remembered for the monitor's guard against restart loops. A config without a uuid
 * gets one. -EEXIST: the name, or the uuid, is another guest's; -EBUSY: somebody is just making
 * one with this uuid. Signals wait until it is over.
 */
int lodge_domain_create(struct lodge_session *l, struct domcfg *dc, unsigned restarts,
                        uint16_t *domid);

/* Lets a guest run that has been created. If somebody has destroyed it meanwhile, that is said. */
int lodge_domain_start(struct lodge_session *l, const struct domcfg *dc, uint16_t domid);

/* Takes a guest away that has just been made; the message stays the one of what went wrong. */
void lodge_domain_undo(struct lodge_session *l, const struct domcfg *dc, uint16_t domid);

/* --- end.c ---------------------------------------------------------------------------------- */

/*
 * Kills the guest and removes its entries from everywhere, the saved config first of all. Its
 * back-ends get some seconds to close.
 */
int lodge_domain_destroy(struct lodge_session *l, uint16_t domid);
/* The rest of a destruction, behind the saved config's removal; the domain may be gone already. */
int lodge_domain_finish_destroy(struct lodge_session *l, uint16_t domid, const uint8_t uuid[16]);

/*
 * Removes the nodes that a guest has left in xenstore whose domain is gone; by its number or name.
 * -ESRCH where there are none, with the message of lodge_domain_find().
 */
int lodge_domain_remove_left(struct lodge_session *l, const char *who);

/* --- find.c --------------------------------------------------------------------------------- */

/* A guest by name or number. */
int lodge_domain_find(struct lodge_session *l, const char *who,
                      struct xen_domctl_getdomaininfo *info);
/* malloc'ed, never NULL: "Domain-0" and "(null)" stand in for names that are missing, and "?"
 * for one that only xenstore would know, which is not there. */
char *lodge_domain_name(struct lodge_session *l, uint16_t domid);
/* Names of many, in one round trip; free() each. */
void lodge_domain_names(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                        unsigned nr, char **names);

/* --- rename.c ------------------------------------------------------------------------------- */

int lodge_domain_rename(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                        const char *name);
/*
 * Gives the guest a new uuid, and a name with a number behind it: its successor gets the old ones.
 * `was` is the name that it had before anybody began with that.
 */
int lodge_domain_make_way(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                          const char *was);

#endif
