/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory and string functions against plain byte loops, over all small sizes and overlaps. */
#include <lib/bitops.h>
#include <lib/list.h>
#include <lib/string.h>
#include "check.h"

static void fill(uint8_t *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 7 + 3);
}

static bool same(const uint8_t *a, const uint8_t *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* memmove over every pair of offsets covers memcpy's forward case and the overlaps. */
static bool moves_like_bytes(unsigned from, unsigned to, unsigned n)
{
    uint8_t a[160], b[160], copy[160];

    fill(a, sizeof(a));
    fill(b, sizeof(b));
    for (unsigned i = 0; i < n; i++)
        copy[i] = b[from + i];
    for (unsigned i = 0; i < n; i++)
        b[to + i] = copy[i];
    memmove(a + to, a + from, n);
    return same(a, b, sizeof(a));
}

static bool sets_like_bytes(unsigned at, unsigned n)
{
    uint8_t a[160], b[160];

    fill(a, sizeof(a));
    fill(b, sizeof(b));
    for (unsigned i = 0; i < n; i++)
        b[at + i] = 0xa5;
    memset(a + at, 0x1a5, n);
    return same(a, b, sizeof(a));
}

static void test_memory(void)
{
    bool moved = true, set = true;

    for (unsigned n = 0; n <= 70; n++)
        for (unsigned d = 0; d < 80; d += n < 20 ? 1 : 7) {
            moved &= moves_like_bytes(d, 40, n) && moves_like_bytes(40, d, n);
            set &= sets_like_bytes(d, n);
        }
    CHECK(moved);
    CHECK(set);
    CHECK(memcmp("abcdefghij", "abcdefghij", 10) == 0);
    CHECK(memcmp("abcdefghij", "abcdefghik", 10) < 0);
    CHECK(memcmp("\xff", "a", 1) > 0);
    CHECK(memcmp("a", "b", 0) == 0);
}

static void test_text(void)
{
    char buf[4] = "zzz";

    CHECK(strlen("") == 0 && strlen("abc") == 3);
    CHECK(strcmp("abc", "abc") == 0 && strcmp("abc", "abd") < 0 && strcmp("b", "abc") > 0);
    CHECK(strncmp("abcx", "abcy", 3) == 0 && strncmp("abcx", "abcy", 4) < 0);
    CHECK(*strchr("a=b", '=') == '=' && strchr("ab", '=') == NULL && *strchr("ab", 0) == 0);
    CHECK(str_copy(buf, "longer", sizeof(buf)) == 6 && strcmp(buf, "lon") == 0);
    CHECK(str_copy(buf, "", sizeof(buf)) == 0 && buf[0] == 0);
    CHECK(str_copy(buf, "x", 0) == 1 && buf[0] == 0);
}

static void test_bits(void)
{
    uint64_t map[3] = {0, 0x8000000000000001ull, 0};

    CHECK(bitmap_next_set(map, 192, 0) == 64);
    CHECK(bitmap_next_set(map, 192, 65) == 127);
    CHECK(bitmap_next_set(map, 192, 128) == 192);
    CHECK(bitmap_next_set(map, 100, 65) == 100);
    CHECK(bitmap_next_clear(map, 192, 64) == 65);
    CHECK(bitmap_next_clear(map, 192, 127) == 128);
    CHECK(bitmap_next_clear(map, 0, 0) == 0);
    CHECK(!bit_test_and_set(map, 190) && bit_test(map, 190) && bit_test_and_clear(map, 190));
    CHECK(bit_count(0) == 0 && bit_count(UINT64_MAX) == 64 && bit_count(0xf0f) == 8);
    CHECK(bit_lowest(0x50) == 4 && bit_highest(0x50) == 6);
}

struct item {
    int value;
    struct list link;
};

static void test_list(void)
{
    struct list head;
    struct item a = {1, {0}}, b = {2, {0}}, c = {3, {0}}, *i, *next;
    int order = 0;

    list_init(&head);
    CHECK(list_empty(&head) && list_first(&head, struct item, link) == NULL);
    list_add_tail(&head, &b.link);
    list_add_tail(&head, &c.link);
    list_add(&head, &a.link);
    list_for_each (i, &head, link)
        order = order * 10 + i->value;
    CHECK(order == 123);
    list_for_each_safe(i, next, &head, link) if (i->value != 2) list_del(&i->link);
    CHECK(list_first(&head, struct item, link) == &b && b.link.next == &head);
    list_del(&b.link);
    list_del(&b.link);
    CHECK(list_empty(&head) && list_empty(&b.link));
}

void test_string(void)
{
    test_memory();
    test_text();
    test_bits();
    test_list();
}
