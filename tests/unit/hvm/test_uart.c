/* SPDX-License-Identifier: GPL-2.0-only */
/* The serial line's registers, as drivers probe and use them. */
#include <hvm/uart.h>

#include "unit.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };
#define FCR IIR

static struct uart u;

static void write(unsigned reg, uint8_t v)
{
    uart_write(&u, reg, v);
}

static uint8_t read(unsigned reg)
{
    return uart_read(&u, reg);
}

static void drain(void)
{
    while (uart_tx_count(&u) != 0)
        (void)uart_tx_take(&u);
}

static void probing(void)
{
    uart_init(&u);
    CHECK(read(LSR) == 0x60 && read(IIR) == 0x01 && read(IER) == 0 && read(DATA) == 0);
    write(IER, 0xff);
    CHECK(read(IER) == 0x0f);
    write(IER, 0);
    write(MCR, 0xff);
    CHECK(read(MCR) == 0x1f);
    write(MCR, 0x1a); /* loopback: Linux's test whether there is one */
    CHECK((read(MSR) & 0xf0) == 0x90);
    write(MCR, 0x0b);
    CHECK((read(MSR) & 0xf0) == 0xb0);
    CHECK((read(MSR) & 0x0f) == 0); /* changes are told once */
    write(FCR, 1);
    CHECK((read(IIR) & 0xc0) == 0xc0);
    write(FCR, 0);
    CHECK((read(IIR) & 0xc0) == 0);
    write(SCR, 0x5a);
    CHECK(read(SCR) == 0x5a);
    write(LCR, 0x83);
    CHECK(read(DATA) == 12);
    write(DATA, 1);
    write(IER, 2);
    CHECK(read(DATA) == 1 && read(IER) == 2);
    write(LCR, 0x03);
    CHECK(read(LCR) == 3 && read(IER) == 0);
}

static void sending(void)
{
    uart_init(&u);
    write(MCR, 0x08);
    write(IER, 2); /* tells at once that it is empty, whenever it is turned on */
    CHECK(uart_interrupt(&u) && read(IIR) == 0x02);
    CHECK(!uart_interrupt(&u) && read(IIR) == 0x01);
    write(IER, 0);
    write(IER, 2);
    CHECK(read(IIR) == 0x02);
    write(DATA, 'a');
    CHECK((read(LSR) & 0x60) == 0 && !uart_interrupt(&u));
    write(DATA, 'b'); /* one place: the last one wins */
    CHECK(uart_tx_count(&u) == 1 && uart_tx_take(&u) == 'b');
    CHECK(read(LSR) == 0x60 && uart_interrupt(&u));
    write(DATA, 'c');
    drain();
    write(MCR, 0); /* OUT2 is the gate of a PC */
    CHECK(!uart_interrupt(&u) && read(IIR) == 0x02);

    write(FCR, 1);
    for (unsigned i = 0; i < 20; i++)
        write(DATA, (uint8_t)i);
    CHECK(uart_tx_count(&u) == 16 && uart_tx_take(&u) == 0);
    write(FCR, 5); /* emptied */
    CHECK(uart_tx_count(&u) == 0 && read(LSR) == 0x60 && read(IIR) == 0xc2);
}

static void receiving(void)
{
    uart_init(&u);
    write(MCR, 0x08);
    write(IER, 5);
    CHECK(uart_rx_room(&u) == 1);
    uart_rx_put(&u, 'x');
    CHECK(uart_rx_room(&u) == 0 && read(IIR) == 0x04 && read(LSR) == 0x61);
    CHECK(read(DATA) == 'x' && !uart_interrupt(&u) && read(LSR) == 0x60);

    write(FCR, 0x41); /* four at a time */
    CHECK(uart_rx_room(&u) == 16);
    uart_rx_put(&u, '1');
    CHECK(uart_interrupt(&u) && read(IIR) == 0xcc);
    for (unsigned i = 0; i < 3; i++)
        uart_rx_put(&u, '2');
    CHECK(read(IIR) == 0xc4);
    write(FCR, 0x43);
    CHECK(uart_rx_room(&u) == 16 && read(IIR) == 0xc1);
}

static void loopback(void)
{
    uart_init(&u);
    write(FCR, 1);
    write(IER, 0x0f);
    (void)read(IIR);
    write(MCR, 0x18);
    CHECK(uart_rx_room(&u) == 0 && !uart_interrupt(&u));
    for (unsigned i = 0; i < 17; i++)
        write(DATA, (uint8_t)('A' + i));
    CHECK(uart_tx_count(&u) == 0);
    CHECK(read(IIR) == 0xc6 && read(LSR) == 0x63); /* one was too many */
    CHECK(read(IIR) == 0xc4);
    for (unsigned i = 0; i < 16; i++)
        CHECK(read(DATA) == 'A' + i);
    CHECK(read(IIR) == 0xc2); /* the transmitter is empty */
    CHECK(read(IIR) == 0xc0); /* and the modem lines changed with the loop */
    CHECK(read(MSR) == 0x8b || (read(MSR) & 0xf0) == 0x80);
    CHECK(read(IIR) == 0xc1);
    write(MCR, 0x1c); /* a ring: told when it ends */
    CHECK((read(MSR) & 0x4f) == 0x40);
    write(MCR, 0x18);
    CHECK((read(MSR) & 0x4f) == 0x04);
}

void test_uart(void)
{
    probing();
    sending();
    receiving();
    loopback();
}
