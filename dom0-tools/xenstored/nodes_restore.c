// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of the store that act below permissions and quotas: replaying the journal, and
 * clearing up after a domain that is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "quota.h"
#include "nodes.h"

void nodes_restore(const char *path, const struct tree_perm *perms, unsigned int nperms,
                   const void *value, size_t len)
{
    struct tree_node *n = tree_own(&nodes_main.root, "/");
    const char *pos = path, *comp;
    size_t clen;

    while ((comp = tree_component(&pos, &clen))) {
        char name[PATH_SIZE];
        struct tree_node *next;

        memcpy(name, comp, clen);
        name[clen] = '\0';
        /* `n` is private already, so this does not replace it, and steps down to its child. */
        next = tree_own(&n, name);
        n = next ? next : tree_add(n, comp, clen, n->perms, n->nperms);
    }
    tree_set_perms(n, perms, nperms);
    tree_set_value(n, value, len);
}

void nodes_restore_gone(const char *path)
{
    char parent[PATH_SIZE];
    const char *name = strrchr(path, '/') + 1;
    struct tree_node *up, *gone;

    strcpy(parent, path);
    path_parent(parent);
    up = tree_own(&nodes_main.root, parent);
    gone = up ? tree_take(up, name, strlen(name)) : NULL;
    if (gone)
        tree_unref(gone);
}

static bool mentions(const struct tree_node *n, uint16_t domid)
{
    for (unsigned int i = 0; i < n->nperms; i++)
        if (n->perms[i].domid == domid)
            return true;
    return false;
}

/*
 * Paths below `path` that name the domain in their permissions, in an order where a removed node
 * is not descended into. Paths are collected first: the tree changes while they are worked off.
 */
struct found {
    char **path;
    unsigned int n, cap;
};

/* `path` is a buffer of PATH_SIZE that holds the node's path; `len` is that path's length. */
static void collect(const struct tree_node *n, char *path, size_t len, uint16_t domid,
                    struct found *f)
{
    if (len && mentions(n, domid)) {
        f->path = alloc_grow(f->path, &f->cap, f->n + 1, sizeof(*f->path));
        f->path[f->n++] = alloc_string(path);
        if (n->perms[0].domid == domid)
            return;
    }
    for (uint32_t i = 0; i < n->nchildren; i++) {
        const struct tree_node *c = n->child[i];

        path[len] = '/';
        memcpy(path + len + 1, c->name, c->name_len + 1u);
        collect(c, path, len + 1 + c->name_len, domid, f);
        path[len] = '\0';
    }
}

void nodes_purge(uint16_t domid)
{
    static const struct nodes_cred root = {.privileged = true, .target = NODES_NO_TARGET};
    char path[PATH_SIZE] = "";
    struct found f = {0};

    collect(nodes_main.root, path, 0, domid, &f);
    for (unsigned int i = 0; i < f.n; i++) {
        const struct tree_node *n = tree_find(nodes_main.root, f.path[i]);

        if (n->perms[0].domid == domid) {
            nodes_rm(&nodes_main, &root, f.path[i]);
        } else {
            /* At least the owner's entry is kept: it names another domain. */
            struct tree_perm *perms = alloc_copy(n->perms, n->nperms * sizeof(*perms));
            unsigned int kept = 0;

            for (unsigned int k = 0; k < n->nperms; k++)
                if (perms[k].domid != domid)
                    perms[kept++] = perms[k];
            nodes_set_perms(&nodes_main, &root, f.path[i], perms, kept);
            free(perms);
        }
        free(f.path[i]);
    }
    free(f.path);
}

/* For accounts that are still zero: the journal's records were applied without counting. */
static void recount(const struct tree_node *n)
{
    struct quota_usage *u = quota_usage(n->perms[0].domid);

    u->nodes++;
    u->bytes += tree_node_bytes(n);
    for (uint32_t i = 0; i < n->nchildren; i++)
        recount(n->child[i]);
}

void nodes_recount(void)
{
    recount(nodes_main.root);
}
