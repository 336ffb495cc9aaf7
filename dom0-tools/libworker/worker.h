/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker.h: what lodge-backends and its workers say to each other.
 *
 * A worker serves the devices of one kind of one guest. It has no connection to xenstore and opens
 * no file: all it gets comes over one SOCK_SEQPACKET socket (descriptor WORKER_SOCKET of the
 * worker), one parcel per message: a head, a body whose layout depends on head.type, and file
 * descriptors. The socket's end is the worker's order to finish what is under way and to leave.
 *
 * The supervisor trusts no parcel from a worker: a worker works on a guest's input and may have
 * been taken over. A parcel that makes no sense ends the worker.
 *
 * Who holds which descriptor: the supervisor opens images, taps and the record of what is in
 * flight, sends copies with WORKER_ATTACH, and keeps its own at least as long as the rings are
 * served. A worker's copies go with the worker. So what they stand for outlives a worker that dies,
 * and its successor gets the same open files: with the locks on the image, the queues of the tap
 * and the record as they are. Only a connection to an image's server is made anew for each worker.
 * What a worker has opened itself and its successor needs (an io_uring, a journal), it sends with
 * WORKER_KEEP_IT. The supervisor keeps one such descriptor for each worker, the newest, and passes
 * it on with WORKER_START. It is never read or written there.
 */
#ifndef LODGE_BACKEND_WORKER_H
#define LODGE_BACKEND_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKER_SOCKET   3    /* the worker's end */
#define WORKER_MAX_BODY 4096 /* bytes behind the head */
#define WORKER_MAX_FDS  24   /* descriptors with one parcel */
#define WORKER_KEEP     256  /* bytes that can be left to a successor */

enum worker_type {
    /* To the worker. */
    WORKER_START = 1, /* first of all: struct worker_start; descriptor: what was kept, if any */
    WORKER_ATTACH,    /* serve this device: a body of the device type's own, with descriptors */
    WORKER_DETACH,    /* finish the device's requests, let go of it, answer WORKER_CLOSED */
    WORKER_CHANGE,    /* something about the device is new: a body of the device type's own */
    /* From the worker. */
    WORKER_ATTACHED, /* the device works; a body of the device type's own, or none */
    WORKER_FAILED,   /* it could not be attached or stopped working: a sentence as body */
    WORKER_CLOSED,   /* the answer to WORKER_DETACH */
    WORKER_CHANGED,  /* the answer to WORKER_CHANGE: status, and a sentence if that is not 0 */
    WORKER_LOG,      /* a line for the log, without time, guest or newline */
    WORKER_KEEP_IT,  /* keep the descriptor and up to WORKER_KEEP bytes for my successor */
};

struct worker_head {
    uint32_t type;   /* enum worker_type */
    uint32_t device; /* its number; 0 where the message is not about one */
    int32_t status;  /* 0 or a negative errno */
    uint32_t length; /* of the body */
};

/* The body of WORKER_START. */
struct worker_start {
    uint16_t domid;
    uint16_t pad;
    uint32_t kept; /* length of what the predecessor left; 0: nothing was left */
    uint8_t keep[WORKER_KEEP];
};

/*
 * A message. Descriptors in fds[] that come with a received one belong to the receiver, which
 * closes them or keeps them; worker_receive() has closed those of a parcel that it refuses.
 */
struct worker_parcel {
    struct worker_head head;
    uint8_t body[WORKER_MAX_BODY + 1]; /* a received one is terminated, for sentences */
    int fds[WORKER_MAX_FDS];
    unsigned nr_fds;
};

/*
 * 0 or a negative errno; -EAGAIN only on a socket that does not block. Descriptors stay the
 * sender's.
 */
int worker_send(int sock, const struct worker_parcel *parcel);
/* 1, 0 at the socket's end, or a negative errno (-EPROTO: the parcel makes no sense). */
int worker_receive(int sock, struct worker_parcel *parcel);
/* Closes the descriptors of a parcel. */
void worker_drop_fds(struct worker_parcel *parcel);

#endif
