/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts: each source has a vector of its own, the same on all CPUs, and a struct irq_line.
 * irq_lock guards the lines. A handler does not hold it while it tells the domain (that takes event
 * locks, which come earlier in the order); in_service keeps the line bound meanwhile. It is a
 * count: a line that moves to another CPU may interrupt there while its handler still runs on the
 * old one.
 *
 * A line goes through these states: no vector; set up (a GSI is routed to it, masked); bound to a
 * domain, or to a function of the hypervisor. A GSI's vector is its own for good, an MSI's comes
 * and goes. The calls below let a guest choose which of its sources is bound to which of its
 * pirqs, but no vector.
 *
 * Edge-triggered sources are acknowledged at once and cannot be held back: an event that is pending
 * already absorbs further ones. A level-triggered line whose guest does not answer stays masked: it
 * costs that guest its device, and nobody else an interrupt storm.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/evtchn.h>
#include <core/timer.h>
#include <public/errno.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/dump.h>
#include <x86/irq.h>
#include <x86/irq_line.h>
#include <x86/irqs_off.h>
#include <x86/smp.h>

#define NR_GSIS 256

struct spinlock irq_lock = SPINLOCK_INIT(LOCK_IRQ);

/* Both with irq_lock. */
static struct irq_line irq_lines[256]; /* by vector */
static struct {
    uint8_t vector; /* 0: not set up */
    bool level, active_low;
} irq_gsis[NR_GSIS];

/* A device with several messages puts the number into the low bits of the vector: hence aligned. */
struct irq_line *irq_line_alloc(unsigned count)
{
    unsigned first = ROUND_UP(VEC_FIRST_DYNAMIC, count);

    for (unsigned v = first; v + count - 1 <= VEC_LAST_DYNAMIC; v += count) {
        unsigned used = 0;

        for (unsigned i = 0; i < count; i++)
            used += irq_lines[v + i].vector != 0;
        if (used != 0)
            continue;
        for (unsigned i = 0; i < count; i++)
            irq_lines[v + i] = (struct irq_line){.vector = (uint8_t)(v + i)};
        return &irq_lines[v];
    }
    return NULL;
}

/* After irq_line_unbind(). The rest is overwritten when the vector is given out again. */
void irq_line_free(struct irq_line *line)
{
    line->vector = 0;
}

/* PICs to vectors that nothing else uses, then masked: a spurious interrupt lands somewhere. */
static INIT_TEXT void pic_off(void)
{
    static const uint8_t init[][2] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28},
                                      {0x21, 4},    {0xa1, 2},    {0x21, 1},    {0xa1, 1},
                                      {0x21, 0xff}, {0xa1, 0xff}};

    for (unsigned i = 0; i < ARRAY_SIZE(init); i++)
        outb(init[i][0], init[i][1]);
}

INIT_TEXT void irq_init(void)
{
    pic_off();
    apic_init(acpi_info.lapic_base);
    ioapic_init();
}

void irq_init_cpu(void)
{
    apic_init_cpu();
}

unsigned irq_nr_gsis(void)
{
    return MIN(ioapic_nr_gsis(), (unsigned)NR_GSIS);
}

/*
 * What the line was announced to be: PCI lines are level and low, ISA lines edge and high. With
 * irq_lock. A line in use is left as it is, and that is no error: dom0 announces lines again.
 */
static int gsi_setup(unsigned gsi, bool level, bool active_low)
{
    struct irq_line *line;

    if (gsi >= NR_GSIS || !ioapic_has(gsi))
        return -XEN_EINVAL;
    if (irq_gsis[gsi].vector != 0) {
        line = &irq_lines[irq_gsis[gsi].vector];
        if (line->domain != NULL || line->fn != NULL)
            return 0; /* in use as it is */
    } else {
        line = irq_line_alloc(1);
        if (line == NULL)
            return -XEN_ENOSPC;
        irq_gsis[gsi].vector = line->vector;
    }
    line->gsi = gsi;
    line->level = level;
    line->active_low = active_low;
    line->masked = true;
    ioapic_route(gsi, line->vector, cpus[line->cpu]->apic_id, level, active_low, true);
    return 0;
}

int irq_gsi_setup(unsigned gsi, bool level, bool active_low)
{
    spin_lock(&irq_lock);

    int rc = gsi_setup(gsi, level, active_low);

    spin_unlock(&irq_lock);
    return rc;
}

/*
 * The line behind a GSI; set up as its kind of bus would have it, if nobody has said: ACPI's
 * overrides are for ISA lines. With irq_lock; NULL: no such line, or no vector left.
 */
static struct irq_line *gsi_line(unsigned gsi)
{
    bool level = gsi >= 16, low = gsi >= 16;

    if (gsi < NR_GSIS && irq_gsis[gsi].vector != 0)
        return &irq_lines[irq_gsis[gsi].vector];
    for (unsigned i = 0; i < acpi_info.nr_overrides; i++)
        if (acpi_info.overrides[i].gsi == gsi) {
            level = acpi_info.overrides[i].level;
            low = acpi_info.overrides[i].active_low;
        }
    return gsi_setup(gsi, level, low) == 0 ? &irq_lines[irq_gsis[gsi].vector] : NULL;
}

/* With irq_lock. `masked` mirrors the IOAPIC's bit, whose registers are slow to read. */
static void gsi_mask(struct irq_line *line, bool masked)
{
    if (line->masked != masked) {
        line->masked = masked;
        ioapic_mask(line->gsi, masked);
    }
}

int irq_gsi_bind(unsigned gsi, struct domain *d, unsigned pirq)
{
    struct irq_line *line;
    int rc = 0;

    spin_lock(&irq_lock);
    line = gsi_line(gsi);
    if (line == NULL)
        rc = -XEN_EINVAL;
    else if (line->fn != NULL || (line->domain != NULL && line->domain != d))
        rc = -XEN_EBUSY;
    if (rc == 0) {
        line->domain = d;
        line->pirq = pirq;
        gsi_mask(line, false);
    }
    spin_unlock(&irq_lock);
    return rc;
}

/*
 * First no new handler finds the domain, then those that may have found it are waited for. The
 * caller holds no lock that evtchn_pirq() takes, or the two would wait for each other.
 */
void irq_line_unbind(struct irq_line *line)
{
    spin_lock(&irq_lock);
    line->domain = NULL;
    if (!line->is_msi)
        gsi_mask(line, true);
    spin_unlock(&irq_lock);
    while (READ_ONCE(line->in_service) != 0)
        cpu_relax_poll();
}

void irq_gsi_unbind(unsigned gsi)
{
    if (gsi < NR_GSIS && irq_gsis[gsi].vector != 0)
        irq_line_unbind(&irq_lines[irq_gsis[gsi].vector]);
}

/* The line may interrupt again at once. A line that has been unbound since stays masked. */
void irq_gsi_eoi(unsigned gsi)
{
    spin_lock(&irq_lock);
    if (gsi < NR_GSIS && irq_gsis[gsi].vector != 0) {
        struct irq_line *line = &irq_lines[irq_gsis[gsi].vector];

        if (line->domain != NULL && line->level)
            gsi_mask(line, false);
    }
    spin_unlock(&irq_lock);
}

int irq_request_serial(unsigned gsi, void (*fn)(void))
{
    struct irq_line *line;

    spin_lock(&irq_lock);
    line = gsi_line(gsi);
    if (line != NULL && line->domain == NULL) {
        line->fn = fn;
        gsi_mask(line, false);
    } else {
        line = NULL;
    }
    spin_unlock(&irq_lock);
    return line != NULL ? 0 : -XEN_EBUSY;
}

/*
 * An interrupt on its way to the old CPU is handled there: vectors are the same everywhere. IOAPICs
 * and messages have eight bits for the receiver: a CPU with a longer id gets no lines.
 */
static void line_set_cpu(struct irq_line *line, unsigned cpu)
{
    line->cpu = cpu;
    if (line->is_msi)
        msi_set_cpu(line, cpu);
    else
        ioapic_route(line->gsi, line->vector, cpus[cpu]->apic_id, line->level, line->active_low,
                     line->masked);
}

void irq_set_cpu(struct domain *d, unsigned pirq, unsigned cpu)
{
    if (cpu >= nr_cpus || cpus[cpu]->apic_id > APIC_ID_8BIT_MAX)
        return;
    spin_lock(&irq_lock);
    for (unsigned v = VEC_FIRST_DYNAMIC; v <= VEC_LAST_DYNAMIC && cpu_is_active(cpu); v++) {
        struct irq_line *line = &irq_lines[v];

        if (line->vector != 0 && line->domain == d && line->pirq == pirq && line->cpu != cpu)
            line_set_cpu(line, cpu);
    }
    spin_unlock(&irq_lock);
}

/* The CPU is not active any more, so none comes after this look at all of them. */
void irq_leave_cpu(unsigned cpu, unsigned to)
{
    for (unsigned v = VEC_FIRST_DYNAMIC; v <= VEC_LAST_DYNAMIC; v++) {
        spin_lock(&irq_lock);
        if (irq_lines[v].vector != 0 && irq_lines[v].cpu == cpu)
            line_set_cpu(&irq_lines[v], to);
        spin_unlock(&irq_lock);
    }
}

/*
 * A level-triggered line stays masked from here until the guest's EOI: the domain may not run for
 * a while, and the device keeps the line up until it has. It is masked before the APIC's EOI, which
 * would let the IOAPIC send it again. A line that nobody is bound to is masked, whatever its
 * trigger.
 */
static void handle_line(unsigned vector)
{
    struct irq_line *line = &irq_lines[vector];
    struct domain *d;
    void (*fn)(void);

    spin_lock(&irq_lock);
    d = line->domain;
    fn = line->fn;
    if (line->vector != 0 && !line->is_msi && (line->level || (d == NULL && fn == NULL)) &&
        fn == NULL)
        gsi_mask(line, true);
    line->in_service += d != NULL;
    spin_unlock(&irq_lock);
    if (fn != NULL)
        fn();
    apic_eoi();
    if (d == NULL)
        return;

    bool told = evtchn_pirq(d, line->pirq);

    spin_lock(&irq_lock);
    if (!told && !line->is_msi) /* no port for it */
        gsi_mask(line, true);
    line->in_service--;
    spin_unlock(&irq_lock);
}

/* From entry.S, interrupts off, no lock held. */
void irq_handle(unsigned vector)
{
    irqs_off_begin();
    this_cpu()->irq_count++;
    switch (vector) {
    case VEC_TIMER:
        apic_eoi();
        timer_run_expired();
        traps_report_nmis();
        break;
    case VEC_KICK:
        apic_eoi();
        smp_serve();
        break;
    case VEC_ERROR:
        apic_write(APIC_ESR, 0); /* a write makes the register readable: SDM volume 3, chapter 10 */
        log_warn("CPU%u: local APIC error %#x", this_cpu()->id, apic_read(APIC_ESR));
        apic_eoi();
        break;
    case VEC_SPURIOUS: /* never in service, so it must not be acknowledged */
        break;
    default:
        if (vector >= VEC_FIRST_DYNAMIC && vector <= VEC_LAST_DYNAMIC)
            handle_line(vector);
        else if (vector >= 0x30) /* 0x20 to 0x2f: the PICs', which want no EOI here */
            apic_eoi();
    }
    irqs_off_end(); /* of what runs between here and a guest it is the beginning */
}

int irq_ioapic_read(uint64_t base, unsigned reg, uint32_t *v)
{
    bool found;

    spin_lock(&irq_lock);
    found = ioapic_read_at(base, reg, v);
    spin_unlock(&irq_lock);
    return found ? 0 : -XEN_EINVAL;
}
