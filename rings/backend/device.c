// SPDX-License-Identifier: GPL-2.0-only
/*
 * device.c: the devices, and the xenbus state machine that all kinds share.
 *
 * Two parties change a device's nodes: the tools (the whole directory, `online`, and the state when
 * a device is to go) and the guest (its own state). Whatever is read is taken as news, never as
 * truth: each step looks at where both sides are and does the one thing that brings them on. For
 * the kernel's back-ends only the beginning and the end are ours; the states between are theirs.
 */
#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_RETRY_MS  100   /* after BACKEND_LATER, or where an old worker still holds on */
#define DEVICE_RETRIES   300   /* of the latter kind, before it counts as a failure */
#define DEVICE_DETACH_MS 20000 /* for which a worker may finish requests of a device that goes */
#define DEVICE_MAX       4096  /* of all guests together */

static struct {
    struct device *first;
    unsigned nr;
} devices;

struct device *device_first(void)
{
    return devices.first;
}

/* --- states ------------------------------------------------------------------------------------
 */

/* A directory that is gone must not come back because a state is written into it. */
static bool exists(const struct device *d)
{
    char *id = device_get(d, "frontend-id");

    free(id);
    /* Where the store is away, nothing is known to be gone. */
    return id != NULL || store_is_dead(backend.store);
}

void device_set_state(struct device *d, int state)
{
    d->state = state;
    if (!exists(d))
        return;
    device_put(d, "state", "%d", state);
    device_flush(d);
}

static void close_device(struct device *d)
{
    if (d->probed && d->type->close)
        d->type->close(d);
    d->probed = d->ready = false;
}

/*
 * The kernel's back-end says Closed before its plug is pulled, and a script that pulls it reads the
 * nodes: the tools wait for this before they remove them. (hotplug-status is the kernel's, which
 * takes it away when it likes.)
 */
static void say_unplugged(struct device *d)
{
    if (!exists(d))
        return;
    device_put(d, "lodge-hotplug", "0");
    device_flush(d);
}

void device_give_up(struct device *d)
{
    device_say(d, "%s", d->message);
    d->failed = true;
    /* Should the guest start over, then with other rings. */
    d->reconnect = d->adopted = false;
    d->due = 0;
    if (d->link != DEVICE_IDLE)
        process_detach(d);
    if (exists(d)) {
        device_put(d, "hotplug-error", "%s", d->message);
        if (!d->type->program)
            device_put(d, "hotplug-status", "error");
        device_set_state(d, XenbusStateClosed);
    }
    if (d->link == DEVICE_IDLE)
        close_device(d);
    if (!d->type->program)
        say_unplugged(d);
}

/* --- coming and going ------------------------------------------------------------------------ */

static struct device *find(const struct device_type *type, uint16_t domid, uint32_t devid)
{
    for (struct device *d = devices.first; d; d = d->next)
        if (d->type == type && d->domid == domid && d->devid == devid && !d->doomed)
            return d;
    return NULL;
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

static const char *front_token(const struct device *d)
{
    /* Its own, so that a device that goes does not end the watch of its successor. */
    return store_fmt("f:%s:%u:%u:%u", d->type->directory, d->domid, d->devid, d->serial);
}

/* Frees a device that no worker holds any more. */
static void free_device(struct device *d)
{
    struct device **at = &devices.first;

    close_device(d);
    if (*d->front && !store_is_dead(backend.store))
        store_unwatch(backend.store, store_fmt("%s/state", d->front), front_token(d));
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    devices.nr--;
    free(d);
}

/* Takes it from its worker, and then frees it. */
static void doom(struct device *d)
{
    if (d->doomed)
        return;
    d->doomed = true;
    d->due = 0;
    if (d->link != DEVICE_IDLE) {
        process_detach(d);
        if (d->link != DEVICE_IDLE)
            d->due = backend_now() + DEVICE_DETACH_MS;
    }
    /* Freed by device_run(): whoever calls may still look at it. */
}

/*
 * The end of a device whose front-end has closed: what is open is let go. If it does not come back,
 * that is done before Closed tells the tools that they can remove its nodes: a hot-plug script
 * reads them.
 */
static void finish(struct device *d)
{
    if (!d->online)
        close_device(d);
    if (d->type->program)
        device_set_state(d, XenbusStateClosed);
    if (!d->online)
        doom(d);
}

static void probe(struct device *d)
{
    int rc;

    d->due = 0;
    d->probed = true;
    rc = d->type->probe ? d->type->probe(d) : 0;
    if (rc == BACKEND_LATER) {
        d->due = backend_now() + DEVICE_RETRY_MS;
        return;
    }
    if (!rc)
        rc = device_flush(d);
    if (rc && store_is_dead(backend.store)) {
        /* From the start, when it is back: what was read may be nothing. */
        close_device(d);
        d->due = backend_now() + DEVICE_RETRY_MS;
        return;
    }
    if (rc) {
        device_give_up(d);
        close_device(d);
        return;
    }
    d->ready = true;
    if (d->type->program && !d->adopted)
        device_set_state(d, XenbusStateInitWait);
}

static void attach(struct device *d)
{
    d->seen = true;
    d->link = DEVICE_ATTACHING;
    process_attach(d);
}

static void detach(struct device *d, int state)
{
    if (d->state != state)
        device_set_state(d, state);
    process_detach(d);
    if (d->link == DEVICE_IDLE)
        device_detached(d);
}

/* --- the state machine ------------------------------------------------------------------------ */

/* The front-end is where front_state says; go on from there. */
static void step(struct device *d)
{
    bool serving = d->link == DEVICE_ATTACHING || d->link == DEVICE_ATTACHED;

    if (d->doomed || !d->ready || !d->type->program)
        return;
    switch (d->front_state) {
    case XenbusStateInitialising:
    case XenbusStateInitWait:
        if (d->state == XenbusStateClosing && d->link == DEVICE_IDLE) {
            finish(d); /* nobody ever came */
        } else if (d->state == XenbusStateClosed && d->link == DEVICE_IDLE && d->online) {
            d->reconnect = d->adopted = false;
            probe(d);
        }
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        if (d->link == DEVICE_IDLE &&
            (d->state == XenbusStateInitWait || (d->adopted && d->state == XenbusStateConnected)))
            attach(d);
        break;
    case XenbusStateClosing:
        if (serving)
            detach(d, XenbusStateClosing);
        else if (d->state < XenbusStateClosing)
            device_set_state(d, XenbusStateClosing);
        break;
    default: /* closed, or its directory is gone */
        if (serving)
            detach(d, XenbusStateClosing);
        else if (!d->front_state && d->state < XenbusStateInitialised)
            break; /* not written yet */
        else if (d->link == DEVICE_IDLE && d->state != XenbusStateClosed)
            finish(d);
        else if (d->link == DEVICE_IDLE && !d->online)
            doom(d);
        break;
    }
}

static void read_front(struct device *d)
{
    int state = (int)device_front_number(d, "state", 0, XenbusStateReconfigured);

    if (!store_is_dead(backend.store))
        d->front_state = state;
}

void device_front_changed(uint16_t domid, const char *directory, uint32_t devid)
{
    for (struct device *d = devices.first; d; d = d->next)
        if (d->domid == domid && d->devid == devid && !strcmp(d->type->directory, directory) &&
            !d->doomed) {
            int before = d->front_state;

            read_front(d);
            if (d->failed && before != d->front_state && d->link == DEVICE_IDLE &&
                d->front_state == XenbusStateInitialising && d->online) {
                /* The guest starts over: so may we. */
                d->failed = false;
                store_remove(backend.store, store_fmt("%s/hotplug-error", d->back));
                probe(d);
            }
            step(d);
            return;
        }
}

static void learn(const struct device_type *type, uint16_t domid, uint32_t devid)
{
    static unsigned serial;
    struct device *d = devices.nr < DEVICE_MAX ? calloc(1, sizeof(*d)) : NULL;
    bool ours;
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
    if (!state || state == XenbusStateClosed || !*d->front || !ours) {
        /* Not complete yet, over already, or somebody else's. */
        if (state == XenbusStateClosed && ours && !type->program)
            say_unplugged(d);
        free(d);
        return;
    }
    if (type->program && state == XenbusStateClosing) {
        /* An earlier daemon was about to let go of it; now it has. */
        device_set_state(d, XenbusStateClosed);
        free(d);
        return;
    }
    d->next = devices.first;
    devices.first = d;
    devices.nr++;
    d->serial = ++serial;
    d->state = state;
    d->online = device_number(d, "online", 1, 1);
    /* Devices that work already: an earlier daemon made them so, and its workers are leaving. */
    d->adopted = type->program && state == XenbusStateConnected;
    d->reconnect = d->adopted;
    store_watch(backend.store, store_fmt("%s/state", d->front), front_token(d));
    read_front(d);
    if (d->adopted && d->front_state < XenbusStateInitialised)
        d->adopted = d->reconnect = false;
    probe(d);
    step(d);
}

/* The tools may write the state, too: 5 asks for the device's end. */
static void back_state_changed(struct device *d)
{
    int state = (int)device_number(d, "state", 0, XenbusStateReconfigured);

    if (!d->type->program) {
        d->state = state;
        if (state == XenbusStateClosed && !d->online) {
            close_device(d);
            say_unplugged(d);
            doom(d);
        }
        return;
    }
    if (state != XenbusStateClosing || d->state >= XenbusStateClosing)
        return;
    d->state = state;
    if (!d->ready) /* its image was still being opened */
        finish(d);
    else
        step(d);
}

void device_back_changed(const struct device_type *type, uint16_t domid, uint32_t devid,
                         const char *key)
{
    struct device *d = find(type, domid, devid);

    if (!d) {
        learn(type, domid, devid);
        return;
    }
    if (!exists(d)) {
        doom(d);
        return;
    }
    /* One that failed is made anew in its place. */
    if (d->failed && d->link == DEVICE_IDLE && !strcmp(key, "state") &&
        device_number(d, "state", 0, XenbusStateReconfigured) == XenbusStateInitialising) {
        free_device(d);
        learn(type, domid, devid);
        return;
    }
    if (!strcmp(key, "online"))
        d->online = device_number(d, "online", 1, 1);
    if (!strcmp(key, "online") || !strcmp(key, "state"))
        back_state_changed(d);
    else if (d->ready && type->changed && *key)
        type->changed(d, key);
}

/* --- workers ---------------------------------------------------------------------------------- */

bool device_parcel(struct device *d, struct worker_parcel *parcel)
{
    int rc;

    if (d->doomed || d->failed || d->link != DEVICE_ATTACHING)
        return false;
    memset(&parcel->head, 0, sizeof(parcel->head));
    parcel->nr_fds = 0;
    parcel->head.type = WORKER_ATTACH;
    parcel->head.device = d->devid;
    rc = d->type->connect(d, parcel);
    if (rc && store_is_dead(backend.store)) {
        d->due = backend_now() + DEVICE_RETRY_MS; /* it could not be read: not the guest's fault */
        return false;
    }
    if (rc) {
        d->link = DEVICE_IDLE;
        device_give_up(d);
        return false;
    }
    return true;
}

void device_attached(struct device *d, const struct worker_parcel *parcel)
{
    int rc;

    if (d->link != DEVICE_ATTACHING)
        return;
    d->link = DEVICE_ATTACHED;
    d->tries = 0;
    rc = d->type->attached ? d->type->attached(d, parcel) : 0;
    if (rc) {
        device_give_up(d);
        return;
    }
    /* A new worker in an old one's place is none of the front-end's business. */
    if (d->state != XenbusStateConnected)
        device_set_state(d, XenbusStateConnected);
    else
        device_say(d, "is served again");
    d->reconnect = true;
    d->adopted = false;
    step(d);
}

void device_detached(struct device *d)
{
    d->link = DEVICE_IDLE;
    d->reconnect = d->adopted = false;
    if (d->type->disconnect && d->ready)
        d->type->disconnect(d);
    if (d->doomed || d->failed) {
        close_device(d);
        return;
    }
    read_front(d);
    step(d);
}

void device_worker_failed(struct device *d, int status, const char *why)
{
    if (d->link == DEVICE_DETACHING) {
        device_detached(d);
        return;
    }
    /* Said twice: each time would cost requests to the store, for which all guests wait. */
    if (d->link == DEVICE_IDLE)
        return;
    d->link = DEVICE_IDLE;
    /* Rings that an old worker has not let go of yet: it will. */
    if (status == -EBUSY && d->reconnect && ++d->tries < DEVICE_RETRIES) {
        d->link = DEVICE_ATTACHING;
        d->due = backend_now() + DEVICE_RETRY_MS;
        return;
    }
    device_fail(d, EIO, "%.255s", why);
    device_give_up(d);
}

void device_worker_died(struct device *d)
{
    if (d->link == DEVICE_DETACHING) {
        device_detached(d);
        return;
    }
    d->reconnect = d->reconnect || d->link == DEVICE_ATTACHED;
    d->link = DEVICE_ATTACHING;
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
    for (struct device *d = devices.first; d; d = d->next) {
        if (d->doomed)
            continue;
        if (!exists(d)) {
            doom(d);
            continue;
        }
        store_watch(backend.store, store_fmt("%s/state", d->front), front_token(d));
        /* What was written while nobody was there to take it. */
        if (d->type->program && d->ready)
            device_set_state(d, d->state);
        read_front(d);
        step(d);
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

void device_reap(void)
{
    for (struct device *d = devices.first; d; d = d->next) {
        if (d->doomed)
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
        doom(d);
    }
}

int64_t device_next(void)
{
    int64_t next = 0;

    for (struct device *d = devices.first; d; d = d->next) {
        if (d->doomed && d->link == DEVICE_IDLE)
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
        if (d->doomed && d->link == DEVICE_IDLE) {
            free_device(d);
            continue;
        }
        if (!d->due || d->due > now)
            continue;
        d->due = 0;
        if (d->doomed)
            process_impatient(d);
        else if (d->link == DEVICE_ATTACHING)
            process_attach(d);
        else if (!d->ready && !d->failed)
            probe(d);
        if (!d->doomed)
            step(d);
    }
}
