// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_worker.c: parcels from a worker that its guest has taken over: whatever it sends, no
 * descriptor of it stays with the receiver.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <libworker/worker.h>
#include "check.h"

static int pair[2];

/* `bytes` of `data`, with the write end of a new pipe, whose read end is returned. */
static int send_with_pipe(const void *data, size_t bytes)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {(void *)(uintptr_t)data, bytes};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    int ends[2];

    CHECK(!pipe(ends));
    memcpy(CMSG_DATA(&control.head), &ends[1], sizeof(int));
    CHECK(sendmsg(pair[1], &msg, 0) == (ssize_t)bytes);
    close(ends[1]);
    return ends[0];
}

/* At the end of a pipe that nobody holds. */
static bool is_over(int pipe_end)
{
    char byte;
    ssize_t n;

    alarm(60); /* one that is held makes us wait */
    n = read(pipe_end, &byte, 1);
    alarm(0);
    close(pipe_end);
    return n == 0;
}

int main(void)
{
    static struct worker_parcel parcel;
    struct worker_head head = {.type = WORKER_LOG};
    int pipe_end;

    CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    pipe_end = send_with_pipe(&head, sizeof(head));
    CHECK(worker_receive(pair[0], &parcel) == 1 && parcel.nr_fds == 1);
    worker_drop_fds(&parcel);
    CHECK(is_over(pipe_end));

    head.length = 1; /* which is not there */
    pipe_end = send_with_pipe(&head, sizeof(head));
    CHECK(worker_receive(pair[0], &parcel) == -EPROTO && !parcel.nr_fds);
    CHECK(is_over(pipe_end));

    pipe_end = send_with_pipe(&head, 3);
    CHECK(worker_receive(pair[0], &parcel) == -EPROTO && !parcel.nr_fds);
    CHECK(is_over(pipe_end));

    pipe_end = send_with_pipe(NULL, 0);
    CHECK(worker_receive(pair[0], &parcel) == 0 && !parcel.nr_fds);
    CHECK(is_over(pipe_end));

    close(pair[1]);
    CHECK(worker_receive(pair[0], &parcel) == 0);
    return check_end();
}
