/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the tests of each file of hypervisor/lib and counts. */
#include "check.h"

int printf(const char *fmt, ...);

unsigned check_passed, check_failed;

void check_report(int ok, const char *file, int line, const char *what)
{
    if (ok) {
        check_passed++;
        return;
    }
    check_failed++;
    printf("FAIL %s:%d: %s\n", file, line, what);
}

int main(void)
{
    test_string();
    test_printf();
    test_cmdline();
    test_elf();
    printf("%u passed, %u failed\n", check_passed, check_failed);
    return check_failed != 0;
}
