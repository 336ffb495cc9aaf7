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

void test_pic(void);
void test_pit(void);
void test_uart(void);
void test_rtc(void);
void test_vint(void);
void test_board(void);
void test_storm(void);

#endif
