/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LODGE_vcpu_area and the two returns. The entry below is what a kernel's would be: it looks at RAX
 * to see what the program wants, and what it has seen is in `seen`.
 */
#include "ext.h"

#define CALL_PLAIN 1 /* back by lodge_sysret, RAX 77 */
#define CALL_FULL  2 /* back by lodge_iret with what the test has put into the area */
#define CALL_EVENT 3 /* as the first, with an event pending */
#define CALL_FLAGS 4 /* as the first, with flags that a program may not have */
#define CALL_AWAY  5 /* as the first, to an address that is not canonical */

/* Named by the assembly. */
struct lodge_vcpu_area area_here __attribute__((aligned(4096)));
uint64_t area_seen_rsp, area_seen_flags, area_count, area_mask;
uint8_t *area_info;
extern void area_entry(void);
__asm__(".pushsection .text\n"
        "area_entry:\n"
        "    mov %rsp, area_seen_rsp(%rip)\n"
        "    pushfq\n"
        "    popq area_seen_flags(%rip)\n"
        "    incq area_count(%rip)\n"
        "    mov area_info(%rip), %rcx\n"
        "    movzbl 1(%rcx), %ecx\n"
        "    mov %rcx, area_mask(%rip)\n"
        "    cmp $0x1e17, %eax\n"
        "    je 5f\n"
        "    movq $77, area_here+24(%rip)\n"
        "    cmp $2, %eax\n"
        "    je 2f\n"
        "    cmp $3, %eax\n"
        "    je 3f\n"
        "    cmp $4, %eax\n"
        "    je 4f\n"
        "    cmp $5, %eax\n"
        "    jne 1f\n"
        "    btsq $47, area_here(%rip)\n"
        "    jmp 1f\n"
        "3:  mov area_info(%rip), %rcx\n"
        "    movb $1, (%rcx)\n"
        "    jmp 1f\n"
        "4:  orq $0x7000, area_here+8(%rip)\n"
        "1:  mov $54, %eax\n"
        "    syscall\n"
        "2:  mov $53, %eax\n"
        "    syscall\n"
        "5:  pushq $0xe02b\n" /* the end of a run: a stock frame for the kit */
        "    pushq area_here+16(%rip)\n"
        "    pushq area_here+8(%rip)\n"
        "    pushq $0xe033\n"
        "    pushq area_here(%rip)\n"
        "    push %r11\n"
        "    push %rcx\n"
        "    jmp kit_entry_130\n"
        ".popsection\n");

static int set_area(uint64_t mfn, uint64_t offset, uint64_t entry)
{
    struct lodge_vcpu_area_op op = {.mfn = mfn, .offset = offset, .syscall_entry = entry};

    return lodge(LODGE_vcpu_area, &op);
}

/*
 * In user mode: each register but RAX, RCX, R11 and RSP has a value of its own over n calls; how
 * often one of them was another afterwards.
 */
static uint64_t user_calls(uint64_t arg)
{
    uint64_t call = arg & 0xff, n = arg >> 8, wrong = 0;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t rax = call, bad;

        __asm__ volatile("push %%rbp\n"
                         "mov $0x1000000011, %%rbx; lea 1(%%rbx), %%rbp; lea 2(%%rbx), %%r12\n"
                         "lea 3(%%rbx), %%r13; lea 4(%%rbx), %%r14; lea 5(%%rbx), %%r15\n"
                         "lea 6(%%rbx), %%rdx; lea 7(%%rbx), %%rsi; lea 8(%%rbx), %%rdi\n"
                         "lea 9(%%rbx), %%r8; lea 10(%%rbx), %%r9; lea 11(%%rbx), %%r10\n"
                         "syscall\n"
                         "lea -11(%%r10), %%rcx; lea -10(%%r9), %%r9; lea -9(%%r8), %%r8\n"
                         "sub $8, %%rdi; sub $7, %%rsi; sub $6, %%rdx; sub $5, %%r15\n"
                         "sub $4, %%r14; sub $3, %%r13; sub $2, %%r12; sub $1, %%rbp\n"
                         "mov $0x1000000011, %%r11\n"
                         "xor %%r11, %%rbx; xor %%r11, %%rcx; xor %%r11, %%r9; xor %%r11, %%r8\n"
                         "xor %%r11, %%rdi; xor %%r11, %%rsi; xor %%r11, %%rdx\n"
                         "xor %%r11, %%r15; xor %%r11, %%r14; xor %%r11, %%r13\n"
                         "xor %%r11, %%r12; xor %%r11, %%rbp\n"
                         "or %%rbx, %%rcx; or %%r9, %%r8; or %%rdi, %%rsi; or %%rdx, %%r15\n"
                         "or %%r14, %%r13; or %%r12, %%rbp; or %%rcx, %%r8; or %%rsi, %%r15\n"
                         "or %%r13, %%rbp; or %%r8, %%r15; or %%r15, %%rbp; mov %%rbp, %%rcx\n"
                         "pop %%rbp\n"
                         : "+a"(rax), "=c"(bad)
                         :
                         : "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
                           "r14", "r15", "memory", "cc");
        wrong += bad != 0 || rax != 77;
    }
    return wrong;
}

static uint64_t user_flags(uint64_t call)
{
    uint64_t flags;

    __asm__ volatile("syscall; pushfq; pop %0"
                     : "=r"(flags), "+a"(call)
                     :
                     : "rcx", "r11", "memory", "cc");
    return flags;
}

static uint64_t user_plain(uint64_t call)
{
    __asm__ volatile("syscall" : "+a"(call) : : "rcx", "r11", "memory", "cc");
    return call;
}

/* As the first, with RCX and R11 coming from the area. */
static uint64_t user_full(uint64_t arg)
{
    uint64_t rax = CALL_FULL, rcx, r11;

    (void)arg;
    __asm__ volatile("syscall; mov %%r11, %2"
                     : "+a"(rax), "=c"(rcx), "=r"(r11)
                     :
                     : "r11", "memory", "cc");
    return rax == 77 && rcx == 0x1234567812345678 && r11 == 0xfedcba9876543210;
}

static void returns(void)
{
    uint64_t before = area_count;

    CHECK_EQ(kit_user_run(user_calls, 1000 << 8 | CALL_PLAIN), 0);
    CHECK_EQ(area_count, before + 1001); /* and the one that ends a run */
    CHECK_EQ(area_mask, 1);
    CHECK_EQ(area_seen_flags & ~2ull, 0x200);
    CHECK_EQ(area_seen_rsp & 15, 0);
    CHECK_EQ(kit_user_run(user_flags, CALL_FLAGS) & 0x7200, 0x200);
    area_here.rcx = 0x1234567812345678;
    area_here.r11 = 0xfedcba9876543210;
    area_here.cs = KIT_USER_CS & ~3ull; /* the level is user mode's in any case */
    area_here.ss = KIT_SS & ~3ull;
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(kit_user_run(user_full, 0), 1);
}

/* Events that came meanwhile are delivered where the program goes on, and it does go on. */
static void events(void)
{
    unsigned before = kit_upcalls[0];

    CHECK_EQ(kit_user_run(user_calls, 50 << 8 | CALL_EVENT), 0);
    CHECK(kit_upcalls[0] >= before + 50);
}

static unsigned failed;

static void end_run(struct kit_frame *f)
{
    extern uint8_t kit_user_done[];
    extern uint64_t kit_user_saved_rsp;

    failed++;
    f->rip = (uint64_t)kit_user_done;
    f->cs = KIT_CS;
    f->ss = KIT_SS;
    f->rsp = kit_user_saved_rsp;
}

/* What the processor would refuse becomes the failsafe callback, in the way of both returns. */
static void bad_returns(void)
{
    kit_on_trap(VEC_FAILSAFE, end_run);
    kit_on_trap(13, end_run); /* some processors load such an RIP first */
    kit_user_run(user_plain, CALL_AWAY);
    CHECK_EQ(failed, 1);
    area_here.cs = 0x1238;
    kit_user_run(user_plain, CALL_FULL);
    CHECK_EQ(failed, 2);
    area_here.cs = KIT_USER_CS;
    area_here.ss = 0xe033;
    kit_user_run(user_plain, CALL_FULL);
    CHECK_EQ(failed, 3);
    area_here.ss = KIT_SS;
    kit_on_trap(13, NULL);
    kit_on_trap(VEC_FAILSAFE, NULL);
    CHECK_EQ(kit_user_run(user_full, 0), 1);
}

/* With the mask set a system call comes in the stock way; and without an entry of the area's. */
static void stock_entries(void)
{
    uint64_t before = area_count;

    kit_events_off();
    kit_user_run(user_flags, KIT_SYS_EXIT);
    kit_events_on();
    CHECK_EQ(area_count, before);
    CHECK_EQ(set_area(kit_mfn(&area_here), 0, 0), 0);
    kit_user_run(user_flags, KIT_SYS_EXIT);
    CHECK_EQ(area_count, before);
    CHECK_EQ(set_area(kit_mfn(&area_here), 0, (uint64_t)area_entry), 0);
}

static void operation(void)
{
    uint64_t *page = kit_page(), mfn = kit_mfn(page), entry = (uint64_t)area_entry;
    struct multicall_entry calls[2] = {{.op = __HYPERVISOR_lodge_sysret},
                                       {.op = __HYPERVISOR_lodge_iret}};

    CHECK_EQ(lodge(LODGE_vcpu_area, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(set_area(mfn, 32, entry), -XEN_EINVAL);
    CHECK_EQ(set_area(mfn, 4096, entry), -XEN_EINVAL);
    CHECK_EQ(set_area(mfn, ~63ull, entry), -XEN_EINVAL);
    CHECK_EQ(set_area(mfn, 0, 1ull << 47), -XEN_EINVAL);
    CHECK_EQ(set_area(~1ull, 0, entry), -XEN_EINVAL);
    CHECK_EQ(set_area(1ull << 40, 0, entry), -XEN_EINVAL);
    CHECK_EQ(set_area(kit_table_mfn(1, page), 0, entry), -XEN_EINVAL);
    CHECK_EQ(hc2(__HYPERVISOR_multicall, calls, 2), 0);
    CHECK_EQ((int64_t)calls[0].result, -XEN_EINVAL);
    CHECK_EQ((int64_t)calls[1].result, -XEN_EINVAL);
    CHECK_EQ(kit_user_run(user_calls, 10 << 8 | CALL_PLAIN), 0); /* the old one is still there */
    /* It is held as writable. */
    CHECK_EQ(set_area(mfn, 4032, entry), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), -XEN_EINVAL);
    CHECK((kit_pte(page) & PTE_W) != 0);
    CHECK_EQ(set_area(kit_mfn(&area_here), 0, entry), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    CHECK_EQ(set_area(mfn, 0, entry), -XEN_EINVAL);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
}

/* A child that returns to a user mode which it has not: it crashes. */
static void no_user_root(uint64_t full)
{
    CHECK_EQ(negotiate(LODGE_F_AREA), 0);
    CHECK_EQ(set_area(kit_mfn(&area_here), 0, 0), 0);
    hc0(full ? __HYPERVISOR_lodge_iret : __HYPERVISOR_lodge_sysret);
    kit_shutdown(SHUTDOWN_poweroff);
}

void areas(void)
{
    CHECK_EQ(hc0(__HYPERVISOR_lodge_sysret), -XEN_ENOSYS);
    CHECK_EQ(hc0(__HYPERVISOR_lodge_iret), -XEN_ENOSYS);
    kit_child_case("lodge_sysret without a user root", no_user_root, 0, SHUTDOWN_crash);
    kit_child_case("lodge_iret without a user root", no_user_root, 1, SHUTDOWN_crash);
    kit_user_init();
    area_info = (uint8_t *)kit_vcpu_info[0];
    kit_events_on();
    CHECK_EQ(set_area(kit_mfn(&area_here), 0, (uint64_t)area_entry), 0);
    returns();
    events();
    bad_returns();
    stock_entries();
    operation();
    CHECK_EQ(set_area(~0ull, 0, 0), 0);
    CHECK_EQ(hc0(__HYPERVISOR_lodge_sysret), -XEN_ENOSYS);
    kit_user_run(user_flags, KIT_SYS_EXIT);
    kit_events_off();
}
