// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the unit tests of the domain builder; the last line says "N passed, N failed".
 */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>

static unsigned int check_passed, check_failed;

bool check_that(bool ok, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    if (ok) {
        check_passed++;
        return true;
    }
    check_failed++;
    printf("FAIL %s:%d: ", file, line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    return false;
}

int main(void)
{
    test_image();
    test_unpack();
    test_layout();
    test_hvm();
    test_builder();
    test_extract();
    printf("%u passed, %u failed\n", check_passed, check_failed);
    return check_failed != 0;
}
