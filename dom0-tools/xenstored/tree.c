// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node tree: lookup by binary search in sorted children, change by copy on write (tree.h has
 * the rule). Nothing here knows of permissions or quotas.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "tree.h"

uint64_t tree_clock, tree_changed;

int64_t tree_node_bytes(const struct tree_node *n)
{
    return (int64_t)(sizeof(*n) + sizeof(void *) + n->name_len + n->value_len +
                     n->nperms * sizeof(*n->perms));
}

struct tree_node *tree_new(const char *name, size_t name_len, const struct tree_perm *perms,
                           unsigned int nperms)
{
    struct tree_node *n = alloc_zero(sizeof(*n) + name_len + 1);

    n->ref = 1;
    n->name_len = (uint16_t)name_len;
    memcpy(n->name, name, name_len);
    n->perms = alloc_copy(perms, nperms * sizeof(*perms));
    n->nperms = (uint16_t)nperms;
    n->gen = ++tree_clock;
    return n;
}

struct tree_node *tree_ref(struct tree_node *node)
{
    node->ref++;
    return node;
}

/* Recursion is as deep as a path has components: 1536 at most, some 100 KiB of stack. */
void tree_unref(struct tree_node *node)
{
    if (--node->ref)
        return;
    /* A child that another tree holds as well stays; it then has one parent less. */
    for (uint32_t i = 0; i < node->nchildren; i++)
        tree_unref(node->child[i]);
    free(node->child);
    free(node->value);
    free(node->perms);
    free(node);
}

const char *tree_component(const char **pos, size_t *len)
{
    const char *start = *pos;

    while (*start == '/')
        start++;
    if (!*start)
        return NULL;
    *len = strcspn(start, "/");
    *pos = start + *len;
    return start;
}

/* Where the name is, or where it would have to be put. `name` need not end after `len`. */
static uint32_t child_index(const struct tree_node *n, const char *name, size_t len, bool *found)
{
    uint32_t lo = 0, hi = n->nchildren;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const struct tree_node *c = n->child[mid];
        int d = memcmp(name, c->name, len < c->name_len ? len : c->name_len);

        if (!d)
            d = len < c->name_len ? -1 : len > c->name_len;
        if (!d) {
            *found = true;
            return mid;
        }
        if (d < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    *found = false;
    return lo;
}

struct tree_node *tree_nearest(struct tree_node *root, const char *path, const char **rest)
{
    struct tree_node *n = root;
    const char *pos = path, *comp;
    size_t len;
    bool found;

    *rest = pos;
    while ((comp = tree_component(&pos, &len))) {
        uint32_t i = child_index(n, comp, len, &found);

        if (!found)
            return n;
        n = n->child[i];
        *rest = pos;
    }
    *rest = pos + strlen(pos);
    return n;
}

struct tree_node *tree_find(struct tree_node *root, const char *path)
{
    const char *rest;
    struct tree_node *n = tree_nearest(root, path, &rest);
    size_t len;

    return tree_component(&rest, &len) ? NULL : n;
}

static void count_removed(const struct tree_node *n)
{
    tree_changed += (uint64_t)tree_node_bytes(n);
    for (uint32_t i = 0; i < n->nchildren; i++)
        count_removed(n->child[i]);
}

/* Replaces *slot by a copy that only this tree holds, unless that is so already. */
static struct tree_node *own_slot(struct tree_node **slot)
{
    struct tree_node *old = *slot, *n;

    if (old->ref == 1)
        return old;
    n = tree_new(old->name, old->name_len, old->perms, old->nperms);
    n->gen = old->gen; /* the same list of children (tree_clock) */
    tree_changed += (uint64_t)tree_node_bytes(old) + old->nchildren * sizeof(struct tree_node *);
    if (old->value_len)
        tree_set_value(n, old->value, old->value_len);
    if (old->nchildren) {
        n->child = alloc_copy(old->child, old->nchildren * sizeof(struct tree_node *));
        n->nchildren = n->cap = old->nchildren;
        /* From here on every child has two parents: whoever changes one of them copies it first. */
        for (uint32_t i = 0; i < n->nchildren; i++)
            tree_ref(n->child[i]);
    }
    tree_unref(old); /* not the last: it had more than one */
    *slot = n;
    return n;
}

/* From the top down: a node with one reference is private only if all above it are. */
struct tree_node *tree_own(struct tree_node **root, const char *path)
{
    struct tree_node *n = own_slot(root);
    const char *pos = path, *comp;
    size_t len;
    bool found;

    while ((comp = tree_component(&pos, &len))) {
        uint32_t i = child_index(n, comp, len, &found);

        if (!found)
            return NULL;
        n = own_slot(&n->child[i]);
    }
    return n;
}

struct tree_node *tree_add(struct tree_node *parent, const char *name, size_t name_len,
                           const struct tree_perm *perms, unsigned int nperms)
{
    struct tree_node *n = tree_new(name, name_len, perms, nperms);
    bool found;
    uint32_t i = child_index(parent, name, name_len, &found);

    parent->child =
        alloc_grow(parent->child, &parent->cap, parent->nchildren + 1, sizeof(*parent->child));
    memmove(parent->child + i + 1, parent->child + i,
            (parent->nchildren - i) * sizeof(*parent->child));
    parent->child[i] = n;
    parent->nchildren++;
    tree_changed += (uint64_t)tree_node_bytes(n);
    parent->gen = ++tree_clock;
    return n;
}

struct tree_node *tree_take(struct tree_node *parent, const char *name, size_t name_len)
{
    struct tree_node *n;
    bool found;
    uint32_t i = child_index(parent, name, name_len, &found);

    if (!found)
        return NULL;
    n = parent->child[i];
    count_removed(n);
    parent->nchildren--;
    memmove(parent->child + i, parent->child + i + 1,
            (parent->nchildren - i) * sizeof(*parent->child));
    parent->gen = ++tree_clock;
    return n;
}

void tree_set_value(struct tree_node *node, const void *data, size_t len)
{
    char *value = alloc_copy(data, len);

    free(node->value);
    node->value = value;
    node->value_len = (uint32_t)len;
}

void tree_set_perms(struct tree_node *node, const struct tree_perm *perms, unsigned int nperms)
{
    struct tree_perm *copy = alloc_copy(perms, nperms * sizeof(*perms));

    free(node->perms);
    node->perms = copy;
    node->nperms = (uint16_t)nperms;
}
