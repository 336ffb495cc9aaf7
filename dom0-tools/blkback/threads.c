// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.c: I/O by a few threads with ordinary system calls, where the kernel has no io_uring or
 * its administrator does not allow it; and discards in any case.
 */
#include "blkback.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef FALLOC_FL_NO_HIDE_STALE
#define FALLOC_FL_NO_HIDE_STALE 0x04
#endif

/* The lock guards both lists. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct io_op *todo, **todo_last;
    struct io_op *done;
    struct loop_source source;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

int64_t threads_perform(const struct io_op *op)
{
    int fd = op->disk->fd;
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    int64_t rc = 0;

    /* A block device forgets the sectors; without the third flag it would write zeros. */
    if (op->disk->flags & BLK_DEVICE)
        mode |= FALLOC_FL_NO_HIDE_STALE;
    switch (op->kind) {
    case IO_READ:
        rc = preadv(fd, op->iov, (int)op->niov, (off_t)op->offset);
        break;
    case IO_WRITE:
        rc = pwritev(fd, op->iov, (int)op->niov, (off_t)op->offset);
        break;
    case IO_FLUSH:
        rc = fdatasync(fd);
        break;
    case IO_DISCARD:
        rc = fallocate(fd, mode, (off_t)op->offset, (off_t)op->length);
        break;
    }
    return rc < 0 ? -errno : rc;
}

static void *work(void *arg)
{
    uint64_t one = 1;

    (void)arg;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        struct io_op *op = pool.todo;

        if (!op) {
            pthread_cond_wait(&pool.work, &pool.lock);
            continue;
        }
        pool.todo = op->next;
        if (!pool.todo)
            pool.todo_last = &pool.todo;
        pthread_mutex_unlock(&pool.lock);
        op->result = threads_perform(op);
        pthread_mutex_lock(&pool.lock);
        op->next = pool.done;
        __atomic_store_n(&pool.done, op, __ATOMIC_RELAXED);
        /* It is read in one go, whatever its value. */
        if (write(pool.source.fd, &one, sizeof(one)) != sizeof(one))
            continue;
    }
    return NULL;
}

static void wake(struct loop_source *src, uint32_t events)
{
    uint64_t count;

    (void)events;
    if (read(src->fd, &count, sizeof(count)) != sizeof(count))
        return; /* somebody was faster */
}

bool threads_start(unsigned nr)
{
    pthread_t thread;

    pool.todo_last = &pool.todo;
    pool.source.ready = wake;
    pool.source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool.source.fd < 0 || !loop_add(&pool.source, EPOLLIN))
        return false;
    for (unsigned i = 0; i < nr; i++)
        if (pthread_create(&thread, NULL, work, NULL) || pthread_detach(thread))
            return i > 0;
    return true;
}

void threads_queue(struct io_op *op)
{
    op->next = NULL;
    pthread_mutex_lock(&pool.lock);
    *pool.todo_last = op;
    pool.todo_last = &op->next;
    pthread_cond_signal(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

unsigned threads_reap(void)
{
    struct io_op *list, *next;
    unsigned nr = 0;

    /* Asked in each round, mostly in vain. What comes just after it wakes the loop, too. */
    if (!__atomic_load_n(&pool.done, __ATOMIC_RELAXED))
        return 0;
    pthread_mutex_lock(&pool.lock);
    list = pool.done;
    __atomic_store_n(&pool.done, NULL, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&pool.lock);
    for (; list; list = next) {
        next = list->next;
        list->done(list, list->result);
        nr++;
    }
    return nr;
}
