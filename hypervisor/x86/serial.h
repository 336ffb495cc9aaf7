/* SPDX-License-Identifier: GPL-2.0-only */
/* The 16550 serial port: polled output, interrupt or polled input. The only device driver here. */
#ifndef X86_SERIAL_H
#define X86_SERIAL_H

#include <lib/types.h>

/* "com1", "com1,115200", "com2,..."; false: no such port or an option not understood. */
bool serial_init(const char *spec);
void serial_putc(char c);
bool serial_getc(char *c);
void serial_enable_rx_irq(void);
unsigned serial_irq(void);

#endif
