/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tools read a vcpu's context while it is inside a hypercall, and give it another one: what
 * they see is a call that is over or yet to begin, and what they set is what the guest goes on
 * with.
 *
 * The first also while the call changes the vcpu's root tables. Taking a large table that is not
 * pinned is preempted, so a pause finds the vcpu there. Whatever the order, each root table is let
 * go as often as it was taken: else the hypervisor meets a count that is wrong, at the latest when
 * the child is destroyed, or the child's memory does not come back.
 */
#include <kit/kit.h>
#include <public/domctl.h>

#define ROUNDS    150
#define L1_TABLES 40u

static struct vcpu_guest_context ctxt;
/* In the child's memory: its root table, a copy that is pinned, a large one that is not. */
static volatile uint64_t roots[3];
static volatile uint64_t switches;

static void table(uint64_t *page)
{
    CHECK_EQ(kit_protect(page, false), 0);
}

/* What is mapped anyway in the first slot, and in the second a tree that takes a while. */
static uint64_t large_root(uint64_t slot0)
{
    uint64_t *l4 = kit_page(), *l3 = kit_page(), *l2 = kit_page();
    uint64_t data = kit_mfn(kit_page());

    for (unsigned n = 0; n < L1_TABLES; n++) {
        uint64_t *l1 = kit_page();

        for (unsigned i = 0; i < 512; i++)
            l1[i] = mk_pte(data, PTE_RO);
        table(l1);
        l2[n] = mk_pte(kit_mfn(l1), PTE_RW);
    }
    l3[0] = mk_pte(kit_mfn(l2), PTE_RW);
    l4[0] = slot0;
    l4[1] = mk_pte(kit_mfn(l3), PTE_RW);
    table(l2);
    table(l3);
    table(l4);
    return kit_mfn(l4);
}

static void child(uint64_t user)
{
    unsigned cmd = user ? MMUEXT_NEW_USER_BASEPTR : MMUEXT_NEW_BASEPTR;
    uint64_t *first = (uint64_t *)start_info->pt_base, *copy = kit_page();

    copy[0] = first[0];
    table(copy);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L4_TABLE, kit_mfn(copy), 0), 0);
    roots[1] = kit_mfn(copy);
    roots[2] = large_root(first[0]);
    roots[0] = kit_mfn(first);
    for (;;) {
        CHECK_EQ(kit_mmuext(cmd, roots[2], 0), 0);
        CHECK_EQ(kit_mmuext(cmd, roots[0], 0), 0);
        switches++;
    }
}

/* Where a vcpu lands with the registers that the tools gave it: all but rsp, rax first. */
static volatile uint64_t landed[16];
extern uint8_t landing[];
__asm__(".text\n"
        "landing:\n"
        "mov %rax, landed(%rip); mov %rbx, landed+8(%rip); mov %rcx, landed+16(%rip)\n"
        "mov %rdx, landed+24(%rip); mov %rsi, landed+32(%rip); mov %rdi, landed+40(%rip)\n"
        "mov %rbp, landed+48(%rip); mov %r8, landed+56(%rip); mov %r9, landed+64(%rip)\n"
        "mov %r10, landed+72(%rip); mov %r11, landed+80(%rip); mov %r12, landed+88(%rip)\n"
        "mov %r13, landed+96(%rip); mov %r14, landed+104(%rip); mov %r15, landed+112(%rip)\n"
        "movq $1, landed+120(%rip)\n"
        "1: pause; jmp 1b\n");

enum { BY_BLOCK, BY_POLL };

/* Waits for good, in one way or the other. */
static void sleeper(uint64_t how)
{
    evtchn_port_t port = kit_bind_ipi(0);
    struct sched_poll poll = {.nr_ports = 1};

    poll.ports.p = &port;
    switches = 1;
    for (;;) {
        if (how == BY_BLOCK)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
        else
            hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
    }
}

/* ---- inside a list that is longer than anybody can wait ---- */

#define LIST_VA    0x8000000000ul
#define LIST_SHORT 20000u
#define LIST_LONG  ((47ul << 30) / sizeof(struct mmuext_op)) /* within the addresses below */

/* In 48 times 1 GiB a page of which each word is the operation's number: a flush of the TLB. */
static void build_list(void)
{
    uint64_t *l3 = kit_page(), *l2 = kit_page(), *l1 = kit_page(), *ops = kit_page();
    uint64_t *l4 = (uint64_t *)start_info->pt_base;

    for (unsigned i = 0; i < 512; i++) {
        ops[i] = MMUEXT_TLB_FLUSH_LOCAL;
        l1[i] = mk_pte(kit_mfn(ops), PTE_RO);
        l2[i] = mk_pte(kit_mfn(l1), PTE_RW);
        if (i < 48)
            l3[i] = mk_pte(kit_mfn(l2), PTE_RW);
    }
    table(l1);
    table(l2);
    table(l3);
    CHECK_EQ(kit_mmu_update((kit_mfn(l4) << 12) + 8, mk_pte(kit_mfn(l3), PTE_RW)), 0);
}

/* When the first has its result, the vcpu is inside of a call: the second takes hours. */
static volatile struct multicall_entry calls[2] = {
    {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
    {.op = __HYPERVISOR_mmuext_op, .args = {LIST_VA, LIST_LONG, 0, DOMID_SELF}},
};

static void suspender(void *unused)
{
    struct sched_shutdown suspend = {.reason = SHUTDOWN_suspend};

    (void)unused;
    while (calls[0].result == 0)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    hc2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &suspend);
}

static volatile uint64_t was_read; /* by the parent, while a list was under way */

/* First a few that come to an end, however often they are interrupted: all is done, and counted. */
static void lister(uint64_t unused)
{
    uint32_t done;

    (void)unused;
    build_list();
    CHECK_EQ(kit_vcpu_start(1, suspender, NULL), 0);
    switches = 1;
    for (unsigned n = 0; n < 10 || !was_read; n++) {
        done = 0;
        CHECK_EQ(hc4(__HYPERVISOR_mmuext_op, LIST_VA, LIST_SHORT, &done, DOMID_SELF), 0);
        CHECK_EQ(done, LIST_SHORT);
    }
    switches = 2;
    while (switches == 2)
        ;
    CHECK_EQ(hc2(__HYPERVISOR_multicall, calls, ARRAY_SIZE(calls)), 0);
}

static uint64_t peek(struct kit_child *c, volatile void *va)
{
    uint64_t *at = kit_child_map(c, (const void *)va), value = at != NULL ? *at : 0;

    kit_child_unmap();
    return value;
}

static int context(struct kit_child *c, unsigned cmd)
{
    struct xen_domctl_vcpucontext op = {.vcpu = 0};

    op.ctxt.p = &ctxt;
    return kit_domctl(cmd, c->domid, &op, sizeof(op));
}

/* Behind a SYSCALL rax is its result, and all that these children call succeeds. */
static bool call_is_over(struct kit_child *c)
{
    const uint8_t *insn = kit_child_map(c, (void *)(ctxt.user_regs.rip - 2));
    bool behind = insn != NULL && ((uint64_t)insn & (PAGE_SIZE - 1)) != PAGE_SIZE - 1 &&
                  insn[0] == 0x0f && insn[1] == 0x05;

    kit_child_unmap();
    return !behind || ctxt.user_regs.rax == 0;
}

static void set_registers(struct cpu_user_regs *r)
{
    r->rax = 101, r->rbx = 102, r->rcx = 103, r->rdx = 104, r->rsi = 105, r->rdi = 106;
    r->rbp = 107, r->r8 = 108, r->r9 = 109, r->r10 = 110, r->r11 = 111, r->r12 = 112;
    r->r13 = 113, r->r14 = 114, r->r15 = 115;
    r->rip = (uint64_t)landing;
}

/* The child's vcpu, paused inside a call as often as not, is sent to `landing` and back. */
static void send_away(struct kit_child *c)
{
    static struct vcpu_guest_context before;
    volatile uint64_t *at;
    unsigned good = 0;

    before = ctxt;
    set_registers(&ctxt.user_regs);
    CHECK_EQ(context(c, XEN_DOMCTL_setvcpucontext), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c->domid, NULL, 0), 0);
    for (uint64_t end = kit_now() + KIT_PATIENCE; peek(c, &landed[15]) == 0 && kit_now() < end;)
        kit_sleep(300000);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c->domid, NULL, 0), 0);
    at = kit_child_map(c, (void *)landed);
    for (unsigned i = 0; i < 15; i++)
        good += at[i] == 101 + i;
    at[15] = 0;
    kit_child_unmap();
    CHECK_EITHER(good, 15, 13); /* Xen may leave by SYSRET all the same: rcx, r11 */
    ctxt = before;
    CHECK_EQ(context(c, XEN_DOMCTL_setvcpucontext), 0);
}

static void registers(void)
{
    struct kit_child c;
    unsigned torn = 0;

    CHECK_EQ(kit_child_create(&c, child, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    while (peek(&c, &switches) == 0)
        kit_sleep(1000000);
    for (unsigned n = 0; n < ROUNDS; n++) {
        CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0), 0);
        CHECK_EQ(context(&c, XEN_DOMCTL_getvcpucontext), 0);
        torn += !call_is_over(&c);
        send_away(&c);
        CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c.domid, NULL, 0), 0);
        kit_sleep(300000 + n % 7 * 200000);
    }
    CHECK_EQ(torn, 0);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

/* Not paused, and waiting: it is read all the same, and goes on waiting or looks again. */
static void sleepers(uint64_t how)
{
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, sleeper, how, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    while (peek(&c, &switches) == 0)
        kit_sleep(1000000);
    kit_sleep(20000000);
    for (unsigned n = 0; n < 20; n++) {
        CHECK_EQ(context(&c, XEN_DOMCTL_getvcpucontext), 0);
        CHECK(call_is_over(&c));
    }
    CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0), 0);
    CHECK_EQ(context(&c, XEN_DOMCTL_getvcpucontext), 0);
    CHECK(call_is_over(&c));
    CHECK_EQ(kit_child_destroy(&c), 0);
}

static void long_lists(void)
{
    struct kit_child c;
    unsigned read = 0;

    CHECK_EQ(kit_child_create(&c, lister, 0, 16, 2), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    while (peek(&c, &switches) == 0)
        kit_sleep(1000000);
    for (; peek(&c, &switches) == 1; read++) {
        CHECK_EQ(context(&c, XEN_DOMCTL_getvcpucontext), 0);
        CHECK(call_is_over(&c));
        *(uint64_t *)kit_child_map(&c, (void *)&was_read) = 1;
        kit_child_unmap();
        kit_sleep(1000000);
    }
    printk("read %u times beside lists that end\n", read);
    CHECK(read != 0);
    *(uint64_t *)kit_child_map(&c, (void *)&switches) = 3;
    kit_child_unmap();
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_suspend);
    CHECK_EQ(context(&c, XEN_DOMCTL_getvcpucontext), 0);
    CHECK_EQ(context(&c, XEN_DOMCTL_setvcpucontext), 0);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

static void race(bool user)
{
    struct kit_child c;
    uint64_t root[2];

    CHECK_EQ(kit_child_create(&c, child, user, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    while (peek(&c, &switches) == 0)
        kit_sleep(1000000);
    root[0] = peek(&c, &roots[0]);
    root[1] = peek(&c, &roots[1]);
    for (unsigned n = 0; n < ROUNDS; n++) {
        CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0), 0);
        CHECK_EQ(context(&c, XEN_DOMCTL_getvcpucontext), 0);
        ctxt.ctrlreg[user ? 1 : 3] = xen_pfn_to_cr3(root[n % 2]);
        CHECK_EQ(context(&c, XEN_DOMCTL_setvcpucontext), 0);
        CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c.domid, NULL, 0), 0);
        kit_sleep(300000 + n % 7 * 200000);
    }
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    uint64_t before;

    race(false); /* also for what stays behind the first time */
    before = kit_free_pages(0);
    race(false);
    race(true);
    registers();
    sleepers(BY_BLOCK);
    sleepers(BY_POLL);
    long_lists();
    CHECK_EQ(kit_free_pages(before), before);
}
