// SPDX-License-Identifier: GPL-2.0-only
/*
 * store.c: the requests to xenstore that the tools make, on a connection that carries many at once.
 */
#include "store_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <must.h>

/* --- requests that are queued -------------------------------------------------------------- */

/* In the open transaction, if there is one. What is returned is good until the next is queued. */
static struct request *queue(struct store *s, uint32_t type, const char *first, const void *second,
                             size_t second_len)
{
    return store_link_queue(s, type, s->tx, first, second, second_len);
}

void store_write(struct store *s, const char *path, const char *value)
{
    queue(s, XS_WRITE, path, value, strlen(value));
}

void store_mkdir(struct store *s, const char *path)
{
    queue(s, XS_MKDIR, path, "", 0);
}

void store_remove(struct store *s, const char *path)
{
    queue(s, XS_RM, path, "", 0)->may_miss = true;
}

void store_perms(struct store *s, const char *path, uint16_t domid, bool owner)
{
    char perms[32];
    int n;

    /* Each permission is a letter, the domain and a terminator; the first one names the owner. */
    if (owner)
        n = snprintf(perms, sizeof(perms), "n%u", domid) + 1;
    else
        n = snprintf(perms, sizeof(perms), "n0%cr%u", 0, domid) + 1;
    queue(s, XS_SET_PERMS, path, perms, (size_t)n);
}

void store_share(struct store *s, const char *path, uint16_t owner, uint16_t reader)
{
    char perms[32];
    int n = snprintf(perms, sizeof(perms), "n%u%cr%u", owner, 0, reader) + 1;

    queue(s, XS_SET_PERMS, path, perms, (size_t)n);
}

void store_read(struct store *s, const char *path, char **value)
{
    struct request *r = queue(s, XS_READ, path, "", 0);

    *value = NULL;
    r->value = value;
    r->may_miss = true;
}

void store_dir(struct store *s, const char *path, char **names, size_t *len)
{
    struct request *r = queue(s, XS_DIRECTORY, path, "", 0);

    *names = NULL;
    *len = 0;
    r->value = names;
    r->length = len;
    r->may_miss = true;
}

/* --- requests that wait -------------------------------------------------------------------- */

char *store_get(struct store *s, const char *path)
{
    char *value;

    store_read(s, path, &value);
    store_flush(s);
    return value;
}

char **store_list(struct store *s, const char *path, unsigned *nr)
{
    char *body, **list = NULL;
    size_t len;

    *nr = 0;
    store_dir(s, path, &body, &len);
    if (store_flush(s))
        len = 0;
    for (size_t at = 0; at < len; at += strlen(body + at) + 1) {
        list = must(realloc(list, (*nr + 1) * sizeof(*list)));
        list[(*nr)++] = must(strdup(body + at));
    }
    free(body);
    return list;
}

int store_begin(struct store *s)
{
    char *id = NULL;
    int rc;

    queue(s, XS_TRANSACTION_START, "", "", 0)->value = &id;
    rc = store_flush(s);
    if (!rc && id)
        s->tx = (uint32_t)strtoul(id, NULL, 10);
    free(id);
    return rc;
}

int store_commit(struct store *s)
{
    int rc = store_flush(s);

    if (rc) { /* all or nothing: xenstored itself would do what it has not refused */
        store_abort(s);
        return rc;
    }
    queue(s, XS_TRANSACTION_END, "T", "", 0);
    s->tx = 0; /* whatever comes of it, the id is gone */
    return store_flush(s);
}

void store_abort(struct store *s)
{
    char reason[sizeof(s->message)];

    memcpy(reason, s->message, sizeof(reason));
    queue(s, XS_TRANSACTION_END, "F", "", 0);
    s->tx = 0;
    if (!store_flush(s))
        memcpy(s->message, reason, sizeof(reason));
}

int store_introduce(struct store *s, uint16_t domid, uint64_t mfn, uint32_t port)
{
    char id[16], rest[64];
    int n = snprintf(rest, sizeof(rest), "%llu%c%u", (unsigned long long)mfn, 0, port);

    snprintf(id, sizeof(id), "%u", domid);
    store_link_queue(s, XS_INTRODUCE, 0, id, rest, (size_t)n + 1);
    return store_flush(s);
}

int store_release(struct store *s, uint16_t domid)
{
    store_link_queue(s, XS_RELEASE, 0, store_fmt("%u", domid), "", 0)->may_miss = true;
    return store_flush(s);
}

bool store_is_introduced(struct store *s, uint16_t domid)
{
    char *answer = NULL;
    bool yes;

    store_link_queue(s, XS_IS_DOMAIN_INTRODUCED, 0, store_fmt("%u", domid), "", 0)->value = &answer;
    store_flush(s);
    yes = answer && answer[0] == 'T';
    free(answer);
    return yes;
}

int store_watch(struct store *s, const char *path, const char *token)
{
    store_link_queue(s, XS_WATCH, 0, path, token, strlen(token) + 1);
    return store_flush(s);
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
    store_link_queue(s, XS_UNWATCH, 0, path, token, strlen(token) + 1);
    return store_flush(s);
}
