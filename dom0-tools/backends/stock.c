// SPDX-License-Identifier: GPL-2.0-only
/*
 * stock.c: hot-plug for the kernel's xen-blkback: it wants a block device's number in the store,
 * so a file gets a loop device.
 *
 * The loop device is set to go with its last user (the descriptor kept here, and xen-blkback's own
 * hold on it), so that nothing is left if this daemon is killed and its successor does not come.
 */
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOP_TRIES 64 /* others may snatch the free device that the kernel named */

struct stock {
    char path[1024], device[64];
    bool readonly, shared;
    int image; /* a block device, locked; -1: its loop device has the file, and that is locked */
    int loop;  /* -1: none was needed */
};

void stock_modprobe(const char *module, const char *other)
{
    const char *argv[] = {"modprobe", "-a", module, other, NULL};
    int status;
    pid_t pid = fork();

    if (!pid) {
        setpriority(PRIO_PROCESS, 0, 0);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, &status, 0);
}

static void load_modules(void)
{
    if (access("/dev/loop-control", F_OK) || access("/sys/module/xen_blkback", F_OK))
        stock_modprobe("xen-blkback", "loop");
}

/* A free loop device on the file; the descriptor keeps it. */
static int attach_loop(struct device *d, struct stock *s, int image)
{
    struct loop_config config = {.fd = (uint32_t)image,
                                 .info = {.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO |
                                                      (s->readonly ? LO_FLAGS_READ_ONLY : 0)}};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr, err;

    if (control < 0)
        return device_fail(d, errno, "/dev/loop-control: %s; load the kernel module loop",
                           strerror(errno));
    snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%.60s", s->path);
    for (unsigned i = 0; i < LOOP_TRIES; i++) {
        nr = ioctl(control, LOOP_CTL_GET_FREE);
        snprintf(s->device, sizeof(s->device), "/dev/loop%d", nr);
        s->loop = nr < 0 ? -1 : open(s->device, (s->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (s->loop < 0)
            break;
        if (!ioctl(s->loop, LOOP_CONFIGURE, &config)) {
            close(control);
            return 0;
        }
        err = errno;
        close(s->loop);
        s->loop = -1;
        /* A file system without direct I/O. */
        if (err == EINVAL && (config.info.lo_flags & LO_FLAGS_DIRECT_IO))
            config.info.lo_flags &= ~LO_FLAGS_DIRECT_IO;
        errno = err;
        if (err != EBUSY && err != EINVAL)
            break;
    }
    err = errno;
    close(control);
    return device_fail(d, err, "%s: no loop device for it: %s", s->path, strerror(err));
}

static int open_it(struct device *d, struct stock *s, struct stat *st)
{
    int fd = open(s->path, (s->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK), rc = 0;

    if (fd < 0 || fstat(fd, st))
        rc = device_fail(d, errno, "%s cannot be opened%s: %s", s->path,
                         s->readonly ? "" : " for writing", strerror(errno));
    else if (S_ISREG(st->st_mode) && !st->st_size)
        rc = device_fail(d, EINVAL, "%s is empty: an image needs at least one sector", s->path);
    else if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
        rc = device_fail(d, EINVAL, "%s is neither a file nor a block device", s->path);
    else
        rc = claim_take(d, s->path, fd, s->readonly, s->shared, true);
    if (!rc && S_ISREG(st->st_mode))
        rc = attach_loop(d, s, fd);
    if (!rc && S_ISBLK(st->st_mode))
        s->image = fd;
    else if (fd >= 0)
        close(fd);
    if (!rc && s->loop >= 0 && fstat(s->loop, st))
        rc = device_fail(d, errno, "%s: %s", s->device, strerror(errno));
    return rc;
}

/* An earlier daemon may have done it: then its loop device is the one to keep. */
static bool adopt(struct device *d, struct stock *s)
{
    char *device = device_get(d, "physical-device-path"), *status = device_get(d, "hotplug-status");
    bool done = status && !strcmp(status, "connected");

    if (done && device && !strncmp(device, "/dev/loop", 9))
        s->loop = open(device, (s->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    else if (done)
        s->image = open(s->path, (s->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    if (done)
        claim_adopt(d, s->loop >= 0 ? s->loop : s->image, s->readonly, s->shared);
    free(device);
    free(status);
    return done;
}

static int probe(struct device *d)
{
    char *path = device_get(d, "params"), *mode = device_get(d, "mode");
    char *format = device_get(d, "format");
    struct stock *s = d->priv = d->priv ? d->priv : calloc(1, sizeof(*s));
    struct stat st;
    int rc = 0;

    if (!s) {
        rc = device_fail(d, ENOMEM, "there is no memory for it");
    } else {
        s->loop = s->image = -1;
        s->readonly = !mode || mode[0] != 'w';
        s->shared = mode && strchr(mode, '!');
        snprintf(s->path, sizeof(s->path), "%s", path ? path : "");
        if (format && *format && strcmp(format, "raw"))
            rc = device_fail(
                d, EINVAL,
                "the kernel's back-end knows no format %s: leave out backendtype=", format);
        else if (s->path[0] != '/')
            rc = device_fail(d, EINVAL, "its image \"%s\" is not an absolute path", s->path);
    }
    free(path);
    free(mode);
    free(format);
    if (rc || adopt(d, s))
        return rc;
    load_modules();
    rc = open_it(d, s, &st);
    if (rc)
        return rc;
    d->tries = 0;
    device_put(d, "physical-device-path", "%s", s->loop >= 0 ? s->device : s->path);
    device_put(d, "physical-device", "%x:%x", major(st.st_rdev), minor(st.st_rdev));
    device_put(d, "hotplug-status", "connected");
    return 0;
}

/* The kernel's back-end notices a new size by itself, with the next request. */
static void changed(struct device *d)
{
    struct stock *s = d->priv;
    unsigned long long bytes;
    char cut[100] = "";
    const char *result = "ok";
    char *text, word[16] = "";
    struct stat st;
    int words;

    text = device_get(d, "lodge-resize");
    words = text ? sscanf(text, "%llu %15s", &bytes, word) : 0;
    free(text);
    if (words < 1)
        return;
    if (stat(s->path, &st))
        result = strerror(errno);
    else if (bytes && s->readonly)
        result = "the disk is read-only";
    else if (bytes && !S_ISREG(st.st_mode))
        result = "the image is a block device: resize that, and ask again without a size";
    else if (bytes && (off_t)bytes < st.st_size && strcmp(word, "shrink"))
        snprintf(cut, sizeof(cut),
                 "it has %llu MiB, and %llu of them would be cut off: -s does it nevertheless",
                 (unsigned long long)st.st_size >> 20,
                 ((unsigned long long)st.st_size - bytes + (1 << 20) - 1) >> 20);
    else if ((bytes && truncate(s->path, (off_t)bytes)) ||
             (s->loop >= 0 && ioctl(s->loop, LOOP_SET_CAPACITY)))
        result = strerror(errno);
    result = *cut ? cut : result;
    device_put(d, "lodge-resize-result", "%s", result);
    store_remove(backend.store, store_fmt("%s/lodge-resize", d->back));
    device_flush(d);
    device_say(d, "resize: %s", result);
}

static void close_stock(struct device *d)
{
    struct stock *s = d->priv;

    /* Our hold goes; the device itself goes with the kernel's back-end's. */
    if (s && s->loop >= 0)
        close(s->loop);
    if (s && s->image >= 0)
        close(s->image);
    free(s);
    d->priv = NULL;
}

const struct device_type vbd_stock_type = {
    .directory = "vbd",
    .what = "disk",
    .probe = probe,
    .key = "lodge-resize",
    .changed = changed,
    .close = close_stock,
};
