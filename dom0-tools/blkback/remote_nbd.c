// SPDX-License-Identifier: GPL-2.0-only
/*
 * remote_nbd.c: images that a server knows how to read (qcow2 and others), through libnbd. A module
 * of its own, blkback-nbd.so: the library and all that it needs are loaded where it is installed,
 * and raw images do without.
 *
 * When the connection breaks, this process ends: what was under way is in the in-flight record, and
 * the supervisor starts a successor with a new connection. That is the same road as after a crash,
 * so there is only one.
 */
#include "blkback.h"

#include <errno.h>
#include <libnbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct remote {
    struct loop_source source; /* must be first */
    struct remote *next;
    struct nbd_handle *h;
    uint32_t events; /* that epoll waits for */
};

static struct remote *remote_list;
static struct io_op *remote_done; /* since remote_reap() */

static void remote_lost(const char *why)
{
    runtime_log(0, "the connection to the image's server is lost: %s; the worker ends", why);
    _exit(1);
}

/* What the library waits for now, to epoll. */
static void remote_wait(struct remote *n)
{
    unsigned direction = nbd_aio_get_direction(n->h);
    uint32_t events = (direction & LIBNBD_AIO_DIRECTION_READ ? EPOLLIN : 0U) |
                      (direction & LIBNBD_AIO_DIRECTION_WRITE ? EPOLLOUT : 0U);

    if (nbd_aio_is_dead(n->h) == 1 || nbd_aio_is_closed(n->h) == 1)
        remote_lost(nbd_get_error() ? nbd_get_error() : "it closed");
    if (events == n->events)
        return;
    n->events = events;
    loop_change(&n->source, events);
}

static void remote_ready(struct loop_source *src, uint32_t events)
{
    struct remote *n = (struct remote *)src;

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        nbd_aio_notify_read(n->h);
    if ((events & EPOLLOUT) && (nbd_aio_get_direction(n->h) & LIBNBD_AIO_DIRECTION_WRITE))
        nbd_aio_notify_write(n->h);
    remote_wait(n);
}

/* Called with the library's lock held: it must not call the library itself. */
static int remote_completed(void *arg, int *error)
{
    struct io_op *op = arg;
    int64_t moved = op->kind == IO_READ || op->kind == IO_WRITE ? (int64_t)op->iov->iov_len : 0;

    /* The connection's end fails them all, and must not be answered as the image's failure. */
    if (*error == ENOTCONN || *error == EPIPE || *error == ESHUTDOWN)
        return 1;
    op->result = *error ? -*error : moved;
    op->next = remote_done;
    remote_done = op;
    return 1; /* the library forgets the command */
}

static void nbd_disk_queue(struct remote *n, struct io_op *op)
{
    nbd_completion_callback done = {.callback = remote_completed, .user_data = op};
    int64_t rc = -1;

    switch (op->kind) {
    case IO_READ:
        rc = nbd_aio_pread(n->h, op->iov->iov_base, op->iov->iov_len, op->offset, done, 0);
        break;
    case IO_WRITE:
        rc = nbd_aio_pwrite(n->h, op->iov->iov_base, op->iov->iov_len, op->offset, done, 0);
        break;
    case IO_FLUSH:
        rc = nbd_aio_flush(n->h, done, 0);
        break;
    case IO_DISCARD:
        rc = nbd_aio_trim(n->h, op->length, op->offset, done, 0);
        break;
    }
    if (rc < 0 && nbd_aio_is_ready(n->h) != 1 && nbd_aio_is_processing(n->h) != 1)
        remote_lost(nbd_get_error());
    if (rc < 0) {
        op->result = -(nbd_get_errno() ? nbd_get_errno() : EIO);
        op->next = remote_done;
        remote_done = op;
        return;
    }
    remote_wait(n);
}

static unsigned nbd_disk_reap(void)
{
    struct io_op *list = remote_done, *next;
    unsigned nr = 0;

    remote_done = NULL;
    for (; list; list = next) {
        next = list->next;
        list->done(list, list->result);
        nr++;
    }
    return nr;
}

static void nbd_disk_close(struct remote *n)
{
    struct remote **at = &remote_list;

    while (*at && *at != n)
        at = &(*at)->next;
    if (*at) {
        *at = n->next;
        loop_remove(&n->source);
    }
    if (n->h)
        nbd_close(n->h);
    free(n);
}

static struct remote *nbd_disk_open(int fd, struct blk_attached *found, char *err, size_t errlen)
{
    struct remote *n = calloc(1, sizeof(*n));
    int64_t size, block;

    if (!n)
        return NULL;
    n->h = nbd_create();
    if (!n->h || nbd_connect_socket(n->h, fd) || (size = nbd_get_size(n->h)) < 0) {
        snprintf(err, errlen, "the image's server does not serve it: %s", nbd_get_error());
        nbd_disk_close(n);
        return NULL;
    }
    block = nbd_get_block_size(n->h, LIBNBD_SIZE_MINIMUM);
    found->sector_size = block > 512 && block <= 4096 ? 4096 : 512;
    found->sectors = (uint64_t)size / found->sector_size * (found->sector_size / BLK_SECTOR);
    found->flags = (nbd_can_trim(n->h) == 1 ? BLK_DISCARD : 0) |
                   (nbd_is_read_only(n->h) == 1 ? BLK_READONLY : 0);
    n->source.ready = remote_ready;
    n->source.fd = nbd_aio_get_fd(n->h);
    n->events = EPOLLIN;
    loop_add(&n->source, n->events);
    n->next = remote_list;
    remote_list = n;
    remote_wait(n);
    return n;
}

const struct remote_ops remote_nbd_ops = {
    .open = nbd_disk_open, .close = nbd_disk_close, .queue = nbd_disk_queue, .reap = nbd_disk_reap};
