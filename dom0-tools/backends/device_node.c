// SPDX-License-Identifier: GPL-2.0-only
/*
 * device_node.c: a device's nodes in the store, its words in the log, and news for its worker.
 */
#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

/*
 * A guest can provoke much of what is said, with any of its devices and with new ones. It may not
 * fill the disk with it.
 */
#define SAY_BURST    200   /* lines about one guest, and then */
#define SAY_EVERY_MS 10000 /* one in so long a time */
#define SAY_GUESTS   256   /* guests whose numbers differ by this share one budget */

/* --- words ----------------------------------------------------------------------------------- */

void device_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

int device_fail(struct device *d, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(d->message, sizeof(d->message), fmt, ap);
    va_end(ap);
    /* A worker's words, or a name out of an image's header: no lines or escapes of theirs. */
    device_printable(d->message);
    return -err;
}

/* Says itself how many lines there were no room for. */
static bool may_say(uint16_t domid)
{
    static struct {
        int64_t since;
        unsigned said, lost;
    } guests[SAY_GUESTS];
    int64_t now = backend_now(), more;
    unsigned at = domid % SAY_GUESTS, lost = guests[at].lost;

    more = (now - guests[at].since) / SAY_EVERY_MS;
    if (more > 0) {
        guests[at].said = guests[at].said > more ? guests[at].said - (unsigned)more : 0;
        guests[at].since = now;
    }
    if (guests[at].said >= SAY_BURST) {
        guests[at].lost++;
        return false;
    }
    guests[at].said++;
    guests[at].lost = 0;
    if (lost)
        backend_say("domain %u: %u lines about it were left out: there are too many", domid, lost);
    return true;
}

void guest_say(uint16_t domid, const char *fmt, ...)
{
    char prefix[32];
    va_list ap;

    if (!may_say(domid))
        return;
    snprintf(prefix, sizeof(prefix), "domain %u, ", domid);
    va_start(ap, fmt);
    backend_vsay(prefix, fmt, ap);
    va_end(ap);
}

void device_say(struct device *d, const char *fmt, ...)
{
    char prefix[160];
    va_list ap;

    if (!may_say(d->domid))
        return;
    snprintf(prefix, sizeof(prefix), "%s (domain %u), %s %u: ", d->guest, d->domid, d->type->what,
             d->devid);
    va_start(ap, fmt);
    backend_vsay(prefix, fmt, ap);
    va_end(ap);
}

/* --- nodes ----------------------------------------------------------------------------------- */

char *device_get(const struct device *d, const char *key)
{
    return store_get(backend.store, store_fmt("%s/%s", d->back, key));
}

char *device_get_front(const struct device *d, const char *key)
{
    return *d->front ? store_get(backend.store, store_fmt("%s/%s", d->front, key)) : NULL;
}

uint64_t device_parse(const char *text, uint64_t fallback, uint64_t max)
{
    uint64_t value = fallback;
    char *end;

    if (text && *text >= '0' && *text <= '9') {
        errno = 0;
        value = strtoull(text, &end, 10);
        if (*end || errno || value > max)
            value = fallback;
    }
    return value;
}

static uint64_t number(char *text, uint64_t fallback, uint64_t max)
{
    uint64_t value = device_parse(text, fallback, max);

    free(text);
    return value;
}

uint64_t device_number(const struct device *d, const char *key, uint64_t fallback, uint64_t max)
{
    return number(device_get(d, key), fallback, max);
}

uint64_t device_front_number(const struct device *d, const char *key, uint64_t fallback,
                             uint64_t max)
{
    return number(device_get_front(d, key), fallback, max);
}

/* "key\0value\0", one behind the other, until the next device_flush(). */
void device_put(struct device *d, const char *key, const char *fmt, ...)
{
    size_t key_len = strlen(key) + 1, value_len;
    char value[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    value_len = strlen(value) + 1;
    d->puts = must(realloc(d->puts, d->puts_len + key_len + value_len));
    memcpy(d->puts + d->puts_len, key, key_len);
    memcpy(d->puts + d->puts_len + key_len, value, value_len);
    d->puts_len += key_len + value_len;
}

void device_forget_puts(struct device *d)
{
    free(d->puts);
    d->puts = NULL;
    d->puts_len = 0;
}

static void write_puts(struct device *d, int state)
{
    for (size_t at = 0; at < d->puts_len;) {
        const char *key = d->puts + at, *value = key + strlen(key) + 1;

        store_write(backend.store, store_fmt("%s/%s", d->back, key), value);
        at = (size_t)(value - d->puts) + strlen(value) + 1;
    }
    if (state)
        store_write(backend.store, store_fmt("%s/state", d->back), store_fmt("%d", state));
}

/*
 * To be called in a transaction. Looks whether what was put may be written, and the state unless
 * that is 0. 0: it may. -ENOENT: the directory is gone. -ECANCELED: the tools want the device to
 * close. Or another negative errno.
 */
static int look(struct device *d, int state)
{
    char *id = NULL, *now = NULL, *online = NULL;
    int rc;

    store_read(backend.store, store_fmt("%s/frontend-id", d->back), &id);
    store_read(backend.store, store_fmt("%s/state", d->back), &now);
    store_read(backend.store, store_fmt("%s/online", d->back), &online);
    rc = store_flush(backend.store);
    if (!rc && !id)
        rc = -ENOENT;
    else if (!rc && state && state < XenbusStateClosing && d->state != XenbusStateClosing &&
             device_parse(now, 0, XenbusStateReconfigured) == XenbusStateClosing)
        rc = -ECANCELED;
    if (rc == -ECANCELED)
        d->online = device_parse(online, 1, 1);
    free(id);
    free(now);
    free(online);
    return rc;
}

/*
 * Writes what was put, and a state unless that is 0, in a transaction that looks first. Nothing is
 * written into a directory that was removed meanwhile: it would come back. Nor is a state written
 * over the tools' Closing: what they asked for would be lost.
 */
static int commit(struct device *d, int state)
{
    struct store_transaction t = {0};
    int rc;

    while (store_transact(backend.store, &t)) {
        rc = look(d, state);
        if (rc)
            store_refuse(backend.store, &t, rc);
        else
            write_puts(d, state);
    }
    rc = t.rc;
    if (!rc || rc == -ENOENT || rc == -ECANCELED)
        device_forget_puts(d);
    if (rc == -ENOENT)
        device_look_again(d); /* the event of that is on the way, or was taken for another's */
    return rc;
}

int device_flush(struct device *d)
{
    int rc = commit(d, 0);

    return rc && rc != -ENOENT ? device_fail(d, -rc, "%s", store_message(backend.store)) : 0;
}

void device_set_state(struct device *d, int state)
{
    bool refused = commit(d, state) == -ECANCELED;

    d->state = refused ? XenbusStateClosing : state;
    if (refused)
        device_event(d, EVENT_FORESTALLED);
}

bool device_tell(struct device *d, const void *body, size_t length, const int *fds, unsigned nr)
{
    struct worker_parcel parcel = {
        .head = {.type = WORKER_CHANGE, .device = d->devid, .length = (uint32_t)length},
        .nr_fds = nr};

    if (d->life != DEVICE_ATTACHED)
        return false;
    memcpy(parcel.body, body, length);
    memcpy(parcel.fds, fds, nr * sizeof(int));
    return process_send(d->process, &parcel);
}
