// SPDX-License-Identifier: GPL-2.0-only
/*
 * record.c: the file in memory where a disk's worker notes what is in flight (blkback/inflight.h).
 *
 * It has a name, so that it outlives worker and supervisor alike, and the worker can write to it: a
 * worker that its guest has taken over would otherwise fill the file system that /run is. The limit
 * on the size of its files is no bound, as it has to be as large as an image. So each record has a
 * file system of its own, with room for just this. A file that cannot grow whoever writes to it (a
 * sealed one) has no name.
 */
#include "vbd.h"

#include <errno.h>
#include <fcntl.h>
#include <blkback/inflight.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_PAGE 4096
#define RECORD_ROOM ((INFLIGHT_FILE_SIZE + RECORD_PAGE - 1) / RECORD_PAGE * RECORD_PAGE)

static const char *record_dir(const struct device *d)
{
    return store_fmt("%s/blk/%u-%u", backend.run_dir, d->domid, d->devid);
}

/* One that an earlier daemon has left is as good, with what is in it. */
static bool is_mounted(const char *dir)
{
    struct stat here, above;

    return !stat(dir, &here) && !stat(store_fmt("%s/..", dir), &above) &&
           here.st_dev != above.st_dev;
}

static int open_there(const char *dir)
{
    char options[64];

    snprintf(options, sizeof(options), "size=%zu,nr_inodes=2,mode=0700", (size_t)RECORD_ROOM);
    if ((mkdir(dir, 0700) && errno != EEXIST) ||
        (!is_mounted(dir) && mount("lodge-blkback", dir, "tmpfs",
                                   MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, options)))
        return -1;
    return open(store_fmt("%s/record", dir), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int record_open(struct device *d, struct vbd *v)
{
    const char *dir = record_dir(d);

    if (v->inflight < 0)
        v->inflight = open_there(dir);
    /* What an earlier life of the rings has left counts only for the same rings. */
    if (v->inflight < 0 || (d->rings == DEVICE_RINGS_NEW && ftruncate(v->inflight, 0)) ||
        ftruncate(v->inflight, INFLIGHT_FILE_SIZE))
        return device_fail(d, errno, "%s: %s", dir, strerror(errno));
    return 0;
}

void record_close(const struct device *d, struct vbd *v)
{
    const char *dir = record_dir(d);

    if (v->inflight < 0)
        return;
    unlink(store_fmt("%s/record", dir));
    close(v->inflight);
    v->inflight = -1;
    /* A worker that has yet to let go of it keeps the file alive, and nothing else. */
    umount2(dir, MNT_DETACH);
    rmdir(dir);
}
