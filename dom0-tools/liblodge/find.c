// SPDX-License-Identifier: GPL-2.0-only
/*
 * find.c: a guest by its name or number, and the names of guests.
 */
#include "domain.h"
#include "intent.h"
#include "names.h"
#include "saved.h"

#include <ctype.h>
#include <errno.h>
#include <public/hypercalls.h>
#include <stdlib.h>
#include <string.h>

/*
 * The name where there is no node for it: without xenstored, the one in the saved config of a guest
 * of ours.
 */
static char *stand_in(struct lodge_session *l, uint16_t domid, const uint8_t *uuid)
{
    struct saved saved;
    char *name = NULL;

    if (store_is_dead(l->store) && uuid && !lodge_saved_read(l, uuid, &saved)) {
        name = strdup(saved.config.name);
        lodge_saved_free(&saved);
    }
    return name ? name : strdup(!domid ? "Domain-0" : store_is_dead(l->store) ? "?" : "(null)");
}

char *lodge_domain_name(struct lodge_session *l, uint16_t domid)
{
    char *name = store_get(l->store, store_fmt("/local/domain/%u/name", domid));
    struct xen_domctl_getdomaininfo info;

    if (name)
        return name;
    return stand_in(l, domid, ctl_domain_info(&l->ctl, domid, &info) ? NULL : info.handle);
}

void lodge_domain_names(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                        unsigned nr, char **names)
{
    for (unsigned i = 0; i < nr; i++)
        store_read(l->store, store_fmt("/local/domain/%u/name", info[i].domain), &names[i]);
    store_flush(l->store);
    for (unsigned i = 0; i < nr; i++)
        if (!names[i])
            names[i] = stand_in(l, info[i].domain, info[i].handle);
}

static int not_found(struct lodge_session *l, const char *who)
{
    uint8_t uuid[16];

    if (lodge_intent_named(l, who, NULL, uuid))
        return lodge_fail(l, ESRCH,
                          "domain '%s' went down and is just being %s; wait a moment, or have it "
                          "end with: lodge destroy %s",
                          who, lodge_intent_doing(l, uuid), who);
    if (store_is_dead(l->store) && !isdigit((unsigned char)*who))
        return lodge_fail(l, ESRCH,
                          "'%s' is in no saved config, and xenstore, which has the other names, "
                          "cannot be asked; use the number that `lodge list` shows",
                          who);
    return lodge_fail(l, ESRCH, "there is no domain %s%s%s; `lodge list` shows those that exist",
                      isdigit((unsigned char)*who) ? "" : "'", who,
                      isdigit((unsigned char)*who) ? "" : "'");
}

int lodge_domain_find(struct lodge_session *l, const char *who,
                      struct xen_domctl_getdomaininfo *info)
{
    char *end;
    unsigned long id = strtoul(who, &end, 10);
    int rc = -ESRCH;

    if (*who >= '0' && *who <= '9' && !*end) {
        if (id < DOMID_FIRST_RESERVED)
            rc = ctl_domain_info(&l->ctl, (uint16_t)id, info);
        return rc == -ESRCH ? not_found(l, who) : rc ? lodge_fail_ctl(l, rc) : 0;
    }
    if (!lodge_domcfg_bad_name(who))
        rc = lodge_names_look_up(l, who, info);
    if (rc)
        rc = lodge_names_scan(l, who, info);
    return rc == -ESRCH ? not_found(l, who) : rc;
}
