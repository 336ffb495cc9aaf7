/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock against the host's calendar, in all of its forms; setting it; nonsense in it. */
#include <hvm/rtc.h>
#include <time.h>

#include "unit.h"

#define SET 0x80

static struct rtc r;

static uint8_t get(unsigned reg, int64_t wall)
{
    rtc_select(&r, (uint8_t)reg);
    return rtc_read(&r, wall);
}

static void put(unsigned reg, uint8_t v, int64_t wall)
{
    rtc_select(&r, (uint8_t)(reg | 0x80));
    rtc_write(&r, v, wall);
}

static uint8_t bcd(int v)
{
    return (uint8_t)(v % 10 | v / 10 << 4);
}

static void calendar(void)
{
    unsigned wrong = 0;

    rtc_init(&r);
    for (unsigned i = 0; i < 20000; i++) {
        int64_t t = (int64_t)unit_random() * 3 - 1000000000; /* 1938 to 2346 */
        struct tm tm;
        time_t host = t;

        if (i == 0)
            t = host = 951782400; /* 2000-02-29 */
        (void)gmtime_r(&host, &tm);
        wrong += get(0, t) != bcd(tm.tm_sec) || get(2, t) != bcd(tm.tm_min);
        wrong += get(4, t) != bcd(tm.tm_hour) || get(6, t) != tm.tm_wday + 1;
        wrong += get(7, t) != bcd(tm.tm_mday) || get(8, t) != bcd(tm.tm_mon + 1);
        wrong += get(9, t) != bcd(tm.tm_year % 100) || get(0x32, t) != bcd(19 + tm.tm_year / 100);
    }
    CHECK(wrong == 0);
    CHECK(!(get(0x0a, 5) & 0x80) && get(0x0c, 5) == 0 && get(0x0d, 5) == 0x80);
    put(0x0a, 0xff, 5);
    CHECK(get(0x0a, 5) == 0x7f); /* an update is never under way */
    put(0x0d, 0, 5);
    CHECK(get(0x0d, 5) == 0x80);
}

static void forms(void)
{
    static const uint8_t hours[] = {0x12, 0x01, 0x11, 0x92, 0x81, 0x91};
    static const uint8_t at[] = {0, 1, 11, 12, 13, 23};

    rtc_init(&r);
    put(0x0b, 0x00, 0); /* BCD, twelve hours */
    for (unsigned i = 0; i < sizeof(at); i++)
        CHECK(get(4, at[i] * 3600) == hours[i]);
    put(0x0b, 0x06, 0); /* binary, 24 hours */
    CHECK(get(4, 23 * 3600) == 23 && get(0, 59) == 59 && get(9, 0) == 70 && get(0x32, 0) == 19);
}

static void setting(void)
{
    rtc_init(&r);
    put(0x0b, SET | 2, 1000); /* stopped, at 1970-01-01 00:16:40 */
    CHECK(get(0, 5000) == 0x40 && get(2, 5000) == 0x16);
    put(9, 0x24, 5000);
    put(0x32, 0x20, 5000);
    put(8, 0x02, 5000);
    put(7, 0x29, 5000);
    put(4, 0x23, 5000);
    put(0x0b, 2, 6000); /* 2024-02-29 23:16:40 at 6000 */
    CHECK(get(4, 6000) == 0x23 && get(7, 6000) == 0x29 && get(0x32, 6000) == 0x20);
    CHECK(get(7, 6000 + 3600) == 0x01 && get(8, 6000 + 3600) == 0x03 && get(9, 9600) == 0x24);
    put(2, 0x30, 6010); /* as it runs */
    CHECK(get(2, 6010) == 0x30 && get(0, 6010) == 0x50 && get(4, 6010) == 0x23);
}

static void memory(void)
{
    unsigned wrong = 0;

    rtc_init(&r);
    put(0x0f, 0xaa, 0);
    put(0x7f, 0x55, 0);
    CHECK(get(0x0f, 0) == 0xaa && get(0x7f, 0) == 0x55 && get(0x40, 0) == 0);
    for (unsigned i = 0; i < 200000; i++) {
        int64_t wall = (int64_t)unit_random() << (unit_random() % 8);

        put(unit_random() % 0x40, (uint8_t)unit_random(), wall);
        wrong += (get(0x0a, wall) & 0x80) != 0;
        (void)get(unit_random() & 0xff, wall);
        /* Nonsense moves the clock by no more than its registers can say. */
        wrong += r.offset > INT64_C(26000) * 366 * 86400 || r.offset < -(INT64_C(1) << 42);
    }
    CHECK(wrong == 0);
}

void test_rtc(void)
{
    calendar();
    forms();
    setting();
    memory();
}
