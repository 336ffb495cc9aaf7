// SPDX-License-Identifier: GPL-2.0-only
/* The monotonic clock in milliseconds, for all that waits or counts by time. */
#ifndef LODGE_CLOCK_H
#define LODGE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * The same in seconds. The wall clock can be stepped: it serves only for stamps that people read.
 */
static inline int64_t now_seconds(void)
{
    return now_ms() / 1000;
}

#endif
