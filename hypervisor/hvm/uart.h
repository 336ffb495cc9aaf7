/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A, without its line: what the guest sends is taken out of a buffer, what it is to receive
 * is put into another. A byte takes no time on the line. Whether there is room at the other end is
 * for whoever takes the bytes to say: until then the transmitter is not empty.
 *
 * Bytes below the trigger level are announced at once as the chip announces them after four times
 * the time of a character.
 */
#ifndef HVM_UART_H
#define HVM_UART_H

#include <lib/types.h>

#define UART_FIFO 16

struct uart_fifo {
    uint8_t bytes[UART_FIFO];
    uint8_t first, count;
};

struct uart {
    struct uart_fifo rx, tx;
    uint8_t ier, fcr, lcr, mcr, msr_deltas, scratch, divisor[2];
    bool overrun;
    bool thr_told; /* that the transmitter is empty has been read in IIR, or was never to be told */
};

void uart_init(struct uart *u);
/* reg: 0 to 7. */
uint8_t uart_read(struct uart *u, unsigned reg);
void uart_write(struct uart *u, unsigned reg, uint8_t v);
bool uart_interrupt(const struct uart *u); /* the level of its line */

unsigned uart_tx_count(const struct uart *u);
uint8_t uart_tx_take(struct uart *u); /* there is one */
unsigned uart_rx_room(const struct uart *u);
void uart_rx_put(struct uart *u, uint8_t byte); /* there is room */

#endif
