/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console against a serial line as slow as a real one: nobody who writes waits for it, what is
 * our own comes first, guests have one budget, what is missing is counted, and a crash report is
 * complete. The line here is a model of a 16550: its queue takes 16 characters when it is empty.
 */
#include <stdarg.h>
#include <string.h>

#include <core/console.h>
#include <core/domain.h>
#include <core/evtchn.h>
#include <core/frame.h>
#include <core/timer.h>
#include <lib/cmdline.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/cpu.h>
#include <x86/serial.h>

#include "unit.h"

#define FIFO_NS 1388889 /* 16 characters of ten bits, 115,200 baud */

struct boot_options boot_options = {
    .loglvl = LOG_INFO, .guest_loglvl = LOG_DEBUG, .conring_kib = 64};
static char line[1 << 20]; /* what came out */
static size_t line_len;
static uint64_t fifo_empty_at;
static bool fast, stuck, sent;
static unsigned waits; /* how often somebody waited for the line */
static char ring[1 << 16];
static void (*in_the_middle)(void); /* of our output: a fault, or a CPU that fails there */

/* ---- the machine ---- */

bool serial_init(const char *spec)
{
    return strcmp(spec, "com1") == 0;
}

unsigned serial_write(const char *s, unsigned n)
{
    if (n == 0 || stuck || (!fast && host_now < fifo_empty_at))
        return 0;
    n = MIN(n, (unsigned)SERIAL_FIFO);
    if (in_the_middle != NULL) {
        void (*fn)(void) = in_the_middle;

        in_the_middle = NULL;
        fn();
    }
    memcpy(line + line_len, s, n);
    line_len += n;
    fifo_empty_at = host_now + FIFO_NS;
    return n;
}

bool serial_wait(void)
{
    waits++;
    if (!fast && !stuck)
        host_now = MAX(host_now, fifo_empty_at);
    return !stuck;
}

bool serial_wait_sent(void)
{
    sent = !stuck;
    return serial_wait();
}

uint64_t serial_fifo_ns(void)
{
    return FIFO_NS;
}

void serial_enable_rx_irq(void) {}
void evtchn_virq_global(unsigned virq) {}
void console_handle_key(char key) {}

void *hpages_alloc(unsigned order)
{
    return ((size_t)PAGE_SIZE << order) <= sizeof(ring) ? ring : NULL;
}

size_t copy_to_guest(vaddr_t to, const void *from, size_t n)
{
    memcpy((void *)to, from, n);
    return 0;
}

bool spin_held(const struct spinlock *l)
{
    return l->owner != 0;
}

int vsnprintf_(char *buf, size_t size, const char *fmt, va_list ap)
{
    return vsnprintf(buf, size, fmt, ap);
}

int snprintf_(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

static void pass(uint64_t ns)
{
    for (uint64_t end = host_now + ns; host_now < end;) {
        host_now = MIN(end, MAX(host_now + 1, host_deadline));
        if (host_now >= host_deadline)
            timer_run_expired();
    }
}

/* ---- what is looked for ---- */

static unsigned count(const char *what)
{
    unsigned n = 0;

    line[line_len] = '\0';
    for (const char *p = line; (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

static const char *find(const char *what)
{
    line[line_len] = '\0';
    return strstr(line, what);
}

static void fresh(void)
{
    console_flush();
    pass(10000000000); /* budgets are full again */
    line_len = 0;
    waits = 0;
}

static bool guest_line(unsigned *left_out, unsigned i)
{
    return console_guest_line("d7", left_out, "d7| line %03u of one that has much to say", i);
}

/* ---- cases ---- */

static void early(void)
{
    console_init_early("lodge.elf console=com1 loglvl=all");
    log_info("the first line");
    CHECK(find("(LODGE) the first line\r\n") == line && line_len == 24); /* waited for */
    CHECK(waits != 0);
    console_init();
}

/* 50 lines in one go: the 60 ms that interrupts used to be off. */
static void nobody_waits(void)
{
    uint64_t start;

    fresh();
    start = host_now;
    for (unsigned i = 0; i < 50; i++)
        log_info("line %02u with as many characters as a line of a log has, about", i);
    CHECK(host_now == start && waits == 0);
    CHECK(line_len <= SERIAL_FIFO);
    pass(400000000);
    CHECK(line_len > 40 * 70 && line_len <= 400000000 / FIFO_NS * SERIAL_FIFO + SERIAL_FIFO);
    pass(1000000000);
    CHECK(count("(LODGE) line ") == 50 && count("\r\n") == 50 && waits == 0);
    CHECK(host_deadline == UINT64_MAX); /* nothing left: no timer */
    log_info("the last line before the machine is gone");
    sent = false;
    console_flush();
    CHECK(find("is gone\r\n") != NULL && sent); /* and not in the port's queue any more */
}

static void a_fast_port_needs_no_timer(void)
{
    fresh();
    fast = true;
    for (unsigned i = 0; i < 300; i++)
        log_info("line %u", i);
    CHECK(count("(LODGE) line ") == 300 && host_deadline == UINT64_MAX && waits == 0);
    fast = false;
}

static void guests_come_last(void)
{
    unsigned left_out = 0, taken = 0;

    fresh();
    for (unsigned i = 0; i < 20; i++)
        taken += guest_line(&left_out, i);
    log_info("ours");
    CHECK(taken == 20 && left_out == 0);
    pass(1000000000);
    /* Behind the one line of a guest that had begun, and not in the middle of it. */
    CHECK(find("ours") > find("line 000") && find("ours") < find("line 001"));
    CHECK(count("say\r\n") == 20 && count("(LODGE) ours\r\n(LODGE) d7|") == 1);
}

static void guests_have_one_budget(void)
{
    unsigned left_out[3] = {0}, taken = 0, lines = 0;

    fresh();
    for (unsigned i = 0; i < 900; i++)
        taken += guest_line(&left_out[i % 3], i);
    CHECK(taken == 100 && left_out[0] + left_out[1] + left_out[2] == 800);
    pass(5000000000);
    CHECK(count("d7| line ") == 100 && waits == 0);
    CHECK(guest_line(&left_out[0], 0) && left_out[0] == 0);
    pass(1000000000);
    CHECK(find("(LODGE) d7: 267 lines were left out here\r\n(LODGE) d7| line 000") != NULL ||
          find("(LODGE) d7: 266 lines were left out here\r\n(LODGE) d7| line 000") != NULL);
    /* Refusals are paid for out of the same. */
    fresh();
    for (unsigned i = 0; i < 200; i++)
        lines += guest_line(&left_out[0], i);
    guest_refused("too late");
    pass(2000000000);
    CHECK(lines == 100 && count("refused") == 0);
    guest_refused("in time");
    pass(1000000000);
    CHECK(find("guests: 1 lines were left out") != NULL && find("refused: in time") != NULL);
}

/* A line that is busy with dom0's text holds guests' back, and then they are refused. */
static void guests_wait_behind_dom0(void)
{
    unsigned left_out = 0, taken = 0;
    char text[64];

    fresh();
    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < 10000; i++) { /* dom0 writes as much as the line takes */
        while (console_write_raw(text, sizeof(text)))
            ;
        taken += guest_line(&left_out, i);
        pass(1000000);
    }
    CHECK(count("d7|") == 0 && waits == 0);
    CHECK(taken > 10 && taken < 200); /* a queue full of them at most */
    pass(5000000000);
    CHECK(count("d7|") == taken);
}

static void dom0_loses_nothing(void)
{
    char text[65];
    unsigned refused = 0, ours = 0;
    size_t at = 0;

    fresh();
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "%063u\n", i);
        while (!console_write_raw(text, 64)) {
            refused++;
            pass(100000);
        }
        if (i % 100 == 0)
            log_info("ours %u", ours++); /* room for it, however much dom0 has written */
    }
    CHECK(refused != 0 && waits == 0);
    fresh();
    line_len = 0;
    for (unsigned i = 0; i < 400; i++)
        while (!console_write_raw("0123456789abcdef", 16))
            pass(100000);
    pass(1000000000);
    for (at = 0; at < line_len && line[at] == "0123456789abcdef"[at % 16]; at++)
        ;
    CHECK(at == line_len && line_len == 6400);
}

static void our_own_too_much(void)
{
    static char copy[1 << 16];
    struct xen_sysctl_readconsole op = {.count = sizeof(copy), .buffer = {.p = copy}};
    unsigned n = 1000, missing = 0;

    fresh();
    for (unsigned i = 0; i < n; i++)
        log_info("line %03u of more than the queue has room for, at 64 a line.", i);
    CHECK(waits == 0);
    pass(10000000000);
    CHECK(find("lines are missing here") != NULL);
    if (find("lines are missing here") != NULL)
        sscanf(find("too slow: "), "too slow: %u", &missing);
    CHECK(missing != 0 && missing + count("(LODGE) line ") == n);
    CHECK(console_read(&op) == 0 && op.count > 40000); /* the ring has the last of them */
    CHECK(strstr(copy, "line 999 of more") != NULL && strstr(copy, "line 500 of") != NULL);
    /* Asked for by the administrator: the line is waited for. */
    fresh();
    console_lossless(true);
    for (unsigned i = 0; i < n; i++)
        log_info("line %03u of more than the queue has room for, at 64 a line.", i);
    console_lossless(false);
    CHECK(waits != 0);
    pass(10000000000);
    CHECK(count("(LODGE) line ") == n && find("missing") == NULL);
}

static void a_stuck_line(void)
{
    unsigned left_out = 0, lost = 0;
    uint64_t start;

    fresh();
    stuck = true;
    start = host_now;
    for (unsigned i = 0; i < 2000; i++) {
        log_info("nobody reads this %u", i);
        guest_line(&left_out, i);
        while (!console_write_raw("0123456789abcdef", 16))
            pass(100000000);
        lost++;
    }
    CHECK(host_now - start < 7000000000); /* it keeps nobody for long, and dom0 once */
    console_flush();
    stuck = false;
    pass(60000000000);
    CHECK(find("characters of dom0's") != NULL);
    log_info("there again");
    pass(1000000000);
    CHECK(find("there again") != NULL);
}

static void fail(void)
{
    console_panic_mode();
    for (unsigned i = 0; i < 2000; i++)
        log_debug("report %u", i); /* whatever the level */
}

/* The last case: there is no way back. */
static void a_crash_report_is_complete(void)
{
    unsigned left_out = 0;

    fresh();
    for (unsigned i = 0; i < 100; i++) {
        log_info("before %u", i);
        guest_line(&left_out, i);
    }
    CHECK(line_len < 100);
    in_the_middle = fail; /* with the lock held, which nobody gives back */
    pass(2 * FIFO_NS);
    CHECK(count("before ") == 100 && count("d7| line ") == 100);
    CHECK(count("report ") == 2000 && find("missing") == NULL);
    log_info("and goes on");
    CHECK(find("(LODGE) and goes on\r\n") != NULL);
    stuck = true;
    log_info("and it ends");
    CHECK(find("and it ends") == NULL);
}

void test_console(void)
{
    static struct domain d = {.id = 7};
    static struct vcpu v = {.domain = &d};
    struct vcpu *before = this_cpu()->curr;

    this_cpu()->curr = &v;
    host_now = 1000000000;
    host_deadline = UINT64_MAX;
    timer_queue_init(&cpus[0]->timers);
    early();
    nobody_waits();
    a_fast_port_needs_no_timer();
    guests_come_last();
    guests_have_one_budget();
    guests_wait_behind_dom0();
    dom0_loses_nothing();
    our_own_too_much();
    a_stuck_line();
    a_crash_report_is_complete();
    this_cpu()->curr = before;
}
