/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical interrupts of a domain, between physdev.c (what it asks for) and pirq.c (the table). */
#ifndef PV_PIRQ_H
#define PV_PIRQ_H

#include <lib/types.h>

struct domain;
struct pirq;
struct msi_request;

struct pirq *pirq_get(struct domain *d, unsigned n); /* NULL: not mapped */
int pirq_reserve(struct domain *d);                  /* a number, or -XEN_E* */
int pirq_map_msi(struct domain *d, const struct msi_request *req, int *pirq);
int pirq_unmap(struct domain *d, int pirq);
int pirq_eoi(struct domain *d, unsigned pirq);
void pirq_gsi_is_level(struct domain *d, int gsi, bool level);
int pirq_set_eoi_map(struct domain *d, uint64_t gmfn, bool auto_unmask);

#endif
