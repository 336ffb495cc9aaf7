// SPDX-License-Identifier: GPL-2.0-only
/*
 * device.c: the devices: how they come and go, and whose turn it is to be looked at.
 *
 * The store's events only say where to look again, and a guest makes as many as it likes. So they
 * are not kept: each device has a bit for its front-end's state, one for its back directory, and
 * one for the key that its kind listens to, set when an event arrives. Events of other paths are
 * dropped. Looking costs round trips to the store, so devices are served in turn, one at a time,
 * with everything else that the daemon does in between.
 */
#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_MAX     4096 /* of all guests together */
#define DEVICE_UNKNOWN 64   /* new ones that wait to be learned; if there are more, scan */

static struct {
    struct device *first;
    struct device *slot[DEVICE_MAX]; /* by number, as watches' tokens name them */
    unsigned nr;
    unsigned turn; /* the slot that is looked at next */
    bool any_news; /* some device may have some */
    bool scan, reap;
    struct unknown {
        const struct device_type *type;
        uint16_t domid;
        uint32_t devid;
    } unknown[DEVICE_UNKNOWN];
    unsigned nr_unknown;
} devices;

struct device *device_first(void)
{
    return devices.first;
}

/* --- coming and going ------------------------------------------------------------------------ */

static struct device *find(const struct device_type *type, uint16_t domid, uint32_t devid)
{
    for (struct device *d = devices.first; d; d = d->next)
        if (d->type == type && d->domid == domid && d->devid == devid && !device_going(d))
            return d;
    return NULL;
}

bool device_predecessor(const struct device *d)
{
    /* The list has newer ones first. */
    for (const struct device *o = d->next; o; o = o->next)
        if (o->type == d->type && o->domid == d->domid && o->devid == d->devid && device_held(o))
            return true;
    return false;
}

/* The guest's directory as the tools have named it; nothing of another domain's will do. */
static void find_front(struct device *d)
{
    char *front = device_get(d, "frontend"), *name = device_get(d, "domain"), *own;

    d->front[0] = '\0';
    if (front && !strncmp(front, store_fmt("/local/domain/%u/", d->domid),
                          strlen(store_fmt("/local/domain/%u/", d->domid))))
        snprintf(d->front, sizeof(d->front), "%s", front);
    own = name ? NULL : store_get(backend.store, store_fmt("/local/domain/%u/name", d->domid));
    snprintf(d->guest, sizeof(d->guest), "%s", name ? name : own ? own : "guest");
    device_printable(d->guest);
    free(front);
    free(name);
    free(own);
}

/* Its own, so that a device that goes does not end the watch of its successor. */
static const char *front_token(const struct device *d)
{
    return store_fmt("f:%u:%u", d->slot, d->serial);
}

/* Frees a device that no worker holds any more. */
static void free_device(struct device *d)
{
    struct device **at = &devices.first;

    device_close(d);
    if (*d->front && !store_is_dead(backend.store))
        store_unwatch(backend.store, store_fmt("%s/state", d->front), front_token(d));
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    devices.slot[d->slot] = NULL;
    devices.nr--;
    free(d);
}

static void enter(struct device *d)
{
    static unsigned serial;

    d->next = devices.first;
    devices.first = d;
    devices.nr++;
    d->serial = ++serial;
    while (devices.slot[d->slot])
        d->slot++;
    devices.slot[d->slot] = d;
}

/*
 * An earlier daemon has closed it, or it has failed: waits for the guest to start its driver anew.
 */
static void wait_for_driver(struct device *d)
{
    d->life = DEVICE_FAILED;
    if (d->state != XenbusStateClosed)
        device_set_state(d, XenbusStateClosed);
    store_watch(backend.store, store_fmt("%s/state", d->front), front_token(d));
    d->news_front = devices.any_news = true; /* or has done so already */
}

static void learn(const struct device_type *type, uint16_t domid, uint32_t devid)
{
    struct device *d = devices.nr < DEVICE_MAX ? calloc(1, sizeof(*d)) : NULL;
    bool ours, closed;
    int state;

    if (!d) {
        backend_say("domain %u, %s %u: not served: there are %u devices already", domid, type->what,
                    devid, devices.nr);
        return;
    }
    d->type = type;
    d->domid = domid;
    d->devid = devid;
    snprintf(d->back, sizeof(d->back), "/local/domain/%u/backend/%s/%u/%u", backend.domid,
             type->directory, domid, devid);
    state = (int)device_number(d, "state", 0, XenbusStateReconfigured);
    find_front(d);
    ours = type->program || device_number(d, "lodge-hotplug", 0, 1);
    d->online = device_number(d, "online", 1, 1);
    closed = state == XenbusStateClosed || (type->program && state == XenbusStateClosing);
    if (!state || !*d->front || !ours || (closed && !(type->program && d->online))) {
        /* Not complete yet, over already, somebody else's, or let go of by an earlier daemon. */
        if (state == XenbusStateClosed && ours && !type->program)
            device_unplugged(d);
        else if (type->program && state == XenbusStateClosing)
            device_set_state(d, XenbusStateClosed);
        device_forget_puts(d);
        free(d);
        return;
    }
    enter(d);
    d->state = state;
    if (closed) {
        wait_for_driver(d);
        return;
    }
    /* Devices that work already: an earlier daemon made them so, and its workers are leaving. */
    store_watch(backend.store, store_fmt("%s/state", d->front), front_token(d));
    device_read_front(d);
    if (type->program && state == XenbusStateConnected && d->front_state >= XenbusStateInitialised)
        d->rings = DEVICE_RINGS_INHERITED;
    device_open(d);
    device_step(d);
}

void device_replace(struct device *d)
{
    const struct device_type *type = d->type;
    uint16_t domid = d->domid;
    uint32_t devid = d->devid;

    if (device_held(d))
        device_event(d, EVENT_REMOVED);
    else
        free_device(d);
    learn(type, domid, devid);
}

/* --- news ------------------------------------------------------------------------------------- */

void device_look_again(struct device *d)
{
    d->news_back = devices.any_news = true;
}

void device_note_front(unsigned slot, unsigned serial, const char *path)
{
    struct device *d = slot < DEVICE_MAX ? devices.slot[slot] : NULL;
    size_t len = d ? strlen(d->front) : 0;

    if (d && d->serial == serial && !strncmp(path, d->front, len) && !strcmp(path + len, "/state"))
        d->news_front = devices.any_news = true;
}

static void note_unknown(const struct device_type *type, uint16_t domid, uint32_t devid)
{
    for (unsigned i = 0; i < devices.nr_unknown; i++) {
        const struct unknown *u = &devices.unknown[i];

        if (u->type == type && u->domid == domid && u->devid == devid)
            return;
    }
    if (devices.nr_unknown == DEVICE_UNKNOWN)
        devices.scan = true;
    else
        devices.unknown[devices.nr_unknown++] = (struct unknown){type, domid, devid};
}

static void note_node(struct device *d, bool whole)
{
    d->news_whole = d->news_whole || whole;
    device_look_again(d);
}

void device_note_back(const struct device_type *type, uint16_t domid, uint32_t devid,
                      const char *key)
{
    struct device *d = find(type, domid, devid);

    if (!d)
        note_unknown(type, domid, devid);
    else if (!*key || !strcmp(key, "state") || !strcmp(key, "online"))
        note_node(d, !*key);
    else if (type->key && !strcmp(key, type->key))
        d->news_key = devices.any_news = true;
}

void device_note_domain(const struct device_type *type, uint16_t domid)
{
    for (struct device *d = devices.first; d; d = d->next)
        if (d->type == type && d->domid == domid)
            note_node(d, true);
}

void device_note_scan(void)
{
    devices.scan = true;
}

void device_note_gone(void)
{
    devices.reap = true;
}

bool device_has_news(void)
{
    return devices.any_news || devices.scan || devices.reap || devices.nr_unknown;
}

/* The next device that has some. */
static void look_at_next(void)
{
    for (unsigned i = 0; i < DEVICE_MAX; i++) {
        struct device *d = devices.slot[devices.turn];

        devices.turn = (devices.turn + 1) % DEVICE_MAX;
        if (d && !device_going(d) && (d->news_front || d->news_back || d->news_key)) {
            device_look(d);
            return;
        }
    }
    devices.any_news = false;
}

void device_turn(void)
{
    if (devices.reap) {
        devices.reap = false;
        device_reap();
    }
    if (devices.scan) {
        devices.scan = false;
        device_scan();
    }
    if (devices.nr_unknown) {
        struct unknown u = devices.unknown[0];

        memmove(devices.unknown, devices.unknown + 1,
                --devices.nr_unknown * sizeof(devices.unknown[0]));
        if (!find(u.type, u.domid, u.devid))
            learn(u.type, u.domid, u.devid);
    }
    if (devices.any_news)
        look_at_next();
}

/* --- all of them ------------------------------------------------------------------------------ */

static void scan_domain(const struct device_type *type, const char *domid)
{
    unsigned nr;
    char **list = store_list(
        backend.store,
        store_fmt("/local/domain/%u/backend/%s/%s", backend.domid, type->directory, domid), &nr);

    for (unsigned i = 0; i < nr; i++) {
        uint16_t id = (uint16_t)atoi(domid);
        uint32_t devid = (uint32_t)strtoul(list[i], NULL, 10);

        if (!find(type, id, devid))
            learn(type, id, devid);
        free(list[i]);
    }
    free(list);
}

void device_scan(void)
{
    for (struct device *d = devices.first; d; d = d->next)
        if (!device_going(d)) {
            d->news_front = true;
            device_look_again(d);
        }
    for (unsigned t = 0; backend.types[t]; t++) {
        unsigned nr;
        char **list = store_list(
            backend.store,
            store_fmt("/local/domain/%u/backend/%s", backend.domid, backend.types[t]->directory),
            &nr);

        for (unsigned i = 0; i < nr; i++) {
            scan_domain(backend.types[t], list[i]);
            free(list[i]);
        }
        free(list);
    }
}

void device_store_is_back(void)
{
    for (struct device *d = devices.first; d; d = d->next) {
        if (device_going(d))
            continue;
        store_watch(backend.store, store_fmt("%s/state", d->front), front_token(d));
        if (d->type->program)
            device_event(d, EVENT_STORE_BACK);
    }
    device_scan();
}

void device_reap(void)
{
    for (struct device *d = devices.first; d; d = d->next) {
        if (device_going(d))
            continue;
        if (store_is_introduced(backend.store, d->domid)) {
            d->seen = true;
            continue;
        }
        /* No answer is not a no: a store that goes away now must not take every disk with it. */
        if (store_is_dead(backend.store))
            return;
        /* A guest in the making has its devices in the store before it is introduced there. */
        if (!d->seen)
            continue;
        d->online = false;
        if (d->type->program && d->state != XenbusStateClosed)
            device_set_state(d, XenbusStateClosed);
        device_event(d, EVENT_REMOVED);
    }
}

int64_t device_next(void)
{
    int64_t next = 0;

    for (struct device *d = devices.first; d; d = d->next) {
        if (d->life == DEVICE_GONE)
            return 1;
        if (d->due && (!next || d->due < next))
            next = d->due;
    }
    return next;
}

void device_run(void)
{
    int64_t now = backend_now();
    struct device *d, *next;

    for (d = devices.first; d; d = next) {
        next = d->next;
        if (d->life == DEVICE_GONE) {
            free_device(d);
            continue;
        }
        if (!d->due || d->due > now)
            continue;
        d->due = 0;
        device_event(d, EVENT_DUE);
        device_step(d);
    }
}
