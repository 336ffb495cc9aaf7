// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches: a hash table by path, so that a change costs as many lookups as its path has
 * components, however many watches there are; and the queues of events (watch.h says how these
 * stay small).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "log.h"
#include "quota.h"
#include "watch.h"

#define HASH_SIZE     4096u
#define HASH_START    2166136261u
#define MERGE_LOOK    16    /* how many waiting events of a watch are compared with a new one */
#define SOCKET_EVENTS 65536 /* dom0's clients: more than any tool leaves unread */
#define EVENT_BYTES   (8u << 20)

/* Owned by its watch, and gone with it. In two lists: the reader's order, and the watch's own. */
struct event {
    struct list_link conn_link;  /* in conn->events */
    struct list_link watch_link; /* in watch->pending */
    struct watch *watch;
    char path[]; /* as the client will see it */
};

static struct watch *table[HASH_SIZE];

/*
 * FNV-1a, which works byte by byte: the hash of a path's beginning goes on to be that of the path.
 * A guest may choose paths that collide; its quota of watches bounds how long a chain that makes.
 */
static uint32_t hash_more(uint32_t h, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)s[i]) * 16777619u;
    return h;
}

static struct watch *find(struct conn *c, const char *path, const char *token)
{
    uint32_t h = hash_more(HASH_START, path, strlen(path));

    for (struct watch *w = table[h % HASH_SIZE]; w; w = w->hash_next)
        if (w->hash == h && w->conn == c && !strcmp(w->path, path) && !strcmp(w->token, token))
            return w;
    return NULL;
}

/* ---- events ---- */

static void free_event(struct event *e)
{
    e->watch->conn->nevents--;
    e->watch->conn->event_bytes -= strlen(e->path);
    list_remove(&e->conn_link);
    list_remove(&e->watch_link);
    free(e);
}

static bool already_waits(const struct watch *w, const char *path)
{
    const struct list_link *l = w->pending.prev;

    for (int i = 0; i < MERGE_LOOK && l != &w->pending; i++, l = l->prev)
        if (!strcmp(list_entry(l, struct event, watch_link)->path, path))
            return true;
    return false;
}

/*
 * The path is the watch's own or below it. A connection holds at most the limit of events, and one
 * more for each watch: beyond the limit an event is queued only if its watch has none, or in the
 * place of one that it has.
 */
static void queue_event(struct watch *w, const char *path)
{
    struct conn *c = w->conn;
    unsigned int limit = c->cred.privileged ? SOCKET_EVENTS : quota_limit[QUOTA_EVENTS];
    const char *shown = path + (path_is_special(path) ? 0 : w->home);
    bool full = c->nevents >= limit || c->event_bytes >= EVENT_BYTES;
    struct event *e;
    size_t len;

    if (full)
        shown = w->path + w->home;
    if (already_waits(w, shown))
        return;
    if (full && !list_empty(&w->pending)) {
        /* The newest waiting event turns into "look again at everything". */
        free_event(list_entry(w->pending.prev, struct event, watch_link));
    }
    len = strlen(shown) + 1;
    e = alloc_zero(sizeof(*e) + len);
    memcpy(e->path, shown, len);
    e->watch = w;
    list_append(&c->events, &e->conn_link);
    list_append(&w->pending, &e->watch_link);
    c->nevents++;
    c->event_bytes += len - 1;
    conn_wake(c);
}

size_t watch_next_event(struct conn *c, void *msg)
{
    struct xsd_sockmsg hdr = {.type = XS_WATCH_EVENT};
    struct event *e;
    size_t path_len, token_len;

    if (list_empty(&c->events))
        return 0;
    e = list_entry(c->events.next, struct event, conn_link);
    path_len = strlen(e->path) + 1;
    token_len = strlen(e->watch->token) + 1;
    hdr.len = (uint32_t)(path_len + token_len);
    memcpy(msg, &hdr, sizeof(hdr));
    memcpy((char *)msg + sizeof(hdr), e->path, path_len);
    memcpy((char *)msg + sizeof(hdr) + path_len, e->watch->token, token_len);
    free_event(e);
    return sizeof(hdr) + hdr.len;
}

/* ---- registration ---- */

static int64_t watch_bytes(const struct watch *w)
{
    return (int64_t)(sizeof(*w) + strlen(w->path) + strlen(w->token) + 2);
}

int watch_add(struct conn *c, const char *path, size_t home, const char *token, bool enforce)
{
    struct quota_usage *u = quota_usage(c->cred.domid);
    size_t len = strlen(path) + 1;
    struct watch *w;

    if (find(c, path, token))
        return -EEXIST;
    /* An event is path and token in one message, and the path may be the longest there is. */
    if (strlen(token) + 1 > XENSTORE_PAYLOAD_MAX - PATH_SIZE)
        return -EINVAL;
    if (enforce && u->watches >= quota_limit[QUOTA_WATCHES])
        return -E2BIG;
    w = alloc_zero(sizeof(*w) + len);
    memcpy(w->path, path, len);
    w->token = alloc_string(token);
    if (!quota_charge(c->cred.domid, watch_bytes(w), enforce)) {
        free(w->token);
        free(w);
        return -ENOSPC;
    }
    u->watches++;
    w->conn = c;
    w->home = (uint16_t)home;
    w->hash = hash_more(HASH_START, path, len - 1);
    w->hash_next = table[w->hash % HASH_SIZE];
    table[w->hash % HASH_SIZE] = w;
    list_init(&w->pending);
    list_append(&c->watches, &w->conn_link);
    queue_event(w, path);
    return 0;
}

static void destroy(struct watch *w)
{
    struct watch **slot = &table[w->hash % HASH_SIZE];

    while (!list_empty(&w->pending))
        free_event(list_entry(w->pending.next, struct event, watch_link));
    while (*slot != w)
        slot = &(*slot)->hash_next;
    *slot = w->hash_next;
    list_remove(&w->conn_link);
    quota_usage(w->conn->cred.domid)->watches--;
    quota_charge(w->conn->cred.domid, -watch_bytes(w), false);
    free(w->token);
    free(w);
}

int watch_remove(struct conn *c, const char *path, const char *token)
{
    struct watch *w = find(c, path, token);

    if (!w)
        return -ENOENT;
    destroy(w);
    return 0;
}

void watch_remove_all(struct conn *c)
{
    while (!list_empty(&c->watches))
        destroy(list_entry(c->watches.next, struct watch, conn_link));
}

/*
 * ---- firing ----
 *
 * A change wakes the watches on its path and on each node above it; a removal also those on each
 * node that went with it. Whether a watcher may learn of it is decided anew each time, as rights
 * change: dom0 may always. Any other has to be able to read one of three: the node as it is, or was
 * when it was removed; the node by the permissions before the change, so that who loses the right
 * hears of that; the node's parent, whose list of children shows as much. Special paths have
 * permissions and no node. Events of nodes are queued once the change is committed to the journal
 * and not before, so nobody hears of what a restart would undo.
 */

/* Permissions that decide whether a watcher may learn of a change: any one of them suffices. */
struct sight {
    const struct tree_node *node, *parent; /* the node, or what was removed; may be NULL */
    const struct tree_perm *old; /* those before the change, or of a special path; else NULL */
    unsigned int nold;
};

static bool may_see(const struct conn *c, const struct sight *s)
{
    if (c->cred.privileged)
        return true;
    if (s->old && (nodes_rights(&c->cred, s->old, s->nold) & TREE_READ))
        return true;
    if (!s->node)
        return false;
    if (nodes_rights(&c->cred, s->node->perms, s->node->nperms) & TREE_READ)
        return true;
    return s->parent && (nodes_rights(&c->cred, s->parent->perms, s->parent->nperms) & TREE_READ);
}

static void fire_at(uint32_t hash, const char *at, size_t at_len, const char *path,
                    const struct sight *s)
{
    for (struct watch *w = table[hash % HASH_SIZE]; w; w = w->hash_next)
        if (w->hash == hash && !strncmp(w->path, at, at_len) && !w->path[at_len] &&
            may_see(w->conn, s))
            queue_event(w, path);
}

/* Watches on the path and on everything above it. */
static void fire_upwards(const char *path, const struct sight *s)
{
    uint32_t h = hash_more(HASH_START, "/", 1);
    const char *pos = path, *comp;
    size_t len, done = 1;

    fire_at(h, "/", 1, path, s);
    while ((comp = tree_component(&pos, &len))) {
        /* "/" is hashed already, so each later component brings its own slash. */
        h = done == 1 ? hash_more(h, comp, len) : hash_more(h, comp - 1, len + 1);
        done = (size_t)(pos - path);
        fire_at(h, path, done, path, s);
    }
}

/*
 * Watches on exactly one of the nodes that went away with their ancestor. `path` is a buffer of
 * PATH_SIZE that holds the parent's path, and `hash` is that one's; each node was in the tree, so
 * its path fits.
 */
static void fire_removed(const struct tree_node *parent, uint32_t hash, char *path, size_t len)
{
    for (uint32_t i = 0; i < parent->nchildren; i++) {
        const struct tree_node *n = parent->child[i];
        struct sight s = {.node = n, .parent = parent};
        size_t all = len + 1 + n->name_len;
        uint32_t h;

        path[len] = '/';
        memcpy(path + len + 1, n->name, n->name_len + 1u);
        h = hash_more(hash, path + len, all - len);
        fire_at(h, path, all, path, &s);
        fire_removed(n, h, path, all);
    }
    path[len] = '\0';
}

void watch_fire(const struct nodes_change *change)
{
    char buf[PATH_SIZE];
    struct sight s = {.old = change->old_perms, .nold = change->nold};

    if (change->kind == NODES_MADE)
        return;
    strcpy(buf, change->path);
    /* A later change of the same transaction may have removed it: then that one's event tells. */
    s.node = change->gone ? change->gone : tree_find(nodes_main.root, buf);
    if (strcmp(buf, "/")) {
        path_parent(buf);
        s.parent = tree_find(nodes_main.root, buf);
        strcpy(buf, change->path);
    }
    fire_upwards(change->path, &s);
    if (change->gone)
        fire_removed(change->gone, hash_more(HASH_START, buf, strlen(buf)), buf, strlen(buf));
}

void watch_fire_special(const char *path)
{
    unsigned int nperms;
    const struct tree_perm *perms = nodes_special_perms(path, &nperms);
    struct sight s = {.old = perms, .nold = nperms};

    fire_at(hash_more(HASH_START, path, strlen(path)), path, strlen(path), path, &s);
}

void watch_fire_own(struct conn *c)
{
    struct list_link *l;

    list_for_each (l, &c->watches) {
        struct watch *w = list_entry(l, struct watch, conn_link);

        queue_event(w, w->path);
    }
}
