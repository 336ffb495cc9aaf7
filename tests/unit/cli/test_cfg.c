// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cfg.c: the syntax of config files: what is read, and what is refused with which words.
 */
#include "check.h"

#include <stdlib.h>
#include <liblodge/cfg.h>

static struct cfg cfg;

static int parse(const char *text)
{
    lodge_cfg_free(&cfg);
    return lodge_cfg_parse(&cfg, "t", text, strlen(text));
}

static const struct cfg_value *value(const char *key)
{
    static const struct cfg_value none = {.type = -1, .num = -1};
    struct cfg_setting *set = lodge_cfg_get(&cfg, key);

    return set ? &set->value : &none;
}

static void test_values(void)
{
    CHECK(!parse("a = 12\nb=\"te#xt\" # comment\n\n;c = 'single';d=-5;e=0x10\n"));
    CHECK(cfg.nr == 5);
    CHECK(value("a")->type == CFG_NUMBER && value("a")->num == 12);
    CHECK_STR(value("a")->str, "12");
    CHECK_STR(value("b")->str, "te#xt");
    CHECK_STR(value("c")->str, "single");
    CHECK(value("d")->num == -5 && value("e")->num == 16);
    CHECK(value("d")->line == 4 && value("b")->line == 2);
    CHECK(value("nothing")->num == -1);
    CHECK(!parse("") && cfg.nr == 0);
    CHECK(!parse("# only a comment") && cfg.nr == 0);
    CHECK(!parse("a = 1\r\nb = 2\r\n") && cfg.nr == 2);
    CHECK(!parse("s = \"a\\n\\t\\\\\\\"\\x41\\101\"") && !strcmp(value("s")->str, "a\n\t\\\"AA"));
    CHECK(!parse("n = 9223372036854775807") && value("n")->num == INT64_MAX);
}

/* Files of other editors: a mark in front, quotation marks that only look like some. */
static void test_encodings(void)
{
    static const char wide[] = "\xff\xfe"
                               "a=1";

    CHECK(!parse("\xef\xbb\xbf"
                 "a = 1\nb = 'ä'") &&
          value("a")->num == 1);
    CHECK_STR(value("b")->str, "ä");
    CHECK(parse(wide) == -1 && strstr(cfg.error, "t:1: the text is in UTF-16; save it as UTF-8"));
    CHECK(parse("a = \xe2\x80\x9cx\xe2\x80\x9d") == -1);
    CHECK(strstr(cfg.error, "'\xe2\x80\x9c' (U+201C, not ASCII)") != NULL);
    CHECK(parse("a\xc2\xa0= 1") == -1 && strstr(cfg.error, "U+00A0 (not ASCII)"));
    CHECK(parse("a = \xff") == -1 && strstr(cfg.error, "byte 0xff"));
    CHECK(parse("a = \xe2\x80") == -1 && strstr(cfg.error, "byte 0xe2"));
}

static void test_lists(void)
{
    const struct cfg_value *v;

    CHECK(!parse("l = [ 1, 'two', [ 3, [] ], # a comment inside\n  \"four\",\n]\nx = 1\n"));
    v = value("l");
    CHECK(v->type == CFG_LIST && v->nr == 4);
    CHECK(v->item[0].num == 1 && !strcmp(v->item[1].str, "two"));
    CHECK(v->item[2].nr == 2 && v->item[2].item[1].type == CFG_LIST && !v->item[2].item[1].nr);
    CHECK(v->item[3].line == 2 && lodge_cfg_get(&cfg, "x")->line == 4);
    CHECK(!parse("l = []") && value("l")->nr == 0);
    CHECK(!parse("l=[[[[[[[[]]]]]]]]"));
    CHECK(parse("l=[[[[[[[[[]]]]]]]]]"));
    CHECK_STR(cfg.error, "t:1: lists are nested deeper than 8");
}

static void test_again(void)
{
    CHECK(!parse("a = 1\na = 2") && cfg.nr == 1 && value("a")->num == 2);
    CHECK(lodge_cfg_get(&cfg, "a")->replaced == 1 && lodge_cfg_get(&cfg, "a")->line == 2);
    CHECK(!parse("s = 'a'\ns += 'b'\nl = [1]\nl += [2, 3]") && value("l")->nr == 3);
    CHECK_STR(value("s")->str, "ab");
    CHECK(parse("s = 'a'\ns += [1]"));
    CHECK_STR(cfg.error, "t:2: += adds a string to a string or a list to a list; 's' is a string");
    CHECK(!parse("new += 'x'") && !strcmp(value("new")->str, "x"));
}

static void refused(const char *text, const char *why)
{
    CHECK(parse(text) == -1);
    CHECK_STR(cfg.error, why);
}

static void test_refusals(void)
{
    char *big = calloc(1, CFG_MAX_TEXT + 1);

    refused("a = \"open\nb = 1", "t:1: string is not closed; add a \" at its end");
    refused("\n\na = [1,\n2", "t:3: list is not closed; add a ] at its end");
    refused("a = [1 2]", "t:1: expected , or ] in the list, found '2]'");
    refused("a = 12abc", "t:1: '12abc' is not a number; put quotes around it if it is a string");
    refused("a = 99999999999999999999", "t:1: number '99999999999999999999' is out of range");
    refused("a = word", "t:1: expected a number, a \"string\" or a [list], found 'word'");
    refused("a =", "t:1: expected a number, a \"string\" or a [list], found the end of the file");
    refused("a = \nb = 1",
            "t:1: expected a number, a \"string\" or a [list], found the end of the line");
    refused("a 1", "t:1: expected = after 'a', found '1'");
    refused("= 1", "t:1: expected a key, found '='");
    refused("a = 1 b = 2", "t:1: expected the end of the line, found 'b'");
    refused("\x01", "t:1: expected a key, found byte 0x01");
    refused("a = \"\\x00\"", "t:1: \\x in a string needs a non-zero hex byte");
    refused("a = \"\\400\"", "t:1: octal escape in a string is zero or above \\377");
    lodge_cfg_free(&cfg);
    CHECK(lodge_cfg_parse(&cfg, "t", "a=1\n\0", 5) == -1);
    CHECK_STR(cfg.error, "t:2: zero byte in the text: this is not a config file");
    memset(big, '#', CFG_MAX_TEXT + 1);
    CHECK(lodge_cfg_parse(&cfg, "t", big, CFG_MAX_TEXT + 1) == -1);
    CHECK_STR(cfg.error, "t:1: config is larger than 1048576 bytes");
    CHECK(!lodge_cfg_parse(&cfg, "t", big, CFG_MAX_TEXT));
    free(big);
    CHECK(lodge_cfg_parse_file(&cfg, "/nowhere/x.cfg") == -1);
    CHECK_STR(cfg.error, "/nowhere/x.cfg: cannot open the config file: No such file or directory");
}

static void test_overrides(void)
{
    CHECK(!parse("name = 'a'\nmemory = 1\n"));
    CHECK(!lodge_cfg_parse_override(&cfg, "memory=64") && value("memory")->num == 64);
    CHECK(!lodge_cfg_parse_override(&cfg, "name=web-2") && !strcmp(value("name")->str, "web-2"));
    CHECK(!lodge_cfg_parse_override(&cfg, "name=2web") && !strcmp(value("name")->str, "2web"));
    CHECK(!lodge_cfg_parse_override(&cfg, "extra=console=hvc0 quiet; x"));
    CHECK_STR(value("extra")->str, "console=hvc0 quiet; x");
    CHECK(!lodge_cfg_parse_override(&cfg, "cpus=['0','1']") && value("cpus")->nr == 2);
    CHECK_STR(lodge_cfg_get(&cfg, "cpus")->source, "command line");
    CHECK(!lodge_cfg_get(&cfg, "memory")->replaced); /* replacing the file's is what it is for */
    CHECK(!lodge_cfg_parse_override(&cfg, "ramdisk=") && !strcmp(value("ramdisk")->str, ""));
    CHECK(lodge_cfg_parse_override(&cfg, "nonsense") == -1);
    CHECK_STR(cfg.error, "command line:1: 'nonsense' is not of the form key=value");
    CHECK(lodge_cfg_parse_override(&cfg, "name='open") == -1);
    CHECK_STR(cfg.error, "command line:1: string is not closed; add a ' at its end");
    CHECK(lodge_cfg_parse_override(&cfg, "=x") == -1);
}

int main(void)
{
    lodge_cfg_init(&cfg);
    test_values();
    test_encodings();
    test_lists();
    test_again();
    test_refusals();
    test_overrides();
    lodge_cfg_free(&cfg);
    return check_end();
}
