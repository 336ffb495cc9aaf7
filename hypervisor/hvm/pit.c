/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 (Intel data sheet, order number 231164). A counter is where it began and how long ago;
 * its value and its output follow from the mode. A count is loaded at once where the chip takes one
 * clock for it.
 *
 * Counters 0 and 1 have their gates high for good, so their modes 1 and 5 never begin.
 */
#include <hvm/pit.h>

#define GATE_2    0x01u /* of port 61 */
#define WRITABLE  0x0fu
#define REFRESH   0x10u
#define OUTPUT_2  0x20u
#define REFRESHED 15085u /* ns from one change of that bit to the next */

#define READ_BACK 3u /* in place of a counter's number */

/* The clocks of a span of time; whole seconds apart, so that nothing overflows. */
static uint64_t clocks(uint64_t ns)
{
    return ns / SECONDS(1) * PIT_HZ + ns % SECONDS(1) * PIT_HZ / SECONDS(1);
}

/* The span after which so many clocks have passed. */
static uint64_t span(uint64_t n)
{
    return n / PIT_HZ * SECONDS(1) + DIV_UP(n % PIT_HZ * SECONDS(1), PIT_HZ);
}

static bool periodic(const struct pit_counter *c)
{
    return c->mode == 2 || c->mode == 3;
}

/* A low gate stops all modes but those that it triggers. */
static bool running(const struct pit_counter *c)
{
    return c->counting && (c->gate || c->mode == 1 || c->mode == 5);
}

/* Clocks counted down. */
static uint64_t elapsed(const struct pit_counter *c, uint64_t now)
{
    uint64_t passed = running(c) && now > c->since ? clocks(now - c->since) : 0;

    return (int64_t)passed > c->base ? passed - (uint64_t)c->base : 0;
}

/* Goes on from there. */
static void place(struct pit_counter *c, uint64_t now, uint64_t counted)
{
    c->since = now;
    c->base = -(int64_t)counted;
}

static void begin(struct pit_counter *c, uint64_t now)
{
    c->count = c->next;
    c->null = false;
    c->counting = true;
    c->done = false;
    place(c, now, 0);
}

/*
 * Takes note of the output's edges up to now. In the periodic modes a count that was written in
 * the middle of a period is loaded at its end, so that there are at most two steps.
 */
static void settle(struct pit_counter *c, uint64_t now)
{
    uint64_t e = elapsed(c, now);

    if (!c->counting)
        return;
    if (!periodic(c)) {
        if (!c->done && e >= c->count) {
            c->done = true;
            c->ticks++;
        }
        return;
    }
    if (e >= c->count && c->next != c->count) {
        c->base += c->count;
        e -= c->count;
        c->count = c->next;
        c->ticks++;
    }
    if (e >= c->count) {
        c->ticks += e / c->count;
        c->base += (int64_t)(e - e % c->count);
    }
    c->null = c->next != c->count;
}

/* Of one that is settled, as value() below. */
static bool output(const struct pit_counter *c, uint64_t now)
{
    uint64_t e = elapsed(c, now);

    if (!c->counting)
        return c->mode != 0;
    switch (c->mode) {
    case 0:
    case 1:
        return e >= c->count;
    case 2:
        return !c->gate || e % c->count != c->count - 1;
    case 3:
        return !c->gate || e % c->count < (c->count + 1) / 2;
    default:
        return e != c->count;
    }
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12);
}

/* Digits above nine are what they say: no program means them. */
static uint32_t from_bcd(uint16_t v)
{
    return (v & 0xfu) + (v >> 4 & 0xfu) * 10 + (v >> 8 & 0xfu) * 100 + (v >> 12) * 1000u;
}

/* As it is read: the full range is 0. */
static uint16_t value(const struct pit_counter *c, uint64_t now)
{
    uint64_t e = elapsed(c, now), range = c->bcd ? 10000 : 65536, v;

    if (!c->counting)
        v = c->next;
    else if (c->mode == 2)
        v = c->count - e % c->count;
    else if (c->mode == 3)
        v = (c->count - 2 * e % c->count) & ~1ull;
    else
        v = (c->count + range - e % range) % range;
    return c->bcd ? to_bcd((uint32_t)v) : (uint16_t)v;
}

static void load(struct pit_counter *c, uint16_t v, uint64_t now)
{
    uint32_t n = c->bcd ? from_bcd(v) : v;

    c->next = n != 0 ? n : c->bcd ? 10000 : 65536;
    c->null = true;
    if (c->mode == 0 || c->mode == 4 || (periodic(c) && !c->counting))
        begin(c, now);
}

static void write_count(struct pit_counter *c, uint8_t v, uint64_t now)
{
    if (c->access != 3) {
        load(c, c->access == 2 ? (uint16_t)(v << 8) : v, now);
    } else if (!c->write_high) {
        c->written = v;
        c->write_high = true;
        if (c->mode == 0)
            c->counting = false; /* until the second byte comes */
    } else {
        c->write_high = false;
        load(c, (uint16_t)(v << 8 | c->written), now);
    }
}

static void latch_count(struct pit_counter *c, uint64_t now)
{
    settle(c, now);
    if (c->latched_bytes != 0)
        return;
    c->latch = value(c, now);
    c->latched_bytes = c->access == 3 ? 2 : 1;
}

static void latch_status(struct pit_counter *c, uint64_t now)
{
    settle(c, now);
    if (c->status_latched)
        return;
    c->status_latched = true;
    c->status =
        (uint8_t)(output(c, now) << 7 | c->null << 6 | c->access << 4 | c->mode << 1 | c->bcd);
}

/* What a counter was doing ends; its gate is as it was. */
static void set_mode(struct pit_counter *c, uint8_t v)
{
    bool gate = c->gate;

    *c = (struct pit_counter){.gate = gate, .null = true};
    c->access = v >> 4 & 3;
    c->mode = v >> 1 & 7;
    if (c->mode > 5)
        c->mode -= 4;
    c->bcd = v & 1;
}

/* Several counters at once; bits 4 and 5 are low for what is wanted. */
static void read_back(struct pit *p, uint8_t v, uint64_t now)
{
    for (unsigned i = 0; i < 3; i++) {
        if (!(v & 2u << i))
            continue;
        if (!(v & 0x20))
            latch_count(&p->counter[i], now);
        if (!(v & 0x10))
            latch_status(&p->counter[i], now);
    }
}

static void control(struct pit *p, uint8_t v, uint64_t now)
{
    unsigned which = v >> 6;

    if (which == READ_BACK) {
        read_back(p, v, now);
    } else if ((v & 0x30) == 0) {
        latch_count(&p->counter[which], now);
    } else {
        set_mode(&p->counter[which], v);
        if (which == 0)
            p->owed = 0;
    }
}

void pit_init(struct pit *p)
{
    *p = (struct pit){0};
    for (unsigned i = 0; i < 3; i++)
        p->counter[i] = (struct pit_counter){.gate = i != 2, .access = 3, .null = true};
}

void pit_write(struct pit *p, unsigned port, uint8_t v, uint64_t now)
{
    if (port == 3) {
        control(p, v, now);
        return;
    }
    settle(&p->counter[port], now);
    write_count(&p->counter[port], v, now);
}

uint8_t pit_read(struct pit *p, unsigned port, uint64_t now)
{
    struct pit_counter *c;
    uint16_t v;
    bool high;

    if (port == 3)
        return 0;
    c = &p->counter[port];
    settle(c, now);
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->latched_bytes != 0) {
        high = c->access == 2 || (c->access == 3 && c->latched_bytes == 1);
        c->latched_bytes--;
        v = c->latch;
    } else {
        high = c->access == 2 || (c->access == 3 && c->read_high);
        c->read_high = c->access == 3 && !c->read_high;
        v = value(c, now);
    }
    return (uint8_t)(high ? v >> 8 : v);
}

uint8_t pit_read_61(struct pit *p, uint64_t now)
{
    settle(&p->counter[2], now);
    return (uint8_t)(p->port61 | (now / REFRESHED % 2 ? REFRESH : 0) |
                     (output(&p->counter[2], now) ? OUTPUT_2 : 0));
}

void pit_write_61(struct pit *p, uint8_t v, uint64_t now)
{
    struct pit_counter *c = &p->counter[2];
    bool high = v & GATE_2;

    p->port61 = v & WRITABLE;
    if (high == c->gate)
        return;
    settle(c, now);
    if (!high) {
        if (c->mode != 1 && c->mode != 5)
            place(c, now, elapsed(c, now));
        c->gate = false;
        return;
    }
    c->gate = true;
    if (c->mode == 0 || c->mode == 4)
        place(c, now, elapsed(c, c->since)); /* goes on */
    else if (c->next != 0)
        begin(c, now); /* triggered; the periodic ones anew */
}

bool pit_tick(struct pit *p, uint64_t now, bool can_take, bool keep)
{
    struct pit_counter *c = &p->counter[0];
    uint64_t all;

    settle(c, now);
    all = p->owed + c->ticks;
    if (all == 0)
        return false;
    c->ticks = 0;
    if (can_take)
        all--;
    keep = keep && c->count >= PIT_OWED_PERIOD;
    p->owed = keep ? (unsigned)MIN(all, (uint64_t)PIT_OWED(c->count)) : 0;
    return can_take;
}

uint64_t pit_next(const struct pit *p)
{
    const struct pit_counter *c = &p->counter[0];

    if (!c->counting || (!periodic(c) && c->done))
        return UINT64_MAX;
    return c->since + span((uint64_t)(c->base + c->count));
}
