// SPDX-License-Identifier: GPL-2.0-only
/* Byte rings: flow, wrap, the steps before publishing, and indices that cannot be true. */
#include "check.h"

#include <rings/byte_ring.h>

#define SIZE 16u

/* With bytes beyond the ring on either side, which must never change. */
static struct {
    char before[SIZE], bytes[SIZE], after[SIZE];
    uint32_t cons, prod;
} page;
static struct byte_ring reader, writer;

static void fresh(uint32_t index)
{
    memset(&page, '#', sizeof(page));
    page.cons = page.prod = index;
    reader = byte_ring_attach(page.bytes, SIZE, &page.cons, &page.prod);
    writer = byte_ring_attach(page.bytes, SIZE, &page.prod, &page.cons);
}

static void test_flow(uint32_t index)
{
    char buf[64];

    fresh(index);
    CHECK(byte_ring_filled(&reader) == 0 && byte_ring_room(&writer) == (int)SIZE);
    CHECK(byte_ring_read(&reader, buf, sizeof(buf)) == 0);
    CHECK(byte_ring_write(&writer, "hello", 5) == 5 && page.prod == index + 5);
    CHECK(byte_ring_read(&reader, buf, 2) == 2 && !memcmp(buf, "he", 2) && page.cons == index + 2);
    CHECK(byte_ring_write(&writer, "0123456789abcdefgh", 18) == 13);
    CHECK(byte_ring_write(&writer, "x", 1) == 0 && byte_ring_room(&writer) == 0);
    CHECK(byte_ring_filled(&reader) == (int)SIZE);
    CHECK(byte_ring_read(&reader, buf, sizeof(buf)) == (int)SIZE);
    CHECK(!memcmp(buf, "llo0123456789abc", SIZE));
    CHECK(byte_ring_write(&writer, buf, 0) == 0 && byte_ring_read(&reader, buf, 0) == 0);
    CHECK(page.before[SIZE - 1] == '#' && page.after[0] == '#');
}

static void test_steps(uint32_t index)
{
    char buf[8];

    fresh(index);
    CHECK(byte_ring_poke(&writer, "abc", 3) == 3 && page.prod == index);
    CHECK(byte_ring_filled(&reader) == 0);
    byte_ring_publish(&writer);
    CHECK(byte_ring_peek(&reader, buf, 8) == 3 && page.cons == index && !memcmp(buf, "abc", 3));
    CHECK(byte_ring_room(&writer) == (int)SIZE - 3);
    byte_ring_publish(&reader);
    CHECK(byte_ring_room(&writer) == (int)SIZE);
}

static void test_hostile(uint32_t index)
{
    const uint32_t lies[] = {SIZE + 1, 0x80000000, 0xffffffff};
    char buf[64];

    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        fresh(index);
        page.prod = index + lies[i];
        CHECK(byte_ring_filled(&reader) == -1 && byte_ring_read(&reader, buf, sizeof(buf)) == -1);
        CHECK(byte_ring_peek(&reader, buf, sizeof(buf)) == -1 && page.cons == index);
        fresh(index);
        page.cons = index - lies[i];
        CHECK(byte_ring_room(&writer) == -1 && byte_ring_write(&writer, buf, sizeof(buf)) == -1);
        CHECK(byte_ring_poke(&writer, buf, sizeof(buf)) == -1 && page.prod == index);
    }
    /* What the page says of our own index is never read again. */
    fresh(index);
    byte_ring_write(&writer, "abcd", 4);
    page.cons = index + 3;
    CHECK(byte_ring_read(&reader, buf, 1) == 1 && buf[0] == 'a' && page.cons == index + 1);
    page.prod = index + 1000;
    CHECK(byte_ring_write(&writer, "e", 1) == 1 && page.prod == index + 5);
    CHECK(page.before[SIZE - 1] == '#' && page.after[0] == '#');
}

int main(void)
{
    const uint32_t starts[] = {0, 1, 15, 0x7ffffffd, 0xfffffff9, 0xffffffff};

    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        test_flow(starts[i]);
        test_steps(starts[i]);
        test_hostile(starts[i]);
    }
    return check_end();
}
