// SPDX-License-Identifier: GPL-2.0-only
/* Transactions: see tx.h for how conflicts are decided. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "log.h"
#include "quota.h"
#include "tx.h"

/* What counts as another request of a transaction. */
#define LONG_PATH    256u
#define NODES_PER_OP 8u

/* An answer depended on these aspects of this node: TX_*. The path may name no node. */
struct seen {
    char *path;
    unsigned int aspects;
};

/* A change, with all that is needed to make it again. */
struct done {
    enum tx_op op;
    char *path;
    void *data; /* a value, or struct tree_perm: `len` bytes of it */
    size_t len;
};

struct tx {
    struct list_link link; /* in conn->transactions */
    struct list_link age;  /* in by_age, or alone */
    uint64_t since;        /* tree_changed when it took `base` */
    struct conn *conn;
    uint32_t id;
    int error; /* it cannot be committed any more: -EAGAIN, as what it saw and did has been let go
                  of, or -ENOSPC, as not all of it could be recorded; else 0 */
    struct tree_node *base; /* the store as it was at the start; one reference */
    struct nodes_view view; /* does not collect changes: it is never adopted */
    struct seen *seen;
    struct done *done; /* in the order in which they were made */
    unsigned int nseen, seen_cap, ndone, done_cap;
    uint64_t work; /* requests recorded so far; QUOTA_TX_OPS limits them and the extra nodes that
                      they moved (charge()) */
    int64_t bytes; /* charged to the domain */
};

/* Those of guests, the one with the oldest base first: dom0's do not age (tx.h). */
static struct list_link by_age = {&by_age, &by_age};

/* As the store is at this moment. */
static void take_base(struct tx *t)
{
    t->base = tree_ref(nodes_main.root);
    t->view.root = tree_ref(nodes_main.root);
    t->since = tree_changed;
    list_init(&t->age);
    if (!t->conn->cred.privileged)
        list_append(&by_age, &t->age);
}

/* No check of quotas: one that is restored was within them. */
static struct tx *create(struct conn *c, uint32_t id)
{
    struct tx *t = alloc_zero(sizeof(*t));

    t->conn = c;
    t->id = id;
    take_base(t);
    list_append(&c->transactions, &t->link);
    quota_usage(c->cred.domid)->transactions++;
    return t;
}

int tx_start(struct conn *c, uint32_t *id)
{
    if (!c->cred.privileged &&
        quota_usage(c->cred.domid)->transactions >= quota_limit[QUOTA_TRANSACTIONS])
        return -ENOSPC;
    do {
        c->last_tx++; /* 0 in a request's header means "in no transaction" */
    } while (!c->last_tx || tx_find(c, c->last_tx));
    *id = c->last_tx;
    create(c, *id);
    return 0;
}

struct tx *tx_find(struct conn *c, uint32_t id)
{
    struct list_link *l;

    list_for_each (l, &c->transactions)
        if (list_entry(l, struct tx, link)->id == id)
            return list_entry(l, struct tx, link);
    return NULL;
}

bool tx_is_full(const struct tx *t)
{
    return t->error == -ENOSPC;
}

struct nodes_view *tx_view(struct tx *t)
{
    return &t->view;
}

/* What it saw and did, and the trees that it keeps alive. */
static void let_go(struct tx *t)
{
    for (unsigned int i = 0; i < t->nseen; i++)
        free(t->seen[i].path);
    for (unsigned int i = 0; i < t->ndone; i++) {
        free(t->done[i].path);
        free(t->done[i].data);
    }
    free(t->seen);
    free(t->done);
    nodes_drop(&t->view);
    tree_unref(t->base);
    list_remove(&t->age);
    quota_charge(t->conn->cred.domid, -t->bytes, false);
    t->seen = NULL;
    t->done = NULL;
    t->nseen = t->seen_cap = t->ndone = t->done_cap = 0;
    t->work = 0;
    t->bytes = 0;
}

static void destroy(struct tx *t)
{
    let_go(t);
    quota_usage(t->conn->cred.domid)->transactions--;
    list_remove(&t->link);
    free(t);
}

void tx_let_go_old(void)
{
    /* Ends: each that is renewed has nothing of its own any more, and stands last. */
    while (!list_empty(&by_age)) {
        struct tx *t = list_entry(by_age.next, struct tx, age);

        if (tree_changed - t->since <= quota_limit[QUOTA_TX_AGE])
            return;
        log_debug("domain %u: transaction %u is too old", t->conn->cred.domid, t->id);
        let_go(t);
        take_base(t);
        if (!t->error)
            t->error = -EAGAIN;
    }
}

/*
 * Pays for one more entry of either list. Called before the entry is made. Where it cannot be, the
 * transaction does not know all that it has seen and done, and so cannot be committed.
 */
static int charge(struct tx *t, const char *path, size_t len)
{
    bool enforce = !t->conn->cred.privileged;
    int64_t bytes = (int64_t)(strlen(path) + len + sizeof(struct done));
    /* Each change is about one node; those that it moves beyond that are extra. */
    uint64_t more = t->view.moved > t->ndone ? t->view.moved - t->ndone : 0;

    t->work += 1 + strlen(path) / LONG_PATH;
    if ((enforce && t->work + more / NODES_PER_OP > quota_limit[QUOTA_TX_OPS]) ||
        !quota_charge(t->conn->cred.domid, bytes, enforce))
        return t->error = -ENOSPC;
    t->bytes += bytes;
    return 0;
}

/*
 * Takes out the aspects that the transaction had itself put there before it looked: what others do
 * to them is overwritten anyway.
 */
static unsigned int not_own(const struct tx *t, const char *path, unsigned int aspects)
{
    /* The very same node in both trees, or none: neither it nor what is below was changed here. */
    if (!t->ndone || tree_find(t->base, path) == tree_find(t->view.root, path))
        return aspects;
    for (unsigned int i = 0; i < t->ndone; i++) {
        const struct done *d = &t->done[i];

        if (d->op == TX_RM && path_is_under(path, d->path))
            return 0;
        if (strcmp(d->path, path))
            continue;
        if (d->op == TX_WRITE)
            aspects &= ~(TX_VALUE | TX_EXISTS);
        if (d->op == TX_MKDIR)
            aspects &= ~TX_EXISTS;
        if (d->op == TX_SET_PERMS)
            aspects &= ~(TX_PERMS | TX_EXISTS);
    }
    return aspects;
}

int tx_saw(struct tx *t, const char *path, unsigned int aspects)
{
    aspects = not_own(t, path, aspects);
    if (!aspects)
        return 0;
    /* Reading one node's value, permissions and children in a row is the usual pattern. */
    if (t->nseen && !strcmp(t->seen[t->nseen - 1].path, path)) {
        t->seen[t->nseen - 1].aspects |= aspects;
        return 0;
    }
    if (charge(t, path, 0))
        return -ENOSPC;
    t->seen = alloc_grow(t->seen, &t->seen_cap, t->nseen + 1, sizeof(*t->seen));
    t->seen[t->nseen++] = (struct seen){.path = alloc_string(path), .aspects = aspects};
    return 0;
}

int tx_did(struct tx *t, enum tx_op op, const char *path, const void *data, size_t len)
{
    if (charge(t, path, len))
        return -ENOSPC;
    t->done = alloc_grow(t->done, &t->done_cap, t->ndone + 1, sizeof(*t->done));
    t->done[t->ndone++] = (struct done){
        .op = op, .path = alloc_string(path), .data = alloc_copy(data, len), .len = len};
    return 0;
}

/* ---- the end ---- */

/* By name only: what the children hold is an aspect of theirs. */
static bool same_kids(const struct tree_node *a, const struct tree_node *b)
{
    if (a->gen == b->gen)
        return true;
    if (a->nchildren != b->nchildren)
        return false;
    for (uint32_t i = 0; i < a->nchildren; i++)
        if (strcmp(a->child[i]->name, b->child[i]->name))
            return false;
    return true;
}

static bool unchanged(const struct tx *t, const struct seen *s)
{
    const struct tree_node *a = tree_find(t->base, s->path);
    const struct tree_node *b = tree_find(nodes_main.root, s->path);

    if (a == b) /* not even copied, or there in neither tree */
        return true;
    if (!a || !b)
        return false;
    if ((s->aspects & TX_VALUE) && (a->value_len != b->value_len ||
                                    (a->value_len && memcmp(a->value, b->value, a->value_len))))
        return false;
    if ((s->aspects & TX_PERMS) &&
        (a->nperms != b->nperms || memcmp(a->perms, b->perms, a->nperms * sizeof(*a->perms))))
        return false;
    return !(s->aspects & TX_KIDS) || same_kids(a, b);
}

static int redo(struct nodes_view *v, const struct nodes_cred *cred, const struct done *d)
{
    switch (d->op) {
    case TX_WRITE:
        return nodes_write(v, cred, d->path, d->data, d->len);
    case TX_MKDIR:
        return nodes_mkdir(v, cred, d->path);
    case TX_RM:
        return nodes_rm(v, cred, d->path);
    case TX_SET_PERMS:
        return nodes_set_perms(v, cred, d->path, d->data,
                               (unsigned int)(d->len / sizeof(struct tree_perm)));
    }
    return -EINVAL;
}

/*
 * Checks first, then changes: until nodes_adopt(), nothing that another could see has happened.
 * No request of anyone else can come between the two, as requests are served one after the other.
 */
static int try_commit(struct tx *t)
{
    struct nodes_view v = {0};

    if (t->error)
        return t->error;
    for (unsigned int i = 0; i < t->nseen; i++) {
        if (!unchanged(t, &t->seen[i])) {
            log_debug("domain %u: transaction %u conflicts at %s", t->conn->cred.domid, t->id,
                      t->seen[i].path);
            return -EAGAIN;
        }
    }
    if (!t->ndone)
        return 0;
    v.root = tree_ref(nodes_main.root);
    for (unsigned int i = 0; i < t->ndone; i++) {
        int rc = redo(&v, &t->conn->cred, &t->done[i]);

        /* It succeeded in the copy, so only a change from outside can be the reason: try again. */
        if (rc) {
            nodes_drop(&v);
            return rc == -ENOSPC ? rc : -EAGAIN;
        }
    }
    nodes_adopt(&v);
    return 0;
}

int tx_end(struct tx *t, bool commit)
{
    int rc = 0;

    if (commit) {
        /* The log is about to be freed; its memory must not count against its own changes. */
        quota_charge(t->conn->cred.domid, -t->bytes, false);
        t->bytes = 0;
        rc = try_commit(t);
    }
    destroy(t);
    return rc;
}

void tx_abort_all(struct conn *c)
{
    while (!list_empty(&c->transactions))
        destroy(list_entry(c->transactions.next, struct tx, link));
}

void tx_restore(struct conn *c, uint32_t id)
{
    create(c, id)->error = -EAGAIN;
    c->last_tx = id; /* where ids go on; a clash with another restored one is seen in tx_start() */
}

void tx_each(struct conn *c, void (*fn)(const struct conn *c, uint32_t id))
{
    struct list_link *l;

    list_for_each (l, &c->transactions)
        fn(c, list_entry(l, struct tx, link)->id);
}
