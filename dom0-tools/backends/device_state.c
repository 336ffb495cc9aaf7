// SPDX-License-Identifier: GPL-2.0-only
/*
 * device_state.c: the xenbus state machine that all kinds of devices share.
 *
 * Two parties change a device's nodes: the tools (the whole directory, `online`, and the state when
 * a device is to go) and the guest (its own state). Whatever is read is taken as news, never as
 * truth: each step looks at where both sides are and does the one thing that brings them on. For
 * the kernel's back-ends only the beginning and the end are ours; the states between are theirs.
 *
 * The tools' Closing stands until the front-end has closed: device_set_state() does not write over
 * it, and a device that was just connecting takes it for its own state and goes on from there.
 */
#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_RETRIES   300 /* where an old worker still holds on, before it counts as a failure */
#define DEVICE_END_MS    10  /* after which it is looked whether a device of the kernel's is gone */
#define DEVICE_END_TRIES 1000

void device_close(struct device *d)
{
    if (d->probed && d->type->close)
        d->type->close(d);
    claim_release(d);
    d->probed = d->ready = false;
    device_forget_puts(d);
}

/*
 * The kernel's back-end says Closed before its plug is pulled, and a script that pulls it reads the
 * nodes: the tools wait for this before they remove them. (hotplug-status is the kernel's, which
 * takes it away when it likes.)
 */
void device_unplugged(struct device *d)
{
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
    device_forget_puts(d);
    device_put(d, "hotplug-error", "%s", d->message);
    if (!d->type->program)
        device_put(d, "hotplug-status", "error");
    device_set_state(d, XenbusStateClosed);
    if (d->link == DEVICE_IDLE)
        device_close(d);
    if (!d->type->program)
        device_unplugged(d);
}

/*
 * The end of a device whose front-end has closed: what is open is let go. If it does not come back,
 * that is done before Closed tells the tools that they can remove its nodes: a hot-plug script
 * reads them.
 */
static void finish(struct device *d)
{
    if (!d->online)
        device_close(d);
    if (d->type->program)
        device_set_state(d, XenbusStateClosed);
    if (!d->online)
        device_doom(d);
}

void device_probe(struct device *d)
{
    int rc;

    d->due = 0;
    d->probed = true;
    rc = d->type->probe ? d->type->probe(d) : 0;
    if (rc == BACKEND_LATER) {
        d->due = backend_now() + DEVICE_RETRY_MS;
        return;
    }
    if (!rc && !(d->type->program && !d->adopted))
        rc = device_flush(d);
    if (rc && store_is_dead(backend.store)) {
        /* From the start, when it is back: what was read may be nothing. */
        device_close(d);
        d->due = backend_now() + DEVICE_RETRY_MS;
        return;
    }
    if (rc) {
        device_give_up(d);
        device_close(d);
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

/* --- steps ------------------------------------------------------------------------------------ */

/* The front-end is where front_state says; go on from there. */
void device_step(struct device *d)
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
            device_probe(d);
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
            device_doom(d);
        break;
    }
}

void device_read_front(struct device *d)
{
    int state = (int)device_front_number(d, "state", 0, XenbusStateReconfigured);

    if (!store_is_dead(backend.store))
        d->front_state = state;
}

static void look_at_front(struct device *d)
{
    int before = d->front_state;

    device_read_front(d);
    if (d->failed && before != d->front_state && d->link == DEVICE_IDLE &&
        d->front_state == XenbusStateInitialising && d->online) {
        /* The guest starts over: so may we. */
        d->failed = false;
        store_remove(backend.store, store_fmt("%s/hotplug-error", d->back));
        device_probe(d);
    }
    device_step(d);
}

/*
 * The kernel says Closed when its back-end has closed, and once more when that device of the
 * kernel's goes, a while later: into the nodes of another one, if there are such by then.
 */
static bool kernel_has_it(const struct device *d)
{
    return backend.sys_devices && !access(store_fmt("%s/%s-%u-%u", backend.sys_devices,
                                                    d->type->directory, d->domid, d->devid),
                                          F_OK);
}

void device_end_stock(struct device *d)
{
    if (!d->ending) {
        device_close(d);
        d->ending = true;
        d->tries = 0;
    }
    if (kernel_has_it(d) && d->tries++ < DEVICE_END_TRIES) {
        d->due = backend_now() + DEVICE_END_MS;
        return;
    }
    d->due = 0;
    device_unplugged(d);
    device_doom(d);
}

/* The tools may write the state, too: 5 asks for the device's end. */
static void state_changed(struct device *d, int state)
{
    if (!d->type->program) {
        d->state = state;
        if (state == XenbusStateClosed && !d->online)
            device_end_stock(d);
        return;
    }
    if (state == XenbusStateClosing && d->state < XenbusStateClosing)
        d->state = state;
    if (d->state == XenbusStateClosed && d->link == DEVICE_IDLE && !d->online) {
        if (state == XenbusStateClosing) /* the tools wait for an answer */
            device_set_state(d, XenbusStateClosed);
        device_doom(d);
    }
    if (d->state != XenbusStateClosing)
        return;
    if (!d->ready && d->link == DEVICE_IDLE) /* its image was still being opened */
        finish(d);
    else
        device_step(d);
}

/* Its directory, `online`, or its state. False: there is another device in its place now. */
static bool look_at_back(struct device *d)
{
    char *id, *online, *text;
    bool gone, anew = d->state > XenbusStateInitialising || (d->news_whole && !d->ready);
    int state;

    store_read(backend.store, store_fmt("%s/frontend-id", d->back), &id);
    store_read(backend.store, store_fmt("%s/online", d->back), &online);
    store_read(backend.store, store_fmt("%s/state", d->back), &text);
    store_flush(backend.store);
    gone = !id;
    state = (int)device_parse(text, 0, XenbusStateReconfigured);
    if (!gone)
        d->online = device_parse(online, 1, 1);
    free(id);
    free(online);
    free(text);
    if (store_is_dead(backend.store))
        return true; /* no answer is not a no */
    d->news_whole = false;
    if (gone) {
        device_doom(d);
    } else if (state == XenbusStateInitialising && anew) {
        device_replace(d); /* it failed, or was removed a moment ago */
        return false;
    } else {
        state_changed(d, state);
    }
    return true;
}

void device_look(struct device *d)
{
    bool front = d->news_front, back = d->news_back, key = d->news_key;

    d->news_front = d->news_back = d->news_key = false;
    if (back && !look_at_back(d))
        return;
    if (key && d->ready && !d->doomed && d->type->changed)
        d->type->changed(d);
    if (front && !d->doomed)
        look_at_front(d);
}

/* --- workers ---------------------------------------------------------------------------------- */

bool device_parcel(struct device *d, struct worker_parcel *parcel)
{
    int rc;

    if (d->doomed || d->failed || d->link != DEVICE_ATTACHING)
        return false;
    if (device_predecessor(d)) {
        d->due = backend_now() + DEVICE_RETRY_MS; /* the worker knows it by the same number */
        return false;
    }
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
    d->due = 0; /* a worker that was just started gets it now, and not once more later */
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
    d->reconnect = true;
    d->adopted = false;
    /* A new worker in an old one's place is none of the front-end's business. */
    if (d->state == XenbusStateConnected)
        device_say(d, "is served again");
    else if (d->state < XenbusStateConnected)
        device_set_state(d, XenbusStateConnected);
    device_step(d);
}

void device_detached(struct device *d)
{
    d->link = DEVICE_IDLE;
    d->reconnect = d->adopted = false;
    if (d->type->disconnect && d->ready)
        d->type->disconnect(d);
    if (d->doomed || d->failed) {
        device_close(d);
        return;
    }
    device_read_front(d);
    device_step(d);
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

/*
 * A worker says so whenever it likes: after it has failed, when what the device had is closed; or
 * when its nodes may be another device's already.
 */
void device_worker_changed(struct device *d, const struct worker_parcel *parcel)
{
    bool has_it = d->link == DEVICE_ATTACHED || d->link == DEVICE_DETACHING;

    if (has_it && !d->doomed && d->type->worker_changed)
        d->type->worker_changed(d, parcel);
}
