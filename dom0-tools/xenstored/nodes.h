// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on nodes, with permissions and quotas.
 *
 * A view is a tree being worked on: the store itself (nodes_main), or a transaction's own copy.
 * Every operation first checks everything that can fail, then changes the view, so a refusal
 * leaves no trace. The changes of nodes_main are collected until nodes_save() writes them to
 * the journal and nodes_announce() wakes the watchers.
 *
 * Paths given to this file are absolute and of path_absolute()'s form, and not special. Values are
 * copied. Accounts: a view notes what it adds to each domain; a quota check adds that to the
 * domain's account, and the account itself moves only when nodes_main settles.
 */
#ifndef XENSTORED_NODES_H
#define XENSTORED_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "path.h"
#include "tree.h"

#define NODES_OWNER     4 /* beside TREE_READ and TREE_WRITE: right to change the permissions */
#define NODES_NO_TARGET (-1)

/* Who asks. */
struct nodes_cred {
    uint16_t domid;
    bool privileged; /* dom0's ring and clients of the socket: no rights and no quotas to check */
    int32_t target;  /* the domain that this one serves, with that one's rights, or none */
};

enum nodes_change_kind {
    NODES_MADE, /* created on the way to another node: saved, but no event of its own */
    NODES_SET,  /* value or permissions; `old_perms` where permissions changed */
    NODES_GONE  /* removed; `gone` is the subtree */
};

/*
 * Those that a view collects are its own, with `gone` as one reference, in the order in which
 * things were done. Those that nodes_diff() hands out are borrowed.
 */
struct nodes_change {
    enum nodes_change_kind kind;
    char *path;
    size_t there;                /* bytes of `path` whose node was there before: those between it
                                    and the last, which are new, have no change of their own */
    struct tree_node *gone;      /* NODES_GONE only: what watchers could see of it */
    struct tree_perm *old_perms; /* NULL where they did not change; `nold` entries */
    unsigned int nold;
};

/* What a view adds to the account of one domain; applied to the account when it settles. */
struct nodes_delta {
    uint16_t domid;
    int32_t nodes;
    int64_t bytes;
};

/* All zero, with a reference as root, is an empty view. */
struct nodes_view {
    struct tree_node *root;   /* one reference */
    struct tree_node *before; /* one, or NULL: the tree before a commit; the difference between it
                                 and `root` has to be settled beside the changes below */
    bool record;              /* collect changes: not in a transaction */
    uint64_t moved;           /* nodes that were made and removed so far: what its work is */
    struct nodes_change *change;
    unsigned int nchanges, change_cap;
    struct nodes_delta *delta; /* one for each domain, in no order */
    unsigned int ndeltas, delta_cap;
};

/* Between two requests it holds no changes and no deltas: all have settled. */
extern struct nodes_view nodes_main;

void nodes_init(void);

/*
 * Lookup with the right `need`. 0, -ENOENT (only if the caller may know), or -EACCES. *node is
 * borrowed and not to be written: tree_own() is for that.
 */
int nodes_get(struct nodes_view *v, const struct nodes_cred *cred, const char *path, unsigned need,
              struct tree_node **node);
/*
 * These change the view. Beside the errors of nodes_get(): -ENOSPC for a quota of the owner, and
 * each what stands beside it.
 */
int nodes_write(struct nodes_view *v, const struct nodes_cred *cred, const char *path,
                const void *data, size_t len);
int nodes_mkdir(struct nodes_view *v, const struct nodes_cred *cred, const char *path);
/* Removes the subtree, whoever owns what is in it. -EINVAL for "/". */
int nodes_rm(struct nodes_view *v, const struct nodes_cred *cred, const char *path);
/* -EPERM where an unprivileged owner would give the node away. `nperms` is at least 1. */
int nodes_set_perms(struct nodes_view *v, const struct nodes_cred *cred, const char *path,
                    const struct tree_perm *perms, unsigned int nperms);

/* The special paths have permissions but no tree. NULL for an unknown one. */
const struct tree_perm *nodes_special_perms(const char *path, unsigned int *nperms);
void nodes_set_special(const char *path, const struct tree_perm *perms, unsigned int nperms);

/* Which of the rights `cred` has under these permissions. */
unsigned int nodes_rights(const struct nodes_cred *cred, const struct tree_perm *perms,
                          unsigned int nperms);

/*
 * Replaces the store's tree by the view's; what has changed is the difference between the two. The
 * view is used up. It must have been made from the root that the store has at this moment: whatever
 * else happened to the store since would be lost. Once in a request, and no other change beside it.
 */
void nodes_adopt(struct nodes_view *v);
/* Lets go of all that the view holds; nothing of it has happened. */
void nodes_drop(struct nodes_view *v);

/*
 * Calls fn for each difference, parents first: one for each node that was set by name, or has other
 * contents, one for each that is new, and one for the top of each subtree that is gone. What was
 * done and undone again is none. Each change is good during its call only.
 */
void nodes_diff(struct tree_node *before, struct tree_node *after,
                void (*fn)(const struct nodes_change *c));

/* After a request: accounts, journal, watches. */
void nodes_save(void);     /* accounts, and records for the journal (not yet committed) */
void nodes_announce(void); /* watches; call once the journal is committed */

/* Sets up a node as recorded by the journal: no checks, parents are made as needed. */
void nodes_restore(const char *path, const struct tree_perm *perms, unsigned int nperms,
                   const void *value, size_t len);
void nodes_restore_gone(const char *path);

/* Removes every node that the domain owns, and its entries in the permissions of others. */
void nodes_purge(uint16_t domid);

/* Counts every node anew into the accounts, as after a restart. */
void nodes_recount(void);

#endif
