// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node tree, as a value that can be shared.
 *
 * Nodes are reference counted. A node with one reference, reached over nodes with one reference,
 * belongs to one tree only and is changed in place; a node with more is copied first, along with
 * the path to it. So a transaction takes its snapshot with one increment, and pays only for the
 * paths that it or the others change while it lives.
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

struct tree_node {
    uint32_t ref;
    uint32_t value_len;
    uint16_t nperms; /* at least 1; perms[0].domid is the owner */
    uint16_t name_len;
    uint32_t nchildren, cap;
    uint64_t gen; /* tree_clock when the list of children last changed */
    struct tree_perm *perms;
    char *value;
    struct tree_node **child; /* sorted by name */
    char name[];
};

extern uint64_t tree_clock;

struct tree_node *tree_new(const char *name, size_t name_len, const struct tree_perm *perms,
                           unsigned int nperms);
struct tree_node *tree_ref(struct tree_node *node);
void tree_unref(struct tree_node *node);

/* Paths are absolute and canonical. NULL where there is no such node. */
struct tree_node *tree_find(struct tree_node *root, const char *path);

/* The nearest existing ancestor (or the node itself); *rest is what of the path is missing. */
struct tree_node *tree_nearest(struct tree_node *root, const char *path, const char **rest);

/* Like tree_find(), and makes the node private to this tree, so that it may be changed. */
struct tree_node *tree_own(struct tree_node **root, const char *path);

/* These change `parent`, which must have come from tree_own() or tree_add(). */
struct tree_node *tree_add(struct tree_node *parent, const char *name, size_t name_len,
                           const struct tree_perm *perms, unsigned int nperms);
/* Takes the child out and hands its reference to the caller. */
struct tree_node *tree_take(struct tree_node *parent, const char *name, size_t name_len);

void tree_set_value(struct tree_node *node, const void *data, size_t len);
void tree_set_perms(struct tree_node *node, const struct tree_perm *perms, unsigned int nperms);

/* The next component at or after *pos, moving *pos behind it; NULL at the path's end. */
const char *tree_component(const char **pos, size_t *len);

#endif
