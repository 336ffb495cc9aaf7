// SPDX-License-Identifier: GPL-2.0-only
/*
 * store_link.c: a pipelining connection that speaks xenstore's wire protocol.
 *
 * Requests are laid one after the other into a buffer and answered in order, so the n-th answer
 * belongs to the n-th request; watch events may come between. While sending, answers are read as
 * well: xenstored may stop reading from a client that does not collect its answers.
 *
 * An answer can make a further request necessary (a list in parts), which goes to the end of the
 * queue while this is being sent: so store_flush() goes on until as many answers are there as
 * requests, and looks at the lengths anew in each round.
 */
#include "store_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <must.h>

#define IN_ROOM (16 * (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX))

/* How often a long list is read again from its start because it has changed meanwhile. */
#define LIST_RESTARTS 50

/* --- the connection ------------------------------------------------------------------------ */

#define RUN_DIR "/run/xenstored"
#define SOCKET  RUN_DIR "/socket"
#define DEVICE  "/dev/xen/xenbus"

/* -1 with errno. */
static int open_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

    if (fd < 0)
        return -1;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) &&
        !fcntl(fd, F_SETFL, O_NONBLOCK | O_RDWR))
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/*
 * A client in the domain of the store uses its socket, also while the store is away. Through the
 * kernel's device its request would be held, deaf to signals, until a store is back.
 * $XENSTORED_PATH may name either.
 */
static const char *where(bool *device)
{
    const char *path = getenv("XENSTORED_PATH");
    struct stat st;

    if (!path)
        path = access(RUN_DIR, F_OK) && !access(DEVICE, F_OK) ? DEVICE : SOCKET;
    *device = !stat(path, &st) && S_ISCHR(st.st_mode);
    return path;
}

struct store *store_open(char *err, size_t errlen)
{
    struct store *s = must(calloc(1, sizeof(*s)));
    const char *path = where(&s->device);

    s->fd = s->device ? open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK) : open_socket(path);
    if (s->fd < 0) {
        snprintf(err, errlen, "xenstore cannot be reached at %s: %s; start xenstored first", path,
                 strerror(errno));
        free(s);
        return NULL;
    }
    s->in = must(malloc(IN_ROOM));
    return s;
}

struct store *store_absent(const char *why)
{
    struct store *s = must(calloc(1, sizeof(*s)));

    s->fd = -1;
    s->dead = true;
    snprintf(s->message, sizeof(s->message), "%s", why);
    return s;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
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

void store_on_event(struct store *s, store_event_fn *event, void *arg)
{
    s->event = event;
    s->event_arg = arg;
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

struct request *store_link_queue(struct store *s, uint32_t type, uint32_t tx, const char *first,
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

/* The connection is of no use any more: who reads what, if one answer was misread? */
static int lost(struct store *s, const char *why)
{
    s->dead = true;
    snprintf(s->message, sizeof(s->message), "the connection to xenstored is lost: %s", why);
    return -EPIPE;
}

static void take_event(struct store *s, const char *body, size_t len)
{
    size_t path_len = strnlen(body, len);

    /* Both strings come with their terminators. */
    if (s->event && path_len + 1 < len && !body[len - 1])
        s->event(s->event_arg, body, body + path_len + 1);
}

/* Queues a request for what a list has behind its first `have` bytes. */
static void ask_part(struct store *s, const struct request *r, size_t have)
{
    struct request asked = *r, *next; /* both it and its bytes move when more is queued */
    const char *offset = store_fmt("%zu", have);
    struct xsd_sockmsg msg;
    char *path = must(strdup(s->out + r->start + sizeof(msg)));

    memcpy(&msg, s->out + r->start, sizeof(msg));
    next = store_link_queue(s, XS_DIRECTORY_PART, msg.tx_id, path, offset, strlen(offset) + 1);
    next->value = asked.value;
    next->length = asked.length;
    next->may_miss = asked.may_miss;
    next->restarts = asked.restarts;
    strcpy(next->generation, asked.generation);
    *next->length = have;
    free(path);
}

static void drop_list(struct request *r)
{
    free(*r->value);
    *r->value = NULL;
    *r->length = 0;
}

/*
 * A list that does not fit into one answer comes in parts: its generation, then names, and after
 * the last one an empty one. Another generation than the first part's: the list has changed in
 * between, and what is there may miss a name that was there all the time.
 */
static int take_part(struct store *s, struct request *r, const char *body, size_t len)
{
    size_t have = *r->length, skip = strnlen(body, len) + 1;

    if (skip >= len || skip > sizeof(r->generation)) {
        drop_list(r);
        return lost(s, "it sent a part of a list that has nothing in it");
    }
    if (have && strcmp(r->generation, body)) {
        drop_list(r);
        if (r->restarts++ == LIST_RESTARTS) {
            snprintf(s->message, sizeof(s->message),
                     "%.120s changes faster than its list can be read; try again later",
                     s->out + r->start + sizeof(struct xsd_sockmsg));
            return -EBUSY;
        }
        ask_part(s, r, 0);
        return 0;
    }
    strcpy(r->generation, body);
    len -= skip;
    *r->value = must(realloc(*r->value, have + len));
    memcpy(*r->value + have, body + skip, len);
    have += len;
    if ((*r->value)[have - 1] || (have > 1 && (*r->value)[have - 2]))
        ask_part(s, r, have);
    else
        *r->length = have - 1;
    return 0;
}

static int take_answer(struct store *s, struct request *r, const struct xsd_sockmsg *msg,
                       const char *body)
{
    int err;

    if (msg->type == XS_ERROR) {
        err = error_number(body, msg->len);
        if (r->type == XS_DIRECTORY && err == E2BIG) {
            ask_part(s, r, 0);
            return 0;
        }
        if (r->type == XS_DIRECTORY_PART)
            drop_list(r);
        if (r->may_miss && err == ENOENT)
            return 0;
        snprintf(s->message, sizeof(s->message), "xenstore refuses request %u for %.120s: %s",
                 r->type, s->out + r->start + sizeof(*msg), strerror(err));
        return -err;
    }
    if (msg->type != r->type)
        return lost(s, "it sent an answer to another request");
    if (r->type == XS_DIRECTORY_PART)
        return take_part(s, r, body, msg->len);
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
            /* May queue more, and move req[]: nothing here keeps a pointer into it. */
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

/*
 * Sends what fits. Over the socket that is everything at once. Over the device it is one message,
 * and the next when that has been answered: the kernel carries out a watch inside the write, and
 * meanwhile takes no answers for this file. With a second message under way it would wait for
 * itself, and nobody would reach the store through the kernel any more.
 */
static int drain(struct store *s, size_t *sent, size_t *sending, size_t done)
{
    size_t end = s->out_len;
    ssize_t n;

    if (s->device) {
        while (s->req[*sending].end <= *sent)
            (*sending)++;
        if (done < *sending)
            return 0;
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

    if (s->fd < 0)
        rc = -ECONNREFUSED; /* the message is that of store_absent() */
    else if (s->dead)
        rc = lost(s, "it went away");
    while (!s->dead && done < s->nr_req) {
        struct pollfd pfd = {.fd = s->fd, .events = POLLIN};

        if (sent < s->out_len) {
            err = drain(s, &sent, &sending, done);
            if (err) {
                rc = err;
                break;
            }
        }
        if (sent < s->out_len && !s->device)
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

void store_receive(struct store *s)
{
    size_t none = 0;
    bool got;

    if (!s->dead && !fill(s, &got) && got)
        take_messages(s, &none);
}

void store_link_pause(unsigned ms)
{
    struct timespec pause = {.tv_nsec = (long)ms * 1000 * 1000};

    nanosleep(&pause, NULL);
}
