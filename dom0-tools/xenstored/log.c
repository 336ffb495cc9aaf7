// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the daemon. Guests choose paths and values, so nothing above the debug level may be
 * written once per guest request: a flooding guest would fill dom0's disk through the log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

enum log_level log_threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static int log_fd = STDERR_FILENO;

int log_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0)
        return -errno;
    if (log_fd != STDERR_FILENO)
        close(log_fd);
    log_fd = fd;
    return 0;
}

int log_set_level(const char *name)
{
    for (unsigned int i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (!strcmp(name, level_names[i])) {
            log_threshold = i;
            return 0;
        }
    }
    return -1;
}

const char *log_level_name(void)
{
    return level_names[log_threshold];
}

void log_write(enum log_level level, const char *fmt, ...)
{
    char line[1024];
    struct timespec now;
    struct tm tm;
    va_list ap;
    size_t len;
    int n;

    if (level > log_threshold)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    len += (size_t)snprintf(line + len, sizeof(line) - len,
                            ".%03ldZ xenstored %s: ", now.tv_nsec / 1000000, level_names[level]);
    va_start(ap, fmt);
    n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
    va_end(ap);
    if (n > 0)
        len += (size_t)n;
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len++] = '\n';
    if (write(log_fd, line, len) < 0) {
        /* Nowhere is left to complain to. */
    }
}
