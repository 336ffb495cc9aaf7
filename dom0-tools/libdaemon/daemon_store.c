// SPDX-License-Identifier: GPL-2.0-only
/*
 * daemon_store.c: a daemon's connection to xenstore, and how it gets through a restart of that.
 *
 * xenstored can go away at any moment: it is killed, or an administrator starts another. What it
 * had in memory comes back with it, but not what belonged to a connection: watches, and a
 * transaction that was open. So a daemon that survives it has three things to do: notice, connect
 * again as soon as there is somebody to connect to, and look at everything once, since what
 * happened meanwhile nobody has told.
 *
 * Noticing takes two ways. The socket closes, which the loop tells; or a request finds it closed
 * first, inside of some handler that goes on with an answer that is none. That is why all daemons
 * take no answer for a no where the store is dead, and why daemon_store_run() looks itself once a
 * turn, at the end, when no handler is half-way through something. Only there is a connection
 * replaced: whoever holds the handle in a local variable has a good one until its handler returns.
 *
 * Connecting is tried once a second. That is no burden, and nothing can tell: xenstored makes its
 * socket anew, so there is nothing to wait for.
 */
#include "daemon_store.h"

#include <clock.h>
#include <sys/epoll.h>

#define RETRY_MS 1000

/* A store that has closed its end is noticed here, or has been: it is dead either way. */
static void ready(struct loop_source *src, uint32_t events)
{
    const struct daemon_store *d = (const struct daemon_store *)src;

    (void)events;
    store_receive(*d->store);
}

/* Its watches first: of what happens behind them there are events. */
static bool serve(struct daemon_store *d)
{
    if (!d->watch(*d->store))
        return false;
    d->src.ready = ready;
    d->src.fd = store_fd(*d->store);
    loop_add(&d->src, EPOLLIN);
    d->serves = true;
    return true;
}

bool daemon_store_start(struct daemon_store *d)
{
    return serve(d);
}

static bool reconnect(struct daemon_store *d)
{
    char err[256];
    struct store *s = store_open(err, sizeof(err));

    if (!s)
        return false;
    store_close(*d->store);
    *d->store = s;
    return serve(d);
}

bool daemon_store_run(struct daemon_store *d)
{
    if (d->serves && !store_is_dead(*d->store))
        return true;
    if (d->serves) {
        d->serves = false;
        loop_remove(&d->src);
        d->lost();
    }
    if (now_ms() < d->next_try)
        return false;
    d->next_try = now_ms() + RETRY_MS;
    if (!reconnect(d))
        return false;
    daemon_say("xenstored is back");
    d->back();
    return true;
}

int daemon_store_timeout(const struct daemon_store *d, int timeout_ms)
{
    int64_t left = d->next_try - now_ms();

    if (d->serves && !store_is_dead(*d->store))
        return timeout_ms;
    left = left < 0 ? 0 : left;
    return timeout_ms < 0 || left < timeout_ms ? (int)left : timeout_ms;
}
