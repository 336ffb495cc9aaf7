// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_device.c: the xenbus states of a device, with a guest, tools and workers that behave well,
 * badly, or die.
 */
#include "check.h"
#include "device_steps.h"

#include <errno.h>
#include <string.h>

/* The tools remove it, its worker lets it go, and no more is left. */
static void asked_and_gone(void)
{
    tools_remove_it();
    device_event(only(), EVENT_LET_GO);
    device_run();
    CHECK(!only());
}

/* Its worker answers, and then the same. */
static void attached_and_gone(void)
{
    worker_attached();
    CHECK_STATE("4");
    asked_and_gone();
}

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
    device_event(only(), EVENT_LET_GO);
    front("6");
    CHECK_STATE("6");
    CHECK(!only() && t.closes == 1 && t.disconnects == 1);
}

static void test_guest_restarts_driver(void)
{
    connected();
    front("5");
    device_event(only(), EVENT_LET_GO);
    front("6");
    CHECK_STATE("6");
    CHECK(only() && !t.closes); /* online: it stays */
    front("1");
    CHECK_STATE("2");
    front("3");
    CHECK(t.attaches == 2 && !t.reconnect); /* new rings */
    attached_and_gone();
}

static void test_worker_dies(void)
{
    connected();
    device_event(only(), EVENT_DIED);
    CHECK(only()->life == DEVICE_ATTACHING);
    CHECK_STATE("4"); /* the guest is told nothing */
    process_attach(only());
    CHECK(t.reconnect);
    /* The predecessor holds the event channels for a while. */
    device_worker_failed(only(), -EBUSY, "bound");
    CHECK(only()->life == DEVICE_ATTACHING && only()->due);
    t.now += 1000;
    device_run();
    CHECK(t.attaches == 3);
    worker_attached();
    CHECK_STATE("4");
    /* It dies again while it lets go. */
    front("5");
    device_event(only(), EVENT_DIED);
    CHECK(!device_held(only()));
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
    asked_and_gone();
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
    device_store_is_back();
    look();
    CHECK(t.attaches == 1 && only() && !only()->next);
    /* The guest dies. */
    alive = false;
    device_reap();
    CHECK(t.detaches == 1);
    CHECK_STATE("6");
    device_event(only(), EVENT_LET_GO);
    device_run();
    CHECK(!only());
}

/* It is closed, but not for good, when the daemon starts: the guest starts its driver anew. */
static void test_takeover_closed(void)
{
    static const char *const states[] = {"5", "6", "6"};

    for (unsigned i = 0; i < 3; i++) {
        begin();
        fake_store_set(FRONT "/state", i == 2 ? "1" : "6", NULL);
        fake_store_set(BACK "/frontend", FRONT, NULL);
        fake_store_set(BACK "/frontend-id", "5", NULL);
        fake_store_set(BACK "/online", "1", NULL);
        fake_store_set(BACK "/state", states[i], NULL);
        device_scan();
        if (i < 2) {
            look();
            CHECK_STATE("6");
            CHECK(only() && !t.probes); /* its image is not opened for nothing */
            front("1");
        }
        look(); /* or it has started already */
        CHECK_STATE("2");
        front("3");
        CHECK(t.attaches == 1 && !t.reconnect);
        worker_attached();
        CHECK_STATE("4");
        tools_remove_it();
        device_event(only(), EVENT_LET_GO);
        look();
        CHECK(!only());
    }
    /* What is to go is over. */
    begin();
    tools_make_it();
    tools_remove_it();
    fake_store_set(BACK "/frontend", FRONT, NULL);
    fake_store_set(BACK "/frontend-id", "5", NULL);
    fake_store_set(BACK "/online", "0", NULL);
    fake_store_set(BACK "/state", "5", NULL);
    device_scan();
    CHECK(!only());
    CHECK_STATE("6");
}

/* xenstored is restarted: what it does not answer is neither a guest's end nor its fault. */
static void test_store_away(void)
{
    connected();
    alive = false; /* no answer is read as "not there" */
    fake_store_dead = true;
    device_reap();
    CHECK(!t.detaches && only() && only()->life == DEVICE_ATTACHED);
    alive = true;
    /* A worker that dies meanwhile gets its device back as soon as the rings can be read. */
    t.connect = -EINVAL;
    device_event(only(), EVENT_DIED);
    process_attach(only());
    CHECK(only()->life == DEVICE_ATTACHING && only()->due);
    fake_store_dead = false;
    t.connect = 0;
    t.now += 1000;
    device_run();
    CHECK(t.attaches == 2 && t.reconnect);
    attached_and_gone();

    begin();
    t.probe = -ENOENT;
    fake_store_dead = true;
    tools_make_it();
    CHECK(only() && only()->life == DEVICE_OPENING && t.closes == 1);
    fake_store_dead = false;
    t.probe = 0;
    t.now += 1000;
    device_run();
    CHECK_STATE("2");
    tools_remove_it();
    CHECK(!only());
}

/* It fails while xenstored is away: that is told later, unless it is another device by then. */
static void test_fails_unheard(void)
{
    for (unsigned anew = 0; anew < 2; anew++) {
        connected();
        fake_store_dead = true;
        device_worker_failed(only(), -EIO, "bad index");
        CHECK(only()->life == DEVICE_FAILED);
        fake_store_dead = false;
        /* Nothing of that was taken. */
        store_remove(NULL, BACK "/hotplug-error");
        store_flush(NULL);
        fake_store_set(BACK "/state", anew ? "1" : "4", NULL);
        fake_store_set(FRONT "/state", anew ? "1" : "4", NULL);
        device_store_is_back();
        look();
        CHECK_STATE(anew ? "2" : "6");
        if (!anew)
            CHECK_STR(fake_store_value(BACK "/hotplug-error"), "bad index");
        tools_remove_it();
        CHECK(!only());
    }
    /* The tools, which saw nothing of it, ask it to go. */
    connected();
    device_worker_failed(only(), -EIO, "bad index");
    back("online", "0");
    back("state", "5");
    CHECK_STATE("6");
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

/* A worker that was taken over answers what nobody has asked, at any time. */
static void test_worker_answers_unasked(void)
{
    static struct worker_parcel parcel = {.head = {.type = WORKER_CHANGED}};

    begin();
    tools_make_it();
    device_worker_changed(only(), &parcel);
    front("3");
    device_worker_changed(only(), &parcel);
    CHECK(!t.changes);
    worker_attached();
    device_worker_changed(only(), &parcel);
    CHECK(t.changes == 1);
    front("5"); /* the answer to what it was told before */
    device_worker_changed(only(), &parcel);
    CHECK(t.changes == 2);
    device_event(only(), EVENT_LET_GO);
    tools_remove_it();

    connected();
    device_worker_failed(only(), -EIO, "bad");
    CHECK(t.closes == 1);
    device_worker_changed(only(), &parcel);
    device_attached(only(), &parcel);
    CHECK(!t.changes);
    CHECK_STATE("6");
    tools_remove_it();

    /* The nodes may be another device's. */
    connected();
    tools_remove_it();
    CHECK(only() && only()->life == DEVICE_LEAVING);
    device_worker_changed(only(), &parcel);
    CHECK(!t.changes);
    device_event(only(), EVENT_LET_GO);
    device_run();
    CHECK(!only());
}

/* The guest starts over before the worker has let go of what failed. */
static void test_starts_over_early(void)
{
    static struct worker_parcel parcel;

    begin();
    tools_make_it();
    front("3");
    t.attached = -EIO;
    device_attached(only(), &parcel);
    CHECK_STATE("6");
    CHECK(t.detaches == 1 && only()->life == DEVICE_FAILING);
    t.attached = 0;
    front("6");
    front("1");
    CHECK_STATE("6"); /* its worker may still use what is behind it */
    device_event(only(), EVENT_LET_GO);
    CHECK(t.closes == 1 && t.probes == 2);
    CHECK_STATE("2");
    front("3");
    CHECK(t.attaches == 2 && !t.reconnect);
    attached_and_gone();
}

/* The tools want it to go while it is opened once more, for a guest that starts over. */
static void test_asked_while_reopened(void)
{
    connected();
    front("5");
    device_event(only(), EVENT_LET_GO);
    front("6");
    t.probe = BACKEND_LATER;
    front("1");
    CHECK(only()->life == DEVICE_OPENING);
    fake_store_set(BACK "/online", "0", NULL);
    fake_store_set(BACK "/state", "5", NULL);
    t.probe = 0;
    t.now += 1000;
    device_run();
    CHECK_STATE("6");
    device_run();
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
    test_takeover_closed();
    test_store_away();
    test_fails_unheard();
    test_worker_repeats_itself();
    test_worker_answers_unasked();
    test_starts_over_early();
    test_asked_while_reopened();
    test_no_driver();
    test_others_nodes();
    return check_end();
}
