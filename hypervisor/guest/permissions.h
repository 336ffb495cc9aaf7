/* SPDX-License-Identifier: GPL-2.0-only */
/* Which device memory and which I/O ports a domain may reach. */
#ifndef GUEST_PERMISSIONS_H
#define GUEST_PERMISSIONS_H

#include <lib/types.h>

struct domain;

/*
 * Ranges include their last frame. `set` is for the control domain, -XEN_EINVAL and
 * -XEN_ENOMEM or -XEN_ENOSPC; taking a right away leaves mappings that were made by it.
 */
int permissions_init(struct domain *d);
void permissions_free(struct domain *d);
int permissions_iomem_set(struct domain *d, uint64_t first_mfn, uint64_t last_mfn, bool allow);
bool permissions_iomem_any(const struct domain *d);
bool permissions_ioport_allowed(const struct domain *d, unsigned first, unsigned count);
int permissions_ioport_set(struct domain *d, unsigned first, unsigned count, bool allow);

#endif
