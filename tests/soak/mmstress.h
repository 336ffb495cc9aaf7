// SPDX-License-Identifier: GPL-2.0-only
/* mmstress.h: what the parts of mmstress share: the counts, the end, and what is in a page. */
#ifndef LODGE_MMSTRESS_H
#define LODGE_MMSTRESS_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE       4096UL
#define WORDS      (PAGE / sizeof(uint64_t))
#define FILE_PAGES 96

struct totals {
    atomic_ulong operations, compared, refused, forks, brought;
    atomic_int failed;
};

/* Of one worker, but for the totals, which are all workers'. */
extern struct mmstress {
    struct totals *totals;
    time_t end_time;
    pthread_barrier_t all_started;
    char *file_place; /* FILE_PAGES that mmstress_file() may map */
} mmstress;

static inline void fail(const char *format, ...)
{
    char text[300];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printf("mmstress: FAILED: process %d: %s\n", getpid(), text);
    fflush(stdout);
    atomic_store(&mmstress.totals->failed, 1);
    _exit(1);
}

static inline time_t now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec;
}

static inline int over(void)
{
    return now() >= mmstress.end_time || atomic_load(&mmstress.totals->failed);
}

/* A page's words: the stamp in the first and the last, and where the stamp says. */
static inline void write_page(char *at, uint64_t stamp)
{
    volatile uint64_t *words = (volatile uint64_t *)at;

    words[0] = words[WORDS - 1] = stamp;
    words[1 + stamp % (WORDS - 2)] = ~stamp;
}

static inline void compare_page(const char *at, uint64_t stamp, const char *when)
{
    const volatile uint64_t *words = (const volatile uint64_t *)at;
    uint64_t first = words[0], last = words[WORDS - 1];
    uint64_t middle = words[1 + (stamp ? stamp % (WORDS - 2) : 7)];

    atomic_fetch_add_explicit(&mmstress.totals->compared, 1, memory_order_relaxed);
    if (first != stamp || last != stamp || middle != (stamp ? ~stamp : 0)) {
        fail("%s: page %p has %#lx %#lx %#lx, not %#lx", when, (const void *)at, first, middle,
             last, stamp);
    }
}

/* An operation that may fail for want of memory: then nothing has changed. */
static inline int done(long result)
{
    if (result == -1) {
        if (errno != ENOMEM && errno != EAGAIN) {
            fail("a system call failed: %s", strerror(errno));
        }
        atomic_fetch_add(&mmstress.totals->refused, 1);
        return 0;
    }
    return 1;
}

/* Threads beside those that own chunks: mmstress_beside.c. The argument is pages of their own. */
void *mmstress_dropper(void *pages);
void *mmstress_raced(void *pages);
void *mmstress_file(void *page);
void *mmstress_uffd(void *page);

#endif
