// SPDX-License-Identifier: GPL-2.0-only
/*
 * splitdev.c: attaching, waiting for, detaching and closing split devices; see splitdev.h.
 *
 * Waiting has a connection to xenstore of its own: the monitor, which runs this code too, has
 * watches on its connection whose events are not ours to take.
 */
#include "splitdev.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <public/io/xenbus.h>
#include "../clock.h"
#include "alloc.h"

/* What a guest that ends, and a forced detach, give the back-end to close in good order. */
#define CLOSE_MS 10000
#define FORCE_MS 2000

/* A state; the guest may have written anything. */
static int number(const char *text)
{
    long n = text ? strtol(text, NULL, 10) : XenbusStateUnknown;

    return n < 0 || n > XenbusStateReconfigured ? XenbusStateUnknown : (int)n;
}

/* --- waiting -------------------------------------------------------------------------------- */

/* What the back-end said so far; strings may be NULL. */
struct answer {
    char *state, *status, *hotplug, *error, *resized;
};

/* 1: the device is where it shall be; 0: not yet; or a negative errno with a message. */
typedef int check_fn(struct lodge *l, const struct splitdev *dev, const struct answer *a);

struct waiting {
    const struct splitdev *dev;
    unsigned nr;
    bool *done;
    check_fn *check;
};

/* How many are not done yet, or the first failure. */
static int look(struct lodge *l, struct store *s, struct waiting *w)
{
    struct answer *a = must(calloc(w->nr, sizeof(*a)));
    int left = 0, rc = 0, got;

    for (unsigned i = 0; i < w->nr; i++)
        if (!w->done[i]) {
            store_read(s, splitdev_back(&w->dev[i], "state"), &a[i].state);
            store_read(s, splitdev_back(&w->dev[i], "hotplug-status"), &a[i].status);
            store_read(s, splitdev_back(&w->dev[i], "lodge-hotplug"), &a[i].hotplug);
            store_read(s, splitdev_back(&w->dev[i], "hotplug-error"), &a[i].error);
            store_read(s, splitdev_back(&w->dev[i], "lodge-resize-result"), &a[i].resized);
        }
    if (store_flush(s))
        rc = domain_fail(l, EIO, "%s", store_message(s));
    for (unsigned i = 0; i < w->nr; i++) {
        if (!w->done[i] && !rc) {
            got = w->check(l, &w->dev[i], &a[i]);
            rc = got < 0 ? got : 0;
            w->done[i] = got > 0;
            left += !got;
        }
        free(a[i].state);
        free(a[i].status);
        free(a[i].hotplug);
        free(a[i].error);
        free(a[i].resized);
    }
    free(a);
    return rc ? rc : left;
}

static void forget_events(struct store *s)
{
    char *path, *token;

    while (store_event(s, &path, &token)) {
        free(path);
        free(token);
    }
}

static int wait_watching(struct lodge *l, struct store *s, struct waiting *w, int ms)
{
    int64_t end = now_ms() + ms, left;
    int rc = 0;

    for (unsigned i = 0; i < w->nr && !rc; i++)
        rc = store_watch(s, splitdev_back(&w->dev[i], ""), "device");
    if (rc)
        return domain_fail(l, rc, "%s", store_message(s));
    for (;;) {
        struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};

        forget_events(s);
        rc = look(l, s, w);
        left = end - now_ms();
        if (rc <= 0 || left <= 0)
            return rc > 0 ? -ETIMEDOUT : rc;
        if (!store_has_event(s))
            poll(&pfd, 1, (int)left);
    }
}

/* -ETIMEDOUT: *late is a device that is not where it shall be, and there is no message yet. */
static int wait_for(struct lodge *l, const struct splitdev *dev, unsigned nr, int ms,
                    check_fn *check, const struct splitdev **late)
{
    struct waiting w = {.dev = dev, .nr = nr, .check = check};
    char err[256];
    struct store *s;
    int rc;

    *late = dev;
    if (!nr)
        return 0;
    s = store_open(err, sizeof(err));
    if (!s)
        return domain_fail(l, ECONNREFUSED, "%s", err);
    w.done = must(calloc(nr, sizeof(*w.done)));
    rc = wait_watching(l, s, &w, ms);
    for (unsigned i = nr; i > 0 && rc == -ETIMEDOUT; i--)
        if (!w.done[i - 1])
            *late = &dev[i - 1];
    store_close(s);
    free(w.done);
    return rc;
}

/* --- attaching ------------------------------------------------------------------------------ */

static bool is_ours(const struct splitdev *dev)
{
    return !strncmp(dev->type, "lodge-", 6);
}

static int check_taken(struct lodge *l, const struct splitdev *dev, const struct answer *a)
{
    int state = number(a->state);
    char name[40];

    splitdev_name(dev, name, sizeof(name));
    store_printable(a->error);
    if (a->error && *a->error)
        return domain_fail(l, EIO, "%s: %s", name, a->error);
    if (!a->state)
        return domain_fail(l, ENOENT, "%s: its nodes were removed meanwhile", name);
    if (state == XenbusStateClosing || state == XenbusStateClosed)
        return domain_fail(l, EIO,
                           "%s: the back-end closed it at once; see /var/log/lodge/backends.log%s",
                           name, is_ours(dev) ? "" : " and the kernel's messages");
    if (state < XenbusStateInitWait)
        return 0;
    return is_ours(dev) || (a->status && !strcmp(a->status, "connected"));
}

static int not_taken(struct lodge *l, const struct splitdev *dev)
{
    char name[40], *state = store_get(l->store, splitdev_back(dev, "state"));
    int seconds = l->wait_ms / 1000;
    const char *module = strcmp(dev->class, SPLITDEV_VIF) ? "xen-blkback" : "xen-netback";

    splitdev_name(dev, name, sizeof(name));
    if (is_ours(dev) || number(state) >= XenbusStateInitWait)
        domain_fail(l, ETIMEDOUT,
                    "%s: lodge-backends did not take it within %d seconds; does it run in domain "
                    "%u? See /var/log/lodge/backends.log",
                    name, seconds, dev->backend);
    else
        domain_fail(l, ETIMEDOUT,
                    "%s: no driver took it within %d seconds; load it in domain %u with: modprobe "
                    "%s",
                    name, seconds, dev->backend, module);
    free(state);
    return -ETIMEDOUT;
}

int splitdev_wait(struct lodge *l, const struct splitdev *dev, unsigned nr)
{
    const struct splitdev *late;
    int rc = wait_for(l, dev, nr, l->wait_ms, check_taken, &late);

    return rc == -ETIMEDOUT ? not_taken(l, late) : rc;
}

int splitdev_plan(struct lodge *l, const struct domcfg *dc, uint16_t domid, struct splitdev **out,
                  unsigned *nr)
{
    int rc = 0;

    *nr = 0;
    *out = must(calloc(dc->nr_disk + dc->nr_vif + 1, sizeof(**out)));
    for (unsigned i = 0; i < dc->nr_disk && !rc; i++)
        rc = splitdev_of_disk(l, domid, &dc->disk[i], &(*out)[(*nr)++]);
    for (unsigned i = 0; i < dc->nr_vif && !rc; i++)
        rc = splitdev_of_vif(l, domid, &dc->vif[i], &(*out)[(*nr)++]);
    if (!rc)
        return 0;
    free(*out);
    *out = NULL;
    *nr = 0;
    return rc;
}

void splitdev_write_plan(struct store *s, const struct domcfg *dc, const struct splitdev *dev)
{
    for (unsigned i = 0; i < dc->nr_disk; i++)
        splitdev_write_disk(s, dev++, dc->name, &dc->disk[i]);
    for (unsigned i = 0; i < dc->nr_vif; i++)
        splitdev_write_vif(s, dev++, dc->name, &dc->vif[i]);
}

/* One of the two is NULL. */
static int write_one(struct lodge *l, const struct splitdev *dev, const struct disk *d,
                     const struct vif *v)
{
    struct splitdev other;
    unsigned tries = 0;
    char *guest, name[40];
    int rc;

    do {
        rc = store_begin(l->store);
        if (rc)
            break;
        if (splitdev_find(l->store, dev->domid, dev->class, dev->devid, &other)) {
            store_abort(l->store);
            splitdev_name(dev, name, sizeof(name));
            return domain_fail(l, EEXIST, "domain %u has a device '%s' already", dev->domid, name);
        }
        guest = domain_name(l, dev->domid);
        if (d)
            splitdev_write_disk(l->store, dev, guest, d);
        else
            splitdev_write_vif(l->store, dev, guest, v);
        free(guest);
        rc = store_commit(l->store);
    } while (store_again(rc, &tries));
    return rc ? domain_fail(l, rc, "%s", store_message(l->store)) : 0;
}

static int attach(struct lodge *l, const struct splitdev *dev, const struct disk *d,
                  const struct vif *v)
{
    char reason[sizeof(l->message)];
    int rc;

    if (!dev->backend)
        daemon_ensure(l, "lodge-backends");
    rc = write_one(l, dev, d, v);
    if (rc)
        return rc;
    rc = splitdev_wait(l, dev, 1);
    if (rc) {
        memcpy(reason, l->message, sizeof(reason));
        splitdev_detach(l, dev, true);
        memcpy(l->message, reason, sizeof(reason));
    }
    return rc;
}

int splitdev_attach_disk(struct lodge *l, uint16_t domid, const struct disk *d)
{
    struct splitdev dev;
    int rc = splitdev_of_disk(l, domid, d, &dev);

    return rc ? rc : attach(l, &dev, d, NULL);
}

int splitdev_attach_vif(struct lodge *l, uint16_t domid, const struct vif *v)
{
    struct splitdev dev;
    int rc = splitdev_of_vif(l, domid, v, &dev);

    return rc ? rc : attach(l, &dev, NULL, v);
}

/* --- detaching ------------------------------------------------------------------------------ */

/*
 * The kernel's back-end may be through before lodge-backends has pulled its plug. Where somebody
 * else does that (xl's scripts), nothing is said of it here.
 */
static bool is_plugged(const struct splitdev *dev, const char *hotplug)
{
    return !is_ours(dev) && hotplug && !strcmp(hotplug, "1");
}

static int check_closed(struct lodge *l, const struct splitdev *dev, const struct answer *a)
{
    (void)l;
    return !a->state || (number(a->state) == XenbusStateClosed && !is_plugged(dev, a->hotplug));
}

/* A front-end in this state has nothing of the back-end's, and may not even be there to answer. */
static bool is_idle(int front)
{
    return front == XenbusStateUnknown || front == XenbusStateInitialising ||
           front == XenbusStateClosed;
}

/*
 * Asks both ends to close, in one transaction: a state that the back-end reached meanwhile is not
 * overwritten. *closed: there is nobody to wait for.
 */
static int ask_to_close(struct lodge *l, const struct splitdev *dev, bool force, bool *closed)
{
    struct store *s = l->store;
    unsigned tries = 0;
    int rc;

    do {
        char *back = NULL, *front = NULL, *hotplug = NULL;
        bool through;

        rc = store_begin(s);
        if (rc)
            break;
        store_read(s, splitdev_back(dev, "state"), &back);
        store_read(s, splitdev_front(dev, "state"), &front);
        store_read(s, splitdev_back(dev, "lodge-hotplug"), &hotplug);
        store_flush(s);
        through = number(back) == XenbusStateClosed;
        /* One that no back-end has taken needs no answer either. */
        *closed = !back || number(back) == XenbusStateInitialising ||
                  (through && !is_plugged(dev, hotplug));
        if (!*closed)
            store_write(s, splitdev_back(dev, "online"), "0");
        if (!*closed && !through)
            store_write(s, splitdev_back(dev, "state"), "5");
        if (force || is_idle(number(front)))
            store_remove(s, splitdev_front(dev, ""));
        free(back);
        free(front);
        free(hotplug);
        rc = store_commit(s);
    } while (store_again(rc, &tries));
    return rc ? domain_fail(l, rc, "%s", store_message(s)) : 0;
}

/* Why it does not close. */
static int still_there(struct lodge *l, const struct splitdev *dev)
{
    char *front = NULL, *back = NULL, name[40];
    struct xen_domctl_getdomaininfo info;
    const char *why;
    bool disk = !strcmp(dev->class, SPLITDEV_DISK);

    store_read(l->store, splitdev_front(dev, "state"), &front);
    store_read(l->store, splitdev_back(dev, "state"), &back);
    store_flush(l->store);
    splitdev_name(dev, name, sizeof(name));
    if (is_idle(number(front)) || number(back) == XenbusStateClosed)
        why = "the back-end does not let go of it, see /var/log/lodge/backends.log; take it away "
              "with -f";
    else if (!ctl_domain_info(&l->ctl, dev->domid, &info) && info.flags & XEN_DOMINF_paused)
        why = "the guest is paused and cannot answer: unpause it, or take it away with -f";
    else if (number(front) == XenbusStateClosing && disk)
        why = "the guest still uses the disk: unmount it there, or take it away with -f";
    else
        why = "the guest's driver does not answer; take it away with -f";
    domain_fail(l, EBUSY, "%s is not detached after %d seconds: %s (front-end %s, back-end %s)",
                name, l->wait_ms / 1000, why, splitdev_state_name(number(front)),
                splitdev_state_name(number(back)));
    free(front);
    free(back);
    return -EBUSY;
}

int splitdev_detach(struct lodge *l, const struct splitdev *dev, bool force)
{
    int patience = force && l->wait_ms > FORCE_MS ? FORCE_MS : l->wait_ms;
    const struct splitdev *late;
    bool closed = false;
    int rc = ask_to_close(l, dev, force, &closed);

    if (!rc && !closed)
        rc = wait_for(l, dev, 1, patience, check_closed, &late);
    if (rc && !(force && rc == -ETIMEDOUT))
        return rc == -ETIMEDOUT ? still_there(l, dev) : rc;
    splitdev_remove(l->store, dev);
    rc = store_flush(l->store);
    splitdev_prune(l->store, dev);
    return rc ? domain_fail(l, rc, "%s", store_message(l->store)) : 0;
}

/* --- resizing ------------------------------------------------------------------------------- */

static int check_resized(struct lodge *l, const struct splitdev *dev, const struct answer *a)
{
    char name[40];

    splitdev_name(dev, name, sizeof(name));
    if (!a->state)
        return domain_fail(l, ENOENT, "%s: it was detached meanwhile", name);
    if (!a->resized)
        return 0;
    store_printable(a->resized);
    return !strcmp(a->resized, "ok") ? 1 : domain_fail(l, EIO, "%s: %s", name, a->resized);
}

int splitdev_resize(struct lodge *l, const struct splitdev *dev, uint64_t bytes, bool shrink)
{
    const struct splitdev *late;
    char name[40];
    int rc;

    /* In this order, so that no earlier answer is taken for this one's. */
    store_remove(l->store, splitdev_back(dev, "lodge-resize"));
    store_remove(l->store, splitdev_back(dev, "lodge-resize-result"));
    rc = store_flush(l->store);
    store_write(l->store, splitdev_back(dev, "lodge-resize"),
                store_fmt("%llu%s", (unsigned long long)bytes, shrink ? " shrink" : ""));
    rc = rc ? rc : store_flush(l->store);
    if (rc)
        return domain_fail(l, rc, "%s", store_message(l->store));
    rc = wait_for(l, dev, 1, l->wait_ms, check_resized, &late);
    splitdev_name(dev, name, sizeof(name));
    if (rc == -ETIMEDOUT)
        domain_fail(l, rc,
                    "%s: the back-end did not answer within %d seconds; see "
                    "/var/log/lodge/backends.log",
                    name, l->wait_ms / 1000);
    return rc;
}

/* --- a guest that ends ---------------------------------------------------------------------- */

/* Only these have a back-end that answers. */
static bool answers(const struct splitdev *dev)
{
    return !strcmp(dev->class, SPLITDEV_DISK) || !strcmp(dev->class, SPLITDEV_VIF);
}

void splitdev_close_all(struct lodge *l, uint16_t domid)
{
    struct splitdev *dev = NULL;
    unsigned nr = splitdev_list(l->store, domid, NULL, &dev), nr_wait = 0;
    struct splitdev *wait = must(calloc(nr + 1, sizeof(*wait)));
    const struct splitdev *late;
    char name[40];
    int ms = l->wait_ms < CLOSE_MS ? l->wait_ms : CLOSE_MS;

    if (nr)
        ctl_domain_pause(&l->ctl, domid); /* it need not see its disks go */
    for (unsigned i = 0; i < nr; i++) {
        bool closed = true;

        if (answers(&dev[i]) && !ask_to_close(l, &dev[i], true, &closed) && !closed)
            wait[nr_wait++] = dev[i];
    }
    if (wait_for(l, wait, nr_wait, ms, check_closed, &late)) {
        splitdev_name(late, name, sizeof(name));
        daemon_say("domain %u: the back-end of %s did not close in %d seconds; its nodes are "
                   "removed all the same",
                   domid, name, ms / 1000);
    }
    for (unsigned i = 0; i < nr; i++) {
        splitdev_remove(l->store, &dev[i]);
        splitdev_remove_parent(l->store, &dev[i]);
    }
    if (nr)
        store_flush(l->store);
    free(wait);
    free(dev);
}
