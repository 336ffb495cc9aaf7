// SPDX-License-Identifier: GPL-2.0-only
/*
 * splitdev_wait.c: waiting for what back-ends say of their devices.
 *
 * It has a connection to xenstore of its own: the monitor, which runs this code too, has watches on
 * its connection whose events are not ours to take.
 */
#include "splitdev_wait.h"

#include <poll.h>
#include <stdlib.h>
#include <clock.h>
#include <must.h>

int lodge_splitdev_state(const char *text)
{
    long n = text ? strtol(text, NULL, 10) : XenbusStateUnknown;

    return n < 0 || n > XenbusStateReconfigured ? XenbusStateUnknown : (int)n;
}

void splitdev_note_event(void *again, const char *path, const char *token)
{
    (void)path;
    (void)token;
    *(bool *)again = true;
}

void splitdev_await_event(struct store *s, bool *again, int64_t ms)
{
    struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};

    if (!*again && ms > 0)
        poll(&pfd, 1, (int)ms);
    store_receive(s);
    *again = false;
}

struct waiting {
    const struct splitdev *dev;
    unsigned nr;
    bool *done;
    splitdev_check_fn *check;
};

/* How many are not done yet, or the first failure. */
static int look(struct lodge_session *l, struct store *s, struct waiting *w)
{
    struct splitdev_answer *a = must(calloc(w->nr, sizeof(*a)));
    int pending = 0, rc = 0, got;

    for (unsigned i = 0; i < w->nr; i++)
        if (!w->done[i]) {
            store_read(s, lodge_splitdev_back(&w->dev[i], "state"), &a[i].state);
            store_read(s, lodge_splitdev_back(&w->dev[i], "hotplug-status"), &a[i].status);
            store_read(s, lodge_splitdev_back(&w->dev[i], "lodge-hotplug"), &a[i].hotplug);
            store_read(s, lodge_splitdev_back(&w->dev[i], "hotplug-error"), &a[i].error);
            store_read(s, lodge_splitdev_back(&w->dev[i], "lodge-resize-result"), &a[i].resized);
        }
    if (store_flush(s))
        rc = lodge_fail(l, EIO, "%s", store_message(s));
    for (unsigned i = 0; i < w->nr; i++) {
        if (!w->done[i] && !rc) {
            got = w->check(l, &w->dev[i], &a[i]);
            rc = got < 0 ? got : 0;
            w->done[i] = got > 0;
            pending += !got;
        }
        free(a[i].state);
        free(a[i].status);
        free(a[i].hotplug);
        free(a[i].error);
        free(a[i].resized);
    }
    free(a);
    return rc ? rc : pending;
}

static int wait_watching(struct lodge_session *l, struct store *s, struct waiting *w, int ms)
{
    int64_t end = now_ms() + ms, left;
    bool again = false;
    int rc = 0;

    store_on_event(s, splitdev_note_event, &again);
    for (unsigned i = 0; i < w->nr && !rc; i++)
        rc = store_watch(s, lodge_splitdev_back(&w->dev[i], ""), "device");
    if (rc)
        return lodge_fail(l, rc, "%s", store_message(s));
    for (;;) {
        rc = look(l, s, w);
        left = end - now_ms();
        if (rc <= 0 || left <= 0)
            return rc > 0 ? -ETIMEDOUT : rc;
        splitdev_await_event(s, &again, left);
    }
}

int splitdev_wait_for(struct lodge_session *l, const struct splitdev *dev, unsigned nr, int ms,
                      splitdev_check_fn *check, const struct splitdev **late)
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
        return lodge_fail(l, ECONNREFUSED, "%s", err);
    w.done = must(calloc(nr, sizeof(*w.done)));
    rc = wait_watching(l, s, &w, ms);
    for (unsigned i = nr; i > 0 && rc == -ETIMEDOUT; i--)
        if (!w.done[i - 1])
            *late = &dev[i - 1];
    store_close(s);
    free(w.done);
    return rc;
}
