/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console_io: what guests write to the hypervisor's console. dom0's text goes out as it is; another
 * domain's is gathered into lines, stripped of control characters, marked with the domain, and
 * limited in number. Reading is dom0's.
 */
#include <core/console.h>
#include <core/console_io.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/hypercall.h>
#include <core/preempt.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/hypercalls.h>
#include <x86/cpu.h>
#include <x86/regs.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define LINE_MAX  160
#define BURST     50u    /* lines */
#define REFILL_NS MS(50) /* and one more each */

/* One page per domain. Its vcpus write at the same time, so all is under lock. */
struct console_line {
    struct spinlock lock; /* LOCK_DOMAIN */
    unsigned len;         /* of text, up to LINE_MAX */
    char text[LINE_MAX + 1];
    unsigned tokens, dropped; /* lines that may come out now; lines left out since the last */
    uint64_t refilled;        /* system time at which tokens were counted last */
};

int console_io_domain_init(struct domain *d)
{
    struct console_line *l = hpage_alloc();

    if (l == NULL)
        return -XEN_ENOMEM;
    spin_lock_init(&l->lock, LOCK_DOMAIN);
    l->tokens = BURST;
    d->console_line = l;
    return 0;
}

void console_io_domain_free(struct domain *d)
{
    hpage_free(d->console_line);
    d->console_line = NULL;
}

static bool console_line_allowed(struct console_line *l)
{
    uint64_t now = time_now(), more = (now - l->refilled) / REFILL_NS;

    if (more != 0) {
        l->tokens = (unsigned)MIN(more + l->tokens, (uint64_t)BURST);
        l->refilled = now;
    }
    if (l->tokens == 0) {
        l->dropped++;
        return false;
    }
    l->tokens--;
    return true;
}

static void console_line_out(struct domain *d, struct console_line *l)
{
    char who[8];

    l->text[l->len] = '\0';
    l->len = 0;
    if (boot_options.guest_loglvl < LOG_WARN || !console_line_allowed(l))
        return;
    snprintf_(who, sizeof(who), "d%u", d->id);
    console_guest_line(who, &l->dropped, "%s| %s", who, l->text);
}

/*
 * Only printable characters and tabs pass: a guest must not be able to steer the terminal that
 * shows the log, or to begin a line that looks like ours.
 */
static void console_guest_text(struct domain *d, const char *s, size_t n)
{
    struct console_line *l = d->console_line;

    spin_lock(&l->lock);
    for (; n-- != 0; s++) {
        if (*s == '\n' || l->len == LINE_MAX)
            console_line_out(d, l);
        if ((*s >= ' ' && *s <= '~') || *s == '\t')
            l->text[l->len++] = *s;
    }
    spin_unlock(&l->lock);
}

/*
 * dom0's text is not lost as long as the line moves: while there is no room the call is repeated.
 */
static int64_t console_io_write(uint64_t count, uint64_t buffer)
{
    struct domain *d = current->domain;
    char chunk[64];

    while (count != 0) {
        size_t n = MIN(count, sizeof(chunk));

        if (copy_from_guest(chunk, buffer, n) != 0)
            return -XEN_EFAULT;
        while (d->hardware && !console_write_raw(chunk, n)) {
            if (preempt_for_event())
                return hypercall_restart(CONSOLEIO_write, count, buffer, 0);
            cpu_relax();
        }
        if (!d->hardware)
            console_guest_text(d, chunk, n);
        buffer += n;
        count -= n;
        if (preempt_for_event() && count != 0)
            return hypercall_restart(CONSOLEIO_write, count, buffer, 0);
    }
    return 0;
}

/* How many characters there were, which may be none. What cannot be copied out is lost. */
static int64_t console_io_read(uint64_t count, uint64_t buffer)
{
    char chunk[128];
    size_t n = console_rx_take(chunk, MIN(count, sizeof(chunk)));

    if (copy_to_guest(buffer, chunk, n) != 0)
        return -XEN_EFAULT;
    return (int64_t)n;
}

int64_t hc_console_io(uint64_t cmd, uint64_t count, uint64_t buffer, uint64_t a4)
{
    (void)a4;
    count = (uint32_t)count; /* an int in the ABI: the upper half of the register may be anything */
    if ((int32_t)count < 0)
        return -XEN_EINVAL;
    switch ((uint32_t)cmd) {
    case CONSOLEIO_write:
        return console_io_write(count, buffer);
    case CONSOLEIO_read:
        if (!current->domain->hardware)
            return -XEN_EPERM;
        return console_io_read(count, buffer);
    default:
        return -XEN_ENOSYS;
    }
}
