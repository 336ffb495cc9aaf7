// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_draw.c: what `lodge top` knows, as lines of text. Nothing here depends on a terminal or on
 * the time: the same data make the same lines.
 *
 * From above: the machine; one line for each domain; and for the selected one why it entered the
 * hypervisor, with what happened before. Where there are fewer rows than that takes, the reasons
 * give way first, then the domains that are not near the selected one.
 */
#include "top.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define MIN_REASONS 4 /* that are worth a table */
#define BAR         24
#define NAME_MIN    12
#define BESIDE_NAME 64 /* columns of a domain's line beside its name */

const char *const top_sort_names[TOP_SORTS] = {"cpu",     "memory", "entries", "disk",
                                               "network", "name",   "id"};

static double rate(const struct top_guest *g, uint64_t now, uint64_t before)
{
    /* Counters that have been reset meanwhile begin at 0. */
    return g->seconds > 0 ? (double)(now >= before ? now - before : now) / g->seconds : 0;
}

double top_rate(const struct top_guest *g, enum lodge_stats_sum which)
{
    return rate(g, lodge_stats_sum(&g->now.stats, which), lodge_stats_sum(&g->before.stats, which));
}

double top_cpu(const struct top_guest *g)
{
    return rate(g, g->now.cpu_ns, g->before.cpu_ns) / 1e7;
}

double top_disk(const struct top_guest *g)
{
    const struct top_io *now = &g->now.io, *before = &g->before.io;

    return rate(g, now->disk_read + now->disk_written, before->disk_read + before->disk_written);
}

double top_net(const struct top_guest *g)
{
    const struct top_io *now = &g->now.io, *before = &g->before.io;

    return rate(g, now->net_in + now->net_out, before->net_in + before->net_out);
}

/* ---- lines ---- */

/* The next line of the screen: cut to its width, where a byte of ASCII is a column. */
static void put(struct top_screen *s, const struct top_view *v, enum top_style style,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* At most so many characters of a text, and never half of one. */
static void cut(char *text, unsigned columns)
{
    unsigned seen = 0;

    for (; *text; text++)
        if (((unsigned char)*text & 0xc0) != 0x80 && seen++ == columns)
            break;
    *text = '\0';
}

static void put(struct top_screen *s, const struct top_view *v, enum top_style style,
                const char *fmt, ...)
{
    va_list ap;

    if (s->nr == TOP_LINES || (v->rows && s->nr == v->rows))
        return;
    va_start(ap, fmt);
    vsnprintf(s->line[s->nr].text, TOP_BYTES, fmt, ap);
    va_end(ap);
    cut(s->line[s->nr].text, v->columns);
    s->line[s->nr++].style = style;
}

/* In four or five characters: 9999, 12.3k, 123k, 1.2M. */
static const char *human(double n, char text[16])
{
    static const char units[] = "kMGTPE";
    int unit = -1;

    while (n >= 9999.5 || (unit >= 0 && n >= 999.5)) {
        n /= 1000;
        unit++;
    }
    if (unit < 0)
        snprintf(text, 16, "%.0f", n);
    else
        snprintf(text, 16, n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[unit]);
    return text;
}

/* n of `full` as a bar of so many columns. */
static const char *bar(const struct top_view *v, double n, double full, unsigned columns,
                       char text[256])
{
    unsigned filled = full > 0 ? (unsigned)(n / full * columns + 0.5) : 0;
    char *at = text;

    for (unsigned i = 0; i < columns; i++)
        at += sprintf(at, "%s", i >= filled ? " " : v->utf8 ? "\u2588" : "#");
    return text;
}

/* The last values, each as high as it is beside `full`; 0: beside the highest. */
static const char *spark(const struct top_view *v, const struct top_history *h, double full,
                         unsigned columns, char text[512])
{
    static const char *const utf8[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                       "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char ascii[] = " .:-=+*#@";
    char *at = text;

    if (full == 0)
        for (unsigned i = 0; i < h->nr; i++)
            full = h->value[i] > full ? h->value[i] : full;
    for (unsigned i = h->nr > columns ? h->nr - columns : 0; i < h->nr; i++) {
        double part = full > 0 ? h->value[i] / full : 0;
        /* What is not zero is seen. */
        unsigned level = part <= 0 ? 0 : part >= 1 ? 8 : 1 + (unsigned)(part * 8 - 1e-9);

        level = level > 8 ? 8 : level;
        if (v->utf8)
            at += sprintf(at, "%s", utf8[level]);
        else
            *at++ = ascii[level];
    }
    *at = '\0';
    return text;
}

/* ---- the machine ---- */

static void draw_machine(const struct top_data *t, const struct top_view *v, struct top_screen *s)
{
    uint64_t used = t->total_kib - t->free_kib, up = t->up_seconds;
    double per_second = t->entries.nr ? t->entries.value[t->entries.nr - 1] : 0;
    char text[256], line[512], n[16];
    unsigned running = 0, history = v->columns > 56 ? v->columns - 56 : 0;

    for (unsigned i = 0; i < t->nr; i++)
        running += t->guest[i].state[0] == 'r';
    put(s, v, TOP_TITLE,
        "lodge top   up %" PRIu64 " d %02u:%02u:%02u   %u domains, %u running   every %.1f s",
        up / 86400, (unsigned)(up / 3600 % 24), (unsigned)(up / 60 % 60), (unsigned)(up % 60),
        t->nr, running, t->seconds > 0 ? t->seconds : v->delay);
    put(s, v, TOP_PLAIN, "CPU     %5.1f%% of %-3u        [%s] %s", t->busy, t->cpus,
        bar(v, t->busy, 100, BAR, text), spark(v, &t->cpu, 100, history, line));
    put(s, v, TOP_PLAIN, "Memory  %6" PRIu64 " of %6" PRIu64 " MiB [%s]", used / 1024,
        t->total_kib / 1024, bar(v, (double)used, (double)t->total_kib, BAR, text));
    if (t->has_stats)
        put(s, v, TOP_PLAIN, "Entries %6s/s %39s %s", human(per_second, n), "",
            spark(v, &t->entries, 0, history, line));
    else
        put(s, v, TOP_PLAIN, "Entries are not counted by this hypervisor");
}

/* ---- domains ---- */

static double sort_value(const struct top_guest *g, enum top_sort sort)
{
    switch (sort) {
    case TOP_BY_CPU:
        return top_cpu(g);
    case TOP_BY_MEMORY:
        return (double)g->mem_kib;
    case TOP_BY_ENTRIES:
        return top_rate(g, STATS_ENTRIES);
    case TOP_BY_DISK:
        return top_disk(g);
    case TOP_BY_NETWORK:
        return top_net(g);
    default:
        return 0;
    }
}

/* Those of which there is most first; those that are alike by number. */
static int compare(const void *a, const void *b, void *sort)
{
    const struct top_guest *x = *(const struct top_guest *const *)a,
                           *y = *(const struct top_guest *const *)b;
    enum top_sort by = *(const enum top_sort *)sort;
    double p = sort_value(x, by), q = sort_value(y, by);
    int names = by == TOP_BY_NAME ? strcmp(x->name, y->name) : 0;

    if (names || p < q || p > q)
        return names ? names : p < q ? 1 : -1;
    return x->domid - y->domid;
}

void top_order(const struct top_data *t, enum top_sort sort, const struct top_guest **order)
{
    for (unsigned i = 0; i < t->nr; i++)
        order[i] = &t->guest[i];
    qsort_r(order, t->nr, sizeof(*order), compare, &sort);
}

/* A name can be anything, and is to be no part of the picture. */
static const char *plain_name(const struct top_guest *g, char name[static 64])
{
    unsigned i;

    for (i = 0; i < 63 && g->name[i]; i++)
        name[i] = g->name[i] >= ' ' && g->name[i] < 0x7f ? g->name[i] : '?';
    name[i] = '\0';
    return name;
}

static int name_width(const struct top_view *v)
{
    return v->columns > BESIDE_NAME + NAME_MIN ? (int)v->columns - BESIDE_NAME : NAME_MIN;
}

static void draw_guest(const struct top_guest *g, const struct top_view *v, struct top_screen *s,
                       enum top_style style)
{
    char n[6][16], name[64];
    int width = name_width(v);

    put(s, v, style, "%-*.*s %5u %s %5.1f %6" PRIu64 " %6s %5s %5s %5s %5s %5s", width, width,
        plain_name(g, name), g->domid, g->state, top_cpu(g), g->mem_kib / 1024,
        human(top_rate(g, STATS_ENTRIES), n[0]), human(top_rate(g, STATS_HYPERCALLS), n[1]),
        human(top_rate(g, STATS_EXCEPTIONS), n[2]), human(top_rate(g, STATS_SYSCALLS), n[3]),
        human(top_disk(g), n[4]), human(top_net(g), n[5]));
}

/* As many as there is room for, with the selected one among them. */
static void draw_guests(const struct top_data *t, const struct top_view *v,
                        const struct top_guest *const *order, unsigned selected, unsigned room,
                        struct top_screen *s)
{
    unsigned first = selected >= room ? selected - room + 1 : 0;

    put(s, v, TOP_HEAD, "%-*s %5s %-6s %5s %6s %6s %5s %5s %5s %5s %5s", name_width(v), "Name",
        "ID", "State", "CPU%", "MiB", "Ent/s", "Calls", "Traps", "Sysc", "Disk", "Net");
    for (unsigned i = first; i < t->nr && i < first + room; i++)
        draw_guest(order[i], v, s, v->keys && i == selected ? TOP_SELECTED : TOP_PLAIN);
}

/* ---- the selected one ---- */

struct reason {
    const char *name;
    double rate;
};

static int more_often(const void *a, const void *b)
{
    const struct reason *x = a, *y = b;

    return (x->rate < y->rate) - (x->rate > y->rate);
}

/* Why it entered: hypercalls and exceptions by name, the rest by kind. Those that did happen. */
static unsigned reasons_of(const struct top_guest *g, struct reason *r)
{
    static const enum lodge_stats_group groups[] = {STATS_OF_HYPERCALLS, STATS_OF_EXCEPTIONS};
    unsigned nr = 0;

    for (unsigned i = 0; i < COUNT(groups); i++) {
        const char *name;
        int place;

        for (unsigned n = 0; (place = lodge_stats_place(groups[i], n, &name)) >= 0; n++)
            r[nr++] = (struct reason){
                name, rate(g, g->now.stats.value[place], g->before.stats.value[place])};
    }
    r[nr++] = (struct reason){"system calls", top_rate(g, STATS_SYSCALLS)};
    r[nr++] = (struct reason){"interrupts", top_rate(g, STATS_INTERRUPTS)};
    qsort(r, nr, sizeof(*r), more_often);
    while (nr && r[nr - 1].rate <= 0)
        nr--;
    return nr;
}

/* What it did beside: to the right of the reasons. */
static void side_line(const struct top_guest *g, const struct top_view *v, unsigned i,
                      char text[768])
{
    const struct top_counted *now = &g->now, *old = &g->before;
    char a[16], b[16], line[512];
    unsigned columns = v->columns > 56 ? v->columns - 56 : 0;

    text[0] = '\0';
    switch (i) {
    case 0:
        snprintf(text, 768, "CPU      %s", spark(v, &g->cpu, 0, columns, line));
        break;
    case 1:
        snprintf(text, 768, "Entries  %s", spark(v, &g->entries, 0, columns, line));
        break;
    case 2:
        snprintf(text, 768, "Updates %5s/s of page tables", human(top_rate(g, STATS_UPDATES), a));
        break;
    case 3:
        snprintf(text, 768, "Flushes %5s/s", human(top_rate(g, STATS_FLUSHES), a));
        break;
    case 4:
        snprintf(text, 768, "Events  %5s/s sent",
                 human(rate(g, now->stats.value[LODGE_STAT_EVENT_SENT],
                            old->stats.value[LODGE_STAT_EVENT_SENT]),
                       a));
        break;
    case 5:
        snprintf(text, 768, "Disk    %5s read, %s written",
                 human(rate(g, now->io.disk_read, old->io.disk_read), a),
                 human(rate(g, now->io.disk_written, old->io.disk_written), b));
        break;
    case 6:
        snprintf(text, 768, "Net     %5s in, %s out",
                 human(rate(g, now->io.net_in, old->io.net_in), a),
                 human(rate(g, now->io.net_out, old->io.net_out), b));
        break;
    }
}

static void draw_reasons(const struct top_guest *g, const struct top_view *v, unsigned room,
                         struct top_screen *s)
{
    struct reason r[LODGE_NR_STATS];
    unsigned nr = reasons_of(g, r);
    char text[256], side[768], n[16];

    put(s, v, TOP_HEAD, "%-46s%s", "Entries/s by reason", plain_name(g, text));
    for (unsigned i = 0; i + 1 < room; i++) {
        side_line(g, v, i, side);
        if (i < nr)
            put(s, v, TOP_PLAIN, "%-22.22s %5s %s %s", r[i].name, human(r[i].rate, n),
                bar(v, r[i].rate, r[0].rate, 15, text), side);
        else if (*side)
            put(s, v, TOP_PLAIN, "%45s%s", "", side);
        else
            break;
    }
}

void top_draw(const struct top_data *t, const struct top_view *v, struct top_screen *s)
{
    const struct top_guest **order = calloc(t->nr + 1, sizeof(*order));
    unsigned rows = v->rows ? v->rows : TOP_LINES, selected = 0, room, reasons = 0;

    s->nr = 0;
    if (!order)
        return;
    top_order(t, v->sort, order);
    for (unsigned i = 0; i < t->nr; i++)
        if (order[i]->domid == v->selected)
            selected = i;
    draw_machine(t, v, s);
    put(s, v, TOP_PLAIN, "%s", "");
    room =
        rows > s->nr + 2 ? rows - s->nr - 1 - (v->keys ? 1 : 0) : 0; /* head and keys are apart */
    if (t->has_stats && t->nr && room > t->nr + 1 + MIN_REASONS)
        reasons = room - t->nr - 1;
    else if (t->has_stats && t->nr && room > 8 + 1 + MIN_REASONS)
        reasons = room - 8 - 1;
    if (reasons)
        room -= reasons + 1;
    draw_guests(t, v, order, selected, room, s);
    if (reasons) {
        put(s, v, TOP_PLAIN, "%s", "");
        draw_reasons(order[selected], v, v->rows ? reasons : reasons > 11 ? 11 : reasons, s);
    }
    if (v->keys) {
        while (v->rows && s->nr + 1 < v->rows)
            put(s, v, TOP_PLAIN, "%s", "");
        put(s, v, TOP_TITLE,
            "q quit  up/down select  s or c m e d n i sort (%s)  +/- interval  space now",
            top_sort_names[v->sort]);
    }
    free(order);
}
