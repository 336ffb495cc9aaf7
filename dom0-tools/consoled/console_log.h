// SPDX-License-Identifier: GPL-2.0-only
/*
 * console_log.h: a file of bounded size for each guest's output, with one predecessor.
 */
#ifndef LODGE_CONSOLED_LOG_H
#define LODGE_CONSOLED_LOG_H

#include <stddef.h>

struct log {
    char path[512];
    int fd;             /* -1: nothing is kept */
    size_t size, limit; /* bytes of the file; a write that would pass the limit starts a new one */
};

/* 0 or a negative errno; a log that could not be opened takes writes and drops them. */
int log_open(struct log *log, const char *dir, const char *guest, size_t limit);
void log_write(struct log *log, const char *buf, size_t len);
void log_close(struct log *log);

#endif
