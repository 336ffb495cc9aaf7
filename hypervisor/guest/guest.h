/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest types have in common, for them to call: core knows none of it.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include <lib/types.h>

struct domain;
struct vcpu;

/*
 * domain.c: d->arch. A type's domain_init, domain_relinquish (once, when no vcpu holds anything any
 * more) and domain_free call these for their part. 0 or -XEN_ENOMEM; it is freed after a failure,
 * too.
 */
int guest_domain_init(struct domain *d);
void guest_domain_relinquish(struct domain *d);
void guest_domain_free(struct domain *d);
/* The type's entries for hypercalls into d's own page. 0 or -XEN_EACCES: it is not d's to write. */
int guest_hypercall_page(struct domain *d, uint64_t gfn);

/* msr.c: of current, the registers that are alike in all types. False: not one of them. */
bool guest_msr_read(struct vcpu *v, uint32_t msr, uint64_t *val);
bool guest_msr_write(struct vcpu *v, uint32_t msr, uint64_t val);

/* physmap.c: memory_op's changes of a physical map. */
int64_t physmap_add(uint64_t cmd, uint64_t arg);
int64_t physmap_add_batch(uint64_t cmd, uint64_t arg);
int64_t physmap_remove(uint64_t cmd, uint64_t arg);

struct physdev_pci_device;
bool physdev_pci_present(const struct physdev_pci_device *p); /* physdev.c: is it on the bus? */

#endif
