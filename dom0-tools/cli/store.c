// SPDX-License-Identifier: GPL-2.0-only
/*
 * store.c: a pipelining client of the xenstore wire protocol.
 *
 * Requests are laid one after the other into a buffer and answered in order, so the n-th answer
 * belongs to the n-th request; watch events may come between. While sending, answers are read as
 * well: xenstored may stop reading from a client that does not collect its answers.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <public/io/xs_wire.h>
#include "alloc.h"

struct request {
    uint32_t type;
    size_t start, end; /* of its bytes in out[] */
    char **value;      /* where the answer's body goes, terminated; or NULL */
    size_t *length;
    bool may_miss; /* ENOENT is a good answer */
};

struct event {
    struct event *next;
    char *path, *token;
};

struct store {
    int fd;
    bool device; /* /dev/xen/xenbus takes one message per write */
    bool dead;
    uint32_t tx;
    char *out;
    size_t out_len, out_room;
    struct request *req;
    size_t nr_req, req_room;
    char *in;
    size_t in_len;
    struct event *events, **events_tail;
    char message[256];
};

#define IN_ROOM (16 * (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX))

const char *store_fmt(const char *fmt, ...)
{
    static char ring[8][1200];
    static unsigned turn;
    char *buf = ring[turn++ % 8];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf, sizeof(ring[0]), fmt, ap);
    va_end(ap);
    return buf;
}

static int open_socket(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char *path = getenv("XENSTORED_PATH");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path ? path : "/run/xenstored/socket");
    if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) &&
        !fcntl(fd, F_SETFL, O_NONBLOCK | O_RDWR))
        return fd;
    close(fd);
    return -1;
}

struct store *store_open(char *err, size_t errlen)
{
    struct store *s = must(calloc(1, sizeof(*s)));

    s->fd = open_socket();
    if (s->fd < 0) {
        s->fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        s->device = true;
    }
    if (s->fd < 0) {
        snprintf(err, errlen,
                 "xenstore cannot be reached: neither /run/xenstored/socket nor "
                 "/dev/xen/xenbus answers; start xenstored first");
        free(s);
        return NULL;
    }
    s->events_tail = &s->events;
    s->in = must(malloc(IN_ROOM));
    return s;
}

void store_close(struct store *s)
{
    char *path, *token;

    if (!s)
        return;
    close(s->fd);
    s->dead = true;
    s->in_len = 0;
    while (store_event(s, &path, &token)) {
        free(path);
        free(token);
    }
    free(s->in);
    free(s->out);
    free(s->req);
    free(s);
}

int store_fd(struct store *s)
{
    return s->fd;
}

const char *store_message(const struct store *s)
{
    return s->message;
}

bool store_is_dead(const struct store *s)
{
    return s->dead;
}

bool store_has_event(const struct store *s)
{
    return s->events != NULL;
}

/* --- queueing ------------------------------------------------------------------------------ */

static void put(struct store *s, const void *data, size_t len)
{
    if (s->out_len + len > s->out_room) {
        s->out_room = (s->out_len + len) * 2 + 4096;
        s->out = must(realloc(s->out, s->out_room));
    }
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
}

/* A request of one or two pieces; the first is sent with its terminator. */
static struct request *queue_tx(struct store *s, uint32_t type, uint32_t tx, const char *first,
                                const void *second, size_t second_len)
{
    size_t first_len = strlen(first) + 1;
    struct xsd_sockmsg msg = {.type = type,
                              .req_id = (uint32_t)s->nr_req,
                              .tx_id = tx,
                              .len = (uint32_t)(first_len + second_len)};
    struct request *r;

    if (s->nr_req == s->req_room) {
        s->req_room = s->req_room * 2 + 64;
        s->req = must(realloc(s->req, s->req_room * sizeof(*s->req)));
    }
    r = &s->req[s->nr_req++];
    memset(r, 0, sizeof(*r));
    r->type = type;
    r->start = s->out_len;
    put(s, &msg, sizeof(msg));
    put(s, first, first_len);
    put(s, second, second_len);
    r->end = s->out_len;
    return r;
}

static struct request *queue(struct store *s, uint32_t type, const char *first, const void *second,
                             size_t second_len)
{
    return queue_tx(s, type, s->tx, first, second, second_len);
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

/* --- sending and receiving ----------------------------------------------------------------- */

static const struct xsd_errors errors[] = {
#define X(name, number) {number, #name},
    XSD_ERROR_LIST(X)
#undef X
};

static int error_number(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (strnlen(text, len) == strlen(errors[i].errstring) &&
            !strncmp(text, errors[i].errstring, len))
            return errors[i].errnum;
    return EIO;
}

static int lost(struct store *s, const char *why)
{
    s->dead = true;
    snprintf(s->message, sizeof(s->message), "the connection to xenstored is lost: %s", why);
    return -EPIPE;
}

static void take_event(struct store *s, const char *body, size_t len)
{
    size_t path_len = strnlen(body, len);
    struct event *e;

    if (path_len >= len)
        return;
    e = must(calloc(1, sizeof(*e)));
    e->path = must(strndup(body, path_len));
    e->token = must(strndup(body + path_len + 1, len - path_len - 1));
    *s->events_tail = e;
    s->events_tail = &e->next;
}

static int take_answer(struct store *s, struct request *r, const struct xsd_sockmsg *msg,
                       const char *body)
{
    int err;

    if (msg->type == XS_ERROR) {
        err = error_number(body, msg->len);
        if (r->may_miss && err == ENOENT)
            return 0;
        snprintf(s->message, sizeof(s->message), "xenstore refuses request %u for %.120s: %s",
                 r->type, s->out + r->start + sizeof(*msg), strerror(err));
        return -err;
    }
    if (msg->type != r->type)
        return lost(s, "it sent an answer to another request");
    if (r->value) {
        *r->value = must(malloc(msg->len + 1));
        memcpy(*r->value, body, msg->len);
        (*r->value)[msg->len] = '\0';
        if (r->length)
            *r->length = msg->len;
    }
    return 0;
}

/* Takes whole messages out of in[]; *done counts answers. Returns the first error. */
static int take_messages(struct store *s, size_t *done)
{
    struct xsd_sockmsg msg;
    size_t at = 0;
    int rc = 0;

    while (s->in_len - at >= sizeof(msg)) {
        memcpy(&msg, s->in + at, sizeof(msg));
        if (msg.len > XENSTORE_PAYLOAD_MAX)
            return lost(s, "it sent a message that is too long");
        if (s->in_len - at < sizeof(msg) + msg.len)
            break;
        if (msg.type == XS_WATCH_EVENT) {
            take_event(s, s->in + at + sizeof(msg), msg.len);
        } else if (*done >= s->nr_req) {
            return lost(s, "it sent an answer that was not asked for");
        } else {
            int err = take_answer(s, &s->req[*done], &msg, s->in + at + sizeof(msg));

            (*done)++;
            rc = rc ? rc : err;
        }
        at += sizeof(msg) + msg.len;
    }
    memmove(s->in, s->in + at, s->in_len - at);
    s->in_len -= at;
    return rc;
}

/* Reads what is there. 0 or -EPIPE; *got tells whether anything came. */
static int fill(struct store *s, bool *got)
{
    ssize_t n = read(s->fd, s->in + s->in_len, IN_ROOM - s->in_len);

    *got = n > 0;
    if (n > 0)
        s->in_len += (size_t)n;
    else if (n == 0)
        return lost(s, "it closed the connection");
    else if (errno != EAGAIN && errno != EINTR)
        return lost(s, strerror(errno));
    return 0;
}

/* Sends what fits: everything at once over the socket, message by message over the device. */
static int drain(struct store *s, size_t *sent, size_t *sending)
{
    size_t end = s->out_len;
    ssize_t n;

    if (s->device) {
        while (s->req[*sending].end <= *sent)
            (*sending)++;
        end = s->req[*sending].end;
    }
    if (s->device)
        n = write(s->fd, s->out + *sent, end - *sent);
    else
        n = send(s->fd, s->out + *sent, end - *sent, MSG_NOSIGNAL);
    if (n >= 0)
        *sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        return lost(s, strerror(errno));
    return 0;
}

int store_flush(struct store *s)
{
    size_t sent = 0, sending = 0, done = 0;
    bool got;
    int rc = 0, err;

    if (s->dead)
        rc = lost(s, "it went away");
    while (!s->dead && done < s->nr_req) {
        struct pollfd pfd = {.fd = s->fd, .events = POLLIN};

        if (sent < s->out_len) {
            err = drain(s, &sent, &sending);
            if (err) {
                rc = err;
                break;
            }
        }
        if (sent < s->out_len)
            pfd.events |= POLLOUT;
        if (poll(&pfd, 1, -1) < 0 && errno != EINTR) {
            rc = lost(s, strerror(errno));
            break;
        }
        if (!(pfd.revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        err = fill(s, &got);
        if (!err && got)
            err = take_messages(s, &done);
        rc = rc ? rc : err;
    }
    s->nr_req = 0;
    s->out_len = 0;
    return rc;
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
    if (store_flush(s) || !body)
        return NULL;
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
    int rc;

    queue(s, XS_TRANSACTION_END, "T", "", 0);
    s->tx = 0;
    rc = store_flush(s);
    return rc;
}

void store_abort(struct store *s)
{
    queue(s, XS_TRANSACTION_END, "F", "", 0);
    s->tx = 0;
    store_flush(s);
}

bool store_again(int rc, unsigned *tries)
{
    struct timespec pause = {.tv_nsec = (long)*tries * 1000 * 1000};

    if (rc != -EAGAIN || *tries == 100)
        return false;
    if ((*tries)++ > 3)
        nanosleep(&pause, NULL);
    return true;
}

int store_introduce(struct store *s, uint16_t domid, uint64_t mfn, uint32_t port)
{
    char id[16], rest[64];
    int n = snprintf(rest, sizeof(rest), "%llu%c%u", (unsigned long long)mfn, 0, port);

    snprintf(id, sizeof(id), "%u", domid);
    queue_tx(s, XS_INTRODUCE, 0, id, rest, (size_t)n + 1);
    return store_flush(s);
}

int store_release(struct store *s, uint16_t domid)
{
    queue_tx(s, XS_RELEASE, 0, store_fmt("%u", domid), "", 0)->may_miss = true;
    return store_flush(s);
}

bool store_is_introduced(struct store *s, uint16_t domid)
{
    char *answer = NULL;
    bool yes;

    queue_tx(s, XS_IS_DOMAIN_INTRODUCED, 0, store_fmt("%u", domid), "", 0)->value = &answer;
    store_flush(s);
    yes = answer && answer[0] == 'T';
    free(answer);
    return yes;
}

int store_watch(struct store *s, const char *path, const char *token)
{
    queue_tx(s, XS_WATCH, 0, path, token, strlen(token) + 1);
    return store_flush(s);
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
    queue_tx(s, XS_UNWATCH, 0, path, token, strlen(token) + 1);
    return store_flush(s);
}

bool store_event(struct store *s, char **path, char **token)
{
    size_t none = 0;
    struct event *e;
    bool got = true;

    while (!s->events && !s->dead && got)
        if (!fill(s, &got) && got)
            take_messages(s, &none);
    e = s->events;
    if (!e)
        return false;
    s->events = e->next;
    if (!s->events)
        s->events_tail = &s->events;
    *path = e->path;
    *token = e->token;
    free(e);
    return true;
}
