/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Segment and interrupt descriptors of the hypervisor. Each CPU has one page of them, which is
 * page 14 of every GDT that is loaded on that CPU: the idle vcpus' (which use nothing else) and
 * each guest's (pv/ maps it into the vcpu's window). The IDT is common to all.
 *
 * So a selector of the hypervisor means the same under every GDT, and TR can stay loaded across
 * guests. All gates are interrupt gates of ring 0, but for #BP and #OF, which a guest may raise
 * with an instruction of its own; its other `int n` end in #GP and are looked at in pv/traps.c.
 *
 * The page is in a guest's GDT, but no guest can write it: it is mapped only in windows of the vmap
 * area, which are closed to ring 3. The processor reads it for a guest that loads one of the flat
 * user selectors; those of the hypervisor have ring 0 and are refused to it.
 */
#include <core/frame.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/stack.h>

/* Interrupt gate of 64 bits: Intel SDM volume 3, chapter 6. */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} PACKED;

#define GDT_FIRST 0xe000 /* selector of the page's first descriptor */

#define NR_IST 4

#define VEC_DB  1
#define VEC_NMI 2
#define VEC_BP  3
#define VEC_OF  4
#define VEC_DF  8
#define VEC_MC  18

static struct gate descriptors_idt[256] ALIGNED(4096);
static uint64_t descriptors_boot_gdt[PTES] ALIGNED(4096);

static uint64_t *descriptor(uint64_t *gdt, unsigned selector)
{
    return &gdt[((selector & ~7u) - GDT_FIRST) / 8];
}

static void fill_gdt(struct cpu *c)
{
    uint64_t tss = (uint64_t)&c->tss, *t;

    /* Flat; marked as accessed, so that the processor does not write to them. */
    *descriptor(c->gdt, SEL_HV_CS) = 0x00af9b000000ffff;
    *descriptor(c->gdt, SEL_HV_DS) = 0x00cf93000000ffff;
    *descriptor(c->gdt, SEL_USER_CS32) = 0x00cffb000000ffff;
    *descriptor(c->gdt, SEL_USER_DS) = 0x00cff3000000ffff;
    *descriptor(c->gdt, SEL_USER_CS64) = 0x00affb000000ffff;
    t = descriptor(c->gdt, SEL_TSS);
    t[0] = (sizeof(struct tss) - 1) | ((tss & 0xffffff) << 16) | (0x89ull << 40) |
           ((tss & 0xff000000) << 32);
    t[1] = tss >> 32;
    /* SEL_LDT stays absent until a vcpu with an LDT is switched in. */
}

/* ist 0: the stack in use, or TSS.RSP0 from ring 3; else which of the TSS's own. */
static void set_gate(unsigned vector, unsigned dpl, unsigned ist)
{
    uint64_t at = (uint64_t)entry_vectors + 16 * vector;

    descriptors_idt[vector] = (struct gate){
        .offset_low = (uint16_t)at,
        .selector = SEL_HV_CS,
        .ist = (uint8_t)ist,
        .type = (uint8_t)(0x8e | (dpl << 5)),
        .offset_mid = (uint16_t)(at >> 16),
        .offset_high = (uint32_t)(at >> 32),
    };
}

/*
 * GDT, IDT and task register; from here on this CPU can take exceptions. The GDT's base lies 14
 * pages below the page: what lies there is no descriptor, but no ring 3 code runs on this GDT, and
 * ring 0 loads no selector that leads there.
 */
void descriptors_load(struct cpu *c)
{
    struct table_pointer gdt = {0xffff, (uint64_t)c->gdt - GDT_FIRST};
    struct table_pointer idt = {sizeof(descriptors_idt) - 1, (uint64_t)descriptors_idt};

    *descriptor(c->gdt, SEL_TSS) &= ~(2ull << 40); /* not busy, or LTR faults */
    __asm__ volatile("lgdt %0\n"
                     "pushq %2\n"
                     "leaq 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1: mov %3, %%ss\n"
                     "lidt %1\n"
                     "ltr %w4\n"
                     "lldt %w5\n"
                     :
                     : "m"(gdt), "m"(idt), "i"(SEL_HV_CS), "r"(SEL_HV_DS), "r"(SEL_TSS), "r"(0)
                     : "rax", "memory");
}

INIT_TEXT void descriptors_init_boot(struct cpu *c)
{
    for (unsigned v = 0; v < 256; v++)
        set_gate(v, v == VEC_BP || v == VEC_OF ? 3 : 0, 0);
    c->gdt = descriptors_boot_gdt;
    c->gdt_mfn = MFN(image_to_phys(descriptors_boot_gdt) >> PAGE_SHIFT);
    c->tss.iomap = sizeof(struct tss);
    fill_gdt(c);
    descriptors_load(c);
}

/* The copy lies elsewhere than the original, so the relative jump out of it is written here. */
static void set_jump(uint8_t *stub, const char *jump, vaddr_t at, void (*target)(void))
{
    unsigned offset = (unsigned)(jump - entry_stub);
    int64_t distance = (int64_t)((uint64_t)target - (at + offset + 5));

    BUG_ON(distance != (int32_t)distance);
    stub[offset] = 0xe9;
    memcpy(stub + offset + 1, &distance, 4);
}

/* LSTAR's page: code that guests cannot write, and its data page, both near the image. */
static bool make_stub(struct cpu *c)
{
    vaddr_t at = STUBS_START + c->id * 2 * PAGE_SIZE;
    uint8_t *code = hpage_alloc();
    void *data = hpage_alloc();

    if (code == NULL || data == NULL)
        return false;
    memcpy(code, entry_stub, (size_t)(entry_stub_end - entry_stub));
    set_jump(code, entry_stub_jump, at, entry_syscall);
    set_jump(code, entry_stub_area_jump, at, entry_syscall_area);
    set_jump(code, entry_stub_area_traced_jump, at, entry_syscall_area_traced);
    set_jump(code, entry_stub32_jump, at, entry_syscall32);
    if (hv_map(at, virt_to_mfn(code), 1, 0) != 0 ||
        hv_map(at + PAGE_SIZE, virt_to_mfn(data), 1, PTE_W | PTE_NX) != 0)
        return false;
    c->stub = (struct stub_data *)(at + PAGE_SIZE);
    return true;
}

/*
 * On the boot CPU, for itself and for each CPU before it is started. Memory is short: panic. The
 * gates name the exception stacks only once the boot CPU has some; every later CPU has them in its
 * TSS before it loads the IDT.
 */
INIT_TEXT void descriptors_init_cpu(struct cpu *c)
{
    static const uint8_t vectors[NR_IST] = {VEC_NMI, VEC_MC, VEC_DF, VEC_DB};

    for (unsigned i = 0; i < NR_IST; i++) {
        void *stack = stack_alloc();

        if (stack == NULL)
            panic("no memory for CPU%u's exception stacks", c->id);

        struct stack_top *top = (struct stack_top *)stack - 1;

        top->cpu = c;
        c->tss.ist[i] = (uint64_t)(&top->regs + 1);
    }
    if (c->gdt == NULL) {
        c->gdt = hpage_alloc();
        if (c->gdt == NULL)
            panic("no memory for CPU%u's descriptors", c->id);
        c->gdt_mfn = virt_to_mfn(c->gdt);
        c->tss.iomap = sizeof(struct tss);
        fill_gdt(c);
    }
    if (!make_stub(c))
        panic("no memory for CPU%u's system call page", c->id);
    for (unsigned i = 0; i < NR_IST && c->id == 0; i++)
        set_gate(vectors[i], 0, i + 1);
}

void descriptors_set_area_stub(struct cpu *c, bool area)
{
    vaddr_t stub = (vaddr_t)c->stub - PAGE_SIZE;

    c->area_stub = area;
    wrmsr(MSR_LSTAR, stub + (area ? c->area_stub_at : 0));
}

void descriptors_trace(struct cpu *c, bool on)
{
    const char *stub = on ? entry_stub_area_traced : entry_stub_area;

    c->area_stub_at = (uint64_t)(stub - entry_stub);
    descriptors_set_area_stub(c, c->area_stub);
}

/* On the CPU itself. */
void descriptors_set_syscall(struct cpu *c)
{
    vaddr_t stub = (vaddr_t)c->stub - PAGE_SIZE;

    descriptors_trace(c, false);
    wrmsr(MSR_CSTAR, stub + (uint64_t)(entry_stub32 - entry_stub));
}
