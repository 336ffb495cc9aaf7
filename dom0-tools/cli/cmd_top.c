// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_top.c: `lodge top`, what the machine and its guests do at this moment: a screen that renews
 * itself, or with -b the same as text, for scripts and for terminals that have no screen.
 */
#include "top.h"

#include <clock.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS   80 /* of text that goes nowhere in particular */
#define DELAY     2.0
#define DELAY_MIN 0.1
#define DELAY_MAX 3600.0

static volatile sig_atomic_t top_stopped;
static sigset_t top_waiting; /* the signals that are blocked while it waits: those from before */

static void stop(int signal)
{
    (void)signal;
    top_stopped = 1;
}

/*
 * What ends it, and a new size of the screen, are let in only while it waits: so none comes between
 * the look whether one has come and the wait.
 */
static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction action = {.sa_handler = stop};
    sigset_t blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGWINCH);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
        sigaddset(&blocked, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, &top_waiting);
}

/*
 * Until there is input (fd -1: none is waited for), a signal has come, or the time is over. False:
 * there is nobody any more who could write.
 */
static bool wait_for(int fd, int64_t ms)
{
    const struct timespec limit = {ms / 1000, ms % 1000 * 1000000};
    struct pollfd input = {.fd = fd, .events = POLLIN};

    return ppoll(&input, 1, &limit, &top_waiting) <= 0 || !(input.revents & ~POLLIN);
}

struct top_opts {
    struct top_view view;
    bool batch;
    uint64_t iterations; /* 0: no end */
    const char *guest;
};

/* ---- text, and JSON ---- */

static void write_text(const struct top_data *t, const struct top_opts *o, bool first)
{
    static struct top_screen s;

    top_draw(t, &o->view, &s);
    if (!first)
        putchar('\n');
    for (unsigned i = 0; i < s.nr; i++) {
        size_t n = strlen(s.line[i].text);

        while (n && s.line[i].text[n - 1] == ' ')
            n--;
        printf("%.*s\n", (int)n, s.line[i].text);
    }
    fflush(stdout);
}

static void add_rate(struct json_object *js, const char *key, double value)
{
    char text[32];

    snprintf(text, sizeof(text), "%.1f", value);
    json_object_object_add(js, key, json_object_new_double_s(value, text));
}

static struct json_object *guest_json(const struct top_guest *g, bool has_stats)
{
    static const struct {
        enum lodge_stats_sum sum;
        const char *key;
    } rates[] = {{STATS_ENTRIES, "entries"},       {STATS_HYPERCALLS, "hypercalls"},
                 {STATS_EXCEPTIONS, "exceptions"}, {STATS_SYSCALLS, "system_calls"},
                 {STATS_INTERRUPTS, "interrupts"}, {STATS_UPDATES, "page_table_updates"}};
    struct json_object *js = json_object_new_object();

    cli_json_str(js, "name", g->name);
    cli_json_num(js, "domid", g->domid);
    cli_json_num(js, "memory_kib", (int64_t)g->mem_kib);
    add_rate(js, "cpu_percent", top_cpu(g));
    for (unsigned i = 0; has_stats && i < sizeof(rates) / sizeof(rates[0]); i++)
        add_rate(js, rates[i].key, top_rate(g, rates[i].sum));
    add_rate(js, "disk_bytes", top_disk(g));
    add_rate(js, "network_bytes", top_net(g));
    return js;
}

/* All rates are per second. */
static void write_json(const struct top_data *t, const struct top_opts *o)
{
    struct json_object *js = json_object_new_object(), *all = json_object_new_array();
    const struct top_guest **order = calloc(t->nr + 1, sizeof(*order));

    add_rate(js, "seconds", t->seconds);
    cli_json_num(js, "cpus", t->cpus);
    add_rate(js, "cpu_percent", t->busy);
    cli_json_num(js, "total_memory_kib", (int64_t)t->total_kib);
    cli_json_num(js, "free_memory_kib", (int64_t)t->free_kib);
    if (order)
        top_order(t, o->view.sort, order);
    for (unsigned i = 0; order && i < t->nr; i++)
        json_object_array_add(all, guest_json(order[i], t->has_stats));
    json_object_object_add(js, "domains", all);
    cli_print_json(js);
    fflush(stdout);
    free(order);
}

/* The first look has nothing to compare with, and is not shown. */
static int run_batch(struct cli *c, struct top_opts *o, struct top_data *t)
{
    int rc = top_sample(c, t);

    for (uint64_t i = 0; !rc && !top_stopped && (!o->iterations || i < o->iterations); i++) {
        (void)wait_for(-1, (int64_t)(o->view.delay * 1000));
        if (top_stopped)
            break;
        rc = top_sample(c, t);
        if (rc)
            break;
        if (c->json)
            write_json(t, o);
        else
            write_text(t, o, i == 0);
        if (ferror(stdout))
            break;
    }
    return rc;
}

/* ---- the screen ---- */

/* The domain above or below the selected one, as they are sorted. */
static void select_next(const struct top_data *t, struct top_view *v, int by)
{
    const struct top_guest **order = calloc(t->nr + 1, sizeof(*order));
    int at = 0;

    if (!order || !t->nr) {
        free(order);
        return;
    }
    top_order(t, v->sort, order);
    for (unsigned i = 0; i < t->nr; i++)
        if (order[i]->domid == v->selected)
            at = (int)i;
    at += by;
    at = at < 0 ? 0 : at >= (int)t->nr ? (int)t->nr - 1 : at;
    v->selected = order[at]->domid;
    free(order);
}

static void change_delay(struct top_view *v, double factor)
{
    v->delay *= factor;
    v->delay = v->delay < DELAY_MIN ? DELAY_MIN : v->delay > DELAY_MAX ? DELAY_MAX : v->delay;
}

/* False: it was the last one. *now: do not wait for the end of the interval. */
static bool take_key(int key, const struct top_data *t, struct top_view *v, bool *now)
{
    static const char sorts[] = "cmedn?i"; /* in the order of enum top_sort; names have no key */
    const char *sort = key > 0 && key < 128 && key != '?' ? strchr(sorts, key) : NULL;

    if (key == 'q' || key == 'Q')
        return false;
    if (sort)
        v->sort = (enum top_sort)(sort - sorts);
    else if (key == 's')
        v->sort = (v->sort + 1) % TOP_SORTS;
    else if (key == TOP_KEY_UP || key == 'k')
        select_next(t, v, -1);
    else if (key == TOP_KEY_DOWN || key == 'j')
        select_next(t, v, 1);
    else if (key == '+')
        change_delay(v, 2);
    else if (key == '-')
        change_delay(v, 0.5);
    else if (key == ' ')
        *now = true;
    return true;
}

static int run_screen(struct cli *c, struct top_opts *o, struct top_data *t)
{
    static struct top_screen s;
    struct top_view *v = &o->view;
    uint64_t done = 0;
    bool more = true;
    int rc = 0;

    while (more && !top_stopped && (!o->iterations || done < o->iterations)) {
        int64_t end;
        bool now = false;

        rc = top_sample(c, t);
        if (rc)
            break;
        done++;
        end = t->when_ms + (int64_t)(v->delay * 1000);
        while (more && !now && !top_stopped) {
            int64_t left = end - now_ms();

            top_screen_size(&v->rows, &v->columns);
            if (v->selected < 0)
                select_next(t, v, 0);
            top_draw(t, v, &s);
            top_screen_show(&s);
            if (left <= 0)
                break;
            more = wait_for(STDIN_FILENO, left) && take_key(top_screen_key(), t, v, &now);
            end = t->when_ms + (int64_t)(v->delay * 1000);
        }
    }
    return rc;
}

/* ---- the command ---- */

static bool sort_named(const char *text, enum top_sort *sort)
{
    for (unsigned i = 0; i < TOP_SORTS; i++) {
        if (!strcmp(text, top_sort_names[i])) {
            *sort = i;
            return true;
        }
    }
    return false;
}

static bool delay_is(const char *text, double *delay)
{
    char *end;

    *delay = strtod(text, &end);
    return end != text && !*end && *delay >= DELAY_MIN && *delay <= DELAY_MAX;
}

/* 0, or the exit status after a printed error. */
static int options(struct cli *c, int argc, char **argv, struct top_opts *o)
{
    static const struct option longopts[] = {
        {"batch", no_argument, NULL, 'b'},       {"iterations", required_argument, NULL, 'n'},
        {"delay", required_argument, NULL, 'd'}, {"sort", required_argument, NULL, 's'},
        {"guest", required_argument, NULL, 'g'}, {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, ":bn:d:s:g:", longopts, NULL)) != -1) {
        if (opt == 'b')
            o->batch = true;
        else if (opt == 'g')
            o->guest = optarg;
        else if (opt == 'n' && !cli_number(optarg, 1, UINT32_MAX, &o->iterations))
            return cli_usage(c, "'%s' is no number of iterations", optarg);
        else if (opt == 'd' && !delay_is(optarg, &o->view.delay))
            return cli_usage(c, "'%s' is no interval: it can be %.1f to %.0f seconds", optarg,
                             DELAY_MIN, DELAY_MAX);
        else if (opt == 's' && !sort_named(optarg, &o->view.sort))
            return cli_usage(c,
                             "'%s' is nothing to sort by: there are cpu, memory, entries, disk, "
                             "network, name and id",
                             optarg);
        else if (opt == '?' || opt == ':')
            return cli_bad_option(c, argv, opt);
    }
    if (optind < argc)
        return cli_usage(c, "top takes no arguments; -g selects a guest");
    if (c->json)
        o->batch = true;
    if (!o->batch && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)))
        return cli_usage(c, "this is no terminal; -b writes text");
    if (c->json && !o->iterations)
        o->iterations = 1;
    return 0;
}

int cmd_top(struct cli *c, int argc, char **argv)
{
    struct top_opts o = {.view = {.columns = COLUMNS, .selected = -1, .delay = DELAY}};
    struct xen_domctl_getdomaininfo info;
    struct top_data t = {0};
    int rc = options(c, argc, argv, &o);

    setlocale(LC_CTYPE, "");
    o.view.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    if (!rc && o.guest) {
        rc = cli_domain_partly(c, o.guest, &info);
        o.view.selected = rc ? -1 : info.domain;
    }
    if (!rc)
        rc = cli_open_partly(c);
    if (rc)
        return rc;
    catch_signals();
    if (!o.batch && top_screen_begin()) {
        o.view.keys = true;
        rc = run_screen(c, &o, &t);
        top_screen_end();
    } else {
        rc = run_batch(c, &o, &t);
    }
    top_free(&t);
    return rc ? cli_failed(c) : 0; /* said where it is seen: the screen is gone */
}
