// SPDX-License-Identifier: GPL-2.0-only
/*
 * splitdev_detach.c: taking split devices away; see splitdev.h.
 *
 * Two others move a device's states: its back-end, and the guest's driver, which may be anywhere
 * between finding the device and using it. So every step here is a transaction that looks at both
 * and does what is right there: a device that is just connecting is waited for, and what was asked
 * is asked again where a kernel's back-end has written over it. The nodes go in the transaction
 * that has seen that nobody uses them any more: a driver whose directory goes while it connects
 * does not survive it.
 */
#include "splitdev.h"
#include "splitdev_wait.h"

#include <errno.h>
#include <libdaemon/libdaemon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clock.h>
#include <must.h>

/* What a guest that ends, and a forced detach, give the back-end to close in good order. */
#define CLOSE_MS 10000
#define FORCE_MS 2000
/*
 * How long a driver that has said nothing yet may take to begin, and one whose back-end has closed
 * to notice. A guest without a driver looks the same.
 */
#define SETTLE_MS 2000

/* Where a device is. */
struct ends {
    bool there;        /* the back-end's directory */
    bool online;       /* nobody has asked it to go */
    bool plugged;      /* lodge-backends holds something for a kernel's back-end */
    bool front_there;  /* the front-end's state */
    int back, front;   /* states */
    bool back_is_done; /* nobody is there to wait for */
};

/*
 * The kernel's back-end may have closed before lodge-backends has pulled its plug. Where somebody
 * else pulls it (xl's scripts), the node says nothing.
 */
static bool is_plugged(const struct splitdev *dev, const char *hotplug)
{
    return lodge_splitdev_backend_type(dev) == BACKEND_KERNEL && hotplug && !strcmp(hotplug, "1");
}

/* A front-end in this state has nothing of the back-end's, and may not even be there to answer. */
static bool is_idle(int front)
{
    return front == XenbusStateUnknown || front == XenbusStateInitialising ||
           front == XenbusStateClosed;
}

/*
 * To be called in an open transaction. `both`: looks at the front-end's state, too. That is the
 * guest's, which could make each commit fail by changing it; without `both` it stays unknown.
 */
static int look(struct store *s, const struct splitdev *dev, bool both, struct ends *e)
{
    char *back, *front = NULL, *hotplug, *online;
    int rc;

    store_read(s, lodge_splitdev_back(dev, "state"), &back);
    if (both)
        store_read(s, lodge_splitdev_front(dev, "state"), &front);
    store_read(s, lodge_splitdev_back(dev, "lodge-hotplug"), &hotplug);
    store_read(s, lodge_splitdev_back(dev, "online"), &online);
    rc = store_flush(s);
    *e = (struct ends){.there = back,
                       .online = !online || strcmp(online, "0"),
                       .plugged = is_plugged(dev, hotplug),
                       .front_there = front,
                       .back = lodge_splitdev_state(back),
                       .front = lodge_splitdev_state(front)};
    /* One that no back-end has taken needs no answer either. */
    e->back_is_done = !e->there || e->back == XenbusStateInitialising ||
                      (e->back == XenbusStateClosed && !e->plugged);
    free(back);
    free(front);
    free(hotplug);
    free(online);
    return rc;
}

static void ask(struct store *s, const struct splitdev *dev, const struct ends *e)
{
    store_write(s, lodge_splitdev_back(dev, "online"), "0");
    if (e->back < XenbusStateClosing || e->back > XenbusStateClosed)
        store_write(s, lodge_splitdev_back(dev, "state"), "5");
}

/* --- in agreement with the guest ------------------------------------------------------------ */

enum phase { PHASE_OPEN, PHASE_ASKED, PHASE_DONE };

struct detach {
    struct store *s; /* of its own, with watches on both ends */
    const struct splitdev *dev;
    enum phase phase;
    int64_t since; /* when that was seen first */
    int settle_ms;
    struct ends ends; /* as last seen */
};

/* True where the driver is not in the middle of connecting: it can be asked to close now. */
static bool has_settled(const struct ends *e, bool late)
{
    if (e->front == XenbusStateClosing || e->front == XenbusStateClosed || !e->front_there ||
        e->back == XenbusStateClosing || e->back == XenbusStateClosed)
        return true;
    if (is_idle(e->front) || e->front == XenbusStateInitWait)
        return late;
    return e->front == XenbusStateConnected && e->back == XenbusStateConnected;
}

/* In the open transaction: 1: the nodes go with it; 0: there is something to wait for. */
static int act(struct detach *d)
{
    const struct ends *e = &d->ends;
    enum phase phase = PHASE_OPEN;
    bool late;

    if (e->back_is_done)
        phase = PHASE_DONE;
    else if (!e->online && e->back >= XenbusStateClosing && e->back <= XenbusStateClosed)
        phase = PHASE_ASKED;
    if (phase != d->phase || !d->since)
        d->since = now_ms();
    d->phase = phase;
    late = now_ms() - d->since >= d->settle_ms;

    if (phase == PHASE_DONE) {
        if (e->back == XenbusStateClosed && !is_idle(e->front) && !late)
            return 0; /* its driver is about to see that, and to close */
        lodge_splitdev_remove(d->s, d->dev);
        return 1;
    }
    if (phase == PHASE_OPEN && has_settled(e, late)) {
        ask(d->s, d->dev, e);
        /*
         * In the driver's name, if there is one: a kernel's back-end waits for this. A driver that
         * comes now writes over it, sees its back-end closed, and closes, too.
         */
        if (is_idle(e->front) && e->front_there)
            store_write(d->s, lodge_splitdev_front(d->dev, "state"), "6");
    }
    return 0;
}

/* One look, and what follows from it. 1: done. */
static int step(struct lodge_session *l, struct detach *d)
{
    struct store_transaction t = {0};
    int rc, done = 0;

    while (store_transact(d->s, &t)) {
        rc = look(d->s, d->dev, true, &d->ends);
        if (rc)
            store_refuse(d->s, &t, rc);
        else
            done = act(d);
    }
    if (t.rc == -EAGAIN)
        return 0; /* an end whose state never rests: it has not settled */
    return t.rc ? lodge_fail_store(l, t.rc) : done;
}

/* How long nothing can happen without an event. */
static int64_t patience(const struct detach *d, int64_t left)
{
    int64_t settled = d->since + d->settle_ms - now_ms();

    return settled > 0 && settled < left ? settled : left;
}

/* -ETIMEDOUT, without a message, if it is still there after so long. */
static int detach(struct lodge_session *l, struct detach *d, int ms)
{
    int64_t end = now_ms() + ms, left;
    enum phase before;
    bool again = false;
    int rc;

    store_on_event(d->s, splitdev_note_event, &again);
    rc = store_watch(d->s, lodge_splitdev_back(d->dev, ""), "back");
    rc = rc ? rc : store_watch(d->s, lodge_splitdev_front(d->dev, "state"), "front");
    if (rc)
        return lodge_fail(l, rc, "%s", store_message(d->s));
    for (;;) {
        before = d->phase;
        rc = step(l, d);
        left = end - now_ms();
        if (rc)
            return rc > 0 ? 0 : rc;
        if (left <= 0)
            return -ETIMEDOUT;
        /* What a step has written may have been all that the next one waits for. */
        splitdev_await_event(d->s, &again, d->phase == before ? patience(d, left) : 0);
    }
}

/* Why it does not close. */
static int still_there(struct lodge_session *l, const struct splitdev *dev, const struct ends *e)
{
    struct xen_domctl_getdomaininfo info;
    enum device_kind kind = lodge_device_kind(dev->class);
    const char *in_use = kind == DEVICE_ANY ? NULL : lodge_device_class[kind]->in_use;
    const char *why;
    char name[40];

    lodge_splitdev_name(dev, name, sizeof(name));
    if (!ctl_domain_info(&l->ctl, dev->domid, &info) && info.flags & XEN_DOMINF_paused &&
        !is_idle(e->front))
        why = "the guest is paused and cannot answer: unpause it, or take it away with -f";
    else if (e->online && !is_idle(e->front))
        why = "the guest's driver has begun to connect and does not come to an end; take it away "
              "with -f";
    else if (is_idle(e->front) || e->back == XenbusStateClosed)
        why = "the back-end does not let go of it, see /var/log/lodge/backends.log; take it away "
              "with -f";
    else if (e->front == XenbusStateClosing && in_use)
        why = in_use;
    else
        why = "the guest's driver does not answer; take it away with -f";
    return lodge_fail(l, EBUSY,
                      "%s is not detached after %d seconds: %s (front-end %s, back-end %s)", name,
                      l->wait_ms / 1000, why, lodge_splitdev_state_name(e->front),
                      lodge_splitdev_state_name(e->back));
}

static int detach_gently(struct lodge_session *l, const struct splitdev *dev)
{
    struct detach d = {.dev = dev, .settle_ms = SETTLE_MS};
    char err[256];
    int rc;

    d.s = store_open(err, sizeof(err));
    if (!d.s)
        return lodge_fail(l, ECONNREFUSED, "%s", err);
    if (d.settle_ms > l->wait_ms / 2)
        d.settle_ms = l->wait_ms / 2;
    rc = detach(l, &d, l->wait_ms);
    store_close(d.s);
    return rc == -ETIMEDOUT ? still_there(l, dev, &d.ends) : rc;
}

/* --- whatever the guest says ---------------------------------------------------------------- */

static int check_closed(struct lodge_session *l, const struct splitdev *dev,
                        const struct splitdev_answer *a)
{
    (void)l;
    return !a->state ||
           (lodge_splitdev_state(a->state) == XenbusStateClosed && !is_plugged(dev, a->hotplug));
}

/*
 * Asks the back-end to close, and takes the front-end away. *closed: there is nobody to wait for.
 * Nothing that is the guest's is looked at: by changing it again and again the guest could keep its
 * device. A back-end that changes its nodes again and again is a driver domain's; it is not asked
 * then.
 */
static int force_to_close(struct lodge_session *l, const struct splitdev *dev, bool *closed)
{
    struct store *s = l->store;
    struct store_transaction t = {0};
    struct ends e;
    int rc;

    while (store_transact(s, &t)) {
        rc = look(s, dev, false, &e);
        if (rc) {
            store_refuse(s, &t, rc);
            continue;
        }
        *closed = e.back_is_done;
        if (!*closed)
            ask(s, dev, &e);
        store_remove(s, lodge_splitdev_front(dev, ""));
    }
    if (t.rc == -EAGAIN) {
        *closed = true;
        return 0;
    }
    return t.rc ? lodge_fail_store(l, t.rc) : 0;
}

static int detach_by_force(struct lodge_session *l, const struct splitdev *dev)
{
    int ms = l->wait_ms > FORCE_MS ? FORCE_MS : l->wait_ms;
    const struct splitdev *late;
    bool closed = false;
    int rc = force_to_close(l, dev, &closed);

    if (!rc && !closed)
        rc = splitdev_wait_for(l, dev, 1, ms, check_closed, &late);
    if (rc && rc != -ETIMEDOUT)
        return rc;
    lodge_splitdev_remove(l->store, dev);
    rc = store_flush(l->store);
    return rc ? lodge_fail_store(l, rc) : 0;
}

int lodge_splitdev_detach(struct lodge_session *l, const struct splitdev *dev, bool force)
{
    int rc = force ? detach_by_force(l, dev) : detach_gently(l, dev);

    if (!rc)
        lodge_splitdev_prune(l->store, dev);
    return rc;
}

/* --- a guest that ends ---------------------------------------------------------------------- */

void lodge_splitdev_close_all(struct lodge_session *l, uint16_t domid)
{
    struct splitdev *dev = NULL;
    unsigned nr = lodge_splitdev_list(l->store, domid, DEVICE_ANY, &dev), nr_wait = 0;
    struct splitdev *wait = must(calloc(nr + 1, sizeof(*wait)));
    const struct splitdev *late;
    char name[40];
    int ms = l->wait_ms < CLOSE_MS ? l->wait_ms : CLOSE_MS;

    if (nr)
        ctl_domain_pause(&l->ctl, domid); /* it need not see its disks go */
    for (unsigned i = 0; i < nr; i++) {
        bool closed = true;

        /* Of other tools' classes we do not know who would answer. */
        if (lodge_device_kind(dev[i].class) != DEVICE_ANY && !force_to_close(l, &dev[i], &closed) &&
            !closed)
            wait[nr_wait++] = dev[i];
    }
    if (splitdev_wait_for(l, wait, nr_wait, ms, check_closed, &late)) {
        lodge_splitdev_name(late, name, sizeof(name));
        daemon_say("domain %u: the back-end of %s did not close in %d seconds; its nodes are "
                   "removed all the same",
                   domid, name, ms / 1000);
    }
    for (unsigned i = 0; i < nr; i++) {
        lodge_splitdev_remove(l->store, &dev[i]);
        lodge_splitdev_remove_parent(l->store, &dev[i]);
    }
    if (nr)
        store_flush(l->store);
    free(wait);
    free(dev);
}
