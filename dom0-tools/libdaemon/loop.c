// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c: epoll, a batch at a time, and signals as one of its sources.
 *
 * A handler may remove and free any source, its own included, while the batch is worked off:
 * loop_remove() takes the source's events out of the batch, so no handler is called for memory that
 * is gone. A source is known by its address, and so must not move while it is added. epoll is
 * level-triggered here: what a handler has not read, and what is left of the batch when loop_quit
 * is set, is told again. Signals are blocked and arrive through a signalfd, so a handler is never
 * interrupted by one.
 */
#include "libdaemon.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 16

bool loop_quit;

static int epoll = -1;

/* What epoll said in this turn. loop_remove() takes a source's events out of it. */
static struct epoll_event batch[BATCH];
static int batch_nr;

int loop_open(void)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : 0;
}

bool loop_add(struct loop_source *src, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = src};

    return !epoll_ctl(epoll, EPOLL_CTL_ADD, src->fd, &ev);
}

void loop_change(struct loop_source *src, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = src};

    epoll_ctl(epoll, EPOLL_CTL_MOD, src->fd, &ev);
}

void loop_remove(struct loop_source *src)
{
    epoll_ctl(epoll, EPOLL_CTL_DEL, src->fd, NULL);
    for (int i = 0; i < batch_nr; i++)
        if (batch[i].data.ptr == src)
            batch[i].data.ptr = NULL;
}

void loop_close(struct loop_source *src)
{
    if (src->fd < 0)
        return;
    loop_remove(src);
    close(src->fd);
    src->fd = -1;
}

bool loop_turn(int timeout_ms)
{
    bool any;

    batch_nr = epoll_wait(epoll, batch, BATCH, timeout_ms);
    any = batch_nr > 0;
    for (int i = 0; i < batch_nr && !loop_quit; i++) {
        struct loop_source *src = batch[i].data.ptr;

        if (src)
            src->ready(src, batch[i].events);
    }
    batch_nr = 0;
    return any;
}

/* --- signals --------------------------------------------------------------------------------- */

static void (*child_ended)(void);

static void signal_ready(struct loop_source *src, uint32_t events)
{
    struct signalfd_siginfo info;

    (void)events;
    while (read(src->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo == SIGCHLD)
            child_ended();
        else
            loop_quit = true;
}

int loop_signals(void (*on_child)(void))
{
    static struct loop_source source = {.ready = signal_ready};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (on_child)
        sigaddset(&set, SIGCHLD);
    child_ended = on_child;
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    source.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return source.fd >= 0 && loop_add(&source, EPOLLIN) ? 0 : -errno;
}
