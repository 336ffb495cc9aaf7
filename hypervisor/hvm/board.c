/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports and what is behind them, the lines between the devices, and the 16550's way to the console
 * ring. An access of two or four bytes is as many of one byte, as on the bus that these devices are
 * on; the ports that are no such devices answer to single bytes alone.
 */
#include <hvm/board.h>

#define LINE_TIMER  0u
#define LINE_SERIAL 4u

#define PORT_SERIAL 0x3f8u

#define KBD_RESET   0xfeu /* to port 64 */
#define PORT92_FAST 0x01u
#define PORT92_A20  0x02u
#define CF9_RESET   0x04u

/* Edges of line 0 that nobody acknowledges by a write are no closer than this. */
#define TICK_GAP US(20)
/* What the guest prints is announced after so long, or when the ring is half full. */
#define NOTIFY_AFTER MS(1)
/* The transmitter waits for so long for room, once: then its bytes go nowhere until there is. */
#define PATIENCE MS(100)

/* ---- the console ---- */

static void notify(struct board *b, uint64_t at)
{
    b->notify_at = MIN(b->notify_at, at);
}

/* Bytes that find no room for too long are lost, as on a line where nobody listens. */
static void no_room(struct board *b, uint64_t now)
{
    if (!b->unheard && b->full_since == UINT64_MAX)
        b->full_since = now;
    else if (!b->unheard && now - b->full_since >= PATIENCE)
        b->unheard = true;
    if (!b->unheard)
        return;
    b->full_since = UINT64_MAX;
    while (uart_tx_count(&b->uart) != 0)
        (void)uart_tx_take(&b->uart);
}

static void send(struct board *b, uint64_t now)
{
    int room = b->console ? byte_ring_room(&b->out) : UART_FIFO;
    uint8_t bytes[UART_FIFO];
    unsigned n = 0;

    if (uart_tx_count(&b->uart) == 0) {
        b->full_since = UINT64_MAX; /* the guest may have emptied it */
        return;
    }
    if (room <= 0) {
        no_room(b, now);
        return;
    }
    while (n < (unsigned)room && uart_tx_count(&b->uart) != 0)
        bytes[n++] = uart_tx_take(&b->uart);
    b->full_since = UINT64_MAX;
    b->unheard = false;
    if (!b->console)
        return;
    (void)byte_ring_write(&b->out, bytes, n);
    notify(b, (unsigned)room - n < b->out.size / 2 ? now : now + NOTIFY_AFTER);
}

static void receive(struct board *b, uint64_t now)
{
    unsigned room = uart_rx_room(&b->uart);
    uint8_t bytes[UART_FIFO];
    int n;

    if (room == 0 || !b->console)
        return;
    n = byte_ring_read(&b->in, bytes, room);
    for (int i = 0; i < n; i++)
        uart_rx_put(&b->uart, bytes[i]);
    if (n > 0)
        notify(b, now + NOTIFY_AFTER); /* the other end may wait for room */
}

/* The line falls and rises again if the 16550's cause goes and another comes. */
static void serial(struct board *b, uint64_t now)
{
    pic_line(&b->pic, LINE_SERIAL, uart_interrupt(&b->uart));
    send(b, now);
    receive(b, now);
    pic_line(&b->pic, LINE_SERIAL, uart_interrupt(&b->uart));
}

bool board_console_notify(struct board *b, uint64_t now)
{
    if (now < b->notify_at)
        return false;
    b->notify_at = UINT64_MAX;
    return true;
}

/* ---- ports ---- */

static uint8_t in_pic(struct board *b, unsigned port, uint64_t now)
{
    return pic_read(&b->pic, port >> 7 & 1, port & 1);
}

static void out_pic(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    pic_write(&b->pic, port >> 7 & 1, port & 1, v);
}

static uint8_t in_elcr(struct board *b, unsigned port, uint64_t now)
{
    return pic_elcr_read(&b->pic, port & 1);
}

static void out_elcr(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    pic_elcr_write(&b->pic, port & 1, v);
}

static uint8_t in_pit(struct board *b, unsigned port, uint64_t now)
{
    return pit_read(&b->pit, port & 3, now);
}

static void out_pit(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    pit_write(&b->pit, port & 3, v, now);
}

static uint8_t in_61(struct board *b, unsigned port, uint64_t now)
{
    return pit_read_61(&b->pit, now);
}

static void out_61(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    pit_write_61(&b->pit, v, now);
}

static void out_keyboard(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    if (v == KBD_RESET)
        b->reset = true;
}

static int64_t wall(const struct board *b, uint64_t now)
{
    return b->wall + (int64_t)(now / SECONDS(1));
}

static void out_rtc_index(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    rtc_select(&b->rtc, v);
}

static uint8_t in_rtc(struct board *b, unsigned port, uint64_t now)
{
    return rtc_read(&b->rtc, wall(b, now));
}

static void out_rtc(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    rtc_write(&b->rtc, v, wall(b, now));
}

static uint8_t in_92(struct board *b, unsigned port, uint64_t now)
{
    return b->port92 | PORT92_A20;
}

static void out_92(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    if (v & ~b->port92 & PORT92_FAST)
        b->reset = true;
    b->port92 = v;
}

static uint8_t in_serial(struct board *b, unsigned port, uint64_t now)
{
    return uart_read(&b->uart, port & 7);
}

static void out_serial(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    uart_write(&b->uart, port & 7, v);
}

static uint8_t in_cf9(struct board *b, unsigned port, uint64_t now)
{
    return b->portcf9;
}

static void out_cf9(struct board *b, unsigned port, uint8_t v, uint64_t now)
{
    if (v & ~b->portcf9 & CF9_RESET)
        b->reset = true;
    b->portcf9 = v;
}

/* In order. NULL: as if nobody were there. */
static const struct port_range {
    uint16_t first, last;
    bool single; /* only accesses of one byte: within a wider one it is somebody else's */
    uint8_t (*in)(struct board *b, unsigned port, uint64_t now);
    void (*out)(struct board *b, unsigned port, uint8_t v, uint64_t now);
} ports[] = {
    {0x20, 0x21, false, in_pic, out_pic},
    {0x40, 0x43, false, in_pit, out_pit},
    {0x61, 0x61, false, in_61, out_61},
    {0x64, 0x64, false, NULL, out_keyboard},
    {0x70, 0x70, false, NULL, out_rtc_index},
    {0x71, 0x71, false, in_rtc, out_rtc},
    {0x92, 0x92, false, in_92, out_92},
    {0xa0, 0xa1, false, in_pic, out_pic},
    {PORT_SERIAL, PORT_SERIAL + 7, false, in_serial, out_serial},
    {0x4d0, 0x4d1, false, in_elcr, out_elcr},
    {0xcf9, 0xcf9, true, in_cf9, out_cf9}, /* inside PCI's address register */
};

static const struct port_range *find(unsigned port, unsigned size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ports) && ports[i].first <= port; i++)
        if (port <= ports[i].last)
            return size == 1 || !ports[i].single ? &ports[i] : NULL;
    return NULL;
}

void board_init(struct board *b)
{
    *b = (struct board){.full_since = UINT64_MAX, .notify_at = UINT64_MAX, .port92 = PORT92_A20};
    pic_init(&b->pic);
    pit_init(&b->pit);
    uart_init(&b->uart);
    rtc_init(&b->rtc);
}

void board_set_console(struct board *b, struct xencons_interface *page)
{
    b->console = page != NULL;
    if (!b->console)
        return;
    b->out = byte_ring_attach(page->out, sizeof(page->out), &page->out_prod, &page->out_cons);
    b->in = byte_ring_attach(page->in, sizeof(page->in), &page->in_cons, &page->in_prod);
}

/* Before an access, so that what the guest reads is true now; after it, for what it has changed. */
void board_run(struct board *b, uint64_t now)
{
    serial(b, now);
    if (!pit_tick(&b->pit, now, pic_can_take(&b->pic, LINE_TIMER),
                  !pic_blocked(&b->pic, LINE_TIMER)))
        return;
    pic_pulse(&b->pic, LINE_TIMER);
    b->ticked_at = now;
}

uint32_t board_in(struct board *b, uint16_t port, unsigned size, uint64_t now)
{
    uint32_t v = 0;

    board_run(b, now);
    for (unsigned i = 0; i < size; i++) {
        const struct port_range *r = find(port + i, size);
        uint8_t byte = r != NULL && r->in != NULL ? r->in(b, port + i, now) : 0xff;

        v |= (uint32_t)byte << (8 * i);
    }
    board_run(b, now);
    return v;
}

void board_out(struct board *b, uint16_t port, unsigned size, uint32_t v, uint64_t now)
{
    board_run(b, now);
    for (unsigned i = 0; i < size; i++) {
        const struct port_range *r = find(port + i, size);

        if (r != NULL && r->out != NULL)
            r->out(b, port + i, (uint8_t)(v >> (8 * i)), now);
    }
    board_run(b, now);
}

/*
 * A tick that could not reach the processor now needs no timer: the write that lets it (the end of
 * the interrupt, the mask) brings all up to date. Only with automatic ends there is no such write.
 */
uint64_t board_next(const struct board *b)
{
    uint64_t next = b->notify_at, tick;

    if (b->full_since != UINT64_MAX)
        next = MIN(next, b->full_since + PATIENCE);
    if (!pic_waits_for(&b->pic, LINE_TIMER))
        return next;
    tick = b->pit.owed != 0 ? 0 : pit_next(&b->pit);
    return MIN(next, MAX(tick, b->ticked_at + TICK_GAP));
}
