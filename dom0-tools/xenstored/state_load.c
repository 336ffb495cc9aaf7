// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading: the journal is read from start to end into the tree, and into a list of domains as
 * they were; then each of these is known again. Connecting them, and clearing up after those that
 * died while no daemon was running, is left to the callers of domain.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "journal.h"
#include "log.h"
#include "quota.h"
#include "slots.h"
#include "state.h"
#include "state_record.h"
#include "tx.h"
#include "watch.h"

struct saved_watch {
    char *path, *token; /* owned */
    size_t home;        /* as in struct watch */
};

/*
 * A domain as far as the records read so far describe it. Lives from its STATE_DOMAIN record to
 * its STATE_RELEASE, or until it has been restored.
 */
struct saved_domain {
    struct list_link link; /* in `saved`, in the order of introduction */
    uint16_t domid;
    int32_t target; /* NODES_NO_TARGET: none */
    bool shutdown;
    uint32_t port, slot;
    uint64_t mfn;
    struct saved_watch *watch;
    uint32_t *tx; /* ids of open transactions */
    unsigned int nwatches, watch_cap, ntx, tx_cap;
    uint32_t reply_serial; /* of the last reply that was saved: */
    void *reply;           /* owned; NULL: none was */
    size_t reply_len;
};

static struct list_link saved = {&saved, &saved};

/* A cursor over one record. After the first field that is not there, all fields are empty. */
struct reader {
    const unsigned char *at;
    size_t remaining;
};

static uint64_t get(struct reader *r, size_t size)
{
    uint64_t v = 0;

    if (r->remaining < size) {
        r->remaining = 0;
        return 0;
    }
    memcpy(&v, r->at, size);
    r->at += size;
    r->remaining -= size;
    return v;
}

static uint32_t get_u32(struct reader *r)
{
    return (uint32_t)get(r, sizeof(uint32_t));
}

/* Borrowed from the record, at any address. */
static const void *get_block(struct reader *r, size_t *len)
{
    const void *p;

    *len = get_u32(r);
    if (*len > r->remaining)
        *len = r->remaining = 0;
    p = r->at;
    r->at += *len;
    r->remaining -= *len;
    return p;
}

/* Borrowed from the record, or "": never NULL, and always ended. */
static const char *get_string(struct reader *r)
{
    size_t len;
    const char *s = get_block(r, &len);

    return len && s[len - 1] == '\0' ? s : "";
}

/* The path of a record of a node: see state_record.h. */
static const char *get_path(struct reader *r, bool near)
{
    static char path[PATH_SIZE];
    size_t shared = near ? get_u32(r) : 0;
    const char *rest = get_string(r);

    /* Of a damaged file it may be anything. */
    if (shared > strlen(path) || shared + strlen(rest) >= PATH_SIZE)
        path[0] = '\0';
    else
        strcpy(path + shared, rest);
    return path;
}

static struct saved_domain *saved_find(uint32_t domid)
{
    struct list_link *l;

    list_for_each (l, &saved)
        if (list_entry(l, struct saved_domain, link)->domid == domid)
            return list_entry(l, struct saved_domain, link);
    return NULL;
}

static void forget_clients_state(struct saved_domain *d)
{
    for (unsigned int i = 0; i < d->nwatches; i++) {
        free(d->watch[i].path);
        free(d->watch[i].token);
    }
    d->nwatches = d->ntx = 0;
}

static void saved_free(struct saved_domain *d)
{
    forget_clients_state(d);
    free(d->watch);
    free(d->tx);
    free(d->reply);
    list_remove(&d->link);
    free(d);
}

/* As domain_release() does: nobody keeps the rights of a domain that is gone. */
static void load_release(struct saved_domain *d)
{
    struct list_link *l;

    list_for_each (l, &saved) {
        struct saved_domain *other = list_entry(l, struct saved_domain, link);

        if (other->target == d->domid)
            other->target = NODES_NO_TARGET;
    }
    saved_free(d);
}

static void load_domain(struct reader *r, uint32_t domid)
{
    struct saved_domain *d = saved_find(domid);

    if (domid >= QUOTA_DOMIDS)
        return;
    if (!d) {
        d = alloc_zero(sizeof(*d));
        d->domid = (uint16_t)domid;
        d->target = NODES_NO_TARGET;
        list_append(&saved, &d->link);
    }
    d->port = get_u32(r);
    d->slot = get_u32(r);
    d->mfn = get(r, sizeof(uint64_t));
    d->shutdown = false;
}

/* Nothing of a damaged file may get into the tree that could not have come from a request. */
static bool good_path(const char *path)
{
    char out[PATH_SIZE];
    size_t home;

    return !path_absolute(0, false, path, out, &home) && !home;
}

static void load_watch(struct saved_domain *d, struct reader *r, bool add)
{
    size_t home = get_u32(r);
    const char *path = get_string(r), *token = get_string(r);

    if (!good_path(path) || home >= strlen(path))
        return;
    if (add) {
        d->watch = alloc_grow(d->watch, &d->watch_cap, d->nwatches + 1, sizeof(*d->watch));
        d->watch[d->nwatches++] = (struct saved_watch){
            .path = alloc_string(path), .token = alloc_string(token), .home = home};
        return;
    }
    for (unsigned int i = 0; i < d->nwatches; i++) {
        if (strcmp(d->watch[i].path, path) || strcmp(d->watch[i].token, token))
            continue;
        free(d->watch[i].path);
        free(d->watch[i].token);
        d->watch[i] = d->watch[--d->nwatches];
        return;
    }
}

static void load_tx(struct saved_domain *d, uint32_t id, bool start)
{
    if (start) {
        d->tx = alloc_grow(d->tx, &d->tx_cap, d->ntx + 1, sizeof(*d->tx));
        d->tx[d->ntx++] = id;
        return;
    }
    for (unsigned int i = 0; i < d->ntx; i++)
        if (d->tx[i] == id)
            d->tx[i] = d->tx[--d->ntx];
}

/* Of a domain that is not known nothing counts: its STATE_DOMAIN record comes first. */
static void load_domains_record(uint8_t type, struct reader *r)
{
    uint32_t domid = get_u32(r);
    struct saved_domain *d = saved_find(domid);
    const void *reply;

    if (type == STATE_DOMAIN)
        load_domain(r, domid);
    if (!d)
        return;
    switch (type) {
    case STATE_TARGET:
        d->target = (int32_t)(get_u32(r) % QUOTA_DOMIDS);
        break;
    case STATE_SHUTDOWN:
        d->shutdown = get_u32(r);
        break;
    case STATE_RELEASE:
        load_release(d);
        break;
    case STATE_RESET:
        forget_clients_state(d);
        break;
    case STATE_WATCH:
    case STATE_UNWATCH:
        load_watch(d, r, type == STATE_WATCH);
        break;
    case STATE_TX_START:
    case STATE_TX_END:
        load_tx(d, get_u32(r), type == STATE_TX_START);
        break;
    case STATE_REPLY:
        d->reply_serial = get_u32(r);
        reply = get_block(r, &d->reply_len);
        if (d->reply_len > CONN_MSG_MAX)
            d->reply_len = 0;
        free(d->reply);
        d->reply = alloc_copy(reply, d->reply_len);
        break;
    default:
        break;
    }
}

static bool good_perms(const struct tree_perm *perms, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (perms[i].domid >= QUOTA_DOMIDS || (perms[i].bits & ~(TREE_READ | TREE_WRITE)))
            return false;
    return n > 0;
}

static void load_record(uint8_t type, const unsigned char *data, size_t len)
{
    struct reader r = {.at = data, .remaining = len};
    struct tree_perm perms[XENSTORE_PAYLOAD_MAX / 2];
    bool near, gone;
    size_t plen, vlen;
    const char *path;
    const void *p, *value;

    if (type == STATE_QUOTA) {
        path = get_string(&r);
        quota_set(path, get_u32(&r), true);
        return;
    }
    near = type == STATE_NODE_NEAR || type == STATE_GONE_NEAR;
    gone = type == STATE_GONE || type == STATE_GONE_NEAR;
    if (!near && !gone && type != STATE_NODE && type != STATE_SPECIAL) {
        load_domains_record(type, &r);
        return;
    }
    path = type == STATE_SPECIAL ? get_string(&r) : get_path(&r, near);
    if (!good_path(path) || (type != STATE_SPECIAL && path_is_special(path)))
        return;
    if (gone) {
        if (path[1])
            nodes_restore_gone(path);
        return;
    }
    p = get_block(&r, &plen);
    if (plen > sizeof(perms))
        return;
    memcpy(perms, p, plen); /* records are not aligned */
    if (!good_perms(perms, plen / sizeof(*perms)))
        return;
    if (type == STATE_SPECIAL) {
        nodes_set_special(path, perms, (unsigned int)(plen / sizeof(*perms)));
        return;
    }
    value = get_block(&r, &vlen);
    nodes_restore(path, perms, (unsigned int)(plen / sizeof(*perms)), value, vlen);
}

/* ---- restoring ---- */

/*
 * All but the connection: its first request must find rights, watches and transactions. Nothing is
 * served before the whole state has been loaded.
 */
static void restore(const struct saved_domain *s)
{
    struct domain *d = domain_restore(s->domid, s->mfn, s->port, s->slot);

    if (!d)
        return;
    d->shutdown = s->shutdown;
    if (s->target >= 0)
        domain_set_target(d, (uint16_t)s->target);
    /* No limit is enforced: each watch was within the one that counted when it was made. */
    for (unsigned int i = 0; i < s->nwatches; i++)
        if (watch_add(d->conn, s->watch[i].path, s->watch[i].home, s->watch[i].token, false))
            log_error("domain %u: the saved watch on %s cannot be", s->domid, s->watch[i].path);
    for (unsigned int i = 0; i < s->ntx; i++)
        tx_restore(d->conn, s->tx[i]);
    /* Before the snapshot, which holds no replies: from here on the slot has it. */
    if (s->reply)
        ring_answer(&d->conn->ring, s->reply_serial, s->reply, s->reply_len);
    watch_fire_own(d->conn);
    log_info("domain %u: restored with %u watches and %u open transactions", s->domid, s->nwatches,
             s->ntx);
}

int state_open(const char *dir)
{
    int rc = slots_open(dir);

    if (!rc)
        rc = journal_open(dir, load_record);
    if (rc)
        return rc;
    /* Before anything is charged: that changes the accounts by differences. */
    nodes_recount();
    while (!list_empty(&saved)) {
        struct saved_domain *s = list_entry(saved.next, struct saved_domain, link);

        restore(s);
        saved_free(s);
    }
    state_snapshot();
    return 0;
}
