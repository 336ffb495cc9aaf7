/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks that count, and a repeatable source of random numbers. */
#ifndef UNIT_H
#define UNIT_H

#include <stdint.h>
#include <stdio.h>

extern unsigned unit_passed, unit_failed;

#define CHECK(cond)                                                   \
    do {                                                              \
        if (cond) {                                                   \
            unit_passed++;                                            \
        } else {                                                      \
            unit_failed++;                                            \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
        }                                                             \
    } while (0)

uint32_t unit_random(void);
extern void (*host_before_second_lock)(void);
extern uint64_t host_now, host_deadline;

void test_timer(void);
void test_heap(void);
void test_sched(void);
void test_handoff(void);
void test_time(void);
void test_console(void);

#endif
