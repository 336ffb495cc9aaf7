/* SPDX-License-Identifier: GPL-2.0-only */
/* The 16550 serial port: polled output, input by interrupt. The only device driver here. */
#ifndef X86_SERIAL_H
#define X86_SERIAL_H

#include <lib/types.h>

/* "com1", "com1,115200", "com2,..."; false: no such port or an option not understood. */
bool serial_init(const char *spec);
void serial_putc(char c);        /* waits for the line; nothing without a port */
void serial_enable_rx_irq(void); /* once interrupts work: input goes to console_rx() */

#endif
