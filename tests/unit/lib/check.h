/* SPDX-License-Identifier: GPL-2.0-only */
/* One line per failed check; the tally is printed by main(). */
#ifndef CHECK_H
#define CHECK_H

extern unsigned check_passed, check_failed;
void check_report(int ok, const char *file, int line, const char *what);
#define CHECK(cond) check_report((cond) != 0, __FILE__, __LINE__, #cond)

void test_string(void);
void test_printf(void);
void test_cmdline(void);
void test_elf(void);

#endif
