/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock (Motorola MC146818, and the century where PCs keep it). Its time is what it is told
 * plus an offset, which a guest changes by setting the clock: with SET of register B, as it should,
 * or one register at a time.
 */
#include <hvm/rtc.h>

enum {
    SECOND = 0,
    MINUTE = 2,
    HOUR = 4,
    WEEKDAY = 6,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D
};
#define CENTURY 0x32

#define A_DEFAULT 0x26u /* 32768 Hz; and a rate, of interrupts that there are not */
#define A_UIP     0x80u
#define B_SET     0x80u
#define B_BINARY  0x04u
#define B_24_HOUR 0x02u
#define D_VALID   0x80u
#define PM        0x80u /* of an hour in the other form */

#define DAY_SECONDS 86400

struct date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

/* Division that rounds down, for times before the epoch as well. */
static int64_t div_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days in the years before this one, of a calendar whose years begin in March of year 0. */
static int64_t days_before_year(int64_t y)
{
    return 365 * y + div_down(y, 4) - div_down(y, 100) + div_down(y, 400);
}

/* The same, in the months before this one: 0 is March. */
static int64_t days_before_month(unsigned m)
{
    return (153 * m + 2) / 5;
}

#define EPOCH 719468 /* 1970-01-01 in days of that calendar */

static int64_t days_of(const struct date *d)
{
    bool early = d->month <= 2;
    unsigned m = early ? d->month + 9 : d->month - 3;

    return days_before_year(early ? d->year - 1 : d->year) + days_before_month(m) + d->day - 1 -
           EPOCH;
}

static struct date date_of(int64_t days)
{
    struct date d;
    unsigned m = 11;
    int64_t y;

    days += EPOCH;
    y = div_down(days * 400, 146097); /* right, or one off */
    if (days_before_year(y + 1) <= days)
        y++;
    if (days_before_year(y) > days)
        y--;
    days -= days_before_year(y);
    while (m > 0 && days_before_month(m) > days)
        m--;
    d.day = (unsigned)(days - days_before_month(m)) + 1;
    d.month = m < 10 ? m + 3 : m - 9;
    d.year = m < 10 ? y : y + 1;
    return d;
}

static uint8_t encode(const struct rtc *r, unsigned v)
{
    return (uint8_t)((r->bytes[REG_B] & B_BINARY) ? v : v % 10 | v / 10 << 4);
}

static unsigned decode(const struct rtc *r, uint8_t v)
{
    return (r->bytes[REG_B] & B_BINARY) ? v : (v & 0xfu) + (v >> 4) * 10u;
}

static uint8_t encode_hour(const struct rtc *r, unsigned h)
{
    if (r->bytes[REG_B] & B_24_HOUR)
        return encode(r, h);
    return encode(r, h % 12 == 0 ? 12 : h % 12) | (h >= 12 ? PM : 0);
}

static unsigned decode_hour(const struct rtc *r, uint8_t v)
{
    if (r->bytes[REG_B] & B_24_HOUR)
        return decode(r, v);
    return decode(r, v & (uint8_t)~PM) % 12 + (v & PM ? 12 : 0);
}

static bool is_clock(unsigned reg)
{
    return reg == SECOND || reg == MINUTE || reg == HOUR || (reg >= WEEKDAY && reg <= YEAR) ||
           reg == CENTURY;
}

/* A register as it is at t, seconds since 1970. */
static uint8_t clock_register(const struct rtc *r, unsigned reg, int64_t t)
{
    int64_t days = div_down(t, DAY_SECONDS);
    unsigned second = (unsigned)(t - days * DAY_SECONDS);
    struct date d = date_of(days);

    switch (reg) {
    case SECOND:
        return encode(r, second % 60);
    case MINUTE:
        return encode(r, second / 60 % 60);
    case HOUR:
        return encode_hour(r, second / 3600);
    case WEEKDAY: /* Sunday is 1; the epoch was a Thursday */
        return encode(r, (unsigned)(days + 4 - div_down(days + 4, 7) * 7) + 1);
    case DAY:
        return encode(r, d.day);
    case MONTH:
        return encode(r, d.month);
    case YEAR:
        return encode(r, (unsigned)(d.year - div_down(d.year, 100) * 100));
    default:
        return encode(r, (unsigned)(div_down(d.year, 100) - div_down(d.year, 10000) * 100));
    }
}

static void stop(struct rtc *r, int64_t wall)
{
    for (unsigned reg = 0; reg < sizeof(r->bytes); reg++)
        if (is_clock(reg))
            r->bytes[reg] = clock_register(r, reg, wall + r->offset);
}

/* Goes on from what the registers say. What is no date is the day that it would be by counting. */
static void go(struct rtc *r, int64_t wall)
{
    struct date d = {.year = decode(r, r->bytes[CENTURY]) * 100 + decode(r, r->bytes[YEAR]),
                     .month = decode(r, r->bytes[MONTH]) % 16,
                     .day = decode(r, r->bytes[DAY])};
    int64_t t;

    if (d.month == 0 || d.month > 12)
        d.month = 1;
    t = days_of(&d) * DAY_SECONDS + decode_hour(r, r->bytes[HOUR]) * 3600 +
        decode(r, r->bytes[MINUTE]) * 60 + decode(r, r->bytes[SECOND]);
    r->offset = t - wall;
}

void rtc_init(struct rtc *r)
{
    *r = (struct rtc){0};
    r->bytes[REG_A] = A_DEFAULT;
    r->bytes[REG_B] = B_24_HOUR;
}

void rtc_select(struct rtc *r, uint8_t v)
{
    r->index = v & 0x7f; /* bit 7 masks NMI, of which there is none */
}

uint8_t rtc_read(const struct rtc *r, int64_t wall)
{
    if (r->index == REG_C)
        return 0; /* no interrupt has happened */
    if (r->index == REG_D)
        return D_VALID;
    if (is_clock(r->index) && !(r->bytes[REG_B] & B_SET))
        return clock_register(r, r->index, wall + r->offset);
    return r->bytes[r->index];
}

void rtc_write(struct rtc *r, uint8_t v, int64_t wall)
{
    bool set = r->bytes[REG_B] & B_SET;

    if (r->index == REG_C || r->index == REG_D)
        return;
    if (r->index == REG_A)
        v &= (uint8_t)~A_UIP;
    if (r->index == REG_B && !set && (v & B_SET)) {
        r->bytes[REG_B] = v;
        stop(r, wall);
        return;
    }
    if (is_clock(r->index) && !set)
        stop(r, wall);
    r->bytes[r->index] = v;
    if ((is_clock(r->index) && !set) || (r->index == REG_B && set && !(v & B_SET)))
        go(r, wall);
}
