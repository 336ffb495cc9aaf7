/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC: as MSRs where the processor has x2APIC (and the firmware or `x2apic` does not
 * object), else through its page of registers. All interrupts are fixed and physical.
 */
#include <lib/bug.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/page.h>

#define APIC_BASE_ENABLE 0x800u
#define APIC_BASE_X2APIC 0x400u
#define ICR_BUSY         0x1000u
#define ICR_INIT         0x4500u /* INIT, assert */
#define ICR_STARTUP      0x4600u
#define ICR_NMI          0x4400u
#define ICR_OTHERS       0xc0000u
#define LVT_MASKED       0x10000u
#define LVT_NMI          0x400u

static volatile uint8_t *apic_page; /* at the same address on each CPU, and its own on each */
static bool apic_x2;

uint32_t apic_read(unsigned reg)
{
    if (apic_x2)
        return (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
    return *(volatile uint32_t *)(apic_page + reg);
}

void apic_write(unsigned reg, uint32_t v)
{
    if (apic_x2)
        wrmsr(MSR_X2APIC + reg / 16, v);
    else
        *(volatile uint32_t *)(apic_page + reg) = v;
}

uint32_t apic_id(void)
{
    uint32_t v = apic_read(APIC_ID);

    return apic_x2 ? v : v >> 24;
}

bool apic_is_x2apic(void)
{
    return apic_x2;
}

INIT_TEXT void apic_init(paddr_t base)
{
    /* Once on, by the firmware for one, x2APIC cannot be left without disabling the APIC. */
    apic_x2 = cpu_features.x2apic || (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0;
    if (!apic_x2) {
        apic_page = ioremap(base, PAGE_SIZE);
        if (apic_page == NULL)
            panic("no address space for the local APIC");
    }
}

/* LINT1 is where the board's NMI arrives, by convention; one CPU is enough for it. */
void apic_init_cpu(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    wrmsr(MSR_APIC_BASE, base);
    if (apic_x2)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    else
        apic_write(APIC_DFR, 0xffffffff);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_LVT_PERF, LVT_MASKED);
    apic_write(APIC_LVT_LINT0, LVT_MASKED);
    apic_write(APIC_LVT_LINT1, this_cpu()->id == 0 ? LVT_NMI : LVT_MASKED);
    apic_write(APIC_LVT_ERROR, VEC_ERROR);
    apic_write(APIC_SPURIOUS, 0x100 | VEC_SPURIOUS);
    apic_write(APIC_ESR, 0);
    /* Whatever the firmware left in service. */
    for (unsigned i = 0; i < 8; i++)
        for (uint32_t isr = apic_read(APIC_ISR + i * 16); isr != 0; isr &= isr - 1)
            apic_write(APIC_EOI, 0);
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

/*
 * In the page's form a command takes two writes, and the second sends it. Interrupts are off, and
 * no NMI sends, except on the way down; so nobody comes between on this CPU.
 */
static void send(uint32_t dest, uint32_t command)
{
    if (apic_x2) {
        /*
         * An MSR write of x2APIC does not wait for earlier stores, and a locked instruction, which
         * smp_mb() may be, need not hold it back: Intel SDM volume 3, 10.12.3, wants these two.
         */
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_X2APIC + APIC_ICR / 16, ((uint64_t)dest << 32) | command);
        return;
    }
    while (apic_read(APIC_ICR) & ICR_BUSY)
        cpu_relax();
    apic_write(APIC_ICR_HIGH, dest << 24);
    apic_write(APIC_ICR, command);
}

void apic_send_ipi(unsigned cpu, unsigned vector)
{
    send(cpus[cpu]->apic_id, vector);
}

void apic_send_init(uint32_t id)
{
    send(id, ICR_INIT);
}

void apic_send_startup(uint32_t id, unsigned page)
{
    send(id, ICR_STARTUP | page);
}

/* Also during a panic before there is an APIC. */
void apic_send_nmi_others(void)
{
    if (nr_cpus > 1 && (apic_x2 || apic_page != NULL))
        send(0, ICR_NMI | ICR_OTHERS);
}
