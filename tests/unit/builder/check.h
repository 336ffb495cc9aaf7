/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few lines that a unit test needs: checks that count, and a closing line with the counts.
 */
#ifndef LODGE_TEST_CHECK_H
#define LODGE_TEST_CHECK_H

#include <stdbool.h>

/* Count one check; a failed one prints where and what. Returns what it was given. */
bool check_that(bool ok, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define CHECK(x)          check_that((x), __FILE__, __LINE__, "%s", #x)
#define CHECK_SAY(x, ...) check_that((x), __FILE__, __LINE__, __VA_ARGS__)

/* The parts; each is one file. */
void test_image(void);
void test_unpack(void);
void test_layout(void);
void test_hvm(void);
void test_builder(void);
void test_extract(void);

#endif
