// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a commit has changed: the difference between the trees before and after it, found by
 * walking both where they are not the very same nodes. So it is as long as what is there in the
 * end, however much was done and undone on the way, and takes no memory but for one path.
 */
#include <string.h>

#include "nodes.h"

struct walk {
    void (*fn)(const struct nodes_change *c);
    char path[PATH_SIZE]; /* of the node that is being looked at; every node's fits */
};

static void tell(struct walk *w, size_t len, struct nodes_change c)
{
    c.path = len ? w->path : "/";
    c.there = strlen(c.path);
    w->fn(&c);
}

/* Puts the name behind the first `len` bytes. Returns how many there are with it. */
static size_t extend(struct walk *w, size_t len, const struct tree_node *n)
{
    w->path[len] = '/';
    memcpy(w->path + len + 1, n->name, n->name_len + 1u);
    return len + 1 + n->name_len;
}

static bool same_perms(const struct tree_node *a, const struct tree_node *b)
{
    return a->nperms == b->nperms && !memcmp(a->perms, b->perms, a->nperms * sizeof(*a->perms));
}

static bool same_value(const struct tree_node *a, const struct tree_node *b)
{
    return a->value_len == b->value_len &&
           (!a->value_len || !memcmp(a->value, b->value, a->value_len));
}

static void made(struct walk *w, size_t len, const struct tree_node *n)
{
    tell(w, len, (struct nodes_change){.kind = n->named ? NODES_SET : NODES_MADE});
    for (uint32_t i = 0; i < n->nchildren; i++)
        made(w, extend(w, len, n->child[i]), n->child[i]);
    w->path[len] = '\0';
}

static int by_name(const struct tree_node *a, uint32_t i, const struct tree_node *b, uint32_t k)
{
    if (i == a->nchildren || k == b->nchildren)
        return i < a->nchildren ? -1 : 1;
    return strcmp(a->child[i]->name, b->child[k]->name);
}

/* Two nodes of one path. A node that a commit changes is copied first, and was not named then. */
static void compare(struct walk *w, size_t len, struct tree_node *a, struct tree_node *b)
{
    bool perms = !same_perms(a, b);
    uint32_t i = 0, k = 0;

    if (perms)
        tell(w, len,
             (struct nodes_change){.kind = NODES_SET, .old_perms = a->perms, .nold = a->nperms});
    else if (b->named || !same_value(a, b))
        tell(w, len, (struct nodes_change){.kind = NODES_SET});
    while (i < a->nchildren || k < b->nchildren) {
        int order = by_name(a, i, b, k);

        if (order < 0) {
            tell(w, extend(w, len, a->child[i]),
                 (struct nodes_change){.kind = NODES_GONE, .gone = a->child[i]});
            i++;
        } else if (order > 0) {
            made(w, extend(w, len, b->child[k]), b->child[k]);
            k++;
        } else {
            if (a->child[i] != b->child[k])
                compare(w, extend(w, len, b->child[k]), a->child[i], b->child[k]);
            i++;
            k++;
        }
    }
    w->path[len] = '\0';
}

void nodes_diff(struct tree_node *before, struct tree_node *after,
                void (*fn)(const struct nodes_change *c))
{
    struct walk w = {.fn = fn, .path = ""};

    if (before != after)
        compare(&w, 0, before, after);
}
