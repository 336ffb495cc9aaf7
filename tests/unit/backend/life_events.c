// SPDX-License-Identifier: GPL-2.0-only
/*
 * life_events.c: what a guest, the tools, a worker, the store and time do to a device; and how it
 * comes into each of its states.
 */
#include "life_events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOCK "/local/domain/0/backend/vbd/5/51712"

const char *life_dir;
static const struct device_type *type; /* its kind */

/* --- what is done to it ------------------------------------------------------------------------
 */

static const char *const names[] = {
    [DEVICE_OPENING] = "opening",     [DEVICE_WAITING] = "waiting",
    [DEVICE_ATTACHING] = "attaching", [DEVICE_ATTACHED] = "attached",
    [DEVICE_DETACHING] = "detaching", [DEVICE_CLOSING] = "closing",
    [DEVICE_CLOSED] = "closed",       [DEVICE_PLUGGED] = "plugged",
    [DEVICE_FAILING] = "failing",     [DEVICE_FAILED] = "failed",
    [DEVICE_ENDING] = "ending",       [DEVICE_LEAVING] = "leaving",
    [DEVICE_GONE] = "gone",
};

const char *life_name(const struct device *d)
{
    return d ? names[d->life] : "none";
}

/* Without device_run(), which frees one that is gone. */
static void look_once(void)
{
    while (device_has_news())
        device_turn();
}

static void guest_writes(const char *state)
{
    if (state)
        fake_store_set(FRONT "/state", state, NULL);
    else {
        store_remove(NULL, FRONT);
        store_flush(NULL);
    }
    if (only())
        device_note_front(only()->slot, only()->serial, FRONT "/state");
    look_once();
}

static void tools_write(const char *key, const char *value)
{
    fake_store_set(store_fmt("%s/%s", life_dir, key), value, NULL);
    device_note_back(type, 5, 51712, key);
}

static void tools_close(const char *online)
{
    fake_store_set(store_fmt("%s/online", life_dir), online, NULL);
    tools_write("state", "5");
    look_once();
}

static void nodes_go(void)
{
    store_remove(NULL, life_dir);
    store_flush(NULL);
    device_note_back(type, 5, 51712, "");
}

static void later(int64_t ms)
{
    t.now += ms;
    device_run();
}

/* --- events ------------------------------------------------------------------------------------
 */

static void ev_front(const char *arg)
{
    guest_writes(arg);
}

static void ev_attached(const char *arg)
{
    static struct worker_parcel parcel;

    t.attached = arg ? -EIO : 0;
    device_attached(only(), &parcel);
}

static void ev_failed(const char *arg)
{
    device_worker_failed(only(), arg ? -EBUSY : -EIO, "bad index");
}

static void ev_dies(const char *arg)
{
    (void)arg;
    device_event(only(), EVENT_DIED);
}

static void ev_lets_go(const char *arg)
{
    (void)arg;
    device_event(only(), EVENT_LET_GO);
}

static void ev_worker_changed(const char *arg)
{
    static struct worker_parcel parcel = {.head = {.type = WORKER_CHANGED}};

    (void)arg;
    device_worker_changed(only(), &parcel);
}

static void ev_close(const char *arg)
{
    tools_close(arg);
}

static void ev_close_let_go(const char *arg)
{
    tools_close(arg);
    device_event(only(), EVENT_LET_GO);
    look_once();
}

static void ev_online(const char *arg)
{
    tools_write("online", arg);
    look_once();
}

static void ev_state(const char *arg)
{
    fake_store_set(store_fmt("%s/online", life_dir), "0", NULL);
    tools_write("state", arg);
    look_once();
}

static void ev_anew(const char *arg)
{
    (void)arg;
    tools_write("state", "1");
    look_once();
}

static void ev_key(const char *arg)
{
    (void)arg;
    device_note_back(type, 5, 51712, "lodge-key");
    look_once();
}

static void ev_gone(const char *arg)
{
    (void)arg;
    nodes_go();
    look_once();
}

static void ev_guest_dies(const char *arg)
{
    (void)arg;
    device_reap(); /* it lives: that is known from here on */
    alive = false;
    device_reap();
}

static void ev_store_away(const char *arg)
{
    fake_store_dead = true;
    if (arg)
        guest_writes(arg);
    device_note_back(type, 5, 51712, "state");
    device_reap();
    look_once();
    later(1000000);
    fake_store_dead = false;
}

static void ev_store_back(const char *arg)
{
    (void)arg;
    device_store_is_back();
    look_once();
}

static void ev_later(const char *arg)
{
    t.probe = arg && *arg == 'p' ? -EIO : 0;
    t.connect = arg && *arg == 'c' ? -EIO : 0;
    later(1000000);
}

static void ev_asks_first(const char *arg)
{
    static struct worker_parcel parcel;

    (void)arg;
    fake_store_set(store_fmt("%s/online", life_dir), "0", NULL);
    fake_store_set(store_fmt("%s/state", life_dir), "5", NULL);
    t.probe = t.attached = 0;
    if (device_held(only()))
        device_attached(only(), &parcel);
    else
        later(1000000);
}

/* What is behind it: a server of its image that does not come up again. */
static void ev_lost(const char *arg)
{
    if (device_going(only()) || !only()->open)
        return;
    if (arg)
        t.no_worker = true;
    device_fail(only(), EIO, "the image is lost");
    device_give_up(only());
    t.no_worker = false;
}

static void ev_no_worker(const char *arg)
{
    t.no_worker = true;
    if (arg)
        guest_writes(arg);
    else
        ev_gone(NULL);
    t.no_worker = false;
}

const struct life_event life_events[] = {
    {"guest: 1", ev_front, "1"},
    {"guest: 2", ev_front, "2"},
    {"guest: 3", ev_front, "3"},
    {"guest: 4", ev_front, "4"},
    {"guest: 5", ev_front, "5"},
    {"guest: 6", ev_front, "6"},
    {"guest: 7", ev_front, "7"},
    {"guest: 8", ev_front, "8"},
    {"guest: 0", ev_front, "0"},
    {"guest: 9", ev_front, "9"},
    {"guest: \"\"", ev_front, ""},
    {"guest: \"-3\"", ev_front, "-3"},
    {"guest: \"4294967299\"", ev_front, "4294967299"},
    {"guest: no directory", ev_front, NULL},
    {"guest: 6, and no worker runs", ev_no_worker, "6"},
    {"guest: dies", ev_guest_dies, NULL},
    {"worker: attached", ev_attached, NULL},
    {"worker: attached, with nonsense", ev_attached, "bad"},
    {"worker: failed", ev_failed, NULL},
    {"worker: failed, busy", ev_failed, "busy"},
    {"worker: let go", ev_lets_go, NULL},
    {"worker: changed", ev_worker_changed, NULL},
    {"worker: dies", ev_dies, NULL},
    {"tools: 5", ev_close, "1"},
    {"tools: 5, offline", ev_close, "0"},
    {"tools: 5, offline, unseen yet", ev_asks_first, NULL},
    {"tools: 5, offline, worker: let go", ev_close_let_go, "0"},
    {"tools: offline", ev_online, "0"},
    {"tools: 6, offline", ev_state, "6"},
    {"tools: 4, offline", ev_state, "4"},
    {"tools: made anew", ev_anew, NULL},
    {"tools: key", ev_key, NULL},
    {"tools: removed", ev_gone, NULL},
    {"tools: removed, and no worker runs", ev_no_worker, NULL},
    {"image: lost", ev_lost, NULL},
    {"image: lost, and no worker runs", ev_lost, "none"},
    {"store: away", ev_store_away, NULL},
    {"store: away, guest: 6", ev_store_away, "6"},
    {"store: back", ev_store_back, NULL},
    {"time", ev_later, NULL},
    {"time, its image is bad", ev_later, "probe"},
    {"time, its rings are bad", ev_later, "connect"},
};

const unsigned life_nr_events = sizeof(life_events) / sizeof(*life_events);

/* --- states ------------------------------------------------------------------------------------
 */

static void make(const char *front_state, const char *state)
{
    fake_store_set(FRONT "/state", front_state, NULL);
    fake_store_set(store_fmt("%s/frontend", life_dir), FRONT, NULL);
    fake_store_set(store_fmt("%s/frontend-id", life_dir), "5", NULL);
    fake_store_set(store_fmt("%s/online", life_dir), "1", NULL);
    fake_store_set(store_fmt("%s/domain", life_dir), "web", NULL);
    fake_store_set(store_fmt("%s/lodge-hotplug", life_dir), "1", NULL);
    tools_write("state", state);
    look_once();
}

static void in_opening(void)
{
    t.probe = BACKEND_LATER;
    make("1", "1");
}

static void in_opening_inherited(void)
{
    t.probe = BACKEND_LATER;
    make("4", "4");
}

static void in_opening_asked(void)
{
    in_opening();
    tools_close("1");
}

static void in_waiting(void)
{
    make("1", "1");
}

static void in_waiting_inherited(void)
{
    in_opening_inherited();
    guest_writes("1");
    t.probe = 0;
    later(1000);
}

static void in_attaching(void)
{
    make("1", "1");
    guest_writes("3");
}

static void in_attaching_inherited(void)
{
    make("4", "4");
}

static void in_attached(void)
{
    in_attaching();
    ev_attached(NULL);
    guest_writes("4");
}

static void in_attaching_again(void)
{
    in_attached();
    device_event(only(), EVENT_DIED);
}

static void in_attached_asked(void)
{
    in_attached();
    tools_close("0");
}

static void in_detaching(void)
{
    in_attached();
    guest_writes("5");
}

static void in_detaching_offline(void)
{
    in_attached_asked();
    guest_writes("6");
}

static void in_closing(void)
{
    in_waiting();
    guest_writes("5");
}

static void in_closed(void)
{
    in_detaching();
    device_event(only(), EVENT_LET_GO);
    guest_writes("6");
}

static void in_opening_again(void)
{
    in_closed();
    t.probe = BACKEND_LATER;
    guest_writes("1");
}

static char kernels[] = "/tmp/test-life-XXXXXX"; /* where its devices are */

static void remove_kernels(void)
{
    rmdir(store_fmt("%s/vbd-5-51712", kernels));
    rmdir(kernels);
}

/* The kernel's device is there still. */
static void in_ending(void)
{
    static bool made;

    if (!made) {
        made = true;
        if (!mkdtemp(kernels) || mkdir(store_fmt("%s/vbd-5-51712", kernels), 0700))
            abort();
        atexit(remove_kernels);
    }
    backend.sys_devices = kernels;
    make("1", "1");
    ev_state("6");
}

static void in_failing(void)
{
    in_attaching();
    ev_attached("bad");
}

static void in_failed(void)
{
    in_attached();
    ev_failed(NULL);
}

static void in_failed_early(void)
{
    t.probe = -ENOENT;
    make("1", "1");
    t.probe = 0;
}

static void in_failed_inherited(void)
{
    make("6", "6");
}

static void in_leaving(void)
{
    in_attached();
    ev_gone(NULL);
}

static void in_gone(void)
{
    in_waiting();
    ev_gone(NULL);
}

const struct life_start life_starts[] = {
    {"opening", in_opening, DEVICE_OPENING, false},
    {"opening, from an earlier daemon", in_opening_inherited, DEVICE_OPENING, false},
    {"failed, asked to close early", in_opening_asked, DEVICE_FAILED, false},
    {"waiting", in_waiting, DEVICE_WAITING, false},
    {"waiting, from an earlier daemon", in_waiting_inherited, DEVICE_WAITING, false},
    {"attaching", in_attaching, DEVICE_ATTACHING, false},
    {"attaching, from an earlier daemon", in_attaching_inherited, DEVICE_ATTACHING, false},
    {"attaching, to a new worker", in_attaching_again, DEVICE_ATTACHING, false},
    {"attached", in_attached, DEVICE_ATTACHED, false},
    {"attached, asked to go", in_attached_asked, DEVICE_ATTACHED, false},
    {"detaching", in_detaching, DEVICE_DETACHING, false},
    {"detaching, to go", in_detaching_offline, DEVICE_DETACHING, false},
    {"closing", in_closing, DEVICE_CLOSING, false},
    {"closed", in_closed, DEVICE_CLOSED, false},
    {"opening again", in_opening_again, DEVICE_OPENING, false},
    {"failing", in_failing, DEVICE_FAILING, false},
    {"failed", in_failed, DEVICE_FAILED, false},
    {"failed, its image", in_failed_early, DEVICE_FAILED, false},
    {"failed, closed by an earlier daemon", in_failed_inherited, DEVICE_FAILED, false},
    {"leaving", in_leaving, DEVICE_LEAVING, false},
    {"gone", in_gone, DEVICE_GONE, false},
    {"opening, the kernel's", in_opening, DEVICE_OPENING, true},
    {"plugged, the kernel's", in_waiting, DEVICE_PLUGGED, true},
    {"ending, the kernel's", in_ending, DEVICE_ENDING, true},
    {"failed, the kernel's", in_failed_early, DEVICE_FAILED, true},
};

const unsigned life_nr_starts = sizeof(life_starts) / sizeof(*life_starts);

/* --- one of them ---------------------------------------------------------------------------- */

void life_reach(const struct life_start *s)
{
    begin();
    fake_store_dead = false;
    backend.sys_devices = NULL;
    life_dir = s->stock ? STOCK : BACK;
    type = s->stock ? &stock_kind : &kind;
    s->reach();
    if (!only() || only()->life != s->life) {
        fprintf(stderr, "%s: not reached, but %s\n", s->name, life_name(only()));
        abort();
    }
}

void life_sweep(void)
{
    t.probe = t.connect = t.attached = 0;
    nodes_go();
    look_once();
    for (struct device *d = only(); d; d = d->next)
        device_event(d, EVENT_LET_GO);
    device_run();
    if (only()) {
        fprintf(stderr, "a device is left, %s\n", life_name(only()));
        abort();
    }
}

void life_make(void)
{
    alive = true;
    t.probe = t.connect = t.attached = 0;
    make("1", "1");
}
