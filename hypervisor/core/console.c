/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's console. A line goes to the serial port and into a ring that the tools read
 * (`lodge dmesg`). Input goes to dom0; three Ctrl-A in a row switch it to the debug keys and back.
 *
 * Output is synchronous: a log that is complete when the machine stops is worth more than the time
 * it takes. One lock guards ring, serial line and input; it is the innermost of all locks, and in
 * panic mode nobody takes it. As a line takes milliseconds on a real serial port, what guests can
 * cause to be printed is limited in number: refusals here, their own text in console_io.c.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/spinlock.h>
#include <lib/bitops.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/serial.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define EARLY_RING   16384u
#define RX_SIZE      256u
#define SWITCH_CHAR  '\x01' /* Ctrl-A */
#define SWITCH_COUNT 3

static struct spinlock console_lock = SPINLOCK_INIT(LOCK_CONSOLE);
/* console_at_cr: the last character on the line was CR, so an LF needs none added. */
static bool console_panicking, console_serial_up, console_at_cr;

static char console_early_ring[EARLY_RING];
static char *console_ring = console_early_ring;
static uint32_t console_ring_size = EARLY_RING; /* a power of two */
/*
 * Of the text kept; free-running, so that a reader's index stays good when it wraps. Always: next
 * minus first <= size. An index is good if it is between them, by difference.
 */
static uint32_t console_first, console_next;

static char console_rx_buf[RX_SIZE];            /* for dom0; when full, input is lost */
static uint32_t console_rx_get, console_rx_put; /* free-running */
/* Only the serial interrupt, which one CPU gets, uses these two. */
static bool console_rx_keys;         /* input goes to the debug keys */
static unsigned console_rx_switches; /* Ctrl-A seen in a row */

/* ---- output ---- */

/*
 * False: go on without the lock. In panic mode nobody takes it; and where this CPU holds it
 * already, an NMI or a fault has come into the middle of our own output.
 */
static bool console_take(void)
{
    if (READ_ONCE(console_panicking) || spin_held(&console_lock))
        return false;
    spin_lock(&console_lock);
    return true;
}

/* taken: what console_take() said. */
static void console_leave(bool taken)
{
    if (taken)
        spin_unlock(&console_lock);
}

static void console_serial_put(char c)
{
    if (!console_serial_up)
        return;
    if (c == '\n' && !console_at_cr)
        serial_putc('\r');
    console_at_cr = c == '\r';
    serial_putc(c);
}

static void console_ring_put(char c)
{
    console_ring[console_next++ & (console_ring_size - 1)] = c;
    if (console_next - console_first > console_ring_size)
        console_first = console_next - console_ring_size;
}

/* The lock is held for a whole line, so that lines of several CPUs do not mix. */
static void console_put_line(const char *prefix, const char *text)
{
    bool taken = console_take();

    for (; *prefix != '\0'; prefix++) {
        console_serial_put(*prefix);
        console_ring_put(*prefix);
    }
    for (; *text != '\0'; text++) {
        console_serial_put(*text);
        console_ring_put(*text);
    }
    console_serial_put('\n');
    console_ring_put('\n');
    console_leave(taken);
}

void console_write_raw(const char *s, size_t n)
{
    bool taken = console_take();

    while (n-- != 0)
        console_serial_put(*s++);
    console_leave(taken);
}

void console_log(enum log_level level, const char *fmt, ...)
{
    char text[256];
    size_t n;
    va_list ap;

    if ((int)level > boot_options.loglvl && !READ_ONCE(console_panicking))
        return;
    va_start(ap, fmt);
    vsnprintf_(text, sizeof(text), fmt, ap);
    va_end(ap);
    n = strlen(text);
    if (n != 0 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    console_put_line("(LODGE) ", text);
}

/* At most 20 at once and 10 a second: the log is not a guest's to fill. */
static bool console_guest_may_log(void)
{
    bool taken;
    static uint64_t tokens_at;
    static unsigned tokens = 20;
    uint64_t now = time_now();
    bool may;

    taken = console_take();
    if (now - tokens_at > 100000000ull) {
        tokens = (unsigned)MIN(20ull, tokens + (now - tokens_at) / 100000000ull);
        tokens_at = now;
    }
    may = tokens != 0;
    if (may)
        tokens--;
    console_leave(taken);
    return may;
}

void console_guest_refused(const char *where, const char *fmt, ...)
{
    char text[200];
    va_list ap;

    if (likely(boot_options.guest_loglvl < LOG_DEBUG) || !console_guest_may_log())
        return;
    va_start(ap, fmt);
    vsnprintf_(text, sizeof(text), fmt, ap);
    va_end(ap);
    console_log(LOG_ERR, "d%uv%u %s refused: %s", current->domain->id, current->id, where, text);
}

void console_panic_mode(void)
{
    WRITE_ONCE(console_panicking, true);
}

/* ---- input ---- */

static void console_to_dom0(char c)
{
    bool taken = console_take();

    if (console_rx_put - console_rx_get < RX_SIZE)
        console_rx_buf[console_rx_put++ % RX_SIZE] = c;
    console_leave(taken);
    evtchn_virq_global(VIRQ_CONSOLE); /* with no lock held: it takes others */
}

void console_rx(char c)
{
    if (c == SWITCH_CHAR) {
        if (++console_rx_switches == SWITCH_COUNT) {
            console_rx_switches = 0;
            console_rx_keys = !console_rx_keys;
            log_err("serial input goes to %s",
                    console_rx_keys ? "the debug keys (h: help)" : "dom0");
        }
        return;
    }
    while (console_rx_switches != 0) { /* those were meant */
        console_rx_switches--;
        if (!console_rx_keys)
            console_to_dom0(SWITCH_CHAR);
    }
    if (console_rx_keys)
        console_handle_key(c);
    else
        console_to_dom0(c);
}

size_t console_rx_take(char *buf, size_t n)
{
    bool taken;
    size_t got = 0;

    taken = console_take();
    while (got < n && console_rx_get != console_rx_put)
        buf[got++] = console_rx_buf[console_rx_get++ % RX_SIZE];
    console_leave(taken);
    return got;
}

/* ---- set-up ---- */

void console_init_early(const char *cmdline)
{
    char spec[64] = "com1";
    const char *p = cmdline;

    while (p != NULL && *p != '\0') {
        if (strncmp(p, "console=", 8) == 0) {
            size_t n = 0;

            for (p += 8; *p != '\0' && *p != ' ' && n < sizeof(spec) - 1; p++)
                spec[n++] = *p;
            spec[n] = '\0';
            break;
        }
        p = strchr(p, ' ');
        while (p != NULL && *p == ' ')
            p++;
    }
    if (strcmp(spec, "none") != 0)
        console_serial_up = serial_init(spec) || serial_init("com1");
}

void console_init(void)
{
    bool taken;
    uint64_t want = KIB(boot_options.conring_kib);
    unsigned order = 0;
    char *ring;

    while ((PAGE_SIZE << order) < MIN(want, MIB(4)))
        order++;
    ring = (PAGE_SIZE << order) > EARLY_RING ? hpages_alloc(order) : NULL;
    if (ring != NULL) {
        uint32_t size = (uint32_t)(PAGE_SIZE << order);

        taken = console_take();
        for (uint32_t i = console_first; i != console_next; i++)
            ring[i & (size - 1)] = console_ring[i & (console_ring_size - 1)];
        console_ring = ring;
        console_ring_size = size;
        console_leave(taken);
    }
    serial_enable_rx_irq();
}

/* ---- readconsole ---- */

/*
 * In chunks, as the lock is not held over a copy to the guest. The ring may move on in between:
 * then reading goes on at the oldest that is left. op is the hypervisor's copy, index and count go
 * back.
 */
int console_read(struct xen_sysctl_readconsole *op)
{
    bool taken;
    char chunk[128];
    uint32_t index, n, done = 0;

    taken = console_take();
    index = op->incremental ? op->index : console_first;
    if (index - console_first > console_next - console_first)
        index = console_first;
    console_leave(taken);
    while (done < op->count) {
        taken = console_take();
        if (index - console_first > console_next - console_first)
            index = console_first; /* overtaken while we copied */
        for (n = 0; n < sizeof(chunk) && n < op->count - done && index != console_next; n++)
            chunk[n] = console_ring[index++ & (console_ring_size - 1)];
        console_leave(taken);
        if (n == 0)
            break;
        if (copy_to_guest((vaddr_t)op->buffer.p + done, chunk, n) != 0)
            return -XEN_EFAULT;
        done += n;
    }
    op->count = done;
    op->index = index;
    if (op->clear) {
        taken = console_take();
        console_first = console_next;
        console_leave(taken);
    }
    return 0;
}
