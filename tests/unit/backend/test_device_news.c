// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_device_news.c: what the store tells of devices, in which order they are looked at, and what
 * others write while the supervisor is about to write.
 */
#include "check.h"
#include "device_steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOCK "/local/domain/0/backend/vbd/5/51712"

/* Only what a device waits for is looked at, once for however many events, each device in turn. */
static void test_news(void)
{
    const char *other = "/local/domain/0/backend/lodge-vbd/5/51728";
    struct device *d;
    unsigned turns;

    begin();
    tools_make_it();
    d = only();
    for (unsigned i = 0; i < 1000; i++)
        device_note_front(d->slot, d->serial, store_fmt(FRONT "/state/%u", i));
    device_note_front(d->slot, d->serial, FRONT "/states");
    device_note_front(d->slot, d->serial, FRONT);
    device_note_front(d->slot, d->serial + 1, FRONT "/state");
    device_note_front(d->slot + 1, d->serial, FRONT "/state");
    device_note_front(4096, d->serial, FRONT "/state");
    for (unsigned i = 0; i < 1000; i++)
        device_note_back(&kind, 5, 51712, store_fmt("feature-%u", i));
    CHECK(!device_has_news());
    for (unsigned i = 0; i < 1000; i++)
        device_note_front(d->slot, d->serial, FRONT "/state");
    for (turns = 0; device_has_news(); turns++)
        device_turn();
    CHECK(turns <= 2); /* one look, and one that finds nothing more */

    /* Another one comes, connects and goes, while the first has news all the time. */
    fake_store_set("/local/domain/5/device/vbd/51728/state", "3", NULL);
    fake_store_set(store_fmt("%s/frontend", other), "/local/domain/5/device/vbd/51728", NULL);
    fake_store_set(store_fmt("%s/frontend-id", other), "5", NULL);
    fake_store_set(store_fmt("%s/state", other), "1", NULL);
    device_note_back(&kind, 5, 51728, "state");
    for (turns = 0; turns < 3; turns++) {
        device_note_front(d->slot, d->serial, FRONT "/state");
        device_turn();
    }
    CHECK(t.attaches == 1);
    store_remove(NULL, other);
    store_flush(NULL);
    device_note_back(&kind, 5, 51728, "");
    for (turns = 0; turns < 3; turns++) {
        device_note_front(d->slot, d->serial, FRONT "/state");
        device_turn();
    }
    CHECK(t.detaches == 1);
    device_event(only(), EVENT_LET_GO); /* the newest is the first */
    device_run();
    tools_remove_it();
    CHECK(!only());
}

/* More new devices at once than are noted one by one, and events that say "look at everything". */
static void test_many_new(void)
{
    unsigned nr = 0;

    begin();
    for (unsigned i = 0; i < 100; i++) {
        const char *dir = store_fmt("/local/domain/0/backend/lodge-vbd/5/%u", i);

        fake_store_set(store_fmt("%s/frontend", dir), "/local/domain/5/device/vbd/x", NULL);
        fake_store_set(store_fmt("%s/frontend-id", dir), "5", NULL);
        fake_store_set(store_fmt("%s/state", dir), "1", NULL);
        device_note_back(&kind, 5, i, "state");
    }
    look();
    for (struct device *d = only(); d; d = d->next)
        nr++;
    CHECK(nr == 100);
    store_remove(NULL, "/local/domain/0/backend/lodge-vbd/5");
    store_flush(NULL);
    device_note_scan();
    look();
    CHECK(!only());
}

/* The tools ask for the end while the back-end is about to say something else. */
static void test_asked_meanwhile(void)
{
    begin();
    tools_make_it();
    front("3");
    fake_store_set(BACK "/online", "0", NULL);
    fake_store_set(BACK "/state", "5", NULL);
    worker_attached();
    CHECK_STATE("5"); /* not Connected: what was asked for would be lost */
    back("online", NULL);
    CHECK(!t.detaches); /* the front-end uses it until it has closed */
    front("6");
    CHECK(t.detaches == 1);
    device_event(only(), EVENT_LET_GO);
    look();
    CHECK_STATE("6");
    CHECK(!only());

    /* While its image is being opened. */
    begin();
    t.probe = BACKEND_LATER;
    tools_make_it();
    fake_store_set(BACK "/online", "0", NULL);
    fake_store_set(BACK "/state", "5", NULL);
    t.probe = 0;
    t.now += 1000;
    device_run();
    CHECK_STATE("6"); /* nobody ever came */
    device_run();
    CHECK(!only());

    /* Somebody interferes with the transaction: it looks again. */
    begin();
    tools_make_it();
    front("3");
    fake_conflicts = 3;
    worker_attached();
    CHECK_STATE("4");
    CHECK(!fake_conflicts);
    tools_remove_it();
    device_event(only(), EVENT_LET_GO);
    look();
    CHECK(!only());
}

/* Nodes that are gone do not come back because of what the back-end has to say. */
static void test_gone_meanwhile(void)
{
    begin();
    tools_make_it();
    front("3");
    store_remove(NULL, BACK);
    store_flush(NULL);
    worker_attached();
    CHECK(!fake_store_value(BACK "/state") && !fake_store_value(BACK));
    look();
    CHECK(t.detaches == 1);
    device_worker_failed(only(), -EIO, "bad");
    look();
    CHECK(!only() && !fake_store_value(BACK));

    /* Removed and made anew between two looks: the old one's worker lets go of it first. */
    connected();
    store_remove(NULL, BACK);
    store_remove(NULL, FRONT);
    store_flush(NULL);
    tools_make_it();
    CHECK_STATE("2");
    CHECK(t.detaches == 1 && t.probes == 2 && only()->next && only()->next->life == DEVICE_LEAVING);
    front("3");
    CHECK(t.attaches == 1);
    device_event(only()->next, EVENT_LET_GO);
    t.now += 1000;
    device_run();
    CHECK(t.attaches == 2 && !only()->next);
    worker_attached();
    CHECK_STATE("4");
    tools_remove_it();
    device_event(only(), EVENT_LET_GO);
    look();
    CHECK(!only());
}

/* The same while its image was waited for: it is not that image any more. */
static void test_replaced_while_waiting(void)
{
    begin();
    t.probe = BACKEND_LATER;
    tools_make_it();
    CHECK(t.probes == 1 && !t.closes);
    back("online", "1");
    back("state", "1");
    CHECK(!t.closes); /* it is what it was */
    store_remove(NULL, BACK);
    store_flush(NULL);
    device_note_back(&kind, 5, 51712, "");
    t.probe = 0;
    tools_make_it();
    CHECK(t.probes == 2 && t.closes == 1 && only() && !only()->next);
    CHECK_STATE("2");
    tools_remove_it();
    CHECK(!only());

    /* Nobody has told which of the guest's devices went. */
    begin();
    t.probe = BACKEND_LATER;
    tools_make_it();
    device_note_domain(&kind, 5);
    t.probe = 0;
    look();
    CHECK(t.probes == 2 && t.closes == 1);
    CHECK_STATE("2");
    tools_remove_it();
    CHECK(!only());
}

/* The kernel's back-end has closed, but its device is not gone yet: that would close the next one.
 */
static void test_stock_end(void)
{
    static const struct device_type stock = {.directory = "vbd", .what = "disk"};
    static const struct device_type *const types[] = {&stock, NULL};
    const struct device_type *const *before = backend.types;
    char dir[] = "/tmp/test-device-XXXXXX", sys[64];

    begin();
    CHECK(mkdtemp(dir));
    snprintf(sys, sizeof(sys), "%s/vbd-5-51712", dir);
    CHECK(!mkdir(sys, 0700));
    backend.sys_devices = dir;
    backend.types = types;
    fake_store_set(STOCK "/frontend", FRONT, NULL);
    fake_store_set(STOCK "/frontend-id", "5", NULL);
    fake_store_set(STOCK "/lodge-hotplug", "1", NULL);
    fake_store_set(STOCK "/state", "1", NULL);
    device_note_back(&stock, 5, 51712, "state");
    look();
    CHECK(only());
    fake_store_set(STOCK "/online", "0", NULL);
    fake_store_set(STOCK "/state", "6", NULL);
    device_note_back(&stock, 5, 51712, "state");
    look();
    t.now += 1000;
    look();
    CHECK(only());
    CHECK_STR(fake_store_value(STOCK "/lodge-hotplug"), "1");
    CHECK(!rmdir(sys));
    t.now += 1000;
    look();
    CHECK_STR(fake_store_value(STOCK "/lodge-hotplug"), "0");
    look();
    CHECK(!only());
    CHECK(!rmdir(dir));
    backend.types = before;
    backend.sys_devices = NULL;
}

/* A guest's lines are limited, whichever device they are about, and others' are not with them. */
static void test_lines(void)
{
    struct device d = {.type = &kind, .domid = 5, .guest = "web"};
    char before[300];

    begin();
    for (unsigned i = 0; i < 1000; i++) {
        d.devid = i;
        device_say(&d, "it happened again, %u", i);
        guest_say(5, "worker[7]: and again");
    }
    CHECK(t.lines >= 100 && t.lines <= 210);
    snprintf(before, sizeof(before), "%s", t.line);
    d.domid = 6;
    device_say(&d, "something else");
    CHECK(strcmp(t.line, before) && strstr(t.line, "(domain 6), disk 999: something else"));
    /* Later there is room for one more, and it is said how many there was none for. */
    t.lines = 0;
    t.now += 20000;
    guest_say(5, "worker[7]: once more");
    CHECK(t.lines == 2 && strstr(t.line, "domain 5, worker[7]: once more"));
    for (unsigned i = 0; i < 1000; i++)
        guest_say(5, "worker[7]: and again");
    CHECK(t.lines <= 4);
}

int main(void)
{
    test_lines();
    test_stock_end();
    test_news();
    test_many_new();
    test_asked_meanwhile();
    test_gone_meanwhile();
    test_replaced_while_waiting();
    return check_end();
}
