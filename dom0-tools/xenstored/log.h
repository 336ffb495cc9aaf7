// SPDX-License-Identifier: GPL-2.0-only
/* Messages of the daemon: one line each, to standard error or to a file, filtered by level. */
#ifndef XENSTORED_LOG_H
#define XENSTORED_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

extern enum log_level log_threshold; /* what is less urgent is not written */

/* Sends further messages to the file instead of standard error. Returns 0 or -errno. */
int log_open(const char *path);

/* "error", "warn", "info" or "debug". Returns 0, or -1 for any other word. */
int log_set_level(const char *name);
const char *log_level_name(void);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
/* The test comes first: a request that is refused in a loop must not pay for formatting. */
#define log_debug(...)                               \
    do {                                             \
        if (log_threshold >= LOG_LEVEL_DEBUG)        \
            log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
    } while (0)

#endif
