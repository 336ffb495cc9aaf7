/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clocks of known rate: the ACPI PM timer, the HPET, the PIT. Each is read before and after some
 * 25 ms, together with the TSC and the APIC timer. And the CMOS clock, read once.
 */
#include <boot/boot.h>
#include <lib/string.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/time_scale.h>
#include <x86/time_source.h>

#define PM_HZ        3579545ull
#define PIT_HZ       1193182ull
#define INTERVAL_DIV 40         /* 1/40 s */
#define MAX_READS    200000000u /* of a clock that stands still */

/* Read one right after the other, so that their differences cover the same interval. */
struct sample {
    uint64_t clock, tsc;
    uint32_t apic;
};

struct source {
    const char *name;
    bool (*start)(void);    /* false: the machine has none */
    uint64_t (*read)(void); /* counts up, modulo mask + 1 */
    uint64_t mask;
    uint64_t femtoseconds; /* per count; 0: what the HPET says of itself */
};

static volatile uint8_t *hpet_regs;
static uint64_t hpet_period;

static INIT_TEXT bool pm_start(void)
{
    return acpi_info.pm_timer_port != 0;
}

static INIT_TEXT uint64_t pm_read(void)
{
    return inl(acpi_info.pm_timer_port);
}

static INIT_TEXT bool hpet_start(void)
{
    if (acpi_info.hpet_base == 0)
        return false;
    hpet_regs = ioremap(acpi_info.hpet_base, 0x400);
    if (hpet_regs == NULL)
        return false;
    hpet_period = *(volatile uint32_t *)(hpet_regs + 4);
    if (hpet_period == 0 || hpet_period > 100000000)
        return false;
    *(volatile uint32_t *)(hpet_regs + 0x10) |= 1;
    return true;
}

static INIT_TEXT uint64_t hpet_read(void)
{
    return *(volatile uint32_t *)(hpet_regs + 0xf0);
}

/* Channel 2 with the speaker off, counting down from 65535. */
static INIT_TEXT bool pit_start(void)
{
    outb(0x61, (uint8_t)((inb(0x61) & ~2u) | 1u));
    outb(0x43, 0xb4);
    outb(0x42, 0xff);
    outb(0x42, 0xff);
    return true;
}

static INIT_TEXT uint64_t pit_read(void)
{
    uint8_t low;

    outb(0x43, 0x80);
    low = inb(0x42);
    return 0xffffull - (low | ((uint64_t)inb(0x42) << 8));
}

static INIT_TEXT void sample(const struct source *s, struct sample *out)
{
    out->clock = s->read();
    out->tsc = rdtsc();
    out->apic = apic_read(APIC_TIMER_NOW);
}

/*
 * Reads often enough that the clock cannot go round between two reads (the PIT does every 55 ms). A
 * clock that stands still, or one that never gets there, is given up: false.
 */
static INIT_TEXT bool measure(const struct source *s, struct time_measurement *m)
{
    uint64_t period = s->femtoseconds != 0 ? s->femtoseconds : hpet_period;
    uint64_t counts = 1000000000000000ull / INTERVAL_DIV / period, passed = 0, last;
    struct sample a, b;
    unsigned reads = 0, still = 0;

    sample(s, &a);
    last = a.clock;
    do {
        sample(s, &b);
        still = b.clock == last ? still + 1 : 0;
        passed += (b.clock - last) & s->mask;
        last = b.clock;
        if (still > 1000000 || ++reads > MAX_READS)
            return false;
    } while (passed < counts);
    m->ns = time_mul_div(passed, period, 1000000);
    m->tsc = b.tsc - a.tsc;
    m->apic = a.apic - b.apic;
    return true;
}

INIT_TEXT const char *time_source_measure(const char *wanted, struct time_measurement *m)
{
    const struct source sources[] = {
        {"acpi", pm_start, pm_read, 0xffffff, 1000000000000000ull / PM_HZ},
        {"hpet", hpet_start, hpet_read, UINT32_MAX, 0},
        {"pit", pit_start, pit_read, 0xffff, 1000000000000000ull / PIT_HZ},
    };

    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
            const struct source *s = &sources[i];

            if (pass == 0 && strcmp(s->name, wanted) != 0)
                continue;
            if (s->start() && measure(s, m))
                return i == 0 ? "ACPI PM timer" : i == 1 ? "HPET" : "PIT";
        }
    return NULL;
}

static INIT_TEXT unsigned cmos(unsigned reg)
{
    outb(0x70, (uint8_t)reg);
    return inb(0x71);
}

/* While bit 7 of register A is set the clock is being updated and must not be read. */
static INIT_TEXT void cmos_read(unsigned v[6])
{
    static const uint8_t regs[6] = {0, 2, 4, 7, 8, 9}; /* s, min, h, day, month, year */

    for (unsigned n = 0; n < 1000000 && (cmos(0xa) & 0x80); n++)
        cpu_relax();
    for (unsigned i = 0; i < 6; i++)
        v[i] = cmos(regs[i]);
}

/* Read until two readings agree: the second may change between the registers. */
INIT_TEXT uint64_t time_source_cmos(void)
{
    unsigned v[6], again[6], status, pm, year, month;
    int64_t days;

    cmos_read(v);
    for (unsigned n = 0; n < 10; n++) {
        cmos_read(again);
        if (memcmp(v, again, sizeof(v)) == 0)
            break;
        memcpy(v, again, sizeof(v));
    }
    status = cmos(0xb); /* bit 2: binary, not BCD; bit 1: 24 hours */
    pm = v[2] & 0x80;
    v[2] &= 0x7f;
    if (!(status & 4))
        for (unsigned i = 0; i < 6; i++)
            v[i] = (v[i] >> 4) * 10 + (v[i] & 15);
    if (!(status & 2))
        v[2] = v[2] % 12 + (pm ? 12 : 0);

    /* Days since 1970, counting years from March so that the leap day comes last. */
    year = 2000 + v[5] % 100;
    month = v[4];
    if (month <= 2) {
        year--;
        month += 12;
    }
    days = 365 * (int64_t)year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 +
           v[3] - 1 - 719468;
    return ((uint64_t)days * 24 + v[2]) * 3600 + v[1] * 60 + v[0];
}
