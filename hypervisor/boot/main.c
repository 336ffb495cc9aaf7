/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot, as one list: from the first C instruction to the first guest's. Each step may use what the
 * steps above it have set up, and nothing below.
 *
 * Three stages of memory: none but the image (until add_memory()); boot_alloc(), which never gives
 * back (until frame_heap_init()); the heap. Two stacks: the boot stack of head.S, and from
 * entry_call_on_stack() on the idle vcpu's. Interrupts are off until sched_idle_loop(); anything
 * that goes wrong is either the user's to put right (boot_fail()) or a bug (panic()).
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/sched.h>
#include <hvm/hvm.h>
#include <lib/cmdline.h>
#include <pv/pv.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/irqs_off.h>
#include <x86/page.h>
#include <x86/smp.h>
#include <x86/stack.h>
#include <x86/svm.h>
#include <x86/time.h>

extern const char image_start[], image_end[];

static void boot_on_idle_stack(void);
void boot_main(uint32_t magic, uint32_t info);
void cmdline_report(const char *text);

/* [start, end), page aligned: not for the allocator. */
struct hole {
    paddr_t start, end;
};

#define MAX_HOLES (2 + 4 + E820_MAX) /* low memory and image, modules, the map's own */

/*
 * What of the usable memory is in use: the image, the modules, all below 1 MiB; and what another
 * entry of the memory map claims, for firmware lets entries overlap.
 */
static INIT_TEXT unsigned list_holes(struct hole *holes)
{
    unsigned n = 0;

    _Static_assert(ARRAY_SIZE(boot_info.modules) == 4, "MAX_HOLES");
    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type != E820_RAM)
            holes[n++] = (struct hole){ROUND_DOWN(e->addr, PAGE_SIZE),
                                       ROUND_UP(e->addr + e->size, PAGE_SIZE)};
    }
    holes[n++] = (struct hole){0, MIB(1)};
    holes[n++] = (struct hole){image_to_phys(image_start), image_to_phys(image_end)};
    for (unsigned i = 0; i < boot_info.nr_modules; i++) {
        const struct boot_module *m = &boot_info.modules[i];

        holes[n++] =
            (struct hole){ROUND_DOWN(m->start, PAGE_SIZE), ROUND_UP(m->start + m->size, PAGE_SIZE)};
    }
    return n;
}

/*
 * Gives [start, end) to the allocator, except for the holes. What is left on either side of one is
 * looked at for the holes behind it in the list only: those before it did not touch the range.
 */
static INIT_TEXT void add_range(paddr_t start, paddr_t end, const struct hole *holes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (holes[i].end <= start || holes[i].start >= end)
            continue;
        if (holes[i].start > start)
            add_range(start, holes[i].start, holes + i + 1, n - i - 1);
        if (holes[i].end < end)
            add_range(holes[i].end, end, holes + i + 1, n - i - 1);
        return;
    }
    frame_heap_add(start, end);
}

/* The map is sorted by address; of RAM entries that overlap each byte is given once (`done`). */
static INIT_TEXT void add_memory(void)
{
    static struct hole holes[MAX_HOLES] INIT_DATA;
    unsigned n = list_holes(holes);
    paddr_t done = 0, limit = boot_options.mem_limit != 0 ? boot_options.mem_limit : UINT64_MAX;
    uint64_t total = 0;

    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        paddr_t start = MAX(ROUND_UP(e->addr, PAGE_SIZE), done);
        paddr_t end = MIN(ROUND_DOWN(e->addr + e->size, PAGE_SIZE), limit);

        if (e->type != E820_RAM || start >= end)
            continue;
        total += end - start;
        add_range(start, end, holes, n);
        done = end;
    }
    if (total < MIB(32))
        boot_fail(
            "the boot loader reports %lu MiB of memory, and 32 are the least; without any, the "
            "boot entry must say multiboot2, not multiboot",
            total >> 20);
    log_info("%lu MiB of memory", total >> 20);
}

/* On the boot stack, with the early page tables. */
INIT_TEXT void boot_main(uint32_t magic, uint32_t info)
{
    smp_init_boot_cpu();                   /* this_cpu() */
    descriptors_init_boot(cpus[0]);        /* faults are reported, not triple */
    multiboot2_parse(magic, info);         /* command line, memory map, modules */
    cmdline_init(boot_info.cmdline);       /* boot_options */
    console_init_early(boot_info.cmdline); /* first line of output */
    log_info("Lodge %s, built with %s", boot_version, boot_compiler);
    log_info("command line: %s", boot_info.cmdline);
    cmdline_report(boot_info.cmdline); /* what was wrong with it */
    cpu_detect();                      /* cpu_features */
    cpu_report();
    cpu_patch_smap();                       /* text is writable still */
    add_memory();                           /* boot_alloc() */
    paging_init();                          /* final tables, frame table, M2P */
    cpu_init_this(cpus[0]);                 /* control registers, MSRs */
    frame_heap_init(max_mfn << PAGE_SHIFT); /* frame_alloc(), hpage_alloc() */
    descriptors_init_cpu(cpus[0]);          /* exception stacks, SYSCALL stub */
    descriptors_set_syscall(cpus[0]);
    fpu_init_cpu();
    svm_prepare_cpu(cpus[0]); /* where there is SVM: fully virtualized guests */
    svm_init_cpu(cpus[0]);
    domain_init_system(); /* owners of frames that no guest has */
    sched_init(boot_options.sched);
    sched_init_cpu(0); /* the idle vcpu: continue as that */
    smp_boot_stack();
    entry_call_on_stack(cpus[0]->idle->stack, boot_on_idle_stack);
}

/* On the idle vcpu's stack: current is valid. */
static void boot_on_idle_stack(void)
{
    acpi_init(); /* processors, IOAPICs, timers */
    irq_init();  /* interrupt controllers, all masked */
    irq_init_cpu();
    time_init();     /* time_now(), timer interrupts */
    console_init();  /* ring, input by interrupt */
    smp_start_all(); /* the other processors, idle */
    svm_report();
    hvm_init();
    paging_protect_image(); /* text is read-only from here */
    dom0_build();           /* the first guest, ready to run */
    paging_free_init();
    irqs_off_start();
    sched_idle_loop();
}
