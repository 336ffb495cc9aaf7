// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for a file that another process has locked with flock(), but not for ever: one that is
 * stopped meanwhile, by ^Z or a debugger, would stop all the others with it.
 */
#ifndef LODGE_WAIT_LOCK_H
#define LODGE_WAIT_LOCK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "clock.h"

/* 0, or -1 with errno: EWOULDBLOCK, if another process has it still. */
static inline int wait_lock(int fd, int ms)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    int64_t end = now_ms() + ms;

    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || now_ms() >= end)
            return -1;
        nanosleep(&moment, NULL);
    }
    return 0;
}

/* Linux lists who has which file's lock, by the file's number. 0: nobody, or it cannot be told. */
static inline int wait_lock_holder(int fd)
{
    FILE *f = fopen("/proc/locks", "re");
    unsigned long long number;
    unsigned major, minor;
    int pid = 0, found = 0;
    char line[256];
    struct stat st;

    if (f && !fstat(fd, &st))
        while (!found && fgets(line, sizeof(line), f))
            if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%llu", &pid, &major, &minor, &number) ==
                    4 &&
                number == st.st_ino && makedev(major, minor) == st.st_dev)
                found = pid;
    if (f)
        fclose(f);
    return found;
}

/* Why it cannot be had, and the way out. */
static inline void wait_lock_why(int fd, char *buf, size_t len)
{
    char path[40], name[32] = "?";
    int pid = wait_lock_holder(fd);
    FILE *f;

    if (pid <= 0) {
        snprintf(buf, len, "another process has it locked and does not go on; see /proc/locks");
        return;
    }
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    f = fopen(path, "re");
    if (f) {
        if (fgets(name, sizeof(name), f))
            name[strcspn(name, "\n")] = '\0';
        fclose(f);
    }
    snprintf(buf, len,
             "process %d (%s) has it locked and does not go on; if it is stopped, let it go on "
             "with: kill -CONT %d",
             pid, name, pid);
}

#endif
