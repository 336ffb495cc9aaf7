/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550 at one of the two standard places. Output fills its queue of 16 characters whenever that
 * is empty, and whoever calls sees to it that this is looked at again; input comes by interrupt.
 * No lock here: the console's orders output, and one CPU gets the interrupt.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/serial.h>

#define UART_DATA    0
#define UART_IER     1
#define UART_FCR     2
#define UART_LCR     3
#define UART_MCR     4
#define UART_LSR     5
#define UART_SCRATCH 7
#define LSR_DATA     0x01u
#define LSR_EMPTY    0x20u
#define LSR_SENT     0x40u   /* the last one as well, which is out of the queue */
#define IIR_FIFO     0xc0u   /* both bits: it has a queue that works */
#define MAX_WAIT     100000u /* reads of a line that is stuck; more where it is slow */

static uint16_t serial_port; /* 0: none */
static unsigned serial_isa_irq, serial_fifo, serial_baud;

/* The scratch register keeps what is written: no other proof that there is a port at all. */
static bool set_up(uint16_t port, unsigned baud)
{
    unsigned divisor = 115200 / baud;

    outb((uint16_t)(port + UART_SCRATCH), 0x5a);
    if (inb((uint16_t)(port + UART_SCRATCH)) != 0x5a)
        return false;
    outb((uint16_t)(port + UART_IER), 0);
    outb((uint16_t)(port + UART_LCR), 0x80);
    outb((uint16_t)(port + UART_DATA), (uint8_t)divisor);
    outb((uint16_t)(port + UART_IER), (uint8_t)(divisor >> 8));
    outb((uint16_t)(port + UART_LCR), 3);   /* 8n1 */
    outb((uint16_t)(port + UART_FCR), 7);   /* FIFOs on and empty */
    outb((uint16_t)(port + UART_MCR), 0xb); /* DTR, RTS, interrupt line on */
    serial_fifo = (inb((uint16_t)(port + UART_FCR)) & IIR_FIFO) == IIR_FIFO ? SERIAL_FIFO : 1;
    serial_baud = baud;
    return true;
}

bool serial_init(const char *spec)
{
    unsigned baud = 0;
    uint16_t port;

    if (strncmp(spec, "com1", 4) == 0)
        port = 0x3f8;
    else if (strncmp(spec, "com2", 4) == 0)
        port = 0x2f8;
    else
        return false;
    if (spec[4] == ',')
        for (const char *p = spec + 5; *p >= '0' && *p <= '9' && baud < 1000000; p++)
            baud = baud * 10 + (unsigned)(*p - '0');
    else if (spec[4] != 0)
        return false;
    if (baud == 0)
        baud = 115200;
    if (baud > 115200 || 115200 % baud != 0 || !set_up(port, baud))
        return false;
    serial_port = port;
    serial_isa_irq = port == 0x3f8 ? 4 : 3;
    return true;
}

static bool serial_shows(uint8_t bit)
{
    return inb((uint16_t)(serial_port + UART_LSR)) & bit;
}

/*
 * A character takes some ninety microseconds or more: no need to keep the bus busy meanwhile, nor
 * an emulator of the port from getting on with it.
 */
static bool serial_wait_for(uint8_t bit)
{
    for (unsigned i = 0; serial_port != 0 && i < MAX_WAIT * (115200 / serial_baud); i++) {
        if (serial_shows(bit))
            return true;
        for (unsigned n = 0; n < 32; n++)
            cpu_relax();
    }
    return false;
}

unsigned serial_write(const char *s, unsigned n)
{
    if (serial_port == 0 || n == 0 || !serial_shows(LSR_EMPTY))
        return 0;
    n = MIN(n, serial_fifo);
    for (unsigned i = 0; i < n; i++)
        outb((uint16_t)(serial_port + UART_DATA), (uint8_t)s[i]);
    return n;
}

bool serial_wait(void)
{
    return serial_wait_for(LSR_EMPTY);
}

bool serial_wait_sent(void)
{
    return serial_wait_for(LSR_SENT);
}

/* Ten bits each, and a little more: a look that comes too early costs a whole turn. */
uint64_t serial_fifo_ns(void)
{
    return serial_fifo * 10300000000ull / serial_baud;
}

static bool serial_getc(char *c)
{
    if (serial_port == 0 || !(inb((uint16_t)(serial_port + UART_LSR)) & LSR_DATA))
        return false;
    *c = (char)inb((uint16_t)(serial_port + UART_DATA));
    return true;
}

/* Bounded, so that a port that always has something does not keep the CPU. */
static void receive(void)
{
    char c;

    for (unsigned n = 0; n < 64 && serial_getc(&c); n++)
        console_rx(c);
}

/* The port's GSI. */
static unsigned serial_irq(void)
{
    for (unsigned i = 0; i < acpi_info.nr_overrides; i++)
        if (acpi_info.overrides[i].irq == serial_isa_irq)
            return acpi_info.overrides[i].gsi;
    return serial_isa_irq;
}

void serial_enable_rx_irq(void)
{
    if (serial_port == 0)
        return;
    if (irq_request_serial(serial_irq(), receive) != 0) {
        log_warn("no interrupt for the serial port: there is no input from it");
        return;
    }
    outb((uint16_t)(serial_port + UART_IER), 1);
}
