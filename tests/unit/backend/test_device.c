// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_device.c: the xenbus states of a device, with a guest, tools and workers that behave well,
 * badly, or die.
 */
#include <rings/backend/backend.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "fake.h"

#define BACK  "/local/domain/0/backend/lodge-vbd/5/51712"
#define FRONT "/local/domain/5/device/vbd/51712"

static bool alive = true; /* xenstored knows the guest */

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

static struct {
    int probe, connect; /* what they answer */
    unsigned probes, closes, disconnects, attaches, detaches;
    bool reconnect; /* as it was in the last connect() */
    int64_t now;
} t;

static int probe(struct device *d)
{
    t.probes++;
    return t.probe < 0 ? device_fail(d, -t.probe, "the image is\nbad") : t.probe;
}

static int connect_front(struct device *d, struct worker_parcel *parcel)
{
    (void)parcel;
    t.reconnect = d->reconnect;
    return t.connect < 0 ? device_fail(d, -t.connect, "the ring is bad") : 0;
}

static void disconnect_front(struct device *d)
{
    (void)d;
    t.disconnects++;
}

static void close_it(struct device *d)
{
    (void)d;
    t.closes++;
}

static const struct device_type kind = {.directory = "lodge-vbd",
                                        .program = "worker",
                                        .what = "disk",
                                        .probe = probe,
                                        .connect = connect_front,
                                        .disconnect = disconnect_front,
                                        .close = close_it};
static const struct device_type *const kinds[] = {&kind, NULL};
struct backend backend = {.types = kinds};

int64_t backend_now(void)
{
    return ++t.now;
}

void backend_say(const char *fmt, ...)
{
    (void)fmt;
}

void backend_vsay(const char *prefix, const char *fmt, va_list ap)
{
    (void)prefix;
    (void)fmt;
    (void)ap;
}

void process_attach(struct device *d)
{
    static struct worker_parcel parcel;

    if (device_parcel(d, &parcel))
        t.attaches++;
}

void process_detach(struct device *d)
{
    t.detaches++;
    d->link = DEVICE_DETACHING;
}

void process_impatient(struct device *d)
{
    (void)d;
}

bool process_send(struct process *p, const struct worker_parcel *parcel)
{
    (void)p;
    (void)parcel;
    return true;
}

/* --- steps --------------------------------------------------------------------------------------
 */

static struct device *only(void)
{
    return device_first();
}

static void worker_attached(void)
{
    static struct worker_parcel parcel;

    device_attached(only(), &parcel);
}

static void front(const char *state)
{
    fake_store_set(FRONT "/state", state, NULL);
    device_front_changed(5, "lodge-vbd", 51712);
    device_run();
}

static void back(const char *key, const char *value)
{
    if (value)
        fake_store_set(store_fmt(BACK "/%s", key), value, NULL);
    device_back_changed(&kind, 5, 51712, key);
    device_run();
}

static void tools_make_it(void)
{
    fake_store_set(FRONT "/state", "1", NULL);
    fake_store_set(BACK "/frontend", FRONT, NULL);
    fake_store_set(BACK "/frontend-id", "5", NULL);
    fake_store_set(BACK "/online", "1", NULL);
    fake_store_set(BACK "/domain", "web\x1b[2J", NULL);
    back("state", "1");
}

static void tools_remove_it(void)
{
    store_remove(NULL, BACK);
    store_remove(NULL, FRONT);
    store_flush(NULL);
    back("", NULL);
}

static void begin(void)
{
    fake_store_reset();
    memset(&t, 0, sizeof(t));
    alive = true;
}

static void connected(void)
{
    begin();
    tools_make_it();
    front("3");
    worker_attached();
    front("4");
}

#define CHECK_STATE(want) CHECK_STR(fake_store_value(BACK "/state"), want)

/* --- tests --------------------------------------------------------------------------------------
 */

static void test_life(void)
{
    begin();
    tools_make_it();
    CHECK_STATE("2");
    CHECK(t.probes == 1 && !strchr(only()->guest, 0x1b));
    front("3");
    CHECK(t.attaches == 1 && !t.reconnect);
    CHECK_STATE("2"); /* not before the worker has it */
    worker_attached();
    CHECK_STATE("4");
    front("4");
    CHECK(t.attaches == 1);
    /* The tools want it back. */
    back("online", "0");
    back("state", "5");
    CHECK(!t.detaches);
    front("5");
    CHECK(t.detaches == 1);
    device_detached(only());
    front("6");
    CHECK_STATE("6");
    CHECK(!only() && t.closes == 1 && t.disconnects == 1);
}

static void test_guest_restarts_driver(void)
{
    connected();
    front("5");
    device_detached(only());
    front("6");
    CHECK_STATE("6");
    CHECK(only() && !t.closes); /* online: it stays */
    front("1");
    CHECK_STATE("2");
    front("3");
    CHECK(t.attaches == 2 && !t.reconnect); /* new rings */
    worker_attached();
    CHECK_STATE("4");
    tools_remove_it();
    device_detached(only());
    device_run();
    CHECK(!only());
}

static void test_worker_dies(void)
{
    connected();
    device_worker_died(only());
    CHECK(only()->link == DEVICE_ATTACHING);
    CHECK_STATE("4"); /* the guest is told nothing */
    process_attach(only());
    CHECK(t.reconnect);
    /* The predecessor holds the event channels for a while. */
    device_worker_failed(only(), -EBUSY, "bound");
    CHECK(only()->link == DEVICE_ATTACHING && only()->due);
    t.now += 1000;
    device_run();
    CHECK(t.attaches == 3);
    worker_attached();
    CHECK_STATE("4");
    /* It dies again while it lets go. */
    front("5");
    device_worker_died(only());
    CHECK(only()->link == DEVICE_IDLE);
    front("6");
    CHECK_STATE("6");
    tools_remove_it();
    CHECK(!only());
}

static void test_failures(void)
{
    begin();
    t.probe = -ENOENT;
    tools_make_it();
    CHECK_STATE("6");
    CHECK_STR(fake_store_value(BACK "/hotplug-error"), "the image is?bad");
    /* The tools may make it anew in its place. */
    t.probe = 0;
    tools_make_it();
    CHECK_STATE("2");
    CHECK(only() && !only()->next && t.probes == 2);
    tools_remove_it();
    CHECK(!only() && t.closes == 2);

    begin();
    t.connect = -EINVAL;
    tools_make_it();
    front("3");
    CHECK_STATE("6");
    CHECK_STR(fake_store_value(BACK "/hotplug-error"), "the ring is bad");
    /* A guest that starts over may try again. */
    t.connect = 0;
    front("1");
    CHECK_STATE("2");
    front("3");
    worker_attached();
    CHECK_STATE("4");
    /* A worker that finds the guest out closes the device. */
    device_worker_failed(only(), -EIO, "bad \x01 index");
    CHECK_STATE("6");
    CHECK_STR(fake_store_value(BACK "/hotplug-error"), "bad ? index");
    /* It starts over: its new rings are nobody's, and a port that cannot be bound stays so. */
    front("1");
    CHECK_STATE("2");
    front("3");
    CHECK(!t.reconnect);
    device_worker_failed(only(), -EBUSY, "no port");
    CHECK_STATE("6");
    tools_remove_it();
    CHECK(!only());
}

static void test_slow_image(void)
{
    begin();
    t.probe = BACKEND_LATER;
    tools_make_it();
    CHECK_STATE("1");
    front("3");
    CHECK(!t.attaches);
    t.probe = 0;
    t.now += 1000;
    device_run();
    CHECK(t.attaches == 1);
    tools_remove_it();
    device_detached(only());
    device_run();
    CHECK(!only());
}

static void test_takeover(void)
{
    begin();
    fake_store_set(FRONT "/state", "4", NULL);
    fake_store_set(BACK "/frontend", FRONT, NULL);
    fake_store_set(BACK "/frontend-id", "5", NULL);
    fake_store_set(BACK "/online", "1", NULL);
    fake_store_set(BACK "/state", "4", NULL);
    device_scan();
    CHECK(t.attaches == 1 && t.reconnect);
    CHECK_STATE("4");
    worker_attached();
    CHECK_STATE("4");
    /* The store comes back: nothing happens twice. */
    device_scan();
    CHECK(t.attaches == 1 && only() && !only()->next);
    /* The guest dies. */
    alive = false;
    device_reap();
    CHECK(t.detaches == 1);
    CHECK_STATE("6");
    device_detached(only());
    device_run();
    CHECK(!only());
}

/* xenstored is restarted: what it does not answer is neither a guest's end nor its fault. */
static void test_store_away(void)
{
    connected();
    alive = false; /* no answer is read as "not there" */
    fake_store_dead = true;
    device_reap();
    CHECK(!t.detaches && only() && only()->link == DEVICE_ATTACHED);
    alive = true;
    /* A worker that dies meanwhile gets its device back as soon as the rings can be read. */
    t.connect = -EINVAL;
    device_worker_died(only());
    process_attach(only());
    CHECK(only()->link == DEVICE_ATTACHING && !only()->failed && only()->due);
    fake_store_dead = false;
    t.connect = 0;
    t.now += 1000;
    device_run();
    CHECK(t.attaches == 2 && t.reconnect);
    worker_attached();
    CHECK_STATE("4");
    tools_remove_it();
    device_detached(only());
    device_run();
    CHECK(!only());

    begin();
    t.probe = -ENOENT;
    fake_store_dead = true;
    tools_make_it();
    CHECK(only() && !only()->failed && t.closes == 1);
    fake_store_dead = false;
    t.probe = 0;
    t.now += 1000;
    device_run();
    CHECK_STATE("2");
    tools_remove_it();
    CHECK(!only());
}

static void test_worker_repeats_itself(void)
{
    connected();
    device_worker_failed(only(), -EIO, "bad");
    CHECK_STATE("6");
    fake_store_set(BACK "/hotplug-error", "seen", NULL);
    device_worker_failed(only(), -EIO, "bad");
    CHECK_STR(fake_store_value(BACK "/hotplug-error"), "seen");
    tools_remove_it();
    CHECK(!only());
}

static void test_no_driver(void)
{
    begin();
    tools_make_it();
    back("online", "0");
    back("state", "5");
    CHECK_STATE("6"); /* nobody ever came: nobody is waited for */
    CHECK(!only());

    /* A guest in the making is not known to xenstored yet, and not dead. */
    begin();
    alive = false;
    tools_make_it();
    device_reap();
    device_run();
    CHECK(only());
    tools_remove_it();
    CHECK(!only());
}

static void test_others_nodes(void)
{
    begin();
    tools_make_it();
    tools_remove_it();
    /* A front-end in another domain's part of the store is not followed. */
    fake_store_set(BACK "/frontend", "/local/domain/55/device/vbd/51712", NULL);
    fake_store_set(BACK "/frontend-id", "5", NULL);
    back("state", "1");
    CHECK(!only());
    /* Nonsense as a state is none. */
    begin();
    tools_make_it();
    front("4294967299");
    front("three");
    front("");
    CHECK(!t.attaches);
    CHECK_STATE("2");
    tools_remove_it();
    CHECK(!only());
}

int main(void)
{
    test_life();
    test_guest_restarts_driver();
    test_worker_dies();
    test_failures();
    test_slow_image();
    test_takeover();
    test_store_away();
    test_worker_repeats_itself();
    test_no_driver();
    test_others_nodes();
    return check_end();
}
