// SPDX-License-Identifier: GPL-2.0-only
/*
 * names.c: which guest has which name: the index below /lodge/names, which answers in one read, and
 * the name nodes of all domains, for guests that other tools have made or renamed.
 */
#include "names.h"
#include "domain.h"
#include "intent.h"
#include "layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Finds a domain whose name node says `name` by looking at all of them; -ESRCH if there is none. */
int lodge_names_scan(struct lodge_session *l, const char *name,
                     struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl_getdomaininfo *list;
    int nr = lodge_domain_list(l, &list), rc = -ESRCH;
    char **names;

    if (nr < 0)
        return nr;
    names = calloc((size_t)nr + 1, sizeof(*names));
    if (names) {
        lodge_domain_names(l, list, (unsigned)nr, names);
        for (int i = 0; i < nr; i++) {
            if (rc && !strcmp(names[i], name)) {
                *info = list[i];
                rc = 0;
            }
            free(names[i]);
        }
    }
    free(names);
    free(list);
    return rc;
}

/* Finds a domain by the index; -ESRCH also where its entry is stale. */
int lodge_names_look_up(struct lodge_session *l, const char *name,
                        struct xen_domctl_getdomaininfo *info)
{
    char *id = store_get(l->store, lodge_layout_name(name)), *now;
    int rc = -ESRCH;

    if (!id)
        return rc;
    now = store_get(l->store, store_fmt("/local/domain/%lu/name", strtoul(id, NULL, 10)));
    if (now && !strcmp(now, name) && !ctl_domain_info(&l->ctl, (uint16_t)atoi(id), info))
        rc = 0;
    free(now);
    free(id);
    return rc;
}

/*
 * Fails, and says which domain has the name: one that is on its way out has only to be waited for.
 */
static int taken(struct lodge_session *l, const char *name,
                 const struct xen_domctl_getdomaininfo *info)
{
    bool begun;

    if (!info->domain)
        return lodge_fail(l, EEXIST, "'%s' is domain 0; choose another name", name);
    lodge_intent_held(l, info->handle, &begun);
    if (begun || info->flags & XEN_DOMINF_dying)
        return lodge_fail(l, EEXIST,
                          "the domain named '%s' (id %u) is down and is just being %s; try again "
                          "in a moment, or choose another name",
                          name, info->domain,
                          begun ? lodge_intent_doing(l, info->handle) : "removed");
    return lodge_fail(l, EEXIST,
                      "a domain named '%s' exists already (id %u%s); choose another name, or "
                      "remove it first with: lodge destroy %s",
                      name, info->domain, info->flags & XEN_DOMINF_shutdown ? ", down" : "", name);
}

/*
 * 0 if the name is free. The index answers; where it may have holes, a look at all domains does. A
 * guest that is just being restarted still has its name. `uuid`: the guest that wants the name, or
 * NULL.
 */
int lodge_names_check(struct lodge_session *l, const char *name, const uint8_t *uuid)
{
    struct xen_domctl_getdomaininfo info;
    int rc = lodge_names_look_up(l, name, &info);
    uint8_t other[16];

    if (rc && l->scan_names)
        rc = lodge_names_scan(l, name, &info);
    if (!rc)
        return taken(l, name, &info);
    if (rc == -ESRCH && lodge_intent_named(l, name, uuid, other))
        return lodge_fail(l, EEXIST,
                          "a domain named '%s' went down and is just being %s; try again in a "
                          "moment, or choose another name",
                          name, lodge_intent_doing(l, other));
    return rc == -ESRCH ? 0 : rc;
}

int lodge_names_repair(struct lodge_session *l)
{
    struct xen_domctl_getdomaininfo *list;
    unsigned nr_names;
    char **names, **index;
    int nr = lodge_domain_list(l, &list);

    if (nr < 0)
        return nr;
    names = calloc((size_t)nr + 1, sizeof(*names));
    if (!names) {
        free(list);
        return lodge_fail(l, ENOMEM, "out of memory for the names of domains");
    }
    lodge_domain_names(l, list, (unsigned)nr, names);
    index = store_list(l->store, LAYOUT_NAMES, &nr_names);
    for (unsigned i = 0; i < nr_names; i++) {
        bool alive = false;

        for (int d = 0; d < nr && !alive; d++)
            alive = !strcmp(lodge_layout_name(names[d]) + sizeof(LAYOUT_NAMES), index[i]);
        if (!alive)
            store_remove(l->store, store_fmt(LAYOUT_NAMES "/%s", index[i]));
        free(index[i]);
    }
    free(index);
    for (int d = 0; d < nr; d++) {
        if (!lodge_domcfg_bad_name(names[d]))
            store_write(l->store, lodge_layout_name(names[d]), store_fmt("%u", list[d].domain));
        free(names[d]);
    }
    free(names);
    free(list);
    return store_flush(l->store) ? lodge_fail_store(l, EIO) : 0;
}
