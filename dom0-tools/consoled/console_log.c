// SPDX-License-Identifier: GPL-2.0-only
/*
 * console_log.c: writes a guest's output to console-<name>.log, and starts a new file when it is
 * full.
 *
 * The full file becomes console-<name>.log.1, and the one before that is lost: a guest that floods
 * its console can use twice the limit on disk, and no more.
 */
#include "console_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int log_start(struct log *log, int flags)
{
    struct stat st;

    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
    if (log->fd < 0)
        return -errno;
    log->size = fstat(log->fd, &st) ? 0 : (size_t)st.st_size;
    return 0;
}

int log_open(struct log *log, const char *dir, const char *guest, size_t limit)
{
    int n = snprintf(log->path, sizeof(log->path), "%s/console-%s.log", dir, guest);

    log->limit = limit;
    log->fd = -1;
    if (n < 0 || (size_t)n >= sizeof(log->path))
        return -ENAMETOOLONG;
    /* A guest's name is a file's name only here. */
    for (char *p = log->path + strlen(dir) + 1; *p; p++)
        if (*p == '/')
            *p = '_';
    return log_start(log, 0);
}

static void log_rotate(struct log *log)
{
    char old[sizeof(log->path) + 4];

    snprintf(old, sizeof(old), "%s.1", log->path);
    close(log->fd);
    rename(log->path, old);
    log_start(log, O_TRUNC);
}

void log_write(struct log *log, const char *buf, size_t len)
{
    ssize_t n;

    if (log->fd >= 0 && log->size + len > log->limit && log->size)
        log_rotate(log);
    if (log->fd < 0)
        return;
    /* A full disk loses output; it must not stop the guest. */
    n = write(log->fd, buf, len);
    if (n > 0)
        log->size += (size_t)n;
}

void log_close(struct log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}
