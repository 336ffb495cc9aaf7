/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top.h: the parts of `lodge top`. What is known at a moment is sampled (top_sample.c, top_io.c),
 * made into lines of text (top_draw.c, which knows no terminal and no machine), and these are shown
 * on a screen (top_screen.c) or written (cmd_top.c).
 */
#ifndef LODGE_TOP_H
#define LODGE_TOP_H

#include <stdbool.h>
#include <stdint.h>
#include "cli.h"

#define TOP_HISTORY 60 /* intervals that are remembered */

/* The last values of something, the newest last. */
struct top_history {
    double value[TOP_HISTORY];
    unsigned nr;
};

/* Bytes since the beginning, as far as anybody counts them. */
struct top_io {
    uint64_t disk_read, disk_written, net_in, net_out;
};

/* What was counted of a domain at a moment. */
struct top_counted {
    uint64_t cpu_ns;
    struct lodge_stats stats;
    struct top_io io;
};

struct top_guest {
    uint16_t domid;
    uint8_t handle[16];
    char name[64], state[7];
    unsigned vcpus;
    uint64_t mem_kib;
    struct top_counted now, before;
    double seconds; /* between these two; 0: it is new, and there is nothing to compare with */
    struct top_history cpu, entries;
    bool seen; /* in this sample */
};

struct top_data {
    struct top_guest *guest; /* in the order of their numbers */
    unsigned nr;
    bool has_stats; /* the hypervisor counts */
    unsigned cpus;
    uint64_t idle_ns, total_kib, free_kib, up_seconds;
    double busy; /* per cent of all processors, in the last interval */
    double seconds;
    int64_t when_ms;
    struct top_history cpu, entries;
};

enum top_sort {
    TOP_BY_CPU,
    TOP_BY_MEMORY,
    TOP_BY_ENTRIES,
    TOP_BY_DISK,
    TOP_BY_NETWORK,
    TOP_BY_NAME,
    TOP_BY_ID,
    TOP_SORTS,
};
extern const char *const top_sort_names[TOP_SORTS];

struct top_view {
    unsigned rows, columns; /* rows 0: as many as it takes */
    bool utf8;
    bool keys; /* there is a keyboard: say what its keys do */
    enum top_sort sort;
    int selected; /* the domain whose entries are shown by reason; negative: the first */
    double delay;
};

enum top_style { TOP_PLAIN, TOP_TITLE, TOP_HEAD, TOP_SELECTED };

#define TOP_LINES 512
#define TOP_BYTES 1024 /* of a line, in UTF-8 */
struct top_screen {
    struct {
        enum top_style style;
        char text[TOP_BYTES];
    } line[TOP_LINES];
    unsigned nr;
};

/* Rates of the last interval, per second; of a new guest 0. */
double top_rate(const struct top_guest *g, enum lodge_stats_sum which);
double top_cpu(const struct top_guest *g); /* per cent of one processor */
double top_disk(const struct top_guest *g);
double top_net(const struct top_guest *g);

/* top_sample.c: 0, or negative with the session's message. Free with top_free(). */
int top_sample(struct cli *c, struct top_data *t);
void top_free(struct top_data *t);
/* top_io.c: adds what the host knows of each of the guests. */
void top_io_read(const char *run_dir, struct top_guest *guest, unsigned nr);

/* top_draw.c */
void top_order(const struct top_data *t, enum top_sort sort, const struct top_guest **order);
void top_draw(const struct top_data *t, const struct top_view *view, struct top_screen *s);

/* top_screen.c: false: this terminal cannot do it. */
bool top_screen_begin(void);
void top_screen_size(unsigned *high, unsigned *wide);
void top_screen_show(const struct top_screen *s);
/* The next key, if there is one, or negative. */
int top_screen_key(void);
void top_screen_end(void);
enum { TOP_KEY_UP = 1000, TOP_KEY_DOWN, TOP_KEY_RESIZED };

#endif
