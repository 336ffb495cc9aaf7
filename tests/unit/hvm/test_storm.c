/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that writes anything to any port at any time, and a dom0 that writes anything to the
 * console page. What must be true whatever they do: a vector is one that was set up, in service is
 * what has been acknowledged, indices of the ring are our own, time that nobody asked for asks for
 * no more than a bounded number of timers, and registers that nobody can wait for are never stuck.
 */
#include <hvm/board.h>
#include <string.h>

#include "unit.h"

static struct board b;
static struct xencons_interface page;
static unsigned wrong;

static const uint16_t ports[] = {0x20,  0x21,  0xa0,  0xa1,  0x40,  0x41,  0x42,  0x43,  0x61,
                                 0x64,  0x70,  0x71,  0x92,  0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc,
                                 0x3fd, 0x3fe, 0x3ff, 0x4d0, 0x4d1, 0xcf8, 0xcf9, 0x80,  0x60};

/* Some are written often: words that begin something. */
static uint8_t value(void)
{
    static const uint8_t some[] = {0x11, 0x13, 0x20, 0xa0, 0x0c, 0x0b, 0x68, 0x48,
                                   0x60, 0xc3, 0x80, 0x34, 0x30, 0xb0, 0x14, 0xe2,
                                   0x00, 0x01, 0x03, 0x0f, 0xff, 0x1b};

    return unit_random() % 2 ? (uint8_t)unit_random() : some[unit_random() % sizeof(some)];
}

static void invariants(uint64_t now)
{
    struct pic_chip *c = b.pic.chip;

    wrong += b.uart.rx.count > UART_FIFO || b.uart.tx.count > UART_FIFO;
    wrong += b.out.own != page.out_prod || b.in.own != page.in_cons;
    wrong += b.pit.owed > PIT_OWED(PIT_OWED_PERIOD);
    wrong += (c[0].elcr & 0x07) != 0 || (c[1].elcr & 0x21) != 0;
    wrong += (c[0].vector_base & 7) != 0 || c[0].lowest > 7 || c[1].lowest > 7;
    for (unsigned i = 0; i < 3; i++) {
        struct pit_counter *p = &b.pit.counter[i];

        wrong += p->mode > 5 || p->count > 65536 || p->next > 65536;
        wrong += p->counting && (p->count == 0 || p->next == 0);
    }
    /* What waits for room waits no longer than it may. */
    wrong += b.full_since != UINT64_MAX && now >= b.full_since + MS(101);
    wrong += (board_in(&b, 0x71, 1, now) & 0x80) && b.rtc.index == 0x0a;
}

static void acknowledge(void)
{
    uint8_t first = b.pic.chip[0].vector_base, second = b.pic.chip[1].vector_base, v;
    bool pending = board_interrupt(&b);

    wrong += pending && !b.pic.chip[0].ready;
    v = board_acknowledge(&b);
    wrong += (v & 0xf8) != first && (v & 0xf8) != second;
    if (pending && !b.pic.chip[0].aeoi)
        wrong += b.pic.chip[0].isr == 0;
}

static void storm(unsigned steps)
{
    uint64_t now = unit_random();

    board_init(&b);
    memset(&page, 0, sizeof(page));
    board_set_console(&b, &page);
    for (unsigned i = 0; i < steps; i++) {
        uint16_t port = ports[unit_random() % ARRAY_SIZE(ports)];
        unsigned size = 1u << (unit_random() % 8 == 0 ? unit_random() % 3 : 0);

        if (unit_random() % 64 == 0)
            port = (uint16_t)unit_random();
        switch (unit_random() % 8) {
        case 0:
            now += (uint64_t)unit_random() << (unit_random() % 12);
            break;
        case 1:
            acknowledge();
            break;
        case 2:
        case 3:
            wrong += size < 4 && board_in(&b, port, size, now) >> (8 * size) != 0;
            break;
        case 4:
            now += unit_random() % 4096;
            page.out_cons = unit_random() % 4 ? page.out_prod : unit_random();
            page.in_prod = page.in_cons + unit_random() % 2000;
            break;
        default:
            board_out(&b, port, size, value() | (uint32_t)value() << 8 | unit_random() << 16, now);
        }
        board_run(&b, now);
        (void)board_console_notify(&b, now);
        invariants(now);
    }
}

/* From any state on: a second in which the guest takes each interrupt, and does nothing else. */
static void quiet_second(void)
{
    uint64_t now = UINT64_C(1) << 50, end = now + SECONDS(1);
    unsigned runs = 0;

    board_run(&b, now);
    for (; runs < 100000; runs++) {
        uint64_t next = board_next(&b);

        if (next > end)
            break;
        now = MAX(now, next);
        board_run(&b, now);
        (void)board_console_notify(&b, now);
        if (board_interrupt(&b))
            acknowledge();
    }
    wrong += runs > 50010; /* one in 20 us, and the console's */
}

void test_storm(void)
{
    for (unsigned round = 0; round < 400; round++) {
        storm(2000);
        quiet_second();
    }
    CHECK(wrong == 0);
}
