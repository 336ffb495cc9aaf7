// SPDX-License-Identifier: GPL-2.0-only
/*
 * session.c: connections to the hypervisor and to xenstore, and the list of domains.
 *
 * The part of the library for daemons that know no configs and build nothing: it links with libctl
 * and libstore alone.
 */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lodge_fail(struct lodge_session *l, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(l->message, sizeof(l->message), fmt, ap);
    va_end(ap);
    return err < 0 ? err : -err;
}

int lodge_fail_ctl(struct lodge_session *l, int rc)
{
    return lodge_fail(l, rc, "%s", ctl_message(&l->ctl));
}

int lodge_fail_store(struct lodge_session *l, int rc)
{
    return lodge_fail(l, rc, "%s", store_message(l->store));
}

static int open_all(struct lodge_session *l, bool partly)
{
    const char *state = getenv("LODGE_STATE_DIR"), *run = getenv("LODGE_RUN_DIR");
    char err[256];
    int rc;

    memset(l, 0, sizeof(*l));
    l->state_dir = state ? state : "/var/lib/lodge";
    l->run_dir = run ? run : "/run/lodge";
    l->wait_ms = 30000;
    l->lock_ms = 30000;
    rc = ctl_open(&l->ctl);
    if (rc)
        return lodge_fail_ctl(l, rc);
    l->store = store_open(err, sizeof(err));
    if (!l->store && partly)
        l->store = store_absent(err);
    if (!l->store) {
        ctl_close(&l->ctl);
        return lodge_fail(l, ECONNREFUSED, "%s", err);
    }
    return 0;
}

int lodge_open(struct lodge_session *l)
{
    return open_all(l, false);
}

int lodge_open_partly(struct lodge_session *l)
{
    return open_all(l, true);
}

void lodge_close(struct lodge_session *l)
{
    store_close(l->store);
    ctl_close(&l->ctl);
}

bool lodge_watch(struct store *s, store_event_fn *event)
{
    store_on_event(s, event, NULL);
    return !store_watch(s, "@introduceDomain", "new") && !store_watch(s, "@releaseDomain", "gone");
}

/* --- the list of domains --------------------------------------------------------------------- */

int lodge_domain_list(struct lodge_session *l, struct xen_domctl_getdomaininfo **out)
{
    return lodge_domain_list_from(l, 0, out);
}

int lodge_domain_list_new(struct lodge_session *l, uint16_t next,
                          struct xen_domctl_getdomaininfo **out)
{
    int nr = lodge_domain_list_from(l, next, out);

    if (nr)
        return nr;
    free(*out);
    return lodge_domain_list(l, out);
}

bool lodge_domain_lives(const struct xen_domctl_getdomaininfo *list, int nr, uint16_t domid)
{
    for (int i = 0; i < nr; i++)
        if (list[i].domain == domid)
            return !(list[i].flags & XEN_DOMINF_dying);
    return false;
}

int lodge_domain_list_from(struct lodge_session *l, uint16_t first,
                           struct xen_domctl_getdomaininfo **out)
{
    struct xen_domctl_getdomaininfo *list = NULL;
    unsigned room = 0, nr = 0;
    int n;

    *out = NULL;

    do {
        struct xen_domctl_getdomaininfo *more;

        room += 64;
        more = realloc(list, room * sizeof(*list));
        if (!more) {
            free(list);
            return lodge_fail(l, ENOMEM, "out of memory for the list of domains");
        }
        list = more;
        n = ctl_domain_list(&l->ctl, first, room - nr, list + nr);
        if (n < 0) {
            free(list);
            return lodge_fail_ctl(l, n);
        }
        nr += (unsigned)n;
        first = nr ? (uint16_t)(list[nr - 1].domain + 1) : first;
    } while (nr == room); /* a full answer: there may be more */
    *out = list;
    return (int)nr;
}
