/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug keys: one letter, from the serial line or from dom0, makes the hypervisor show a part of
 * its state. Handlers run with interrupts off and no lock held, and print at length: for as long as
 * that takes this CPU does nothing else. What they look at changes meanwhile. They hold a reference
 * on the domain that they are at; all else that they read is a glimpse.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant.h>
#include <core/guest_type.h>
#include <core/hypercall.h>
#include <core/stats.h>
#include <lib/bitops.h>
#include <x86/cpu.h>
#include <x86/irqs_off.h>
#include <x86/time.h>

#define KEYS 128 /* ASCII; others are folded into it */

/* Filled at boot and on first use, read without a lock. */
static struct {
    void (*fn)(void);
    const char *what;
} debug_keys[KEYS];

void console_register_key(char key, void (*fn)(void), const char *what)
{
    debug_keys[(unsigned char)key % KEYS].fn = fn;
    debug_keys[(unsigned char)key % KEYS].what = what;
}

static void debug_help(void)
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (debug_keys[i].fn != NULL)
            console_log(LOG_ERR, " key '%c': %s", i, debug_keys[i].what);
    }
}

static void debug_vcpu_line(const struct vcpu *v)
{
    const struct vcpu_info *i = v->info;
    const uint64_t *s = stats_of(v);

    console_log(LOG_ERR,
                "  v%u cpu%u blocked_by %x running %u pending %u mask %u sel %lx; hypercalls %lu "
                "exceptions %lu faults %lu emulated %lu switches %lu",
                v->id, v->sched.cpu, v->sched.blocked_by, v->sched.running,
                i->evtchn_upcall_pending, i->evtchn_upcall_mask, i->evtchn_pending_sel,
                stats_sum(s, LODGE_STAT_HYPERCALL, NR_HYPERCALLS),
                stats_sum(s, LODGE_STAT_EXCEPTION, NR_EXCEPTIONS), s[LODGE_STAT_EXCEPTION + X86_PF],
                stats_sum(s, LODGE_STAT_EMULATED, LODGE_NR_EMULATED), s[LODGE_STAT_SWITCH]);
}

/* The reference on the last one goes when its id has been read for the next (the comma). */
static void debug_domains(void)
{
    struct domain *d;
    struct vcpu *v;

    for (domid_t id = 0; (d = domain_next(id)) != NULL; id = (domid_t)(d->id + 1), domain_put(d)) {
        console_log(LOG_ERR, "d%u: refs %u state %u shutdown %u/%u pages %lu of %lu, paused %u",
                    d->id, d->refs, d->state, d->shutting_down, d->shutdown_code, d->tot_pages,
                    d->max_pages, d->pause_count);
        for_each_vcpu (d, v)
            debug_vcpu_line(v);
    }
}

static void debug_events(void)
{
    struct domain *d;

    for (domid_t id = 0; (d = domain_next(id)) != NULL; id = (domid_t)(d->id + 1), domain_put(d))
        evtchn_dump(d);
}

static void debug_grants(void)
{
    struct domain *d;

    for (domid_t id = 0; (d = domain_next(id)) != NULL; id = (domid_t)(d->id + 1), domain_put(d))
        grant_dump(d);
}

/* Registers of every vcpu; those of one that is running are as it came into the hypervisor last. */
static void debug_registers(void)
{
    struct domain *d;
    struct vcpu *v;

    for (domid_t id = 0; (d = domain_next(id)) != NULL; id = (domid_t)(d->id + 1), domain_put(d)) {
        for_each_vcpu (d, v) {
            console_log(LOG_ERR, "d%uv%u%s:", d->id, v->id, v->sched.running ? " (running)" : "");
            guest_dump_vcpu(v, false);
        }
    }
}

static void debug_memory(void)
{
    console_log(LOG_ERR, "memory: %lu of %lu frames free, %lu claimed", frame_free_count(),
                frame_total_count(), frame_claimed_count());
    console_log(LOG_ERR, "flush interrupts sent: %lu, caches written back: %lu",
                CPU_SUM(flushes_asked), CPU_SUM(cache_flushes));
}

static void debug_time(void)
{
    unsigned cpu;

    for_each_cpu (cpu, cpu_online)
        console_log(LOG_ERR, "cpu%u: now %lu, timer programmed for %lu, irqs %lu, idle %lu ns", cpu,
                    time_now(), cpus[cpu]->timers.programmed, cpus[cpu]->irq_count,
                    sched_idle_ns(cpu));
}

static void debug_reboot(void)
{
    console_log(LOG_ERR, "reboot by debug key");
    machine_restart();
}

static void debug_keys_init(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    console_register_key('h', debug_help, "show this help");
    console_register_key('q', debug_domains, "show domains and vcpus");
    console_register_key('d', debug_registers, "show the registers of all vcpus");
    console_register_key('e', debug_events, "show event channels");
    console_register_key('g', debug_grants, "show grant tables");
    console_register_key('f', console_flush, "wait until all text is out");
    console_register_key('m', debug_memory, "show memory");
    console_register_key('t', debug_time, "show clocks and timers");
#ifndef NDEBUG
    console_register_key('i', irqs_off_report, "show the longest times without interrupts");
    console_register_key('p', frame_types_audit, "compare page tables with the types of frames");
#endif
    console_register_key('R', debug_reboot, "reboot the machine");
}

void console_handle_key(char key)
{
    unsigned i = (unsigned char)key % KEYS;

    debug_keys_init();
    if (debug_keys[i].fn == NULL)
        return;
    console_lossless(true);
    console_log(LOG_ERR, "key '%c': %s", key, debug_keys[i].what);
    debug_keys[i].fn();
    console_lossless(false);
    irqs_off_forget(); /* a dump is as long as it is, and only the control domain asks for one */
}
