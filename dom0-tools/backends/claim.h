/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * claim.h: who uses an image. Two writers, or a writer and readers, would destroy what is in it.
 */
#ifndef LODGE_BACKEND_CLAIM_H
#define LODGE_BACKEND_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct device;
struct claim_rest;

#define CLAIM_LOCK_LENGTH (1LL << 61) /* of an image, from its start, is locked by its users */

/* A file or a whole block device, and the number of the partition of it, or 0. */
struct claim_thing {
    bool is_block;
    dev_t dev; /* the block device, or where the file is */
    ino_t ino; /* 0 for a block device */
    unsigned partition;
};

struct claim {
    bool held;
    bool readonly, shared;   /* what its device does with it */
    struct claim_thing self; /* whichever name it was opened by; of a loop device the file behind */
    /* The devices that it is made of (device-mapper, RAID), on all levels. */
    struct claim_thing *below;
    unsigned nr_below;
    int behind; /* the file behind a loop device, which is locked, too; -1: none */
    bool said;  /* the log says already that it is waited for */
};

/*
 * Looks for others that use the image, and keeps them out from now on. 0; BACKEND_LATER: who has it
 * is about to let go; or what device_fail() answered. `lock`: with a lock on the descriptor, which
 * lasts as long as the open file does.
 */
int claim_take(struct device *d, const char *path, int fd, bool readonly, bool shared, bool lock);
/* Of a device that an earlier daemon has made: it has locked the image itself. */
void claim_adopt(struct device *d, int fd, bool readonly, bool shared);
/* Other devices may have it, once the descriptor is closed. */
void claim_release(struct device *d);
/*
 * The same, where some other process still has the image: others may have it once claim_end() was
 * called with what this returns, which can be NULL.
 */
struct claim_rest *claim_outlive(struct device *d);
void claim_end(struct claim_rest *rest);

#endif
