// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: lodge-blkback, the worker that serves one guest's disks; lodge-backends starts it.
 *
 * The loop sleeps in epoll. Awake, it goes round as long as there is something to do: take and
 * begin, submit, collect what is complete, answer; then it asks the front-ends for an event with
 * the next request, looks once more, and only then lets the event channels fire again.
 */
#include "blkback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define MAIN_ROUNDS 32 /* without a look at the supervisor's messages */

static bool main_leaving;

static void kicked(struct loop_source *src, uint32_t events)
{
    uint32_t ports[64];
    unsigned nr = runtime_fired(ports, 64);

    (void)src;
    (void)events;
    for (unsigned i = 0; i < nr; i++)
        for (struct disk *disk = disk_first(); disk; disk = disk->next)
            for (unsigned q = 0; q < disk->nr_queues; q++)
                if (disk->queue[q].port == ports[i])
                    disk->queue[q].kicked = disk->queue[q].masked = true;
}

/* One round; whether it did anything. */
static bool go_round(void)
{
    unsigned nr = 0;

    for (struct disk *disk = disk_first(); disk; disk = disk->next)
        nr += pass_run(disk);
    io_submit();
    nr += io_reap();
    nr += finish_run();
    disk_reap();
    return nr != 0;
}

/* Before sleeping. True: there is work after all. */
static bool settle(void)
{
    bool more = false;

    for (struct disk *disk = disk_first(); disk; disk = disk->next)
        for (unsigned i = 0; i < disk->nr_queues; i++) {
            struct queue *q = &disk->queue[i];

            if (!q->kicked || disk->closing || disk->waiting.first)
                continue; /* asked for events when what waits has begun */
            if (queue_listen(q))
                continue;
            if (q->ring.broken)
                disk_fail(disk, "the guest's front-end wrote a ring index that cannot be true");
            more = true;
        }
    return more;
}

static void quit(void)
{
    /* Nobody is there to be told; what is under way is finished and answered. */
    main_leaving = true;
}

static void loop(void)
{
    while (!loop_quit) {
        bool busy = true;

        for (unsigned i = 0; i < MAIN_ROUNDS && busy; i++)
            busy = go_round() || settle();
        if (main_leaving && disk_stop_all())
            return;
        loop_turn(busy ? 0 : -1);
    }
}

int main(void)
{
    static const struct runtime_ops ops = {
        .attach = disk_attach, .detach = disk_detach, .change = disk_change, .quit = quit};
    static struct loop_source events = {.ready = kicked};
    const char *way;

    if (runtime_start(&ops))
        return 1;
    events.fd = runtime.evtchn;
    remote_start();
    way = io_start();
    if (!way || !buffer_start() || !pass_start() || !finish_start() ||
        !loop_add(&events, EPOLLIN)) {
        fprintf(stderr, "lodge-blkback: there is no memory to start with\n");
        return 1;
    }
    if (runtime_sandbox(RUNTIME_UID_BLOCK))
        return 1;
    runtime_log(0, "serves domain %u, I/O through %s", runtime.domid, way);
    loop();
    return 0;
}
