// SPDX-License-Identifier: GPL-2.0-only
/*
 * domain.c: creates and destroys guests.
 *
 * Everything that can be refused is refused before the first hypercall; then the builder makes a
 * paused domain, one xenstore transaction writes all of its nodes and claims its name, and
 * xenstored is told of it. Each step that fails undoes the ones before it, so that a guest either
 * exists in all places or in none. No step looks at other guests: the name index answers in one
 * read whether a name is free, which keeps the cost flat however many guests there are.
 *
 * Being killed in between is the one failure that cannot undo anything: pending.c marks a guest in
 * the making for that, so that the monitor removes what is left. Destroying goes the other way
 * round, and each of its steps may be done again: the saved config first, then devices, the domain,
 * the name, the nodes.
 */
#include "domain.h"
#include "layout.h"
#include "splitdev.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <builder/builder.h>

int domain_fail(struct lodge *l, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(l->message, sizeof(l->message), fmt, ap);
    va_end(ap);
    return err < 0 ? err : -err;
}

static int ctl_failed(struct lodge *l, int rc)
{
    return domain_fail(l, rc, "%s", ctl_message(&l->ctl));
}

static int store_failed(struct lodge *l, int rc)
{
    return domain_fail(l, rc, "%s", store_message(l->store));
}

static int open_all(struct lodge *l, bool partly)
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
        return ctl_failed(l, rc);
    l->store = store_open(err, sizeof(err));
    if (!l->store && partly)
        l->store = store_absent(err);
    if (!l->store) {
        ctl_close(&l->ctl);
        return domain_fail(l, ECONNREFUSED, "%s", err);
    }
    return 0;
}

int domain_open(struct lodge *l)
{
    return open_all(l, false);
}

int domain_open_partly(struct lodge *l)
{
    return open_all(l, true);
}

void domain_close(struct lodge *l)
{
    store_close(l->store);
    ctl_close(&l->ctl);
}

bool domain_watch(struct lodge *l, store_event_fn *event)
{
    l->event = event;
    store_on_event(l->store, event, NULL);
    return !store_watch(l->store, "@introduceDomain", "new") &&
           !store_watch(l->store, "@releaseDomain", "gone");
}

bool domain_reconnect(struct lodge *l)
{
    char err[256];
    struct store *s = store_open(err, sizeof(err));

    if (!s)
        return false;
    store_close(l->store);
    l->store = s;
    return domain_watch(l, l->event);
}

/* --- finding ------------------------------------------------------------------------------- */

int domain_list(struct lodge *l, struct xen_domctl_getdomaininfo **out)
{
    return domain_list_from(l, 0, out);
}

int domain_list_new(struct lodge *l, uint16_t next, struct xen_domctl_getdomaininfo **out)
{
    int nr = domain_list_from(l, next, out);

    if (nr)
        return nr;
    free(*out);
    return domain_list(l, out);
}

bool domain_lives(const struct xen_domctl_getdomaininfo *list, int nr, uint16_t domid)
{
    for (int i = 0; i < nr; i++)
        if (list[i].domain == domid)
            return !(list[i].flags & XEN_DOMINF_dying);
    return false;
}

int domain_list_from(struct lodge *l, uint16_t first, struct xen_domctl_getdomaininfo **out)
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
            return domain_fail(l, ENOMEM, "out of memory for the list of domains");
        }
        list = more;
        n = ctl_domain_list(&l->ctl, first, room - nr, list + nr);
        if (n < 0) {
            free(list);
            return ctl_failed(l, n);
        }
        nr += (unsigned)n;
        first = nr ? (uint16_t)(list[nr - 1].domain + 1) : first;
    } while (nr == room); /* a full answer: there may be more */
    *out = list;
    return (int)nr;
}

/* Where there is no node: without xenstored the saved config has it, if the guest is ours. */
static char *stand_in(struct lodge *l, uint16_t domid, const uint8_t *uuid)
{
    struct saved saved;
    char *name = NULL;

    if (store_is_dead(l->store) && uuid && !saved_read(l, uuid, &saved)) {
        name = strdup(saved.config.name);
        saved_free(&saved);
    }
    return name ? name : strdup(!domid ? "Domain-0" : store_is_dead(l->store) ? "?" : "(null)");
}

char *domain_name(struct lodge *l, uint16_t domid)
{
    char *name = store_get(l->store, store_fmt("/local/domain/%u/name", domid));
    struct xen_domctl_getdomaininfo info;

    if (name)
        return name;
    return stand_in(l, domid, ctl_domain_info(&l->ctl, domid, &info) ? NULL : info.handle);
}

void domain_names(struct lodge *l, const struct xen_domctl_getdomaininfo *info, unsigned nr,
                  char **names)
{
    for (unsigned i = 0; i < nr; i++)
        store_read(l->store, store_fmt("/local/domain/%u/name", info[i].domain), &names[i]);
    store_flush(l->store);
    for (unsigned i = 0; i < nr; i++)
        if (!names[i])
            names[i] = stand_in(l, info[i].domain, info[i].handle);
}

static int not_found(struct lodge *l, const char *who)
{
    uint8_t uuid[16];

    if (intent_named(l, who, NULL, uuid))
        return domain_fail(l, ESRCH,
                           "domain '%s' went down and is just being %s; wait a moment, or have it "
                           "end with: lodge destroy %s",
                           who, intent_doing(l, uuid), who);
    if (store_is_dead(l->store) && !isdigit((unsigned char)*who))
        return domain_fail(l, ESRCH,
                           "'%s' is in no saved config, and xenstore, which has the other names, "
                           "cannot be asked; use the number that `lodge list` shows",
                           who);
    return domain_fail(l, ESRCH, "there is no domain %s%s%s; `lodge list` shows those that exist",
                       isdigit((unsigned char)*who) ? "" : "'", who,
                       isdigit((unsigned char)*who) ? "" : "'");
}

int domain_find(struct lodge *l, const char *who, struct xen_domctl_getdomaininfo *info)
{
    char *end;
    unsigned long id = strtoul(who, &end, 10);
    int rc = -ESRCH;

    if (*who >= '0' && *who <= '9' && !*end) {
        if (id < DOMID_FIRST_RESERVED)
            rc = ctl_domain_info(&l->ctl, (uint16_t)id, info);
        return rc == -ESRCH ? not_found(l, who) : rc ? ctl_failed(l, rc) : 0;
    }
    if (!domcfg_bad_name(who))
        rc = names_look_up(l, who, info);
    if (rc)
        rc = names_scan(l, who, info);
    return rc == -ESRCH ? not_found(l, who) : rc;
}

static int random_uuid(struct lodge *l, struct domcfg *dc)
{
    if (getrandom(dc->uuid, sizeof(dc->uuid), GRND_INSECURE) != sizeof(dc->uuid))
        return domain_fail(l, errno, "no random numbers for a uuid: %s", strerror(errno));
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
static int check_uuid(struct lodge *l, struct domcfg *dc)
{
    struct xen_domctl_getdomaininfo *list;
    int nr, saved_domid = -1, owner = -1;
    struct saved saved;
    char text[37];

    if (!dc->has_uuid)
        return random_uuid(l, dc);
    if (!saved_read(l, dc->uuid, &saved)) {
        saved_domid = saved.domid;
        saved_free(&saved);
    }
    nr = domain_list(l, &list);
    if (nr < 0)
        return nr;
    for (int i = 0; i < nr; i++)
        if (!memcmp(list[i].handle, dc->uuid, sizeof(dc->uuid)) &&
            (!(list[i].flags & XEN_DOMINF_dying) || list[i].domain == saved_domid))
            owner = list[i].domain;
    free(list);
    if (owner < 0)
        return 0;
    uuid_format(dc->uuid, text);
    return domain_fail(l, EEXIST, "uuid %s belongs to domain %d; give each guest its own", text,
                       owner);
}

/* --- creating ------------------------------------------------------------------------------ */

/* Someone may have taken the name while the guest was being built: the transaction decides. */
static int enter_store(struct lodge *l, const struct domcfg *dc, const struct builder_result *r,
                       const struct splitdev *dev)
{
    unsigned tries = 0;
    int rc;

    do {
        rc = store_begin(l->store);
        if (rc)
            break;
        rc = names_check(l, dc->name, dc->uuid);
        if (rc) {
            store_abort(l->store);
            return rc;
        }
        layout_write(l->store, dc, r);
        splitdev_write_plan(l->store, dc, dev);
        rc = store_commit(l->store);
    } while (store_again(rc, &tries));
    if (!rc)
        rc = store_introduce(l->store, r->domid, r->store_mfn, r->store_evtchn);
    return rc ? store_failed(l, rc) : 0;
}

/* Whether somebody has destroyed a domain that was just made: then nothing else was wrong. */
static bool vanished(struct lodge *l, uint16_t domid, const uint8_t uuid[16])
{
    struct xen_domctl_getdomaininfo info;
    int rc = ctl_domain_info(&l->ctl, domid, &info);

    return rc == -ESRCH ||
           (!rc && (info.flags & XEN_DOMINF_dying || memcmp(info.handle, uuid, 16)));
}

static int destroyed_meanwhile(struct lodge *l, uint16_t domid, const char *name)
{
    return domain_fail(l, ECANCELED, "domain %u was destroyed while '%s' was being made of it",
                       domid, name);
}

void domain_undo(struct lodge *l, const struct domcfg *dc, uint16_t domid)
{
    char reason[sizeof(l->message)];

    memcpy(reason, l->message, sizeof(reason));
    saved_remove(l, dc->uuid);
    domain_clear(l, domid, dc->uuid);
    memcpy(l->message, reason, sizeof(reason));
}

int domain_start(struct lodge *l, const struct domcfg *dc, uint16_t domid)
{
    int rc = ctl_domain_unpause(&l->ctl, domid);

    if (!rc)
        return 0;
    ctl_failed(l, rc);
    if (vanished(l, domid, dc->uuid))
        rc = destroyed_meanwhile(l, domid, dc->name);
    return rc;
}

/*
 * The domain is there, empty of all that the tools know of it. The saved config comes before the
 * introduction: from that on the monitor sees the guest, and looks for its config.
 */
static int complete(struct lodge *l, const struct domcfg *dc, unsigned restarts,
                    const struct builder_result *r, struct splitdev *dev, unsigned nr_dev)
{
    int rc = settings_apply(l, dc, r->domid);
    bool saved = false;

    for (unsigned i = 0; i < nr_dev; i++)
        dev[i].domid = r->domid;
    if (!rc)
        rc = saved_write(l, dc, r->domid, restarts);
    saved = !rc;
    if (!rc && nr_dev)
        daemon_ensure(l, "lodge-backends");
    if (!rc)
        rc = enter_store(l, dc, r, dev);
    if (!rc)
        rc = splitdev_wait(l, dev, nr_dev);
    /* Destroying begins with the saved config, and ends with the domain. */
    if (rc && (vanished(l, r->domid, dc->uuid) || (saved && !saved_exists(l, dc->uuid))))
        rc = destroyed_meanwhile(l, r->domid, dc->name);
    if (rc)
        domain_undo(l, dc, r->domid);
    return rc;
}

static int create_checked(struct lodge *l, const struct domcfg *dc, unsigned restarts,
                          struct splitdev *dev, unsigned nr_dev, uint16_t *domid)
{
    struct builder_config bc;
    struct builder_result result;
    int rc, pending = pending_begin(l, dc->uuid);

    if (pending < 0)
        return pending;
    settings_for_builder(dc, &bc);
    rc = builder_create(&l->ctl, &bc, &result);
    if (rc) {
        pending_end(l, dc->uuid, pending);
        return ctl_failed(l, rc);
    }
    *domid = result.domid;
    rc = complete(l, dc, restarts, &result, dev, nr_dev);
    pending_end(l, dc->uuid, pending);
    return rc;
}

int domain_create(struct lodge *l, struct domcfg *dc, unsigned restarts, uint16_t *domid)
{
    struct splitdev *dev = NULL;
    unsigned nr_dev = 0;
    sigset_t all, old;
    int rc = names_check(l, dc->name, dc->has_uuid ? dc->uuid : NULL);

    if (!rc)
        rc = check_uuid(l, dc);
    if (!rc)
        rc = splitdev_plan(l, dc, 0, &dev, &nr_dev);
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

/* --- destroying ---------------------------------------------------------------------------- */

/* Its name and its nodes, when its devices and the domain itself are gone. */
static int clear_store(struct lodge *l, uint16_t domid, const uint8_t uuid[16], const char *name)
{
    int rc = name ? layout_free_name(l->store, domid, name) : 0;
    int err = layout_remove(l->store, domid, uuid);

    rc = rc ? rc : err;
    return rc ? domain_fail(l, rc,
                            "domain %u is destroyed, but its entries in xenstore stay: %s; once "
                            "xenstored runs, `lodge destroy %u` removes them",
                            domid, store_message(l->store), domid)
              : 0;
}

int domain_clear(struct lodge *l, uint16_t domid, const uint8_t uuid[16])
{
    char *name = store_get(l->store, store_fmt("/local/domain/%u/name", domid));
    int rc;

    splitdev_close_all(l, domid);
    rc = ctl_domain_destroy(&l->ctl, domid);
    rc = rc && rc != -ESRCH ? ctl_failed(l, rc) : clear_store(l, domid, uuid, name);
    free(name);
    return rc;
}

int domain_clear_left(struct lodge *l, const char *who)
{
    struct xen_domctl_getdomaininfo info;
    char *text = isdigit((unsigned char)*who) ? strdup(who) : store_get(l->store, layout_name(who));
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
    if (vm && !strncmp(vm, "/vm/", 4) && !uuid_parse(uuid, vm + 4)) {
        splitdev_close_all(l, (uint16_t)domid);
        rc = clear_store(l, (uint16_t)domid, uuid, name);
    }
    free(name);
    free(vm);
    free(text);
    return rc;
}

int domain_destroy(struct lodge *l, uint16_t domid)
{
    struct xen_domctl_getdomaininfo info;
    int rc;

    if (!domid)
        return domain_fail(l, EINVAL, "domain 0 runs these tools and cannot be destroyed");
    rc = ctl_domain_info(&l->ctl, domid, &info);
    if (rc)
        return ctl_failed(l, rc);
    /* First of all the config, so that the monitor does not take the end for a crash. */
    saved_remove(l, info.handle);
    return domain_clear(l, domid, info.handle);
}
