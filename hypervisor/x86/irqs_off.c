/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug builds: the longest stretch without interrupts of each CPU, with its two ends by name. The
 * start of a stretch is in struct cpu, where the entry code (x86/entry.S) writes it without a call;
 * the end comes here. A stretch that is longer than irqs_off= allows is reported when it ends, if
 * it is also a tenth longer than the last one reported: a log line of its own for each would hide
 * them all.
 */
#include <core/console.h>
#include <lib/bitops.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/irqs_off.h>

#ifndef NDEBUG

#define CALLERS 6 /* shown of the place where a stretch ended */

/* Each CPU writes its own; read by the one that reports. */
static struct worst {
    uint64_t ticks, reported;
    const void *from; /* NULL: the guest's */
    uint64_t call;    /* RAX as the guest came in */
    const void *to[CALLERS];
} worst[NR_CPUS];

static bool started;

void irqs_off_start(void)
{
    started = true;
    this_cpu()->irqs_off.since = 0;
}

void irqs_off_begin(void)
{
    struct irqs_off *o = &this_cpu()->irqs_off;

    o->from = __builtin_return_address(0);
    o->since = rdtsc();
}

void irqs_off_forget(void)
{
    this_cpu()->irqs_off.since = rdtsc();
}

/*
 * By frame pointers, which a debug build keeps, as far as they stay on this stack: the outermost
 * function has saved the guest's. The first one is record()'s, called by irqs_off_end().
 */
static void callers(const void **to)
{
    uint64_t frame = *(const uint64_t *)__builtin_frame_address(0), end = (uint64_t)stack_top();

    memset(to, 0, CALLERS * sizeof(*to));
    for (unsigned i = 0; i < CALLERS; i++) {
        const uint64_t *f = (const uint64_t *)frame;

        if (frame < end - STACK_SIZE || frame >= end || frame % 8 != 0)
            return;
        to[i] = (const void *)f[1];
        if (f[0] <= frame)
            return;
        frame = f[0];
    }
}

/* One line: "ticks from ... to a < b < c", a being the innermost. */
static void show(unsigned cpu, const struct worst *w)
{
    char line[220];
    int n;

    n = w->from != NULL ? snprintf_(line, sizeof(line), "from %ps", w->from)
                        : snprintf_(line, sizeof(line), "from the guest (rax %#lx)", w->call);
    for (unsigned i = 0; i < CALLERS && w->to[i] != NULL && n < (int)sizeof(line); i++)
        n += snprintf_(line + n, sizeof(line) - (size_t)n, "%s %ps", i == 0 ? " to" : " <",
                       w->to[i]);
    log_err("CPU%u: interrupts off for %lu ticks, %s", cpu, w->ticks, line);
}

static __attribute__((noinline)) void record(struct cpu *c, uint64_t ticks)
{
    struct worst *w = &worst[c->id];

    w->ticks = ticks;
    w->from = c->irqs_off.from;
    w->call = c->irqs_off.call;
    callers(w->to);
    if (boot_options.irqs_off == 0 || ticks <= boot_options.irqs_off ||
        ticks - ticks / 10 <= w->reported)
        return;
    w->reported = ticks;
    show(c->id, w);
    c->irqs_off.since = rdtsc(); /* the line itself is long */
}

void irqs_off_end(void)
{
    struct cpu *c = this_cpu();
    uint64_t ticks = rdtsc() - c->irqs_off.since;

    /* No start: the CPU has just begun. */
    if (started && c->irqs_off.since != 0 && ticks > worst[c->id].ticks)
        record(c, ticks);
}

void irqs_off_report(void)
{
    unsigned cpu;

    log_err("the longest time without interrupts of each CPU:");
    for_each_cpu (cpu, cpu_online)
        show(cpu, &worst[cpu]);
}

#endif
