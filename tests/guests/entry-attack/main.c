/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways into the hypervisor that a guest can bend: system calls from compatibility mode, by
 * sysenter, under single step and behind `mov ss` with a watchpoint; entry points of its own that
 * no processor can load; flags that the hypervisor must not inherit. Each in a child that may end
 * as it likes; the hypervisor may not.
 */
#include <kit/kit.h>

static uint8_t code[64] __attribute__((aligned(64)));
static uint8_t low_stack[4096] __attribute__((aligned(16)));

static void end_well(struct kit_frame *f)
{
    (void)f;
    kit_shutdown(SHUTDOWN_poweroff);
}

static void all_traps(kit_handler *fn)
{
    for (unsigned v = 0; v < 20; v++)
        if (v != 2)
            kit_on_trap(v, fn);
    kit_on_trap(128, fn);
    kit_on_trap(VEC_SYSCALL, fn);
    kit_on_trap(VEC_FAILSAFE, fn);
}

/* To `code` with that code selector, by iret; user: in user mode. */
static void run_at(uint64_t cs, uint64_t rflags)
{
    struct iret_context f = {.rax = 17,
                             .rip = (uint64_t)code,
                             .cs = cs,
                             .rflags = rflags,
                             .rsp = (uint64_t)low_stack + sizeof(low_stack) - 64,
                             .ss = KIT_SS};

    __asm__ volatile("mov %0, %%rsp; xor %%edi, %%edi; xor %%esi, %%esi; mov $23, %%eax; syscall"
                     :
                     : "r"(&f)
                     : "memory");
}

struct bytes {
    const char *name, *insns;
    unsigned length;
};

static const struct bytes programs[] = {
    {"syscall", "\x0f\x05\x0f\x0b", 4},
    {"sysenter", "\x0f\x34\x0f\x0b", 4},
    {"int 80", "\xcd\x80\x0f\x0b", 4},
    {"int 3", "\xcc\x0f\x0b", 3},
    {"into or ud", "\xce\x0f\x0b", 3},
    {"int 82, a hypercall of 32-bit guests", "\xcd\x82\x0f\x0b", 4},
    {"sysret", "\x0f\x07\x0f\x0b", 4},
    {"sysexit", "\x0f\x35\x0f\x0b", 4},
    {"swapgs", "\x0f\x01\xf8\x0f\x0b", 5},
    {"cli, sti, hlt", "\xfa\xfb\xf4\x0f\x0b", 5},
    {"icebp", "\xf1\x0f\x0b", 3},
    {"far return", "\xcb\x0f\x0b", 3},
    {"iret", "\xcf\x0f\x0b", 3},
    {"vmmcall", "\x0f\x01\xd9\x0f\x0b", 5},
    {"vmcall", "\x0f\x01\xc1\x0f\x0b", 5},
    {"vmrun", "\x0f\x01\xd8\x0f\x0b", 5},
    {"stac, clac", "\x0f\x01\xcb\x0f\x01\xca\x0f\x0b", 8},
    {"rsm", "\x0f\xaa\x0f\x0b", 4},
    {"monitor, mwait", "\x0f\x01\xc8\x0f\x01\xc9\x0f\x0b", 8},
};

/* arg: program, 1 << 8: 32-bit, 1 << 9: in user mode, 1 << 10: single step */
static void program(uint64_t arg)
{
    const struct bytes *p = &programs[arg & 255];
    uint64_t cs = arg & 0x100 ? 0xe023 : 0xe033;

    memcpy(code, p->insns, p->length);
    all_traps(end_well);
    kit_events_off();
    if (arg & 0x200)
        kit_user_init();
    run_at(arg & 0x200 ? cs : cs & ~3ul, arg & 0x400 ? 0x302 : 0x202);
}

static volatile unsigned debug_traps;

static void on_debug(struct kit_frame *f)
{
    debug_traps++;
    f->rflags &= ~0x100ull;
    hc2(__HYPERVISOR_set_debugreg, 6, 0);
}

volatile uint32_t selector = KIT_SS | 3;

/* A data breakpoint that is due on the instruction behind `mov ss`: on the hypervisor's first. */
static void mov_ss(uint64_t how)
{
    kit_on_trap(1, on_debug);
    kit_on_trap(128, on_debug);
    kit_on_trap(3, on_debug);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 0, &selector), 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 7, 0x000f0001), 0); /* any access, 4 bytes */
    for (unsigned i = 0; i < 10; i++) {
        uint64_t rax = __HYPERVISOR_xen_version;

        switch (how) {
        case 0:
            __asm__ volatile("mov selector(%%rip), %%ss; syscall"
                             : "+a"(rax)
                             : "D"(0ul), "S"(0ul)
                             : "rcx", "r11", "memory");
            CHECK_EQ(rax, (4 << 16) | 17);
            break;
        case 1:
            __asm__ volatile("mov selector(%%rip), %%ss; int3" : : : "memory");
            break;
        case 2:
            __asm__ volatile("mov selector(%%rip), %%ss; int $0x80" : : : "memory");
            break;
        default: /* and single step on top */
            __asm__ volatile(
                "pushfq; orl $0x100, (%%rsp); popfq; mov selector(%%rip), %%ss; syscall"
                : "+a"(rax)
                : "D"(0ul), "S"(0ul)
                : "rcx", "r11", "memory", "cc");
            CHECK_EQ(rax, (4 << 16) | 17);
            break;
        }
    }
    CHECK_EQ(hc2(__HYPERVISOR_set_debugreg, 7, 0), 0);
    CHECK(debug_traps > 0);
}

/* Flags that ring 3 may set, on entry by a hypercall and by a trap. */
static void flags(uint64_t unused)
{
    static const uint64_t sets[] = {0x40000 /* AC */, 0x400 /* DF */,    0x4000 /* NT */,
                                    0x100 /* TF */,   0x200000 /* ID */, 0x44500};

    (void)unused;
    kit_on_trap(1, on_debug);
    for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
        uint64_t rax = __HYPERVISOR_xen_version;

        __asm__ volatile(
            "pushfq; or %2, (%%rsp); popfq; syscall; pushfq; andl $~0x44500, (%%rsp); popfq"
            : "+a"(rax)
            : "D"(0ul), "r"(sets[i]), "S"(0ul)
            : "rcx", "r11", "memory", "cc");
        CHECK_EQ(rax, (4 << 16) | 17);
        rax = __HYPERVISOR_xen_version; /* a pointer into the hypervisor stays bad with AC set */
        __asm__ volatile(
            "pushfq; or %2, (%%rsp); popfq; syscall; pushfq; andl $~0x44500, (%%rsp); popfq"
            : "+a"(rax)
            : "D"(1ul), "r"(sets[i]), "S"(0xffff830000001000ul)
            : "rcx", "r11", "memory", "cc");
        CHECK_EQ(rax, -XEN_EFAULT);
    }
}

/* Entry points that cannot be: registered if that works, and then used. */
static void bad_entries(uint64_t arg)
{
    static const uint64_t where[] = {0x8000000000000000ul,
                                     0x800000000000ul,
                                     0xffff82d040200000ul,
                                     HYPERVISOR_VIRT_START,
                                     0,
                                     KIT_NOWHERE,
                                     ~0ul};
    uint64_t bad = where[arg & 15];
    struct trap_info t[2] = {{6, 0, (arg & 0x80) ? 0xe008 : KIT_USER_CS, bad}, {0}};
    unsigned port = kit_bind_ipi(0);

    switch ((arg >> 4) & 7) {
    case 0:
        hc1(__HYPERVISOR_set_trap_table, t);
        __asm__ volatile("ud2");
        break;
    case 1:
        hc3(__HYPERVISOR_set_callbacks, bad, bad, bad);
        kit_unmask(port);
        kit_events_on();
        kit_send(port);
        break;
    case 2:
        hc3(__HYPERVISOR_set_callbacks, bad, bad, bad);
        kit_user_init();
        memcpy(code, "\x0f\x05\x0f\x0b", 4);
        run_at(KIT_USER_CS, 0x202);
        break;
    default: { /* the failsafe callback, by a frame that cannot be loaded */
        struct iret_context f = {.cs = 0xfff8, .rip = 1ul << 62, .ss = 0xfff8};

        hc3(__HYPERVISOR_set_callbacks, bad, bad, bad);
        hc1(__HYPERVISOR_set_trap_table, 0);
        __asm__ volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(&f) : "memory");
    }
    }
}

void test_main(void)
{
    kit_child_quiet = kit_child_hostile = true;
    for (unsigned i = 0; i < ARRAY_SIZE(programs); i++)
        for (unsigned mode = 0; mode < 8; mode++)
            if (mode < 4 || i < 4)
                kit_child_case(programs[i].name, program, i | mode << 8, -1);
    kit_child_quiet = kit_child_hostile = false;
    for (unsigned how = 0; how < 4; how++)
        kit_child_case("mov ss", mov_ss, how, SHUTDOWN_poweroff);
    kit_child_case("flags", flags, 0, SHUTDOWN_poweroff);
    kit_child_hostile = true;
    for (unsigned way = 0; way < 4; way++)
        for (unsigned i = 0; i < 7; i++)
            kit_child_case("bad entry", bad_entries, way << 4 | i, -1);
    kit_child_case("bad entry, Xen's cs", bad_entries, 0x85, -1);
}
