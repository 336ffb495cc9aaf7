// SPDX-License-Identifier: GPL-2.0-only
/*
 * device_life.c: a device's life, as one table: in which state, what happens, what comes of it.
 *
 * Four parties push a device. The guest writes its front-end's state, and may write anything at any
 * time. The tools make and remove the directory, take `online` away and write Closing. A worker
 * takes the device, lets go of it, fails or dies. The store goes away and comes back. Each of them
 * only causes events here, and what the table has no row for is ignored: so a guest can choose
 * which row comes next, and nothing else.
 *
 * On the left is the life of a device that is attached and detached; on the right what interrupts
 * it. A device waits in each of them:
 *
 *     OPENING     for what is behind it to open    FAILING   it failed; for the worker to let go
 *     WAITING     for the front-end                FAILED    for the guest to start anew
 *     ATTACHING   for a worker to take it
 *     ATTACHED    served                           LEAVING   it is to go; for the worker to let go
 *     DETACHING   for the worker to let go         GONE      to be freed in the next turn
 *     CLOSING     for the front-end to close
 *     CLOSED      for the guest to start anew
 *
 * Of a device of the kernel's only the beginning and the end are ours: OPENING, PLUGGED while the
 * kernel has it, and ENDING until the kernel's device is gone.
 *
 * What holds in each state, between two events:
 *
 *                 own XenBus state                        worker   open     due
 *     OPENING     as it was found; Closed if anew         no       perhaps  yes
 *     WAITING     InitWait; Connected if inherited        no       yes      no
 *     ATTACHING   these; Closing if the tools ask         yes      yes      to try again
 *     ATTACHED    Connected; Closing if the tools ask     yes      yes      no
 *     DETACHING   Closing                                 yes      yes      no
 *     CLOSING     Closing                                 no       yes      no
 *     CLOSED      Closed                                  no       yes      no
 *     PLUGGED     the kernel's                            no       yes      no
 *     ENDING      Closed, the kernel's                    no       no       yes
 *     FAILING     Closed                                  yes      yes      no
 *     FAILED      Closed                                  no       no       no
 *     LEAVING     any                                     yes      yes      to lose patience
 *     GONE        any                                     no       perhaps  no
 *
 * "worker": one has it, is about to be given it, or has not let go of it yet. A device that is to
 * go stays until then, as the worker may write to its image; its successor of the same number is
 * not given to the worker before (device_predecessor()). "open": the kind's probe() has succeeded
 * and its close() was not called. Then there is how the rings stand, `rings`:
 *
 *     NEW         no worker has served them. In FAILED and FAILING always: who starts over does so
 *                 with others
 *     INHERITED   those of an earlier daemon's worker, which may hold them still; until ATTACHED
 *     SERVED      those of a worker of ours; from ATTACHED until it lets go. If it dies, the next
 *                 one gets them, in ATTACHING, and the front-end hears nothing of it
 *
 * So a takeover is no state of its own. A device that an earlier daemon left Connected is opened
 * and attached like any other, with two differences. InitWait is not written. And what a worker of
 * that daemon still holds (the rings, the image, the tap) is waited for, and is no failure.
 *
 * The front-end's state is a level and not an edge: device_step() makes an event of where it is,
 * and is called after each change of ours. The tools' Closing stands until the front-end has
 * closed: device_set_state() does not write over it, but tells us (FORESTALLED).
 */
#include "backend.h"

#include <stdlib.h>
#include <unistd.h>

#define DEVICE_DETACH_MS 20000 /* for a worker to finish requests of a device that goes */
#define DEVICE_END_MS    10    /* between two looks whether a kernel's device is gone */
#define DEVICE_END_TRIES 1000

/* --- what is done -------------------------------------------------------------------------- */

void device_close(struct device *d)
{
    if (d->open && d->type->close)
        d->type->close(d);
    claim_release(d);
    d->open = false;
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

static void come_back(struct device *d)
{
    d->due = backend_now() + DEVICE_RETRY_MS;
}

void device_open(struct device *d)
{
    int rc;

    d->open = true;
    rc = d->type->probe ? d->type->probe(d) : 0;
    if (rc == BACKEND_LATER) {
        come_back(d);
        return;
    }
    if (!rc && (!d->type->program || d->rings == DEVICE_RINGS_INHERITED))
        rc = device_flush(d);
    if (rc && store_is_dead(backend.store))
        device_event(d, EVENT_UNREADABLE);
    else if (rc)
        device_event(d, EVENT_FAILED);
    else
        device_event(d, d->type->program ? EVENT_OPENED : EVENT_PLUGGED);
}

/* Opens it from the start when the store is back: what was read so far may be nothing. */
static void open_later(struct device *d)
{
    device_close(d);
    come_back(d);
}

static void offer(struct device *d)
{
    if (d->rings != DEVICE_RINGS_INHERITED)
        device_set_state(d, XenbusStateInitWait);
}

static void attach(struct device *d)
{
    d->seen = true;
    process_attach(d);
}

static void taken(struct device *d)
{
    d->tries = 0;
}

static void announce(struct device *d)
{
    d->rings = DEVICE_RINGS_SERVED;
    /* A new worker in an old one's place is none of the front-end's business. */
    if (d->state == XenbusStateConnected)
        device_say(d, "is served again");
    else if (d->state < XenbusStateConnected)
        device_set_state(d, XenbusStateConnected);
    device_step(d);
}

static void attach_later(struct device *d)
{
    d->tries++;
    come_back(d);
}

static void detach(struct device *d)
{
    if (d->state != XenbusStateClosing)
        device_set_state(d, XenbusStateClosing);
    if (!process_detach(d))
        device_event(d, EVENT_LET_GO);
}

/* No worker has it any more. */
static void disconnect(struct device *d)
{
    d->rings = DEVICE_RINGS_NEW;
    if (d->type->disconnect)
        d->type->disconnect(d);
}

static void let_go(struct device *d)
{
    disconnect(d);
    device_read_front(d);
    device_step(d);
}

static void let_go_and_close(struct device *d)
{
    disconnect(d);
    device_close(d);
}

/* Meanwhile the guest may have started its driver anew, or the tools have asked for its end. */
static void let_go_failed(struct device *d)
{
    let_go_and_close(d);
    device_look_again(d);
    if (d->front_state == XenbusStateInitialising)
        device_event(d, EVENT_FRONT_AGAIN);
}

static void say_closing(struct device *d)
{
    device_set_state(d, XenbusStateClosing);
}

static void say_closed(struct device *d)
{
    if (d->state != XenbusStateClosed)
        device_set_state(d, XenbusStateClosed);
}

/* Before it was open: what comes next is up to the front-end, as after a failure. */
static void close_unused(struct device *d)
{
    d->rings = DEVICE_RINGS_NEW;
    device_close(d);
    say_closed(d);
}

/*
 * The end of a device that does not come back: what is open is let go before Closed tells the tools
 * that they can remove its nodes, as a hot-plug script reads them.
 */
static void close_for_good(struct device *d)
{
    device_close(d);
    device_set_state(d, XenbusStateClosed);
}

/* The guest starts its driver anew. */
static void reopen(struct device *d)
{
    d->rings = DEVICE_RINGS_NEW;
    device_open(d);
}

static void reopen_failed(struct device *d)
{
    store_remove(backend.store, store_fmt("%s/hotplug-error", d->back));
    device_open(d);
}

/* --- failures */

static void say_why(struct device *d)
{
    device_say(d, "%s", d->message);
    /* Should the guest start over, then with other rings. */
    d->rings = DEVICE_RINGS_NEW;
}

static void write_why(struct device *d)
{
    device_forget_puts(d);
    device_put(d, "hotplug-error", "%s", d->message);
    if (!d->type->program)
        device_put(d, "hotplug-status", "error");
    device_set_state(d, XenbusStateClosed);
}

static void fail(struct device *d)
{
    say_why(d);
    write_why(d);
    device_close(d);
    if (!d->type->program)
        device_unplugged(d);
}

static void fail_and_detach(struct device *d)
{
    bool asked;

    say_why(d);
    asked = process_detach(d);
    write_why(d);
    if (!asked)
        device_event(d, EVENT_LET_GO);
}

static void fail_detaching(struct device *d)
{
    say_why(d);
    write_why(d);
}

/* --- going */

static void leave(struct device *d)
{
    d->tries = 0;
    d->due = backend_now() + DEVICE_DETACH_MS;
}

/*
 * Called again and again: nothing tells when the other devices go for which the worker is spared.
 */
static void lose_patience(struct device *d)
{
    process_impatient(d, !d->tries++);
    d->due = backend_now() + DEVICE_DETACH_MS;
}

static void detach_and_leave(struct device *d)
{
    if (process_detach(d))
        leave(d);
    else
        device_event(d, EVENT_LET_GO);
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

static void wait_for_kernel(struct device *d)
{
    if (kernel_has_it(d) && d->tries++ < DEVICE_END_TRIES)
        d->due = backend_now() + DEVICE_END_MS;
    else
        device_event(d, EVENT_UNPLUGGED);
}

static void unplug(struct device *d)
{
    device_close(d);
    d->tries = 0;
    wait_for_kernel(d);
}

/*
 * Writes again what was written while xenstored was away, but not over what the tools have written
 * since: that is looked at next.
 */
static void say_again(struct device *d)
{
    int state = (int)device_number(d, "state", 0, XenbusStateReconfigured);
    bool failed = d->life == DEVICE_FAILED || d->life == DEVICE_FAILING;

    if (state == XenbusStateInitialising)
        return;
    if (failed && *d->message)
        device_put(d, "hotplug-error", "%s", d->message);
    device_set_state(d, d->state);
}

/* --- the table ----------------------------------------------------------------------------- */

enum when {
    ALWAYS,
    ONLINE,  /* once closed it stays, for a front-end that starts anew */
    OFFLINE, /* once closed it goes */
    OVER,    /* it has closed, and goes */
};

/* The first row that fits. The state is the next one already when the action is called. */
static const struct transition {
    enum device_life life;
    enum device_event event;
    enum when when;
    enum device_life next;
    void (*action)(struct device *d);
} table[] = {
    {DEVICE_OPENING, EVENT_DUE, ALWAYS, DEVICE_OPENING, device_open},
    {DEVICE_OPENING, EVENT_OPENED, ALWAYS, DEVICE_WAITING, offer},
    {DEVICE_OPENING, EVENT_PLUGGED, ALWAYS, DEVICE_PLUGGED, NULL},
    {DEVICE_OPENING, EVENT_UNREADABLE, ALWAYS, DEVICE_OPENING, open_later},
    {DEVICE_OPENING, EVENT_FAILED, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_OPENING, EVENT_LOST, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_OPENING, EVENT_ASKED, ONLINE, DEVICE_FAILED, close_unused},
    {DEVICE_OPENING, EVENT_ASKED, OFFLINE, DEVICE_GONE, close_for_good},
    {DEVICE_OPENING, EVENT_BACK, OVER, DEVICE_GONE, NULL},
    {DEVICE_OPENING, EVENT_KERNEL_CLOSED, OFFLINE, DEVICE_ENDING, unplug},
    {DEVICE_OPENING, EVENT_REMOVED, ALWAYS, DEVICE_GONE, NULL},

    {DEVICE_WAITING, EVENT_FRONT_READY, ALWAYS, DEVICE_ATTACHING, attach},
    {DEVICE_WAITING, EVENT_FRONT_CLOSING, ALWAYS, DEVICE_CLOSING, say_closing},
    {DEVICE_WAITING, EVENT_FRONT_CLOSED, ONLINE, DEVICE_CLOSED, say_closed},
    {DEVICE_WAITING, EVENT_FRONT_CLOSED, OFFLINE, DEVICE_GONE, close_for_good},
    {DEVICE_WAITING, EVENT_ASKED, ALWAYS, DEVICE_CLOSING, device_step},
    {DEVICE_WAITING, EVENT_FORESTALLED, ALWAYS, DEVICE_CLOSING, NULL},
    {DEVICE_WAITING, EVENT_LOST, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_WAITING, EVENT_STORE_BACK, ALWAYS, DEVICE_WAITING, say_again},
    {DEVICE_WAITING, EVENT_REMOVED, ALWAYS, DEVICE_GONE, NULL},

    {DEVICE_ATTACHING, EVENT_DUE, ALWAYS, DEVICE_ATTACHING, process_attach},
    {DEVICE_ATTACHING, EVENT_TAKEN, ALWAYS, DEVICE_ATTACHED, taken},
    {DEVICE_ATTACHING, EVENT_BUSY, ALWAYS, DEVICE_ATTACHING, attach_later},
    {DEVICE_ATTACHING, EVENT_FAILED, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_ATTACHING, EVENT_LOST, ALWAYS, DEVICE_FAILING, fail_and_detach},
    {DEVICE_ATTACHING, EVENT_FRONT_CLOSING, ALWAYS, DEVICE_DETACHING, detach},
    {DEVICE_ATTACHING, EVENT_FRONT_CLOSED, ALWAYS, DEVICE_DETACHING, detach},
    {DEVICE_ATTACHING, EVENT_FRONT_UNWRITTEN, ALWAYS, DEVICE_DETACHING, detach},
    {DEVICE_ATTACHING, EVENT_STORE_BACK, ALWAYS, DEVICE_ATTACHING, say_again},
    {DEVICE_ATTACHING, EVENT_REMOVED, ALWAYS, DEVICE_LEAVING, detach_and_leave},

    {DEVICE_ATTACHED, EVENT_SERVED, ALWAYS, DEVICE_ATTACHED, announce},
    {DEVICE_ATTACHED, EVENT_DIED, ALWAYS, DEVICE_ATTACHING, NULL},
    {DEVICE_ATTACHED, EVENT_BUSY, ALWAYS, DEVICE_ATTACHING, attach_later},
    {DEVICE_ATTACHED, EVENT_FAILED, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_ATTACHED, EVENT_LOST, ALWAYS, DEVICE_FAILING, fail_and_detach},
    {DEVICE_ATTACHED, EVENT_FRONT_CLOSING, ALWAYS, DEVICE_DETACHING, detach},
    {DEVICE_ATTACHED, EVENT_FRONT_CLOSED, ALWAYS, DEVICE_DETACHING, detach},
    {DEVICE_ATTACHED, EVENT_FRONT_UNWRITTEN, ALWAYS, DEVICE_DETACHING, detach},
    {DEVICE_ATTACHED, EVENT_STORE_BACK, ALWAYS, DEVICE_ATTACHED, say_again},
    {DEVICE_ATTACHED, EVENT_REMOVED, ALWAYS, DEVICE_LEAVING, detach_and_leave},

    {DEVICE_DETACHING, EVENT_LET_GO, ALWAYS, DEVICE_CLOSING, let_go},
    {DEVICE_DETACHING, EVENT_DIED, ALWAYS, DEVICE_CLOSING, let_go},
    {DEVICE_DETACHING, EVENT_LOST, ALWAYS, DEVICE_FAILING, fail_detaching},
    {DEVICE_DETACHING, EVENT_STORE_BACK, ALWAYS, DEVICE_DETACHING, say_again},
    {DEVICE_DETACHING, EVENT_REMOVED, ALWAYS, DEVICE_LEAVING, leave},

    {DEVICE_CLOSING, EVENT_FRONT_STARTS, ONLINE, DEVICE_CLOSED, say_closed}, /* nobody ever came */
    {DEVICE_CLOSING, EVENT_FRONT_STARTS, OFFLINE, DEVICE_GONE, close_for_good},
    {DEVICE_CLOSING, EVENT_FRONT_CLOSED, ONLINE, DEVICE_CLOSED, say_closed},
    {DEVICE_CLOSING, EVENT_FRONT_CLOSED, OFFLINE, DEVICE_GONE, close_for_good},
    {DEVICE_CLOSING, EVENT_ASKED, ALWAYS, DEVICE_CLOSING, device_step},
    {DEVICE_CLOSING, EVENT_LOST, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_CLOSING, EVENT_STORE_BACK, ALWAYS, DEVICE_CLOSING, say_again},
    {DEVICE_CLOSING, EVENT_REMOVED, ALWAYS, DEVICE_GONE, NULL},

    {DEVICE_CLOSED, EVENT_FRONT_STARTS, ONLINE, DEVICE_OPENING, reopen},
    {DEVICE_CLOSED, EVENT_FRONT_CLOSED, OFFLINE, DEVICE_GONE, NULL},
    {DEVICE_CLOSED, EVENT_ASKED, OFFLINE, DEVICE_GONE, close_for_good},
    {DEVICE_CLOSED, EVENT_BACK, OVER, DEVICE_GONE, NULL},
    {DEVICE_CLOSED, EVENT_LOST, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_CLOSED, EVENT_STORE_BACK, ALWAYS, DEVICE_CLOSED, say_again},
    {DEVICE_CLOSED, EVENT_REMOVED, ALWAYS, DEVICE_GONE, NULL},

    {DEVICE_PLUGGED, EVENT_LOST, ALWAYS, DEVICE_FAILED, fail},
    {DEVICE_PLUGGED, EVENT_KERNEL_CLOSED, OFFLINE, DEVICE_ENDING, unplug},
    {DEVICE_PLUGGED, EVENT_REMOVED, ALWAYS, DEVICE_GONE, NULL},

    {DEVICE_ENDING, EVENT_DUE, ALWAYS, DEVICE_ENDING, wait_for_kernel},
    {DEVICE_ENDING, EVENT_KERNEL_CLOSED, OFFLINE, DEVICE_ENDING, wait_for_kernel},
    {DEVICE_ENDING, EVENT_UNPLUGGED, ALWAYS, DEVICE_GONE, device_unplugged},
    {DEVICE_ENDING, EVENT_REMOVED, ALWAYS, DEVICE_GONE, NULL},

    {DEVICE_FAILING, EVENT_LET_GO, ALWAYS, DEVICE_FAILED, let_go_failed},
    {DEVICE_FAILING, EVENT_DIED, ALWAYS, DEVICE_FAILED, let_go_failed},
    {DEVICE_FAILING, EVENT_STORE_BACK, ALWAYS, DEVICE_FAILING, say_again},
    {DEVICE_FAILING, EVENT_REMOVED, ALWAYS, DEVICE_LEAVING, leave},

    {DEVICE_FAILED, EVENT_FRONT_AGAIN, ONLINE, DEVICE_OPENING, reopen_failed},
    {DEVICE_FAILED, EVENT_ASKED, OFFLINE, DEVICE_GONE, close_for_good},
    {DEVICE_FAILED, EVENT_BACK, OVER, DEVICE_GONE, NULL},
    {DEVICE_FAILED, EVENT_KERNEL_CLOSED, OFFLINE, DEVICE_ENDING, unplug},
    {DEVICE_FAILED, EVENT_STORE_BACK, ALWAYS, DEVICE_FAILED, say_again},
    {DEVICE_FAILED, EVENT_REMOVED, ALWAYS, DEVICE_GONE, NULL},

    {DEVICE_LEAVING, EVENT_DUE, ALWAYS, DEVICE_LEAVING, lose_patience},
    {DEVICE_LEAVING, EVENT_LET_GO, ALWAYS, DEVICE_GONE, let_go_and_close},
    {DEVICE_LEAVING, EVENT_DIED, ALWAYS, DEVICE_GONE, let_go_and_close},
};

static bool holds(enum when when, const struct device *d)
{
    return when == ALWAYS || d->online == (when == ONLINE);
}

static const struct transition *find(const struct device *d, enum device_event event)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (table[i].life == d->life && table[i].event == event && holds(table[i].when, d) &&
            (table[i].when != OVER || d->state == XenbusStateClosed))
            return &table[i];
    return NULL;
}

void device_event(struct device *d, enum device_event event)
{
    const struct transition *row = find(d, event);

    if (!row)
        return;
    if (row->next != d->life)
        d->due = 0;
    d->life = row->next;
    if (row->action)
        row->action(d);
}

void device_step(struct device *d)
{
    switch (d->front_state) {
    case XenbusStateInitialising:
    case XenbusStateInitWait:
        device_event(d, EVENT_FRONT_STARTS);
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        device_event(d, EVENT_FRONT_READY);
        break;
    case XenbusStateClosing:
        device_event(d, EVENT_FRONT_CLOSING);
        break;
    case XenbusStateUnknown:
        device_event(d, d->state < XenbusStateInitialised ? EVENT_FRONT_UNWRITTEN
                                                          : EVENT_FRONT_CLOSED);
        break;
    default:
        device_event(d, EVENT_FRONT_CLOSED);
        break;
    }
}
