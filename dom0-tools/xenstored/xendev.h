// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's Xen devices: guests' pages and event channels. All of the daemon's contact with a
 * hypervisor goes through here and domain_ctl.h; the tests link something else in their place.
 */
#ifndef XENSTORED_XENDEV_H
#define XENSTORED_XENDEV_H

#include <stdint.h>

/* Opens the event device. Its descriptor, to be polled, or -errno where there is none. */
int xendev_open(void);

/*
 * The domain's store page: by frame number, or by its reserved grant. NULL on failure. The guest
 * goes on writing to the page while it is mapped here.
 */
void *xendev_map_guest(uint16_t domid, uint64_t mfn);
void xendev_unmap_guest(void *page);

/* dom0's own store page and the port that its kernel listens on. NULL on failure. */
void *xendev_map_dom0(uint32_t *port);

/*
 * Our new end of a channel to the domain's port, or -errno. Closed with the process at the latest.
 */
int xendev_bind(uint16_t domid, uint32_t port);
/* Our end of the event that says "some domain has ended", or -errno. */
int xendev_bind_dom_exc(void);
void xendev_unbind(int local_port);
void xendev_notify(int local_port);

/*
 * Takes in which ports have fired, and lets them fire again. Count, or -errno; after -EFBIG any
 * may have fired, and each has to be unmasked.
 */
int xendev_pending(uint32_t *ports, unsigned int max);
void xendev_unmask(int local_port);

#endif
