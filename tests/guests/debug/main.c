/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers: which values are taken, with and without CR4.DE; breakpoints on ports and single
 * steps at instructions that are emulated; and that what one domain has in DR6 is never seen by
 * another.
 */
#include <kit/kit.h>

#define DR6_NONE 0xffff0ff0ul
#define DR6_BS   0x4000ul
#define DR7_NONE 0x400ul
#define CR4_DE   8ul
#define PORT     0x80 /* nothing is there that minds */

static int64_t get_dr(unsigned n)
{
    return hc1(__HYPERVISOR_get_debugreg, n);
}

static int64_t set_dr(unsigned n, uint64_t value)
{
    return hc2(__HYPERVISOR_set_debugreg, n, value);
}

static int mov_to(unsigned n, uint64_t value)
{
    switch (n) {
    case 0:
        return KIT_TRY("mov %0, %%dr0", : : "r"(value) : KIT_CLOBBER);
    case 4:
        return KIT_TRY("mov %0, %%dr4", : : "r"(value) : KIT_CLOBBER);
    case 6:
        return KIT_TRY("mov %0, %%dr6", : : "r"(value) : KIT_CLOBBER);
    default:
        return KIT_TRY("mov %0, %%dr7", : : "r"(value) : KIT_CLOBBER);
    }
}

static void set_de(bool on)
{
    uint64_t cr4 = 0;

    CHECK_EQ(KIT_TRY("mov %%cr4, %0", : "=r"(cr4) : : KIT_CLOBBER), -1);
    cr4 = on ? cr4 | CR4_DE : cr4 & ~CR4_DE;
    CHECK_EQ(KIT_TRY("mov %0, %%cr4", : : "r"(cr4) : KIT_CLOBBER), -1);
}

static void status_values(void)
{
    CHECK_EQ(get_dr(6), DR6_NONE);
    CHECK_EQ(set_dr(6, ~0u), 0);
    CHECK_EQ(get_dr(6), 0xffffeffful);
    CHECK_EQ(set_dr(6, 1ul << 40), -XEN_EINVAL);
    CHECK_EQ(mov_to(6, 1ul << 40), 13);
    CHECK_EQ(get_dr(6), 0xffffeffful);
    CHECK_EQ(set_dr(6, 0), 0);
    CHECK_EQ(get_dr(6), DR6_NONE);
}

static void control_values(bool de)
{
    CHECK_EQ(get_dr(7), DR7_NONE);
    CHECK_EQ(set_dr(7, 1ul << 32), -XEN_EINVAL);
    CHECK_EQ(set_dr(7, 0x2000), -XEN_EPERM); /* GD */
    CHECK_EQ(mov_to(7, 0x2000), 13);
    CHECK_EQ(get_dr(7), DR7_NONE);
    CHECK_EQ(set_dr(7, 0x0001d8ff), 0); /* reserved bits are dropped */
    CHECK_EQ(get_dr(7), 0x104ff);
    CHECK_EQ(set_dr(7, 0x00020000), 0); /* on a port, but not enabled */
    CHECK_EQ(get_dr(7), 0x20400);
    CHECK_EQ(set_dr(7, 0x00020001), de ? 0 : -XEN_EPERM);
    CHECK_EQ(get_dr(7), de ? 0x20401 : 0x20400);
    CHECK_EQ(set_dr(7, 0), 0);
}

/* 4 and 5 are 6 and 7, and with DE nothing. */
static void aliases(bool de)
{
    CHECK_EQ(set_dr(4, 0xf), de ? -XEN_ENODEV : 0);
    CHECK_EQ(get_dr(6), de ? DR6_NONE : DR6_NONE | 0xf);
    CHECK_EQ(get_dr(5), de ? -XEN_ENODEV : (int64_t)DR7_NONE);
    CHECK_EQ(set_dr(5, 0x100), de ? -XEN_ENODEV : 0);
    CHECK_EQ(mov_to(4, 0), de ? 6 : -1);
    CHECK_EQ(set_dr(6, 0), 0);
    CHECK_EQ(set_dr(7, 0), 0);
    CHECK_EQ(set_dr(8, 0), -XEN_ENODEV);
    CHECK_EQ(get_dr(8), -XEN_ENODEV);
}

static volatile unsigned traps;
static volatile uint64_t dr6, rip;

static void on_debug(struct kit_frame *f)
{
    traps++;
    dr6 = (uint64_t)get_dr(6) & ~DR6_NONE;
    rip = f->rip;
    set_dr(6, 0);
    f->rflags &= ~0x100ul;
}

/* What the instruction set off, and where; at: behind it. */
static void expect(unsigned line, unsigned count, uint64_t causes, uint64_t at)
{
    kit_check(traps == count && (count == 0 || (dr6 == causes && rip == at)), __FILE__, (int)line,
              "%u traps, dr6 %lx, rip %lx (%lx)", traps, dr6, rip, at);
    traps = 0;
}

static void port_breakpoints(void)
{
    struct physdev_set_iopl iopl = {.iopl = 1};
    uint8_t text[4] = {0}, *from = text;
    uint64_t at, count = sizeof(text);

    CHECK_EQ(hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl), 0);
    CHECK_EQ(set_dr(2, PORT), 0);
    CHECK_EQ(set_dr(7, 0x02000010), 0); /* the third, one byte */
    __asm__ volatile("lea 1f(%%rip), %0\n outb %%al, %1\n1:" : "=&r"(at) : "i"(PORT), "a"(0));
    expect(__LINE__, 1, 4, at);
    __asm__ volatile("lea 1f(%%rip), %0\n inb %1, %%al\n1:" : "=&r"(at) : "i"(PORT) : "rax");
    expect(__LINE__, 1, 4, at);
    __asm__ volatile("lea 1f(%%rip), %0\n inl %1, %%eax\n1:" : "=&r"(at) : "i"(PORT - 3) : "rax");
    expect(__LINE__, 1, 4, at);
    __asm__ volatile("inb %0, %%al" : : "i"(PORT + 1) : "rax");
    __asm__ volatile("inw %0, %%ax" : : "i"(PORT - 2) : "rax");
    expect(__LINE__, 0, 0, 0);
    __asm__ volatile("lea 1f(%%rip), %0\n rep outsb\n1:"
                     : "=&r"(at), "+S"(from), "+c"(count)
                     : "d"(PORT)
                     : "memory");
    expect(__LINE__, sizeof(text), 4, at); /* behind each of them */
    CHECK_EQ(count, 0);
    CHECK_EQ(set_dr(7, 0x00000010), 0); /* an address of code, now, with that number */
    __asm__ volatile("inb %0, %%al" : : "i"(PORT) : "rax");
    expect(__LINE__, 0, 0, 0);
    CHECK_EQ(set_dr(7, 0), 0);
}

#define STEP(insn, ...)                                                                   \
    __asm__ volatile("lea 1f(%%rip), %%r11\n pushfq\n orl $0x100, (%%rsp)\n popfq\n" insn \
                     "\n1: nop\n mov %%r11, %0"                                           \
                     : "=m"(at)                                                           \
                     : __VA_ARGS__                                                        \
                     : "rax", "rbx", "rcx", "rdx", "r11", "memory", "cc")

/* A single step over an instruction ends behind it, no matter who executes it. */
static void steps(void)
{
    uint8_t *page = kit_page();
    uint64_t at, *entry = kit_table(1, page) + ((uint64_t)page >> 12) % 512;

    STEP("nop", "i"(0));
    expect(__LINE__, 1, DR6_BS, at);
    STEP("mov %%cr0, %%rax", "i"(0));
    expect(__LINE__, 1, DR6_BS, at);
    if (!on_lodge) /* Xen goes one further, or leaves BS out */
        return;
    STEP("inb $0x80, %%al", "i"(0));
    expect(__LINE__, 1, DR6_BS, at);
    STEP("mov %1, (%2)", "r"(*entry), "r"(entry)); /* in a page table, so it is emulated */
    expect(__LINE__, 1, DR6_BS, at);
    STEP("ud2; .ascii \"xen\"; cpuid", "i"(0));
    expect(__LINE__, 1, DR6_BS, at);
}

#define STEP_RESULT(insn, before, ...)                                             \
    __asm__ volatile("mov %1, %%r12\n pushfq\n orl $0x100, (%%rsp)\n popfq\n" insn \
                     "\n nop\n mov %%r12, %0"                                      \
                     : "=&r"(got)                                                  \
                     : "r"(before), ##__VA_ARGS__                                  \
                     : "r12", "memory", "cc")

/* What such an instruction leaves in a register is there in the step's handler, and behind it. */
static void step_results(void)
{
    uint8_t *page = kit_page();
    uint64_t got, *entry = kit_table(1, page) + ((uint64_t)page >> 12) % 512, was = *entry;

    if (!on_lodge) /* as above */
        return;
    STEP_RESULT("mov %%cr0, %%r12", 0ul);
    CHECK_EQ(got & 0x80000001, 0x80000001);
    STEP_RESULT("xchg %%r12, (%2)", 0ul, "r"(entry)); /* in a page table */
    CHECK_EQ(got, was);
    CHECK_EQ(*entry, 0);
    STEP_RESULT("xchg %%r12, (%2)", was, "r"(entry));
    CHECK_EQ(got, 0);
    CHECK_EQ(traps, 3);
    traps = 0;
}

static void causes_add_up(struct kit_frame *f)
{
    dr6 = (uint64_t)get_dr(6) & ~DR6_NONE;
    f->rflags &= ~0x100ul;
}

static void adding_up(void)
{
    kit_on_trap(1, causes_add_up);
    CHECK_EQ(set_dr(6, 0xa005), 0);
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc");
    CHECK_EQ(dr6, 0xe005);
    CHECK_EQ(set_dr(6, 0), 0);
}

/* All causes noted, a breakpoint that never comes, and then it only gives the CPU away. */
static void full_of_causes(uint64_t unused)
{
    (void)unused;
    CHECK_EQ(set_dr(0, KIT_NOWHERE), 0);
    CHECK_EQ(set_dr(7, 0x00000001), 0);
    CHECK_EQ(set_dr(6, 0xa00f), 0);
    for (;;)
        kit_sleep(100000);
}

static void between_domains(void)
{
    struct kit_child c;
    uint64_t seen = 0;

    kit_on_trap(1, on_debug);
    CHECK_EQ(kit_child_create(&c, full_of_causes, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    for (unsigned i = 0; i < 200; i++) {
        kit_sleep(200000);
        __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc");
        seen |= dr6;
    }
    CHECK_EQ(traps, 200);
    if (on_lodge) /* Debian's Xen shows the other's */
        CHECK_EQ(seen, DR6_BS);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    for (unsigned de = 0; de < 2; de++) {
        set_de(de != 0);
        status_values();
        control_values(de != 0);
        aliases(de != 0);
    }
    kit_on_trap(1, on_debug);
    port_breakpoints();
    steps();
    step_results();
    adding_up();
    between_domains();
}
