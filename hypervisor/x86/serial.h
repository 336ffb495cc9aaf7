/* SPDX-License-Identifier: GPL-2.0-only */
/* The 16550 serial port: output in bursts, input by interrupt. The only device driver here. */
#ifndef X86_SERIAL_H
#define X86_SERIAL_H

#include <lib/types.h>

/* "com1", "com1,115200", "com2,..."; false: no such port or an option not understood. */
bool serial_init(const char *spec);
#define SERIAL_FIFO 16
/* Does not wait: how many of n were taken, none while the port is busy. */
unsigned serial_write(const char *s, unsigned n);
bool serial_wait(void);          /* until it takes something; false: it is stuck */
bool serial_wait_sent(void);     /* until all of it is out on the line; false likewise */
uint64_t serial_fifo_ns(void);   /* after how long it should take something again */
void serial_enable_rx_irq(void); /* once interrupts work: input goes to console_rx() */

#endif
