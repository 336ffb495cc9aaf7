// SPDX-License-Identifier: GPL-2.0-only
/*
 * viewer.c: those who look at a console over the daemon's socket.
 *
 * A viewer says "attach <domid>\n" and hears "ok\n" or the reason why not; from then on the
 * connection is the console, for as many viewers at once as like: all see the output, all may
 * type. A viewer that does not keep up misses output and is told how much.
 */
#include "consoled.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void viewer_close(struct viewer *v)
{
    struct viewer **at = v->guest ? &v->guest->viewers : &consoled.strangers;

    while (*at && *at != v)
        at = &(*at)->next;
    if (*at)
        *at = v->next;
    if (v->guest)
        v->guest->nr_viewers--;
    loop_close(&v->src);
    free(v);
}

void viewer_listen_to(struct viewer *v, bool yes)
{
    loop_change(&v->src, yes ? EPOLLIN : 0);
}

/* Short texts only: one that does not go at once counts as not sent. */
static bool send_all(struct viewer *v, const char *buf, size_t len)
{
    return send(v->src.fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

void viewer_output(struct viewer *v, const char *buf, size_t len)
{
    char note[64];
    ssize_t n;
    int note_len;

    if (v->lost) {
        note_len = snprintf(note, sizeof(note), "\r\n[%zu bytes lost]\r\n", v->lost);
        if (!send_all(v, note, (size_t)note_len)) {
            v->lost += len;
            return;
        }
        v->lost = 0;
    }
    n = send(v->src.fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    /* A viewer that is gone is noticed by its read; here it only loses. */
    if (n < (ssize_t)len)
        v->lost += len - (n > 0 ? (size_t)n : 0);
}

static void show_backlog(struct viewer *v)
{
    struct guest *g = v->guest;
    size_t end = g->backlog_total % GUEST_BACKLOG;

    if (g->backlog_total > GUEST_BACKLOG)
        viewer_output(v, g->backlog + end, GUEST_BACKLOG - end);
    viewer_output(v, g->backlog, end);
}

/* The reason why not, or NULL. */
static const char *attach(struct viewer *v, uint16_t domid)
{
    struct guest *g = guest_by_domid(domid);

    if (!g || !g->connected) {
        find_new_guests();
        g = guest_by_domid(domid);
    }
    if (!g || !g->connected)
        return "there is no guest of this number with a console\n";
    if (g->nr_viewers == GUEST_MAX_VIEWERS)
        return "it has as many viewers as it may have; one has to leave first\n";
    consoled.strangers = consoled.strangers == v ? v->next : consoled.strangers;
    for (struct viewer *s = consoled.strangers; s; s = s->next)
        if (s->next == v)
            s->next = v->next;
    v->guest = g;
    v->next = g->viewers;
    g->viewers = v;
    g->nr_viewers++;
    return NULL;
}

/* Takes the line with which a viewer opens; false if the viewer is gone. */
static bool take_line(struct viewer *v, const char *buf, size_t len)
{
    const char *why = "this is not understood; say: attach <domid>\n";
    unsigned domid;
    size_t n = 0;

    while (n < len && buf[n] != '\n' && v->line_len < sizeof(v->line) - 1)
        v->line[v->line_len++] = buf[n++];
    if (n == len)
        return true;
    v->line[v->line_len] = '\0';
    if (buf[n] == '\n' && sscanf(v->line, "attach %u", &domid) == 1 && domid < 0x7ff0)
        why = attach(v, (uint16_t)domid);
    if (why) {
        send_all(v, why, strlen(why));
        viewer_close(v);
        return false;
    }
    if (!send_all(v, "ok\n", 3)) {
        viewer_close(v);
        return false;
    }
    show_backlog(v);
    /* What a script has sent behind its line is input already. */
    if (n + 1 < len)
        guest_input(v->guest, buf + n + 1, len - n - 1);
    return true;
}

static void viewer_ready(struct loop_source *src, uint32_t events)
{
    struct viewer *v = (struct viewer *)((char *)src - offsetof(struct viewer, src));
    size_t room = v->guest ? guest_input_room(v->guest) : 64;
    char buf[1024];
    ssize_t n;

    /* A viewer that may not type just now is still to be noticed when it goes. */
    if (v->guest && !room && !(events & (EPOLLHUP | EPOLLERR)))
        return;
    n = recv(src->fd, buf, room && room < sizeof(buf) ? room : sizeof(buf), MSG_DONTWAIT);
    if (n > 0 && v->guest)
        guest_input(v->guest, buf, (size_t)n);
    else if (n > 0)
        take_line(v, buf, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        viewer_close(v);
}

static void listener_ready(struct loop_source *src, uint32_t events)
{
    int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct viewer *v;

    (void)events;
    if (fd < 0)
        return;
    v = calloc(1, sizeof(*v));
    if (!v) {
        close(fd);
        return;
    }
    v->src.fd = fd;
    v->src.ready = viewer_ready;
    v->next = consoled.strangers;
    consoled.strangers = v;
    loop_add(&v->src, EPOLLIN);
}

int viewer_listen(const char *run_dir)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old = umask(0177);

    /* The daemon's lock is held: what is left of a socket here is nobody's. */
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/console.sock", run_dir);
    unlink(addr.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 64)) {
        int err = errno;

        umask(old);
        if (fd >= 0)
            close(fd);
        return lodge_fail(&consoled.lodge, err, "%s: %s", addr.sun_path, strerror(err));
    }
    umask(old);
    consoled.listener.fd = fd;
    consoled.listener.ready = listener_ready;
    loop_add(&consoled.listener, EPOLLIN);
    return 0;
}
