// SPDX-License-Identifier: GPL-2.0-only
/*
 * device_node.c: a device's nodes in the store, its words in the log, and news for its worker.
 */
#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_SAY_BURST 20 /* lines about one device, then one a second */

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

void device_say(struct device *d, const char *fmt, ...)
{
    int64_t now = backend_now();
    char prefix[160];
    va_list ap;

    /* Much of what is said a guest can provoke: it may not fill the disk with it. */
    if (now - d->say_since >= 1000) {
        unsigned seconds = (unsigned)((now - d->say_since) / 1000);

        d->said = d->said > seconds ? d->said - seconds : 0;
        d->say_since = now;
    }
    if (d->said >= DEVICE_SAY_BURST)
        return;
    d->said++;
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

static uint64_t number(char *text, uint64_t fallback, uint64_t max)
{
    uint64_t value = fallback;
    char *end;

    if (text && *text >= '0' && *text <= '9') {
        errno = 0;
        value = strtoull(text, &end, 10);
        if (*end || errno || value > max)
            value = fallback;
    }
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

void device_put(const struct device *d, const char *key, const char *fmt, ...)
{
    char value[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    store_write(backend.store, store_fmt("%s/%s", d->back, key), value);
}

int device_flush(struct device *d)
{
    int rc = store_flush(backend.store);

    return rc ? device_fail(d, -rc, "%s", store_message(backend.store)) : 0;
}

bool device_tell(struct device *d, const void *body, size_t length, const int *fds, unsigned nr)
{
    struct worker_parcel parcel = {
        .head = {.type = WORKER_CHANGE, .device = d->devid, .length = (uint32_t)length},
        .nr_fds = nr};

    if (d->link != DEVICE_ATTACHED)
        return false;
    memcpy(parcel.body, body, length);
    memcpy(parcel.fds, fds, nr * sizeof(int));
    return process_send(d->process, &parcel);
}
