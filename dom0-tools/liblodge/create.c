// SPDX-License-Identifier: GPL-2.0-only
/*
 * create.c: makes guests.
 *
 * Everything that can be refused is refused before the first hypercall; then the builder makes a
 * paused domain, one xenstore transaction writes all of its nodes and claims its name, and
 * xenstored is told of it. Each step that fails undoes the ones before it, so that a guest either
 * exists in all places or in none. No step looks at other guests: the name index answers in one
 * read whether a name is free, which keeps the cost flat however many guests there are.
 *
 * Being killed in between is the one failure that cannot undo anything: pending.c marks a guest in
 * the making for that, so that the monitor removes what is left.
 */
#include "domain.h"
#include "layout.h"
#include "names.h"
#include "pending.h"
#include "saved.h"
#include "settings.h"
#include "splitdev.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <libdaemon/libdaemon.h>
#include <builder/builder.h>

static int random_uuid(struct lodge_session *l, struct domcfg *dc)
{
    if (getrandom(dc->uuid, sizeof(dc->uuid), GRND_INSECURE) != sizeof(dc->uuid))
        return lodge_fail(l, errno, "no random numbers for a uuid: %s", strerror(errno));
    /* Version 4, variant 1: what RFC 4122 has for a random one. */
    dc->uuid[6] = (uint8_t)((dc->uuid[6] & 0x0f) | 0x40);
    dc->uuid[8] = (uint8_t)((dc->uuid[8] & 0x3f) | 0x80);
    dc->has_uuid = true;
    return 0;
}

/*
 * Nobody else may have it, whoever made that domain: if this process is killed, all that has the
 * uuid is destroyed (pending.c). One that is dying has it as long as its config is saved.
 */
static int check_uuid(struct lodge_session *l, struct domcfg *dc)
{
    struct xen_domctl_getdomaininfo *list;
    int nr, saved_domid = -1, owner = -1;
    struct saved saved;
    char text[37];

    if (!dc->has_uuid)
        return random_uuid(l, dc);
    if (!lodge_saved_read(l, dc->uuid, &saved)) {
        saved_domid = saved.domid;
        lodge_saved_free(&saved);
    }
    nr = lodge_domain_list(l, &list);
    if (nr < 0)
        return nr;
    for (int i = 0; i < nr; i++)
        if (!memcmp(list[i].handle, dc->uuid, sizeof(dc->uuid)) &&
            (!(list[i].flags & XEN_DOMINF_dying) || list[i].domain == saved_domid))
            owner = list[i].domain;
    free(list);
    if (owner < 0)
        return 0;
    lodge_uuid_format(dc->uuid, text);
    return lodge_fail(l, EEXIST, "uuid %s belongs to domain %d; give each guest its own", text,
                      owner);
}

/* Someone may have taken the name while the guest was being built: the transaction decides. */
static int enter_store(struct lodge_session *l, const struct domcfg *dc,
                       const struct builder_result *r, const struct splitdev *dev)
{
    struct store_transaction t = {0};
    int rc;

    while (store_transact(l->store, &t)) {
        rc = lodge_names_check(l, dc->name, dc->uuid);
        if (rc) {
            store_refuse(l->store, &t, rc);
            return rc;
        }
        lodge_layout_write(l->store, dc, r);
        lodge_splitdev_write_plan(l->store, dc, dev);
    }
    rc = t.rc;
    if (!rc)
        rc = store_introduce(l->store, r->domid, r->store_mfn, r->store_evtchn);
    return rc ? lodge_fail_store(l, rc) : 0;
}

/* Whether somebody has destroyed a domain that was just made: then nothing else was wrong. */
static bool vanished(struct lodge_session *l, uint16_t domid, const uint8_t uuid[16])
{
    struct xen_domctl_getdomaininfo info;
    int rc = ctl_domain_info(&l->ctl, domid, &info);

    return rc == -ESRCH ||
           (!rc && (info.flags & XEN_DOMINF_dying || memcmp(info.handle, uuid, 16)));
}

static int destroyed_meanwhile(struct lodge_session *l, uint16_t domid, const char *name)
{
    return lodge_fail(l, ECANCELED, "domain %u was destroyed while '%s' was being made of it",
                      domid, name);
}

void lodge_domain_undo(struct lodge_session *l, const struct domcfg *dc, uint16_t domid)
{
    char reason[sizeof(l->message)];

    memcpy(reason, l->message, sizeof(reason));
    lodge_saved_remove(l, dc->uuid);
    lodge_domain_finish_destroy(l, domid, dc->uuid);
    memcpy(l->message, reason, sizeof(reason));
}

int lodge_domain_start(struct lodge_session *l, const struct domcfg *dc, uint16_t domid)
{
    int rc = ctl_domain_unpause(&l->ctl, domid);

    if (!rc)
        return 0;
    lodge_fail_ctl(l, rc);
    if (vanished(l, domid, dc->uuid))
        rc = destroyed_meanwhile(l, domid, dc->name);
    return rc;
}

/*
 * Gives the new domain all that the tools know of it. The saved config comes before the
 * introduction: from then on the monitor sees the guest, and looks for its config.
 */
static int complete(struct lodge_session *l, const struct domcfg *dc, unsigned restarts,
                    const struct builder_result *r, struct splitdev *dev, unsigned nr_dev)
{
    int rc = lodge_settings_apply(l, dc, r->domid);
    bool saved = false;

    for (unsigned i = 0; i < nr_dev; i++)
        dev[i].domid = r->domid;
    if (!rc)
        rc = lodge_saved_write(l, dc, r->domid, restarts);
    saved = !rc;
    if (!rc && nr_dev)
        daemon_ensure(l->run_dir, "lodge-backends");
    if (!rc)
        rc = enter_store(l, dc, r, dev);
    if (!rc)
        rc = lodge_splitdev_wait(l, dev, nr_dev);
    /* Destroying begins with the saved config, and ends with the domain. */
    if (rc && (vanished(l, r->domid, dc->uuid) || (saved && !lodge_saved_exists(l, dc->uuid))))
        rc = destroyed_meanwhile(l, r->domid, dc->name);
    if (rc)
        lodge_domain_undo(l, dc, r->domid);
    return rc;
}

static int create_checked(struct lodge_session *l, const struct domcfg *dc, unsigned restarts,
                          struct splitdev *dev, unsigned nr_dev, uint16_t *domid)
{
    struct builder_config bc;
    struct builder_result result;
    int rc, pending = lodge_pending_begin(l, dc->uuid);

    if (pending < 0)
        return pending;
    lodge_settings_for_builder(dc, &bc);
    rc = builder_create(&l->ctl, &bc, &result);
    if (rc) {
        lodge_pending_end(l, dc->uuid, pending);
        return lodge_fail_ctl(l, rc);
    }
    *domid = result.domid;
    rc = complete(l, dc, restarts, &result, dev, nr_dev);
    lodge_pending_end(l, dc->uuid, pending);
    return rc;
}

int lodge_domain_create(struct lodge_session *l, struct domcfg *dc, unsigned restarts,
                        uint16_t *domid)
{
    struct splitdev *dev = NULL;
    unsigned nr_dev = 0;
    sigset_t all, old;
    int rc = lodge_names_check(l, dc->name, dc->has_uuid ? dc->uuid : NULL);

    if (!rc)
        rc = check_uuid(l, dc);
    if (!rc)
        rc = lodge_splitdev_plan(l, dc, 0, &dev, &nr_dev);
    if (rc)
        return rc;
    /* Ctrl-C waits until the guest is whole or gone. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    rc = create_checked(l, dc, restarts, dev, nr_dev, domid);
    sigprocmask(SIG_SETMASK, &old, NULL);
    free(dev);
    return rc;
}
