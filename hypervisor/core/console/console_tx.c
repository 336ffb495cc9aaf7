/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes out on the serial line. A line of text takes milliseconds on a real one, and whoever
 * writes has interrupts off: so nobody waits for it. Text is put into a queue; as much as the port
 * takes goes out at once, and the rest by a timer that runs only while something is left.
 *
 * Two queues. What guests cause to be printed waits until all of the hypervisor's and dom0's own
 * text is out, and is refused where its queue is full. dom0's own text never fills the other one to
 * the end, as dom0 can be told to come again: so there is room for the hypervisor's lines. One that
 * finds none all the same is counted, and the count is said where it is missing; the ring that the
 * tools read has it.
 *
 * Synchronous as before: what is printed before timers work, the end of the machine, and all of a
 * crash report. In panic mode nobody takes the lock, and the queues may be in the middle of a
 * change by a CPU that has stopped since: so loops over them are bounded.
 */
#include <core/console/console_tx.h>
#include <core/spinlock.h>
#include <core/timer.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/serial.h>
#include <x86/time.h>

#define OWN_SIZE    32768u /* three seconds of 115,200 baud; powers of two */
#define GUEST_SIZE  8192u
#define OWN_RESERVE 8192u      /* of its room: not for dom0's text */
#define LINE_ROOM   576u       /* a line or a note, with its prefix, each LF as two */
#define BURST       256u       /* characters that one call gives to a port that takes them all */
#define WAITS_MAX   20         /* for the end of all text: a line that takes nothing is left then */
#define STUCK_NS    SECONDS(5) /* a line that takes nothing for so long is not waited for */

struct tx_queue {
    char *buf;
    uint32_t size, get, put; /* free-running; always: put minus get <= size */
    bool at_cr;              /* the last character was CR, so an LF needs none added */
};

/* The innermost of all locks: guards the queues, and for console.c its ring and input. */
static struct spinlock tx_lock = SPINLOCK_INIT(LOCK_CONSOLE);
static char tx_own_buf[OWN_SIZE], tx_guest_buf[GUEST_SIZE];
static struct tx_queue tx_own = {.buf = tx_own_buf, .size = OWN_SIZE};
static struct tx_queue tx_guest = {.buf = tx_guest_buf, .size = GUEST_SIZE};
static bool tx_in_guest_line; /* one that has begun is finished first */
static uint32_t tx_lost_lines, tx_lost_chars;
static uint64_t tx_progress; /* when the port took something last */

static bool tx_up, tx_async, tx_panic, tx_lossless;
static struct timer tx_timer;
static bool tx_armed; /* the timer is set or about to be */

/* ---- queues ---- */

static uint32_t tx_used(const struct tx_queue *q)
{
    return READ_ONCE(q->put) - READ_ONCE(q->get);
}

static uint32_t tx_room(const struct tx_queue *q)
{
    return q->size - tx_used(q);
}

static void tx_put(struct tx_queue *q, char c)
{
    if (c == '\n' && !q->at_cr)
        q->buf[q->put++ & (q->size - 1)] = '\r';
    q->at_cr = c == '\r';
    q->buf[q->put++ & (q->size - 1)] = c;
}

static void tx_put_string(struct tx_queue *q, const char *s)
{
    for (; *s != '\0'; s++)
        tx_put(q, *s);
}

static bool tx_pending(void)
{
    return tx_used(&tx_own) + tx_used(&tx_guest) != 0;
}

/* The next characters in the order in which they are to go out. */
static unsigned tx_peek(char *to, unsigned max)
{
    unsigned n = 0;
    uint32_t own = tx_own.get, guest = tx_guest.get;
    bool in_line = tx_in_guest_line;

    while (n < max) {
        if (own != tx_own.put && !in_line) {
            to[n++] = tx_own.buf[own++ & (OWN_SIZE - 1)];
        } else if (guest != tx_guest.put) {
            to[n] = tx_guest.buf[guest++ & (GUEST_SIZE - 1)];
            in_line = to[n++] != '\n';
        } else {
            break;
        }
    }
    return n;
}

/*
 * The characters are out: the same walk. It ends early only in panic mode, where two CPUs may be at
 * it.
 */
static void tx_drop(unsigned n)
{
    while (n-- != 0 && tx_pending()) {
        if (tx_own.get != tx_own.put && !tx_in_guest_line)
            tx_own.get++;
        else
            tx_in_guest_line = tx_guest.buf[tx_guest.get++ & (GUEST_SIZE - 1)] != '\n';
    }
}

/* Says that text is missing: where it is missing, and as soon as there is room. */
static void tx_note_loss(void)
{
    char text[LINE_ROOM / 2];

    if (likely((tx_lost_lines | tx_lost_chars) == 0) || tx_room(&tx_own) < 2 * LINE_ROOM)
        return;
    snprintf_(text, sizeof(text),
              "\n(LODGE) the serial line is too slow: %u lines are missing here (`lodge dmesg` has "
              "them), and %u characters of dom0's\n",
              tx_lost_lines, tx_lost_chars);
    tx_put_string(&tx_own, text);
    tx_lost_lines = tx_lost_chars = 0;
}

/* ---- the line ---- */

/* What the port takes without being waited for. */
static void tx_drain(void)
{
    char chunk[SERIAL_FIFO];

    for (unsigned done = 0, n; done < BURST; done += n) {
        n = serial_write(chunk, tx_peek(chunk, sizeof(chunk)));
        if (n == 0)
            break;
        tx_drop(n);
        tx_progress = time_now();
    }
    if (tx_used(&tx_own) == 0)
        tx_note_loss();
}

/* Gives up on a line that is stuck. */
static void tx_wait_out(void)
{
    unsigned waits = 0;

    for (unsigned i = 0; i < OWN_SIZE + GUEST_SIZE && tx_pending() && waits < WAITS_MAX; i++) {
        waits = serial_wait() ? 0 : waits + 1;
        if (waits == 0)
            tx_drain();
    }
}

static void tx_out(void)
{
    if (tx_async)
        tx_drain();
    else
        tx_wait_out();
}

void console_tx_line(const char *prefix, const char *text)
{
    if (!tx_up)
        return;
    for (unsigned i = 0; tx_lossless && i < OWN_SIZE && tx_room(&tx_own) < 2 * LINE_ROOM; i++) {
        if (!serial_wait())
            break;
        tx_drain();
    }
    tx_note_loss();
    if (tx_room(&tx_own) < LINE_ROOM) {
        tx_lost_lines++;
    } else {
        tx_put_string(&tx_own, prefix);
        tx_put_string(&tx_own, text);
        tx_put(&tx_own, '\n');
    }
    tx_out();
}

/* A line that takes nothing any more must not keep dom0: then its text is lost. */
bool console_tx_text(const char *s, size_t n)
{
    if (!tx_up)
        return true;
    tx_out();
    tx_note_loss();
    if (tx_room(&tx_own) < OWN_RESERVE + 2 * n) {
        if (time_now() - tx_progress < STUCK_NS)
            return false;
        tx_lost_chars += (uint32_t)n;
        return true;
    }
    while (n-- != 0)
        tx_put(&tx_own, *s++);
    tx_out();
    return true;
}

bool console_tx_guest_room(void)
{
    return !tx_up || tx_room(&tx_guest) >= 2 * LINE_ROOM;
}

void console_tx_guest_line(const char *prefix, const char *text)
{
    if (!tx_up || tx_room(&tx_guest) < LINE_ROOM)
        return;
    tx_put_string(&tx_guest, prefix);
    tx_put_string(&tx_guest, text);
    tx_put(&tx_guest, '\n');
    tx_out();
}

/* ---- lock and timer ---- */

/*
 * False: go on without it. In panic mode nobody takes it; and where this CPU holds it already, an
 * NMI or a fault has come into the middle of our own output.
 */
bool console_tx_lock(void)
{
    if (READ_ONCE(tx_panic) || spin_held(&tx_lock))
        return false;
    spin_lock(&tx_lock);
    return true;
}

static void tx_set_timer(void)
{
    timer_set(&tx_timer, time_now() + serial_fifo_ns());
}

/* The timer queue's lock is an outer one: the timer is set when ours is not held any more. */
void console_tx_unlock(bool taken)
{
    bool arm;

    if (!taken)
        return;
    arm = tx_async && !tx_armed && tx_pending();
    tx_armed |= arm;
    spin_unlock(&tx_lock);
    if (arm)
        tx_set_timer();
}

static void tx_due(void *unused)
{
    bool more, taken = console_tx_lock();

    tx_drain();
    more = tx_pending();
    tx_armed = more;
    console_tx_unlock(taken);
    if (more)
        tx_set_timer();
}

void console_tx_flush(void)
{
    bool taken = console_tx_lock();

    tx_wait_out();
    for (unsigned waits = 0; tx_up && waits < WAITS_MAX && !serial_wait_sent(); waits++)
        ;
    console_tx_unlock(taken);
}

void console_tx_lossless(bool on)
{
    bool taken = console_tx_lock();

    tx_lossless = on;
    console_tx_unlock(taken);
}

void console_tx_panic(void)
{
    WRITE_ONCE(tx_panic, true);
    tx_async = false;
    tx_wait_out();
}

void console_tx_init_early(const char *spec)
{
    tx_up = serial_init(spec) || serial_init("com1");
}

void console_tx_init(void)
{
    timer_init(&tx_timer, tx_due, NULL, this_cpu()->id);
    tx_async = true;
}
