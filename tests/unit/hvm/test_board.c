/* SPDX-License-Identifier: GPL-2.0-only */
/* The devices together: lines, the console ring, restarts, what is not there, when to come back. */
#include <hvm/board.h>
#include <string.h>

#include "unit.h"

#define COM 0x3f8

static struct board b;
static struct xencons_interface page;
static uint64_t now;

static uint8_t in(uint16_t port)
{
    return (uint8_t)board_in(&b, port, 1, now);
}

static void out(uint16_t port, uint8_t v)
{
    board_out(&b, port, 1, v, now);
}

/* Vectors 0x20 and 0x28; all but the lines of mask. */
static void set_up(uint8_t mask)
{
    static const uint8_t words[] = {0x20, 4, 1};

    memset(&page, 0, sizeof(page));
    board_init(&b);
    board_set_console(&b, &page);
    out(0x20, 0x11);
    for (unsigned i = 0; i < sizeof(words); i++)
        out(0x21, words[i]);
    out(0x21, mask);
}

static void nothing_there(void)
{
    static const uint16_t absent[] = {0x00, 0x60, 0x64, 0x70, 0x80, 0x2f8, 0xcf8, 0xcfc, 0xffff};

    set_up(0);
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++) {
        CHECK(board_in(&b, absent[i], 1, now) == 0xff);
        CHECK(absent[i] == 0x60 || absent[i] == 0x70 || board_in(&b, absent[i], 2, now) == 0xffff);
        board_out(&b, absent[i], 4, 0, now);
    }
    CHECK(board_in(&b, 0xcfc, 4, now) == 0xffffffff);
    board_out(&b, 0xcf8, 4, 0x80000400, now); /* PCI's address register, not the reset control */
    CHECK(!b.reset && board_in(&b, 0xcf8, 4, now) == 0xffffffff);
    CHECK(board_in(&b, COM + 5, 2, now) == 0xb060); /* two registers side by side */
}

static void restarts(void)
{
    set_up(0);
    out(0x64, 0xd1);
    CHECK(in(0x92) == 2 && !b.reset);
    out(0x92, 2);
    CHECK(!b.reset);
    out(0x92, 3);
    CHECK(b.reset);
    set_up(0);
    out(0x64, 0xfe);
    CHECK(b.reset);
    set_up(0);
    out(0xcf9, 2);
    CHECK(!b.reset && in(0xcf9) == 2);
    out(0xcf9, 6);
    CHECK(b.reset);
}

/* Ticks arrive once each, and without one in sight no timer is asked for. */
static void timer(void)
{
    unsigned n = 0;

    set_up(0);
    CHECK(board_next(&b) == UINT64_MAX);
    out(0x43, 0x34);
    out(0x40, 0xa9);
    out(0x40, 0x04); /* 1193 */
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t next = board_next(&b);

        CHECK(next > now && next <= now + MS(1) + 100);
        now = next;
        board_run(&b, now);
        CHECK(board_interrupt(&b));
        CHECK(board_next(&b) == UINT64_MAX); /* it waits to be taken */
        n += board_acknowledge(&b) == 0x20;
        CHECK(board_next(&b) == UINT64_MAX && !board_interrupt(&b));
        out(0x20, 0x20);
    }
    CHECK(n == 1000);
    out(0x21, 1);
    now += SECONDS(1);
    CHECK(board_next(&b) == UINT64_MAX && !board_interrupt(&b));
    out(0x21, 0); /* what it missed is one, not a thousand */
    for (n = 0; board_interrupt(&b); n++) {
        (void)board_acknowledge(&b);
        out(0x20, 0x20);
    }
    CHECK(n == 1);
}

/* A period of one clock, and interrupts that end by themselves: bounded all the same. */
static void fastest(void)
{
    uint64_t from = now;
    unsigned n = 0;

    set_up(0);
    out(0x20, 0x13);
    out(0x21, 0x20);
    out(0x21, 0x03);
    out(0x43, 0x14);
    out(0x40, 1);
    for (; now < from + MS(100); n++) {
        uint64_t next = board_next(&b);

        now = MAX(now, next);
        board_run(&b, now);
        CHECK(board_acknowledge(&b) == 0x20);
    }
    CHECK(n > 1000 && n <= 100000 / 20 + 1);
}

static void printing(void)
{
    static const char text[] = "Linux version 6.1\n";

    set_up(0);
    for (unsigned i = 0; text[i] != '\0'; i++) {
        CHECK(in(COM + 5) & 0x20);
        out(COM, (uint8_t)text[i]);
    }
    CHECK(page.out_prod == strlen(text) && memcmp(page.out, text, strlen(text)) == 0);
    CHECK(!board_console_notify(&b, now) && board_next(&b) == now + MS(1));
    now += MS(1);
    CHECK(board_console_notify(&b, now) && !board_console_notify(&b, now));
    CHECK(board_next(&b) == UINT64_MAX);

    for (unsigned i = 0; i < 1100; i++) /* half of it is enough to be told at once */
        out(COM, 'x');
    CHECK(board_console_notify(&b, now));
    CHECK(!b.reset && board_console_notify(&b, UINT64_MAX - 1) == false);
}

static void nobody_listens(void)
{
    set_up(0);
    out(COM + 2, 1);
    for (unsigned i = 0; i < sizeof(page.out); i++)
        out(COM, (uint8_t)('a' + i % 26));
    CHECK(in(COM + 5) & 0x20);
    out(COM, '1');
    out(COM, '2');
    CHECK(!(in(COM + 5) & 0x20)); /* it waits */
    page.out_cons = 1;            /* for this */
    board_run(&b, now);
    CHECK(page.out_prod == 2049 && page.out[0] == '1' && !(in(COM + 5) & 0x20));
    CHECK(board_next(&b) <= now + MS(100));
    now += MS(100);
    board_run(&b, now);
    CHECK(in(COM + 5) & 0x20); /* but not for ever */
    out(COM, '3');
    CHECK((in(COM + 5) & 0x20) && page.out_prod == 2049);
    page.out_cons = 2049; /* somebody came */
    out(COM, '4');
    CHECK(page.out_prod == 2050 && page.out[1] == '4');

    board_set_console(&b, NULL);
    out(COM, '5');
    CHECK((in(COM + 5) & 0x20) && page.out_prod == 2050);
}

static void typing(void)
{
    set_up(0);
    out(COM + 2, 1);
    out(COM + 4, 8);
    out(COM + 1, 1);
    memcpy(page.in, "hello, world of many bytes", 26);
    page.in_prod = 26;
    board_run(&b, now);
    CHECK(page.in_cons == 16 && board_interrupt(&b) && board_acknowledge(&b) == 0x24);
    CHECK(in(COM + 2) == 0xc4);
    for (unsigned i = 0; i < 26; i++)
        CHECK(in(COM) == (uint8_t)page.in[i]);
    CHECK(page.in_cons == 26 && in(COM + 2) == 0xc1 && !(in(COM + 5) & 1));
    out(0x20, 0x20);
    (void)board_acknowledge(&b);
    out(0x20, 0x20);
    CHECK(!board_interrupt(&b));
    out(COM + 2, 0); /* one byte each: each is an edge of its own */
    memcpy(page.in + 26, "abc", 3);
    page.in_prod = 29;
    for (unsigned i = 0; i < 3; i++) {
        board_run(&b, now);
        CHECK(board_interrupt(&b) && board_acknowledge(&b) == 0x24 && in(COM) == 'a' + i);
        out(0x20, 0x20);
    }
    CHECK(!board_interrupt(&b));
}

/* Indices that cannot be: nothing is read or written by them, and the guest notices a dead line. */
static void hostile_ring(void)
{
    set_up(0);
    out(COM + 2, 1);
    page.in_prod = 1025;
    page.out_cons = 1;
    board_run(&b, now);
    CHECK(!(in(COM + 5) & 1) && page.in_cons == 0);
    out(COM, 'x');
    CHECK(page.out_prod == 0 && page.out[0] == 0);
    now += MS(200);
    board_run(&b, now);
    CHECK(in(COM + 5) & 0x20);
    page.out_prod = 77; /* our own index is not taken from there */
    page.out_cons = 0;
    out(COM, 'y');
    CHECK(page.out_prod == 1 && page.out[0] == 'y');
    page.in_prod = 0x80000000;
    board_run(&b, now);
    CHECK(!(in(COM + 5) & 1));
}

static void clock(void)
{
    set_up(0);
    b.wall = 1700000000; /* 2023-11-14 22:13:20, less what has passed */
    now = SECONDS(40);
    out(0x70, 0);
    CHECK(in(0x71) == 0x00);
    out(0x70, 2);
    CHECK(in(0x71) == 0x14);
}

void test_board(void)
{
    nothing_there();
    restarts();
    timer();
    fastest();
    printing();
    nobody_listens();
    typing();
    hostile_ring();
    clock();
}
