// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each domain may hold of the daemon's memory, and what it holds.
 *
 * Only unprivileged requests are refused over a quota; what dom0 creates in a guest's name is
 * counted all the same. Limits can be set on the command line and by the control request.
 */
#ifndef XENSTORED_QUOTA_H
#define XENSTORED_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#define QUOTA_DOMIDS 0x7ff0u /* ids from here on are reserved by the ABI */

enum quota_kind {
    QUOTA_NODES,        /* nodes that the domain owns */
    QUOTA_WATCHES,      /* watches that it has registered */
    QUOTA_TRANSACTIONS, /* transactions that it has open */
    QUOTA_ENTRY_SIZE,   /* bytes in the value of one node */
    QUOTA_PERMS,        /* permission entries of one node */
    QUOTA_PATH,         /* bytes of a path, without the domain's home prefix */
    QUOTA_MEMORY,       /* bytes of nodes, watches and transactions together */
    QUOTA_TX_OPS,       /* requests recorded in one transaction */
    QUOTA_EVENTS,       /* watch events waiting to be read, before they are merged */
    QUOTA_TX_AGE,       /* bytes changed in the store, by anyone, while a guest has a transaction
                           open */
    QUOTA_KINDS
};

/*
 * The account of one domain. Each file keeps its own part up to date: nodes.c the nodes and their
 * bytes when a view settles, watch.c and tx.c the rest and the bytes of their objects. What dom0
 * does in a guest's name can take an account over its limit; nothing is taken away then, only the
 * guest's next request for more is refused. Nodes belong to their owner (perms[0]), whoever wrote
 * them; watches and transactions to the domain of the connection.
 */
struct quota_usage {
    int64_t nodes;
    int64_t bytes; /* of nodes, watches and transactions; what QUOTA_MEMORY limits */
    uint32_t watches;
    uint32_t transactions;
};

extern uint32_t quota_limit[QUOTA_KINDS]; /* the same for all domains */
extern bool quota_kept[QUOTA_KINDS];      /* set while running: a restart has to know it */

const char *quota_name(enum quota_kind kind);
/*
 * Returns 0, or -1 where no quota has that name. With `keep` it is saved, and outlives a restart.
 */
int quota_set(const char *name, uint32_t value, bool keep);

/* Never NULL, and the same each time; domid must be below QUOTA_DOMIDS. */
struct quota_usage *quota_usage(uint16_t domid);
/* Whether anyone has asked for it: else all of it is 0. */
bool quota_is_used(uint16_t domid);

/* Adds to the domain's bytes; with `enforce`, refuses (false) what would go over the limit. */
bool quota_charge(uint16_t domid, int64_t bytes, bool enforce);

#endif
