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
#include "life_events.h"

#include <stdlib.h>
#include <string.h>

/* --- each with each ----------------------------------------------------------------------------
 */

static void note(const char *path, const char *value)
{
    if (!strncmp(path, life_dir, strlen(life_dir)) && path[strlen(life_dir)] == '/')
        path += strlen(life_dir) + 1;
    if (value)
        trace("%s=%s", path, value);
    else
        trace("remove %s", path);
}

static void one(FILE *out, const struct life_start *s, const struct life_event *e, FILE *nothing)
{
    char *text = NULL;
    const char *before, *after;
    size_t len = 0;

    life_reach(s);
    before = life_name(only());
    t.trace = open_memstream(&text, &len);
    fake_wrote = note;
    e->happens(e->arg);
    fclose(t.trace);
    t.trace = NULL;
    fake_wrote = NULL;
    after = life_name(only());
    if (!len && !strcmp(after, before))
        fprintf(nothing, "%s%s", ftell(nothing) ? " | " : "", e->name);
    else
        fprintf(out, "    %-34s -> %s%s%s\n", e->name, after, len ? ": " : "", text);
    free(text);
    life_sweep();
}

static void transcript(FILE *out)
{
    for (unsigned i = 0; i < life_nr_starts; i++) {
        char *text = NULL;
        size_t len;
        FILE *nothing = open_memstream(&text, &len);

        fprintf(out, "%s\n", life_starts[i].name);
        for (unsigned e = 0; e < life_nr_events; e++)
            one(out, &life_starts[i], &life_events[e], nothing);
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

/* --- long lives --------------------------------------------------------------------------------
 */

#define BIT(n) (1u << (n))

/* What device_life.c says of each state. */
static const struct {
    unsigned states, rings; /* BIT(XenbusState*), BIT(DEVICE_RINGS_*) that it may have */
    int open, due;          /* -1: either */
} invariants[] = {
    [DEVICE_OPENING] = {0x1df, BIT(0) | BIT(1), -1, 1},
    [DEVICE_WAITING] = {BIT(2) | BIT(4), BIT(0) | BIT(1), 1, 0},
    [DEVICE_ATTACHING] = {BIT(2) | BIT(4) | BIT(5), BIT(0) | BIT(1) | BIT(2), 1, -1},
    [DEVICE_ATTACHED] = {BIT(4) | BIT(5), BIT(2), 1, 0},
    [DEVICE_DETACHING] = {BIT(5), BIT(0) | BIT(1) | BIT(2), 1, 0},
    [DEVICE_CLOSING] = {BIT(5), BIT(0) | BIT(1), 1, 0},
    [DEVICE_CLOSED] = {BIT(6), BIT(0) | BIT(1), 1, 0},
    [DEVICE_PLUGGED] = {0x1ff, BIT(0), 1, 0},
    [DEVICE_FAILING] = {BIT(6), BIT(0), 1, 0},
    [DEVICE_FAILED] = {BIT(6), BIT(0), 0, 0},
    [DEVICE_ENDING] = {0x1ff, BIT(0), 0, 1},
    [DEVICE_LEAVING] = {0x1ff, BIT(0) | BIT(1) | BIT(2), 1, -1},
    [DEVICE_GONE] = {0x1ff, BIT(0) | BIT(1), -1, 0},
};

static bool is_sound(const struct device *d)
{
    unsigned states = invariants[d->life].states;

    if (d->life == DEVICE_WAITING) /* Connected where it was so before */
        states &= d->rings == DEVICE_RINGS_INHERITED ? ~0u : ~BIT(4);
    if (!d->type->program) /* the kernel's */
        states = 0x1ff;
    return (states & BIT(d->state)) && (invariants[d->life].rings & BIT(d->rings)) &&
           (invariants[d->life].open < 0 || invariants[d->life].open == d->open) &&
           (invariants[d->life].due < 0 || invariants[d->life].due == !!d->due);
}

static unsigned any_of(unsigned nr)
{
    static uint64_t seed = 1;

    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % nr;
}

/*
 * From each state, what happens in any order: the invariants hold after each event, and however it
 * went, the device goes when its nodes do and its worker lets go.
 */
static void test_walks(void)
{
    for (unsigned n = 0; n < 2000; n++) {
        const struct life_event *e = NULL;
        unsigned unsound = 0;

        life_reach(&life_starts[n % life_nr_starts]);
        for (unsigned i = 0; i < 30 && !unsound; i++) {
            for (struct device *d = only(); d; d = d->next) {
                unsound += !is_sound(d);
                if (!is_sound(d))
                    fprintf(stderr, "walk %u, %s, after %s: state %d, rings %d, open %d, due %d\n",
                            n, life_name(d), e ? e->name : "the start", d->state, d->rings, d->open,
                            d->due != 0);
            }
            e = &life_events[any_of(life_nr_events)];
            if (!only() || !any_of(8))
                life_make();
            else if (!any_of(4))
                e = NULL, t.now += 1000, device_run();
            else
                e->happens(e->arg);
            if (only() && only()->next && !any_of(2))
                device_event(only()->next, EVENT_LET_GO);
        }
        CHECK(!unsound);
        life_sweep();
    }
}

int main(int argc, char **argv)
{
    (void)argv;
    test_transcript("life.txt", argc > 1);
    test_walks();
    return check_end();
}
