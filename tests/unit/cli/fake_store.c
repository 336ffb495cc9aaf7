// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_store.c: libstore over a sorted table in memory.
 *
 * Requests take effect when they are flushed and a transaction's when it is committed, as in
 * xenstored: a test would otherwise pass on code that forgets to.
 */
#include "fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES 1024

struct node {
    char path[200], value[300], perms[32];
};

struct tree {
    struct node node[MAX_NODES];
    unsigned nr;
};

struct pending {
    int what; /* 'w', 'm', 'd', 'p', 'r' */
    char path[200], value[300];
    char **out;
};

struct store {
    store_event_fn *event;
    void *event_arg;
};

static struct tree tree, shadow; /* shadow: the tree before the open transaction */
static struct pending queue[1024];
static unsigned nr_queued;
static bool in_tx;
static struct store the_store;
static char message[256];

const char *fake_failing;
unsigned fake_conflicts;
const char *fake_restless;
static bool saw_restless; /* the open transaction has read it */
void (*fake_step)(void);
void (*fake_wrote)(const char *path, const char *value);
bool fake_store_dead;
int fake_store_fd = -1;
static bool absent; /* there was never a connection */

static int position(const char *path, bool *found)
{
    unsigned i;

    for (i = 0; i < tree.nr; i++) {
        int order = strcmp(tree.node[i].path, path);

        if (order >= 0) {
            *found = !order;
            return (int)i;
        }
    }
    *found = false;
    return (int)i;
}

static struct node *lookup(const char *path)
{
    bool found;
    int at = position(path, &found);

    return found ? &tree.node[at] : NULL;
}

static struct node *make(const char *path)
{
    char parent[200], *slash;
    bool found;
    const char *perms = "n0";
    int at;

    if (lookup(path))
        return lookup(path);
    snprintf(parent, sizeof(parent), "%s", path);
    slash = strrchr(parent, '/');
    if (slash && slash != parent) {
        *slash = '\0';
        perms = make(parent)->perms;
    }
    at = position(path, &found);
    if (tree.nr == MAX_NODES)
        abort();
    char inherited[32];
    snprintf(inherited, sizeof(inherited), "%s", perms);
    memmove(&tree.node[at + 1], &tree.node[at], (tree.nr - (unsigned)at) * sizeof(struct node));
    tree.nr++;
    memset(&tree.node[at], 0, sizeof(struct node));
    snprintf(tree.node[at].path, sizeof(tree.node[at].path), "%s", path);
    snprintf(tree.node[at].perms, sizeof(tree.node[at].perms), "%s", inherited);
    return &tree.node[at];
}

static void delete (const char *path)
{
    size_t len = strlen(path);
    unsigned kept = 0;

    for (unsigned i = 0; i < tree.nr; i++)
        if (strncmp(tree.node[i].path, path, len) ||
            (tree.node[i].path[len] && tree.node[i].path[len] != '/'))
            tree.node[kept++] = tree.node[i];
    tree.nr = kept;
}

static void add(int what, const char *path, const char *value, char **out)
{
    struct pending *p = &queue[nr_queued++];

    if (nr_queued == 1024)
        abort();
    p->what = what;
    snprintf(p->path, sizeof(p->path), "%s", path);
    snprintf(p->value, sizeof(p->value), "%s", value);
    p->out = out;
}

struct store *store_absent(const char *why)
{
    absent = true;
    fake_store_dead = true;
    snprintf(message, sizeof(message), "%s", why);
    return &the_store;
}

struct store *store_open(char *err, size_t errlen)
{
    absent = false;
    if (fake_failing && !strcmp(fake_failing, "store")) {
        snprintf(err, errlen, "xenstore cannot be reached; start xenstored first");
        return NULL;
    }
    return &the_store;
}

void store_close(struct store *s)
{
    s->event = NULL;
}

int store_fd(struct store *s)
{
    (void)s;
    return fake_store_fd;
}

void store_write(struct store *s, const char *path, const char *value)
{
    (void)s;
    add('w', path, value, NULL);
}

void store_mkdir(struct store *s, const char *path)
{
    (void)s;
    add('m', path, "", NULL);
}

void store_remove(struct store *s, const char *path)
{
    (void)s;
    add('d', path, "", NULL);
}

void store_perms(struct store *s, const char *path, uint16_t domid, bool owner)
{
    char perms[32];

    (void)s;
    snprintf(perms, sizeof(perms), owner ? "n%u" : "n0,r%u", domid);
    add('p', path, perms, NULL);
}

void store_share(struct store *s, const char *path, uint16_t owner, uint16_t reader)
{
    char perms[32];

    (void)s;
    snprintf(perms, sizeof(perms), "n%u,r%u", owner, reader);
    add('p', path, perms, NULL);
}

void store_read(struct store *s, const char *path, char **value)
{
    (void)s;
    *value = NULL;
    add('r', path, "", value);
}

/* Not by what the answer itself writes. Whoever watches is told if there was one. */
static void answer(void)
{
    static struct tree before;
    static bool answering;

    if (answering)
        return;
    answering = true;
    before = tree;
    fake_backend_answers();
    answering = false;
    if (the_store.event && memcmp(&before, &tree, sizeof(tree)))
        the_store.event(the_store.event_arg, "", "");
}

/* Of which a path may be made. */
static const char path_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789-/_@";

int store_flush(struct store *s)
{
    int rc = 0;

    (void)s;
    if (absent) {
        nr_queued = 0;
        return -ECONNREFUSED;
    }
    if (nr_queued && !in_tx && fake_step)
        fake_step();
    for (unsigned i = 0; i < nr_queued; i++) {
        struct pending *p = &queue[i];
        struct node *n = lookup(p->path);

        if (fake_wrote && (p->what == 'w' || p->what == 'd'))
            fake_wrote(p->path, p->what == 'w' ? p->value : NULL);
        if (strspn(p->path, path_letters) != strlen(p->path)) {
            snprintf(message, sizeof(message), "xenstore refuses a request for %s", p->path);
            rc = -EINVAL;
        } else if (p->what == 'w')
            snprintf(make(p->path)->value, sizeof(n->value), "%s", p->value);
        else if (p->what == 'm')
            make(p->path);
        else if (p->what == 'd')
            delete (p->path);
        else if (p->what == 'r' && n) {
            *p->out = strdup(n->value);
            saw_restless |= fake_restless && !strcmp(p->path, fake_restless);
        } else if (p->what == 'p' && n)
            snprintf(n->perms, sizeof(n->perms), "%s", p->value);
        else if (p->what == 'p') {
            snprintf(message, sizeof(message), "no node %s to give permissions to", p->path);
            rc = -ENOENT;
        }
    }
    if (nr_queued && !in_tx)
        answer();
    nr_queued = 0;
    return rc;
}

const char *store_message(const struct store *s)
{
    (void)s;
    return message;
}

char *store_get(struct store *s, const char *path)
{
    char *value;

    store_read(s, path, &value);
    store_flush(s);
    return value;
}

char **store_list(struct store *s, const char *path, unsigned *nr)
{
    size_t len = strlen(path);
    char **list = NULL;

    store_flush(s);
    *nr = 0;
    for (unsigned i = 0; i < tree.nr && !absent; i++) {
        const char *p = tree.node[i].path;

        if (strncmp(p, path, len) || p[len] != '/' || strchr(p + len + 1, '/'))
            continue;
        list = realloc(list, (*nr + 1) * sizeof(*list));
        list[(*nr)++] = strdup(p + len + 1);
    }
    return list;
}

/* At once: nobody here asks for a directory after having changed it. */
void store_dir(struct store *s, const char *path, char **names, size_t *len)
{
    unsigned nr;
    char **list = store_list(s, strcmp(path, "/") ? path : "", &nr);

    *names = calloc(1, 8192);
    *len = 0;
    for (unsigned i = 0; i < nr; i++) {
        *len += (size_t)sprintf(*names + *len, "%s", list[i]) + 1;
        free(list[i]);
    }
    free(list);
}

int store_begin(struct store *s)
{
    if (in_tx)
        abort(); /* the tools never nest them */
    store_flush(s);
    if (absent)
        return -ECONNREFUSED;
    in_tx = true;
    saw_restless = false;
    shadow = tree;
    return 0;
}

int store_commit(struct store *s)
{
    int rc = store_flush(s);

    if (!in_tx)
        abort();
    if (fake_step)
        fake_step();
    in_tx = false;
    if (rc) {
        tree = shadow;
        return rc;
    }
    if (fake_failing && !strcmp(fake_failing, "commit")) {
        tree = shadow;
        snprintf(message, sizeof(message), "xenstore is full");
        return -ENOSPC;
    }
    if (fake_conflicts || saw_restless) {
        fake_conflicts -= !saw_restless;
        tree = shadow;
        return -EAGAIN;
    }
    answer();
    return 0;
}

/* Nobody else is there who could come to an end. */
void store_link_pause(unsigned ms)
{
    (void)ms;
}

void store_abort(struct store *s)
{
    store_flush(s);
    in_tx = false;
    tree = shadow;
}

int store_introduce(struct store *s, uint16_t domid, uint64_t mfn, uint32_t port)
{
    (void)s;
    (void)mfn;
    if (fake_failing && !strcmp(fake_failing, "introduce")) {
        snprintf(message, sizeof(message), "xenstored refuses domain %u", domid);
        return -EINVAL;
    }
    return port ? 0 : -EINVAL;
}

int store_release(struct store *s, uint16_t domid)
{
    (void)s;
    (void)domid;
    return 0;
}

bool store_is_introduced(struct store *s, uint16_t domid)
{
    (void)s;
    return fake_by_domid(domid);
}

int store_watch(struct store *s, const char *path, const char *token)
{
    (void)s;
    (void)path;
    (void)token;
    return 0;
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
    return store_watch(s, path, token);
}

void store_on_event(struct store *s, store_event_fn *event, void *arg)
{
    s->event = event;
    s->event_arg = arg;
}

void store_receive(struct store *s)
{
    (void)s;
}

bool store_is_dead(const struct store *s)
{
    (void)s;
    return fake_store_dead;
}

/* --- for the tests ------------------------------------------------------------------------- */

void fake_store_reset(void)
{
    memset(&tree, 0, sizeof(tree));
    nr_queued = 0;
    in_tx = false;
}

void fake_store_client_died(void)
{
    if (in_tx)
        tree = shadow;
    in_tx = false;
    nr_queued = 0;
    the_store.event = NULL;
}

const char *fake_store_value(const char *path)
{
    struct node *n = lookup(path);

    return n ? n->value : NULL;
}

const char *fake_store_perms(const char *path)
{
    struct node *n = lookup(path);

    return n ? n->perms : NULL;
}

void fake_store_set(const char *path, const char *value, const char *perms)
{
    struct node *n = make(path);

    snprintf(n->value, sizeof(n->value), "%s", value);
    if (perms)
        snprintf(n->perms, sizeof(n->perms), "%s", perms);
}

void fake_store_print(const char *prefix)
{
    size_t len = strlen(prefix);

    for (unsigned i = 0; i < tree.nr; i++)
        if (!strncmp(tree.node[i].path, prefix, len))
            printf("%s = \"%s\" (%s)\n", tree.node[i].path, tree.node[i].value, tree.node[i].perms);
}

const char *fake_store_path(unsigned n)
{
    return n < tree.nr ? tree.node[n].path : NULL;
}

unsigned fake_store_count(void)
{
    return tree.nr;
}
