// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker.c: parcels between the supervisor and a worker, on either end of the socket.
 */
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union worker_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(WORKER_MAX_FDS * sizeof(int))];
};

int worker_send(int sock, const struct worker_parcel *parcel)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)&parcel->head, sizeof(parcel->head)},
                           {(void *)(uintptr_t)parcel->body, parcel->head.length}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    union worker_control control;
    ssize_t n;

    if (parcel->head.length > WORKER_MAX_BODY || parcel->nr_fds > WORKER_MAX_FDS)
        return -EMSGSIZE;
    if (parcel->nr_fds) {
        struct cmsghdr *c = &control.align;

        memset(&control, 0, sizeof(control));
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(parcel->nr_fds * sizeof(int));
        memcpy(CMSG_DATA(c), parcel->fds, parcel->nr_fds * sizeof(int));
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(parcel->nr_fds * sizeof(int));
    }
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* Descriptors arrive even with a message that is refused: take them first, to close them. */
static void take_fds(struct msghdr *msg, struct worker_parcel *parcel)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < nr && parcel->nr_fds < WORKER_MAX_FDS; i++)
            memcpy(&parcel->fds[parcel->nr_fds++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
}

int worker_receive(int sock, struct worker_parcel *parcel)
{
    struct iovec iov[2] = {{&parcel->head, sizeof(parcel->head)}, {parcel->body, WORKER_MAX_BODY}};
    union worker_control control;
    struct msghdr msg = {.msg_iov = iov,
                         .msg_iovlen = 2,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    ssize_t n;

    parcel->nr_fds = 0;
    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ECONNRESET ? 0 : -errno;
    take_fds(&msg, parcel);
    /* The end; or a message of no bytes, which can bring descriptors all the same. */
    if (n == 0) {
        worker_drop_fds(parcel);
        return 0;
    }
    if ((size_t)n < sizeof(parcel->head) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
        parcel->head.length != (size_t)n - sizeof(parcel->head)) {
        worker_drop_fds(parcel);
        return -EPROTO;
    }
    parcel->body[parcel->head.length] = '\0';
    return 1;
}

void worker_drop_fds(struct worker_parcel *parcel)
{
    while (parcel->nr_fds)
        close(parcel->fds[--parcel->nr_fds]);
}
