// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_top.c: what `lodge top` draws of fixed data, beside top.txt, at several sizes; and the rates
 * that it is made of. With --update what is drawn becomes top.txt: read the difference.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <cli/top.h>

static struct top_guest guests[12];
static struct top_data machine;
static FILE *out;

static struct top_guest *guest(unsigned i, uint16_t domid, const char *name, const char *state)
{
    struct top_guest *g = &guests[i];

    *g = (struct top_guest){.domid = domid, .vcpus = 1, .mem_kib = (i + 1) * 65536, .seconds = 2};
    snprintf(g->name, sizeof(g->name), "%s", name);
    snprintf(g->state, sizeof(g->state), "%s", state);
    return g;
}

/* In two seconds. */
static void did(struct top_guest *g, unsigned cpu_ms, unsigned place, uint64_t n)
{
    g->now.cpu_ns += cpu_ms * 1000000ull;
    g->before.stats.value[place] += 1000;
    g->now.stats.value[place] += 1000 + n;
}

static void history(struct top_history *h, unsigned nr, double highest)
{
    h->nr = nr;
    for (unsigned i = 0; i < nr; i++)
        h->value[i] = highest * (i % 9) / 8;
}

static void set_up(void)
{
    struct top_guest *web, *db;

    memset(guests, 0, sizeof(guests));
    machine = (struct top_data){.guest = guests,
                                .nr = 5,
                                .has_stats = true,
                                .cpus = 4,
                                .busy = 37.5,
                                .seconds = 2,
                                .total_kib = 2048 * 1024,
                                .free_kib = 512 * 1024,
                                .up_seconds = 86400 + 3723};
    guest(0, 0, "Domain-0", "r-----");
    did(&guests[0], 1000, LODGE_STAT_HYPERCALL + 1, 20);
    web = guest(1, 3, "web", "-b----");
    did(web, 300, LODGE_STAT_HYPERCALL + 23, 84000);
    did(web, 0, LODGE_STAT_HYPERCALL + 1, 2400);
    did(web, 0, LODGE_STAT_EXCEPTION + 14, 9000);
    did(web, 0, LODGE_STAT_FRAME_SYSCALL, 41000);
    did(web, 0, LODGE_STAT_INTERRUPT, 500);
    did(web, 0, LODGE_STAT_UPDATE_LIST, 70000);
    did(web, 0, LODGE_STAT_FLUSH_ALL, 3);
    did(web, 0, LODGE_STAT_EVENT_SENT, 700);
    web->now.io = (struct top_io){1 << 20, 3 << 20, 20000, 2ull << 30};
    db = guest(2, 7, "db with a name that is longer than its place", "--p---");
    db->before.stats.value[LODGE_STAT_INTERRUPT] = 1000000; /* and then it was reset */
    db->now.stats.value[LODGE_STAT_INTERRUPT] = 50;
    guest(3, 9, "evil\033[2Jname", "----c-")->seconds = 0;
    guest(4, 12, "n\xc3\xa4me", "r-----");
    history(&machine.cpu, 60, 100);
    history(&machine.entries, 20, 70000);
    history(&web->cpu, 12, 15);
    history(&web->entries, 60, 70000);
}

static void draw(const char *what, struct top_view v)
{
    static struct top_screen s;

    top_draw(&machine, &v, &s);
    fprintf(out, "=== %s\n", what);
    for (unsigned i = 0; i < s.nr; i++)
        fprintf(out, "%c%s|\n", " TH>"[s.line[i].style], s.line[i].text);
    CHECK(!v.rows || s.nr <= v.rows);
}

static void draw_all(void)
{
    const struct top_view screen = {.rows = 24,
                                    .columns = 80,
                                    .keys = true,
                                    .utf8 = true,
                                    .sort = TOP_BY_ENTRIES,
                                    .selected = 3,
                                    .delay = 2};
    struct top_view v = screen;

    draw("80x24", v);
    v.utf8 = false;
    draw("in ASCII", v);
    v.rows = 0;
    v.keys = false;
    v.selected = -1;
    v.sort = TOP_BY_CPU;
    draw("as text", v);
    v = screen;
    v.rows = 40;
    v.columns = 132;
    v.sort = TOP_BY_NAME;
    v.selected = 7;
    draw("132x40", v);
    v.rows = 12;
    v.columns = 50;
    v.sort = TOP_BY_ID;
    v.selected = 12;
    draw("50x12", v);
    for (v.rows = 1; v.rows < 8; v.rows++) { /* what is there fits, however small it is */
        v.columns = v.rows * 3;
        draw("tiny", v);
    }
    machine.has_stats = false;
    v = screen;
    v.sort = TOP_BY_MEMORY;
    draw("without counters", v);
    machine.nr = 0;
    draw("without domains", v);
}

/* More domains than rows: the selected one is among those that are shown. */
static void draw_many(void)
{
    struct top_view v = {.rows = 20, .columns = 80, .keys = true, .sort = TOP_BY_ID, .delay = 2};
    char name[16];

    set_up();
    for (unsigned i = 5; i < 12; i++) {
        snprintf(name, sizeof(name), "guest-%u", i);
        guest(i, (uint16_t)(20 + i), name, "-b----");
    }
    machine.nr = 12;
    v.selected = 31;
    draw("many domains, the last one selected", v);
    v.selected = 0;
    draw("many domains, the first one selected", v);
}

static void rates(void)
{
    set_up();
    CHECK(top_cpu(&guests[0]) == 50);
    CHECK(top_rate(&guests[1], STATS_HYPERCALLS) == 43200);
    CHECK(top_rate(&guests[1], STATS_ENTRIES) == 43200 + 4500 + 20500 + 250);
    CHECK(top_rate(&guests[2], STATS_INTERRUPTS) == 25);
    CHECK(top_rate(&guests[3], STATS_ENTRIES) == 0); /* it is new */
    CHECK(top_disk(&guests[1]) == 2 << 20);
}

/* The whole of a file, malloc'ed. */
static char *contents(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = calloc(1, 1 << 17);

    if (f) {
        fread(text, 1, (1 << 17) - 1, f);
        fclose(f);
    }
    return text;
}

int main(int argc, char **argv)
{
    char *drawn = NULL, *wanted;
    size_t size;
    FILE *f;

    (void)argv;
    out = open_memstream(&drawn, &size);
    rates();
    draw_all();
    draw_many();
    fclose(out);
    wanted = contents("top.txt");
    CHECK(!strcmp(drawn, wanted));
    if (strcmp(drawn, wanted)) {
        f = fopen(argc > 1 ? "top.txt" : "/dev/stdout", "we");
        if (f) {
            fputs(drawn, f);
            fclose(f);
        }
    }
    free(wanted);
    free(drawn);
    return check_end();
}
