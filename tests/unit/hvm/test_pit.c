/* SPDX-License-Identifier: GPL-2.0-only */
/* The timer: each mode's output and value over time, latches, the gate, ticks that are owed. */
#include <hvm/pit.h>

#include "unit.h"

static struct pit p;

/* ns after which n clocks have passed. */
static uint64_t at(uint64_t n)
{
    return (n * SECONDS(1) + PIT_HZ - 1) / PIT_HZ;
}

/* To look at what began at(m): rounding may have shortened the time between by as much. */
static uint64_t by(uint64_t n)
{
    return at(n) + 2;
}

static void set(unsigned counter, unsigned mode, uint16_t count, uint64_t now)
{
    pit_write(&p, 3, (uint8_t)(counter << 6 | 0x30 | mode << 1), now);
    pit_write(&p, counter, (uint8_t)count, now);
    pit_write(&p, counter, (uint8_t)(count >> 8), now);
}

static uint16_t latched(unsigned counter, uint64_t now)
{
    uint8_t low;

    pit_write(&p, 3, (uint8_t)(counter << 6), now);
    low = pit_read(&p, counter, now);
    return (uint16_t)(low | pit_read(&p, counter, now) << 8);
}

static bool out2(uint64_t now)
{
    return pit_read_61(&p, now) & 0x20;
}

static bool tick(uint64_t now)
{
    return pit_tick(&p, now, true, true);
}

static void gated(bool high, uint64_t now)
{
    pit_write_61(&p, high ? 1 : 0, now);
}

static void one_shots(void)
{
    pit_init(&p);
    gated(true, 0);
    set(2, 0, 1000, 0);
    CHECK(!out2(by(999)) && out2(by(1000)) && out2(by(500000)));
    CHECK(latched(2, by(300)) == 700 && latched(2, by(1001)) == 65535);
    pit_write(&p, 2, 0x10, at(2000)); /* the first byte of two stops it */
    CHECK(!out2(by(90000)));
    pit_write(&p, 2, 0x00, at(3000));
    CHECK(latched(2, by(3004)) == 12);

    set(2, 0, 1000, 0);
    gated(false, at(400)); /* pauses */
    CHECK(latched(2, by(70000)) == 600);
    gated(true, at(70000));
    CHECK(latched(2, by(70100)) == 500 && !out2(by(70599)) && out2(by(70601)));

    gated(false, 0);
    set(2, 1, 100, 0);
    CHECK(out2(by(5000))); /* not triggered */
    gated(true, at(5000));
    CHECK(!out2(by(5099)) && out2(by(5100)));
    gated(false, at(5200));
    gated(true, at(6000)); /* again */
    CHECK(!out2(by(6050)) && out2(by(6101)));

    set(2, 4, 10, 0);
    CHECK(out2(by(9)) && !out2(by(10)) && out2(by(11)));
    gated(false, at(100));
    set(2, 5, 10, at(100));
    CHECK(out2(by(150)));
    gated(true, at(200));
    CHECK(!out2(by(210)) && out2(by(211)));
}

static void periods(void)
{
    pit_init(&p);
    gated(true, 0);
    set(2, 2, 100, 0);
    CHECK(out2(by(98)) && !out2(by(99)) && out2(by(100)) && !out2(by(199)));
    set(2, 2, 100, 0);
    CHECK(latched(2, by(30)) == 70 && latched(2, by(130)) == 70);
    set(2, 3, 100, 0);
    CHECK(out2(by(49)) && !out2(by(50)) && !out2(by(99)) && out2(by(100)));
    set(2, 3, 100, 0);
    CHECK(latched(2, by(10)) == 80 && latched(2, by(60)) == 80);
    gated(false, at(60)); /* high, and anew with the gate */
    CHECK(out2(by(70)));
    gated(true, at(70));
    CHECK(out2(by(119)) && !out2(by(120)));
    pit_write(&p, 2, 200, at(130)); /* for the next period */
    pit_write(&p, 2, 0, at(130));
    CHECK(latched(2, by(140)) == 60 && latched(2, by(170)) == 200);
    CHECK(out2(by(269)) && !out2(by(271)));
    set(2, 3, 0, 0); /* the longest */
    CHECK(latched(2, by(10)) == 65516 && out2(by(32767)) && !out2(by(32768)));
}

static void reading(void)
{
    pit_init(&p);
    set(0, 2, 1000, 0);
    CHECK(pit_read(&p, 0, by(1)) == (999 & 0xff)); /* low, high, of the moment */
    CHECK(pit_read(&p, 0, by(1)) == 999 >> 8);
    pit_write(&p, 3, 0xc2, at(10)); /* read back: count and status of counter 0 */
    CHECK(pit_read(&p, 0, by(12)) == 0xb4);
    CHECK(pit_read(&p, 0, by(13)) == (990 & 0xff));
    CHECK(pit_read(&p, 0, by(14)) == 990 >> 8);
    pit_write(&p, 3, 0x00, at(20)); /* a latch does not move, and a second one is for nothing */
    pit_write(&p, 3, 0x00, at(40));
    CHECK(pit_read(&p, 0, by(50)) == (980 & 0xff) && pit_read(&p, 0, by(60)) == 980 >> 8);
    pit_write(&p, 3, 0xee, 0);                  /* the status of all */
    CHECK((pit_read(&p, 1, 0) & 0xc0) == 0x40); /* nothing was loaded */
    CHECK(pit_read(&p, 3, 0) == 0);

    pit_write(&p, 3, 0x31, 0); /* mode 0, decimal */
    pit_write(&p, 0, 0x00, 0);
    pit_write(&p, 0, 0x10, 0);
    CHECK(latched(0, by(1)) == 0x0999 && latched(0, by(1001)) == 0x9999);
    pit_write(&p, 3, 0x10, 0); /* the low byte alone */
    pit_write(&p, 0, 200, 0);
    CHECK(pit_read(&p, 0, by(50)) == 150 && pit_read(&p, 0, by(51)) == 149);
    pit_write(&p, 3, 0x20, 0); /* the high one */
    pit_write(&p, 0, 2, 0);
    CHECK(pit_read(&p, 0, by(1)) == 1);
}

static void ticks(void)
{
    unsigned n = 0;

    pit_init(&p);
    CHECK(pit_next(&p) == UINT64_MAX && !tick(at(100)));
    set(0, 2, 1193, 0); /* a thousand a second */
    CHECK(pit_next(&p) == at(1193));
    for (uint64_t now = 0; now <= SECONDS(10); now += US(100))
        n += tick(now);
    CHECK(n == 10 * PIT_HZ / 1193);
    CHECK(pit_next(&p) > SECONDS(10) && pit_next(&p) < SECONDS(10) + MS(1));

    set(0, 4, 1193, SECONDS(10)); /* one */
    CHECK(!tick(SECONDS(10) + US(990)) && tick(SECONDS(10) + US(1000)));
    CHECK(pit_next(&p) == UINT64_MAX && !tick(SECONDS(20)));
    set(0, 0, 1193, SECONDS(20));
    CHECK(tick(SECONDS(21)) && !tick(SECONDS(30)));
    set(0, 1, 1193, SECONDS(30)); /* never triggered */
    CHECK(pit_next(&p) == UINT64_MAX && !tick(SECONDS(40)));
}

/* Nobody takes ticks for a while. */
static void owed(void)
{
    unsigned n = 0;

    pit_init(&p);
    set(0, 2, 1193, 0);
    CHECK(!pit_tick(&p, MS(5) + US(500), false, true));
    for (unsigned i = 0; i < 50; i++)
        n += pit_tick(&p, MS(5) + US(500), true, true);
    CHECK(n == 5);
    CHECK(!pit_tick(&p, SECONDS(3600), false, true));
    for (n = 0; pit_tick(&p, SECONDS(3600), true, true); n++)
        ;
    CHECK(n == PIT_OWED(1193));
    CHECK(!pit_tick(&p, SECONDS(3700), false, false)); /* masked: nothing is owed */
    CHECK(!pit_tick(&p, SECONDS(3700), true, true));
    set(0, 2, 2, SECONDS(3700)); /* as fast as it goes: lost, too */
    CHECK(pit_tick(&p, SECONDS(3800), true, true));
    CHECK(!pit_tick(&p, SECONDS(3800), true, true));
    set(0, 2, 1193, SECONDS(3800));
    CHECK(!pit_tick(&p, SECONDS(3900), false, true));
    set(0, 2, 1193, SECONDS(3900)); /* forgotten */
    CHECK(!pit_tick(&p, SECONDS(3900), true, true));
    /* After five hundred years of counting. */
    set(0, 2, 1193, 0);
    CHECK(tick(UINT64_MAX / 2) && pit_next(&p) - UINT64_MAX / 2 < MS(1));
}

void test_pit(void)
{
    one_shots();
    periods();
    reading();
    ticks();
    owed();
    pit_init(&p);
    CHECK((pit_read_61(&p, 0) ^ pit_read_61(&p, 15085)) == 0x10);
    pit_write_61(&p, 0xff, 0);
    CHECK((pit_read_61(&p, 0) & 0xcf) == 0x0f);
}
