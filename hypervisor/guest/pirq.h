/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical interrupts of a domain, between physdev.c (what it asks for) and pirq.c (the table). */
#ifndef GUEST_PIRQ_H
#define GUEST_PIRQ_H

#include <lib/types.h>

struct domain;
struct msi_request;

/*
 * One number of a domain's physical interrupts; the domain's lock. mapped: the number is taken;
 * bound: an event channel is bound to it; level: what the domain said of the GSI; needs_eoi: what
 * the domain is told, true for a level-triggered GSI that is bound.
 */
struct pirq {
    int gsi; /* -1: none, it is an MSI or only reserved */
    int msi; /* handle from irq_msi_bind(), shared by the vectors of one device; -1: none */
    bool mapped, bound, needs_eoi, level;
    bool busy; /* an MSI is being set up for it */
};

/* A table, where d is to own the devices: 0 or -XEN_ENOMEM. Unbind and unmap all: it dies. */
int pirq_init(struct domain *d);
void pirq_release_all(struct domain *d);
void pirq_free(struct domain *d);
/*
 * All are called with no lock held. Without a table (d does not own the devices) and for a number
 * that is not mapped they return -XEN_EPERM or -XEN_EINVAL.
 */
struct pirq *pirq_get(struct domain *d, unsigned n); /* NULL: not mapped */
int pirq_reserve(struct domain *d);                  /* a number to be mapped later, or -XEN_E* */
/* *pirq: the number wanted, or below zero: the GSI's own. -XEN_EEXIST: it is mapped to another. */
int pirq_map_gsi(struct domain *d, int gsi, int *pirq);
/* *pirq: the number wanted, or below zero: choose; then the (first) one that it is. 0, -XEN_E*. */
int pirq_map_msi(struct domain *d, const struct msi_request *req, int *pirq);
/* Unbinds it first; a multiple MSI goes as a whole. -XEN_EBUSY: it is being set up. */
int pirq_unmap(struct domain *d, int pirq);
int pirq_eoi(struct domain *d, unsigned pirq);
void pirq_gsi_is_level(struct domain *d, int gsi, bool level);
/* A page of d's where a set bit says that the pirq needs an EOI. -XEN_EBUSY: there is one. */
int pirq_set_eoi_map(struct domain *d, uint64_t gmfn);

#endif
