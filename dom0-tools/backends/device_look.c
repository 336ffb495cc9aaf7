// SPDX-License-Identifier: GPL-2.0-only
/*
 * device_look.c: what the store has of a device, and what its worker says, made into events.
 *
 * Two parties change a device's nodes: the tools (the whole directory, `online`, and the state when
 * a device is to go) and the guest (its own state). Whatever is read is taken as news, never as
 * truth. What cannot be read, as xenstored is away, is neither: a guest's end and its fault look
 * the same as no answer.
 */
#include "backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_RETRIES 300 /* where an old worker still holds on, before it counts as a failure */

void device_give_up(struct device *d)
{
    device_event(d, EVENT_LOST);
}

/* --- the store ----------------------------------------------------------------------------- */

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
    if (before != d->front_state && d->front_state == XenbusStateInitialising)
        device_event(d, EVENT_FRONT_AGAIN);
    device_step(d);
}

/* The tools may write the state, too: 5 asks for the device's end. */
static void state_changed(struct device *d, int state)
{
    if (!d->type->program) {
        d->state = state;
        if (state == XenbusStateClosed)
            device_event(d, EVENT_KERNEL_CLOSED);
    } else if (state == XenbusStateClosing) {
        if (d->state < XenbusStateClosing)
            d->state = state;
        device_event(d, EVENT_ASKED);
    } else {
        device_event(d, EVENT_BACK);
    }
}

/* Its directory, `online`, or its state. False: there is another device in its place now. */
static bool look_at_back(struct device *d)
{
    char *id, *online, *text;
    bool gone, anew = d->state > XenbusStateInitialising || (d->news_whole && !device_ready(d));
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
        device_event(d, EVENT_REMOVED);
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
    if (key && device_ready(d) && d->type->changed)
        d->type->changed(d);
    if (front)
        look_at_front(d);
}

/* --- its worker ---------------------------------------------------------------------------- */

bool device_parcel(struct device *d, struct worker_parcel *parcel)
{
    int rc;

    if (d->life != DEVICE_ATTACHING)
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
        device_event(d, EVENT_FAILED);
        return false;
    }
    d->due = 0; /* a worker that was just started gets it now, and not once more later */
    return true;
}

void device_attached(struct device *d, const struct worker_parcel *parcel)
{
    int rc;

    if (d->life != DEVICE_ATTACHING)
        return;
    device_event(d, EVENT_TAKEN);
    rc = d->type->attached ? d->type->attached(d, parcel) : 0;
    device_event(d, rc ? EVENT_LOST : EVENT_SERVED);
}

void device_worker_failed(struct device *d, int status, const char *why)
{
    bool asked = d->life == DEVICE_ATTACHING || d->life == DEVICE_ATTACHED;

    if (!asked) {
        /* It has let go, or says again what is known: that must cost no requests to the store. */
        device_event(d, EVENT_LET_GO);
    } else if (status == -EBUSY && d->rings != DEVICE_RINGS_NEW && d->tries + 1 < DEVICE_RETRIES) {
        /* Rings that an old worker has not let go of yet: it will. */
        device_event(d, EVENT_BUSY);
    } else {
        device_fail(d, EIO, "%.255s", why);
        device_event(d, EVENT_FAILED);
    }
}

/*
 * A worker says so whenever it likes: after it has failed, when what the device had is closed; or
 * when its nodes may be another device's already.
 */
void device_worker_changed(struct device *d, const struct worker_parcel *parcel)
{
    bool has_it =
        d->life == DEVICE_ATTACHED || d->life == DEVICE_DETACHING || d->life == DEVICE_FAILING;

    if (has_it && d->type->worker_changed)
        d->type->worker_changed(d, parcel);
}
