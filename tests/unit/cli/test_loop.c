// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_loop.c: the daemons' loop: what a handler removes is not served any more, not even in the
 * same turn, and signals are events like others.
 */
#include <libdaemon/libdaemon.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define SOURCES 8

static struct loop_source *sources[SOURCES];
static unsigned served, children;

static bool is_ready(struct loop_source *src)
{
    eventfd_t count;

    return !eventfd_read(src->fd, &count);
}

/* Whichever is served first frees all the others, and then itself. */
static void free_all(struct loop_source *src, uint32_t events)
{
    served++;
    CHECK(events == EPOLLIN && is_ready(src));
    for (int i = 0; i < SOURCES; i++) {
        loop_close(sources[i]);
        CHECK(sources[i]->fd == -1);
        loop_close(sources[i]); /* once more does no harm */
        free(sources[i]);
    }
}

static void count(struct loop_source *src, uint32_t events)
{
    (void)events;
    served++;
    CHECK(is_ready(src));
}

static void stop(struct loop_source *src, uint32_t events)
{
    count(src, events);
    loop_quit = true;
}

static void child_ended(void)
{
    int status;

    while (waitpid(-1, &status, WNOHANG) > 0)
        children++;
}

static void fill(void (*ready)(struct loop_source *src, uint32_t events))
{
    served = 0;
    for (int i = 0; i < SOURCES; i++) {
        sources[i] = calloc(1, sizeof(*sources[i]));
        if (!sources[i])
            abort();
        sources[i]->ready = ready;
        sources[i]->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        CHECK(loop_add(sources[i], EPOLLIN));
    }
}

static void empty(void)
{
    for (int i = 0; i < SOURCES; i++) {
        loop_close(sources[i]);
        free(sources[i]);
    }
}

static void test_sources(void)
{
    fill(free_all);
    CHECK(loop_turn(-1) && served == 1);
    CHECK(!loop_turn(0) && served == 1);

    fill(count);
    loop_change(sources[0], 0);
    loop_remove(sources[1]);
    CHECK(sources[1]->fd >= 0 && is_ready(sources[1]));
    CHECK(loop_turn(-1) && served == SOURCES - 2);
    loop_change(sources[0], EPOLLIN);
    CHECK(loop_turn(-1) && served == SOURCES - 1);
    CHECK(!loop_turn(0));
    empty();

    fill(stop);
    CHECK(loop_turn(-1) && served == 1 && loop_quit);
    loop_quit = false;
    while (served < SOURCES) {
        CHECK(loop_turn(-1) && loop_quit);
        loop_quit = false;
    }
    empty();
}

static void test_signals(void)
{
    pid_t pid;

    CHECK(!loop_signals(child_ended));
    pid = fork();
    if (!pid)
        _exit(0);
    CHECK(pid > 0);
    while (!children)
        CHECK(loop_turn(-1) && !loop_quit);
    CHECK(children == 1);
    kill(getpid(), SIGTERM);
    CHECK(!loop_quit);
    CHECK(loop_turn(-1) && loop_quit);
    loop_quit = false;
    kill(getpid(), SIGPIPE); /* nothing */
    CHECK(!loop_turn(0) && !loop_quit);
}

int main(void)
{
    CHECK(!loop_open());
    test_sources();
    test_signals();
    return check_end();
}
