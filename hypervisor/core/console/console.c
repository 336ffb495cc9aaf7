/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's console. A line goes to the serial port and into a ring that the tools read
 * (`lodge dmesg`). Input goes to dom0; three Ctrl-A in a row switch it to the debug keys and back.
 *
 * Writing does not wait for the serial line (core/console/console_tx.c, which has the lock as
 * well), except in panic mode: a crash report is to be complete when the machine stops. What guests
 * can cause to be printed has a budget, one for all of them: their text from console_io.c, which
 * limits each of them besides, and the refusals.
 */
#include <core/console.h>
#include <core/console/console_tx.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/preempt.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/errno.h>
#include <public/hypercalls.h>
#include <public/sysctl.h>
#include <x86/regs.h>
#include <x86/serial.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define EARLY_RING   16384u
#define RX_SIZE      256u
#define SWITCH_CHAR  '\x01' /* Ctrl-A */
#define SWITCH_COUNT 3

#define GUEST_BURST     100u
#define GUEST_REFILL_NS MS(25)

#define REFUSALS     4u
#define REFUSAL_MAX  200u
#define WORK_REFUSED 1500 /* one is put into words */

static bool console_panicking;

static char console_early_ring[EARLY_RING];
static char *console_ring = console_early_ring;
static uint32_t console_ring_size = EARLY_RING; /* a power of two */
/*
 * Where the text that is kept begins and ends. They run freely, so that a reader's index stays good
 * when they wrap. Always: next minus first <= size. An index is good if it is between them, by
 * difference.
 */
static uint32_t console_first, console_next;

static char console_rx_buf[RX_SIZE];            /* for dom0; when full, input is lost */
static uint32_t console_rx_get, console_rx_put; /* free-running */
/* Only the serial interrupt, which one CPU gets, uses these two. */
static bool console_rx_keys;         /* input goes to the debug keys */
static unsigned console_rx_switches; /* Ctrl-A seen in a row */

/* ---- output ---- */

static void console_ring_put(char c)
{
    console_ring[console_next++ & (console_ring_size - 1)] = c;
    if (console_next - console_first > console_ring_size)
        console_first = console_next - console_ring_size;
}

static void console_ring_line(const char *prefix, const char *text)
{
    for (; *prefix != '\0'; prefix++)
        console_ring_put(*prefix);
    for (; *text != '\0'; text++)
        console_ring_put(*text);
    console_ring_put('\n');
}

bool console_write_raw(const char *s, size_t n)
{
    bool taken = console_tx_lock(), done = console_tx_text(s, n);

    console_tx_unlock(taken);
    return done;
}

void console_log(enum log_level level, const char *fmt, ...)
{
    char text[256];
    bool taken;
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
    taken = console_tx_lock(); /* for a whole line, so that lines of several CPUs do not mix */
    console_tx_line("(LODGE) ", text);
    console_ring_line("(LODGE) ", text);
    console_tx_unlock(taken);
}

/*
 * All guests together: 100 lines at once and 40 a second, which leaves nearly half of a line of
 * 115,200 baud free even if each is as long as can be. Lock held.
 */
static bool console_guest_allowed(void)
{
    static uint64_t refilled;
    static unsigned tokens = GUEST_BURST;
    uint64_t now = time_now(), more = (now - refilled) / GUEST_REFILL_NS;

    if (more != 0) {
        tokens = (unsigned)MIN(more + tokens, (uint64_t)GUEST_BURST);
        refilled = now;
    }
    if (tokens == 0 || !console_tx_guest_room())
        return false;
    tokens--;
    return true;
}

static void console_guest_put(const char *text)
{
    console_tx_guest_line("(LODGE) ", text);
    console_ring_line("(LODGE) ", text);
}

bool console_guest_line(const char *who, unsigned *left_out, const char *fmt, ...)
{
    char text[256], note[64];
    bool taken, allowed;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf_(text, sizeof(text), fmt, ap);
    va_end(ap);
    taken = console_tx_lock();
    allowed = console_guest_allowed();
    if (!allowed) {
        ++*left_out;
    } else {
        if (*left_out != 0) {
            snprintf_(note, sizeof(note), "%s: %u lines were left out here", who, *left_out);
            console_guest_put(note);
        }
        *left_out = 0;
        console_guest_put(text);
    }
    console_tx_unlock(taken);
    return allowed;
}

/*
 * Keeps the hardware domain's last few, for the report of its death: nobody else would tell them.
 */
static char console_refusals[REFUSALS][REFUSAL_MAX];
static unsigned console_nr_refusals;

static void console_keep_refusal(const char *text)
{
    bool taken = console_tx_lock();

    memcpy(console_refusals[console_nr_refusals++ % REFUSALS], text, strlen(text) + 1);
    console_tx_unlock(taken);
}

void console_show_refusals(void)
{
    unsigned first = console_nr_refusals - MIN(console_nr_refusals, REFUSALS);

    for (unsigned i = first; i != console_nr_refusals; i++)
        log_err("%s", console_refusals[i % REFUSALS]);
}

void console_guest_refused(const char *where, const char *fmt, ...)
{
    static unsigned left_out;
    bool show = boot_options.guest_loglvl >= LOG_DEBUG, keep = current->domain->hardware;
    char text[REFUSAL_MAX];
    va_list ap;
    int n;

    if (likely(!show && !keep))
        return;
    (void)work_charge(WORK_REFUSED);
    n = snprintf_(text, sizeof(text), "d%uv%u %s refused: ", current->domain->id, current->id,
                  where);
    va_start(ap, fmt);
    vsnprintf_(text + n, sizeof(text) - (size_t)n, fmt, ap);
    va_end(ap);
    if (keep)
        console_keep_refusal(text);
    if (show)
        console_guest_line("guests", &left_out, "%s", text);
}

void console_panic_mode(void)
{
    WRITE_ONCE(console_panicking, true);
    console_tx_panic();
}

void console_flush(void)
{
    console_tx_flush();
}

void console_lossless(bool on)
{
    console_tx_lossless(on);
}

/* ---- input ---- */

static void console_to_dom0(char c)
{
    bool taken = console_tx_lock();

    if (console_rx_put - console_rx_get < RX_SIZE)
        console_rx_buf[console_rx_put++ % RX_SIZE] = c;
    console_tx_unlock(taken);
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

    taken = console_tx_lock();
    while (got < n && console_rx_get != console_rx_put)
        buf[got++] = console_rx_buf[console_rx_get++ % RX_SIZE];
    console_tx_unlock(taken);
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
        console_tx_init_early(spec);
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

        taken = console_tx_lock();
        for (uint32_t i = console_first; i != console_next; i++)
            ring[i & (size - 1)] = console_ring[i & (console_ring_size - 1)];
        console_ring = ring;
        console_ring_size = size;
        console_tx_unlock(taken);
    }
    console_tx_init();
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

    taken = console_tx_lock();
    index = op->incremental ? op->index : console_first;
    if (index - console_first > console_next - console_first)
        index = console_first;
    console_tx_unlock(taken);
    while (done < op->count) {
        taken = console_tx_lock();
        if (index - console_first > console_next - console_first)
            index = console_first; /* overtaken while we copied */
        for (n = 0; n < sizeof(chunk) && n < op->count - done && index != console_next; n++)
            chunk[n] = console_ring[index++ & (console_ring_size - 1)];
        console_tx_unlock(taken);
        if (n == 0)
            break;
        if (copy_to_guest((vaddr_t)op->buffer.p + done, chunk, n) != 0)
            return -XEN_EFAULT;
        done += n;
    }
    op->count = done;
    op->index = index;
    if (op->clear) {
        taken = console_tx_lock();
        console_first = console_next;
        console_tx_unlock(taken);
    }
    return 0;
}
