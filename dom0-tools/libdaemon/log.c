// SPDX-License-Identifier: GPL-2.0-only
/*
 * log.c: a daemon's log: a line at a time, with a stamp, in a file that stays within its bounds.
 */
#include "libdaemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wait_lock.h>

/* A file of this size gets a new one in its place; one predecessor is kept. */
#define LOG_LIMIT (4 << 20)

/* How long one who replaces the file is waited for, and how long after that it grows. */
#define LOG_LOCK_MS  5000
#define LOG_PAUSE_MS 60000

static char log_path[512]; /* "" while messages go to where they went at the start */

static int open_log(void)
{
    return open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/*
 * Several processes of a daemon write to it. Who holds the lock on the file that has the name moves
 * it away; who comes later finds another one there. Whoever has not looked since goes on in the old
 * file, until that is full for it, too.
 */
static void limit_log(void)
{
    static int64_t not_before; /* or each line would wait for a process that is stopped there */
    struct stat mine, named;
    char old[sizeof(log_path) + 4];
    int fd;

    if (!*log_path || fstat(STDERR_FILENO, &mine) || mine.st_size < LOG_LIMIT ||
        now_ms() < not_before)
        return;
    fd = open_log();
    if (fd < 0)
        return;
    if (wait_lock(fd, LOG_LOCK_MS) || fstat(fd, &mine)) {
        close(fd);
        not_before = now_ms() + LOG_PAUSE_MS;
        return;
    }
    if (!stat(log_path, &named) && named.st_ino == mine.st_ino && named.st_size >= LOG_LIMIT) {
        snprintf(old, sizeof(old), "%s.1", log_path);
        rename(log_path, old);
    }
    close(fd);
    fd = open_log();
    if (fd < 0)
        return;
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

void daemon_log_to(const char *path)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), out = -1;

    if (path) {
        snprintf(log_path, sizeof(log_path), "%s", path);
        out = open_log();
    }
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(out >= 0 ? out : null, STDOUT_FILENO);
        dup2(out >= 0 ? out : null, STDERR_FILENO);
        close(null);
    }
    if (out >= 0)
        close(out);
}

void daemon_say(const char *fmt, ...)
{
    char stamp[32], text[1024];
    struct timespec now;
    struct tm tm;
    va_list ap;

    clock_gettime(CLOCK_REALTIME, &now);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", gmtime_r(&now.tv_sec, &tm));
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    /* In one piece: several processes of a daemon may have something to say. */
    fprintf(stderr, "%s %s: %s\n", stamp, program_invocation_short_name, text);
    limit_log();
}
