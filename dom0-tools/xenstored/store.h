// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on nodes, with permissions and quotas.
 *
 * A view is a tree being worked on: the store itself (store_main), or a transaction's own copy.
 * Every operation first checks everything that can fail, then changes the view, so a refusal
 * leaves no trace. The changes of store_main are collected until store_save() writes them to
 * the journal and store_announce() wakes the watchers.
 *
 * Paths given to this file are absolute and of path_absolute()'s form, and not special. Values are
 * copied. Accounts: a view notes what it adds to each domain; a quota check adds that to the
 * domain's account, and the account itself moves only when store_main settles.
 */
#ifndef XENSTORED_STORE_H
#define XENSTORED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "path.h"
#include "tree.h"

#define STORE_OWNER     4 /* beside TREE_READ and TREE_WRITE: right to change the permissions */
#define STORE_NO_TARGET (-1)

/* Who asks. */
struct store_cred {
    uint16_t domid;
    bool privileged; /* dom0's ring and clients of the socket: no rights and no quotas to check */
    int32_t target;  /* the domain that this one serves, with that one's rights, or none */
};

enum store_change_kind {
    STORE_MADE, /* created on the way to another node: saved, but no event of its own */
    STORE_SET,  /* value or permissions; `old_perms` where permissions changed */
    STORE_GONE  /* removed; `gone` is the subtree */
};

/* What a view has collected is owned, `gone` as one reference, and in the order in which things
 * were done; what store_diff() hands out is borrowed. */
struct store_change {
    enum store_change_kind kind;
    char *path;
    size_t there;                /* bytes of `path` whose node was there before: those between it
                                    and the last, which are new, have no change of their own */
    struct tree_node *gone;      /* STORE_GONE only: what watchers could see of it */
    struct tree_perm *old_perms; /* NULL where they did not change; `nold` entries */
    unsigned int nold;
};

/* What a view adds to the account of one domain; applied to the account when it settles. */
struct store_delta {
    uint16_t domid;
    int32_t nodes;
    int64_t bytes;
};

/* All zero, with a reference as root, is an empty view. */
struct store_view {
    struct tree_node *root;   /* one reference */
    struct tree_node *before; /* one, or NULL: the tree before a commit; the difference between it
                                 and `root` has to be settled beside the changes below */
    bool record;              /* collect changes: not in a transaction */
    uint64_t moved;           /* nodes that were made and removed so far: what its work is */
    struct store_change *change;
    unsigned int nchanges, change_cap;
    struct store_delta *delta; /* one for each domain, in no order */
    unsigned int ndeltas, delta_cap;
};

/* Between two requests it holds no changes and no deltas: all have settled. */
extern struct store_view store_main;

void store_init(void);

/*
 * Lookup with the right `need`. 0, -ENOENT (only if the caller may know), or -EACCES. *node is
 * borrowed and not to be written: tree_own() is for that.
 */
int store_get(struct store_view *v, const struct store_cred *cred, const char *path, unsigned need,
              struct tree_node **node);
/*
 * These change the view. Beside the errors of store_get(): -ENOSPC for a quota of the owner, and
 * each what stands beside it.
 */
int store_write(struct store_view *v, const struct store_cred *cred, const char *path,
                const void *data, size_t len);
int store_mkdir(struct store_view *v, const struct store_cred *cred, const char *path);
/* Removes the subtree, whoever owns what is in it. -EINVAL for "/". */
int store_rm(struct store_view *v, const struct store_cred *cred, const char *path);
/* -EPERM where an unprivileged owner would give the node away. `nperms` is at least 1. */
int store_set_perms(struct store_view *v, const struct store_cred *cred, const char *path,
                    const struct tree_perm *perms, unsigned int nperms);

/* The special paths have permissions but no tree. NULL for an unknown one. */
const struct tree_perm *store_special_perms(const char *path, unsigned int *nperms);
void store_set_special(const char *path, const struct tree_perm *perms, unsigned int nperms);

/* Which of the rights `cred` has under these permissions. */
unsigned int store_rights(const struct store_cred *cred, const struct tree_perm *perms,
                          unsigned int nperms);

/*
 * Replaces the store's tree by the view's; what has changed is the difference between the two. The
 * view is used up. It must have been made from the root that the store has at this moment: whatever
 * else happened to the store since would be lost. Once in a request, and no other change beside it.
 */
void store_adopt(struct store_view *v);
/* Lets go of all that the view holds; nothing of it has happened. */
void store_drop(struct store_view *v);

/*
 * Calls fn for each difference, parents first: one for each node that was set by name, or has other
 * contents, one for each that is new, and one for the top of each subtree that is gone. What was
 * done and undone again is none. Each change is good during its call only.
 */
void store_diff(struct tree_node *before, struct tree_node *after,
                void (*fn)(const struct store_change *c));

/* After a request: accounts, journal, watches. */
void store_save(void);     /* accounts, and records for the journal (not yet committed) */
void store_announce(void); /* watches; call once the journal is committed */

/* Sets up a node as recorded by the journal: no checks, parents are made as needed. */
void store_restore(const char *path, const struct tree_perm *perms, unsigned int nperms,
                   const void *value, size_t len);
void store_restore_gone(const char *path);

/* Removes every node that the domain owns, and its entries in the permissions of others. */
void store_purge(uint16_t domid);

/* Counts every node anew into the accounts, as after a restart. */
void store_recount(void);

#endif
