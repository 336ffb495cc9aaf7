/* SPDX-License-Identifier: GPL-2.0-only */
/* Boot options: each kind of value, each kind of mistake. */
#include <lib/cmdline.h>
#include <lib/string.h>
#include "check.h"

static unsigned warnings;
static char last_option[64], last_reason[128];

static void warn(const char *option, const char *reason)
{
    warnings++;
    str_copy(last_option, option, sizeof(last_option));
    str_copy(last_reason, reason, sizeof(last_reason));
}

static struct boot_options parse(const char *text)
{
    struct boot_options o;

    memset(&o, 0, sizeof(o));
    o.smap = true;
    warnings = 0;
    last_option[0] = 0;
    cmdline_parse(&o, text, warn);
    return o;
}

static void test_size(void)
{
    const char *end;
    uint64_t n;

    CHECK(cmdline_size("512M", &end, &n) && n == MIB(512) && *end == 0);
    CHECK(cmdline_size("1g,", &end, &n) && n == GIB(1) && *end == ',');
    CHECK(cmdline_size("1024", &end, &n) && n == MIB(1) && *end == 0);
    CHECK(cmdline_size("100B", &end, &n) && n == 100);
    CHECK(!cmdline_size("", &end, &n) && !cmdline_size("M", &end, &n));
    CHECK(!cmdline_size("99999999999999999999", &end, &n));
    CHECK(!cmdline_size("18446744073709551615G", &end, &n));
}

static void test_values(void)
{
    struct boot_options o = parse("  console=com2,9600 dom0_mem=512M,max:1G dom0_max_vcpus=2 "
                                  "noreboot smap=off loglvl=debug mem=2G ");

    CHECK(warnings == 0);
    CHECK(strcmp(o.console, "com2,9600") == 0);
    CHECK(o.dom0_mem == MIB(512) && o.dom0_mem_max == GIB(1));
    CHECK(o.dom0_max_vcpus == 2 && o.noreboot && !o.smap && o.loglvl == 3);
    CHECK(o.mem_limit == GIB(2));
    o = parse("no-smap");
    CHECK(!o.smap && warnings == 0);
    o = parse("nosmap noreboot loglvl=error/all com1=57600");
    CHECK(!o.smap && o.noreboot && o.loglvl == 0 && warnings == 0);
    CHECK(strcmp(o.console, "com1,57600") == 0);
}

static void test_mistakes(void)
{
    char text[400];
    struct boot_options o = parse("dom0_mem=lots");

    CHECK(warnings == 1 && strcmp(last_option, "dom0_mem") == 0 && o.dom0_mem == 0);
    parse("frobnicate=1");
    CHECK(warnings == 1 && strcmp(last_option, "frobnicate") == 0);
    parse("noconsole");
    CHECK(warnings == 1);
    parse("maxcpus");
    CHECK(warnings == 1 && strcmp(last_reason, "needs a value") == 0);
    o = parse("maxcpus=two smep=maybe loglvl=loud");
    CHECK(warnings == 3 && o.maxcpus == 0 && !o.smep);
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = 0;
    parse(text);
    CHECK(warnings == 1);
    parse("=");
    CHECK(warnings == 1);
}

void test_cmdline(void)
{
    const char *name, *help;
    unsigned n = 0;

    test_size();
    test_values();
    test_mistakes();
    while ((help = cmdline_help(n, &name)) != NULL) {
        CHECK(name[0] != 0 && help[0] != 0);
        n++;
    }
    CHECK(n > 15);
}
