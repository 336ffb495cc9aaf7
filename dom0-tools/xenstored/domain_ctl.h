// SPDX-License-Identifier: GPL-2.0-only
/* What the hypervisor says about a domain: whether it runs, has shut down, or is gone. */
#ifndef XENSTORED_DOMAIN_CTL_H
#define XENSTORED_DOMAIN_CTL_H

#include <stdint.h>

enum domain_ctl_state { DOMAIN_CTL_ALIVE, DOMAIN_CTL_SHUTDOWN, DOMAIN_CTL_GONE };

/* A dying domain counts as gone. Where the hypervisor cannot be asked, as alive. */
enum domain_ctl_state domain_ctl_state(uint16_t domid);

#endif
