// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists a node's children with each of our clients, for test_lists.py: `list_test CLIENT PATH...`,
 * where CLIENT is `library` (libxenstore) or `tools` (the connection of lodge and its daemons).
 * Prints "PATH N" and then the names, one in a line. The tools' connection gets all paths in one
 * go, with reads before, between and behind that must not get each other's answers.
 * `list_test flood PATH` and `flood-library PATH WRITES` are for test_watches.py, `half PATH` for
 * test_transactions.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libstore/libstore.h>

#include "xenstore.h"

static int die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

static int list_one(struct xs_handle *h, const char *path)
{
    unsigned int n;
    char **names = xs_directory(h, XBT_NULL, path, &n);

    if (!names)
        return die(path, strerror(errno));
    printf("%s %u\n", path, n);
    for (unsigned int k = 0; k < n; k++)
        puts(names[k]);
    free(names);
    return 0;
}

static int with_library(char **path, int nr)
{
    struct xs_handle *h = xs_open(0);
    int rc = 0;

    if (!h)
        return die("xs_open", strerror(errno));
    for (int i = 0; i < nr && !rc; i++)
        rc = list_one(h, path[i]);
    xs_close(h);
    return rc;
}

struct list {
    char *value, *names;
    size_t len;
};

/* The value of each node in these tests is its own path. */
static int print_list(const char *path, const struct list *l)
{
    unsigned n = 0;

    if (!l->value || strcmp(l->value, path))
        return die(path, l->value ? l->value : "has no value");
    for (size_t at = 0; at < l->len; at += strlen(l->names + at) + 1)
        n++;
    printf("%s %u\n", path, n);
    for (size_t at = 0; at < l->len; at += strlen(l->names + at) + 1)
        puts(l->names + at);
    return 0;
}

static int with_tools(char **path, int nr)
{
    struct list *list = calloc((size_t)nr, sizeof(*list));
    char err[256];
    struct store *s = store_open(err, sizeof(err));
    int rc = 0;

    if (!s || !list)
        return die("store_open", err);
    for (int i = 0; i < nr; i++) {
        store_dir(s, path[i], &list[i].names, &list[i].len);
        store_read(s, path[i], &list[i].value);
    }
    if (store_flush(s))
        rc = die("store_flush", store_message(s));
    for (int i = 0; i < nr; i++) {
        rc = rc ? rc : print_list(path[i], &list[i]);
        free(list[i].value);
        free(list[i].names);
    }
    free(list);
    store_close(s);
    return rc;
}

struct told {
    unsigned nr;
    char path[128];
};

static void count(void *arg, const char *path, const char *token)
{
    struct told *told = arg;

    told->nr += !strcmp(token, "t");
    snprintf(told->path, sizeof(told->path), "%s", path);
}

/*
 * Three hundred nodes are made while the watcher asks for something else: it is told of each as it
 * comes, and nothing waits for it. Prints how often it was told, and of what last.
 */
static int flood(const char *path)
{
    char err[256];
    struct store *s = store_open(err, sizeof(err)), *writer = store_open(err, sizeof(err));
    struct told told = {0};

    if (!s || !writer)
        return die("store_open", err);
    store_on_event(s, count, &told);
    if (store_watch(s, path, "t"))
        return die("store_watch", store_message(s));
    for (unsigned i = 0; i < 300; i++) {
        store_write(writer, store_fmt("%s/%u", path, i), "x");
        if (store_flush(writer))
            return die("store_flush", store_message(writer));
        free(store_get(s, "/"));
    }
    printf("%u %s\n", told.nr, told.path);
    store_close(s);
    store_close(writer);
    return 0;
}

/* A transaction of which one request is refused: nothing of it may happen. */
static int half(const char *path)
{
    char err[256];
    struct store *s = store_open(err, sizeof(err));
    int rc;

    if (!s || store_begin(s))
        return die("store_begin", s ? store_message(s) : err);
    store_write(s, store_fmt("%s/before", path), "x");
    store_write(s, store_fmt("%s/no.path", path), "x");
    store_write(s, store_fmt("%s/behind", path), "x");
    rc = store_commit(s);
    printf("%d %s\n", rc, store_message(s));
    store_close(s);
    return 0;
}

/*
 * The library's events, of which nobody reads any while `writes` nodes are made and removed. Prints
 * how many wait, about, and how many of them are of the watch's own path; then waits for one of
 * what happens after that.
 */
static int flood_library(const char *path, unsigned writes)
{
    struct xs_handle *h = xs_open(0), *writer = xs_open(0);
    unsigned nr = 0, own = 0, n;
    char node[200], **v;
    bool last = false;

    if (!h || !writer || !xs_watch(h, path, "t"))
        return die("xs_watch", strerror(errno));
    for (unsigned i = 0; i < writes; i++) {
        snprintf(node, sizeof(node), "%s/%u", path, i);
        if (!xs_write(writer, XBT_NULL, node, "x", 1) || !xs_rm(writer, XBT_NULL, node))
            return die("xs_write", strerror(errno));
    }
    free(xs_read(h, XBT_NULL, path, &n)); /* by then most has arrived */
    while ((v = xs_check_watch(h))) {
        nr++;
        own += !strcmp(v[XS_WATCH_PATH], path);
        free(v);
    }
    snprintf(node, sizeof(node), "%s/last", path);
    if (!xs_write(writer, XBT_NULL, node, "x", 1))
        return die("xs_write", strerror(errno));
    while (!last && (v = xs_read_watch(h, &n))) {
        last = !strcmp(v[XS_WATCH_PATH], node);
        free(v);
    }
    printf("%u %u\n", nr, own);
    xs_close(h);
    xs_close(writer);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "half"))
        return half(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "flood"))
        return flood(argv[2]);
    if (argc == 4 && !strcmp(argv[1], "flood-library"))
        return flood_library(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    if (argc > 2 && !strcmp(argv[1], "library"))
        return with_library(argv + 2, argc - 2);
    if (argc > 2 && !strcmp(argv[1], "tools"))
        return with_tools(argv + 2, argc - 2);
    return die(argv[0], "usage: list_test library|tools|flood|half PATH...");
}
