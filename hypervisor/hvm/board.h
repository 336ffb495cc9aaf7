/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine that a fully virtualized guest finds, without its processor and memory: two 8259, an
 * 8254, a 16550 on line 4, a clock, and the ports that restart it. All of it is port I/O, and all
 * of it is here, as one structure and functions of it that take the time, in ns, as a parameter.
 * Where the machine has nothing, reads are ones and writes have no effect.
 *
 * The processor's part calls board_in() and board_out() for the guest's accesses, board_run() when
 * the time of board_next() has come or the console's other end has sent an event, and asks
 * board_interrupt() before each entry; vint.h says what to do with it. After each of them, and
 * after board_acknowledge(), board_next() may be another one and board_console_notify() true. One
 * caller at a time: no lock.
 */
#ifndef HVM_BOARD_H
#define HVM_BOARD_H

#include <hvm/pic.h>
#include <hvm/pit.h>
#include <hvm/rtc.h>
#include <hvm/uart.h>
#include <lib/types.h>
#include <public/io/console.h>
#include <rings/byte_ring.h>

struct board {
    struct pic pic;
    struct pit pit;
    struct uart uart;
    struct rtc rtc;
    struct byte_ring out, in; /* the console page, if there is one */
    bool console;             /* there is */
    bool unheard;             /* the ring has been full for so long that nobody seems to listen */
    uint64_t full_since;      /* what is to be sent has found no room since; UINT64_MAX: it does */
    uint64_t notify_at;       /* the console's other end is to get an event; UINT64_MAX: no */
    uint64_t ticked_at;       /* the last edge of line 0 */
    int64_t wall;             /* seconds since 1970 at time 0; the owner may set it at any time */
    uint8_t port92, portcf9;
    bool reset; /* the guest has asked for it; stays set */
};

void board_init(struct board *b);
/* The guest's console from now on: a page that dom0 maps. NULL: none, what is printed is lost. */
void board_set_console(struct board *b, struct xencons_interface *page);

/* size: 1, 2 or 4. */
uint32_t board_in(struct board *b, uint16_t port, unsigned size, uint64_t now);
void board_out(struct board *b, uint16_t port, unsigned size, uint32_t v, uint64_t now);
void board_run(struct board *b, uint64_t now);
/* When board_run() has something to do if nothing else happens; UINT64_MAX: never. */
uint64_t board_next(const struct board *b);
/* True once: send an event to the other end. */
bool board_console_notify(struct board *b, uint64_t now);

static inline bool board_interrupt(const struct board *b)
{
    return pic_pending(&b->pic);
}

/* The vector to inject; only where board_interrupt(). */
static inline uint8_t board_acknowledge(struct board *b)
{
    return pic_acknowledge(&b->pic);
}

#endif
