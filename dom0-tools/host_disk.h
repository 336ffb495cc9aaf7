// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this host itself does with a block device. Its file systems, swap, volume groups and RAID
 * hold their devices exclusively, which the kernel grants to one holder at a time. Whoever serves
 * guests does not hold them so: a guest's former life is no obstacle to its next one.
 */
#ifndef LODGE_HOST_DISK_H
#define LODGE_HOST_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#define HOST_DISK_USED                                                                            \
    "this host uses it itself: a file system of it is mounted, or it is part of a volume group, " \
    "RAID or swap; take it out there first"

static inline bool host_disk_used(const char *path)
{
    int fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    bool used = fd < 0 && errno == EBUSY;

    if (fd >= 0)
        close(fd);
    return used;
}

#endif
