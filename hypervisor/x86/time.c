/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System time is the TSC, scaled: measured once against a timer of known rate, with one formula for
 * the hypervisor and for guests (pvclock), so that both read the same nanosecond. Processors whose
 * TSCs agree share one base; the page a guest reads then never has to change after the first time.
 *
 * The formula, which is the public ABI's: ns = ns_base + (((tsc - tsc_base) shifted) * mul >> 32),
 * with ns_base and tsc_base of the CPU (struct cpu). They are set once, before the CPU runs a
 * guest, so time_now() needs no lock. A guest's page is in memory that it may write itself: what
 * is read back from there only decides whether to write it again.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/domain.h>
#include <lib/bug.h>
#include <lib/cmdline.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/time.h>
#include <x86/time_scale.h>
#include <x86/time_source.h>
#include <x86/uaccess.h>

#define LVT_TSC_DEADLINE 0x40000u

static struct {
    uint64_t tsc_hz, apic_hz;
    uint32_t mul; /* TSC to ns, as pvclock has it: a fraction of 2^32, its top bit set */
    int8_t shift; /* of the TSC's difference, before that; below 0: to the right */
    uint64_t ns_to_tsc, ns_to_apic; /* counts per ns, 32.32 */
    uint64_t tsc_zero;              /* the boot CPU's TSC at system time zero */
    bool tsc_agrees;                /* all CPUs' TSCs are one clock */
} time_scale = {.tsc_agrees = true};

static uint64_t time_wall_zero; /* ns since 1970 at system time zero */

static inline uint64_t tsc_to_ns(uint64_t delta)
{
    delta = time_scale.shift < 0 ? delta >> -time_scale.shift : delta << time_scale.shift;
    return time_scale_by(delta, time_scale.mul);
}

uint64_t time_tsc_khz(void)
{
    return time_scale.tsc_hz / 1000;
}

uint64_t time_now(void)
{
    const struct cpu *c = this_cpu();

    return c->ns_base + tsc_to_ns(rdtsc() - c->tsc_base);
}

/* Halved or doubled until a tick takes from 1/2 to 1 ns: then mul has all of its 32 bits. */
static INIT_TEXT void set_scale(uint64_t tsc_hz, uint64_t apic_hz)
{
    uint64_t hz = tsc_hz;

    time_scale.tsc_hz = tsc_hz;
    time_scale.apic_hz = apic_hz;
    while (hz > 2000000000) {
        hz >>= 1;
        time_scale.shift--;
    }
    while (hz <= 1000000000) {
        hz <<= 1;
        time_scale.shift++;
    }
    time_scale.mul = (uint32_t)((1000000000ull << 32) / hz);
    time_scale.ns_to_tsc = time_mul_div(tsc_hz, 1ull << 32, 1000000000);
    time_scale.ns_to_apic = time_mul_div(apic_hz, 1ull << 32, 1000000000);
}

INIT_TEXT void time_init(void)
{
    struct time_measurement m;
    const char *source;

    apic_write(APIC_TIMER_DIVIDE, 0xb); /* by 1 */
    apic_write(APIC_TIMER_INIT, UINT32_MAX);
    source = time_source_measure(boot_options.clocksource, &m);
    apic_write(APIC_TIMER_INIT, 0);
    if (source == NULL || m.tsc == 0 || m.ns == 0)
        panic("no timer to measure the TSC against: neither ACPI PM timer, HPET nor PIT counts");
    set_scale(time_mul_div(m.tsc, 1000000000, m.ns), time_mul_div(m.apic, 1000000000, m.ns));
    time_scale.tsc_zero = rdtsc();
    this_cpu()->tsc_base = time_scale.tsc_zero;
    this_cpu()->ns_base = 0;
    time_wall_zero = SECONDS(time_source_cmos());
    log_info("TSC %lu.%03lu MHz, APIC timer %lu.%03lu MHz, by %s", time_scale.tsc_hz / 1000000,
             time_scale.tsc_hz / 1000 % 1000, time_scale.apic_hz / 1000000,
             time_scale.apic_hz / 1000 % 1000, source);
    time_init_cpu();
}

void time_init_cpu(void)
{
    apic_write(APIC_TIMER_DIVIDE, 0xb);
    apic_write(APIC_LVT_TIMER, VEC_TIMER | (cpu_features.tsc_deadline ? LVT_TSC_DEADLINE : 0));
    __asm__ volatile("mfence" : : : "memory"); /* the mode before the first deadline */
}

/*
 * One beyond the exact count, so that the interrupt never comes before the time: the timer would be
 * found not to have expired and be set again. A deadline that has passed interrupts at once.
 * Writing 0 stops either timer. A long wait is cut into pieces, as the APIC's count has 32 bits and
 * a guest's deadline may be beyond any clock: core/timer.c sets a timer again that is not due yet.
 */
void time_set_deadline(uint64_t ns)
{
    const struct cpu *c = this_cpu();
    uint64_t now, counts;

    if (ns == UINT64_MAX) {
        if (cpu_features.tsc_deadline)
            wrmsr(MSR_TSC_DEADLINE, 0);
        else
            apic_write(APIC_TIMER_INIT, 0);
        return;
    }
    now = time_now();
    if (cpu_features.tsc_deadline) {
        counts = time_deadline_counts(ns, c->ns_base, now, time_scale.ns_to_tsc);
        wrmsr(MSR_TSC_DEADLINE, c->tsc_base + counts + 1);
        return;
    }
    counts = time_deadline_counts(ns, now, now, time_scale.ns_to_apic) + 1;
    apic_write(APIC_TIMER_INIT, (uint32_t)MIN(counts, (uint64_t)UINT32_MAX));
}

/*
 * Agreement between CPUs. The new CPU asks, the boot CPU answers with its TSC; of several rounds
 * the one with the shortest wait tells how far apart the two can be. The answer was read at some
 * moment of the wait; taken as its middle, it is wrong by half the wait at most. A difference
 * within the wait counts as none. CPUs start one at a time, so there is one pair of round numbers.
 */
#define SYNC_ROUNDS 16

static struct {
    uint32_t asked, answered; /* round numbers; the store of each releases what goes with it */
    uint64_t boot_tsc;        /* valid for the round in `answered` */
} time_sync;

void time_sync_reset(void)
{
    time_sync.asked = time_sync.answered = 0;
}

/* The boot CPU, again and again until the other CPU is done. */
void time_sync_answer(void)
{
    uint32_t round = __atomic_load_n(&time_sync.asked, __ATOMIC_ACQUIRE);

    if (round == time_sync.answered)
        return;
    time_sync.boot_tsc = rdtsc();
    __atomic_store_n(&time_sync.answered, round, __ATOMIC_RELEASE);
}

/* The new CPU, before it runs anything that asks for the time. */
void time_sync_ask(void)
{
    struct cpu *c = this_cpu();
    uint64_t shortest = UINT64_MAX;
    int64_t offset = 0;

    for (uint32_t round = 1; round <= SYNC_ROUNDS; round++) {
        uint64_t before = rdtsc(), after;

        __atomic_store_n(&time_sync.asked, round, __ATOMIC_RELEASE);
        while (__atomic_load_n(&time_sync.answered, __ATOMIC_ACQUIRE) != round)
            cpu_relax();
        after = rdtsc();
        if (after - before < shortest) {
            shortest = after - before;
            offset = (int64_t)(time_sync.boot_tsc - before - shortest / 2);
        }
    }
    c->ns_base = 0;
    c->tsc_base = time_scale.tsc_zero;
    if (offset > (int64_t)shortest || -offset > (int64_t)shortest) {
        c->tsc_base -= (uint64_t)offset;
        time_scale.tsc_agrees = false;
        log_warn("CPU%u: TSC differs by %ld from CPU0's; guests will not read it directly", c->id,
                 offset);
    }
}

/* Has the guest's page our values? One that was spoiled is written anew, for what that is worth. */
static bool time_info_current(const struct vcpu_time_info *t, const struct cpu *c)
{
    return t->tsc_timestamp == c->tsc_base && t->system_time == c->ns_base &&
           t->tsc_to_system_mul == time_scale.mul && !(t->version & 1);
}

/* Odd version, values, even version: what a guest reads between two equal even ones is whole. */
static void fill_time_info(struct vcpu_time_info *t, const struct cpu *c)
{
    uint32_t version = t->version | 1;

    WRITE_ONCE(t->version, version);
    smp_wmb();
    t->tsc_timestamp = c->tsc_base;
    t->system_time = c->ns_base;
    t->tsc_to_system_mul = time_scale.mul;
    t->tsc_shift = time_scale.shift;
    t->flags = time_scale.tsc_agrees ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
    smp_wmb();
    WRITE_ONCE(t->version, version + 1);
}

/*
 * Nothing to do, as a rule: the values hold for all CPUs, so they are written once. The copy that
 * the guest asked for is at a kernel address, so it waits until guest kernel mode is loaded. In a
 * switch the stack is still the previous vcpu's, so it is c->curr that says whose tables are
 * loaded.
 */
void time_update_vcpu(struct vcpu *v)
{
    const struct cpu *c = this_cpu();
    struct vcpu_time_info *t = v->arch.time_info, copy;

    if (t == NULL)
        return;
    if (!time_info_current(t, c)) {
        fill_time_info(t, c);
        v->arch.time_area_done = 0;
    }
    if (v->arch.time_area != v->arch.time_area_done && c->curr == v && v->arch.kernel_mode) {
        copy = *t;
        if (copy_to_guest(v->arch.time_area, &copy, sizeof(copy)) == 0)
            v->arch.time_area_done = v->arch.time_area;
    }
}

int64_t time_wall_at_zero(void)
{
    return (int64_t)(READ_ONCE(time_wall_zero) / SECONDS(1));
}

/*
 * The version comes from a copy of ours: the guest may write the one in its page. The lock is
 * against another update, and against the end of d, which takes the page away.
 */
void time_update_domain_wallclock(struct domain *d)
{
    uint64_t sec = time_wall_zero / SECONDS(1) + (uint64_t)(int64_t)d->time_offset_seconds;
    struct shared_info *s;

    spin_lock(&d->lock);
    s = d->shared_info;
    if (s == NULL) {
        spin_unlock(&d->lock);
        return;
    }
    d->arch.wallclock_version |= 1;
    WRITE_ONCE(s->wc_version, d->arch.wallclock_version);
    smp_wmb();
    s->wc_sec = (uint32_t)sec;
    s->wc_sec_hi = (uint32_t)(sec >> 32);
    s->wc_nsec = (uint32_t)(time_wall_zero % SECONDS(1));
    smp_wmb();
    WRITE_ONCE(s->wc_version, ++d->arch.wallclock_version);
    spin_unlock(&d->lock);
}

/* Each domain is held by a reference while it is told; the list may change in between. */
void time_set_wallclock(uint64_t sec, uint32_t nsec, uint64_t system_time)
{
    time_wall_zero = SECONDS(sec) + nsec - system_time;
    for (struct domain *d = domain_next(0); d != NULL;) {
        struct domain *next;

        time_update_domain_wallclock(d);
        next = domain_next((domid_t)(d->id + 1));
        domain_put(d);
        d = next;
    }
}
