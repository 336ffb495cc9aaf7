// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_life.c: a device's life, each state with each event, and long random ones.
 *
 * life.txt is a transcript: for each state what each event makes of it, and all that the supervisor
 * does then, in its order: what it writes, says, and asks of the worker and of the kind of device.
 * `make life` writes it anew; read the difference. Events that change nothing and cause nothing
 * share a line.
 */
#include "check.h"
#include "device_steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STOCK "/local/domain/0/backend/vbd/5/51712"

static const char *dir;                /* of the device under test */
static const struct device_type *type; /* its kind */

/* --- what is done to it ------------------------------------------------------------------------
 */

static const char *life(const struct device *d)
{
    if (!d)
        return "none";
    if (d->doomed)
        return d->link == DEVICE_IDLE ? "gone" : "leaving";
    if (d->ending)
        return "ending";
    if (d->failed)
        return d->link == DEVICE_IDLE ? "failed" : "failing";
    if (d->link != DEVICE_IDLE)
        return d->link == DEVICE_ATTACHING  ? "attaching"
               : d->link == DEVICE_ATTACHED ? "attached"
                                            : "detaching";
    if (!d->ready)
        return "opening";
    if (!d->type->program)
        return "plugged";
    return d->state == XenbusStateClosing  ? "closing"
           : d->state == XenbusStateClosed ? "closed"
                                           : "waiting";
}

static void lets_go(struct device *d)
{
    if (d->link == DEVICE_DETACHING)
        device_detached(d);
}

static void dies(struct device *d)
{
    if (d->link != DEVICE_IDLE)
        device_worker_died(d);
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
    fake_store_set(store_fmt("%s/%s", dir, key), value, NULL);
    device_note_back(type, 5, 51712, key);
}

static void tools_close(const char *online)
{
    fake_store_set(store_fmt("%s/online", dir), online, NULL);
    tools_write("state", "5");
    look_once();
}

static void nodes_go(void)
{
    store_remove(NULL, dir);
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
    dies(only());
}

static void ev_lets_go(const char *arg)
{
    (void)arg;
    lets_go(only());
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

static void ev_online(const char *arg)
{
    tools_write("online", arg);
    look_once();
}

static void ev_state(const char *arg)
{
    fake_store_set(store_fmt("%s/online", dir), "0", NULL);
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
    fake_store_set(store_fmt("%s/online", dir), "0", NULL);
    fake_store_set(store_fmt("%s/state", dir), "5", NULL);
    t.probe = t.attached = 0;
    if (only()->link == DEVICE_IDLE)
        later(1000000);
    else
        device_attached(only(), &parcel);
}

/* What is behind it: a server of its image that does not come up again. */
static void ev_lost(const char *arg)
{
    if (only()->doomed || only()->failed)
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

static const struct event {
    const char *name;
    void (*happens)(const char *arg);
    const char *arg;
} events[] = {
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

#define NR_EVENTS (sizeof(events) / sizeof(*events))

/* --- states ------------------------------------------------------------------------------------
 */

static void make(const char *front_state, const char *state)
{
    fake_store_set(FRONT "/state", front_state, NULL);
    fake_store_set(store_fmt("%s/frontend", dir), FRONT, NULL);
    fake_store_set(store_fmt("%s/frontend-id", dir), "5", NULL);
    fake_store_set(store_fmt("%s/online", dir), "1", NULL);
    fake_store_set(store_fmt("%s/domain", dir), "web", NULL);
    fake_store_set(store_fmt("%s/lodge-hotplug", dir), "1", NULL);
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
    dies(only());
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
    lets_go(only());
    guest_writes("6");
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

static const struct start {
    const char *name;
    void (*reach)(void);
    const char *life;
    bool stock;
} starts[] = {
    {"opening", in_opening, "opening", false},
    {"opening, from an earlier daemon", in_opening_inherited, "opening", false},
    {"opening, asked to close", in_opening_asked, "opening", false},
    {"waiting", in_waiting, "waiting", false},
    {"waiting, from an earlier daemon", in_waiting_inherited, "waiting", false},
    {"attaching", in_attaching, "attaching", false},
    {"attaching, from an earlier daemon", in_attaching_inherited, "attaching", false},
    {"attaching, to a new worker", in_attaching_again, "attaching", false},
    {"attached", in_attached, "attached", false},
    {"attached, asked to go", in_attached_asked, "attached", false},
    {"detaching", in_detaching, "detaching", false},
    {"detaching, to go", in_detaching_offline, "detaching", false},
    {"closing", in_closing, "closing", false},
    {"closed", in_closed, "closed", false},
    {"failing", in_failing, "failing", false},
    {"failed", in_failed, "failed", false},
    {"failed, its image", in_failed_early, "failed", false},
    {"failed, closed by an earlier daemon", in_failed_inherited, "failed", false},
    {"leaving", in_leaving, "leaving", false},
    {"gone", in_gone, "gone", false},
    {"opening, the kernel's", in_opening, "opening", true},
    {"plugged, the kernel's", in_waiting, "plugged", true},
    {"failed, the kernel's", in_failed_early, "failed", true},
};

#define NR_STARTS (sizeof(starts) / sizeof(*starts))

/* --- each with each ----------------------------------------------------------------------------
 */

static void note(const char *path, const char *value)
{
    if (!strncmp(path, dir, strlen(dir)) && path[strlen(dir)] == '/')
        path += strlen(dir) + 1;
    if (value)
        trace("%s=%s", path, value);
    else
        trace("remove %s", path);
}

static void reach(const struct start *s)
{
    begin();
    fake_store_dead = false;
    dir = s->stock ? STOCK : BACK;
    type = s->stock ? &stock_kind : &kind;
    s->reach();
    CHECK_STR(life(only()), s->life);
}

/* Its nodes go, and its worker lets go: nothing of it is left. */
static void sweep(void)
{
    t.probe = t.connect = t.attached = 0;
    nodes_go();
    look_once();
    for (struct device *d = only(); d; d = d->next)
        lets_go(d);
    device_run();
    CHECK(!only());
}

static void one(FILE *out, const struct start *s, const struct event *e, FILE *nothing)
{
    char *text = NULL;
    const char *after;
    size_t len = 0;

    reach(s);
    t.trace = open_memstream(&text, &len);
    fake_wrote = note;
    e->happens(e->arg);
    fclose(t.trace);
    t.trace = NULL;
    fake_wrote = NULL;
    after = life(only());
    if (!len && !strcmp(after, s->life))
        fprintf(nothing, "%s%s", ftell(nothing) ? " | " : "", e->name);
    else
        fprintf(out, "    %-34s -> %s%s%s\n", e->name, after, len ? ": " : "", text);
    free(text);
    sweep();
}

static void transcript(FILE *out)
{
    for (unsigned i = 0; i < NR_STARTS; i++) {
        char *text = NULL;
        size_t len;
        FILE *nothing = open_memstream(&text, &len);

        fprintf(out, "%s\n", starts[i].name);
        for (unsigned e = 0; e < NR_EVENTS; e++)
            one(out, &starts[i], &events[e], nothing);
        fclose(nothing);
        fprintf(out, "    nothing: %s\n", text);
        free(text);
    }
}

static void test_transcript(const char *name, bool update)
{
    char *text = NULL, *want = NULL, *line, *rest;
    size_t len, room = 0;
    FILE *f = open_memstream(&text, &len);

    transcript(f);
    fclose(f);
    f = fopen(name, update ? "w" : "r");
    CHECK(f);
    if (update)
        fputs(text, f);
    rest = text;
    while (!update && (line = strsep(&rest, "\n")) && *line) {
        ssize_t n = getline(&want, &room, f);

        want[n > 0 ? n - 1 : 0] = '\0';
        CHECK_STR(line, want);
    }
    if (!update)
        CHECK(getline(&want, &room, f) < 0);
    fclose(f);
    free(want);
    free(text);
}

int main(int argc, char **argv)
{
    (void)argv;
    test_transcript("life.txt", argc > 1);
    return check_end();
}
