// SPDX-License-Identifier: GPL-2.0-only
/*
 * names.h: which guest has which name.
 */
#ifndef LODGE_NAMES_H
#define LODGE_NAMES_H

#include "session.h"

/*
 * Find a domain by the index, or by looking at all of them; -ESRCH, also where the index is stale.
 */
int lodge_names_look_up(struct lodge_session *l, const char *name,
                        struct xen_domctl_getdomaininfo *info);
int lodge_names_scan(struct lodge_session *l, const char *name,
                     struct xen_domctl_getdomaininfo *info);
/*
 * 0 if the name is free. A guest that is just being restarted has its name still. `uuid`: whose
 * name it is to be, or NULL.
 */
int lodge_names_check(struct lodge_session *l, const char *name, const uint8_t *uuid);
/* Rebuilds what is missing or wrong in the index. */
int lodge_names_repair(struct lodge_session *l);

#endif
