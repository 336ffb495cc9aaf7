// SPDX-License-Identifier: GPL-2.0-only
/*
 * end.c: destroys guests.
 *
 * The way round is the opposite of create.c's: the saved config first, then devices, the domain,
 * the name, the nodes. Each step may be done again, by whoever finds a destruction that did not
 * come to its end.
 */
#include "domain.h"
#include "layout.h"
#include "saved.h"
#include "splitdev.h"

#include <ctype.h>
#include <errno.h>
#include <public/hypercalls.h>
#include <stdlib.h>
#include <string.h>

/* Its name and its nodes, when its devices and the domain itself are gone. */
static int clear_store(struct lodge_session *l, uint16_t domid, const uint8_t uuid[16],
                       const char *name)
{
    int rc = name ? lodge_layout_free_name(l->store, domid, name) : 0;
    int err = lodge_layout_remove(l->store, domid, uuid);

    rc = rc ? rc : err;
    return rc ? lodge_fail(l, rc,
                           "domain %u is destroyed, but its entries in xenstore stay: %s; once "
                           "xenstored runs, `lodge destroy %u` removes them",
                           domid, store_message(l->store), domid)
              : 0;
}

int lodge_domain_finish_destroy(struct lodge_session *l, uint16_t domid, const uint8_t uuid[16])
{
    char *name = store_get(l->store, store_fmt("/local/domain/%u/name", domid));
    int rc;

    lodge_splitdev_close_all(l, domid);
    rc = ctl_domain_destroy(&l->ctl, domid);
    rc = rc && rc != -ESRCH ? lodge_fail_ctl(l, rc) : clear_store(l, domid, uuid, name);
    free(name);
    return rc;
}

int lodge_domain_remove_left(struct lodge_session *l, const char *who)
{
    struct xen_domctl_getdomaininfo info;
    char *text =
        isdigit((unsigned char)*who) ? strdup(who) : store_get(l->store, lodge_layout_name(who));
    char *name = NULL, *vm = NULL, *end;
    unsigned long domid = text ? strtoul(text, &end, 10) : 0;
    uint8_t uuid[16];
    int rc = -ESRCH;

    if (domid && !*end && domid < DOMID_FIRST_RESERVED &&
        ctl_domain_info(&l->ctl, (uint16_t)domid, &info) == -ESRCH) {
        store_read(l->store, store_fmt("/local/domain/%lu/name", domid), &name);
        store_read(l->store, store_fmt("/local/domain/%lu/vm", domid), &vm);
        store_flush(l->store);
    }
    if (vm && !strncmp(vm, "/vm/", 4) && !lodge_uuid_parse(uuid, vm + 4)) {
        lodge_splitdev_close_all(l, (uint16_t)domid);
        rc = clear_store(l, (uint16_t)domid, uuid, name);
    }
    free(name);
    free(vm);
    free(text);
    return rc;
}

int lodge_domain_destroy(struct lodge_session *l, uint16_t domid)
{
    struct xen_domctl_getdomaininfo info;
    int rc;

    if (!domid)
        return lodge_fail(l, EINVAL, "domain 0 runs these tools and cannot be destroyed");
    rc = ctl_domain_info(&l->ctl, domid, &info);
    if (rc)
        return lodge_fail_ctl(l, rc);
    /* First of all the config, so that the monitor does not take the end for a crash. */
    lodge_saved_remove(l, info.handle);
    return lodge_domain_finish_destroy(l, domid, info.handle);
}
