/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbd.h: the parts of our own block devices in the supervisor: vbd.c opens images and offers
 * features, vbd_size.c resizes, nbd.c has the helpers that know other formats than raw, record.c
 * what a worker leaves to its successor.
 */
#ifndef LODGE_BACKEND_VBD_H
#define LODGE_BACKEND_VBD_H

#include <blkback/attach.h>
#include "backend.h"

#define VBD_MAX_BACKING 15

struct vbd {
    char path[1024];
    char format[32];
    char *backing[VBD_MAX_BACKING + 1]; /* what may be behind it; ends with NULL */
    int fd;                             /* the image, or the connection to the helper */
    int inflight;                       /* the record; -1: not connected */
    bool readonly, shared, cdrom, removable, discard, persistent;
    bool direct, is_device, in_memory;
    int64_t late_since; /* it waits for I/O of a former life; 0: it does not */
    uint32_t sector_size;
    uint64_t sectors; /* of 512 bytes, as the front-end knows them */
    struct {
        uint64_t sectors; /* asked for, and told to the worker; 0: no resize is under way */
        uint64_t shrink;  /* bytes to cut the file to, once the worker knows; 0: nothing to cut */
    } resize;
    struct {
        bool on;
        int listener; /* where the helper accepts connections */
        int reason;   /* where it says why it could not serve; -1: nowhere */
        int pid;      /* 0: it does not run */
        int64_t started;
        int64_t busy_until; /* an earlier server may have the image locked; 0: not known yet */
        int64_t asked;      /* since when its greeting is waited for; 0: it is not */
    } nbd;
};

/* --- vbd.c --- */

/* Reads the size of the image, which is open. */
int vbd_measure(struct device *d, struct vbd *v);

/* --- vbd_size.c --- */

/* The node lodge-resize was written. */
void vbd_resize(struct device *d, struct vbd *v);
/* The worker knows the new size. */
void vbd_resized(struct device *d, struct vbd *v, int status);

/* --- record.c --- */

/* The record of what is in flight, as v->inflight: that of the same rings, or an empty one. */
int record_open(struct device *d, struct vbd *v);
/* The rings are gone, and with them what was in flight. */
void record_close(const struct device *d, struct vbd *v);

/* --- nbd.c --- */

/* Starts the helper. 0, or a negative errno. */
int nbd_start(struct device *d, struct vbd *v);
/* A new connection to it, as v->fd. */
int nbd_connection(struct device *d, struct vbd *v);
/* Its claim on the image ends with the helper. */
void nbd_stop(struct device *d, struct vbd *v);

#endif
