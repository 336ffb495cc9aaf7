// SPDX-License-Identifier: GPL-2.0-only
/*
 * rename.c: another name for a guest: the user's, or one that is out of its successor's way.
 *
 * A name is in the index, in two nodes and in the saved config, which change together or not at
 * all.
 */
#include "domain.h"
#include "intent.h"
#include "layout.h"
#include "names.h"
#include "saved.h"
#include "splitdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static void change_name(struct domcfg *dc, void *name)
{
    free(dc->name);
    dc->name = strdup(name);
}

/*
 * Moves the name in the index, the name nodes and the saved config; all or nothing. The config
 * comes first, since what has been written there can be taken back. Whether the name is free the
 * transaction decides: a guest that is just being created may have taken it.
 */
static int rename_to(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                     const char *old, const char *name)
{
    char reason[sizeof(l->message)];
    struct store_transaction t = {0};
    int rc = lodge_saved_change_held(l, info->handle, change_name, (void *)name);

    if (rc)
        return rc;
    while (store_transact(l->store, &t)) {
        rc = lodge_names_check(l, name, info->handle);
        if (rc)
            store_refuse(l->store, &t, rc);
        else
            lodge_layout_rename(l->store, info->domain, info->handle, old, name);
    }
    if (!t.rc)
        return 0;
    if (!t.refused) /* else it has been said who has the name */
        lodge_fail_store(l, t.rc);
    memcpy(reason, l->message, sizeof(reason));
    lodge_saved_change_held(l, info->handle, change_name, (void *)old);
    memcpy(l->message, reason, sizeof(reason));
    return t.rc;
}

int lodge_domain_rename(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                        const char *name)
{
    const char *bad = lodge_domcfg_bad_name(name);
    int lock, rc;
    bool begun;
    char *old;

    if (bad)
        return lodge_fail(l, EINVAL, "'%s' cannot be a guest's name: %s", name, bad);
    if (!info->domain)
        return lodge_fail(l, EINVAL, "domain 0 keeps its name: programs know it by that");
    old = lodge_domain_name(l, info->domain);
    l->scan_names = true;
    rc = strcmp(old, name) ? lodge_names_check(l, name, info->handle)
                           : lodge_fail(l, EEXIST, "domain %u has that name already", info->domain);
    if (rc) {
        free(old);
        return rc;
    }
    lock = lodge_saved_lock(l);
    if (lock < 0 && lock != -ENOENT) {
        free(old);
        return lock;
    }
    lodge_intent_held(l, info->handle, &begun);
    rc = begun ? lodge_intent_busy(l, info->handle) : rename_to(l, info, old, name);
    if (lock >= 0)
        close(lock);
    free(old);
    return rc;
}

/* True if a process that was killed over this had set the guest aside already, as NAME-number. */
static bool is_aside(const char *now, const char *name)
{
    size_t len = strlen(name);

    return !strncmp(now, name, len) && now[len] == '-' && now[len + 1] &&
           strspn(now + len + 1, "0123456789") == strlen(now + len + 1);
}

/* A name that nobody has; its config is nobody's to restart from here on. */
static int rename_aside(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                        const char *old, char *name, size_t size)
{
    struct xen_domctl_getdomaininfo other;
    int rc = 0;

    for (unsigned n = 1; !rc && n < 10000; n++) {
        snprintf(name, size, "%s-%u", old, n);
        rc = lodge_names_scan(l, name, &other);
    }
    if (rc != -ESRCH)
        return rc;
    lodge_saved_remove(l, info->handle);
    lodge_splitdev_close_all(l, info->domain); /* its successor needs them */
    return rename_to(l, info, old, name);
}

int lodge_domain_make_way(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                          const char *was)
{
    char *old = lodge_domain_name(l, info->domain), name[DOMCFG_MAX_NAME + 16];
    uint8_t uuid[16];
    int rc = 0;

    if (is_aside(old, was))
        snprintf(name, sizeof(name), "%s", old);
    else
        rc = rename_aside(l, info, old, name, sizeof(name));
    if (!rc && getrandom(uuid, sizeof(uuid), GRND_INSECURE) != sizeof(uuid))
        rc = lodge_fail(l, errno, "no random numbers for a uuid: %s", strerror(errno));
    if (!rc) {
        rc = ctl_domain_set_uuid(&l->ctl, info->domain, uuid);
        if (rc)
            rc = lodge_fail_ctl(l, rc);
        else
            lodge_layout_move_vm(l->store, info->domain, info->handle, uuid, name);
    }
    free(old);
    return rc;
}
