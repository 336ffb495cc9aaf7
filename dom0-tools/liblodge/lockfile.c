// SPDX-License-Identifier: GPL-2.0-only
/*
 * lockfile.c: see lockfile.h. The locks belong to open files, not to processes: a second descriptor
 * of the same process is another's.
 */
#include "lockfile.h"
#include "domcfg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void lockfile_dir(struct lodge_session *l, const char *folder, char path[LODGE_PATH])
{
    snprintf(path, LODGE_PATH, "%s/%s", l->run_dir, folder);
}

void lockfile_path(struct lodge_session *l, const char *folder, const uint8_t uuid[16],
                   char path[LODGE_PATH])
{
    char text[37];

    lodge_uuid_format(uuid, text);
    snprintf(path, LODGE_PATH, "%s/%s/%s", l->run_dir, folder, text);
}

int lockfile_open(struct lodge_session *l, const char *folder, const uint8_t uuid[16], int flags)
{
    char path[LODGE_PATH], dir[LODGE_PATH];
    int fd;

    lockfile_path(l, folder, uuid, path);
    fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT && flags & O_CREAT) {
        lockfile_dir(l, folder, dir);
        if ((mkdir(l->run_dir, 0755) && errno != EEXIST) || (mkdir(dir, 0700) && errno != EEXIST))
            return -1;
        fd = open(path, flags | O_CLOEXEC, 0600);
    }
    return fd;
}

bool lockfile_hold(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat st;

    return !fcntl(fd, F_OFD_SETLK, &lock) && !fstat(fd, &st) && st.st_nlink;
}

bool lockfile_held(struct lodge_session *l, const char *folder, const uint8_t uuid[16], bool *there)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = lockfile_open(l, folder, uuid, O_RDONLY);
    bool held;

    *there = fd >= 0;
    if (fd < 0)
        return false;
    held = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
    close(fd);
    return held;
}
