// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node tree, as a value that can be shared.
 *
 * Nodes are reference counted. A node with one reference, reached over nodes with one reference,
 * belongs to one tree only and is changed in place; a node with more is copied first, along with
 * the path to it. So a transaction takes its snapshot with one increment, and pays only for the
 * paths that it or the others change while it lives.
 *
 * References: a parent holds one on each child, and whoever keeps a root (the store, a view, a
 * transaction's base, a change that removed a subtree) holds one on that. The invariant that all
 * of this rests on: a node that is reachable from two roots has, itself or above itself, a count
 * of at least two. tree_own() is the only way to a node that may be written, and keeps it.
 * Pointers from lookups are borrowed: good until the tree is next changed.
 */
#ifndef XENSTORED_TREE_H
#define XENSTORED_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_READ  1
#define TREE_WRITE 2

struct tree_perm {
    uint16_t domid;
    uint16_t bits; /* TREE_READ, TREE_WRITE */
};

/* perms[0] names the owner, and its bits are the rights of everyone who is not named behind it. */
struct tree_node {
    uint32_t ref; /* parents and keepers of roots */
    uint32_t value_len;
    uint16_t nperms; /* at least 1; perms[0].domid is the owner */
    uint16_t name_len;
    uint32_t nchildren, cap;  /* children, and room in `child` */
    bool named;               /* value or permissions were set since it was copied (nodes_diff.c) */
    uint64_t gen;             /* tree_clock when the list of children last changed */
    struct tree_perm *perms;  /* owned, as are the next two */
    char *value;              /* bytes, not text: without a NUL. May be NULL where value_len is 0 */
    struct tree_node **child; /* sorted by name, no name twice */
    char name[];              /* one component, with a NUL; "" for the root */
};

/*
 * Counts up with every change of a list of children, in whichever tree. A copy of a node keeps its
 * `gen`: so two nodes with equal gen have equal lists.
 */
extern uint64_t tree_clock;

/*
 * Counts up by the bytes of each node that is copied, added or taken out, in whichever tree. So the
 * trees of some moment on keep no more in memory beside the newest than what was counted since.
 */
extern uint64_t tree_changed;

/* What the node takes in memory and costs its owner; its list of children is not counted. */
int64_t tree_node_bytes(const struct tree_node *n);

/*
 * tree_new() gives a node with one reference, the caller's. The last tree_unref() frees it and lets
 * go of all below it.
 */
struct tree_node *tree_new(const char *name, size_t name_len, const struct tree_perm *perms,
                           unsigned int nperms);
struct tree_node *tree_ref(struct tree_node *node);
void tree_unref(struct tree_node *node);

/* Paths are absolute and canonical. NULL where there is no such node. */
struct tree_node *tree_find(struct tree_node *root, const char *path);

/* The nearest existing ancestor (or the node itself); *rest is what of the path is missing. */
struct tree_node *tree_nearest(struct tree_node *root, const char *path, const char **rest);

/*
 * Like tree_find(), and makes the node private to this tree, so that it may be changed. Replaces
 * *root, and any node on the way, that others hold as well. NULL where there is no such node; what
 * has become private on the way to it stays so, which nobody can see.
 */
struct tree_node *tree_own(struct tree_node **root, const char *path);

/* These change `parent`, which must have come from tree_own() or tree_add(). A name must not be
 * there already; the new child is the tree's, the pointer is borrowed. */
struct tree_node *tree_add(struct tree_node *parent, const char *name, size_t name_len,
                           const struct tree_perm *perms, unsigned int nperms);
/* Takes the child out and hands its reference to the caller. NULL where there is none. */
struct tree_node *tree_take(struct tree_node *parent, const char *name, size_t name_len);

/* Copy what they are given, before they free the old: that may be the same memory. */
void tree_set_value(struct tree_node *node, const void *data, size_t len);
void tree_set_perms(struct tree_node *node, const struct tree_perm *perms, unsigned int nperms);

/* The next component at or after *pos, moving *pos behind it; NULL at the path's end. */
const char *tree_component(const char **pos, size_t *len);

#endif
