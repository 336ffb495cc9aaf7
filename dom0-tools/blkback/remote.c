// SPDX-License-Identifier: GPL-2.0-only
/*
 * remote.c: images that are not raw, through blkback-nbd.so where it is installed; see
 * remote_nbd.c.
 *
 * It is loaded at the start, because the sandbox has no files.
 */
#include "blkback.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct remote_ops *remote_ops;

/* Beside this program, as in a build tree, or in its ../lib/lodge. */
static void *remote_find(void)
{
    static const char *const place[] = {"", "../lib/lodge/"};
    char self[512], path[600];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    void *module = NULL;

    if (n <= 0)
        return NULL;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (unsigned i = 0; i < 2 && !module; i++) {
        snprintf(path, sizeof(path), "%s/%sblkback-nbd.so", self, place[i]);
        module = access(path, R_OK) ? NULL : dlopen(path, RTLD_NOW);
    }
    return module;
}

void remote_start(void)
{
    void *module = remote_find();

    if (module)
        remote_ops = dlsym(module, "remote_nbd_ops");
}

struct remote *remote_open(int fd, struct blk_attached *found, char *err, size_t errlen)
{
    if (remote_ops)
        return remote_ops->open(fd, found, err, errlen);
    snprintf(err, errlen,
             "images of this format need lib/lodge/blkback-nbd.so and libnbd0: install both, or "
             "convert the image to raw");
    return NULL;
}

void remote_close(struct remote *n)
{
    remote_ops->close(n);
}

void remote_queue(struct remote *n, struct io_op *op)
{
    remote_ops->queue(n, op);
}

unsigned remote_reap(void)
{
    return remote_ops ? remote_ops->reap() : 0;
}
