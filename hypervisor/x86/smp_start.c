/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processors' structures, and the start of all but the first. Each new CPU begins on its idle
 * vcpu's stack, so that from its first C instruction this_cpu() and current are right.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/sched.h>
#include <core/timer.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/page.h>
#include <x86/smp.h>
#include <x86/svm.h>
#include <x86/switch.h>
#include <x86/time.h>
#include <x86/time_source.h>
#include <x86/tlb.h>

#define TRAMPOLINE    0x8000 /* as in boot/head.S */
#define START_TIMEOUT 2000   /* ms until a CPU counts as missing */

static struct cpu smp_boot_cpu;

extern const char smp_trampoline[], smp_trampoline_stack[], smp_trampoline_end[];

void smp_init_boot_cpu(void)
{
    struct stack_top *top = stack_top();

    top->cpu = &smp_boot_cpu;
    cpus[0] = &smp_boot_cpu;
    nr_cpus = 1;
    cpu_online = cpu_active = 1;
    timer_queue_init(&smp_boot_cpu.timers);
}

void smp_boot_stack(void)
{
    switch_stack_to(cpus[0], cpus[0]->idle);
}

/* What the processor that is being started lacks; it stores the bits last, the boot CPU reads. */
static uint32_t smp_lacks_leaf, smp_lacks_bits;

/*
 * A new processor, from head.S, with the early tables. The boot CPU waits in start() all the while.
 * What must come before what: the look at its features before it touches the direct map, which may
 * be made of pages that it does not know; the IDT before anything that may fault; the real tables
 * before the flush that others asked for until now; the time before anyone asks for it; and only a
 * CPU that can answer kicks is online.
 */
void smp_ap_main(void)
{
    struct cpu *c = this_cpu();
    uint32_t leaf, bits = cpu_lacks(&leaf);

    if (bits != 0) {
        smp_lacks_leaf = leaf;
        __atomic_store_n(&smp_lacks_bits, bits, __ATOMIC_RELEASE);
        for (;;)
            __asm__ volatile("hlt");
    }
    descriptors_load(c);
    write_cr3(hv_root_mfn.m << PAGE_SHIFT);
    cpu_init_this(c);
    descriptors_set_syscall(c);
    fpu_init_cpu();
    svm_init_cpu(c);
    irq_init_cpu();
    tlb_serve(); /* whatever was flushed before we were there */
    time_sync_ask();
    time_init_cpu();
    c->apic_id = apic_id();
    __atomic_or_fetch(&cpu_active, BIT(c->id), __ATOMIC_SEQ_CST);
    __atomic_or_fetch(&cpu_online, BIT(c->id), __ATOMIC_SEQ_CST);
    sched_idle_loop();
}

static INIT_TEXT void wait_ms(unsigned ms)
{
    uint64_t end = time_now() + MS(ms);

    while (time_now() < end)
        cpu_relax();
}

/* On the boot CPU: all that the new one needs until it can allocate for itself. */
static INIT_TEXT struct cpu *prepare(unsigned id, uint32_t apic)
{
    struct cpu *c;

    _Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "one page each");
    c = hpage_alloc();
    if (c == NULL)
        boot_fail("no memory for CPU%u; use maxcpus=%u", id, id);
    c->id = id;
    c->apic_id = apic;
    c->tlb_domain = DOMID_IDLE;
    timer_queue_init(&c->timers);
    cpus[id] = c;
    descriptors_init_cpu(c);
    svm_prepare_cpu(c);
    sched_init_cpu(id);
    switch_stack_to(c, c->idle);
    return c;
}

/*
 * Wakes one processor and waits for it; only before dom0 runs, which may write to the page of the
 * trampoline, as to all below 1 MiB; false when it does not come. INIT, a pause of 10 ms,
 * start-up: Intel SDM volume 3, chapter 8. The second start-up is for a processor that missed the
 * first; one that runs ignores it.
 */
static INIT_TEXT bool start(struct cpu *c)
{
    uint8_t *low = phys_to_virt(TRAMPOLINE);
    uint64_t stack = (uint64_t) & ((struct stack_top *)c->idle->stack - 1)->regs;

    memcpy(low, smp_trampoline, (size_t)(smp_trampoline_end - smp_trampoline));
    memcpy(low + (smp_trampoline_stack - smp_trampoline), &stack, sizeof(stack));
    time_sync_reset();
    apic_send_init(c->apic_id);
    wait_ms(10);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        uint64_t end = time_now() + MS(START_TIMEOUT / 2);

        apic_send_startup(c->apic_id, TRAMPOLINE >> PAGE_SHIFT);
        while (time_now() < end) {
            time_sync_answer();
            if (READ_ONCE(cpu_online) & BIT(c->id))
                return true;
            if (__atomic_load_n(&smp_lacks_bits, __ATOMIC_ACQUIRE) != 0) {
                apic_send_init(c->apic_id); /* it could not take the NMI that ends the others */
                boot_fail("CPU with APIC id %#x lacks bits %#x of CPU0 in CPUID leaf %#x; use "
                          "maxcpus=%u",
                          c->apic_id, smp_lacks_bits, smp_lacks_leaf, c->id);
            }
            cpu_relax_poll();
        }
    }
    return false;
}

INIT_TEXT void smp_start_all(void)
{
    unsigned limit =
        boot_options.maxcpus != 0 ? MIN(boot_options.maxcpus, (unsigned)NR_CPUS) : NR_CPUS;
    uint32_t self = apic_id();

    cpus[0]->apic_id = self;
    for (unsigned i = 0; i < acpi_info.nr_cpus && nr_cpus < limit; i++) {
        uint32_t apic = acpi_info.cpus[i].apic_id;

        if (apic == self || !acpi_info.cpus[i].enabled)
            continue;
        if (apic > APIC_ID_8BIT_MAX && !apic_is_x2apic()) {
            log_warn("CPU with APIC id %#x needs x2APIC; left alone", apic);
            continue;
        }

        struct cpu *c = prepare(nr_cpus, apic);

        if (!start(c)) {
            log_warn("CPU with APIC id %#x did not start; the others are left alone too", apic);
            apic_send_init(apic); /* so that it does not come later */
            wait_ms(10);
            /* It may have come after the last look; gone again, it would answer no flush. */
            __atomic_and_fetch(&cpu_online, ~BIT(c->id), __ATOMIC_SEQ_CST);
            __atomic_and_fetch(&cpu_active, ~BIT(c->id), __ATOMIC_SEQ_CST);
            break;
        }
        nr_cpus++;
    }
    log_info("%u of %u processors running", nr_cpus, MAX(acpi_info.nr_cpus, 1u));
}
