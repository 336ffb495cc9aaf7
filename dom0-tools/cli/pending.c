// SPDX-License-Identifier: GPL-2.0-only
/*
 * pending.c: guests that are being made right now, so that a killed maker leaves nothing behind.
 *
 * The maker holds a locked file named after the guest's uuid below the run directory, and unlinks
 * it when the guest is whole. If the maker is killed the kernel closes the file: the monitor, which
 * watches the directory, finds a file that nobody holds and destroys what was made so far.
 */
#include "domain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pending_dir(struct lodge *l, char *buf, size_t len)
{
    snprintf(buf, len, "%s/creating", l->run_dir);
}

static void pending_path(struct lodge *l, const uint8_t uuid[16], char *buf, size_t len)
{
    char text[37];

    uuid_format(uuid, text);
    snprintf(buf, len, "%s/creating/%s", l->run_dir, text);
}

int pending_begin(struct lodge *l, const uint8_t uuid[16])
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[600], dir[600];
    int fd;

    pending_path(l, uuid, path, sizeof(path));
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT) {
        mkdir(l->run_dir, 0755);
        pending_dir(l, dir, sizeof(dir));
        mkdir(dir, 0700);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    }
    if (fd < 0)
        return domain_fail(l, errno, "%s: %s", path, strerror(errno));
    if (fcntl(fd, F_OFD_SETLK, &lock)) {
        close(fd);
        return domain_fail(l, EBUSY, "a guest with this uuid is being created already");
    }
    return fd;
}

void pending_end(struct lodge *l, const uint8_t uuid[16], int fd)
{
    char path[600];

    pending_path(l, uuid, path, sizeof(path));
    unlink(path);
    close(fd);
}

bool pending_abandoned(struct lodge *l, const uint8_t uuid[16])
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[600];
    bool yes;
    int fd;

    pending_path(l, uuid, path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC); /* the end of a writer would be told to the monitor */
    if (fd < 0)
        return false;
    yes = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type == F_UNLCK;
    close(fd);
    return yes;
}

void pending_reap(struct lodge *l, const uint8_t uuid[16])
{
    struct xen_domctl_getdomaininfo *list;
    int nr = domain_list(l, &list);
    char path[600];

    for (int i = 0; i < nr; i++)
        if (list[i].domain && !memcmp(list[i].handle, uuid, 16)) {
            daemon_say("domain %u was left half-made: its maker was killed; it is destroyed",
                       list[i].domain);
            if (domain_destroy(l, list[i].domain))
                daemon_say("%s", l->message);
        }
    free(list);
    pending_path(l, uuid, path, sizeof(path));
    unlink(path);
}
