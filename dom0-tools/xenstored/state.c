// SPDX-License-Identifier: GPL-2.0-only
/* Saving: what each record of the journal holds. state_load.c reads them. */
#include <string.h>

#include "../clock.h"
#include "journal.h"
#include "quota.h"
#include "slots.h"
#include "state.h"
#include "state_record.h"
#include "tx.h"
#include "watch.h"

#define REWRITE_MIN (1u << 20) /* a journal below this many bytes is never written anew */

#define RETRY_MS 1000 /* until a snapshot that had no room is tried again */

static size_t snapshot_size; /* bytes of the journal right after the last snapshot */
static int64_t not_before;   /* now_ms() from which on a snapshot may be tried */

/* Of the last record of a node, if it was of this request; else "". */
static char near_path[PATH_SIZE];

static void put_string(const char *s)
{
    journal_bytes(s, strlen(s) + 1);
}

/* Begins a record of the node at the path, of one kind or the other. */
static void begin_node(uint8_t whole, uint8_t near, const char *path)
{
    size_t shared = 0;

    while (path[shared] && path[shared] == near_path[shared])
        shared++;
    strcpy(near_path + shared, path + shared);
    journal_begin(shared ? near : whole);
    if (shared)
        journal_u32((uint32_t)shared);
    put_string(path + shared);
}

/* The node itself, without what is below it. */
static void put_node(const char *path, const struct tree_node *n)
{
    begin_node(STATE_NODE, STATE_NODE_NEAR, path);
    journal_bytes(n->perms, n->nperms * sizeof(*n->perms));
    journal_bytes(n->value, n->value_len);
    journal_end();
}

void state_change(const struct nodes_change *c)
{
    char path[PATH_SIZE] = "";
    struct tree_node *n;
    const char *pos = c->path + c->there, *comp;
    size_t len;

    if (!journal_is_open())
        return;
    if (c->kind == NODES_GONE) {
        begin_node(STATE_GONE, STATE_GONE_NEAR, c->path);
        journal_end();
        return;
    }
    /* As they are after the whole request: of several changes of one, each says the last. */
    memcpy(path, c->path, c->there);
    n = tree_find(nodes_main.root, path);
    if (n && !*pos)
        put_node(path, n);
    while (n && (comp = tree_component(&pos, &len))) {
        memcpy(path, c->path, (size_t)(pos - c->path));
        n = tree_find(n, path + (comp - c->path));
        if (n) /* else a later change has removed it */
            put_node(path, n);
    }
}

void state_special(const char *path, const struct tree_perm *perms, unsigned int nperms)
{
    journal_begin(STATE_SPECIAL);
    put_string(path);
    journal_bytes(perms, nperms * sizeof(*perms));
    journal_end();
}

void state_quota(const char *name, uint32_t value)
{
    journal_begin(STATE_QUOTA);
    put_string(name);
    journal_u32(value);
    journal_end();
}

void state_introduce(const struct domain *d)
{
    journal_begin(STATE_DOMAIN);
    journal_u32(d->domid);
    journal_u32(d->port);
    journal_u32(d->slot);
    journal_u64(d->mfn);
    journal_end();
}

static void put_pair(uint8_t type, uint32_t domid, uint32_t v)
{
    journal_begin(type);
    journal_u32(domid);
    journal_u32(v);
    journal_end();
}

void state_target(uint16_t domid, uint16_t target)
{
    put_pair(STATE_TARGET, domid, target);
}

void state_shutdown(uint16_t domid, bool shutdown)
{
    put_pair(STATE_SHUTDOWN, domid, shutdown);
}

void state_release(uint16_t domid)
{
    put_pair(STATE_RELEASE, domid, 0);
}

void state_domain_reset(uint16_t domid)
{
    put_pair(STATE_RESET, domid, 0);
}

static void put_watch(uint8_t type, uint32_t domid, const char *path, size_t home,
                      const char *token)
{
    journal_begin(type);
    journal_u32(domid);
    journal_u32((uint32_t)home);
    put_string(path);
    put_string(token);
    journal_end();
}

void state_watch(const struct conn *c, const char *path, size_t home, const char *token)
{
    if (c->domain)
        put_watch(STATE_WATCH, c->cred.domid, path, home, token);
}

void state_unwatch(const struct conn *c, const char *path, const char *token)
{
    if (c->domain)
        put_watch(STATE_UNWATCH, c->cred.domid, path, 0, token);
}

void state_tx_start(const struct conn *c, uint32_t id)
{
    if (c->domain)
        put_pair(STATE_TX_START, c->cred.domid, id);
}

void state_tx_end(const struct conn *c, uint32_t id)
{
    if (c->domain)
        put_pair(STATE_TX_END, c->cred.domid, id);
}

void state_reply(const struct conn *c, uint32_t serial, const void *reply, size_t len)
{
    if (!journal_dirty())
        return;
    journal_begin(STATE_REPLY);
    journal_u32(c->cred.domid);
    journal_u32(serial);
    journal_bytes(reply, len);
    journal_end();
}

void state_commit(void)
{
    journal_commit();
    near_path[0] = '\0';
}

int state_keep_up(void)
{
    bool lost = journal_is_lost();

    if (!lost && journal_size() <= REWRITE_MIN + 2 * snapshot_size)
        return -1;
    if (now_ms() >= not_before)
        state_snapshot();
    return journal_is_lost() ? RETRY_MS : -1;
}

/* ---- everything at once ---- */

/* The node and all below, parents first. `path` is a buffer of PATH_SIZE with the node's path. */
static void put_tree(const struct tree_node *n, char *path, size_t len)
{
    put_node(len ? path : "/", n);
    for (uint32_t i = 0; i < n->nchildren; i++) {
        const struct tree_node *c = n->child[i];

        path[len] = '/';
        memcpy(path + len + 1, c->name, c->name_len + 1u);
        put_tree(c, path, len + 1 + c->name_len);
    }
    path[len] = '\0';
}

/* STATE_DOMAIN first: the others say something of a domain that is known. */
static void put_domain(struct domain *d)
{
    struct list_link *l;

    state_introduce(d);
    if (d->target >= 0)
        state_target(d->domid, (uint16_t)d->target);
    if (d->shutdown)
        state_shutdown(d->domid, true);
    list_for_each (l, &d->conn->watches) {
        const struct watch *w = list_entry(l, struct watch, conn_link);

        state_watch(d->conn, w->path, w->home, w->token);
    }
    tx_each(d->conn, state_tx_start);
}

void state_snapshot(void)
{
    static const char *const specials[] = {PATH_INTRODUCE, PATH_RELEASE};
    char path[PATH_SIZE] = "";
    struct list_link *l;

    if (!journal_is_open() && !journal_is_lost())
        return;
    near_path[0] = '\0';
    journal_rewrite_begin();
    put_tree(nodes_main.root, path, 0);
    for (unsigned int i = 0; i < 2; i++) {
        unsigned int nperms;
        const struct tree_perm *perms = nodes_special_perms(specials[i], &nperms);

        state_special(specials[i], perms, nperms);
    }
    for (int i = 0; i < QUOTA_KINDS; i++)
        if (quota_kept[i])
            state_quota(quota_name(i), quota_limit[i]);
    list_for_each (l, &domain_all)
        put_domain(list_entry(l, struct domain, link));
    near_path[0] = '\0';
    if (journal_rewrite_end())
        snapshot_size = journal_size();
    else
        not_before = now_ms() + RETRY_MS;
}
