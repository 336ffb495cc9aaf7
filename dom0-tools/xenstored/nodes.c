// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on nodes. Rights and their odd corners follow Xen's own daemon, since guests and
 * tools rely on them: who may create decides the nearest existing ancestor; a node inherits its
 * parent's permissions, except that an unprivileged creator becomes the owner; removing what does
 * not exist succeeds where its parent does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "quota.h"
#include "state.h"
#include "nodes.h"
#include "watch.h"

struct nodes_view nodes_main = {.record = true};

/* The special paths: to begin with, nobody but dom0 learns of domains that come and go. */
static struct {
    const char *path;
    struct tree_perm *perms; /* owned; never NULL after nodes_init() */
    unsigned int nperms;
} specials[] = {{.path = PATH_INTRODUCE}, {.path = PATH_RELEASE}};

void nodes_init(void)
{
    static const struct tree_perm none = {.domid = 0, .bits = 0};

    struct timespec now;

    /* Far beyond what a daemon of this boot can have counted up to: no generation comes again. */
    clock_gettime(CLOCK_BOOTTIME, &now);
    tree_clock = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    nodes_main.root = tree_new("", 0, &none, 1);
    for (unsigned int i = 0; i < 2; i++)
        nodes_set_special(specials[i].path, &none, 1);
}

const struct tree_perm *nodes_special_perms(const char *path, unsigned int *nperms)
{
    for (unsigned int i = 0; i < 2; i++) {
        if (!strcmp(path, specials[i].path)) {
            *nperms = specials[i].nperms;
            return specials[i].perms;
        }
    }
    return NULL;
}

void nodes_set_special(const char *path, const struct tree_perm *perms, unsigned int nperms)
{
    for (unsigned int i = 0; i < 2; i++) {
        if (!strcmp(path, specials[i].path)) {
            free(specials[i].perms);
            specials[i].perms = alloc_copy(perms, nperms * sizeof(*perms));
            specials[i].nperms = nperms;
        }
    }
}

/* A domain that serves another (a device model) has that one's rights beside its own. */
static bool acts_as(const struct nodes_cred *cred, uint16_t domid)
{
    return cred->domid == domid || (cred->target >= 0 && cred->target == domid);
}

unsigned int nodes_rights(const struct nodes_cred *cred, const struct tree_perm *perms,
                          unsigned int nperms)
{
    if (cred->privileged || acts_as(cred, perms[0].domid))
        return TREE_READ | TREE_WRITE | NODES_OWNER;
    /* The first entry that fits decides, also where it gives less than the default does. */
    for (unsigned int i = 1; i < nperms; i++)
        if (acts_as(cred, perms[i].domid))
            return perms[i].bits;
    return perms[0].bits;
}

static bool allowed(const struct nodes_cred *cred, const struct tree_node *n, unsigned int need)
{
    return (nodes_rights(cred, n->perms, n->nperms) & need) == need;
}

/* ---- accounts ---- */

/* Good until the next call for this view: the array may move. */
static struct nodes_delta *delta_of(struct nodes_view *v, uint16_t domid)
{
    for (unsigned int i = 0; i < v->ndeltas; i++)
        if (v->delta[i].domid == domid)
            return &v->delta[i];
    v->delta = alloc_grow(v->delta, &v->delta_cap, v->ndeltas + 1, sizeof(*v->delta));
    v->delta[v->ndeltas] = (struct nodes_delta){.domid = domid};
    return &v->delta[v->ndeltas++];
}

static void account(struct nodes_view *v, uint16_t domid, int32_t nodes, int64_t bytes)
{
    struct nodes_delta *d = delta_of(v, domid);

    d->nodes += nodes;
    d->bytes += bytes;
}

/*
 * True if the owner's account may grow by so much on the caller's behalf. Only growth is refused: a
 * domain over its limit can still shrink. dom0 has no limit; what is put into its nodes counts as
 * the caller's.
 */
static int fits(struct nodes_view *v, const struct nodes_cred *cred, uint16_t owner, int32_t nodes,
                int64_t bytes)
{
    const struct quota_usage *u;
    const struct nodes_delta *d;

    if (cred->privileged)
        return 0;
    if (!owner)
        owner = cred->domid;
    u = quota_usage(owner);
    d = delta_of(v, owner);
    if (nodes > 0 && u->nodes + d->nodes + nodes > quota_limit[QUOTA_NODES])
        return -ENOSPC;
    if (bytes > 0 && u->bytes + d->bytes + bytes > quota_limit[QUOTA_MEMORY])
        return -ENOSPC;
    return 0;
}

static void account_removed(struct nodes_view *v, const struct tree_node *n)
{
    account(v, n->perms[0].domid, -1, -tree_node_bytes(n));
    v->moved++;
    for (uint32_t i = 0; i < n->nchildren; i++)
        account_removed(v, n->child[i]);
}

/* ---- changes ---- */

/*
 * The view's new last change, to be filled in by the caller; NULL where none are collected. The
 * node's parent was there before, unless the caller says otherwise.
 */
static struct nodes_change *note(struct nodes_view *v, enum nodes_change_kind kind,
                                 const char *path)
{
    struct nodes_change *c;

    if (!v->record)
        return NULL;
    v->change = alloc_grow(v->change, &v->change_cap, v->nchanges + 1, sizeof(*v->change));
    c = &v->change[v->nchanges++];
    *c = (struct nodes_change){.kind = kind, .path = alloc_string(path), .there = strlen(path)};
    return c;
}

/* The node is at the end of the path, of which the first `there` bytes were there before. */
static struct nodes_change *note_set(struct nodes_view *v, struct tree_node *n, const char *path,
                                     size_t there)
{
    struct nodes_change *c = note(v, NODES_SET, path);

    n->named = true;
    if (c)
        c->there = there;
    return c;
}

static void forget_changes(struct nodes_view *v)
{
    for (unsigned int i = 0; i < v->nchanges; i++) {
        free(v->change[i].path);
        free(v->change[i].old_perms);
        if (v->change[i].gone)
            tree_unref(v->change[i].gone);
    }
    v->nchanges = 0;
}

/* ---- the operations ---- */

int nodes_get(struct nodes_view *v, const struct nodes_cred *cred, const char *path, unsigned need,
              struct tree_node **node)
{
    const char *rest;
    struct tree_node *n = tree_nearest(v->root, path, &rest);

    if (!allowed(cred, n, need)) /* for what is missing, the nearest ancestor decides */
        return -EACCES;
    if (*rest)
        return -ENOENT;
    *node = n;
    return 0;
}

/*
 * Makes the node and whatever is missing above it. The caller may write the nearest ancestor.
 * `bytes` is what the caller wants to put into the node, so that the check covers it. *there gets
 * the length of the ancestor's path.
 */
static int create(struct nodes_view *v, const struct nodes_cred *cred, const char *path,
                  size_t bytes, struct tree_node **node, size_t *there)
{
    const char *rest, *pos, *comp;
    struct tree_node *near = tree_nearest(v->root, path, &rest), *n;
    struct tree_perm *perms;
    unsigned int nperms = near->nperms;
    int32_t missing = 0;
    int64_t need = (int64_t)bytes;
    size_t len;
    int rc;

    /* As tree_node_bytes() will count each of them. From here to the end nothing can fail. */
    for (pos = rest; tree_component(&pos, &len); missing++)
        need += (int64_t)(sizeof(*n) + sizeof(void *) + len + nperms * sizeof(*perms));
    rc = fits(v, cred, cred->domid, missing, need);
    if (rc)
        return rc;

    /* A copy: tree_own() below may replace `near` and free it. */
    perms = alloc_copy(near->perms, nperms * sizeof(*perms));
    if (!cred->privileged)
        perms[0].domid = cred->domid;
    {
        /* The path down to `near`; it ends before `rest`. */
        char *top = alloc_zero((size_t)(rest - path) + 2);

        memcpy(top, path, (size_t)(rest - path));
        n = tree_own(&v->root, top);
        free(top);
    }
    for (pos = rest; (comp = tree_component(&pos, &len));) {
        n = tree_add(n, comp, len, perms, nperms);
        account(v, perms[0].domid, 1, tree_node_bytes(n));
        v->moved++;
    }
    free(perms);
    *node = n;
    *there = (size_t)(rest - path);
    return 0;
}

int nodes_write(struct nodes_view *v, const struct nodes_cred *cred, const char *path,
                const void *data, size_t len)
{
    struct tree_node *n;
    size_t there = strlen(path);
    int rc = nodes_get(v, cred, path, TREE_WRITE, &n);

    if (rc && rc != -ENOENT)
        return rc;
    if (!cred->privileged && len > quota_limit[QUOTA_ENTRY_SIZE])
        return -ENOSPC;
    if (!rc) {
        rc = fits(v, cred, n->perms[0].domid, 0, (int64_t)len - n->value_len);
        if (!rc)
            n = tree_own(&v->root, path);
    } else {
        rc = create(v, cred, path, len, &n, &there);
    }
    if (rc)
        return rc;
    /* The owner pays, who may be another than the writer. A new node's value_len is 0. */
    account(v, n->perms[0].domid, 0, (int64_t)len - n->value_len);
    tree_set_value(n, data, len);
    note_set(v, n, path, there);
    return 0;
}

int nodes_mkdir(struct nodes_view *v, const struct nodes_cred *cred, const char *path)
{
    struct tree_node *n;
    size_t there;
    int rc = nodes_get(v, cred, path, TREE_WRITE, &n);

    if (rc != -ENOENT)
        return rc; /* 0: it is there, which is what was asked for */
    rc = create(v, cred, path, 0, &n, &there);
    if (!rc)
        note_set(v, n, path, there);
    return rc;
}

/* The node is there. Cannot fail. */
static void remove_node(struct nodes_view *v, const char *path)
{
    char parent[PATH_SIZE];
    const char *name = strrchr(path, '/') + 1;
    struct tree_node *gone, *up;
    struct nodes_change *c;

    strcpy(parent, path);
    path_parent(parent);
    up = tree_own(&v->root, parent);
    gone = tree_take(up, name, strlen(name));
    account_removed(v, gone);
    c = note(v, NODES_GONE, path);
    if (c)
        c->gone = gone; /* kept until the watchers of its nodes have been told */
    else
        tree_unref(gone);
}

int nodes_rm(struct nodes_view *v, const struct nodes_cred *cred, const char *path)
{
    struct tree_node *n;
    int rc;

    if (!strcmp(path, "/"))
        return -EINVAL;
    rc = nodes_get(v, cred, path, TREE_WRITE, &n);
    if (rc == -ENOENT) {
        char parent[PATH_SIZE];

        strcpy(parent, path);
        path_parent(parent);
        return tree_find(v->root, parent) ? 0 : -ENOENT;
    }
    if (!rc)
        remove_node(v, path);
    return rc;
}

int nodes_set_perms(struct nodes_view *v, const struct nodes_cred *cred, const char *path,
                    const struct tree_perm *perms, unsigned int nperms)
{
    struct tree_node *n;
    struct nodes_change *c;
    int rc = nodes_get(v, cred, path, NODES_OWNER, &n);

    if (rc)
        return rc;
    if (!cred->privileged) {
        if (nperms > quota_limit[QUOTA_PERMS])
            return -ENOSPC;
        if (perms[0].domid != n->perms[0].domid)
            return -EPERM; /* ownership is given away by the privileged only */
    }
    rc = fits(v, cred, n->perms[0].domid, 0,
              ((int64_t)nperms - n->nperms) * (int64_t)sizeof(*perms));
    if (rc)
        return rc;
    /* Off the old owner's account and onto the new one's, as the size changes with the entries. */
    n = tree_own(&v->root, path);
    account(v, n->perms[0].domid, -1, -tree_node_bytes(n));
    c = note_set(v, n, path, strlen(path));
    if (c) {
        c->old_perms = alloc_copy(n->perms, n->nperms * sizeof(*n->perms));
        c->nold = n->nperms;
    }
    tree_set_perms(n, perms, nperms);
    account(v, perms[0].domid, 1, tree_node_bytes(n));
    return 0;
}

/* ---- settling ---- */

static void apply_deltas(struct nodes_view *v)
{
    for (unsigned int i = 0; i < v->ndeltas; i++) {
        struct quota_usage *u = quota_usage(v->delta[i].domid);

        u->nodes += v->delta[i].nodes;
        u->bytes += v->delta[i].bytes;
    }
    v->ndeltas = 0;
}

void nodes_adopt(struct nodes_view *v)
{
    nodes_main.before = nodes_main.root;
    nodes_main.root = v->root;
    for (unsigned int i = 0; i < v->ndeltas; i++)
        account(&nodes_main, v->delta[i].domid, v->delta[i].nodes, v->delta[i].bytes);
    free(v->delta);
    *v = (struct nodes_view){0};
}

void nodes_drop(struct nodes_view *v)
{
    forget_changes(v);
    free(v->change);
    free(v->delta);
    if (v->root)
        tree_unref(v->root);
    *v = (struct nodes_view){0};
}

void nodes_save(void)
{
    apply_deltas(&nodes_main);
    for (unsigned int i = 0; i < nodes_main.nchanges; i++)
        state_change(&nodes_main.change[i]);
    if (nodes_main.before)
        nodes_diff(nodes_main.before, nodes_main.root, state_change);
}

void nodes_announce(void)
{
    for (unsigned int i = 0; i < nodes_main.nchanges; i++)
        watch_fire(&nodes_main.change[i]);
    forget_changes(&nodes_main);
    if (!nodes_main.before)
        return;
    nodes_diff(nodes_main.before, nodes_main.root, watch_fire);
    tree_unref(nodes_main.before);
    nodes_main.before = NULL;
}
