// SPDX-License-Identifier: GPL-2.0-only
/*
 * The connection to the daemon, and the thread that reads from it.
 *
 * Until the first watch there is no thread: whoever makes a request reads its reply. With the
 * thread, replies and events are told apart by it, and handed over under `lock`.
 *
 * Locks, outer before inner: `request` (held for a whole exchange, so that at most one reply is
 * outstanding), `lock` (all fields below it; held for moments only, never over I/O). Events that
 * wait are xs_events.c's.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "xs_link.h"

void xentoolcore__register_active_handle(struct active_handle *a) __attribute__((weak));
void xentoolcore__deregister_active_handle(struct active_handle *a) __attribute__((weak));

/* ---- opening and closing ---- */

static int open_path(const char *path, bool *is_socket)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;
    int fd, error;

    if (stat(path, &st))
        return -1;
    *is_socket = S_ISSOCK(st.st_mode);
    if (!*is_socket)
        return open(path, O_RDWR | O_CLOEXEC);
    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/*
 * With $XENSTORED_PATH set, only that is tried: who names a daemon wants no other. Nor is the
 * device where a daemon runs at other times: the kernel would hold the request until there is one
 * again.
 */
static int open_any(bool *is_socket)
{
    static const char *const devices[] = {"/dev/xen/xenbus", "/proc/xen/xenbus"};
    int fd = open_path(xs_daemon_socket(), is_socket);
    bool only = getenv("XENSTORED_PATH") || !access(xs_daemon_rundir(), F_OK);

    for (int i = 0; fd < 0 && i < 2 && !only; i++)
        if (!access(devices[i], F_OK))
            fd = open_path(devices[i], is_socket);
    return fd;
}

/* The program gives up its rights: the descriptor leads nowhere from now on. */
static int cut_off(struct active_handle *a, uint32_t domid)
{
    struct xs_handle *h = (struct xs_handle *)((char *)a - offsetof(struct xs_handle, active));
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), rc;

    (void)domid;
    if (null < 0)
        return -1;
    rc = dup2(null, h->fd);
    close(null);
    return rc < 0 ? -1 : 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->fd = open_any(&h->is_socket);
    if (h->fd < 0) {
        int error = errno;

        free(h);
        errno = error;
        return NULL;
    }
    h->filter = flags & XS_UNWATCH_FILTER;
    h->events_tail = &h->events;
    h->signal_pipe[0] = h->signal_pipe[1] = -1;
    h->stop_pipe[0] = h->stop_pipe[1] = -1;
    pthread_mutex_init(&h->request, NULL);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->arrived, NULL);
    h->active.restrict_to = cut_off;
    if (xentoolcore__register_active_handle && xentoolcore__deregister_active_handle)
        xentoolcore__register_active_handle(&h->active);
    return h;
}

static void close_pipe(int pipe[2])
{
    for (int i = 0; i < 2; i++)
        if (pipe[i] >= 0)
            close(pipe[i]);
}

/* Without the locks: nobody else uses the handle any more, or they are not to be trusted. */
static void destroy(struct xs_handle *h)
{
    if (xentoolcore__register_active_handle && xentoolcore__deregister_active_handle)
        xentoolcore__deregister_active_handle(&h->active);
    xs_events_free(h);
    free(h->reply);
    close_pipe(h->signal_pipe);
    close_pipe(h->stop_pipe);
    close(h->fd);
    free(h);
}

void xs_close(struct xs_handle *h)
{
    if (!h)
        return;
    /* Whoever is in the middle of an exchange finishes it first. */
    pthread_mutex_lock(&h->request);
    pthread_mutex_lock(&h->lock);
    h->closing = true;
    pthread_cond_broadcast(&h->arrived);
    pthread_mutex_unlock(&h->lock);
    if (h->has_reader) {
        if (write(h->stop_pipe[1], "", 1) == 1)
            pthread_join(h->reader, NULL);
    }
    pthread_mutex_unlock(&h->request);
    pthread_mutex_destroy(&h->request);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->arrived);
    destroy(h);
}

void xs_daemon_destroy_postfork(struct xs_handle *h)
{
    /* The reader exists in the parent only; its locks may be in any state here. */
    destroy(h);
}

/* ---- reading ---- */

/* Reads exactly `len` bytes. With a stop descriptor, gives up (ECANCELED) when that is readable. */
static bool read_all(int fd, int stop, void *data, size_t len)
{
    char *at = data;

    while (len) {
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
        ssize_t n;

        if (stop >= 0) {
            if (poll(p, 2, -1) < 0 && errno != EINTR)
                return false;
            if (p[1].revents) {
                errno = ECANCELED;
                return false;
            }
            if (!p[0].revents)
                continue;
        }
        n = read(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!n)
                errno = EPIPE;
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* NULL with errno. In the middle of a message that is the end: the stream has no other borders. */
static struct message *read_message(struct xs_handle *h, int stop)
{
    struct xsd_sockmsg hdr;
    struct message *m;

    if (!read_all(h->fd, stop, &hdr, sizeof(hdr)))
        return NULL;
    if (hdr.len > XENSTORE_PAYLOAD_MAX) {
        errno = EIO;
        return NULL;
    }
    m = malloc(sizeof(*m) + hdr.len + 1);
    if (!m)
        return NULL;
    m->next = NULL;
    m->folded = false;
    m->hdr = hdr;
    m->body[hdr.len] = '\0';
    if (!read_all(h->fd, stop, m->body, hdr.len)) {
        int error = errno;

        free(m);
        errno = error;
        return NULL;
    }
    return m;
}

/* Hands the message over. The lock is held. */
static void deliver(struct xs_handle *h, struct message *m)
{
    if (m->hdr.type == XS_WATCH_EVENT) {
        xs_events_put(h, m);
        return;
    }
    free(h->reply); /* none is there unless the daemon answers what nobody asked */
    h->reply = m;
}

/* Ends with the connection, or when the stop pipe is readable. Reading happens without the lock. */
static void *reader_main(void *arg)
{
    struct xs_handle *h = arg;
    struct message *m;

    do {
        m = read_message(h, h->stop_pipe[0]);
        pthread_mutex_lock(&h->lock);
        if (m)
            deliver(h, m);
        else
            h->broken = errno;
        /* The end of the connection shows like an event: the caller looks, and is told. */
        if (!m && !h->events && h->signal_pipe[1] >= 0 && write(h->signal_pipe[1], "", 1) < 0)
            h->broken = errno;
        pthread_cond_broadcast(&h->arrived);
        pthread_mutex_unlock(&h->lock);
    } while (m);
    return NULL;
}

bool xs_link_start_reader(struct xs_handle *h)
{
    sigset_t all, before;
    int error = 0;

    pthread_mutex_lock(&h->request);
    if (!h->has_reader) {
        if (pipe2(h->stop_pipe, O_CLOEXEC))
            error = errno;
        if (!error) {
            sigfillset(&all); /* signals are for the program's own threads */
            pthread_sigmask(SIG_SETMASK, &all, &before);
            error = pthread_create(&h->reader, NULL, reader_main, h);
            pthread_sigmask(SIG_SETMASK, &before, NULL);
            if (error) {
                close_pipe(h->stop_pipe);
                h->stop_pipe[0] = h->stop_pipe[1] = -1;
            }
        }
        if (!error) {
            pthread_mutex_lock(&h->lock);
            h->has_reader = true;
            pthread_mutex_unlock(&h->lock);
        }
    }
    pthread_mutex_unlock(&h->request);
    errno = error;
    return !error;
}

/* ---- requests ---- */

static bool send_all(struct xs_handle *h, const char *data, size_t len)
{
    while (len) {
        ssize_t n = h->is_socket ? send(h->fd, data, len, MSG_NOSIGNAL) : write(h->fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* `request` is held, and the request has been sent. */
static struct message *wait_reply(struct xs_handle *h)
{
    struct message *m;

    if (!h->has_reader) { /* set under `request` only, which is held */
        while ((m = read_message(h, -1)) && m->hdr.type == XS_WATCH_EVENT) {
            pthread_mutex_lock(&h->lock);
            deliver(h, m);
            pthread_mutex_unlock(&h->lock);
        }
        return m;
    }
    pthread_mutex_lock(&h->lock);
    while (!h->reply && !h->broken)
        pthread_cond_wait(&h->arrived, &h->lock);
    m = h->reply;
    h->reply = NULL;
    if (!m)
        errno = h->broken;
    pthread_mutex_unlock(&h->lock);
    return m;
}

static int error_number(const char *name)
{
#define ROW(e, number) {e, #e},
    static const struct xsd_errors names[] = {XSD_ERROR_LIST(ROW)};
#undef ROW

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(name, names[i].errstring))
            return names[i].errnum;
    return EINVAL;
}

/* The reply's payload moved to the front of its allocation, or NULL and errno. */
static char *unpack(struct message *m, uint32_t type, unsigned int *len)
{
    uint32_t n = m->hdr.len;
    int error = 0;

    if (m->hdr.type == XS_ERROR)
        error = error_number(m->body);
    else if (m->hdr.type != type)
        error = EIO;
    if (error) {
        free(m);
        errno = error;
        return NULL;
    }
    memmove(m, m->body, n + 1);
    if (len)
        *len = n;
    return (char *)m;
}

char *xs_link_talk(struct xs_handle *h, xs_transaction_t t, uint32_t type,
                   const struct iovec *piece, unsigned int pieces, unsigned int *len)
{
    char buf[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg hdr = {.type = type, .tx_id = t};
    struct message *m = NULL;
    int error;

    for (unsigned int i = 0; i < pieces; i++) {
        if (piece[i].iov_len > XENSTORE_PAYLOAD_MAX - hdr.len) {
            errno = E2BIG;
            return NULL;
        }
        if (piece[i].iov_len)
            memcpy(buf + sizeof(hdr) + hdr.len, piece[i].iov_base, piece[i].iov_len);
        hdr.len += (uint32_t)piece[i].iov_len;
    }
    memcpy(buf, &hdr, sizeof(hdr));
    pthread_mutex_lock(&h->request);
    if (send_all(h, buf, sizeof(hdr) + hdr.len))
        m = wait_reply(h);
    error = errno;
    pthread_mutex_unlock(&h->request);
    errno = error;
    return m ? unpack(m, type, len) : NULL;
}
