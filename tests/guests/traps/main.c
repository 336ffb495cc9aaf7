/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions in kernel and user mode: which vector, error code and registers arrive, the trap
 * table's privilege levels and errors, debug registers, single steps, and a trap inside a handler.
 */
#include <kit/kit.h>

#define NOWHERE KIT_NOWHERE
/* QEMU gives another error code for `int n` than hardware, and only Lodge looks at the instruction.
 */
#define INT_N (on_lodge ? 128 : 13)

static void vectors(void)
{
    uint64_t rip;

    CHECK_EQ(KIT_TRY("xor %%edx, %%edx; mov $1, %%eax; mov $0, %%ecx; div %%ecx",
                     :
                     :
                     : "rax", "rcx", "rdx", KIT_CLOBBER),
             0);
    CHECK_EQ(KIT_TRY("ud2", : : : KIT_CLOBBER), 6);
    CHECK_EQ(KIT_TRY("lea 5f(%%rip), %%rax; int3; 5:", : "=a"(rip) : : KIT_CLOBBER), 3);
    CHECK_EQ(kit_last.rip, rip); /* a trap: after the instruction */
    CHECK_EQ(KIT_TRY("int $0x80", : : : KIT_CLOBBER), 128);
    /* Vector 13 may not be raised by the kernel itself: table says level 0. */
    CHECK_EQ(KIT_TRY("int $13", : : : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("int $0x90", : : : KIT_CLOBBER), 13);     /* no handler */
    CHECK_EITHER(kit_last.error & ~7ull, 0x90 * 8, 0x90 * 16); /* the latter under TCG */
    CHECK_EQ(KIT_TRY("mov %0, %%rax; mov (%%rax), %%rax",
                     :
                     : "i"(0x8000000000000000ul)
                     : "rax", KIT_CLOBBER),
             13);
    CHECK_EQ(KIT_TRY("mov $0x1230, %%eax; mov %%ax, %%es", : : : "rax", KIT_CLOBBER), 13);
    CHECK_EQ(kit_last.error, 0x1230);
    CHECK_EQ(KIT_TRY("lgdt (%%rsp)", : : : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("ltr %%ax", : : "a"(0x20) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("lidt (%%rsp)", : : : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("push $0x3203; popfq", : : : KIT_CLOBBER), -1); /* IOPL, IF: ignored */
}

static void table(void)
{
    struct trap_info t[3] = {{.vector = 0x90, .flags = 3, .cs = KIT_USER_CS},
                             {.vector = 0x91, .flags = 1, .cs = KIT_USER_CS},
                             {0}};
    extern void kit_entry_128(void);

    t[0].address = t[1].address = (unsigned long)kit_entry_128;
    CHECK_EQ(hc1(__HYPERVISOR_set_trap_table, t), 0);
    CHECK_EITHER(KIT_TRY("int $0x90", : : : KIT_CLOBBER), 128, INT_N);
    CHECK_EITHER(KIT_TRY("int $0x91", : : : KIT_CLOBBER), 128, INT_N);
    CHECK_EQ(KIT_TRY("int3", : : : KIT_CLOBBER), 3); /* what is not listed stays */
    t[0].address = 0x8000000000000000ul;
    CHECK_EITHER(hc1(__HYPERVISOR_set_trap_table, t), -XEN_EINVAL, 0);
    t[0].address = (unsigned long)kit_entry_128;
    CHECK_EQ(hc1(__HYPERVISOR_set_trap_table, t), 0);
    CHECK_EQ(hc1(__HYPERVISOR_set_trap_table, NOWHERE), -XEN_EFAULT);
    CHECK_EQ(hc1(__HYPERVISOR_set_trap_table, 0xffff820000000000ul), -XEN_EFAULT);
    CHECK_EITHER(KIT_TRY("int $0x90", : : : KIT_CLOBBER), 128, INT_N);
}

static void page_faults(void)
{
    uint64_t *page = kit_page(), val;
    static uint8_t fn[16] __attribute__((aligned(4096)));

    CHECK(!kit_read((void *)NOWHERE, &val));
    CHECK_EQ(kit_last_cr2, NOWHERE);
    CHECK_EQ(kit_last_error & ~4ul, 0); /* absent, read; the hypervisor hides that it is ring 3 */
    CHECK(!kit_write((void *)(NOWHERE + 8), 1));
    CHECK_EQ(kit_last_cr2, NOWHERE + 8);
    CHECK_EQ(kit_last_error & ~4ul, 2);
    CHECK_EQ(kit_protect(page, false), 0);
    CHECK(kit_read(page, &val));
    CHECK(!kit_write(page, 1));
    CHECK_EQ(kit_last_error & ~4ul, 3);
    CHECK_EQ(kit_last_cr2, page);
    CHECK_EQ(kit_protect(page, true), 0);
    CHECK(kit_write(page, 1));
    fn[0] = 0xc3;
    CHECK_EQ(KIT_TRY("call *%%rax", : : "a"(fn) : KIT_CLOBBER), -1);
    CHECK_EQ(kit_set_pte(fn, mk_pte(kit_mfn(fn), PTE_RW | PTE_NX)), 0);
    CHECK_EQ(KIT_TRY("jmp *%%rax", : : "a"(fn) : KIT_CLOBBER), 14);
    CHECK_EQ(kit_last_error & 0x11, 0x11);
    CHECK_EQ(kit_last_cr2, fn);
    /* The hypervisor's addresses look absent or forbidden, and never leak. */
    CHECK(!kit_read((void *)0xffff820000000000ul, &val));
    CHECK(!kit_write((void *)HYPERVISOR_VIRT_START, 1));
    CHECK(!kit_read((void *)0xffff87fffffff000ul, &val));
}

static volatile unsigned nested;

static void on_ud2(struct kit_frame *f)
{
    nested += !kit_read((void *)NOWHERE, NULL); /* a page fault inside the handler */
    f->rip += 2;
    f->rbx++;
}

static void nesting(void)
{
    uint64_t rbx = 41;

    kit_on_trap(6, on_ud2);
    __asm__ volatile("ud2" : "+b"(rbx) : : "memory");
    kit_on_trap(6, NULL);
    CHECK_EQ(nested, 1);
    CHECK_EQ(rbx, 42);
}

static volatile unsigned steps;
static volatile uint64_t dr6;

static void on_debug(struct kit_frame *f)
{
    steps++;
    dr6 = (uint64_t)hc1(__HYPERVISOR_get_debugreg, 6);
    hc2(__HYPERVISOR_set_debugreg, 6, 0);
    if (steps >= 3)
        f->rflags &= ~0x100ull;
    f->rflags |= 0x10000; /* RF, for instruction breakpoints */
}

static void debugging(void)
{
    static volatile uint64_t watched;
    extern uint8_t step_break[];

    kit_on_trap(1, on_debug);
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop; nop; nop" : : : "memory", "cc");
    CHECK_EQ(steps, 3);
    CHECK_EQ(dr6 & 0x4000, 0x4000);
    steps = 10;
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 0, &watched), 0);
    CHECK_EQ(hc1(__HYPERVISOR_get_debugreg, 0), &watched);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 7, 0x000d0001), 0); /* local 0, write, 4 bytes */
    watched = 1;
    CHECK_EQ(steps, 11);
    CHECK_EQ(dr6 & 0xf, 1);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 1, step_break), 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 7, 0x00000004), 0); /* local 1, execute */
    __asm__ volatile("nop; step_break: nop" : : : "memory");
    CHECK_EQ(steps, 12);
    CHECK_EQ(dr6 & 0xf, 2);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 7, 0), 0);
    watched = 2;
    CHECK_EQ(steps, 12);
    kit_on_trap(1, NULL);
}

static void debug_errors(void)
{
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 0, 0xffff820000000000ul), -XEN_EPERM);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 3, HYPERVISOR_VIRT_START), -XEN_EPERM);
    CHECK(hc2(__HYPERVISOR_set_debugreg, 0, 0x8000000000000000ul) < 0);
    CHECK_EITHER(hc2(__HYPERVISOR_set_debugreg, 8, 0), -XEN_EINVAL, -XEN_ENODEV);
    CHECK_EITHER(hc2(__HYPERVISOR_set_debugreg, ~0u, 0), -XEN_EINVAL, -XEN_ENODEV);
    CHECK_EITHER(hc1(__HYPERVISOR_get_debugreg, 8), -XEN_EINVAL, -XEN_ENODEV);
    CHECK(hc2(__HYPERVISOR_set_debugreg, 7, 1ul << 40) < 0);
    CHECK_EQ(KIT_TRY("mov %%rax, %%dr0", : : "a"(0x1000ul) : KIT_CLOBBER), -1); /* emulated */
    CHECK_EQ(hc1(__HYPERVISOR_get_debugreg, 0), 0x1000);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 0, 0), 0);
}

static void next_rax(struct kit_frame *f)
{
    f->rip += 2;
    f->rax++;
}

/* Any number is a value: also one that a hypervisor uses for a meaning of its own. */
static void debug_values(void)
{
    struct multicall_entry call;

    for (uint64_t value = -0x8010ul; value < -0x7ff0ul; value++) {
        call = (struct multicall_entry){.op = __HYPERVISOR_get_debugreg};
        CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 0, value), 0);
        CHECK_EQ(hc1(__HYPERVISOR_get_debugreg, 0), value);
        CHECK_EQ(hc2(__HYPERVISOR_multicall, &call, 1), 0);
        CHECK_EQ(call.result, value);
        uint64_t rax = value;

        kit_on_trap(6, next_rax);
        __asm__ volatile("ud2" : "+a"(rax) : : "memory"); /* back by iret */
        kit_on_trap(6, NULL);
        CHECK_EQ(rax, value + 1);
    }
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 0, 0), 0);
}

static void ts_and_fpu(void)
{
    CHECK_EQ(hc1(__HYPERVISOR_fpu_taskswitch, 1), 0);
    CHECK_EQ(KIT_TRY("movd %%eax, %%xmm0", : : "a"(1) : KIT_CLOBBER), 7);
    CHECK_EQ(hc1(__HYPERVISOR_fpu_taskswitch, 0), 0);
    CHECK_EQ(KIT_TRY("movd %%eax, %%xmm0", : : "a"(77) : KIT_CLOBBER), -1);
    hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    kit_sleep(2000000);
    uint32_t val = 0;

    CHECK_EQ(KIT_TRY("movd %%xmm0, %%eax", : "=a"(val) : : KIT_CLOBBER), -1);
    CHECK_EQ(val, 77);
}

static uint64_t user_faults(uint64_t which)
{
    switch (which) {
    case 0:
        return *(volatile uint64_t *)NOWHERE;
    case 1:
        __asm__ volatile("ud2");
        return 0;
    case 2:
        __asm__ volatile("int $0x91" : : : "memory"); /* kernel's level: #GP */
        return 0;
    case 3:
        __asm__ volatile("int $0x80" : : : "memory");
        return 0;
    default:
        __asm__ volatile("hlt");
        return 0;
    }
}

static struct kit_frame seen;

static void on_user_trap(struct kit_frame *f)
{
    seen = *f;
    f->rip = (uint64_t)KIT_SYS_EXIT; /* replaced below */
    static uint8_t leave[] = {0xb8, KIT_SYS_EXIT & 255, KIT_SYS_EXIT >> 8, 0, 0, 0x0f, 0x05};
    f->rip = (uint64_t)leave;
}

static void user_mode(void)
{
    static const struct {
        unsigned vector;
        uint64_t error;
    } want[] = {{14, 4}, {6, 0}, {13, ~0ul}, {128, 0}, {13, 0}};

    kit_user_init();
    for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
        memset(&seen, 0, sizeof(seen));
        kit_on_trap(want[i].vector, on_user_trap);
        kit_user_run(user_faults, i);
        kit_on_trap(want[i].vector, NULL);
        CHECK_EQ(seen.vector, want[i].vector);
        CHECK_EQ(seen.cs & 3, 3);
        if (want[i].error != ~0ul)
            CHECK_EQ(seen.error, want[i].error);
        if (want[i].vector == 14)
            CHECK_EQ(kit_last_cr2, NOWHERE);
    }
}

void test_main(void)
{
    vectors();
    table();
    page_faults();
    nesting();
    debugging();
    debug_errors();
    debug_values();
    ts_and_fpu();
    user_mode();
}
