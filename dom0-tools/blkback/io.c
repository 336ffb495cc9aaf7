// SPDX-License-Identifier: GPL-2.0-only
/*
 * io.c: asynchronous I/O through io_uring; without one, through the threads of threads.c.
 *
 * An image in memory is read and written at once, by ordinary system calls: io_uring would give
 * such a file's I/O to a thread of its own, and waking that costs more than the I/O does.
 *
 * The ring's descriptor is left with the supervisor: if this process is killed, the kernel still
 * carries on what it was given, and a write that is late could overwrite a newer one. So the
 * successor waits, before it does anything, until the old ring has nothing under way: every entry
 * that the kernel took makes one completion, so it is idle when both counts are equal.
 *
 * If the supervisor is killed in the same moment, the ring's descriptor is lost with it. Then the
 * next supervisor waits, before it starts a worker at all: each request holds the image's open
 * file, and with it a lock that the supervisor has put on that (see vbd.c). It cannot where the
 * file system knows no locks (NFS mounted with nolock, for instance): there, and only if both die
 * at once, a write of the old worker that a slow device still holds can land after one that the
 * guest made later to the same sectors.
 *
 * What the ring may be asked to do is restricted before the sandbox closes: system calls made
 * through it are not seen by the list of allowed ones. Discards go to a thread, by a system call
 * whose arguments that list checks: the ring's would let an image take room beyond its end.
 */
#include "blkback.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define IO_ENTRIES     256U
#define IO_COMPLETIONS 4096U /* what does not fit the kernel keeps until there is room */
#define IO_DRAIN_MS    120000
#define IO_THREADS     8 /* where there is no io_uring */
#define IO_DISCARDERS  1

/* What the successor needs to look at the ring. */
struct io_keepsake {
    uint32_t size; /* of the mapping */
    uint32_t taken, completed;
    uint32_t pad;
};

static struct {
    struct io_uring ring;
    bool on;
    unsigned queued;       /* not submitted yet */
    struct io_op *at_once; /* done, to be reaped */
    struct loop_source source;
} io;

/* --- the predecessor's ring ------------------------------------------------------------------- */

static uint32_t io_look(const uint8_t *ring, uint32_t offset)
{
    return __atomic_load_n((const uint32_t *)(ring + offset), __ATOMIC_ACQUIRE);
}

static void io_drain_old(void)
{
    struct timespec pause = {.tv_nsec = 2000000};
    struct io_keepsake keep;
    const uint8_t *ring;
    unsigned waited = 0;

    if (runtime.kept < 0 || runtime.start.kept != sizeof(keep))
        return;
    memcpy(&keep, runtime.start.keep, sizeof(keep));
    if (keep.size < 4096 || keep.size > 16 << 20 || keep.taken > keep.size - 4 ||
        keep.completed > keep.size - 4 || ((keep.taken | keep.completed) & 3))
        return;
    ring = mmap(NULL, keep.size, PROT_READ, MAP_SHARED, runtime.kept, IORING_OFF_SQ_RING);
    if (ring == MAP_FAILED)
        return;
    while (io_look(ring, keep.taken) != io_look(ring, keep.completed) && waited < IO_DRAIN_MS) {
        nanosleep(&pause, NULL);
        waited += 2;
    }
    if (waited >= IO_DRAIN_MS)
        runtime_log(0, "I/O of the worker before this one is still under way after %u s; going on",
                    IO_DRAIN_MS / 1000);
    else if (waited)
        runtime_log(0, "waited %u ms for I/O of the worker before this one", waited);
    munmap((void *)(uintptr_t)ring, keep.size);
}

static void io_leave_keepsake(void)
{
    struct io_keepsake keep = {
        .size = (uint32_t)io.ring.sq.ring_sz,
        .taken = (uint32_t)((uint8_t *)io.ring.sq.khead - (uint8_t *)io.ring.sq.ring_ptr),
        .completed = (uint32_t)((uint8_t *)io.ring.cq.ktail - (uint8_t *)io.ring.sq.ring_ptr)};
    struct worker_parcel parcel = {.head = {.type = WORKER_KEEP_IT, .length = sizeof(keep)},
                                   .fds = {io.ring.ring_fd},
                                   .nr_fds = 1};

    memcpy(parcel.body, &keep, sizeof(keep));
    runtime_send(&parcel);
}

/* --- starting --------------------------------------------------------------------------------- */

static int io_restrict(void)
{
    static const uint8_t allowed[] = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_READ,
                                      IORING_OP_WRITE, IORING_OP_FSYNC};
    struct io_uring_restriction list[sizeof(allowed)] = {0};
    int rc;

    for (unsigned i = 0; i < sizeof(allowed); i++) {
        list[i].opcode = IORING_RESTRICTION_SQE_OP;
        list[i].sqe_op = allowed[i];
    }
    rc = io_uring_register_restrictions(&io.ring, list, sizeof(allowed));
    return rc ? rc : io_uring_enable_rings(&io.ring);
}

static void io_ready(struct loop_source *src, uint32_t events)
{
    /* The main loop reaps; it has been woken, and that is all. */
    (void)src;
    (void)events;
}

const char *io_start(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED |
                                              IORING_SETUP_CLAMP | IORING_SETUP_COOP_TASKRUN,
                                     .cq_entries = IO_COMPLETIONS};
    int rc = -ENOSYS;

    io_drain_old();
    if (runtime.kept >= 0)
        close(runtime.kept);
    if (!getenv("LODGE_NO_IO_URING"))
        rc = io_uring_queue_init_params(IO_ENTRIES, &io.ring, &params);
    if (!rc) {
        rc = io_restrict();
        io.on = !rc;
        if (rc)
            io_uring_queue_exit(&io.ring);
    }
    if (!threads_start(io.on ? IO_DISCARDERS : IO_THREADS))
        return NULL;
    if (!io.on)
        return "threads";
    io.source.ready = io_ready;
    io.source.fd = io.ring.ring_fd;
    loop_add(&io.source, EPOLLIN);
    if (params.features & IORING_FEAT_SINGLE_MMAP)
        io_leave_keepsake();
    return "io_uring";
}

/* --- operations ------------------------------------------------------------------------------- */

static void io_fill_in(struct io_uring_sqe *sqe, struct io_op *op)
{
    int fd = op->disk->fd;

    switch (op->kind) {
    case IO_READ:
        if (op->niov == 1)
            io_uring_prep_read(sqe, fd, op->iov->iov_base, (unsigned)op->iov->iov_len, op->offset);
        else
            io_uring_prep_readv(sqe, fd, op->iov, op->niov, op->offset);
        break;
    case IO_WRITE:
        if (op->niov == 1)
            io_uring_prep_write(sqe, fd, op->iov->iov_base, (unsigned)op->iov->iov_len, op->offset);
        else
            io_uring_prep_writev(sqe, fd, op->iov, op->niov, op->offset);
        break;
    case IO_FLUSH:
        io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
        break;
    case IO_DISCARD: /* a thread's */
        break;
    }
    io_uring_sqe_set_data(sqe, op);
}

void io_queue(struct io_op *op)
{
    struct io_uring_sqe *sqe;

    if (op->disk->remote) {
        remote_queue(op->disk->remote, op);
        return;
    }
    if (op->disk->flags & BLK_MEMORY) {
        op->result = threads_perform(op);
        op->next = io.at_once;
        io.at_once = op;
        return;
    }
    if (!io.on || op->kind == IO_DISCARD) {
        threads_queue(op);
        return;
    }
    while (!(sqe = io_uring_get_sqe(&io.ring)))
        io_submit();
    io_fill_in(sqe, op);
    io.queued++;
}

void io_submit(void)
{
    int rc;

    while (io.on && io.queued) {
        rc = io_uring_submit(&io.ring);
        if (rc >= 0) {
            io.queued -= (unsigned)rc < io.queued ? (unsigned)rc : io.queued;
        } else if (rc != -EINTR && rc != -EAGAIN && rc != -EBUSY) {
            /* Nothing can be done without it; the successor starts afresh. */
            runtime_log(0, "io_uring: %s; the worker ends", strerror(-rc));
            _exit(1);
        }
    }
}

unsigned io_reap(void)
{
    struct io_op *list = io.at_once, *next;
    struct io_uring_cqe *cqe;
    unsigned nr = 0;

    io.at_once = NULL;
    for (; list; list = next) {
        next = list->next;
        list->done(list, list->result);
        nr++;
    }
    while (io.on && !io_uring_peek_cqe(&io.ring, &cqe)) {
        struct io_op *op = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&io.ring, cqe);
        op->done(op, result);
        nr++;
    }
    return nr + threads_reap() + remote_reap();
}
