/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User mode: its page table, the way in by `syscall` and out by iret with every register, and what
 * hostile iret frames and stacks do: they end their own domain at worst. Those run in children.
 */
#include <kit/kit.h>

static uint64_t plus_one(uint64_t x)
{
    return x + 1;
}

static uint64_t makes_hypercall(uint64_t x)
{
    return (uint64_t)hc2(__HYPERVISOR_xen_version, XENVER_version, x);
}

static struct kit_frame seen;
static volatile uint64_t seen_stack;

static void on_syscall(struct kit_frame *f)
{
    seen = *f;
    seen_stack = (uint64_t)f;
    f->rax = 0x5ca11;
}

/*
 * A function that fills registers, executes an instruction that enters the kernel, and counts those
 * that came back otherwise. RCX and R11, which `syscall` destroys, are not looked at.
 */
#define CHECK_REGISTERS(name, instruction)                                                      \
    static uint64_t name(uint64_t unused)                                                       \
    {                                                                                           \
        uint64_t bad;                                                                           \
                                                                                                \
        (void)unused;                                                                           \
        __asm__ volatile(                                                                       \
            "push %%rbp; push %%rbx\n\t"                                                        \
            "mov $0x0f0f, %%eax; mov $2, %%ebx; mov $3, %%edx; mov $4, %%esi\n\t"               \
            "mov $5, %%edi; mov $6, %%ebp; mov $8, %%r8d; mov $9, %%r9d; mov $10, %%r10d\n\t"   \
            "mov $12, %%r12d; mov $13, %%r13d; mov $14, %%r14d; mov $15, %%r15d\n\t"            \
            "stc; " instruction "\n\t"                                                          \
            "setnc %%cl; movzbl %%cl, %%ecx\n\t"                                                \
            "sub $0x5ca11, %%rax; or %%rax, %%rcx; sub $2, %%rbx; or %%rbx, %%rcx\n\t"          \
            "sub $3, %%rdx; or %%rdx, %%rcx; sub $4, %%rsi; or %%rsi, %%rcx\n\t"                \
            "sub $5, %%rdi; or %%rdi, %%rcx; sub $6, %%rbp; or %%rbp, %%rcx\n\t"                \
            "sub $8, %%r8; or %%r8, %%rcx; sub $9, %%r9; or %%r9, %%rcx\n\t"                    \
            "sub $10, %%r10; or %%r10, %%rcx; sub $12, %%r12; or %%r12, %%rcx\n\t"              \
            "sub $13, %%r13; or %%r13, %%rcx; sub $14, %%r14; or %%r14, %%rcx\n\t"              \
            "sub $15, %%r15; or %%r15, %%rcx\n\t"                                               \
            "pop %%rbx; pop %%rbp"                                                              \
            : "=c"(bad)                                                                         \
            :                                                                                   \
            : "rax", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", \
              "memory", "cc");                                                                  \
        return bad;                                                                             \
    }
CHECK_REGISTERS(check_registers, "syscall")
CHECK_REGISTERS(check_undefined, "ud2")
CHECK_REGISTERS(check_breakpoint, "int3")
/* mov 0x7ffffff8, %eax: nothing is mapped there. */
CHECK_REGISTERS(check_fault, ".byte 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0x7f")

static unsigned trap_length;

static void on_trap(struct kit_frame *f)
{
    on_syscall(f);
    f->rip += trap_length;
}

/* A trap's handler finds the registers as they were, and its iret brings them back, in both modes.
 */
static void registers_in_traps(void)
{
    static const struct {
        unsigned vector, length;
        uint64_t (*fn)(uint64_t);
    } traps[] = {{6, 2, check_undefined}, {3, 0, check_breakpoint}, {14, 7, check_fault}};

    for (unsigned i = 0; i < 2 * ARRAY_SIZE(traps); i++) {
        unsigned n = i / 2;

        kit_on_trap(traps[n].vector, on_trap);
        trap_length = traps[n].length;
        CHECK_EQ(i % 2 ? kit_user_run(traps[n].fn, 0) : traps[n].fn(0), 0);
        CHECK_EQ(seen.vector, traps[n].vector);
        CHECK_EQ(seen.cs & 3, i % 2 ? 3 : 0);
        CHECK(seen.rax == 0x0f0f && seen.rbx == 2 && seen.rdx == 3 && seen.rsi == 4);
        CHECK(seen.rdi == 5 && seen.rbp == 6 && seen.r8 == 8 && seen.r9 == 9 && seen.r10 == 10);
        CHECK(seen.r12 == 12 && seen.r13 == 13 && seen.r14 == 14 && seen.r15 == 15);
        kit_on_trap(traps[n].vector, NULL);
    }
}

static void good(void)
{
    uint64_t l4 = 0;

    CHECK_EQ(kit_user_run(plus_one, 41), 42);
    kit_on_trap(VEC_SYSCALL, on_syscall);
    CHECK_EQ(kit_user_run(check_registers, 0), 0);
    CHECK_EQ(seen.rax, 0x0f0f);
    CHECK_EQ(seen.rcx, seen.rip); /* as `syscall` left it */
    CHECK_EQ(seen.cs & 3, 3);
    CHECK_EQ(seen.rflags & 1, 1);
    CHECK(seen_stack != seen.rsp && (seen.rsp - seen_stack > 16384 || seen_stack > seen.rsp));
    CHECK_EQ(kit_user_run(makes_hypercall, 0), 0x5ca11); /* users make no hypercalls */
    CHECK_EQ(seen.rax, __HYPERVISOR_xen_version);
    kit_on_trap(VEC_SYSCALL, NULL);
    for (unsigned i = 0; i < 1000; i++)
        l4 += kit_user_run(plus_one, i) == i + 1;
    CHECK_EQ(l4, 1000);
}

static unsigned port;

static void on_syscall_send(struct kit_frame *f)
{
    struct evtchn_send send = {.port = port};

    kit_events_off();
    CHECK_EQ(hc2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send), 0);
    f->rax = 0x5ca11;
}

/* An iret that lets an event in: the program's registers survive that way out as well. */
static void event_on_the_way(void)
{
    port = kit_bind_ipi(0);
    kit_unmask(port);
    kit_events_on();
    kit_on_trap(VEC_SYSCALL, on_syscall_send);
    for (unsigned i = 1; i <= 10; i++) {
        CHECK_EQ(kit_user_run(check_registers, 0), 0);
        CHECK_EQ(kit_event_count[port], i);
    }
    kit_on_trap(VEC_SYSCALL, NULL);
    kit_events_off();
}

static void base_pointers(void)
{
    uint64_t *page = kit_page();

    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, kit_user_l4, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, kit_user_l4, 0), 0);
    CHECK_EQ(kit_user_run(plus_one, 1), 2);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, ~0ul, 0), -XEN_EINVAL);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, 1ul << 40, 0), -XEN_EINVAL);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, kit_mfn(page), 0), -XEN_EINVAL); /* writable */
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_USER_BASEPTR, kit_table_mfn(1, page), 0), -XEN_EINVAL);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, ~0ul, 0), -XEN_EINVAL);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn(page), 0), -XEN_EINVAL);
    CHECK_EQ(kit_user_run(plus_one, 2), 3);
    /* The kernel may run on the user's table too, and comes back. */
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_user_l4, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_NEW_BASEPTR, kit_mfn((void *)start_info->pt_base), 0), 0);
    CHECK_EQ(hc2(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER, 0x1000), 0);
    CHECK_EQ(kit_user_run(plus_one, 3), 4);
}

/* iret with this frame; comes back only by a trap, which ends the domain well. */
struct frame {
    const char *name;
    uint64_t flags, rip, cs, rflags, rsp, ss;
};

static void on_any(struct kit_frame *f)
{
    (void)f;
    kit_shutdown(SHUTDOWN_poweroff);
}

static uint8_t spare_stack[4096] __attribute__((aligned(16)));
static uint8_t spin[] = {0x0f, 0x0b, 0xeb, 0xfe}; /* ud2, then spin */
#define RIP ((uint64_t)spin)
#define RSP ((uint64_t)spare_stack + 4096)

static struct frame frames[] = {
    {"plain", 0, 1, KIT_CS, 0x202, 2, KIT_SS},
    {"null cs", 0, 1, 0, 0x202, 2, KIT_SS},
    {"Xen's cs", 0, 1, 0xe008, 0x202, 2, KIT_SS},
    {"data as cs", 0, 1, 0xe02b, 0x202, 2, KIT_SS},
    {"cs beyond", 0, 1, 0xfffb, 0x202, 2, KIT_SS},
    {"LDT cs", 0, 1, 0x7, 0x202, 2, KIT_SS},
    {"null ss", 0, 1, KIT_CS, 0x202, 2, 0},
    {"Xen's ss", 0, 1, KIT_CS, 0x202, 2, 0xe010},
    {"code as ss", 0, 1, KIT_CS, 0x202, 2, 0xe033},
    {"rip not canonical", 0, 0x8000000000000000ul, KIT_CS, 0x202, 2, KIT_SS},
    {"rip at the edge", 0, 0x800000000000ul, KIT_CS, 0x202, 2, KIT_SS},
    {"rip in the hypervisor", 0, 0xffff82d040200000ul, KIT_CS, 0x202, 2, KIT_SS},
    {"rip not canonical by sysret", VGCF_in_syscall, 0x8000000000000000ul, KIT_CS, 0x202, 2,
     KIT_SS},
    {"rip at the edge by sysret", VGCF_in_syscall, 0x800000000000ul, KIT_CS, 0x202, 2, KIT_SS},
    {"sysret to a data segment", VGCF_in_syscall, 1, 0xe02b, 0x202, 2, KIT_SS},
    {"sysret to compatibility mode", VGCF_in_syscall, 1, 0xe023, 0x202, 2, KIT_SS},
    {"rsp not canonical", 0, 1, KIT_CS, 0x202, 0x8000000000000000ul, KIT_SS},
    {"rsp in the hypervisor", 0, 1, KIT_CS, 0x202, 0xffff82d040200000ul, KIT_SS},
    {"rsp at the edge by sysret", VGCF_in_syscall, 1, KIT_CS, 0x202, 0x800000000000ul, KIT_SS},
    {"all flags", 0, 1, KIT_CS, 0xfffffffffffffeffull, 2, KIT_SS},
    {"all flags by sysret", VGCF_in_syscall, 1, KIT_CS, 0xfffffffffffffeffull, 2, KIT_SS},
    {"NT and VM", 0, 1, KIT_CS, 0x24202, 2, KIT_SS},
    {"to a user mode that is not there", 0, 1, KIT_USER_CS, 0x202, 2, KIT_SS},
    {"user rip at the edge by sysret", VGCF_in_syscall | 1, 0x800000000000ul, KIT_USER_CS, 0x202, 2,
     KIT_SS},
};

static void do_iret(uint64_t n)
{
    struct frame *s = &frames[n];
    struct iret_context f = {.rax = 1,
                             .r11 = 2,
                             .rcx = 3,
                             .flags = s->flags & ~1ul,
                             .cs = s->cs,
                             .rflags = s->rflags,
                             .ss = s->ss};

    f.rip = s->rip == 1 ? RIP : s->rip;
    f.rsp = s->rsp == 2 ? RSP : s->rsp;
    for (unsigned v = 0; v < 20; v++)
        if (v != 2)
            kit_on_trap(v, on_any);
    kit_on_trap(VEC_FAILSAFE, on_any);
    if (s->flags & 1)
        kit_user_init();
    __asm__ volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(&f) : "memory");
}

enum {
    BAD_IRET_STACK,
    FAULT_ON_NO_STACK,
    FAULT_ON_READ_ONLY_STACK,
    FAULT_ON_XEN_STACK,
    FAULT_ON_BAD_RSP,
    USER_TO_NO_STACK,
    USER_TO_XEN_STACK,
    NO_HANDLER,
    FAULT_ON_HALF_A_STACK,
    FAULT_ON_THE_FIRST_PAGE,
    IRET_ON_HALF_A_STACK,
    IRET_ON_THE_LAST_PAGE,
    IRET_ON_XEN_STACK,
    CRASHES
};
static const char *const crash_names[] = {"iret on no stack",
                                          "fault on no stack",
                                          "fault on a read-only stack",
                                          "fault on the hypervisor's stack",
                                          "fault on a stack that is not canonical",
                                          "entry from user mode to no stack",
                                          "entry from user mode to the hypervisor's stack",
                                          "exception without a handler",
                                          "fault on a stack that ends amid the frame",
                                          "fault on a stack at address 0",
                                          "iret on a stack that ends amid the frame",
                                          "iret at the end of the address space",
                                          "iret on the hypervisor's stack"};

static void crashes(uint64_t how)
{
    uint8_t *page = kit_page(), *next = kit_page();

    switch (how) {
    case BAD_IRET_STACK:
        __asm__ volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(KIT_NOWHERE));
        break;
    case FAULT_ON_NO_STACK:
        __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(KIT_NOWHERE));
        break;
    case FAULT_ON_READ_ONLY_STACK:
        kit_protect(page, false);
        __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(page + 4096));
        break;
    case FAULT_ON_XEN_STACK:
        __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(0xffff830000100000ul));
        break;
    case FAULT_ON_BAD_RSP:
        __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(0x8000000000000010ul));
        break;
    case USER_TO_NO_STACK:
    case USER_TO_XEN_STACK:
        kit_user_init();
        hc2(__HYPERVISOR_stack_switch, KIT_SS,
            how == USER_TO_NO_STACK ? KIT_NOWHERE : 0xffff830000100000ul);
        kit_user_run(plus_one, 0);
        break;
    case NO_HANDLER:
        hc1(__HYPERVISOR_set_trap_table, 0);
        __asm__ volatile("ud2");
        break;
    case FAULT_ON_HALF_A_STACK:
        CHECK_EQ(next - page, 4096);
        kit_protect(page, false);
        __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(next + 32));
        break;
    case FAULT_ON_THE_FIRST_PAGE: /* the frame begins at the end of the address space */
        __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(16ul));
        break;
    case IRET_ON_HALF_A_STACK:
        CHECK_EQ(next - page, 4096);
        kit_set_pte(next, 0);
        __asm__ volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(next - 24));
        break;
    case IRET_ON_THE_LAST_PAGE: /* and goes on at its beginning */
        __asm__ volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(-24l));
        break;
    case IRET_ON_XEN_STACK:
        __asm__ volatile("mov %0, %%rsp; mov $23, %%eax; syscall" : : "r"(0xffff830000100000ul));
        break;
    }
}

void test_main(void)
{
    kit_user_init();
    good();
    registers_in_traps();
    event_on_the_way();
    base_pointers();
    kit_child_hostile = true;
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
        kit_child_case(frames[i].name, do_iret, i, -1);
    for (unsigned i = 0; i < CRASHES; i++)
        kit_child_case(crash_names[i], crashes, i, SHUTDOWN_crash);
}
