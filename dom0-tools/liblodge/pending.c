// SPDX-License-Identifier: GPL-2.0-only
/*
 * pending.c: guests that are being made right now, so that a killed maker leaves nothing behind.
 *
 * The maker holds a locked file named after the guest's uuid below the run directory, and unlinks
 * it when the guest is whole. If the maker is killed the kernel closes the file: the monitor, which
 * watches the directory, finds a file that nobody holds and destroys what was made so far.
 */
#include "pending.h"
#include "domain.h"
#include "lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libdaemon/libdaemon.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char folder[] = "creating";

void lodge_pending_dir(struct lodge_session *l, char *path)
{
    lockfile_dir(l, folder, path);
}

int lodge_pending_begin(struct lodge_session *l, const uint8_t uuid[16])
{
    char path[LODGE_PATH];

    lockfile_path(l, folder, uuid, path);
    /* Before the lock is taken it looks like one that a killed maker left, and may be cleared. */
    for (int tries = 0; tries < 3; tries++) {
        int fd = lockfile_open(l, folder, uuid, O_WRONLY | O_CREAT);

        if (fd < 0)
            return lodge_fail(l, errno, "%s: %s", path, strerror(errno));
        if (lockfile_hold(fd))
            return fd;
        close(fd);
    }
    return lodge_fail(l, EBUSY,
                      "a guest with this uuid is being created already, or what is left of one is "
                      "being removed; try again in a moment");
}

void lodge_pending_end(struct lodge_session *l, const uint8_t uuid[16], int fd)
{
    char path[LODGE_PATH];

    lockfile_path(l, folder, uuid, path);
    unlink(path);
    close(fd);
}

bool lodge_pending_abandoned(struct lodge_session *l, const uint8_t uuid[16])
{
    bool there;

    return !lockfile_held(l, folder, uuid, &there) && there;
}

/*
 * Finds what was made by its uuid: the maker may have been killed before anything else of the guest
 * was known. The lock is held, so that nobody makes a guest with this uuid meanwhile: it would be
 * destroyed, too.
 */
void lodge_pending_reap(struct lodge_session *l, const uint8_t uuid[16])
{
    int nr, fd = lockfile_open(l, folder, uuid, O_WRONLY);
    struct xen_domctl_getdomaininfo *list;

    if (fd < 0)
        return;
    if (!lockfile_hold(fd)) {
        close(fd);
        return;
    }
    nr = lodge_domain_list(l, &list);
    for (int i = 0; i < nr; i++)
        if (list[i].domain && !memcmp(list[i].handle, uuid, 16)) {
            daemon_say("domain %u was left half-made: its maker was killed; it is destroyed",
                       list[i].domain);
            if (lodge_domain_destroy(l, list[i].domain))
                daemon_say("%s", l->message);
        }
    free(list);
    lodge_pending_end(l, uuid, fd);
}
