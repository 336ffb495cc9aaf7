// SPDX-License-Identifier: GPL-2.0-only
/*
 * check.h: counts what held and what did not; every unit test here closes with both numbers. A
 * test that knows more about a failure defines CHECK_CONTEXT, a string, before it includes this.
 */
#ifndef LODGE_TEST_CHECK_H
#define LODGE_TEST_CHECK_H

#include <stdio.h>
#include <string.h>

#ifndef CHECK_CONTEXT
#define CHECK_CONTEXT ""
#endif

static unsigned check_passed, check_failed;

#define CHECK(cond)                                                                     \
    do {                                                                                \
        if (cond) {                                                                     \
            check_passed++;                                                             \
        } else {                                                                        \
            check_failed++;                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s %s\n", __FILE__, __LINE__, #cond, \
                    CHECK_CONTEXT);                                                     \
        }                                                                               \
    } while (0)

#define CHECK_STR(got, want)                                                                \
    do {                                                                                    \
        const char *got_ = (got), *want_ = (want);                                          \
        if (got_ && !strcmp(got_, want_)) {                                                 \
            check_passed++;                                                                 \
        } else {                                                                            \
            check_failed++;                                                                 \
            fprintf(stderr, "%s:%d: got \"%s\"\n  instead of \"%s\"\n", __FILE__, __LINE__, \
                    got_ ? got_ : "(null)", want_);                                         \
        }                                                                                   \
    } while (0)

static int check_end(void)
{
    printf("%u passed, %u failed\n", check_passed, check_failed);
    return check_failed ? 1 : 0;
}

#endif
