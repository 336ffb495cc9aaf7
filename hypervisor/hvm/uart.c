/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of a 16550A (National Semiconductor data sheet, PC16550D). Modem lines are those of
 * a device that is always ready; in loopback they are our own outputs. As in a PC, the interrupt
 * reaches its line only while OUT2 is set, and not in loopback.
 */
#include <hvm/uart.h>

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RX     0x01u
#define IER_TX     0x02u
#define IER_LINE   0x04u
#define IER_MODEM  0x08u
#define IIR_MODEM  0x00u
#define IIR_NONE   0x01u
#define IIR_TX     0x02u
#define IIR_RX     0x04u
#define IIR_LINE   0x06u
#define IIR_FEW    0x0cu /* received, but fewer than the trigger level */
#define IIR_FIFOS  0xc0u
#define FCR_ENABLE 0x01u
#define FCR_RX     0x02u
#define FCR_TX     0x04u
#define LCR_DLAB   0x80u
#define MCR_DTR    0x01u
#define MCR_RTS    0x02u
#define MCR_OUT1   0x04u
#define MCR_OUT2   0x08u
#define MCR_LOOP   0x10u
#define LSR_DR     0x01u
#define LSR_OE     0x02u
#define LSR_THRE   0x20u
#define LSR_TEMT   0x40u
#define MSR_CTS    0x10u
#define MSR_DSR    0x20u
#define MSR_RI     0x40u
#define MSR_DCD    0x80u

/* Without FIFOs there is one byte each. */
static unsigned depth(const struct uart *u)
{
    return (u->fcr & FCR_ENABLE) ? UART_FIFO : 1;
}

static void put(struct uart_fifo *f, uint8_t byte)
{
    f->bytes[(f->first + f->count) % UART_FIFO] = byte;
    f->count++;
}

static uint8_t take(struct uart_fifo *f)
{
    uint8_t byte = f->bytes[f->first];

    f->first = (f->first + 1) % UART_FIFO;
    f->count--;
    return byte;
}

static unsigned trigger(const struct uart *u)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return (u->fcr & FCR_ENABLE) ? levels[u->fcr >> 6] : 1;
}

static uint8_t modem(const struct uart *u)
{
    uint8_t m = u->mcr;

    if (!(m & MCR_LOOP))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (m & MCR_RTS ? MSR_CTS : 0) | (m & MCR_DTR ? MSR_DSR : 0) | (m & MCR_OUT1 ? MSR_RI : 0) |
           (m & MCR_OUT2 ? MSR_DCD : 0);
}

/* The most urgent cause that is enabled. */
static uint8_t cause(const struct uart *u)
{
    if ((u->ier & IER_LINE) && u->overrun)
        return IIR_LINE;
    if ((u->ier & IER_RX) && u->rx.count != 0)
        return u->rx.count >= trigger(u) ? IIR_RX : IIR_FEW;
    if ((u->ier & IER_TX) && u->tx.count == 0 && !u->thr_told)
        return IIR_TX;
    if ((u->ier & IER_MODEM) && u->msr_deltas != 0)
        return IIR_MODEM;
    return IIR_NONE;
}

void uart_init(struct uart *u)
{
    *u = (struct uart){.divisor = {12, 0}};
}

bool uart_interrupt(const struct uart *u)
{
    return (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 && cause(u) != IIR_NONE;
}

static uint8_t read_iir(struct uart *u)
{
    uint8_t v = cause(u);

    if (v == IIR_TX)
        u->thr_told = true;
    return v | ((u->fcr & FCR_ENABLE) ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct uart *u)
{
    uint8_t v = (u->rx.count != 0 ? LSR_DR : 0) | (u->overrun ? LSR_OE : 0) |
                (u->tx.count == 0 ? LSR_THRE | LSR_TEMT : 0);

    u->overrun = false;
    return v;
}

static uint8_t read_msr(struct uart *u)
{
    uint8_t v = modem(u) | u->msr_deltas;

    u->msr_deltas = 0;
    return v;
}

uint8_t uart_read(struct uart *u, unsigned reg)
{
    if ((u->lcr & LCR_DLAB) && reg < 2)
        return u->divisor[reg];
    switch (reg) {
    case RBR_THR:
        return u->rx.count != 0 ? take(&u->rx) : 0;
    case IER:
        return u->ier;
    case IIR_FCR:
        return read_iir(u);
    case LCR:
        return u->lcr;
    case MCR:
        return u->mcr;
    case LSR:
        return read_lsr(u);
    case MSR:
        return read_msr(u);
    default:
        return u->scratch;
    }
}

static void receive(struct uart *u, uint8_t byte)
{
    if (u->rx.count >= depth(u))
        u->overrun = true; /* and the byte is lost */
    else
        put(&u->rx, byte);
}

/* A byte that finds the transmitter full takes the last one's place. */
static void transmit(struct uart *u, uint8_t byte)
{
    u->thr_told = false;
    if (u->mcr & MCR_LOOP) {
        receive(u, byte);
        return;
    }
    if (u->tx.count >= depth(u))
        u->tx.count--;
    put(&u->tx, byte);
}

static void write_ier(struct uart *u, uint8_t v)
{
    if (v & ~u->ier & IER_TX)
        u->thr_told = false; /* to be told of what is so already */
    u->ier = v & 0x0f;
}

/* To turn the FIFOs on or off empties them; the other bits count only while they are on. */
static void write_fcr(struct uart *u, uint8_t v)
{
    if ((v ^ u->fcr) & FCR_ENABLE)
        v |= FCR_RX | FCR_TX;
    if (v & FCR_RX)
        u->rx.count = 0;
    if ((v & FCR_TX) && u->tx.count != 0) {
        u->tx.count = 0;
        u->thr_told = false;
    }
    u->fcr = (v & FCR_ENABLE) ? v & 0xc1 : 0;
}

static void write_mcr(struct uart *u, uint8_t v)
{
    uint8_t before = modem(u), changed;

    u->mcr = v & 0x1f;
    changed = before ^ modem(u);
    /* Three bits for a change each, one for the end of a ring. */
    u->msr_deltas |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
    u->msr_deltas |= (changed & before & MSR_RI) >> 4;
}

void uart_write(struct uart *u, unsigned reg, uint8_t v)
{
    if ((u->lcr & LCR_DLAB) && reg < 2) {
        u->divisor[reg] = v;
        return;
    }
    switch (reg) {
    case RBR_THR:
        transmit(u, v);
        break;
    case IER:
        write_ier(u, v);
        break;
    case IIR_FCR:
        write_fcr(u, v);
        break;
    case LCR:
        u->lcr = v;
        break;
    case MCR:
        write_mcr(u, v);
        break;
    case SCR:
        u->scratch = v;
        break;
    default: /* LSR and MSR */
        break;
    }
}

unsigned uart_tx_count(const struct uart *u)
{
    return u->tx.count;
}

uint8_t uart_tx_take(struct uart *u)
{
    return take(&u->tx);
}

/* In loopback the receiver hears nothing of the line. */
unsigned uart_rx_room(const struct uart *u)
{
    unsigned n = depth(u);

    return (u->mcr & MCR_LOOP) || u->rx.count >= n ? 0 : n - u->rx.count;
}

void uart_rx_put(struct uart *u, uint8_t byte)
{
    put(&u->rx, byte);
}
