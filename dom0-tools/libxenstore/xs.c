// SPDX-License-Identifier: GPL-2.0-only
/* The library's functions: each puts one request together and takes its reply apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs_link.h"

/* A string with its NUL, as a piece of a request. */
static struct iovec text(const char *s)
{
    return (struct iovec){.iov_base = (void *)s, .iov_len = strlen(s) + 1};
}

/* For replies that only say that it worked. */
static bool done(char *reply)
{
    if (!reply)
        return false;
    free(reply);
    return true;
}

static char *talk_text(struct xs_handle *h, xs_transaction_t t, uint32_t type, const char *s,
                       unsigned int *len)
{
    struct iovec v = text(s);

    return xs_link_talk(h, t, type, &v, 1, len);
}

static char *talk_domid(struct xs_handle *h, uint32_t type, unsigned int domid)
{
    char id[MAX_STRLEN(domid)];

    snprintf(id, sizeof(id), "%u", domid);
    return talk_text(h, XBT_NULL, type, id, NULL);
}

struct xs_handle *xs_daemon_open(void)
{
    return xs_open(0);
}

struct xs_handle *xs_domain_open(void)
{
    return xs_open(0);
}

struct xs_handle *xs_daemon_open_readonly(void)
{
    return xs_open(0);
}

void xs_daemon_close(struct xs_handle *h)
{
    xs_close(h);
}

/* ---- nodes ---- */

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    return talk_text(h, t, XS_READ, path, len);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len)
{
    struct iovec v[2] = {text(path), {.iov_base = (void *)data, .iov_len = len}};

    return done(xs_link_talk(h, t, XS_WRITE, v, 2, NULL));
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return done(talk_text(h, t, XS_MKDIR, path, NULL));
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return done(talk_text(h, t, XS_RM, path, NULL));
}

/* How often a long list is read again because it has changed meanwhile. */
#define LIST_RESTARTS 50

/*
 * A list that is too long for one message comes in parts, each with the list's generation in
 * front. When that changes in between, the list has changed, and is read again from the start.
 */
static char *read_parts(struct xs_handle *h, xs_transaction_t t, const char *path,
                        unsigned int *len)
{
    char offset[MAX_STRLEN(unsigned int)], gen[24] = "", *all = NULL;
    unsigned int have = 0, restarts = 0, n;

    for (;;) {
        struct iovec v[2] = {text(path), {0}};
        size_t skip;
        char *part, *more;

        snprintf(offset, sizeof(offset), "%u", have);
        v[1] = text(offset);
        part = xs_link_talk(h, t, XS_DIRECTORY_PART, v, 2, &n);
        if (!part)
            break;
        skip = strlen(part) + 1;
        if (skip > sizeof(gen) || skip >= n) {
            free(part);
            errno = EIO;
            break;
        }
        if (have && strcmp(gen, part)) { /* what is there may miss a name that was never gone */
            have = 0;
            free(part);
            if (restarts++ < LIST_RESTARTS)
                continue;
            errno = EBUSY;
            break;
        }
        strcpy(gen, part);
        n -= (unsigned int)skip;
        more = realloc(all, have + n);
        if (!more) {
            free(part);
            break;
        }
        all = more;
        memcpy(all + have, part + skip, n);
        have += n;
        free(part);
        /* The empty name: two NULs in a row, or nothing but one. */
        if (all[have - 1] == '\0' && (have == 1 || all[have - 2] == '\0')) {
            *len = have - 1;
            return all;
        }
    }
    free(all);
    return NULL;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
    unsigned int len, count = 0;
    char *names = talk_text(h, t, XS_DIRECTORY, path, &len), **list;

    if (!names && errno == E2BIG)
        names = read_parts(h, t, path, &len);
    if (!names)
        return NULL;
    for (unsigned int i = 0; i < len; i++)
        count += names[i] == '\0';
    /* Pointers and names in one piece, as the caller frees with one free(). */
    list = malloc((count + 1) * sizeof(*list) + len);
    if (list) {
        char *at = (char *)(list + count + 1);

        memcpy(at, names, len);
        for (unsigned int i = 0; i < count; i++, at += strlen(at) + 1)
            list[i] = at;
        list[count] = NULL;
        *num = count;
    }
    free(names);
    return list;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                                          unsigned int *num)
{
    struct xs_permissions *perms;
    unsigned int len, count = 0;
    char *strings = talk_text(h, t, XS_GET_PERMS, path, &len);

    if (!strings)
        return NULL;
    for (unsigned int i = 0; i < len; i++)
        count += strings[i] == '\0';
    perms = calloc(count ? count : 1, sizeof(*perms));
    if (perms && !xs_strings_to_perms(perms, count, strings)) {
        free(perms);
        perms = NULL;
    }
    if (perms)
        *num = count;
    free(strings);
    return perms;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms)
{
    static const char letters[4] = {'n', 'r', 'w', 'b'};
    char strings[XENSTORE_PAYLOAD_MAX];
    struct iovec v[2] = {text(path), {.iov_base = strings}};

    for (unsigned int i = 0; i < num_perms; i++) {
        if (perms[i].perms & ~(unsigned int)(XS_PERM_READ | XS_PERM_WRITE)) {
            errno = EINVAL;
            return false;
        }
        if (v[1].iov_len + 16 > sizeof(strings)) {
            errno = E2BIG;
            return false;
        }
        v[1].iov_len += (size_t)snprintf(strings + v[1].iov_len, 16, "%c%u",
                                         letters[perms[i].perms], perms[i].id) +
                        1;
    }
    return done(xs_link_talk(h, t, XS_SET_PERMS, v, 2, NULL));
}

bool xs_restrict(struct xs_handle *h, unsigned domid)
{
    (void)h;
    (void)domid;
    errno = EOPNOTSUPP;
    return false;
}

/* ---- watches ---- */

static char *talk_watch(struct xs_handle *h, uint32_t type, const char *path, const char *token)
{
    struct iovec v[2] = {text(path), text(token)};

    return xs_link_talk(h, XBT_NULL, type, v, 2, NULL);
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    int error;

    if (!xs_link_start_reader(h))
        return false;
    xs_events_watched(h, path, token); /* the first event may come before the answer */
    if (done(talk_watch(h, XS_WATCH, path, token)))
        return true;
    error = errno;
    if (error != EEXIST)
        xs_events_unwatched(h, path, token);
    errno = error;
    return false;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    if (!done(talk_watch(h, XS_UNWATCH, path, token)))
        return false;
    xs_events_unwatched(h, path, token);
    return true;
}

/* ---- transactions ---- */

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    char *reply = talk_text(h, XBT_NULL, XS_TRANSACTION_START, "", NULL);
    xs_transaction_t t = XBT_NULL;

    if (reply)
        t = (xs_transaction_t)strtoul(reply, NULL, 10);
    free(reply);
    return t;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    return done(talk_text(h, t, XS_TRANSACTION_END, abort ? "F" : "T", NULL));
}

/* ---- domains ---- */

bool xs_introduce_domain(struct xs_handle *h, unsigned int domid, unsigned long mfn,
                         unsigned int eventchn)
{
    char id[MAX_STRLEN(domid)], frame[MAX_STRLEN(mfn)], port[MAX_STRLEN(eventchn)];
    struct iovec v[3];

    snprintf(id, sizeof(id), "%u", domid);
    snprintf(frame, sizeof(frame), "%lu", mfn);
    snprintf(port, sizeof(port), "%u", eventchn);
    v[0] = text(id);
    v[1] = text(frame);
    v[2] = text(port);
    return done(xs_link_talk(h, XBT_NULL, XS_INTRODUCE, v, 3, NULL));
}

bool xs_set_target(struct xs_handle *h, unsigned int domid, unsigned int target)
{
    char id[MAX_STRLEN(domid)], to[MAX_STRLEN(target)];
    struct iovec v[2];

    snprintf(id, sizeof(id), "%u", domid);
    snprintf(to, sizeof(to), "%u", target);
    v[0] = text(id);
    v[1] = text(to);
    return done(xs_link_talk(h, XBT_NULL, XS_SET_TARGET, v, 2, NULL));
}

bool xs_resume_domain(struct xs_handle *h, unsigned int domid)
{
    return done(talk_domid(h, XS_RESUME, domid));
}

bool xs_release_domain(struct xs_handle *h, unsigned int domid)
{
    return done(talk_domid(h, XS_RELEASE, domid));
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
    char *reply = talk_domid(h, XS_IS_DOMAIN_INTRODUCED, domid);
    bool yes = reply && reply[0] == 'T';

    free(reply);
    return yes;
}

char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
    return talk_domid(h, XS_GET_DOMAIN_PATH, domid);
}

int xs_suspend_evtchn_port(int domid)
{
    struct xs_handle *h = xs_open(0);
    char path[64], *value;
    int port = -1;

    if (!h)
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%d/device/suspend/event-channel", domid);
    value = xs_read(h, XBT_NULL, path, NULL);
    if (value)
        port = (int)strtol(value, NULL, 10);
    free(value);
    xs_close(h);
    return port;
}

/* ---- the daemon itself ---- */

char *xs_control_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len)
{
    struct iovec v[2] = {text(cmd), {.iov_base = data, .iov_len = len}};

    return xs_link_talk(h, XBT_NULL, XS_CONTROL, v, 2, NULL);
}

char *xs_debug_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len)
{
    return xs_control_command(h, cmd, data, len);
}
