// SPDX-License-Identifier: GPL-2.0-only
/*
 * device_steps.c: a guest, tools and a worker for the tests of the supervisor's devices.
 */
#include "device_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool alive = true;

struct fake_domain *fake_by_domid(uint16_t domid)
{
    static struct fake_domain domain;

    return alive && domid == 5 ? &domain : NULL;
}

bool fake_backend_answers(void)
{
    return false;
}

/* --- the kind of device, and its worker --------------------------------------------------------
 */

struct device_test t;

void trace(const char *fmt, ...)
{
    va_list ap;

    if (!t.trace)
        return;
    fputs(ftell(t.trace) ? "; " : "", t.trace);
    va_start(ap, fmt);
    vfprintf(t.trace, fmt, ap);
    va_end(ap);
}

static int probe(struct device *d)
{
    trace("probe");
    t.probes++;
    return t.probe < 0 ? device_fail(d, -t.probe, "the image is\nbad") : t.probe;
}

static int connect_front(struct device *d, struct worker_parcel *parcel)
{
    (void)parcel;
    t.reconnect = d->rings != DEVICE_RINGS_NEW;
    trace("connect%s", t.reconnect ? " again" : "");
    return t.connect < 0 ? device_fail(d, -t.connect, "the ring is bad") : 0;
}

static int attached_it(struct device *d, const struct worker_parcel *parcel)
{
    (void)parcel;
    trace("attached");
    return t.attached < 0 ? device_fail(d, -t.attached, "the worker is bad") : 0;
}

static void key_changed(struct device *d)
{
    (void)d;
    trace("key changed");
}

static void disconnect_front(struct device *d)
{
    (void)d;
    trace("disconnect");
    t.disconnects++;
}

static void changed_it(struct device *d, const struct worker_parcel *parcel)
{
    (void)parcel;
    (void)d;
    trace("worker changed");
    t.changes++;
}

static void close_it(struct device *d)
{
    (void)d;
    trace("close");
    t.closes++;
}

const struct device_type kind = {.directory = "lodge-vbd",
                                 .program = "worker",
                                 .what = "disk",
                                 .probe = probe,
                                 .connect = connect_front,
                                 .attached = attached_it,
                                 .key = "lodge-key",
                                 .changed = key_changed,
                                 .worker_changed = changed_it,
                                 .disconnect = disconnect_front,
                                 .close = close_it};
const struct device_type stock_kind = {.directory = "vbd",
                                       .what = "disk",
                                       .probe = probe,
                                       .key = "lodge-key",
                                       .changed = key_changed,
                                       .close = close_it};
static const struct device_type *const kinds[] = {&kind, &stock_kind, NULL};
struct backend backend = {.types = kinds};

int64_t backend_now(void)
{
    return ++t.now;
}

void backend_vsay(const char *prefix, const char *fmt, va_list ap)
{
    size_t len = (size_t)snprintf(t.line, sizeof(t.line), "%s", prefix);

    t.lines++;
    vsnprintf(t.line + len, sizeof(t.line) - len, fmt, ap);
    trace("log \"%s\"", t.line);
}

void backend_say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    backend_vsay("", fmt, ap);
    va_end(ap);
}

/* --- steps --------------------------------------------------------------------------------------
 */

struct device *only(void)
{
    return device_first();
}

void worker_attached(void)
{
    static struct worker_parcel parcel;

    device_attached(only(), &parcel);
}

/* As the loop in main.c. */
void look(void)
{
    while (device_has_news())
        device_turn();
    device_run();
}

void front(const char *state)
{
    fake_store_set(FRONT "/state", state, NULL);
    if (only())
        device_note_front(only()->slot, only()->serial, FRONT "/state");
    look();
}

void back(const char *key, const char *value)
{
    if (value)
        fake_store_set(store_fmt(BACK "/%s", key), value, NULL);
    device_note_back(&kind, 5, 51712, key);
    look();
}

void tools_make_it(void)
{
    fake_store_set(FRONT "/state", "1", NULL);
    fake_store_set(BACK "/frontend", FRONT, NULL);
    fake_store_set(BACK "/frontend-id", "5", NULL);
    fake_store_set(BACK "/online", "1", NULL);
    fake_store_set(BACK "/domain", "web\x1b[2J", NULL);
    back("state", "1");
}

void tools_remove_it(void)
{
    store_remove(NULL, BACK);
    store_remove(NULL, FRONT);
    store_flush(NULL);
    back("", NULL);
}

void begin(void)
{
    fake_store_reset();
    memset(&t, 0, sizeof(t));
    alive = true;
}

void connected(void)
{
    begin();
    tools_make_it();
    front("3");
    worker_attached();
    front("4");
}
